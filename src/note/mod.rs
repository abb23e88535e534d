//! Signed notes (C2SP signed-note v1.0.0): a text, a blank line, and signatures by named keys.
//!
//! Checkpoints travel in them, so that any transparency tool reads them. Only Ed25519 signatures
//! over the text (type 0x01) are made and checked here; lines of every other kind are kept and
//! ignored, as the specification demands. What the text says is its reader's business.

mod key;
mod name;
mod origin;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

pub use key::{COSIGNATURE, ML_DSA_44, NOTE, NoteKey, NoteKeyError, Vkey};
pub use name::{KeyName, KeyNameError};
pub use origin::{Origin, OriginError};

use crate::key::{SecretKey, Signature};
use key::{KEY_ID_BYTES, key_id};

/// The most bytes that a note may have.
pub const NOTE_LIMIT: usize = 1 << 20;

/// The most signature lines that a note may have.
pub const SIGNATURE_LIMIT: usize = 100;

/// An em dash and a space.
const LINE_START: &str = "\u{2014} ";

/// A note taken apart. No signature has been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedNote {
    text: String,
    signatures: Vec<SignatureLine>,
}

/// One line below the text: who says to have signed, and what they made.
#[derive(Debug, Clone, PartialEq, Eq)]
struct SignatureLine {
    name: String,
    key_id: [u8; KEY_ID_BYTES],
    signature: Vec<u8>,
}

/// A note of which at least one signature was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedNote {
    /// The signed text, with its final line break.
    pub text: String,
    /// The keys that signed it, each once, in the order in which they were trusted.
    pub verified: Vec<NoteKey>,
}

/// What is wrong with a note.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// More bytes than [`NOTE_LIMIT`].
    #[error("the note is {found} bytes long; the limit is {NOTE_LIMIT}")]
    TooLarge {
        /// Bytes found.
        found: usize,
    },
    /// Not text at all.
    #[error("the note is not UTF-8 from byte {at} on")]
    NotUtf8 {
        /// The first bad byte.
        at: usize,
    },
    /// A control byte other than a line break.
    #[error("the note has a control byte at byte {at}")]
    Control {
        /// Where it is.
        at: usize,
    },
    /// The text to be signed does not end a line.
    #[error("the text of a note must end with a line break")]
    Unterminated,
    /// No blank line between text and signatures.
    #[error("the note has no blank line before its signatures")]
    NoSeparator,
    /// Nothing after the blank line.
    #[error("the note has no signature line")]
    NoSignature,
    /// The last signature line is cut off.
    #[error("the last signature line does not end with a line break")]
    CutOff,
    /// More lines than [`SIGNATURE_LIMIT`].
    #[error("the note has {found} signature lines; the limit is {SIGNATURE_LIMIT}")]
    TooManySignatures {
        /// Lines found.
        found: usize,
    },
    /// A line that is not `— name base64`.
    #[error("signature line {line} does not read `{LINE_START}name base64`")]
    Line {
        /// Counted from 1 below the blank line.
        line: usize,
    },
    /// A key name that is empty or holds white space or `+`.
    #[error("signature line {line} has a key name that is empty, or holds white space or +")]
    Name {
        /// Counted from 1 below the blank line.
        line: usize,
    },
    /// Not padded, canonical base64 of more than a key id.
    #[error("signature line {line} is not canonical base64 of a key id and a signature")]
    Base64 {
        /// Counted from 1 below the blank line.
        line: usize,
    },
    /// A trusted key's line that this key did not make: the whole note is refused.
    #[error("the signature of `{key}` on the note does not hold")]
    BadSignature {
        /// The key, as a vkey.
        key: Box<NoteKey>,
    },
    /// Nobody trusted has signed.
    #[error("no trusted key has signed the note")]
    NoTrustedKey,
    /// Nobody trusted has signed, but another key under a trusted name has.
    #[error("no trusted key has signed the note: {0}")]
    OtherKey(OtherKey),
}

/// Lines under a trusted name, and none by a trusted key of that name. They prove nothing, not even
/// that the name's owner made them; but they are what a reader with an old key is looking at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherKey {
    /// The name.
    pub name: KeyName,
    /// The key ids that stand there.
    pub found: Vec<[u8; KEY_ID_BYTES]>,
    /// The key ids that are trusted.
    pub trusted: Vec<[u8; KEY_ID_BYTES]>,
}

