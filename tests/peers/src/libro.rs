//! libro with its feature `signing`. Its stores keep no signatures and its file store never syncs, so each entry is
//! kept here with its signature in one line of a file, and synced; chain, signatures and their checks are libro's.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};

use libro::signing::{EntrySignature, SigningKey};
use libro::{AuditEntry, EventSeverity, verify_chain};

use crate::{Outcome, Peer};

pub struct Libro {
    path: PathBuf,
    file: File,
    key: SigningKey,
    head: String,
}

impl Libro {
    pub fn open(folder: &Path) -> Outcome<Self> {
        let path = folder.join("audit.jsonl");
        let file = OpenOptions::new().create(true).append(true).open(&path)?;
        Ok(Self {
            path,
            file,
            key: SigningKey::from_bytes(&[7; 32]),
            head: String::new(),
        })
    }
}

impl Peer for Libro {
    fn append(&mut self, texts: &[String]) -> Outcome {
        let mut bytes = Vec::new();
        for text in texts {
            let details = serde_json::json!({ "text": text });
            let entry = AuditEntry::new(
                EventSeverity::Security,
                "olga",
                "observed",
                details,
                &self.head,
            );
            serde_json::to_writer(&mut bytes, &(&entry, self.key.sign(&entry)))?;
            bytes.push(b'\n');
            self.head = entry.hash().to_owned();
        }
        self.file.write_all(&bytes)?;
        Ok(self.file.sync_data()?)
    }

    fn verify(&mut self) -> Outcome<u64> {
        let key = self.key.verifying_key();
        let mut checked = 0;
        // The last one checked and the next: so the chain is whole, and memory does not grow.
        let mut pair: Vec<AuditEntry> = Vec::new();
        for line in BufReader::with_capacity(1 << 18, File::open(&self.path)?).lines() {
            let (entry, signature): (AuditEntry, EntrySignature) = serde_json::from_str(&line?)?;
            if !signature.verify(&entry, &key) {
                return Err(format!("entry {checked} is not signed").into());
            }
            pair.push(entry);
            if pair.len() == 2 {
                verify_chain(&pair)?;
                pair.remove(0);
            }
            checked += 1;
        }
        Ok(checked)
    }
}
