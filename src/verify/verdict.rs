//! One verdict: how many of how many were as they should be, and what that comes to.

use std::collections::BTreeSet;

use crate::pack::PackPart;
use crate::rotation::Rotation;
use crate::rule::{Finding, Verdict};

use super::folded::VerifiedFold;

/// What came of one verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerdictStatus {
    /// Everything that was looked at is as it should be.
    Pass,
    /// Something is not.
    Fail,
    /// Something is not, and an unexpired exception covers all of it, or somebody accepted it.
    Waived,
    /// It could not be looked at.
    NotChecked,
}

impl VerdictStatus {
    /// The word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Fail => "FAIL",
            Self::Waived => "WAIVED",
            Self::NotChecked => "NOT CHECKED",
        }
    }
}

/// How many of how many were looked at and held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerdictCount {
    /// Those that held.
    pub good: u64,
    /// All of them.
    pub total: u64,
    /// What they are, in the plural.
    pub what: &'static str,
}

/// One verdict.
#[derive(Debug, Clone)]
pub struct VerdictLine {
    /// The question.
    pub verdict: Verdict,
    /// The answer.
    pub status: VerdictStatus,
    /// How many of how many.
    pub counts: Vec<VerdictCount>,
    /// Findings that count.
    pub failing: u64,
    /// Findings that an exception covers.
    pub waived: u64,
    /// Findings that somebody accepted.
    pub accepted: u64,
    /// What else to know about the answer.
    pub note: Option<String>,
}

impl VerdictLine {
    fn count(&mut self, good: u64, total: u64, what: &'static str) {
        self.counts.push(VerdictCount { good, total, what });
    }

    fn not_checked(&mut self, why: &str) {
        self.status = VerdictStatus::NotChecked;
        self.note = Some(why.to_owned());
    }
}

impl VerifiedFold {
    fn count_entries(&self, line: &mut VerdictLine) {
        line.count(self.tally.whole, self.at_hand(), "entries");
        let looked_at = self.at_hand() - self.tally.held_before;
        line.count(self.tally.signed, looked_at, "signatures");
        if self.returned == Some(false) && line.status != VerdictStatus::Fail {
            line.not_checked("signatures that nobody checked prove nothing");
        }
    }

    /// The line of a verdict, with what is held against it.
    pub(super) fn line(&self, verdict: Verdict, against: &[&Finding], intact: bool) -> VerdictLine {
        let open = || against.iter().filter(|one| one.is_open());
        let listed = open().count() as u64;
        let waived = against.iter().filter(|one| one.waived_by().is_some());
        let waived = waived.count() as u64;
        let accepted = against.len() as u64 - listed - waived;
        // Nobody can tell whether an exception covers what was not kept.
        let failing = listed + self.unlisted.get(&verdict).copied().unwrap_or_default();
        let mut line = VerdictLine {
            verdict,
            status: match (failing, waived + accepted) {
                (0, 0) => VerdictStatus::Pass,
                (0, _) => VerdictStatus::Waived,
                _ => VerdictStatus::Fail,
            },
            counts: Vec::new(),
            failing,
            waived,
            accepted,
            note: None,
        };
        match verdict {
            Verdict::Integrity => self.count_entries(&mut line),
            Verdict::Authority => {
                // None that can be read was signed by anybody.
                if line.status == VerdictStatus::Pass && self.tally.authorised == 0 {
                    line.status = VerdictStatus::NotChecked;
                }
                let what = "entries by enrolled actors in their role";
                line.count(self.tally.authorised, self.at_hand(), what);
            }
            Verdict::Anchoring => self.count_anchors(&mut line, against.is_empty()),
            Verdict::Conformance | Verdict::Coverage if !intact => {
                if line.status != VerdictStatus::Fail {
                    line.status = VerdictStatus::NotChecked;
                }
                let note = match self.missing.is_empty() {
                    true => "entries that do not verify prove nothing",
                    false => "entries that are not at hand may say more",
                };
                line.note = Some(note.to_owned());
            }
            Verdict::Conformance => {
                let faulty: BTreeSet<_> = open().filter_map(|one| one.rotation.as_ref()).collect();
                let selected = self.selected().count() as u64;
                let good = selected.saturating_sub(faulty.len() as u64);
                line.count(good, selected, "rotations conform");
            }
            Verdict::Coverage => self.count_secrets(&mut line),
        }
        let nothing = self.size == 0 || verdict.is_of_rotations() && !self.is_there();
        if line.status != VerdictStatus::Fail && (nothing || self.interrupted) {
            line.status = VerdictStatus::NotChecked;
        }
        line
    }

    fn count_anchors(&self, line: &mut VerdictLine, unopposed: bool) {
        let compared = &self.compared;
        let up_to = |size: u64| format!("up to entry {}", size.saturating_sub(1));
        if let Some((size, seen)) = &compared.witnessed {
            line.note = Some(format!("{} seen by {}", up_to(*size), seen.join(", ")));
        } else if compared.given == 0 {
            // What stands against it, where something does, is said below.
            if unopposed {
                line.not_checked("no checkpoint kept elsewhere was given");
            }
            return;
        } else if compared.extended == 0 && unopposed {
            line.not_checked("entries before the kept checkpoints cannot be read");
            return;
        } else {
            let kept = compared.kept;
            let here = kept.this_host.filter(|size| kept.others < Some(*size));
            let kept = [
                (kept.others, "kept by somebody else"),
                (here, "kept by this host"),
            ];
            let kept = kept.iter();
            let kept = kept.filter_map(|(size, by)| Some(format!("{} {by}", up_to((*size)?))));
            let note = kept.collect::<Vec<_>>().join(", ");
            line.note = (!note.is_empty()).then_some(note);
        }
        line.count(
            compared.extended,
            compared.given,
            "kept checkpoints extended",
        );
    }

    fn count_secrets(&self, line: &mut VerdictLine) {
        let policy = &self.register.charter.policy;
        let as_of = self.question.as_of;
        let secrets = self.register.active_secrets();
        let asked = secrets.filter(|secret| match &self.question.part {
            // How old its secret is now says nothing about a rotation of then.
            PackPart::Rotation(_) => false,
            PackPart::Secret(id) => secret.id == *id,
            PackPart::Everything | PackPart::Range(..) | PackPart::Sample(_) => true,
        });
        let (mut good, mut total) = (0, 0);
        for secret in asked {
            total += 1;
            good += u64::from(!secret.age(policy, as_of).is_overdue());
        }
        if !matches!(self.question.part, PackPart::Rotation(_)) {
            line.count(good, total, "secrets in time");
        }
        let rotations = self.register.rotations.values();
        let asked = rotations.filter(|one| match &self.question.part {
            PackPart::Everything | PackPart::Range(..) | PackPart::Sample(_) => true,
            PackPart::Rotation(_) | PackPart::Secret(_) => self.question.selects(one),
        });
        let open = asked.filter(|one| one.is_open()).count();
        line.note = (open > 0).then(|| format!("{open} open"));
    }

    /// Entries that could be looked at, or should have been there.
    pub(super) const fn at_hand(&self) -> u64 {
        self.size.saturating_sub(self.elsewhere)
    }

    pub(super) fn selected(&self) -> impl Iterator<Item = &Rotation> {
        let rotations = self.register.rotations.values().map(AsRef::as_ref);
        rotations.filter(|rotation| self.question.selects(rotation))
    }
}