impl fmt::Display for OtherKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |ids: &[_]| ids.iter().map(hex::encode).collect::<Vec<_>>().join(", ");
        let (found, trusted) = (list(&self.found), list(&self.trusted));
        write!(
            f,
            "`{}` signed with key id {found}, and {trusted} is trusted",
            self.name
        )
    }
}

impl SignedNote {
    /// Takes a note apart, strictly: formatting it again gives the same bytes.
    ///
    /// # Errors
    /// Where the bytes are not exactly one note, or more than the limits.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > NOTE_LIMIT {
            return Err(NoteError::TooLarge { found: bytes.len() });
        }
        let note = std::str::from_utf8(bytes).map_err(|fault| NoteError::NotUtf8 {
            at: fault.valid_up_to(),
        })?;
        refuse_control_bytes(note)?;
        // The text may hold blank lines of its own: the last one separates.
        let (text, lines) = note.rsplit_once("\n\n").ok_or(NoteError::NoSeparator)?;
        if lines.is_empty() {
            return Err(NoteError::NoSignature);
        }
        let lines = lines.strip_suffix('\n').ok_or(NoteError::CutOff)?;
        // Counted before anything is decoded, so that a hostile note costs little.
        let found = lines.split('\n').count();
        if found > SIGNATURE_LIMIT {
            return Err(NoteError::TooManySignatures { found });
        }
        let signatures = (1..)
            .zip(lines.split('\n'))
            .map(|(number, line)| SignatureLine::parse(number, line))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            text: format!("{text}\n"),
            signatures,
        })
    }

    /// The text, with its final line break. Nothing vouches for it yet: see [`open`].
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The same text with only the lines that name one of `keys`. Whether they hold is for [`open`]
    /// to say.
    #[must_use]
    pub fn only(&self, keys: &[NoteKey]) -> Self {
        let lines = self.signatures.iter();
        let named = lines.filter(|line| keys.iter().any(|key| line.names(key)));
        Self {
            text: self.text.clone(),
            signatures: named.cloned().collect(),
        }
    }

    /// This note with the lines of `other` by keys that it has no line of, as far as there is room for
    /// them; `None` where that is of another text. A witness that is asked again signs another time:
    /// one line for each key is enough, and more would fill the note.
    #[must_use]
    pub fn merged_with(&self, other: &Self) -> Option<Self> {
        if self.text != other.text {
            return None;
        }
        let mut merged = self.clone();
        for line in &other.signatures {
            let is_known = merged.signatures.iter().any(|held| held.is_of_key_of(line));
            if merged.signatures.len() < SIGNATURE_LIMIT && !is_known {
                merged.signatures.push(line.clone());
            }
        }
        Some(merged)
    }

    /// Under which names there are lines.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.signatures.iter().map(|line| line.name.as_str())
    }

    /// The lines under `name` that could be cosignatures: their time, and their last word.
    pub fn cosigned_by(&self, name: &KeyName) -> impl Iterator<Item = (u64, String)> {
        let lines = self.signatures.iter();
        let named = lines.filter(move |line| line.name == name.as_str());
        named.filter_map(|line| {
            let (time, _) = line.signature.split_first_chunk()?;
            Some((u64::from_be_bytes(*time), line.word()))
        })
    }

    /// The lines under `name`, where there are some and none is of a key id in `trusted`.
    pub(crate) fn other_key(
        &self,
        name: &KeyName,
        trusted: &[[u8; KEY_ID_BYTES]],
    ) -> Option<OtherKey> {
        let lines = self.signatures.iter();
        let under = lines.filter(|line| line.name == name.as_str());
        let mut found: Vec<_> = under.map(|line| line.key_id).collect();
        found.sort_unstable();
        found.dedup();
        if found.is_empty() || found.iter().any(|id| trusted.contains(id)) {
            return None;
        }
        Some(OtherKey {
            name: name.clone(),
            found,
            trusted: trusted.to_vec(),
        })
    }

    /// What the lines that name a key hold behind its id.
    pub(crate) fn payloads_of(
        &self,
        name: &KeyName,
        id: [u8; KEY_ID_BYTES],
    ) -> impl Iterator<Item = &[u8]> {
        let lines = self.signatures.iter();
        lines
            .filter(move |line| line.name == name.as_str() && line.key_id == id)
            .map(|line| line.signature.as_slice())
    }
}

impl fmt::Display for SignedNote {
    /// The note as it travels.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|line| line.fmt(f))
    }
}

