//! The name of a ledger, which is also the name of the key that signs for it.

use std::fmt;
use std::str::FromStr;

use bincode::Encode;
use bincode::de::{BorrowDecode, BorrowDecoder, Decode, Decoder};
use bincode::error::DecodeError;
use serde::{Deserialize, Deserializer, Serialize};

use crate::text::{Id, TextError};

/// The origin of a checkpoint, and the name of a key: best a URL without its scheme, such as
/// `ledger.example/prod-rotations`.
///
/// C2SP rules out white space and `+` (it separates the parts of a vkey). This type is narrower:
/// ASCII letters, digits and `. _ - : / @ = # ~`, at most 128 bytes, so that no two origins look
/// alike. Its stored bytes are those of an [`Id`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Serialize)]
pub struct Origin(Id);

/// What is wrong with a text that should be an origin or a key name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OriginError {
    /// It is no id to begin with.
    #[error(transparent)]
    Text(#[from] TextError),
    /// It holds the sign that separates the parts of a vkey.
    #[error("holds a + at byte {at}, which separates the parts of a vkey")]
    Plus {
        /// Its byte offset.
        at: usize,
    },
}

impl Origin {
    /// Parses, so that holding one proves that the rules are met.
    ///
    /// # Errors
    /// See [`OriginError`].
    pub fn new(text: impl AsRef<str>) -> Result<Self, OriginError> {
        Id::new(text)?.try_into()
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl TryFrom<Id> for Origin {
    type Error = OriginError;

    fn try_from(id: Id) -> Result<Self, OriginError> {
        match id.as_str().find('+') {
            Some(at) => Err(OriginError::Plus { at }),
            None => Ok(Self(id)),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        Self::new(text)
    }
}

impl<Context> Decode<Context> for Origin {
    fn decode<D: Decoder<Context = Context>>(decoder: &mut D) -> Result<Self, DecodeError> {
        Self::try_from(Id::decode(decoder)?)
            .map_err(|fault| DecodeError::OtherString(format!("an origin {fault}")))
    }
}

impl<'de, Context> BorrowDecode<'de, Context> for Origin {
    fn borrow_decode<D: BorrowDecoder<'de, Context = Context>>(
        decoder: &mut D,
    ) -> Result<Self, DecodeError> {
        Self::decode(decoder)
    }
}

impl<'de> Deserialize<'de> for Origin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_from(Id::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: bincode::config::Configuration = bincode::config::standard();

    #[test]
    fn refuses_what_c2sp_and_a_screen_cannot_carry() {
        for text in ["", "a b", "a\u{a0}b", "a\u{202e}b", "a\nb", "a\u{430}b"] {
            assert!(
                matches!(Origin::new(text), Err(OriginError::Text(_))),
                "{text:?}"
            );
        }
        assert_eq!(
            Origin::new("a.example/c++"),
            Err(OriginError::Plus { at: 11 })
        );
        assert!(Origin::new("a".repeat(128)).is_ok());
        assert!(Origin::new("a".repeat(129)).is_err());
    }

    #[test]
    fn stored_and_json_forms_read_back_and_are_checked_again() {
        let origin = Origin::new("ledger.example/prod").unwrap();
        let bytes = bincode::encode_to_vec(&origin, CONFIG).unwrap();
        let (back, used): (Origin, _) = bincode::decode_from_slice(&bytes, CONFIG).unwrap();
        assert_eq!((back, used), (origin.clone(), bytes.len()));
        let json = serde_json::to_string(&origin).unwrap();
        assert_eq!(json, "\"ledger.example/prod\"");
        assert_eq!(serde_json::from_str::<Origin>(&json).unwrap(), origin);

        let plus = bincode::encode_to_vec(Id::new("a+b").unwrap(), CONFIG).unwrap();
        assert!(bincode::decode_from_slice::<Origin, _>(&plus, CONFIG).is_err());
        assert!(serde_json::from_str::<Origin>("\"a+b\"").is_err());
    }
}
