//! Cosignatures (C2SP tlog-cosignature v1.0.1, Ed25519): what a witness says about a checkpoint.
//!
//! "At this time, the largest consistent tree that I have seen for this origin has this root." The
//! message does not name the witness, so one key must never serve two.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::key::KeyError;
use crate::key::PublicKey;
use crate::key::SecretKey;
use crate::key::Signature;
use crate::key::Verifier;
use crate::note::KeyName;
use crate::note::KeyType;
use crate::note::NoteKeyError;
use crate::note::OtherKey;
use crate::note::SignedNote;
use crate::note::format_line;
use crate::note::key_id;
use crate::note::read_vkey;

/// The key of a witness: a vkey of type 0x04.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CosignerKey {
    name: KeyName,
    public: PublicKey,
    verifier: Verifier,
}

/// A line of a known witness that this witness did not make.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the cosignature of `{0}` does not hold")]
pub struct CosignatureError(pub KeyName);

impl CosignerKey {
    /// The key `public` of the witness `name`.
    ///
    /// # Errors
    /// Where the public key cannot be admitted.
    pub fn new(name: impl Into<KeyName>, public: PublicKey) -> Result<Self, KeyError> {
        let verifier = public.admit()?;
        Ok(Self {
            name: name.into(),
            public,
            verifier,
        })
    }

    /// The witness's name.
    #[must_use]
    pub const fn name(&self) -> &KeyName {
        &self.name
    }

    /// The Ed25519 public key.
    #[must_use]
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The key id that its lines carry.
    #[must_use]
    pub fn id(&self) -> [u8; 4] {
        key_id(&self.name, KeyType::Cosignature, &self.public)
    }

    /// The lines of other keys under this witness's name, where it has none of its own on `note`.
    #[must_use]
    pub fn other_key(&self, note: &SignedNote) -> Option<OtherKey> {
        note.other_key(&self.name, &[self.id()])
    }

    /// When this witness cosigned `note`, in seconds since 1970, by its newest line on it; `None`
    /// where it has none.
    ///
    /// # Errors
    /// A line that names this key and does not hold.
    pub fn cosigned(&self, note: &SignedNote) -> Result<Option<u64>, CosignatureError> {
        let id = self.id();
        let mut newest = None;
        for payload in note.payloads_of(&self.name, id) {
            let time = self
                .time_of(note.text(), payload)
                .ok_or_else(|| CosignatureError(self.name.clone()))?;
            newest = newest.max(Some(time));
        }
        Ok(newest)
    }

    /// The newest of its lines on `note`, with its line break, and when it was made; `None` where it
    /// has none.
    ///
    /// # Errors
    /// A line that names this key and does not hold.
    pub fn newest_line(
        &self,
        note: &SignedNote,
    ) -> Result<Option<(u64, String)>, CosignatureError> {
        let Some(newest) = self.cosigned(note)? else {
            return Ok(None);
        };
        let id = self.id();
        let mut payloads = note.payloads_of(&self.name, id);
        let line = payloads.find(|payload| payload.starts_with(&newest.to_be_bytes()));
        Ok(line.map(|payload| (newest, format_line(&self.name, id, payload))))
    }

    fn time_of(&self, text: &str, payload: &[u8]) -> Option<u64> {
        let (time, signature) = payload.split_first_chunk()?;
        let time = u64::from_be_bytes(*time);
        let signature = Signature::from_bytes(signature.try_into().ok()?);
        // The specification leaves the upper half out, and demands of a witness that it is not zero:
        // a zero says nothing about when the tree was the largest that it had seen.
        let in_range = (1..=i64::MAX as u64).contains(&time);
        (in_range && self.verifier.accepts(&message(text, time), &signature)).then_some(time)
    }
}

fn message(text: &str, time: u64) -> Vec<u8> {
    format!("cosignature/v1\ntime {time}\n{text}").into_bytes()
}

/// The line by which the witness `name` cosigns the checkpoint `text` at `time`.
#[must_use]
pub fn cosign(text: &str, time: u64, name: &KeyName, key: &SecretKey) -> String {
    let id = key_id(name, KeyType::Cosignature, &key.public());
    let signature = key.sign(&message(text, time));
    let payload = [&time.to_be_bytes()[..], signature.as_bytes()].concat();
    format_line(name, id, &payload)
}

impl fmt::Display for CosignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let typed = [&[KeyType::Cosignature as u8], &self.public.as_bytes()[..]].concat();
        let (id, key) = (hex::encode(self.id()), BASE64.encode(typed));
        write!(f, "{}+{id}+{key}", self.name)
    }
}

impl FromStr for CosignerKey {
    type Err = NoteKeyError;

    fn from_str(text: &str) -> Result<Self, NoteKeyError> {
        let (name, public) = read_vkey(text, KeyType::Cosignature)?;
        Ok(Self::new(name, public)?)
    }
}
