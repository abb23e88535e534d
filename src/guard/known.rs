//! The exact check: a value that the caller hands over so that it can be kept out.
//!
//! It is the only thing that finds a short random value, which looks like nothing in particular.
//! The value and all that is derived from it stay in memory that is wiped, and are never printed.

use std::fmt;

use zeroize::{Zeroize as _, Zeroizing};

use super::kind::{Decoding, RawHit, SecretHit, SecretKind};
use super::sieve::{Sieve, stands_at};
use super::window;

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Why a value cannot be checked against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KnownValueError {
    /// It would be found everywhere.
    #[error(
        "the value to check against is {length} bytes long; under {} a comparison means nothing, because so short a value turns up by chance",
        KnownValue::LEAST
    )]
    TooShort {
        /// Bytes, without the line break at the end. Says little about so short a value.
        length: usize,
    },
}

/// A real secret value, held to be compared and then wiped.
pub struct KnownValue {
    /// Each form in which the value may stand in a text.
    forms: Vec<KnownForm>,
    /// Where one of the forms may begin.
    sieve: Box<Sieve>,
    longest: usize,
}

struct KnownForm {
    via: Option<Decoding>,
    bytes: Zeroizing<Vec<u8>>,
}

impl KnownValue {
    /// Bytes that a value must have to be worth comparing.
    pub const LEAST: usize = 6;

    /// Takes the value as read from a file or from stdin, without the line break at its end. The
    /// caller wipes what it read; this keeps its own copies and wipes those.
    ///
    /// # Errors
    /// Where the value is shorter than [`Self::LEAST`] bytes.
    pub fn new(value: &[u8]) -> Result<Self, KnownValueError> {
        let value = value.strip_suffix(b"\n").unwrap_or(value);
        let value = value.strip_suffix(b"\r").unwrap_or(value);
        if value.len() < Self::LEAST {
            return Err(KnownValueError::TooShort {
                length: value.len(),
            });
        }
        let mut forms = vec![
            KnownForm::new(None, value.iter().copied()),
            KnownForm::new(Some(Decoding::Hex), hex(value, b"0123456789abcdef")),
            KnownForm::new(Some(Decoding::Hex), hex(value, b"0123456789ABCDEF")),
        ];
        for alphabet in [STANDARD, URL_SAFE] {
            for before in 0..3 {
                let digits = base64_inside(value, alphabet, before);
                forms.push(KnownForm::new(Some(Decoding::Base64), digits));
            }
        }
        // A private key may be wrapped at another column than the value that was handed over.
        if value.len() >= 24 && value.iter().any(|&byte| window::is_blank(byte)) {
            let unspaced = value
                .iter()
                .copied()
                .filter(|&byte| !window::is_blank(byte));
            forms.push(KnownForm::new(Some(Decoding::Spaced), unspaced));
        }
        let mut sieve = Box::new(Sieve::empty());
        for (number, form) in forms.iter().enumerate() {
            sieve.let_through(number, &form.bytes, false);
        }
        let longest = forms.iter().map(|form| form.bytes.len()).max();
        Ok(Self {
            sieve,
            longest: longest.unwrap_or_default(),
            forms,
        })
    }

    /// Where the value stands in `text`: as it is, in base64 at each of the three places a byte can
    /// have in it and in either alphabet, in hexadecimal, and each of these also percent-encoded,
    /// escaped as in JSON, broken over lines, or in UTF-16.
    #[must_use]
    pub fn found_in(&self, text: &[u8]) -> Option<SecretHit> {
        let behind = |via| {
            let found = window::reread(text, via, self.longest, |bytes| self.find(bytes))?;
            let via = found.via.or(Some(via));
            Some(RawHit { via, ..found })
        };
        self.find(text)
            .or_else(|| behind(Decoding::Percent))
            .or_else(|| behind(Decoding::Escape))
            .or_else(|| behind(Decoding::Spaced))
            .or_else(|| behind(Decoding::Utf16))
            .map(|found| found.in_text(text))
    }

    fn find(&self, text: &[u8]) -> Option<RawHit> {
        self.sieve.find(text, |number, at| {
            let form = self.forms.get(number)?;
            let via = form.via;
            let kind = SecretKind::KnownValue;
            stands_at(text, at, &form.bytes, false).then_some(RawHit { kind, at, via })
        })
    }
}

impl Drop for KnownValue {
    /// The forms wipe themselves; the sieve knows how each of them begins.
    fn drop(&mut self) {
        self.sieve.zeroize();
    }
}

impl fmt::Debug for KnownValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KnownValue(..)")
    }
}

impl KnownForm {
    fn new(via: Option<Decoding>, bytes: impl Iterator<Item = u8> + Clone) -> Self {
        // Room for all of it at once: a vector that grows leaves copies behind that nobody wipes.
        let mut room = Zeroizing::new(Vec::with_capacity(bytes.clone().count()));
        room.extend(bytes);
        Self { via, bytes: room }
    }
}

fn hex<'v>(value: &'v [u8], digits: &'v [u8; 16]) -> impl Iterator<Item = u8> + Clone + 'v {
    value.iter().flat_map(|byte| {
        [
            digits[usize::from(byte >> 4)],
            digits[usize::from(byte & 15)],
        ]
    })
}

/// The base64 digits that only the value decides, where `before` bytes of something else come before
/// it in its group of three.
fn base64_inside<'v>(
    value: &'v [u8],
    alphabet: &'v [u8; 64],
    before: usize,
) -> impl Iterator<Item = u8> + Clone + 'v {
    let first = (before * 8).div_ceil(6);
    let end = (before + value.len()) * 8 / 6;
    (first..end).map(move |digit| {
        let bit = digit * 6 - before * 8;
        let high = value.get(bit / 8).copied().unwrap_or_default();
        let low = value.get(bit / 8 + 1).copied().unwrap_or_default();
        let pair = u16::from_be_bytes([high, low]);
        alphabet[usize::from(pair >> (10 - bit % 8) & 63)]
    })
}
