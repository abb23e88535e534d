//! Cosignatures (C2SP tlog-cosignature): what a witness says about a checkpoint, by Ed25519 or ML-DSA-44.
//!
//! "At this time, the largest consistent tree that I have seen for this origin has this root." By Ed25519
//! the message does not name the witness, so one key must never serve two.

use super::cosigner::CosignerKey;
use crate::hash::NodeHash;
use crate::key::SecretKey;
use crate::note::{KeyName, ML_DSA_44, OtherKey, SignedNote, format_line};
use crate::text::decimal;

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

    /// Whether `note` has a line that names this key, whether or not it holds.
    #[must_use]
    pub fn is_named_on(&self, note: &SignedNote) -> bool {
        let mut lines = note.payloads_of(self.name(), self.id());
        lines.next().is_some()
    }

    /// When this witness cosigned `note`, in seconds since 1970, by its newest line on it; `None`
    /// where it has none, or where keys of its type are not verified here.
    ///
    /// # Errors
    /// A line that names this key and does not hold.
    pub fn cosigned(&self, note: &SignedNote) -> Result<Option<u64>, CosignatureError> {
        if !self.is_verified_here() {
            return Ok(None);
        }
        let mut newest = None;
        for payload in note.payloads_of(self.name(), self.id()) {
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
        Ok(line.map(|payload| (newest, format_line(self.name().as_str(), id, payload))))
    }

    fn time_of(&self, text: &str, payload: &[u8]) -> Option<u64> {
        let (time, signature) = payload.split_first_chunk()?;
        let time = u64::from_be_bytes(*time);
        let holds = match self.kind() {
            ML_DSA_44 => self.accepts_ml_dsa(&tree_message(self.name(), text, time)?, signature),
            // The specification demands of a witness that it is not zero: a zero says nothing about when
            // the tree was the largest that it had seen.
            _ => time > 0 && self.accepts(&message(text, time), signature),
        };
        // The upper half is left out of it too.
        (holds && time <= i64::MAX as u64).then_some(time)
    }
}

fn message(text: &str, time: u64) -> Vec<u8> {
    format!("cosignature/v1\ntime {time}\n{text}").into_bytes()
}

/// What an ML-DSA-44 key signs of a checkpoint: the tree from its first leaf on, for whom and by whom. `None`
/// where the text states no tree, or a name is too long to be said in it.
fn tree_message(cosigner: &KeyName, text: &str, time: u64) -> Option<Vec<u8>> {
    let mut lines = text.split('\n');
    let (origin, size, root) = (lines.next()?, lines.next()?, lines.next()?);
    let mut message = b"subtree/v1\n\0".to_vec();
    for (name, then) in [(cosigner.as_str(), time), (origin, 0)] {
        message.push(u8::try_from(name.len()).ok()?);
        message.extend(name.as_bytes());
        message.extend(then.to_be_bytes());
    }
    message.extend(decimal::<u64>(size)?.to_be_bytes());
    message.extend(NodeHash::from_base64(root)?.as_bytes());
    Some(message)
}

/// The line by which the witness `name` cosigns the checkpoint `text` at `time`.
#[must_use]
pub fn cosign(text: &str, time: u64, name: &KeyName, key: &SecretKey) -> String {
    let id = CosignerKey::of(name.clone(), key).id();
    let signature = key.sign(&message(text, time));
    let payload = [&time.to_be_bytes()[..], signature.as_bytes()].concat();
    format_line(name.as_str(), id, &payload)
}
