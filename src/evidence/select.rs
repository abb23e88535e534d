//! Which rotations, secrets and entries belong to a part of a ledger.
//!
//! A secret comes with all of its entries, since their thread (`subject_previous`) then shows a hole;
//! and with every entry that is about no secret, since these say who may speak and by which policy.

use std::collections::BTreeSet;

use crate::event::Event;
use crate::pack::Part;
use crate::register::Register;
use crate::rotation::Rotation;
use crate::text::Id;
use crate::time::Timestamp;
use crate::verify::Question;

/// A part of a register.
#[derive(Debug, Clone)]
pub struct Selected<'r> {
    register: &'r Register,
    /// The rotations, by their opening.
    pub rotations: Vec<&'r Rotation>,
    /// The secrets.
    pub secrets: BTreeSet<&'r Id>,
}

/// The part of a register; an open rotation lasts until `as_of`.
#[must_use]
pub fn select<'r>(register: &'r Register, part: &Part, as_of: Timestamp) -> Selected<'r> {
    let (from, to) = match part {
        Part::Range(from, to) => (*from, *to),
        _ => (None, None),
    };
    let question = Question {
        from,
        to,
        ..Question::at(as_of)
    };
    let belongs = |rotation: &&Rotation| match part {
        Part::Everything => true,
        Part::Rotation(id) => rotation.id == *id,
        Part::Secret(id) => rotation.secret == *id,
        Part::Range(..) => question.selects(rotation),
    };
    let all = register.rotations.values().map(AsRef::as_ref);
    let mut rotations: Vec<&Rotation> = all.filter(belongs).collect();
    rotations.sort_by_key(|rotation| (rotation.opened.sequence, &rotation.id));
    let secrets = match part {
        Part::Everything => register.secrets.keys().collect(),
        Part::Secret(id) => register
            .secrets
            .get_key_value(id)
            .into_iter()
            .map(|(id, _)| id)
            .collect(),
        Part::Rotation(_) | Part::Range(..) => {
            rotations.iter().map(|rotation| &rotation.secret).collect()
        }
    };
    Selected {
        register,
        rotations,
        secrets,
    }
}

impl Selected<'_> {
    /// Whether the entry of this event belongs to the part.
    #[must_use]
    pub fn holds(&self, event: &Event) -> bool {
        self.holds_about(self.register.subject(event).as_ref())
    }

    /// Whether an entry about this secret, or about none, belongs to the part.
    #[must_use]
    pub fn holds_about(&self, subject: Option<&Id>) -> bool {
        subject.is_none_or(|secret| self.secrets.contains(secret))
    }
}
