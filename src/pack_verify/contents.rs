//! What a pack has of a ledger: entries, receipts, checkpoints, proofs, time tokens, attached files. Read
//! and written by the same names, so that whatever else stands in a pack shows.

use std::collections::BTreeMap;
use std::convert::Infallible;

use crate::facts::{self, POPULATION, SecretRow};
use crate::hash::Blake3Digest;
use crate::pack::{Bag, PackFiles};
use crate::proof::{Continuation, TlogProof};
use crate::rule::{self, Finding};
use crate::timetoken::StoredToken;

const CHECKPOINT: &str = "ledger/checkpoint";
const COSIGNED: &str = "ledger/cosigned";
const DRAWN_FROM: &str = "sample/population.txt";
const SEED: &str = "sample/seed";
const LEDGER: &str = "ledger/";
const ENTRIES: &str = "ledger/entries/";
const RECEIPTS: &str = "ledger/receipts/";
const CONSISTENCY: &str = "ledger/consistency/";
const ATTACHMENTS: &str = "attachments/";
/// No ledger grows to this; what is counted from here never runs over.
const LAST: u64 = 1 << 48;

/// What a pack has of a ledger. Nothing of it is verified.
#[derive(Debug, Default, Clone)]
pub struct UnverifiedPack {
    /// The stored bytes of entries, by their place.
    pub entries: BTreeMap<u64, Vec<u8>>,
    /// The receipt of each, under the checkpoint.
    pub receipts: BTreeMap<u64, TlogProof>,
    /// The checkpoint that covers the last entry.
    pub checkpoint: Vec<u8>,
    /// The newest checkpoint that witnesses had cosigned.
    pub cosigned: Option<Vec<u8>>,
    /// That the ledger of the checkpoint continues those of the other checkpoints, by their size.
    pub consistency: BTreeMap<u64, Continuation>,
    /// Time tokens.
    pub tokens: Vec<StoredToken>,
    /// Attached files.
    pub attachments: BTreeMap<Blake3Digest, Vec<u8>>,
    /// Every registered secret.
    pub population: Vec<SecretRow>,
    /// The ids of the rotations that a sample was drawn from.
    pub drawn_from: Option<Vec<u8>>,
    /// The checkpoint whose cosignature is the seed of a sample.
    pub seed: Option<Vec<u8>>,
}

impl UnverifiedPack {
    /// Takes a pack apart, and says what in it cannot be read.
    #[must_use]
    pub fn of(bag: &Bag) -> (Self, Vec<Finding>) {
        let mut contents = Self::default();
        let mut findings = Vec::new();
        let mut unreadable = |path: &str, why: String| {
            let expected = format!("{path} in its one form");
            findings.push(Finding::new(rule::P01, expected, why));
        };
        for (name, bytes) in bag.below(ENTRIES) {
            if let Some(sequence) = place(name, ".bin") {
                contents.entries.insert(sequence, bytes.to_vec());
            }
        }
        for (name, bytes) in bag.below(RECEIPTS) {
            if let Some(sequence) = place(name, ".tlog-proof") {
                match TlogProof::parse(bytes) {
                    Ok(receipt) => drop(contents.receipts.insert(sequence, receipt)),
                    Err(fault) => unreadable(&format!("{RECEIPTS}{name}"), fault.to_string()),
                }
            }
        }
        for (name, bytes) in bag.below(CONSISTENCY) {
            if let Some(size) = place(name, ".txt") {
                match Continuation::parse(bytes) {
                    Some(continued) => drop(contents.consistency.insert(size, continued)),
                    None => unreadable(
                        &format!("{CONSISTENCY}{name}"),
                        "no consistency proof".to_owned(),
                    ),
                }
            }
        }
        for (name, bytes) in bag.below(ATTACHMENTS) {
            if let Ok(digest) = name.parse() {
                contents.attachments.insert(digest, bytes.to_vec());
            }
        }
        let paths = bag.below(LEDGER).map(|(path, _)| path.to_owned());
        let file = |path: &str| bag.get(&format!("{LEDGER}{path}")).map(<[u8]>::to_vec);
        contents.tokens =
            StoredToken::among(paths, |path| Ok::<_, Infallible>(file(path))).unwrap_or_default();
        match bag.get(CHECKPOINT) {
            Some(bytes) => bytes.clone_into(&mut contents.checkpoint),
            None => unreadable(CHECKPOINT, "it is missing".to_owned()),
        }
        contents.cosigned = bag.get(COSIGNED).map(<[u8]>::to_vec);
        contents.drawn_from = bag.get(DRAWN_FROM).map(<[u8]>::to_vec);
        contents.seed = bag.get(SEED).map(<[u8]>::to_vec);
        let population = bag
            .get(POPULATION)
            .ok_or_else(|| "it is missing".to_owned());
        match population.and_then(facts::parse_population) {
            Ok(rows) => contents.population = rows,
            Err(why) => unreadable(POPULATION, why),
        }
        (contents, findings)
    }

    /// The files of a pack that hold it; the population stands in a document.
    #[must_use]
    pub fn files(&self) -> PackFiles {
        let mut files = PackFiles::new();
        files.insert(CHECKPOINT.to_owned(), self.checkpoint.clone());
        if let Some(cosigned) = &self.cosigned {
            files.insert(COSIGNED.to_owned(), cosigned.clone());
        }
        for (path, bytes) in [(DRAWN_FROM, &self.drawn_from), (SEED, &self.seed)] {
            files.extend(bytes.clone().map(|bytes| (path.to_owned(), bytes)));
        }
        for (sequence, bytes) in &self.entries {
            files.insert(format!("{ENTRIES}{sequence:09}.bin"), bytes.clone());
        }
        for (sequence, receipt) in &self.receipts {
            let path = format!("{RECEIPTS}{sequence:09}.tlog-proof");
            files.insert(path, receipt.to_string().into_bytes());
        }
        for (size, continued) in &self.consistency {
            let path = format!("{CONSISTENCY}{size:09}.txt");
            files.insert(path, continued.to_string().into_bytes());
        }
        for token in &self.tokens {
            let path = |path: String| format!("{LEDGER}{path}");
            files.insert(path(token.response_path()), token.response.clone());
            if let Some(checkpoint) = &token.checkpoint {
                files.insert(path(token.checkpoint_path()), checkpoint.clone());
            }
        }
        for (digest, bytes) in &self.attachments {
            files.insert(format!("{ATTACHMENTS}{digest}"), bytes.clone());
        }
        files
    }
}

/// The number in a name of at least nine digits, in its one form.
fn place(name: &str, end: &str) -> Option<u64> {
    let number: u64 = name.strip_suffix(end)?.parse().ok()?;
    (number < LAST && format!("{number:09}{end}") == name).then_some(number)
}
