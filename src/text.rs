//! Bounded text: once parsed it is valid for ever, in memory and in stored bytes alike.
//!
//! Every text that can reach a terminal, a template or a report is one of these. Control and
//! direction-changing characters are refused, because a line break in a summary could forge a
//! template line and an override character could make a screen show what the bytes do not say.

use std::fmt;
use std::str::FromStr;

use bincode::de::{BorrowDecode, BorrowDecoder, Decode, Decoder};
use bincode::enc::{Encode, Encoder};
use bincode::error::{DecodeError, EncodeError};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smol_str::SmolStr;

/// What is wrong with a text. The text itself is not echoed: it may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TextError {
    /// Nothing is there.
    #[error("is empty")]
    Empty,
    /// More bytes than the limit.
    #[error("is {length} bytes long; the limit is {limit}")]
    TooLong {
        /// Bytes found.
        length: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// A character that must not be there, and where (byte offset).
    #[error("has the character U+{character:04X} at byte {at}, which is not allowed there{hint}")]
    Character {
        /// The code point.
        character: u32,
        /// Its byte offset.
        at: usize,
        /// What would be allowed.
        hint: &'static str,
    },
    /// White space at an end, so that two texts would look alike.
    #[error("begins or ends with white space")]
    Edges,
}

/// Control characters, line and paragraph separators, direction overrides, zero-width and
/// byte-order characters: invisible on a screen, or able to rearrange it.
pub(crate) fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}')
}

fn refuse_first(
    text: &str,
    hint: &'static str,
    refused: impl Fn(char) -> bool,
) -> Result<(), TextError> {
    match text.char_indices().find(|&(_, c)| refused(c)) {
        Some((at, c)) => Err(TextError::Character {
            character: c as u32,
            at,
            hint,
        }),
        None => Ok(()),
    }
}

fn check_bounds(text: &str, limit: usize) -> Result<(), TextError> {
    if text.is_empty() {
        return Err(TextError::Empty);
    }
    if text.len() > limit {
        return Err(TextError::TooLong {
            length: text.len(),
            limit,
        });
    }
    if text.trim() != text {
        return Err(TextError::Edges);
    }
    Ok(())
}

fn check_id(text: &str, limit: usize) -> Result<(), TextError> {
    check_bounds(text, limit)?;
    refuse_first(
        text,
        " (letters, digits and . _ - : / @ + = # ~ are)",
        |c| !(c.is_ascii_alphanumeric() || "._-:/@+=#~".contains(c)),
    )
}

fn check_reference(text: &str, limit: usize) -> Result<(), TextError> {
    check_bounds(text, limit)?;
    refuse_first(text, " (no spaces in a reference)", |c| {
        is_deceptive(c) || c.is_whitespace()
    })
}

fn check_line(text: &str, limit: usize) -> Result<(), TextError> {
    check_bounds(text, limit)?;
    refuse_first(text, " (one line of plain text is)", is_deceptive)
}

fn check_prose(text: &str, limit: usize) -> Result<(), TextError> {
    check_bounds(text, limit)?;
    refuse_first(text, " (line breaks and tabs are)", |c| {
        is_deceptive(c) && c != '\n' && c != '\t'
    })
}

fn parsed<T>(text: Result<T, TextError>) -> Result<T, DecodeError> {
    text.map_err(|fault| DecodeError::OtherString(format!("a text {fault}")))
}

