//! What a field is called on the command line, and what may stand in for it.

use crate::event::EventSpec;
use crate::event::field::{FieldKind, FieldSpec};

/// The file whose line fills `key` and `possession`.
pub(super) const PUBLIC: &str = "public";
pub(super) const GENERIC: &str = "field";

pub(super) fn id(field: &FieldSpec) -> String {
    format!("said.{}", field.name)
}

/// The flag's name; one field is called as the generic flag is.
pub(super) fn long_name(field: &FieldSpec) -> String {
    match field.name {
        GENERIC => "wrong-field".to_owned(),
        name => name.replace('_', "-"),
    }
}

/// Ids and words of a set hold no comma, so a comma can separate them; texts may hold one.
pub(super) fn splits(field: &FieldSpec) -> bool {
    field.many && matches!(field.kind, FieldKind::Id | FieldKind::Choice(_))
}

/// Where it is used: prod is the only place in scope, so nobody has to say it. Another word is
/// refused by the ledger, not by the command line.
pub(super) fn is_scope(field: &FieldSpec) -> bool {
    field.name == "environment"
}

/// A required time is now unless said, but for those that now would make untrue: when something
/// began, and when something ends.
pub(super) fn defaults_to_now(field: &FieldSpec) -> bool {
    let is_time = field.required && field.kind == FieldKind::Time;
    is_time && !matches!(field.name, "from" | "started" | "expires")
}

/// Whether a span alone counts on from when it is said, and not back: what is planned, and what ends something.
pub(super) fn lies_ahead(field: &FieldSpec) -> bool {
    ["window_start", "window_end", "planned_end", "expires"].contains(&field.name)
}

/// The link of an entry named by its sequence is looked up.
pub(crate) fn is_looked_up(field: &FieldSpec) -> bool {
    field.name == "link"
}

pub(super) fn takes_public(spec: &EventSpec) -> bool {
    spec.field("key").is_some() && spec.field("possession").is_some()
}

pub(super) fn is_from_public(spec: &EventSpec, field: &FieldSpec) -> bool {
    takes_public(spec) && matches!(field.name, "key" | "possession")
}
