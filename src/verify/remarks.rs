//! What was not checked, and what a reader should know. Both are built here, from results, and never
//! from what was asked for.

use std::collections::BTreeMap;

use crate::keyring::{SEAL_DAYS, SEAL_ENTRIES};
use crate::time::Timestamp;
use crate::trust::Trust;

use super::folded::VerifiedFold;
use super::stamps::{brackets, nothing_said};

/// Ranges of entries that are told apart by their time tokens; older ones are counted.
const LISTED_BRACKETS: usize = 3;

impl VerifiedFold {
    pub(super) fn not_checked(&self, intact: bool) -> Vec<String> {
        let mut block = Vec::new();
        if self.interrupted {
            let last = self.size.saturating_sub(1);
            block.push(format!("everything after entry {last}: interrupted"));
        }
        block.extend_from_slice(&self.missing);
        self.beyond_checkpoints(&mut block);
        self.held_before(&mut block);
        let signed = self.tally.signed + self.tally.held_before;
        let whole = self.tally.whole.min(signed) == self.at_hand();
        if !intact && !whole {
            block.push("what the damaged entries said".to_owned());
        } else if self.size > 0 && self.question.trust.is_none() {
            block.push(
                "keys are known only from the ledger itself: no trust file was given".to_owned(),
            );
        }
        if let Some(sealed) = self.compared.sealed.filter(|sealed| *sealed < self.size) {
            block.push(format!(
                "entries {sealed} to {} against a checkpoint: none was signed over them yet",
                self.size - 1
            ));
        }
        self.unchecked_tokens(&mut block);
        let one_shot = self.selected().filter(|rotation| rotation.is_one_shot());
        let one_shot = one_shot.count();
        if one_shot > 0 {
            block.push(format!("the order of steps in {one_shot} rotations told by one rotation.recorded: minimum evidence only"));
        }
        let began = self.register.began();
        let history = self
            .selected()
            .filter(|rotation| rotation.is_history(began))
            .count();
        if history > 0 {
            block.push(format!("{history} rotations from before the ledger: history that was told when it was there, and nobody wrote down as it happened"));
        }
        let charter = &self.register.charter;
        if charter.attested.is_none() && charter.active_secrets > 0 {
            block.push(
                "whether every secret is registered: the inventory was never attested".to_owned(),
            );
        }
        block
    }

    /// Signatures that are left out for a reader who comes back.
    fn held_before(&self, block: &mut Vec<String>) {
        let Some(seen) = &self.question.verified else {
            return;
        };
        let entries = match self.tally.held_before {
            0 => return,
            1 => "the signature of entry 0".to_owned(),
            _ => format!(
                "the signatures of entries 0 to {}",
                seen.size.min(self.size) - 1
            ),
        };
        block.push(match self.returned {
            Some(true) => format!(
                "{entries}: they are the entries of {}, which the reader verified before",
                seen.name
            ),
            _ => format!(
                "{entries}: nobody found them to be the entries of {}",
                seen.name
            ),
        });
    }

    /// Time tokens of which nobody can tell who signed them.
    fn unchecked_tokens(&self, block: &mut Vec<String>) {
        let mut unchecked: BTreeMap<String, u64> = BTreeMap::new();
        for fault in self
            .stamped
            .iter()
            .filter_map(|one| one.signed.as_ref().err())
        {
            if !fault.is_refusal() {
                *unchecked.entry(fault.to_string()).or_default() += 1;
            }
        }
        for (why, many) in unchecked {
            block.push(match many {
                1 => format!("who signed the time token: {why}"),
                _ => format!("who signed the {many} time tokens: {why}"),
            });
        }
    }

    /// Time tokens that say nothing: they accuse nobody, and nor does whoever put them there.
    fn refused_tokens(&self, notes: &mut Vec<String>) {
        let refused = self.stamped.iter().filter_map(|one| {
            let fault = one
                .signed
                .as_ref()
                .err()
                .filter(|fault| fault.is_refusal())?;
            Some(nothing_said(&one.name, fault))
        });
        let refused: Vec<_> = self.unfit_tokens.iter().cloned().chain(refused).collect();
        let more = refused.len().saturating_sub(LISTED_BRACKETS);
        notes.extend(refused.into_iter().take(LISTED_BRACKETS));
        if more > 0 {
            notes.push(format!("{more} more time tokens say nothing"));
        }
    }

