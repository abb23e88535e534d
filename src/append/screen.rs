//! Holds everything that is about to be signed or stored against the guard, and says where.

use std::fmt;

use crate::event::Event;
use crate::event::field::FieldKind;
use crate::guard::{self, FieldClass, KnownValue, PassedOver, SecretHit, SecretKind};
use crate::register::ScanAllowance;
use crate::text::{Id, Line};

/// Where a secret scan found secret material in a statement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place} holds {hit}")]
pub struct SecretMatch {
    /// The field or attachment.
    pub place: ScanPlace,
    /// What it looks like, and where in it.
    pub hit: SecretHit,
}

/// A place that a scan looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScanPlace {
    /// A field of the statement.
    Field(&'static str),
    /// The names of its attachments.
    AttachmentName,
    /// Their media types.
    MediaType,
    /// The attachment of this name.
    Attachment(Line),
}

impl ScanPlace {
    /// The place as an exception names it.
    #[must_use]
    pub fn word(&self) -> String {
        match self {
            Self::Field(name) => format!("field:{name}"),
            Self::AttachmentName => "attachment-name".to_owned(),
            Self::MediaType => "media-type".to_owned(),
            Self::Attachment(name) => format!("attachment:{name}"),
        }
    }
}

impl fmt::Display for ScanPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, "the field `{name}`"),
            Self::AttachmentName => f.write_str("the name of an attachment"),
            Self::MediaType => f.write_str("the media type of an attachment"),
            Self::Attachment(name) => write!(f, "the attachment `{name}`"),
        }
    }
}

/// What statements are held against.
#[derive(Debug, Clone, Copy, Default)]
pub struct Screening<'a> {
    /// Values that must not be in them.
    pub known: &'a [KnownValue],
    /// What Security Owners let pass now.
    pub excepted: &'a [ScanAllowance],
}

impl<'a, T: AsRef<[KnownValue]> + ?Sized> From<&'a T> for Screening<'a> {
    fn from(known: &'a T) -> Self {
        Self {
            known: known.as_ref(),
            excepted: &[],
        }
    }
}

impl Screening<'_> {
    /// Looks through every text of a statement.
    ///
    /// # Errors
    /// The first secret material found.
    pub(super) fn texts(self, event: &Event, on_behalf_of: Option<&Id>) -> Result<(), SecretMatch> {
        let behalf = ScanPlace::Field("on_behalf_of");
        let mut found = on_behalf_of.and_then(|id| self.text(&behalf, FieldClass::Id, id.as_str()));
        event.fields(&mut |spec, field| {
            let class = match spec.kind {
                FieldKind::Prose => FieldClass::Prose,
                FieldKind::Line => FieldClass::Line,
                FieldKind::Reference => FieldClass::Reference,
                _ => FieldClass::Id,
            };
            field.each_text(&mut |value| {
                if found.is_none() {
                    found = self.text(&ScanPlace::Field(spec.name), class, value);
                }
            });
        });
        found.map_or(Ok(()), Err)
    }

    /// Looks through an attachment: its name, its media type, its bytes.
    ///
    /// # Errors
    /// The first secret material found.
    pub fn file(self, name: &Line, media_type: &Id, bytes: &[u8]) -> Result<(), SecretMatch> {
        let media = || self.text(&ScanPlace::MediaType, FieldClass::Id, media_type.as_str());
        let found = self
            .text(&ScanPlace::AttachmentName, FieldClass::Line, name.as_str())
            .or_else(media)
            .or_else(|| {
                let place = ScanPlace::Attachment(name.clone());
                let scan = |bytes: &[u8]| self.but(&place).scan_attachment(bytes);
                let hit = scan(bytes).or_else(|| self.known_in(bytes))?;
                Some(SecretMatch { place, hit })
            });
        found.map_or(Ok(()), Err)
    }

    /// A copy of an attachment's bytes without what is found in them, whoever lets it pass; none where that
    /// cannot be had.
    #[must_use]
    pub fn redacted(self, bytes: &[u8]) -> Option<Vec<u8>> {
        guard::redacted(bytes, |text| {
            self.known_in(text).or_else(|| guard::scan_attachment(text))
        })
    }

    fn text(self, place: &ScanPlace, class: FieldClass, value: &str) -> Option<SecretMatch> {
        let hit = self.but(place).scan_field(class, value);
        let hit = hit.or_else(|| self.known_in(value.as_bytes()))?;
        let place = place.clone();
        Some(SecretMatch { place, hit })
    }

    fn known_in(self, bytes: &[u8]) -> Option<SecretHit> {
        self.known.iter().find_map(|value| value.found_in(bytes))
    }

    /// What passes in this place.
    fn but(self, place: &ScanPlace) -> PassedOver {
        if self.excepted.is_empty() {
            return PassedOver::default();
        }
        let word = place.word();
        let here = self.excepted.iter().filter(|scan| scan.covers(&word));
        PassedOver::of(here.filter_map(|scan| kind(&scan.kind)))
    }
}

/// The kind of secret material of this word, if this program knows it.
pub(super) fn kind(word: &Id) -> Option<SecretKind> {
    let mut kinds = SecretKind::ALL.iter().copied();
    kinds.find(|kind| kind.word() == word.as_str())
}
