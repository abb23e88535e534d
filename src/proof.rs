//! Receipts that travel alone (C2SP tlog-proof): one entry's place in the tree, and the checkpoint
//! that states the tree.
//!
//! ```text
//! c2sp.org/tlog-proof@v1
//! extra <base64>              optional, and signed by nobody: a succession of sealing keys, in ours
//! index <decimal>
//! <base64 hash>               the leaf's sibling first
//!
//! <checkpoint>                with the log's signature, and cosignatures
//! ```

mod continued;
mod succession;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::hash::{LeafHash, NodeHash};
use crate::merkle::{INCLUSION_LIMIT, InclusionProof, ProofError};
use crate::text::decimal;
use crate::trust::{DistrustError, JudgedCheckpoint, Trust};

pub use continued::Continuation;
pub use succession::{
    SUCCESSION_LIMIT, SealSuccession, SuccessionEntry, SuccessionError, builds_on_seal_of, leads_to,
};

/// The first line of every receipt.
pub const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// The most bytes of a receipt.
pub const RECEIPT_LIMIT: usize = 1 << 20;

/// A receipt taken apart. Nothing in it is checked until [`TlogProof::check`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlogProof {
    extra: Option<Vec<u8>>,
    index: u64,
    path: InclusionProof,
    checkpoint: String,
}

/// What is wrong with the text of a receipt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiptError {
    /// More bytes than [`RECEIPT_LIMIT`].
    #[error("the receipt is {found} bytes long; the limit is {RECEIPT_LIMIT}")]
    TooLarge {
        /// Bytes found.
        found: usize,
    },
    /// Not text.
    #[error("the receipt is not UTF-8 from byte {at} on")]
    NotUtf8 {
        /// The first bad byte.
        at: usize,
    },
    /// Another first line.
    #[error("the first line is not {HEADER}")]
    Header,
    /// The extra line is no canonical base64.
    #[error("the extra line is not canonical base64")]
    Extra,
    /// No index line where it should be.
    #[error("the index line is missing")]
    NoIndex,
    /// The index is not a number in its one decimal form, or too large.
    #[error("the index is not a plain decimal number")]
    Index,
    /// A hash line that is not base64.
    #[error("hash {line} is not canonical base64")]
    HashBase64 {
        /// Counted from 1.
        line: usize,
    },
    /// A hash line of another length.
    #[error("hash {line} is {found} bytes long, not 32")]
    HashLength {
        /// Counted from 1.
        line: usize,
        /// Bytes found.
        found: usize,
    },
    /// More hashes than any tree has levels.
    #[error("the receipt has more than {INCLUSION_LIMIT} hashes")]
    TooManyHashes,
    /// No empty line before the checkpoint.
    #[error("the receipt has no empty line before its checkpoint")]
    NoCheckpoint,
}

