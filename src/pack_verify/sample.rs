//! What a sample in a pack rests on: the list that it was drawn from, and the seed.

use std::collections::BTreeSet;

use crate::checkpoint;
use crate::hash::Sha256Digest;
use crate::note::{KeyName, SignedNote};
use crate::pack::{Draw, DrawSeed, draw_list, first_cosigned};
use crate::register::Register;
use crate::rule::{self, Finding};
use crate::text::Id;
use crate::time::Timestamp;
use crate::trust::Trust;
use crate::verify::{Surroundings, population};

use super::contents::UnverifiedPack;

/// What a draw is held against.
pub(super) struct SampleBasis<'a> {
    pub(super) draw: &'a Draw,
    pub(super) contents: &'a UnverifiedPack,
    pub(super) trust: Option<&'a Trust>,
    /// The entry that records it, and when it was recorded.
    pub(super) recorded: (u64, Timestamp),
}

impl SampleBasis<'_> {
    /// Draws again, and says how far whoever keeps the ledger could have bent the draw.
    pub(super) fn judge(&self, register: &Register, around: &mut Surroundings) {
        let (place, as_of) = self.recorded;
        let mut differ = |expected: String, found: String| {
            let finding = Finding::new(rule::P04, expected, found);
            around.findings.push(finding.at(place));
        };
        let draw = self.draw;
        let listed: Vec<&Id> = draw.listed.iter().collect();
        if !draw.is_of(&listed) {
            let (count, hash) = (draw.count, draw.population);
            let expected = format!(
                "a list of {count} rotations, sorted, that hashes to {hash}, as it records"
            );
            let held = Sha256Digest::of(draw_list(listed.iter().copied()).as_bytes());
            differ(expected, format!("{} that hash to {held}", listed.len()));
        }
        let listed: BTreeSet<&Id> = listed.into_iter().collect();
        for id in population(register, draw.period, draw.seed.entries(), as_of) {
            if !listed.contains(id) {
                differ(
                    format!("a list with {id}, which lies in the period"),
                    "none".to_owned(),
                );
            }
        }
        for id in draw.drawn(draw.listed.iter()) {
            if !register.rotations.contains_key(id) {
                differ(
                    format!("the entries of {id}, which the seed draws"),
                    "none".to_owned(),
                );
            }
        }
        let by_seed = match &draw.seed {
            DrawSeed::Text(_) => Ok("who chose the seed of the sample, and how many seeds were tried before it: where the auditor did not choose it, whoever keeps the ledger may have".to_owned()),
            DrawSeed::Cosigned { at, entries, by, sha256 } => {
                self.cosigned(*at, *entries, (by, *sha256), around)
            }
        };
        match by_seed {
            Ok(not_checked) => around.not_checked.push(not_checked),
            Err((expected, found)) => {
                let finding = Finding::new(rule::P04, expected, found);
                around.findings.push(finding.at(place));
            }
        }
        around.not_checked.push(format!(
            "whether the list of {} rotations that the sample was drawn from is whole, and whether every rotation was recorded: the first takes the ledger",
            draw.count
        ));
    }

    /// Whether the seed is a cosignature by that witness, after the period; what nobody here can say, or what is
    /// wrong.
    fn cosigned(
        &self,
        at: Timestamp,
        entries: u64,
        (by, sha256): (&KeyName, Sha256Digest),
        around: &mut Surroundings,
    ) -> Result<String, (String, String)> {
        let end = self.draw.period.1;
        let expected =
            || format!("a cosignature by {by} at {at} over {entries} entries, as it records");
        let notes = [&self.contents.seed, &self.contents.cosigned];
        let notes = notes.map(|bytes| SignedNote::parse(bytes.as_deref()?).ok());
        let [Some(note), other] = notes else {
            return Err((expected(), "no checkpoint that could be its".to_owned()));
        };
        let stated = checkpoint::stated(note.to_string().as_bytes());
        let is_it = |(time, word): &(u64, String)| {
            let is_then = Timestamp::from_unix_seconds(*time) == at;
            is_then && Sha256Digest::of(word.as_bytes()) == sha256
        };
        if !stated.is_ok_and(|stated| stated.size == entries)
            || !note.cosigned_by(by).any(|line| is_it(&line))
        {
            return Err((expected(), "another one".to_owned()));
        }
        if at <= end {
            return Err((format!("a cosignature after {end}"), format!("one of {at}")));
        }
        let first = first_cosigned(other.iter().chain([&note]), by, end);
        if let Some((earlier, _)) = first.filter(|(first, _)| *first < at) {
            let expected = format!("the first cosignature by {by} after the period, of {earlier}");
            return Err((expected, format!("that of {at}")));
        }
        let witnesses = self.trust.map(Trust::witnesses).unwrap_or_default();
        let holds = witnesses.iter().filter(|witness| witness.key.name() == by);
        let mut holds = holds.map(|witness| witness.key.cosigned(&note));
        let untold = match holds.next() {
            None => format!(
                "whether {by} made the cosignature that is the seed of the sample: no trust file that names that witness was given"
            ),
            Some(Ok(Some(_))) => {
                let hours = (at.micros() - end.micros()) / 3_600_000_000;
                around.notes.push(format!("the seed of the sample is a cosignature by {by} of {at}, {hours} hours after the period"));
                format!(
                    "whether {by} cosigned between the end of the period and {at}: its first cosignature after the period is to be the seed, and {by} can say"
                )
            }
            Some(_) => return Err((expected(), "one that does not hold".to_owned())),
        };
        Ok(untold)
    }
}
