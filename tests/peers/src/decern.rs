//! decern-ledger with `set_sync`: it numbers, chains and signs by itself, and verifies with its own function.

use std::path::{Path, PathBuf};

use decern_ledger::{Entry, Ledger};

use crate::record::author;
use crate::{Outcome, Peer};

pub struct Decern {
    path: PathBuf,
    ledger: Ledger,
}

impl Decern {
    pub fn open(folder: &Path) -> Outcome<Self> {
        let path = folder.join("ledger.jsonl");
        let mut ledger = Ledger::open(&path, author())?;
        ledger.set_sync(true);
        Ok(Self { path, ledger })
    }
}

fn entry(text: &String) -> Entry {
    Entry {
        subject_type: "actor".to_owned(),
        subject_id: "olga".to_owned(),
        action: "observed".to_owned(),
        resource_type: "secret".to_owned(),
        resource_id: "db/orders".to_owned(),
        context: serde_json::json!({ "text": text }),
        decision: true,
        ..Entry::default()
    }
}

impl Peer for Decern {
    fn append(&mut self, texts: &[String]) -> Outcome {
        self.ledger.append_all(texts.iter().map(entry).collect())?;
        Ok(())
    }

    fn verify(&mut self) -> Outcome<u64> {
        let report = decern_ledger::verify(&self.path, Some(&author().verifying_key()))?;
        Ok(report.entries)
    }
}
