//! What a field of an event can be: how the command line reads it, how the guard looks at it, and
//! how the documents describe it.

use serde_json::Value;

use crate::hash::{Blake3Digest, Link, NodeHash, Sha256Digest};
use crate::key::{PublicKey, Signature};
use crate::text::{Id, Line, Prose, Reference, TextError};
use crate::time::Timestamp;

/// What one value of a field looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldKind {
    /// A name that things are found by ([`Id`]).
    Id,
    /// A pointer to something elsewhere ([`Reference`]).
    Reference,
    /// One line of text ([`Line`]).
    Line,
    /// Several lines of text ([`Prose`]).
    Prose,
    /// An instant in UTC ([`Timestamp`]); the command line takes now where it is left out.
    Time,
    /// Yes or no.
    Flag,
    /// A whole number.
    Number,
    /// A hash, public key or signature in lower-case hex.
    Hex,
    /// One of a closed set of words.
    Choice(&'static [&'static str]),
}

impl FieldKind {
    /// The placeholder that help texts show.
    #[must_use]
    pub const fn placeholder(self) -> &'static str {
        match self {
            Self::Id => "ID",
            Self::Reference => "REF",
            Self::Line | Self::Prose => "TEXT",
            Self::Time => "TIME",
            Self::Flag => "yes|no",
            Self::Number => "N",
            Self::Hex => "HEX",
            Self::Choice(_) => "WORD",
        }
    }

    fn check(self, value: &Value) -> Result<(), String> {
        let text = || value.as_str().ok_or_else(|| "needs a text".to_owned());
        let fits = |result: Result<(), TextError>| result.map_err(|fault| fault.to_string());
        match self {
            Self::Id => fits(Id::new(text()?).map(drop)),
            Self::Reference => fits(Reference::new(text()?).map(drop)),
            Self::Line => fits(Line::new(text()?).map(drop)),
            Self::Prose => fits(Prose::new(text()?).map(drop)),
            // The parser's own fault echoes the text, which may be a secret in the wrong field.
            Self::Time => text()?.parse::<Timestamp>().map(drop).map_err(|_| {
                "needs a time, written as 2026-01-31T09:00:00Z or with an offset".to_owned()
            }),
            Self::Hex => text().map(drop),
            Self::Flag => value
                .as_bool()
                .map(drop)
                .ok_or_else(|| "needs true or false".to_owned()),
            Self::Number => value
                .as_i64()
                .map(drop)
                .ok_or_else(|| "needs a whole number".to_owned()),
            Self::Choice(["prod"]) if text()? != "prod" => {
                Err("is out of scope: this ledger takes prod only (SOP 2)".to_owned())
            }
            Self::Choice(words) if !words.contains(&text()?) => {
                Err(format!("needs one of: {}", words.join(", ")))
            }
            Self::Choice(_) => Ok(()),
        }
    }

    /// The JSON value that a word typed on the command line stands for. Only the form is settled
    /// here; whether the text is allowed is decided where the event is parsed.
    ///
    /// # Errors
    /// What was expected instead.
    pub fn parse(self, word: &str) -> Result<Value, String> {
        match self {
            Self::Flag => match word {
                "yes" | "true" => Ok(Value::Bool(true)),
                "no" | "false" => Ok(Value::Bool(false)),
                _ => Err("needs yes or no".to_owned()),
            },
            Self::Number => word
                .parse::<i64>()
                .map(Value::from)
                .map_err(|_| "needs a whole number".to_owned()),
            Self::Choice(words) if !words.contains(&word) => {
                Err(format!("needs one of: {}", words.join(", ")))
            }
            Self::Id
            | Self::Reference
            | Self::Line
            | Self::Prose
            | Self::Time
            | Self::Hex
            | Self::Choice(_) => Ok(Value::from(word)),
        }
    }
}

/// One field of an event, as help texts, documents and the command line know it.
#[derive(Debug, Clone, Copy)]
pub struct FieldSpec {
    /// The name in JSON and, with dashes, on the command line.
    pub name: &'static str,
    /// What it means.
    pub help: &'static str,
    /// What one value looks like.
    pub kind: FieldKind,
    /// The type it is stored as, in Rust's words: `Id`, `Option<u32>`, `Vec<Role>`.
    pub stored: &'static str,
    /// Whether several values may be given.
    pub many: bool,
    /// Whether the event cannot be without it.
    pub required: bool,
}

impl FieldSpec {
    /// Whether a JSON value has the form of this field: one fault that names the field is worth
    /// more than a parser's line and column, and must not echo the value.
    ///
    /// # Errors
    /// What is wrong, to be read after the field's name.
    pub fn check_form(&self, value: &Value) -> Result<(), String> {
        match (self.many, value) {
            (true, Value::Array(values)) => {
                values.iter().try_for_each(|value| self.kind.check(value))
            }
            (true, _) => Err("needs a list".to_owned()),
            (false, Value::Null) if !self.required => Ok(()),
            (false, value) => self.kind.check(value),
        }
    }
}

