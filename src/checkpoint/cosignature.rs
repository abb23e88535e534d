//! Cosignatures (C2SP tlog-cosignature v1.0.1, Ed25519): what a witness says about a checkpoint.
//!
//! "At this time, the largest consistent tree that I have seen for this origin has this root." The
//! message does not name the witness, so one key must never serve two.

use crate::key::{SecretKey, Signature};
use crate::note::{CosignerKey, KeyName, OtherKey, SignedNote, format_line};

/// A line of a known witness that this witness did not make.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the cosignature of `{0}` does not hold")]
pub struct CosignatureError(pub KeyName);

impl CosignerKey {
    /// The lines of other keys under this witness's name, where it has none of its own on `note`.
    #[must_use]
    pub fn other_key(&self, note: &SignedNote) -> Option<OtherKey> {
        note.other_key(self.name(), &[self.id()])
    }

    /// When this witness cosigned `note`, in seconds since 1970, by its newest line on it; `None`
    /// where it has none.
    ///
    /// # Errors
    /// A line that names this key and does not hold.
    pub fn cosigned(&self, note: &SignedNote) -> Result<Option<u64>, CosignatureError> {
        let id = self.id();
        let mut newest = None;
        for payload in note.payloads_of(self.name(), id) {
            let time = self
                .time_of(note.text(), payload)
                .ok_or_else(|| CosignatureError(self.name().clone()))?;
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
        let mut payloads = note.payloads_of(self.name(), id);
        let line = payloads.find(|payload| payload.starts_with(&newest.to_be_bytes()));
        Ok(line.map(|payload| (newest, format_line(self.name(), id, payload))))
    }

    fn time_of(&self, text: &str, payload: &[u8]) -> Option<u64> {
        let (time, signature) = payload.split_first_chunk()?;
        let time = u64::from_be_bytes(*time);
        let signature = Signature::from_bytes(signature.try_into().ok()?);
        // The specification leaves the upper half out, and demands of a witness that it is not zero:
        // a zero says nothing about when the tree was the largest that it had seen.
        let in_range = (1..=i64::MAX as u64).contains(&time);
        (in_range && self.accepts(&message(text, time), &signature)).then_some(time)
    }
}

fn message(text: &str, time: u64) -> Vec<u8> {
    format!("cosignature/v1\ntime {time}\n{text}").into_bytes()
}

/// The line by which the witness `name` cosigns the checkpoint `text` at `time`.
#[must_use]
pub fn cosign(text: &str, time: u64, name: &KeyName, key: &SecretKey) -> String {
    let id = CosignerKey::of(name.clone(), key).id();
    let signature = key.sign(&message(text, time));
    let payload = [&time.to_be_bytes()[..], signature.as_bytes()].concat();
    format_line(name, id, &payload)
}
