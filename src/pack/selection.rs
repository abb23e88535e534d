//! What was selected for a pack, as the `selection` of its `pack.exported` says it: one line, so that
//! whoever reads the ledger sees it, in one form, so that the pack can be made again from it.
//!
//! ```text
//! selection = part [ "; without attachments" ] [ "; as in-toto" ] "; pack key " hex
//! part      = "everything" | "rotation " id | "secret " id
//!           | "from " time | "to " time | "from " time " to " time | draw
//! ```

use std::fmt;
use std::str::FromStr;

use crate::key::PublicKey;
use crate::text::Id;
use crate::time::Timestamp;

use super::draw::Draw;

const WITHOUT: &str = "; without attachments";
const AS_IN_TOTO: &str = "; as in-toto";

/// The part of a ledger that a pack is about.
#[derive(Default, Debug, Clone, PartialEq, Eq)]
pub enum PackPart {
    /// All of it.
    #[default]
    Everything,
    /// One rotation.
    Rotation(Id),
    /// One secret, with all of its rotations.
    Secret(Id),
    /// The rotations any part of which lies between two instants; at least one of them is said.
    Range(Option<Timestamp>, Option<Timestamp>),
    /// Rotations of a period that a seed decides.
    Sample(Box<Draw>),
}

/// What was made of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SelectionForm {
    /// A pack: one bag in one zip.
    Pack,
    /// An in-toto Statement of each rotation, in envelopes.
    InToto,
}

/// What was exported of which part, and who signs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// The part.
    pub part: PackPart,
    /// Whether attached files were left out.
    pub without_attachments: bool,
    /// What was made of it.
    pub form: SelectionForm,
    /// The key that signs it.
    pub key: PublicKey,
}

/// A selection that this program did not write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no selection of a pack")]
pub struct SelectionError(String);

impl PackPart {
    /// The instants between which it lies, where it is a range.
    #[must_use]
    pub fn range(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        match self {
            Self::Range(from, to) => (*from, *to),
            Self::Sample(draw) => (Some(draw.period.0), Some(draw.period.1)),
            Self::Everything | Self::Rotation(_) | Self::Secret(_) => (None, None),
        }
    }
}

impl fmt::Display for PackPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everything | Self::Range(None, None) => f.write_str("everything"),
            Self::Rotation(id) => write!(f, "rotation {id}"),
            Self::Secret(id) => write!(f, "secret {id}"),
            Self::Range(Some(from), None) => write!(f, "from {from}"),
            Self::Range(None, Some(to)) => write!(f, "to {to}"),
            Self::Range(Some(from), Some(to)) => write!(f, "from {from} to {to}"),
            Self::Sample(draw) => write!(f, "{draw}"),
        }
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let without = match self.without_attachments {
            true => WITHOUT,
            false => "",
        };
        let form = match self.form {
            SelectionForm::Pack => "",
            SelectionForm::InToto => AS_IN_TOTO,
        };
        write!(f, "{}{without}{form}; pack key {}", self.part, self.key)
    }
}

impl FromStr for PackPart {
    type Err = SelectionError;

    fn from_str(text: &str) -> Result<Self, SelectionError> {
        let refusal = || SelectionError(text.to_owned());
        let id = |text: &str| Id::new(text).map_err(|_| refusal());
        let time = |text: &str| text.parse::<Timestamp>().map_err(|_| refusal());
        match text.split_once(' ') {
            None if text == "everything" => Ok(Self::Everything),
            Some(("rotation", rest)) => Ok(Self::Rotation(id(rest)?)),
            Some(("secret", rest)) => Ok(Self::Secret(id(rest)?)),
            Some(("to", rest)) => Ok(Self::Range(None, Some(time(rest)?))),
            Some(("from", rest)) => match rest.split_once(" to ") {
                Some((from, to)) => Ok(Self::Range(Some(time(from)?), Some(time(to)?))),
                None => Ok(Self::Range(Some(time(rest)?), None)),
            },
            Some(("sample", rest)) => match Draw::parse(rest) {
                Some(draw) => Ok(Self::Sample(Box::new(draw))),
                None => Err(refusal()),
            },
            _ => Err(refusal()),
        }
    }
}

impl FromStr for Selection {
    type Err = SelectionError;

    /// Reads a selection, strictly: formatting it again gives the same text.
    fn from_str(text: &str) -> Result<Self, SelectionError> {
        let refusal = || SelectionError(text.to_owned());
        let (said, key) = text.rsplit_once("; pack key ").ok_or_else(refusal)?;
        let (said, form) = match said.strip_suffix(AS_IN_TOTO) {
            Some(said) => (said, SelectionForm::InToto),
            None => (said, SelectionForm::Pack),
        };
        let (part, without_attachments) = match said.strip_suffix(WITHOUT) {
            Some(part) => (part, true),
            None => (said, false),
        };
        let read = Self {
            part: part.parse()?,
            without_attachments,
            form,
            key: key.parse().map_err(|_| refusal())?,
        };
        match read.to_string() == text {
            true => Ok(read),
            false => Err(refusal()),
        }
    }
}

/// What `ends_sha256` of a `pack.exported` hashes: each registered secret and its last entry, one a line.
#[must_use]
pub fn ends<'r>(last: impl Iterator<Item = (&'r Id, u64)>) -> String {
    last.map(|(id, entry)| format!("{id} {entry}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::SecretKey;

    #[test]
    fn a_selection_has_one_form() {
        let key = SecretKey::from_seed(&[7; 32]).public();
        let id = |text: &str| Id::new(text).unwrap();
        let time = |text: &str| text.parse::<Timestamp>().unwrap();
        let (from, to) = (time("2026-01-01T00:00:00Z"), time("2026-03-31T23:59:59Z"));
        for (part, said) in [
            (PackPart::Everything, "everything"),
            (PackPart::Rotation(id("r-41")), "rotation r-41"),
            (PackPart::Secret(id("db/orders")), "secret db/orders"),
            (
                PackPart::Range(Some(from), None),
                "from 2026-01-01T00:00:00Z",
            ),
            (PackPart::Range(None, Some(to)), "to 2026-03-31T23:59:59Z"),
            (
                PackPart::Range(Some(from), Some(to)),
                "from 2026-01-01T00:00:00Z to 2026-03-31T23:59:59Z",
            ),
        ] {
            for (without_attachments, form, middle) in [
                (false, SelectionForm::Pack, ""),
                (true, SelectionForm::Pack, "; without attachments"),
                (false, SelectionForm::InToto, "; as in-toto"),
                (
                    true,
                    SelectionForm::InToto,
                    "; without attachments; as in-toto",
                ),
            ] {
                let text = format!("{said}{middle}; pack key {key}");
                let selection = Selection {
                    part: part.clone(),
                    without_attachments,
                    form,
                    key,
                };
                assert_eq!(selection.to_string(), text);
                assert_eq!(text.parse(), Ok(selection));
            }
        }
        for bad in [
            String::new(),
            "everything".to_owned(),
            format!("nothing; pack key {key}"),
            format!("rotation ; pack key {key}"),
            format!("from 2026-01-01; pack key {key}"),
            format!("everything; as in-toto; without attachments; pack key {key}"),
            format!("everything;  without attachments; pack key {key}"),
            format!("everything; pack key {}", &key.to_string()[1..]),
            format!("everything; pack key {key} "),
        ] {
            assert!(bad.parse::<Selection>().is_err(), "{bad}");
        }
    }
}