/// Why a receipt proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiptCheckError {
    /// The checkpoint is nobody's that is trusted.
    #[error("the checkpoint: {0}")]
    Checkpoint(#[from] DistrustError),
    /// The entry does not lead to the checkpoint's root.
    #[error("{0}")]
    Path(#[from] ProofError),
}

impl TlogProof {
    /// Puts a receipt together. The caller proves that it holds before handing it out.
    #[must_use]
    pub const fn new(index: u64, path: InclusionProof, checkpoint: String) -> Self {
        Self {
            extra: None,
            index,
            path,
            checkpoint,
        }
    }

    /// The same with how the key that sealed the checkpoint came to be, for who knows an older one.
    #[must_use]
    pub fn carrying(mut self, succession: Option<&SealSuccession>) -> Self {
        self.extra = succession.map(|succession| succession.format().into_bytes());
        self
    }

    /// Reads a receipt, strictly: formatting it again gives the same bytes.
    ///
    /// # Errors
    /// Names the part that is not in its one form.
    pub fn parse(bytes: &[u8]) -> Result<Self, ReceiptError> {
        if bytes.len() > RECEIPT_LIMIT {
            return Err(ReceiptError::TooLarge { found: bytes.len() });
        }
        let text = std::str::from_utf8(bytes).map_err(|fault| ReceiptError::NotUtf8 {
            at: fault.valid_up_to(),
        })?;
        let mut rest = text;
        let mut line = || {
            let (line, after) = rest.split_once('\n')?;
            rest = after;
            Some(line)
        };
        if line() != Some(HEADER) {
            return Err(ReceiptError::Header);
        }
        let mut next = line().ok_or(ReceiptError::NoIndex)?;
        let mut extra = None;
        if let Some(encoded) = next.strip_prefix("extra ") {
            extra = Some(BASE64.decode(encoded).map_err(|_| ReceiptError::Extra)?);
            next = line().ok_or(ReceiptError::NoIndex)?;
        }
        let index = next.strip_prefix("index ").ok_or(ReceiptError::NoIndex)?;
        let index = decimal(index).ok_or(ReceiptError::Index)?;
        let mut hashes = Vec::new();
        loop {
            match line().ok_or(ReceiptError::NoCheckpoint)? {
                "" => break,
                _ if hashes.len() == INCLUSION_LIMIT => return Err(ReceiptError::TooManyHashes),
                encoded => hashes.push(hash(encoded, hashes.len() + 1)?),
            }
        }
        Ok(Self {
            extra,
            index,
            path: InclusionProof::from_hashes(hashes),
            checkpoint: rest.to_owned(),
        })
    }

    /// The entry's place.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// The hashes beside its way to the root.
    #[must_use]
    pub fn hashes(&self) -> &[NodeHash] {
        self.path.hashes()
    }

    /// The checkpoint, as it stands there.
    #[must_use]
    pub fn checkpoint(&self) -> &str {
        &self.checkpoint
    }

    /// Whether the entry of these stored bytes stands at its place in a tree that `trust` accepts.
    /// Whether the quorum was met is left to be asked of the answer.
    ///
    /// # Errors
    /// The checkpoint does not count, or the entry does not lead to its root.
    pub fn check(
        &self,
        entry: &[u8],
        trust: &Trust,
        latest: u64,
    ) -> Result<JudgedCheckpoint, ReceiptCheckError> {
        let leaf = LeafHash::of(entry);
        let judge = |trust: &Trust| trust.judge(self.checkpoint.as_bytes(), latest);
        let judged = judge(trust).or_else(|fault| match self.trust_handed_on(trust) {
            Some(trust) if !fault.is_forged() => judge(&trust),
            _ => Err(fault),
        })?;
        // Size and root are the signed ones: a proof binds neither.
        let stated = judged.checkpoint.checkpoint();
        self.path
            .check(self.index, leaf, stated.size, stated.root)?;
        Ok(judged)
    }

    /// Whom else those can trust who trust `trust`: nobody signed what the receipt carries beside its proof, but
    /// each entry of a succession is signed by the key before.
    fn trust_handed_on(&self, trust: &Trust) -> Option<Trust> {
        let succession = SealSuccession::parse(self.extra.as_deref()?).ok()?;
        let logs = trust.logs().iter().map(|log| log.key.clone());
        let heirs = succession.heirs(&logs.collect::<Vec<_>>());
        let heirs = heirs.into_iter();
        Some(heirs.fold(trust.clone(), |trust, key| trust.trusting(key)))
    }
}

impl fmt::Display for TlogProof {
    /// The receipt as it travels.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", BASE64.encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        for hash in self.path.hashes() {
            writeln!(f, "{}", hash.to_base64())?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

fn hash(encoded: &str, line: usize) -> Result<NodeHash, ReceiptError> {
    let bytes = BASE64
        .decode(encoded)
        .map_err(|_| ReceiptError::HashBase64 { line })?;
    let found = bytes.len();
    let bytes = <[u8; 32]>::try_from(bytes);
    let bytes = bytes.map_err(|_| ReceiptError::HashLength { line, found })?;
    Ok(NodeHash::from_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTE: &str = "ledger.example/x\n2\nAAAA\n\n\u{2014} ledger.example/x AAAA\n";

    fn receipt() -> String {
        let path = InclusionProof::from_hashes(vec![NodeHash::from_bytes([7; 32])]);
        TlogProof::new(1, path, NOTE.to_owned()).to_string()
    }

    #[test]
    fn what_was_written_reads_back() {
        let text = receipt();
        let read = TlogProof::parse(text.as_bytes()).unwrap();
        assert_eq!((read.index(), read.checkpoint()), (1, NOTE));
        assert_eq!(read.to_string(), text);
        for extra in ["extra \n", "extra AAEC\n"] {
            let with = text.replacen("index", &format!("{extra}index"), 1);
            assert_eq!(TlogProof::parse(with.as_bytes()).unwrap().to_string(), with);
        }
    }

    #[test]
    fn each_malformed_part_is_refused_by_name() {
        let hash = BASE64.encode([7; 32]);
        let loose = format!("{}d=", &hash[..42]);
        for (from, to, wanted) in [
            ("@v1", "@v2", ReceiptError::Header),
            ("index 1\n", "", ReceiptError::NoIndex),
            ("index 1", "index 01", ReceiptError::Index),
            ("index 1", "index +1", ReceiptError::Index),
            ("index 1", "index 18446744073709551616", ReceiptError::Index),
            ("index 1", "extra A\nindex 1", ReceiptError::Extra),
            (
                "index 1",
                "extra AA==\nextra AA==\nindex 1",
                ReceiptError::NoIndex,
            ),
            (&hash, "*", ReceiptError::HashBase64 { line: 1 }),
            (&hash, &hash[..43], ReceiptError::HashBase64 { line: 1 }),
            (&hash, &loose, ReceiptError::HashBase64 { line: 1 }),
            (
                &hash,
                "AAAA",
                ReceiptError::HashLength { line: 1, found: 3 },
            ),
        ] {
            let bad = receipt().replacen(from, to, 1);
            assert_eq!(TlogProof::parse(bad.as_bytes()), Err(wanted), "{to}");
        }
        let many = receipt().replacen(&hash, &[hash.as_str(); 65].join("\n"), 1);
        assert_eq!(
            TlogProof::parse(many.as_bytes()),
            Err(ReceiptError::TooManyHashes)
        );
        let cut = receipt();
        let cut = &cut[..cut.find("\n\n").unwrap() + 1];
        assert_eq!(
            TlogProof::parse(cut.as_bytes()),
            Err(ReceiptError::NoCheckpoint)
        );
        assert_eq!(
            TlogProof::parse(b"\xff"),
            Err(ReceiptError::NotUtf8 { at: 0 })
        );
        let long = vec![b'x'; RECEIPT_LIMIT + 1];
        assert!(matches!(
            TlogProof::parse(&long),
            Err(ReceiptError::TooLarge { .. })
        ));
    }
}
