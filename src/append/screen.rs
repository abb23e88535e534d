//! Holds everything that is about to be signed or stored against the guard, and says where.

use std::fmt;

use crate::event::Event;
use crate::event::field::FieldKind;
use crate::guard::{self, FieldClass, KnownValue, SecretHit};
use crate::text::{Id, Line};

/// Where a secret scan found secret material in a statement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place} holds {hit}")]
pub struct SecretMatch {
    /// The field or attachment.
    pub place: String,
    /// What it looks like, and where in it.
    pub hit: SecretHit,
}

/// Looks through every text of a statement.
///
/// # Errors
/// The first secret material found.
pub(super) fn texts(
    event: &Event,
    on_behalf_of: Option<&Id>,
    known: &[KnownValue],
) -> Result<(), SecretMatch> {
    let mut found = on_behalf_of.and_then(|id| {
        text(
            "the field `on_behalf_of`",
            FieldClass::Id,
            id.as_str(),
            known,
        )
    });
    event.fields(&mut |spec, field| {
        let class = match spec.kind {
            FieldKind::Prose => FieldClass::Prose,
            FieldKind::Line => FieldClass::Line,
            FieldKind::Reference => FieldClass::Reference,
            _ => FieldClass::Id,
        };
        field.each_text(&mut |value| {
            if found.is_none() {
                let place = format_args!("the field `{}`", spec.name);
                found = text(place, class, value, known);
            }
        });
    });
    found.map_or(Ok(()), Err)
}

/// Looks through an attachment: its name, its media type, its bytes.
///
/// # Errors
/// The first secret material found.
pub(super) fn file(
    name: &Line,
    media_type: &Id,
    bytes: &[u8],
    known: &[KnownValue],
) -> Result<(), SecretMatch> {
    let (named, typed) = (
        "the name of an attachment",
        "the media type of an attachment",
    );
    let found = text(named, FieldClass::Line, name.as_str(), known)
        .or_else(|| text(typed, FieldClass::Id, media_type.as_str(), known))
        .or_else(|| {
            let hit = guard::scan_attachment(bytes).or_else(|| known_in(known, bytes))?;
            let place = format!("the attachment `{name}`");
            Some(SecretMatch { place, hit })
        });
    found.map_or(Ok(()), Err)
}

fn text(
    place: impl fmt::Display,
    class: FieldClass,
    value: &str,
    known: &[KnownValue],
) -> Option<SecretMatch> {
    let hit = guard::scan_field(class, value);
    let hit = hit.or_else(|| known_in(known, value.as_bytes()));
    hit.map(|hit| SecretMatch {
        place: place.to_string(),
        hit,
    })
}

fn known_in(known: &[KnownValue], bytes: &[u8]) -> Option<SecretHit> {
    known.iter().find_map(|value| value.found_in(bytes))
}