    /// What no checkpoint kept by somebody else speaks of, and how far this host's own goes beyond that.
    fn beyond_checkpoints(&self, block: &mut Vec<String>) {
        let compared = &self.compared;
        let kept = compared.kept;
        let others = kept.others.unwrap_or_default();
        let known = others.max(kept.this_host.unwrap_or_default());
        if kept.others.is_none() && compared.given == 0 {
            block.push(
                "whether entries were cut off at the end: no checkpoint kept elsewhere was given"
                    .to_owned(),
            );
        }
        if kept.others.is_some() && others < known.min(self.size) {
            block.push(format!(
                "{} newer than the newest checkpoint kept by somebody else: that only this host kept one over them does not exclude that they were rewritten",
                are(others, known.min(self.size))
            ));
        }
        if (kept.others.is_some() || kept.this_host.is_some()) && known < self.size {
            block.push(format!(
                "{} newer than the newest kept checkpoint: removal could not be told",
                are(known, self.size)
            ));
        }
        // An anchor may cover them; the witnesses that were demanded do not.
        if let Some((witnessed, _)) = &compared.witnessed
            && *witnessed < others.min(self.size)
        {
            block.push(format!(
                "{} seen by fewer witnesses than the trust file demands",
                are(*witnessed, self.size)
            ));
        }
        block.extend_from_slice(&compared.untellable);
        for name in &compared.untold {
            block.push(format!(
                "the checkpoint {name}: entries before it cannot be read"
            ));
        }
        if kept.others.is_none() {
            block.push(
                "whether the holder of the sealing key rewrote everything: no checkpoint kept by somebody else was given".to_owned(),
            );
        }
    }

    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        notes.extend(self.relaxed.iter().map(|(from, to)| match to {
            None => format!("policy: four eyes are relaxed since entry {from}; one person may operate, approve and confirm"),
            Some(to) => format!("policy: four eyes were relaxed from entry {from} to entry {to}; one person could operate, approve and confirm"),
        }));
        let charter = &self.register.charter;
        notes.extend(charter.scans_at(self.question.as_of).map(|scan| {
            let (kind, place, expires) = (&scan.kind, &scan.place, scan.expires.to_seconds());
            format!(
                "entry {}: what the secret scan takes for {kind} in {place} passes until {expires}",
                scan.sequence
            )
        }));
        if let Some(first) = self.first.filter(|first| self.question.as_of < *first) {
            notes.push(format!(
                "as of {} there was nothing: the first entry was recorded at {first}",
                self.question.as_of
            ));
        } else if let Some(last) = self.last.filter(|last| self.question.as_of < *last) {
            notes.push(format!(
                "judged as of {}, before the newest entry was recorded ({last}): what was said later counts all the same",
                self.question.as_of
            ));
        }
        notes.extend(self.question.trust.iter().flat_map(Trust::remarks));
        if let Some(entry) = self.compared.newer_seals {
            notes.push(format!(
                "the trust file knows the sealing key of entry {entry}; the ledger named newer ones since, and its operator has the line to add"
            ));
        }
        let seals = self.register.charter.keyring.seals();
        notes.extend(self.successions.iter().cloned());
        if let [.., newest] = seals {
            if seals.len() > 1 {
                notes.push(format!(
                    "{} sealing keys so far, the newest since entry {}: whoever has it cannot seal what came before",
                    seals.len(),
                    newest.entry
                ));
            }
            if self.last.is_some_and(|last| newest.is_due(self.size, last)) {
                notes.push(format!(
                    "the sealing key is in use since entry {}, longer than {SEAL_DAYS} days or {SEAL_ENTRIES} entries: it is due to be replaced",
                    newest.entry
                ));
            }
        }
        notes.extend(self.idle_acceptances.iter().cloned());
        self.bracket_notes(&mut notes);
        self.refused_tokens(&mut notes);
        if self.tally.corrections > 0 {
            notes.push(format!(
                "{} corrections (entry.corrected) stand beside what they correct",
                self.tally.corrections
            ));
        }
        notes
    }

    /// Between which times, other than the ledger's own, its entries came to be.
    fn bracket_notes(&self, notes: &mut Vec<String>) {
        let ranges = brackets(&self.stamped);
        let earlier = ranges.len().saturating_sub(LISTED_BRACKETS);
        if earlier > 0 {
            notes.push(format!(
                "{earlier} earlier ranges of entries have time tokens too"
            ));
        }
        for (first, last, one) in ranges.iter().skip(earlier) {
            let entries = match first == last {
                true => format!("entry {first}"),
                false => format!("entries {first} to {last}"),
            };
            notes.push(format!(
                "{entries}: not after {} by the time token {}",
                one.not_after, one.name
            ));
        }
        let counting = || self.stamped.iter().filter(|one| one.signed.is_ok());
        for one in counting().rev().take(LISTED_BRACKETS) {
            if let Some(named) = one.named_by {
                notes.push(format!(
                    "entries from {named} on: not before {}, since entry {named} names {}",
                    one.time, one.name
                ));
            }
        }
        if let Some(newest) = counting().map(|one| one.time).max() {
            let as_of = self.question.as_of;
            let age = match newest <= as_of {
                true => format!("{} old", span(newest, as_of)),
                false => format!("{} ahead", span(as_of, newest)),
            };
            notes.push(format!(
                "the newest time by another clock is {newest}, {age} as of {}",
                as_of.to_seconds()
            ));
        }
    }
}

/// The entries from a size up to another, and the verb.
fn are(from: u64, to: u64) -> String {
    match to.saturating_sub(1) {
        last if last <= from => format!("entry {from} is"),
        last => format!("entries {from} to {last} are"),
    }
}

/// How long from one instant to a later one, in the largest unit that fits.
fn span(from: Timestamp, to: Timestamp) -> String {
    let seconds = to.micros().saturating_sub(from.micros()) / 1_000_000;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}
