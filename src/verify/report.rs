//! From everything found to five verdicts.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde_json::Value;
use serde_json::json;

use crate::hash::LedgerId;
use crate::hash::Link;
use crate::hash::NodeHash;
use crate::register::Register;
use crate::rotation::Rotation;
use crate::rotation::State;
use crate::rule::Finding;
use crate::rule::Verdict;
use crate::text::Id;
use crate::time::Timestamp;

use super::Folded;
use super::Surroundings;
use super::Verified;
use super::admitted::Admitted;
use super::stamps::Stamped;

/// What came of one verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Everything that was looked at is as it should be.
    Pass,
    /// Something is not.
    Fail,
    /// Something is not, and an unexpired exception covers all of it.
    Waived,
    /// It could not be looked at.
    NotChecked,
}

impl Status {
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
pub struct Count {
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
    pub status: Status,
    /// How many of how many.
    pub counts: Vec<Count>,
    /// Findings that count.
    pub failing: u64,
    /// Findings that an exception covers.
    pub waived: u64,
    /// What else to know about the answer.
    pub note: Option<String>,
}

/// Everything that a verification says.
#[derive(Debug)]
pub struct Report {
    /// The ledger's id; none where entry 0 could not be read.
    pub ledger: Option<LedgerId>,
    /// The name in its checkpoints.
    pub origin: Option<Id>,
    /// Entries.
    pub size: u64,
    /// Those of them that were not at hand: what was verified is a part of a ledger.
    pub elsewhere: u64,
    /// The link of the last entry.
    pub head: Link,
    /// The Merkle root over all entries.
    pub root: NodeHash,
    /// How often the policy was set; 0 is the SOP's own numbers.
    pub policy_version: u32,
    /// The instant that was judged at.
    pub as_of: Timestamp,
    /// The range asked for.
    pub requested: (Option<Timestamp>, Option<Timestamp>),
    /// When the first and the last entry were recorded.
    pub recorded: Option<(Timestamp, Timestamp)>,
    /// The five verdicts, in their order.
    pub verdicts: Vec<VerdictLine>,
    /// What is held against the ledger, by sequence, then rule.
    pub findings: Vec<Finding>,
    /// How many there are in all; more than are listed where there are very many.
    pub findings_total: u64,
    /// What was not checked.
    pub not_checked: Vec<String>,
    /// What the reader should know and nobody need mend.
    pub notes: Vec<String>,
    /// The time tokens that fit the ledger, by size.
    pub stamped: Vec<Stamped>,
    /// Whether it was stopped before its end.
    pub interrupted: bool,
    register: Option<Verified<Register>>,
    said: Option<Verified<Vec<Admitted>>>,
    in_range: u64,
}

impl Folded {
    /// The report, with what the feeder of the verification found in the surroundings.
    #[must_use]
    pub fn conclude(mut self, surroundings: Surroundings) -> Report {
        self.findings_total += surroundings.findings.len() as u64;
        let mut findings = std::mem::take(&mut self.findings);
        findings.extend(surroundings.findings);
        findings.extend(std::mem::take(&mut self.compared.findings));
        self.select(&mut findings);
        self.register.waive(self.question.as_of, &mut findings);
        let broken = |finding: &Finding| finding.rule.verdict == Verdict::Integrity;
        let intact = self.size > 0 && !self.interrupted && !findings.iter().any(broken);
        if !intact {
            // What damaged entries no longer say would be held against rotations that are in order.
            let judged = |finding: &Finding| {
                matches!(
                    finding.rule.verdict,
                    Verdict::Conformance | Verdict::Coverage
                )
            };
            let before = findings.len();
            findings.retain(|finding| !judged(finding));
            self.findings_total -= (before - findings.len()) as u64;
            self.unlisted
                .retain(|verdict, _| !matches!(verdict, Verdict::Conformance | Verdict::Coverage));
        }
        findings.sort_by(|a, b| {
            // What names an entry comes before what is held against the ledger as a whole.
            let place = |finding: &Finding| {
                (
                    finding.rule.verdict,
                    finding.sequence.is_none(),
                    finding.sequence,
                    finding.rule.id,
                )
            };
            place(a).cmp(&place(b))
        });
        let against = |verdict: Verdict| {
            findings
                .iter()
                .filter(move |finding| finding.rule.verdict == verdict)
        };
        let verdicts = Verdict::ALL
            .map(|verdict| {
                self.line(
                    verdict,
                    &against(verdict).collect::<Vec<_>>(),
                    intact,
                    &surroundings.counts,
                )
            })
            .to_vec();
        let mut not_checked = self.not_checked(intact);
        not_checked.extend(surroundings.not_checked);
        let mut notes = self.notes();
        notes.extend(surroundings.notes);
        Report {
            ledger: self.ledger,
            origin: self.register.charter.origin.clone(),
            size: self.size,
            elsewhere: self.elsewhere,
            head: self.head,
            root: self.root,
            policy_version: self.register.charter.policy.version,
            as_of: self.question.as_of,
            requested: (self.question.from, self.question.to),
            recorded: self.first.zip(self.last),
            verdicts,
            findings_total: self.findings_total,
            findings,
            not_checked,
            notes,
            stamped: self.stamped,
            interrupted: self.interrupted,
            register: intact.then_some(Verified(self.register)),
            said: (intact && self.question.keep_said).then_some(Verified(self.said)),
            in_range: self.in_range,
        }
    }