/// A type that a field of an event can have.
pub trait FieldType {
    /// What one value looks like.
    const KIND: FieldKind;
    /// Whether it holds several values.
    const MANY: bool = false;
    /// Whether there is no way to say "nothing".
    const REQUIRED: bool = true;

    /// Whether it says nothing and is left out of JSON.
    fn is_absent(&self) -> bool {
        false
    }

    /// Shows each text in it to `look`.
    fn texts<'a>(&'a self, _look: &mut dyn FnMut(&'a str)) {}

    /// The id it holds, where it is one.
    fn as_id(&self) -> Option<&Id> {
        None
    }
}

macro_rules! text_field {
    ($($type:ident => $kind:ident),*) => {
        $(impl FieldType for $type {
            const KIND: FieldKind = FieldKind::$kind;

            fn texts<'a>(&'a self, look: &mut dyn FnMut(&'a str)) {
                look(self.as_str());
            }
        })*
    };
}
text_field!(Reference => Reference, Line => Line, Prose => Prose);

impl FieldType for Id {
    const KIND: FieldKind = FieldKind::Id;

    fn texts<'a>(&'a self, look: &mut dyn FnMut(&'a str)) {
        look(self.as_str());
    }

    fn as_id(&self) -> Option<&Id> {
        Some(self)
    }
}

macro_rules! plain_field {
    ($($type:ty => $kind:ident),*) => {
        $(impl FieldType for $type {
            const KIND: FieldKind = FieldKind::$kind;
        })*
    };
}
plain_field!(
    Timestamp => Time, bool => Flag, u16 => Number, u32 => Number, u64 => Number, i32 => Number,
    Blake3Digest => Hex, Sha256Digest => Hex, Link => Hex, NodeHash => Hex, PublicKey => Hex, Signature => Hex
);

impl<T: FieldType> FieldType for Option<T> {
    const KIND: FieldKind = T::KIND;
    const MANY: bool = T::MANY;
    const REQUIRED: bool = false;

    fn is_absent(&self) -> bool {
        self.is_none()
    }

    fn texts<'a>(&'a self, look: &mut dyn FnMut(&'a str)) {
        if let Some(value) = self {
            value.texts(look);
        }
    }

    fn as_id(&self) -> Option<&Id> {
        self.as_ref().and_then(FieldType::as_id)
    }
}

impl<T: FieldType> FieldType for Vec<T> {
    const KIND: FieldKind = T::KIND;
    const MANY: bool = true;

    fn is_absent(&self) -> bool {
        self.is_empty()
    }

    fn texts<'a>(&'a self, look: &mut dyn FnMut(&'a str)) {
        for value in self {
            value.texts(look);
        }
    }
}

/// Declares closed sets of words: an enum with its words in JSON, text and documents, all from one
/// list. The order of the variants is their stored tag: append at the end, never reorder.
macro_rules! choices {
    ($($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $variant:ident = $word:literal),* $(,)? })*) => {
        $(
            $(#[$doc])*
            #[derive(
                Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash,
                bincode::Encode, bincode::Decode, serde::Serialize, serde::Deserialize,
            )]
            pub enum $name {
                $($(#[$word_doc])* #[serde(rename = $word)] $variant),*
            }

            impl $name {
                /// Every word of the set, in the order of their stored tags.
                pub const WORDS: &'static [&'static str] = &[$($word),*];

                /// The word.
                #[must_use]
                pub const fn word(self) -> &'static str {
                    match self { $(Self::$variant => $word),* }
                }
            }

            impl std::fmt::Display for $name {
                fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.pad(self.word())
                }
            }

            impl std::str::FromStr for $name {
                type Err = String;

                fn from_str(text: &str) -> Result<Self, String> {
                    match text {
                        $($word => Ok(Self::$variant),)*
                        _ => Err(format!("needs one of: {}", Self::WORDS.join(", "))),
                    }
                }
            }

            impl $crate::event::field::FieldType for $name {
                const KIND: $crate::event::field::FieldKind =
                    $crate::event::field::FieldKind::Choice(Self::WORDS);
            }
        )*
    };
}
pub(super) use choices;

/// [`FieldType`] without its constants, so that fields of several types can be looked at in turn.
pub trait DynField {
    /// Shows each text in the field to `look`.
    fn each_text<'a>(&'a self, look: &mut dyn FnMut(&'a str));
    /// The id the field holds, where it is one.
    fn id(&self) -> Option<&Id>;
}

impl<T: FieldType> DynField for T {
    fn each_text<'a>(&'a self, look: &mut dyn FnMut(&'a str)) {
        self.texts(look);
    }

    fn id(&self) -> Option<&Id> {
        self.as_id()
    }
}
