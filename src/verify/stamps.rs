//! Holds time tokens against the entries. A token over a checkpoint shows that its entries are not
//! younger; an entry that names a token shows that it and all later ones are not older.
//!
//! Only a token that an authority of the reader's choice signed counts, for the ledger or against it: whoever
//! answers a request, or reaches the folder, can make any other. What does not count is said, and accuses nobody.

use std::collections::HashMap;
use std::fmt;

use crate::checkpoint;
use crate::hash::Sha256Digest;
use crate::register::ALLOWED_SKEW;
use crate::rule::{self, Finding};
use crate::statement::Attachment;
use crate::time::Timestamp;
use crate::timetoken::{SignatureFault, StoredToken, TimeToken, TsaAuthorities, check_signature};

use super::checkpoints::{CheckpointKeeper, LedgerRoots, StoredCheckpoint, judge};

/// A time token that is kept with a ledger, and the checkpoint it is over.
#[derive(Debug, Clone)]
pub struct TokenOnFile {
    /// What to call it in findings: a file name.
    pub name: String,
    /// The authority's whole response.
    pub response: Vec<u8>,
    /// What to call the checkpoint.
    pub checkpoint_name: String,
    /// The checkpoint as it was stamped; none where the file is missing.
    pub checkpoint: Option<Vec<u8>>,
    /// Whether an authority that the reader trusts signed it, or why it counts for nothing.
    pub signed: Result<(), SignatureFault>,
}

impl TokenOnFile {
    /// Tokens as they are stored, for a reader who trusts `authorities`.
    pub fn of(tokens: Vec<StoredToken>, authorities: Option<&TsaAuthorities>) -> Vec<Self> {
        let stamp = |token: StoredToken| Self {
            name: token.response_path(),
            checkpoint_name: token.checkpoint_path(),
            signed: check_signature(&token.response, authorities),
            response: token.response,
            checkpoint: token.checkpoint,
        };
        tokens.into_iter().map(stamp).collect()
    }
}

/// A time token over a checkpoint of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FittingToken {
    /// The file of the response.
    pub name: String,
    /// The file of the checkpoint.
    pub checkpoint_name: String,
    /// How many entries it covers.
    pub size: u64,
    /// The time it states.
    pub time: Timestamp,
    /// The entries that it covers are not younger: the time, and how far the authority's clock may
    /// be off.
    pub not_after: Timestamp,
    /// The first entry that names the token; it and all later ones are not older than the token.
    pub named_by: Option<u64>,
    /// Whether an authority that the reader trusts signed it, or why what it states counts for nothing.
    pub signed: Result<(), SignatureFault>,
}

/// One time token, and the entries seen before and after it.
#[derive(Debug)]
struct TokenWatch {
    stamp: TokenOnFile,
    token: TimeToken,
    size: u64,
    named_by: Option<u64>,
    /// The first entry that it covers and that was recorded after it, and how many there are.
    after: Option<(u64, Timestamp, u64)>,
    /// The first entry that follows it and was recorded before it, and how many there are.
    before: Option<(u64, Timestamp, u64)>,
}

/// The tokens, while the entries go by.
#[derive(Debug, Default)]
pub(super) struct TokenCheck {
    /// By size.
    watched: Vec<TokenWatch>,
    /// For each token, the earliest of the latest times of it and all larger ones, of those that count.
    tightest: Vec<Timestamp>,
    /// Tokens that cover nothing more.
    passed: usize,
    /// No entry that is still to come is recorded before this, by the tokens that were named.
    floor: Option<Timestamp>,
    by_digest: HashMap<Sha256Digest, usize>,
    /// What is kept as a token and is none over the checkpoint beside it.
    unfit: Vec<String>,
}

/// What came of the tokens.
#[derive(Debug, Default)]
pub(super) struct TokensHeld {
    /// What is held against the ledger.
    pub(super) findings: Vec<Finding>,
    /// Those over checkpoints of the ledger, in the order of their sizes.
    pub(super) fitting: Vec<FittingToken>,
    /// Those that say nothing, and why.
    pub(super) unfit: Vec<String>,
}

impl TokenCheck {
    pub(super) fn new(stamps: Vec<TokenOnFile>) -> Self {
        let mut all = Self::default();
        for stamp in stamps {
            match fit(&stamp) {
                Ok((token, size)) => all.watched.push(TokenWatch {
                    stamp,
                    token,
                    size,
                    named_by: None,
                    after: None,
                    before: None,
                }),
                Err(why) => all.unfit.push(nothing_said(&stamp.name, &why)),
            }
        }
        all.watched.sort_by_key(|watched| watched.size);
        for (at, watched) in all.watched.iter().enumerate() {
            all.by_digest
                .insert(Sha256Digest::of(&watched.stamp.response), at);
        }
        let mut tightest = Timestamp::from_micros(i64::MAX);
        for watched in all.watched.iter().rev() {
            if watched.counts() {
                tightest = tightest.min(watched.token.latest());
            }
            all.tightest.push(tightest);
        }
        all.tightest.reverse();
        all
    }

