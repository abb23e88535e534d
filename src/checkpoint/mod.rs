//! Checkpoints (C2SP tlog-checkpoint v1.0.0): what a ledger says about itself, signed.
//!
//! A checkpoint names a ledger, a number of entries and the root of the tree over them. As a
//! signed note it can be kept anywhere and compared with the ledger later. Whether the ledger
//! agrees with it is judged elsewhere; here it is only read, written and held against its key.

mod cosignature;
mod cosigner;

pub use cosignature::{CosignatureError, cosign};
pub use cosigner::CosignerKey;

use crate::hash::NodeHash;
use crate::key::SecretKey;
use crate::note::{self, KeyName, KeyNameError, NoteError, NoteKey, SignedNote};
use crate::text::{decimal, is_deceptive};

/// What one checkpoint states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name: a line, best the name of its key; for a ledger it is that.
    pub origin: String,
    /// How many entries the tree has.
    pub size: u64,
    /// The RFC 6962 root over those entries.
    pub root: NodeHash,
}

/// A checkpoint whose signature by the ledger's key was verified, with the note it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    note: String,
}

/// What is wrong with a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The note around it is malformed or not signed as it must be.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// It ends before this line, or the line is not terminated.
    #[error("the checkpoint has no complete {0} line")]
    Missing(&'static str),
    /// A line without anything in it: a checkpoint has none before its signatures.
    #[error("the checkpoint has an empty line")]
    EmptyLine,
    /// The first line is no usable origin.
    #[error("the origin of the checkpoint {0}")]
    Origin(#[from] KeyNameError),
    /// The second line is not a number in its one decimal form, or too large.
    #[error("the size of the checkpoint is not a plain decimal number")]
    Size,
    /// The third line is not the canonical base64 of 32 bytes.
    #[error("the root of the checkpoint is not the base64 of 32 bytes")]
    Root,
    /// No entries, yet another root than that of the empty tree.
    #[error("the checkpoint states 0 entries and a root that no empty tree has")]
    EmptyTree,
    /// The key that signed it speaks for another ledger.
    #[error("the checkpoint is of `{origin}`, but the key that signed it is of `{key}`")]
    OtherLedger {
        /// The origin stated.
        origin: String,
        /// The name of the key.
        key: KeyName,
    },
}

impl Checkpoint {
    /// The three lines that are signed, each with its line break.
    #[must_use]
    pub fn format(&self) -> String {
        let root = self.root.to_base64();
        format!("{}\n{}\n{root}\n", self.origin, self.size)
    }

    /// Reads the text of a note as a checkpoint. Further lines, which other ledgers may write, are
    /// passed over: they stay in the signed bytes and mean nothing here.
    ///
    /// # Errors
    /// Where a line is missing, empty, or not in its one form.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        // Every line ends with a line break, so what follows the last one is empty.
        let mut lines = text.split('\n');
        let rest = lines.next_back();
        let mut line = |name| match lines.next() {
            Some("") => Err(CheckpointError::EmptyLine),
            Some(line) => Ok(line),
            None => Err(CheckpointError::Missing(name)),
        };
        let (origin, size, root) = (line("origin")?, line("size")?, line("root")?);
        if rest != Some("") {
            return Err(CheckpointError::Missing("last"));
        }
        if lines.any(str::is_empty) {
            return Err(CheckpointError::EmptyLine);
        }
        let checkpoint = Self {
            origin: parse_origin(origin)?,
            size: decimal(size).ok_or(CheckpointError::Size)?,
            root: NodeHash::from_base64(root).ok_or(CheckpointError::Root)?,
        };
        if checkpoint.size == 0 && checkpoint.root != NodeHash::empty() {
            return Err(CheckpointError::EmptyTree);
        }
        Ok(checkpoint)
    }
}

impl SignedCheckpoint {
    /// What it states.
    #[must_use]
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The whole note as it was read, with lines of other signers and all.
    #[must_use]
    pub fn note(&self) -> &str {
        &self.note
    }
}

/// The origin of a checkpoint, which may hold spaces and `+` where it is not the name of a key. Only what a screen
/// would hide, or rearrange itself by, is refused beyond the specification.
///
/// # Errors
/// It is empty, or has such a character.
pub fn parse_origin(line: &str) -> Result<String, KeyNameError> {
    match line.char_indices().find(|(_, c)| is_deceptive(*c)) {
        Some((at, c)) => Err(KeyNameError::Character {
            character: c as u32,
            at,
        }),
        None if line.is_empty() => Err(KeyNameError::Empty),
        None => Ok(line.to_owned()),
    }
}

/// What a note states, before anybody checked who signed it.
///
/// # Errors
/// It is no note, or states no checkpoint.
pub fn stated(note: &[u8]) -> Result<Checkpoint, CheckpointError> {
    Checkpoint::parse(SignedNote::parse(note)?.text())
}

/// The note that states `checkpoint`, signed by the ledger's key under the ledger's origin.
///
/// A ledger must never sign two checkpoints that do not fit each other: the caller recomputes the
/// root from what is stored before it comes here.
#[must_use]
pub fn sign(checkpoint: &Checkpoint, key: &SecretKey) -> String {
    let text = checkpoint.format();
    let line = note::signature_line(&text, &checkpoint.origin, key);
    format!("{text}\n{line}")
}

/// Opens a checkpoint of the ledger whose key is `key`. Signatures of others are ignored.
///
/// # Errors
/// Where the note is malformed or not signed by `key`, or states no checkpoint of that ledger.
pub fn open(note: &[u8], key: &NoteKey) -> Result<SignedCheckpoint, CheckpointError> {
    let opened = note::open(note, std::slice::from_ref(key))?;
    signed(opened.text, note, key.name())
}

