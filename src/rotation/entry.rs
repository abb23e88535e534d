//! The entry that a rotation is taking, and what it breaks.

use crate::rule::{Finding, Rule};
use crate::text::Id;

use super::frame::{EntryFrame, RotationSetting};
use super::state::Rotation;

/// One entry of one rotation, what it is judged by, and where what it breaks is written down.
pub(super) struct RotationEntry<'a> {
    pub(super) setting: &'a RotationSetting<'a>,
    pub(super) told: &'a EntryFrame<'a>,
    rotation: Id,
    secret: Id,
    found: &'a mut Vec<Finding>,
}

impl<'a> RotationEntry<'a> {
    pub(super) fn new(
        rotation: &Rotation,
        setting: &'a RotationSetting<'a>,
        told: &'a EntryFrame<'a>,
        found: &'a mut Vec<Finding>,
    ) -> Self {
        Self {
            setting,
            told,
            rotation: rotation.id.clone(),
            secret: rotation.secret.clone(),
            found,
        }
    }

    pub(super) fn breaks(
        &mut self,
        rule: &'static Rule,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) {
        self.found.push(
            Finding::new(rule, expected, found)
                .at(self.told.sequence)
                .of_rotation(&self.rotation)
                .of_secret(&self.secret),
        );
    }
}

/// Ids in one line, for findings and the template.
pub(super) fn list(ids: &[impl AsRef<str>]) -> String {
    if ids.is_empty() {
        return "none".to_owned();
    }
    ids.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ")
}

pub(super) fn sorted(ids: &[Id]) -> Vec<Id> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    ids
}