    /// The sizes whose roots the tokens' checkpoints are held against.
    pub(super) fn sizes(&self) -> impl Iterator<Item = u64> {
        self.watched.iter().map(|watched| watched.size)
    }

    /// Takes an entry that goes by.
    pub(super) fn see(&mut self, place: u64, recorded: Timestamp, attachments: &[Attachment]) {
        for attachment in attachments {
            let named = self.by_digest.get(&attachment.sha256);
            if let Some(watched) = named.and_then(|at| self.watched.get_mut(*at)) {
                watched.named_by.get_or_insert(place);
                if watched.counts() {
                    self.floor = self.floor.max(Some(watched.token.earliest()));
                }
            }
        }
        while self
            .watched
            .get(self.passed)
            .is_some_and(|one| one.size <= place)
        {
            self.passed += 1;
        }
        // Nearly always the tightest bounds hold, and then all of them do.
        let tightest = self.tightest.get(self.passed);
        let is_late = tightest.is_some_and(|latest| recorded > latest.plus(ALLOWED_SKEW));
        let is_early = self
            .floor
            .is_some_and(|floor| recorded.plus(ALLOWED_SKEW) < floor);
        if is_late || is_early {
            self.hold(place, recorded);
        }
    }

    fn hold(&mut self, place: u64, recorded: Timestamp) {
        for watched in self.watched.iter_mut().filter(|one| one.counts()) {
            let latest = watched.token.latest().plus(ALLOWED_SKEW);
            if place < watched.size && recorded > latest {
                count(&mut watched.after, place, recorded);
            }
            let follows = watched.named_by.is_some_and(|named| place >= named);
            if follows && recorded.plus(ALLOWED_SKEW) < watched.token.earliest() {
                count(&mut watched.before, place, recorded);
            }
        }
    }

    /// Holds the checkpoints of the tokens against the entries, and says what the tokens say. A checkpoint that
    /// a sealing key of the ledger signed counts by that, whoever stamped it; another one is nobody's.
    pub(super) fn conclude(self, given: &LedgerRoots<'_>) -> TokensHeld {
        let mut held = TokensHeld {
            unfit: self.unfit,
            ..TokensHeld::default()
        };
        for watched in self.watched {
            let kept = StoredCheckpoint {
                keeper: CheckpointKeeper::Stamped,
                name: watched.stamp.checkpoint_name.clone(),
                bytes: watched.stamp.checkpoint.clone(),
            };
            match judge(&kept, given) {
                Ok(_) => {
                    held.findings.extend(watched.clock_findings());
                    held.fitting.push(watched.fitting());
                }
                Err(Some(finding)) if finding.rule == rule::N03 => {
                    let why = format!(
                        "it is not over a checkpoint of this ledger: {}",
                        finding.found
                    );
                    held.unfit.push(nothing_said(&watched.stamp.name, &why));
                }
                Err(Some(finding)) => held.findings.push(*finding),
                // Entries before it cannot be read, which is held against the ledger by itself.
                Err(None) => {}
            }
        }
        held
    }
}

/// What does not count, and why: it accuses nobody.
pub(super) fn nothing_said(name: &str, why: &dyn fmt::Display) -> String {
    format!("the time token {name} says nothing: {why}")
}

impl TokenWatch {
    const fn counts(&self) -> bool {
        self.stamp.signed.is_ok()
    }

    fn clock_findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let name = &self.stamp.name;
        if let Some((place, recorded, many)) = self.after {
            let expected = format!(
                "recorded by {}, the time of {name} over {} entries",
                self.token.latest(),
                self.size
            );
            findings.push(Finding::new(rule::N11, expected, said(recorded, many)).at(place));
        }
        if let (Some((place, recorded, many)), Some(named)) = (self.before, self.named_by) {
            let expected = format!(
                "recorded no earlier than {}, the time of {name}, which entry {named} names",
                self.token.earliest()
            );
            findings.push(Finding::new(rule::N12, expected, said(recorded, many)).at(place));
        }
        findings
    }

    fn fitting(self) -> FittingToken {
        FittingToken {
            size: self.size,
            time: self.token.time,
            not_after: self.token.latest(),
            named_by: self.named_by,
            signed: self.stamp.signed,
            name: self.stamp.name,
            checkpoint_name: self.stamp.checkpoint_name,
        }
    }
}

fn count(found: &mut Option<(u64, Timestamp, u64)>, place: u64, recorded: Timestamp) {
    found.get_or_insert((place, recorded, 0)).2 += 1;
}

fn said(recorded: Timestamp, many: u64) -> String {
    match many {
        1 => recorded.to_string(),
        _ => format!("{recorded}, and {} more entries likewise", many - 1),
    }
}