    /// Leaves out what is held against rotations outside the range asked for.
    fn select(&mut self, findings: &mut Vec<Finding>) {
        if !self.question.is_ranged() {
            return;
        }
        let before = findings.len();
        findings.retain(|finding| {
            let rotation = finding
                .rotation
                .as_ref()
                .and_then(|id| self.register.rotations.get(id));
            let judged = matches!(
                finding.rule.verdict,
                Verdict::Conformance | Verdict::Coverage
            );
            !judged || rotation.is_none_or(|rotation| self.question.selects(rotation))
        });
        self.findings_total -= (before - findings.len()) as u64;
    }

    fn line(
        &self,
        verdict: Verdict,
        against: &[&Finding],
        intact: bool,
        around: &[Count],
    ) -> VerdictLine {
        let listed = against
            .iter()
            .filter(|finding| finding.waived_by.is_none())
            .count() as u64;
        let waived = against.len() as u64 - listed;
        // Nobody can tell whether an exception covers what was not kept.
        let failing = listed + self.unlisted.get(&verdict).copied().unwrap_or_default();
        let rotations: BTreeSet<_> = against
            .iter()
            .filter(|finding| finding.waived_by.is_none())
            .filter_map(|finding| finding.rotation.as_ref())
            .collect();
        let faulty = rotations.len() as u64;
        let mut counts = Vec::new();
        let mut note = None;
        let mut status = match (failing, waived) {
            (0, 0) => Status::Pass,
            (0, _) => Status::Waived,
            _ => Status::Fail,
        };
        let count = |good, total, what| Count { good, total, what };
        match verdict {
            Verdict::Integrity => {
                counts.push(count(self.tally.whole, self.at_hand(), "entries"));
                counts.push(count(self.tally.signed, self.at_hand(), "signatures"));
                counts.extend_from_slice(around);
            }
            Verdict::Authority => {
                // None that can be read was signed by anybody.
                if status == Status::Pass && self.tally.authorised == 0 {
                    status = Status::NotChecked;
                }
                counts.push(count(
                    self.tally.authorised,
                    self.at_hand(),
                    "entries by enrolled actors in their role",
                ));
            }
            Verdict::Anchoring => {
                let unanswered = self.compared.extended == 0 && against.is_empty();
                if let Some((size, seen)) = &self.compared.witnessed {
                    counts.push(count(
                        self.compared.extended,
                        self.compared.given,
                        "kept checkpoints extended",
                    ));
                    note = Some(format!(
                        "up to entry {} seen by {}",
                        size.saturating_sub(1),
                        seen.join(", ")
                    ));
                } else if unanswered && self.compared.given > 0 {
                    status = Status::NotChecked;
                    note = Some("entries before the kept checkpoints cannot be read".to_owned());
                } else if self.compared.given == 0 && !against.is_empty() {
                    // What stands against it is said below.
                } else if self.compared.given == 0 {
                    status = Status::NotChecked;
                    note = Some("no checkpoint kept elsewhere was given".to_owned());
                } else {
                    counts.push(count(
                        self.compared.extended,
                        self.compared.given,
                        "kept checkpoints extended",
                    ));
                    note = self
                        .compared
                        .anchored
                        .map(|size| format!("up to entry {}", size.saturating_sub(1)));
                }
            }
            Verdict::Conformance | Verdict::Coverage if !intact => {
                status = if status == Status::Fail {
                    Status::Fail
                } else {
                    Status::NotChecked
                };
                note = Some("entries that do not verify prove nothing".to_owned());
            }
            Verdict::Conformance => {
                let selected = self.selected().count() as u64;
                counts.push(count(
                    selected.saturating_sub(faulty),
                    selected,
                    "rotations conform",
                ));
            }
            Verdict::Coverage => {
                let policy = &self.register.charter.policy;
                let secrets: Vec<_> = self.register.active_secrets().collect();
                let in_time = secrets
                    .iter()
                    .filter(|secret| !secret.age(policy, self.question.as_of).is_overdue());
                counts.push(count(
                    in_time.count() as u64,
                    secrets.len() as u64,
                    "secrets in time",
                ));
                let open = self
                    .register
                    .rotations
                    .values()
                    .filter(|rotation| rotation.is_open())
                    .count();
                note = (open > 0).then(|| format!("{open} open"));
            }
        }
        if status != Status::Fail && (self.size == 0 || self.interrupted) {
            status = Status::NotChecked;
        }
        VerdictLine {
            verdict,
            status,
            counts,
            failing,
            waived,
            note,
        }
    }

