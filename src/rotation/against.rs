//! Where what one entry of one rotation breaks is written down.

use crate::rule::Finding;
use crate::rule::Rule;
use crate::text::Id;

/// Collects what one entry of one rotation breaks.
pub(super) struct Against<'a> {
    pub(super) found: &'a mut Vec<Finding>,
    pub(super) rotation: Id,
    pub(super) secret: Id,
    pub(super) sequence: u64,
}

impl Against<'_> {
    pub(super) fn holds(
        &mut self,
        rule: &'static Rule,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) {
        self.found.push(
            Finding::new(rule, expected, found)
                .at(self.sequence)
                .of_rotation(&self.rotation)
                .of_secret(&self.secret),
        );
    }
}