/// What a stored token states, where it is over the checkpoint beside it.
///
/// # Errors
/// It is no token, or over something else: what is wrong, in words.
pub fn fitting_token(stored: &StoredToken) -> Result<TimeToken, String> {
    token_over(&stored.response, stored.checkpoint.as_deref()).map(|(token, _)| token)
}

/// Time tokens as they are stored, and the authorities that the reader believes.
#[derive(Debug)]
pub struct BelievedTokens {
    /// The tokens; not all of them count.
    pub tokens: Vec<StoredToken>,
    /// Whose tokens count; nobody's where none is named.
    pub authorities: Option<TsaAuthorities>,
}

impl BelievedTokens {
    /// The latest instant at which an entry can have come to be, and the file of the token that says so.
    #[must_use]
    pub fn not_after(&self, sequence: u64) -> Option<(Timestamp, String)> {
        let covering = self.tokens.iter().filter(|stored| stored.size > sequence);
        let mut fitting: Vec<_> = covering
            .filter_map(|stored| Some((fitting_token(stored).ok()?.latest(), stored)))
            .collect();
        fitting.sort_by_key(|(latest, _)| *latest);
        let authorities = self.authorities.as_ref();
        let counts = |stored: &StoredToken| check_signature(&stored.response, authorities).is_ok();
        let tightest = fitting.into_iter().find(|(_, stored)| counts(stored));
        tightest.map(|(latest, stored)| (latest, stored.response_path()))
    }

    /// The newest that counts: over how many entries it is, and when it was made at the latest.
    #[must_use]
    pub fn newest(&self) -> Option<(u64, Timestamp)> {
        let authorities = self.authorities.as_ref();
        let counts = |stored: &&StoredToken| check_signature(&stored.response, authorities).is_ok();
        let counting = self.tokens.iter().filter(counts);
        counting
            .filter_map(|stored| Some((stored.size, fitting_token(stored).ok()?.latest())))
            .max_by_key(|(_, latest)| *latest)
    }
}

fn token_over<'c>(
    response: &[u8],
    checkpoint: Option<&'c [u8]>,
) -> Result<(TimeToken, &'c [u8]), String> {
    let token = TimeToken::parse(response).map_err(|fault| fault.to_string())?;
    let note = checkpoint.ok_or("the checkpoint is missing")?;
    let digest = Sha256Digest::of(note);
    if digest != token.imprint {
        return Err(format!("it is over {}, not {digest}", token.imprint));
    }
    Ok((token, note))
}

/// What a token states that is over the checkpoint beside it, and the size that the checkpoint states.
fn fit(stamp: &TokenOnFile) -> Result<(TimeToken, u64), String> {
    let (token, note) = token_over(&stamp.response, stamp.checkpoint.as_deref())?;
    let stated = checkpoint::stated(note).map_err(|fault| fault.to_string())?;
    Ok((token, stated.size))
}

/// The tightest bracket of each entry, as ranges from the first to the last entry that any token which counts
/// covers: the first and last entry of a range, and its token.
#[must_use]
pub fn brackets(stamped: &[FittingToken]) -> Vec<(u64, u64, &FittingToken)> {
    let mut by_time: Vec<_> = stamped.iter().filter(|one| one.signed.is_ok()).collect();
    by_time.sort_by_key(|one| (one.not_after, std::cmp::Reverse(one.size)));
    let mut ranges = Vec::new();
    let mut covered = 0;
    for one in by_time {
        if one.size > covered {
            ranges.push((covered, one.size - 1, one));
            covered = one.size;
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamped(size: u64, not_after: i64) -> FittingToken {
        FittingToken {
            name: format!("{size}"),
            checkpoint_name: String::new(),
            size,
            time: Timestamp::from_micros(not_after),
            not_after: Timestamp::from_micros(not_after),
            named_by: None,
            signed: Ok(()),
        }
    }

    #[test]
    fn each_entry_has_its_tightest_bracket() {
        let ranges = |stamped: &[FittingToken]| {
            let ranges = brackets(stamped);
            let ranges = ranges
                .iter()
                .map(|(first, last, one)| (*first, *last, one.size));
            ranges.collect::<Vec<_>>()
        };
        assert_eq!(ranges(&[]), []);
        assert_eq!(
            ranges(&[stamped(10, 1), stamped(30, 2)]),
            [(0, 9, 10), (10, 29, 30)]
        );
        // A token over an older checkpoint that was had later says nothing new.
        assert_eq!(ranges(&[stamped(10, 3), stamped(30, 2)]), [(0, 29, 30)]);
        assert_eq!(ranges(&[stamped(10, 2), stamped(10, 1)]), [(0, 9, 10)]);
        // One that somebody else made does not tighten it.
        let mut made_up = stamped(10, 1);
        made_up.signed = Err(SignatureFault::Unnamed);
        assert_eq!(ranges(&[made_up.clone()]), []);
        let all = [stamped(30, 2), made_up];
        assert_eq!(brackets(&all)[0].2.not_after, Timestamp::from_micros(2));
    }
}