macro_rules! text_type {
    ($(#[$doc:meta])* $name:ident, $limit:literal, $check:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        // Most are short, and a register holds millions: up to 23 bytes lie in place, and a copy of a
        // longer one shares its bytes.
        pub struct $name(SmolStr);

        impl $name {
            /// The most bytes of UTF-8 it may hold.
            pub const LIMIT: usize = $limit;

            /// Parses, so that holding one proves that the rules are met.
            ///
            /// # Errors
            /// See [`TextError`]; the text is never echoed.
            pub fn new(text: impl AsRef<str>) -> Result<Self, TextError> {
                let text = text.as_ref();
                $check(text, Self::LIMIT)?;
                Ok(Self(SmolStr::new(text)))
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = TextError;

            fn from_str(text: &str) -> Result<Self, TextError> {
                Self::new(text)
            }
        }

        impl Encode for $name {
            fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
                self.as_str().encode(encoder)
            }
        }

        impl<Context> Decode<Context> for $name {
            fn decode<D: Decoder<Context = Context>>(decoder: &mut D) -> Result<Self, DecodeError> {
                parsed(Self::new(String::decode(decoder)?))
            }
        }

        impl<'de, Context> BorrowDecode<'de, Context> for $name {
            fn borrow_decode<D: BorrowDecoder<'de, Context = Context>>(decoder: &mut D) -> Result<Self, DecodeError> {
                parsed(Self::new(<&str>::borrow_decode(decoder)?))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::new(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
            }
        }
    };
}

text_type! {
    /// A name that things are found by: a secret, rotation, actor, incident, consumer or service.
    /// ASCII letters, digits and `. _ - : / @ + = # ~`, at most 128 bytes. No comma, so that a
    /// list of ids reads back from the template.
    Id, 128, check_id
}
text_type! {
    /// A pointer to something elsewhere: a version id, key id, ticket, document, path or URL. At
    /// most 512 bytes, no white space.
    Reference, 512, check_reference
}
text_type! {
    /// One line of plain text, at most 1,024 bytes.
    Line, 1024, check_line
}
text_type! {
    /// Prose of several lines, at most 8,192 bytes.
    Prose, 8192, check_prose
}

/// A number in its one decimal form: `0`, or digits that do not begin with it. `+5`, `05` and what exceeds
/// the type are none.
pub(crate) fn decimal<N: FromStr + ToString>(text: &str) -> Option<N> {
    let number: N = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

/// What happened to a text on its way, where that can be seen: editors, mail and shells change small files, and what was
/// changed so says nothing, for or against anybody.
pub(crate) fn mangled(bytes: &[u8]) -> Option<&'static str> {
    let begins = |with: &[u8]| bytes.trim_ascii_start().starts_with(with);
    let has = |what: &[u8]| bytes.windows(what.len()).any(|window| window == what);
    if bytes.trim_ascii().is_empty() {
        Some("the file is empty")
    } else if begins(b"\xff\xfe") || begins(b"\xfe\xff") || begins(b"\xef\xbb\xbf") {
        Some("the file begins with a byte order mark; it has to be UTF-8 without one")
    } else if has(b"\r\n") {
        Some("the lines end with CR LF; they have to end with LF alone")
    } else if begins(b">") {
        Some("the lines are quoted with `>`, as a mail does")
    } else if begins(b"<") {
        Some("it is a page, not the file that the page shows")
    } else {
        None
    }
}

/// Gives a type over an array of bytes its one text: lower-case hex digits, and no other spelling.
macro_rules! hex_text {
    ($name:ident, $length:literal, $error:ty, $fault:expr) => {
        impl $name {
            /// Takes bytes for what they are said to be.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; $length]) -> Self {
                Self(bytes)
            }

            /// The bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $length] {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl std::str::FromStr for $name {
            type Err = $error;

            fn from_str(text: &str) -> Result<Self, $error> {
                let mut bytes = [0; $length];
                hex::decode_to_slice(text, &mut bytes).map_err(|_| $fault)?;
                if hex::encode(bytes) == text {
                    Ok(Self(bytes))
                } else {
                    Err($fault)
                }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use hex_text;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_cannot_forge_a_template_line() {
        let fault = Line::new("all fine\n- revoke_confirmed: yes").unwrap_err();
        assert!(matches!(
            fault,
            TextError::Character {
                character: 0x0a,
                at: 8,
                ..
            }
        ));
    }

    #[test]
    fn refuses_what_a_screen_would_not_show_truly() {
        for text in [
            "a\u{202E}b",
            "a\u{200B}b",
            "a\u{1b}[2Jb",
            "a\u{85}b",
            "a\u{2028}b",
            "\u{FEFF}a",
            "a\0b",
        ] {
            assert!(Line::new(text).is_err(), "{text:?}");
            assert!(Prose::new(text).is_err(), "{text:?}");
            assert!(Reference::new(text).is_err(), "{text:?}");
            assert!(Id::new(text).is_err(), "{text:?}");
        }
        assert!(Prose::new("first\n\tsecond").is_ok());
    }

    #[test]
    fn limits_are_bytes_and_exact() {
        assert!(Id::new("a".repeat(128)).is_ok());
        assert_eq!(
            Id::new("a".repeat(129)),
            Err(TextError::TooLong {
                length: 129,
                limit: 128
            })
        );
        assert!(Line::new("é".repeat(512)).is_ok());
        assert!(Line::new("é".repeat(513)).is_err());
    }

    #[test]
    fn edges_and_empties_are_refused() {
        for text in ["", " a", "a ", "\ta"] {
            assert!(Line::new(text).is_err(), "{text:?}");
        }
        assert!(Id::new("db, api").is_err());
        assert!(Reference::new("a b").is_err());
    }
}
