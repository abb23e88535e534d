//! A file of records, one after the other, and fdatasync.

use std::fs::{File, OpenOptions};
use std::io::{BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};

use crate::record::{Chain, Checker, Record, SIZE};
use crate::{Outcome, Peer};

pub struct Raw {
    path: PathBuf,
    file: File,
    chain: Chain,
}

impl Raw {
    pub fn open(folder: &Path) -> Outcome<Self> {
        let path = folder.join("records");
        let file = OpenOptions::new().create(true).append(true).open(&path)?;
        Ok(Self {
            path,
            file,
            chain: Chain::new(),
        })
    }
}

impl Peer for Raw {
    fn append(&mut self, texts: &[String]) -> Outcome {
        let bytes: Vec<_> = texts
            .iter()
            .flat_map(|text| self.chain.add(text).bytes())
            .collect();
        self.file.write_all(&bytes)?;
        Ok(self.file.sync_data()?)
    }

    fn verify(&mut self) -> Outcome<u64> {
        let length = self.file.metadata()?.len();
        let mut reader = BufReader::with_capacity(1 << 18, File::open(&self.path)?);
        let mut checker = Checker::new();
        let mut bytes = [0; SIZE];
        for _ in 0..length / SIZE as u64 {
            reader.read_exact(&mut bytes)?;
            checker.check(&Record::parse(&bytes)?)?;
        }
        Ok(checker.checked())
    }
}