/// The same of a log that signs its checkpoints as witnesses do.
///
/// # Errors
/// As [`open`].
pub fn open_cosigned(note: &[u8], key: &CosignerKey) -> Result<SignedCheckpoint, CheckpointError> {
    let parsed = SignedNote::parse(note)?;
    match key.cosigned(&parsed) {
        Ok(Some(_)) => signed(parsed.text().to_owned(), note, key.name()),
        _ => Err(NoteError::NoTrustedKey.into()),
    }
}

/// What a text states that a key of this name was found to have signed.
fn signed(text: String, note: &[u8], key: &KeyName) -> Result<SignedCheckpoint, CheckpointError> {
    let checkpoint = Checkpoint::parse(&text)?;
    if checkpoint.origin != key.as_str() {
        return Err(CheckpointError::OtherLedger {
            origin: checkpoint.origin,
            key: key.clone(),
        });
    }
    // The note was valid UTF-8 or it would not have opened: nothing is replaced here.
    let note = String::from_utf8_lossy(note).into_owned();
    Ok(SignedCheckpoint { checkpoint, note })
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD as BASE64;

    use super::*;

    fn secret() -> SecretKey {
        SecretKey::from_seed(&[1; 32])
    }

    fn checkpoint(size: u64) -> Checkpoint {
        let root = match size {
            0 => NodeHash::empty(),
            _ => NodeHash::from_bytes([7; 32]),
        };
        Checkpoint {
            origin: "ledger.example/prod".to_owned(),
            size,
            root,
        }
    }

    fn key() -> NoteKey {
        NoteKey::new(
            KeyName::new("ledger.example/prod").unwrap(),
            secret().public(),
        )
        .unwrap()
    }

    #[test]
    fn what_was_signed_opens_unchanged() {
        for size in [0, 1, 70, u64::MAX] {
            let note = sign(&checkpoint(size), &secret());
            let opened = open(note.as_bytes(), &key()).unwrap();
            assert_eq!(opened.checkpoint(), &checkpoint(size));
            assert_eq!(opened.note(), note);
        }
    }

    #[test]
    fn numbers_and_roots_have_one_form() {
        let good = checkpoint(70).format();
        assert_eq!(Checkpoint::parse(&good), Ok(checkpoint(70)));
        for size in [
            "070",
            "+70",
            "-70",
            "7 0",
            "0x46",
            "18446744073709551616",
            " 70",
        ] {
            let text = good.replacen("70", size, 1);
            assert_eq!(
                Checkpoint::parse(&text),
                Err(CheckpointError::Size),
                "{size}"
            );
        }
        let root = BASE64.encode([7; 32]);
        let loose = format!("{}d=", &root[..42]);
        let short = BASE64.encode([7; 31]);
        for bad in [&root[..43], &loose, &short, &format!("{root} "), "x"] {
            let text = good.replacen(&root, bad, 1);
            assert_ne!(text, good);
            assert_eq!(
                Checkpoint::parse(&text),
                Err(CheckpointError::Root),
                "{bad}"
            );
        }
    }

    #[test]
    fn missing_and_empty_lines_are_refused() {
        let good = checkpoint(70).format();
        for (text, fault) in [
            (String::new(), CheckpointError::Missing("origin")),
            (
                "ledger.example\n".to_owned(),
                CheckpointError::Missing("size"),
            ),
            (
                "ledger.example\n70\n".to_owned(),
                CheckpointError::Missing("root"),
            ),
            (good.trim_end().to_owned(), CheckpointError::Missing("root")),
            (format!("{good}extension"), CheckpointError::Missing("last")),
            (format!("\n{good}"), CheckpointError::EmptyLine),
            (
                good.replacen("\n70", "\n\n70", 1),
                CheckpointError::EmptyLine,
            ),
            (format!("{good}\n"), CheckpointError::EmptyLine),
            (format!("{good}one\n\ntwo\n"), CheckpointError::EmptyLine),
        ] {
            assert_eq!(Checkpoint::parse(&text), Err(fault), "{text:?}");
        }
    }

    #[test]
    fn an_empty_tree_has_one_root() {
        let mut forged = checkpoint(0);
        forged.root = NodeHash::from_bytes([7; 32]);
        let note = sign(&forged, &secret());
        assert_eq!(
            open(note.as_bytes(), &key()),
            Err(CheckpointError::EmptyTree)
        );
    }

    #[test]
    fn extension_lines_stay_signed_and_are_not_read() {
        let text = format!("{}extension 1\n", checkpoint(70).format());
        let note = note::sign(&text, key().name(), &secret()).unwrap();
        let opened = open(note.as_bytes(), &key()).unwrap();
        assert_eq!(opened.checkpoint(), &checkpoint(70));
        assert_eq!(opened.note(), note);
        let changed = note.replacen("extension 1", "extension 2", 1);
        assert!(open(changed.as_bytes(), &key()).is_err());
    }

    #[test]
    fn a_key_speaks_for_its_own_ledger_only() {
        let other = KeyName::new("other.example").unwrap();
        let note = note::sign(&checkpoint(70).format(), &other, &secret()).unwrap();
        let other_key = NoteKey::new(other.clone(), secret().public()).unwrap();
        assert_eq!(
            open(note.as_bytes(), &other_key),
            Err(CheckpointError::OtherLedger {
                origin: checkpoint(0).origin,
                key: other
            })
        );
    }
}
