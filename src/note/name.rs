//! The names under which keys sign: those of other people's logs and witnesses too.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use super::origin::Origin;
use crate::text::is_deceptive;

/// The name of a key, and so of the log or witness that it signs for (C2SP signed-note: not empty, no
/// Unicode white space, no `+`).
///
/// Nobody else has to keep to the narrower form of an [`Origin`], so theirs may hold any letter or
/// sign of any script. Only what a screen would hide, or rearrange itself by, is refused beyond the
/// specification: such a name could be trusted by mistake for another one. Names are compared byte by
/// byte, and a key is known by its name and its id together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct KeyName(String);

/// What is wrong with a text that should be the name of a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyNameError {
    /// Nothing is there.
    #[error("is empty")]
    Empty,
    /// A character that must not be there.
    #[error(
        "has the character U+{character:04X} at byte {at}, which is not allowed there (no white space, no + and nothing invisible is)"
    )]
    Character {
        /// The code point.
        character: u32,
        /// Its byte offset.
        at: usize,
    },
}

impl KeyName {
    /// Parses, so that holding one proves that the rules are met.
    ///
    /// # Errors
    /// See [`KeyNameError`].
    pub fn new(text: impl Into<String>) -> Result<Self, KeyNameError> {
        let text = text.into();
        if text.is_empty() {
            return Err(KeyNameError::Empty);
        }
        let refused = |c: char| c.is_whitespace() || c == '+' || is_deceptive(c);
        match text.char_indices().find(|&(_, c)| refused(c)) {
            Some((at, c)) => Err(KeyNameError::Character {
                character: c as u32,
                at,
            }),
            None => Ok(Self(text)),
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&Origin> for KeyName {
    fn from(origin: &Origin) -> Self {
        Self(origin.as_str().to_owned())
    }
}

impl From<Origin> for KeyName {
    fn from(origin: Origin) -> Self {
        Self::from(&origin)
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for KeyName {
    type Err = KeyNameError;

    fn from_str(text: &str) -> Result<Self, KeyNameError> {
        Self::new(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_others_are_taken_as_the_specification_allows_them() {
        for text in [
            "PeterNeumann",
            "sum.golang.org",
            "log:2026~a_b@c=d#e/%41?f&g,h;(i)!*'\"|<>",
            "\u{434}\u{43d}\u{435}\u{432}\u{43d}\u{438}\u{43a}.example/\u{e9}",
            "../../etc/passwd",
            &"n".repeat(4096),
        ] {
            assert_eq!(KeyName::new(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn what_the_specification_refuses_and_what_a_screen_hides_is_refused_with_its_place() {
        assert_eq!(KeyName::new(""), Err(KeyNameError::Empty));
        for c in [
            ' ', '\t', '\n', '+', '\u{a0}', '\u{85}', '\u{3000}', '\u{2028}', '\u{202e}',
            '\u{200b}', '\u{7f}', '\0',
        ] {
            let refused = KeyNameError::Character {
                character: c as u32,
                at: 2,
            };
            assert_eq!(KeyName::new(format!("\u{e9}{c}b")), Err(refused));
        }
    }
}
