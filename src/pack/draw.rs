//! A sample that anybody can draw again: which of the rotations of a period an auditor looks at, decided by a seed
//! and by nothing else.
//!
//! ```text
//! draw = "sample of " size " of " count " from " time " to " time ", population " sha256 ", seed " seed
//! seed = text | "cosigned " time " over " entries " entries by " name ": " sha256
//! rank of a rotation = SHA-256 of the seed, a space, and its id, in hexadecimal
//! ```
//!
//! The population is a list of ids, one a line, in the order of their bytes; its hash is recorded before anybody
//! has the pack, so that it is the same for whoever draws again. The rotations of the least ranks are drawn. The
//! seed is a text that the auditor chose, or the hash of a cosignature that a witness made after the period: whoever
//! keeps the ledger can bend neither to a convenient draw, as long as the auditor chose the one and
//! the other is the first of its witness.

use std::collections::BTreeSet;
use std::fmt;

use crate::hash::Sha256Digest;
use crate::note::{KeyName, SignedNote};
use crate::text::{Id, Line};
use crate::time::Timestamp;

const SEED: &str = ", seed ";
const COSIGNED: &str = "cosigned ";
/// Bytes of a text that is a seed.
const LONGEST: usize = 200;

/// What a rank is made of besides the id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DrawSeed {
    /// Whatever somebody chose.
    Text(Line),
    /// A cosignature.
    Cosigned {
        /// When the witness made it.
        at: Timestamp,
        /// Entries under the checkpoint: rotations that were opened in them are the population.
        entries: u64,
        /// The witness's name on it.
        by: KeyName,
        /// SHA-256 of the third word of its line.
        sha256: Sha256Digest,
    },
}

/// A draw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draw {
    /// Rotations that are drawn.
    pub size: u64,
    /// Rotations in the population.
    pub count: u64,
    /// Any part of each of them lies between these instants.
    pub period: (Timestamp, Timestamp),
    /// SHA-256 of their list.
    pub population: Sha256Digest,
    /// What decides.
    pub seed: DrawSeed,
    /// The list, where whoever reads it brings it along: a part of a ledger does not give it.
    pub listed: Vec<Id>,
}

impl DrawSeed {
    /// A text as a seed.
    ///
    /// # Errors
    /// It is empty, long, or has what ends it in a selection.
    pub fn text(text: &str) -> Result<Self, String> {
        let fault = || {
            format!(
                "a seed is one line of 1 to {LONGEST} bytes without `;`, and does not begin with `{COSIGNED}`"
            )
        };
        let is_one = (1..=LONGEST).contains(&text.len()) && !text.contains(';');
        let line = Line::new(text).ok().filter(|line| line.as_str() == text);
        let line = line.filter(|_| is_one && !text.starts_with(COSIGNED));
        line.map(Self::Text).ok_or_else(fault)
    }

    /// The cosignature that a witness made at an instant: `word` is the last of its line.
    #[must_use]
    pub fn of_cosignature(at: Timestamp, entries: u64, by: KeyName, word: &str) -> Self {
        Self::Cosigned {
            at,
            entries,
            by,
            sha256: Sha256Digest::of(word.as_bytes()),
        }
    }

    /// The text that ranks are made of.
    #[must_use]
    pub fn word(&self) -> String {
        match self {
            Self::Text(text) => text.to_string(),
            Self::Cosigned { sha256, .. } => sha256.to_string(),
        }
    }

    /// How many entries the population is opened in, where the seed says that.
    #[must_use]
    pub const fn entries(&self) -> Option<u64> {
        match self {
            Self::Text(_) => None,
            Self::Cosigned { entries, .. } => Some(*entries),
        }
    }
}

impl Draw {
    /// The draw of `size` out of `population`, sorted.
    #[must_use]
    pub fn new(
        size: u64,
        period: (Timestamp, Timestamp),
        seed: DrawSeed,
        population: &[&Id],
    ) -> Self {
        Self {
            size,
            count: population.len() as u64,
            period,
            population: Sha256Digest::of(list(population.iter().copied()).as_bytes()),
            seed,
            listed: Vec::new(),
        }
    }