    /// Entries that could be looked at, or should have been there.
    pub(super) const fn at_hand(&self) -> u64 {
        self.size.saturating_sub(self.elsewhere)
    }

    pub(super) fn selected(&self) -> impl Iterator<Item = &Rotation> {
        self.register
            .rotations
            .values()
            .map(AsRef::as_ref)
            .filter(|rotation| self.question.selects(rotation))
    }
}

impl Report {
    /// What was verified, where integrity passed.
    #[must_use]
    pub const fn register(&self) -> Option<&Verified<Register>> {
        self.register.as_ref()
    }

    /// What was said about rotations, entry by entry, where that was asked for and integrity passed.
    #[must_use]
    pub const fn said(&self) -> Option<&Verified<Vec<Admitted>>> {
        self.said.as_ref()
    }

    /// The line of a verdict.
    #[must_use]
    pub fn line(&self, verdict: Verdict) -> Option<&VerdictLine> {
        self.verdicts.iter().find(|line| line.verdict == verdict)
    }

    /// Whether there was nothing to verify: no entry, or none in the range asked for.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.size == 0
            || (self.in_range == 0 && (self.requested.0.is_some() || self.requested.1.is_some()))
    }

    /// The exit code (blueprint, section 6). Broken comes before unverifiable comes before findings.
    /// `fail_on` names the verdicts whose findings count for 3; `strict` counts what was not checked.
    #[must_use]
    pub fn exit_code(&self, strict: bool, fail_on: &[Verdict]) -> u8 {
        let fails = |verdict| {
            self.line(verdict)
                .is_some_and(|line| line.status == Status::Fail)
        };
        if [Verdict::Integrity, Verdict::Authority, Verdict::Anchoring]
            .into_iter()
            .any(fails)
        {
            return 1;
        }
        if self.interrupted {
            return 130;
        }
        if self.is_empty() || (strict && !self.not_checked.is_empty()) {
            return 4;
        }
        if fail_on.iter().any(|verdict| fails(*verdict)) {
            3
        } else {
            0
        }
    }

    /// Rotations by how they stand, for the summary.
    #[must_use]
    pub fn rotations(&self) -> Vec<(State, u64)> {
        let mut states = BTreeMap::new();
        for rotation in self
            .register
            .iter()
            .flat_map(|register| register.get().rotations.values())
        {
            *states.entry(rotation.state()).or_insert(0) += 1;
        }
        states.into_iter().collect()
    }

    /// The report as JSON, schema `rotation-ledger/verify-report/1`: fields are added, never renamed.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let time = |time: Option<Timestamp>| time.map(|time| time.to_string());
        json!({
            "schema": "rotation-ledger/verify-report/1",
            "ledger_id": self.ledger,
            "origin": self.origin,
            "size": self.size,
            "entries_elsewhere": self.elsewhere,
            "head": self.head,
            "root": self.root,
            "policy_version": self.policy_version,
            "as_of": self.as_of,
            "requested": { "from": time(self.requested.0), "to": time(self.requested.1) },
            "found": {
                "from": time(self.recorded.map(|span| span.0)),
                "to": time(self.recorded.map(|span| span.1)),
                "entries": self.in_range,
            },
            "verdicts": self.verdicts.iter().map(line_json).collect::<Vec<_>>(),
            "findings": self.findings.iter().map(Finding::to_json).collect::<Vec<_>>(),
            "findings_total": self.findings_total,
            "not_checked": self.not_checked,
            "notes": self.notes,
            "time_tokens": self.stamped.iter().map(stamped_json).collect::<Vec<_>>(),
            "interrupted": self.interrupted,
        })
    }
}

fn stamped_json(one: &Stamped) -> Value {
    json!({
        "response": one.name,
        "checkpoint": one.checkpoint_name,
        "size": one.size,
        "time": one.time,
        "not_after": one.not_after,
        "named_by": one.named_by,
        "signature_checked": one.signed,
    })
}

fn line_json(line: &VerdictLine) -> Value {
    let counts: Vec<_> = line
        .counts
        .iter()
        .map(|count| json!({ "what": count.what, "good": count.good, "total": count.total }))
        .collect();
    json!({
        "verdict": line.verdict.word(),
        "status": line.status.word(),
        "counts": counts,
        "failing": line.failing,
        "waived": line.waived,
        "note": line.note,
    })
}