impl SignatureLine {
    fn parse(number: usize, line: &str) -> Result<Self, NoteError> {
        let (name, payload) = line
            .strip_prefix(LINE_START)
            .and_then(|rest| rest.split_once(' '))
            .ok_or(NoteError::Line { line: number })?;
        if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c == '+') {
            return Err(NoteError::Name { line: number });
        }
        let fault = NoteError::Base64 { line: number };
        // This engine demands padding and refuses bits that no byte holds, so that each signature
        // has one spelling.
        let Ok(payload) = BASE64.decode(payload) else {
            return Err(fault);
        };
        match payload.split_first_chunk() {
            Some((key_id, signature)) if !signature.is_empty() => Ok(Self {
                name: name.to_owned(),
                key_id: *key_id,
                signature: signature.to_vec(),
            }),
            _ => Err(fault),
        }
    }

    fn word(&self) -> String {
        BASE64.encode([&self.key_id[..], &self.signature].concat())
    }

    /// Whether both lines say that the same key made them.
    fn is_of_key_of(&self, other: &Self) -> bool {
        self.name == other.name && self.key_id == other.key_id
    }

    /// Whether the line says that `key` made it. The id is four bytes long, so this is a claim.
    fn names(&self, key: &NoteKey) -> bool {
        self.name == key.name().as_str() && self.key_id == key.id()
    }

    fn is_made_by(&self, key: &NoteKey, text: &str) -> bool {
        <[u8; 64]>::try_from(&self.signature[..])
            .is_ok_and(|bytes| key.accepts(text.as_bytes(), &Signature::from_bytes(bytes)))
    }
}

impl fmt::Display for SignatureLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{LINE_START}{} {}", self.name, self.word())
    }
}

fn refuse_control_bytes(text: &str) -> Result<(), NoteError> {
    match text.bytes().position(|byte| byte < 0x20 && byte != b'\n') {
        Some(at) => Err(NoteError::Control { at }),
        None => Ok(()),
    }
}

/// The note of `text` with one signature, by `key` under the key name `name`.
///
/// # Errors
/// Where `text` does not end with a line break, holds another control byte, or is too long.
pub fn sign(text: &str, name: &KeyName, key: &SecretKey) -> Result<String, NoteError> {
    if !text.ends_with('\n') {
        return Err(NoteError::Unterminated);
    }
    refuse_control_bytes(text)?;
    let note = format!("{text}\n{}", signature_line(text, name.as_str(), key));
    if note.len() > NOTE_LIMIT {
        return Err(NoteError::TooLarge { found: note.len() });
    }
    Ok(note)
}

/// The line, with its line break, by which `key` under the name `name` signs `text`.
pub(crate) fn signature_line(text: &str, name: &str, key: &SecretKey) -> String {
    let id = key_id(name, NOTE, key.public().as_bytes());
    format_line(name, id, key.sign(text.as_bytes()).as_bytes())
}

/// A signature line, with its line break, of whatever type of key.
pub(crate) fn format_line(name: &str, id: [u8; KEY_ID_BYTES], signature: &[u8]) -> String {
    SignatureLine {
        name: name.to_owned(),
        key_id: id,
        signature: signature.to_vec(),
    }
    .to_string()
}

/// Opens a note for a reader who trusts `keys`.
///
/// Lines of other keys are ignored. A line that names a trusted key must be that key's, else the
/// whole note is refused, even if other signatures on it hold.
///
/// # Errors
/// Where the note is malformed, a trusted key's signature does not hold, or none of them signed.
pub fn open(note: &[u8], keys: &[NoteKey]) -> Result<VerifiedNote, NoteError> {
    let note = SignedNote::parse(note)?;
    let mut verified = Vec::new();
    for key in keys {
        let mut lines = note.signatures.iter().filter(|line| line.names(key));
        let Some(first) = lines.next() else { continue };
        let all_hold = std::iter::once(first)
            .chain(lines)
            .all(|line| line.is_made_by(key, &note.text));
        if !all_hold {
            return Err(NoteError::BadSignature {
                key: Box::new(key.clone()),
            });
        }
        if !verified.contains(key) {
            verified.push(key.clone());
        }
    }
    if verified.is_empty() {
        let other = keys.iter().find_map(|key| {
            let named = keys.iter().filter(|one| one.name() == key.name());
            note.other_key(key.name(), &named.map(|key| key.id()).collect::<Vec<_>>())
        });
        return Err(other.map_or(NoteError::NoTrustedKey, NoteError::OtherKey));
    }
    Ok(VerifiedNote {
        text: note.text,
        verified,
    })
}

#[cfg(test)]
mod tests;