    /// The ids of `population` that are drawn.
    #[must_use]
    pub fn drawn<'r>(&self, population: impl Iterator<Item = &'r Id>) -> BTreeSet<&'r Id> {
        let ranked = self.ranked(population).into_iter();
        ranked.map(|(_, id)| id).collect()
    }

    /// The same with their ranks, the least first.
    #[must_use]
    pub fn ranked<'r>(&self, population: impl Iterator<Item = &'r Id>) -> Vec<(String, &'r Id)> {
        let seed = self.seed.word();
        let rank = |id: &Id| Sha256Digest::of(format!("{seed} {id}").as_bytes()).to_string();
        let mut ranked: Vec<_> = population.map(|id| (rank(id), id)).collect();
        ranked.sort_unstable();
        let size = usize::try_from(self.size).unwrap_or(usize::MAX);
        ranked.truncate(size);
        ranked
    }

    /// Whether this is the list that was drawn from: sorted, and none twice.
    #[must_use]
    pub fn is_of(&self, population: &[&Id]) -> bool {
        let held = Self::new(self.size, self.period, self.seed.clone(), population);
        population.is_sorted_by(|one, next| one < next)
            && (held.count, held.population) == (self.count, self.population)
    }

    /// Reads what [`fmt::Display`] writes behind "sample ".
    pub(super) fn parse(rest: &str) -> Option<Self> {
        let (said, seed) = rest.strip_prefix("of ")?.split_once(SEED)?;
        let (size, said) = said.split_once(" of ")?;
        let (count, said) = said.split_once(" from ")?;
        let (from, said) = said.split_once(" to ")?;
        let (to, population) = said.split_once(", population ")?;
        let seed = match seed.strip_prefix(COSIGNED) {
            None => DrawSeed::text(seed).ok()?,
            Some(said) => {
                let (at, said) = said.split_once(" over ")?;
                let (entries, said) = said.split_once(" entries by ")?;
                let (by, sha256) = said.rsplit_once(": ")?;
                DrawSeed::Cosigned {
                    at: at.parse().ok()?,
                    entries: entries.parse().ok()?,
                    by: KeyName::new(by).ok()?,
                    sha256: sha256.parse().ok()?,
                }
            }
        };
        Some(Self {
            size: size.parse().ok()?,
            count: count.parse().ok()?,
            period: (from.parse().ok()?, to.parse().ok()?),
            population: population.parse().ok()?,
            seed,
            listed: Vec::new(),
        })
    }
}

impl fmt::Display for Draw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (size, count, (from, to)) = (self.size, self.count, self.period);
        let population = self.population;
        write!(
            f,
            "sample of {size} of {count} from {from} to {to}, population {population}{SEED}{}",
            self.seed
        )
    }
}

impl fmt::Display for DrawSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text}"),
            Self::Cosigned {
                at,
                entries,
                by,
                sha256,
            } => {
                write!(f, "{COSIGNED}{at} over {entries} entries by {by}: {sha256}")
            }
        }
    }
}

/// The first cosignature under a witness's name on some notes that is said to be made after `end`, and the last word
/// of its line: the one that is to be a seed. Whether it holds is not looked at.
#[must_use]
pub fn first_cosigned<'n>(
    notes: impl Iterator<Item = &'n SignedNote>,
    by: &KeyName,
    end: Timestamp,
) -> Option<(Timestamp, String)> {
    let lines = notes.flat_map(|note| note.cosigned_by(by));
    let lines = lines.map(|(time, word)| (Timestamp::from_unix_seconds(time), word));
    lines.filter(|(time, _)| *time > end).min()
}

/// A population as it is hashed.
#[must_use]
pub fn list<'r>(population: impl Iterator<Item = &'r Id>) -> String {
    population.map(|id| format!("{id}\n")).collect()
}

/// The ids of a list that [`list`] wrote; none where something in it is no id.
#[must_use]
pub fn listed(bytes: &[u8]) -> Option<Vec<Id>> {
    let text = std::str::from_utf8(bytes).ok()?;
    text.lines().map(|line| Id::new(line).ok()).collect()
}
