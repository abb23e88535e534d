//! From everything found to the report.

use serde_json::{Value, json};

use crate::hash::{LedgerId, Link, NodeHash};
use crate::pack::PackPart;
use crate::register::Register;
use crate::rotation::Rotation;
use crate::rule::{Finding, Verdict};
use crate::text::Id;
use crate::time::{ClockDoubt, Timestamp};

use super::admitted::AdmittedEntry;
use super::checkpoints::{CheckpointKeeper, KeptBy};
use super::conclusion::Conclusion;
use super::folded::VerifiedFold;
use super::question::{AllSigned, is_in};
use super::stamps::FittingToken;
use super::verdict::{VerdictCount, VerdictLine, VerdictStatus};

/// Something that stood the verification of the ledger it comes from. Only [`VerifiedFold::conclude`]
/// makes one, and only where integrity passed: holding it is the proof.
#[derive(Debug, Clone)]
pub struct Verified<T>(T);

impl<T> Verified<T> {
    /// What was verified.
    pub const fn get(&self) -> &T {
        &self.0
    }
}

/// What the feeder of a verification found by itself: in tiles, attachments, the index, the folder.
#[derive(Debug, Default)]
pub struct Surroundings {
    /// What it holds against the ledger.
    pub findings: Vec<Finding>,
    /// How much of what was looked at, for the integrity line.
    pub counts: Vec<VerdictCount>,
    /// What it could not look at.
    pub not_checked: Vec<String>,
    /// What the reader should know and nobody need mend.
    pub notes: Vec<String>,
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
    /// What conformance and coverage were asked for.
    pub part: PackPart,
    /// Findings that count, about other rotations and secrets than those.
    pub outside: u64,
    /// When the first and the last entry were recorded.
    pub recorded: Option<(Timestamp, Timestamp)>,
    /// How far the checkpoints reach that it extends, by who kept them.
    pub kept_by: KeptBy,
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
    /// The time tokens over checkpoints of the ledger, by size; not all of them count.
    pub stamped: Vec<FittingToken>,
    /// The ledger's own checkpoint, where it holds and the ledger is intact.
    pub sealed: Option<Vec<u8>>,
    /// How many signatures were not checked, since the reader checked them before.
    pub held_before: u64,
    /// Whether it was stopped before its end.
    pub interrupted: bool,
    /// Whether something that was handed over says nothing, for or against: then the answer is not known.
    pub untellable: bool,
    register: Option<Verified<Register>>,
    said: Option<Verified<Vec<AdmittedEntry>>>,
    is_there: bool,
    in_range: u64,
    all_signed: Option<AllSigned>,
}

impl VerifiedFold {
    /// The report, with what the feeder of the verification found in the surroundings.
    #[must_use]
    pub fn conclude(mut self, surroundings: Surroundings) -> Report {
        let mut findings = std::mem::take(&mut self.findings);
        self.findings_total += surroundings.findings.len() as u64;
        findings.extend(surroundings.findings);
        findings.extend(std::mem::take(&mut self.compared.findings));
        let intact = self.select(&mut findings);
        sort(&mut findings);
        let verdicts = Verdict::ALL.map(|verdict| {
            let against = findings.iter().filter(|one| one.rule.verdict == verdict);
            let mut line = self.line(verdict, &against.collect::<Vec<_>>(), intact);
            if verdict == Verdict::Integrity {
                line.counts.extend_from_slice(&surroundings.counts);
            }
            line
        });
        let doubt = self.question.clock_doubt(self.last);
        let behind = doubt.filter(|doubt| matches!(doubt, ClockDoubt::Behind { .. }));
        let mut not_checked = self.not_checked(intact);
        not_checked.extend(behind.map(|doubt| format!("what is overdue or open by now: {doubt}")));
        not_checked.extend(surroundings.not_checked);
        let mut notes = self.notes();
        let ahead = doubt.filter(|_| behind.is_none());
        notes.extend(ahead.map(|doubt| doubt.to_string()));
        notes.extend(surroundings.notes);
        let is_there = self.is_there();
        let sealed = self.sealed(intact);
        let all_signed = self.tally.signed == self.at_hand();
        Report {
            ledger: self.ledger,
            origin: self.register.charter.origin.clone(),
            size: self.size,
            elsewhere: self.elsewhere,
            head: self.head,
            root: self.root,
            policy_version: self.register.charter.policy.version,
            as_of: self.question.as_of,
            outside: self.outside,
            recorded: self.first.zip(self.last),
            kept_by: self.compared.kept,
            verdicts: verdicts.to_vec(),
            findings_total: self.findings_total,
            findings,
            not_checked,
            notes,
            stamped: self.stamped,
            sealed,
            held_before: self.tally.held_before,
            interrupted: self.interrupted,
            untellable: behind.is_some()
                || self.returned == Some(false)
                || !self.missing.is_empty()
                || !self.compared.untellable.is_empty(),
            register: intact.then_some(Verified(self.register)),
            said: (intact && self.question.keep_said).then_some(Verified(self.said)),
            is_there,
            all_signed: all_signed.then_some(AllSigned(())),
            in_range: self.in_range,
            part: self.question.part,
        }
    }

    /// Leaves out what is held against rotations outside the range asked for, and of a ledger that is
    /// damaged all that is held against rotations: what damaged entries no longer say would be held
    /// against some that are in order. Answers whether the ledger is intact.
    fn select(&mut self, findings: &mut Vec<Finding>) -> bool {
        let before = findings.len();
        self.register.waive(self.question.as_of, findings);
        findings.retain(|finding| {
            let asked = self.question.asks_for(finding, &self.register);
            self.outside += u64::from(!asked && finding.is_open());
            asked
        });
        let broken = |finding: &Finding| finding.rule.verdict == Verdict::Integrity;
        let whole = self.size > 0
            && !self.interrupted
            && self.missing.is_empty()
            && self.returned != Some(false);
        let intact = whole && !findings.iter().any(broken);
        if !intact {
            findings.retain(|finding| !finding.rule.verdict.is_of_rotations());
            self.unlisted
                .retain(|verdict, _| !verdict.is_of_rotations());
            self.outside = 0;
        }
        self.findings_total -= (before - findings.len()) as u64;
        intact
    }

    /// The ledger's own checkpoint, where it holds.
    fn sealed(&self, intact: bool) -> Option<Vec<u8>> {
        let mut kept = self.question.kept.iter();
        let own = kept.find(|kept| kept.keeper == CheckpointKeeper::Folder);
        let holds = intact && self.compared.sealed.is_some();
        own?.bytes.clone().filter(|_| holds)
    }

    /// Whether there is anything of what was asked for.
    pub(super) fn is_there(&self) -> bool {
        let register = &self.register;
        if self.first.is_some_and(|first| self.question.as_of < first) {
            return false;
        }
        match &self.question.part {
            PackPart::Rotation(id) => register.rotations.contains_key(id),
            PackPart::Secret(id) => register.secrets.contains_key(id),
            PackPart::Everything | PackPart::Range(None, None) => true,
            PackPart::Range(..) | PackPart::Sample(_) => self.in_range > 0,
        }
    }
}

/// What names an entry comes before what is held against the ledger as a whole.
fn sort(findings: &mut [Finding]) {
    findings.sort_by_key(|finding| {
        let (rule, place) = (finding.rule, finding.sequence);
        (rule.verdict, place.is_none(), place, rule.id)
    });
}

impl Report {
    /// What was verified, where integrity passed.
    #[must_use]
    pub const fn register(&self) -> Option<&Verified<Register>> {
        self.register.as_ref()
    }

    /// What was said about rotations, entry by entry, where that was asked for and integrity passed.
    #[must_use]
    pub const fn said(&self) -> Option<&Verified<Vec<AdmittedEntry>>> {
        self.said.as_ref()
    }

    /// That every signature was checked and holds, where that is so.
    #[must_use]
    pub const fn all_signed(&self) -> Option<AllSigned> {
        self.all_signed
    }

    /// The line of a verdict.
    #[must_use]
    pub fn line(&self, verdict: Verdict) -> Option<&VerdictLine> {
        self.verdicts.iter().find(|line| line.verdict == verdict)
    }

    /// Whether there was nothing to verify: no entry, or none of what was asked for.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.size == 0 || !self.is_there
    }

    /// Whether a rotation belongs to what was asked for.
    #[must_use]
    pub fn selects(&self, rotation: &Rotation) -> bool {
        is_in(&self.part, rotation, self.as_of)
    }

    /// Whether anything passes only because somebody accepted it.
    #[must_use]
    pub fn has_accepted(&self) -> bool {
        self.verdicts.iter().any(|line| line.accepted > 0)
    }

    /// What the report comes to. Broken comes before unverifiable comes before findings. `fail_on` names
    /// the verdicts whose findings count; `strict` counts what was not checked.
    #[must_use]
    pub fn conclusion(&self, strict: bool, fail_on: &[Verdict]) -> Conclusion {
        let fails = |verdict: &Verdict| {
            self.line(*verdict)
                .is_some_and(|line| line.status == VerdictStatus::Fail)
        };
        let broken = [Verdict::Integrity, Verdict::Authority, Verdict::Anchoring];
        if broken.iter().any(fails) {
            Conclusion::Broken
        } else if self.interrupted {
            Conclusion::Interrupted
        } else if self.is_empty() || self.untellable || (strict && !self.not_checked.is_empty()) {
            Conclusion::NotVerified
        } else if fail_on.iter().any(fails) {
            Conclusion::Findings
        } else {
            Conclusion::Passed
        }
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
            "requested": self.requested(),
            "found": {
                "from": time(self.recorded.map(|span| span.0)),
                "to": time(self.recorded.map(|span| span.1)),
                "entries": self.in_range,
            },
            "anchored": { "by_others": self.kept_by.others, "by_this_host": self.kept_by.this_host },
            "verdicts": self.verdicts.iter().map(line_json).collect::<Vec<_>>(),
            "findings": self.findings.iter().map(Finding::to_json).collect::<Vec<_>>(),
            "findings_total": self.findings_total,
            "findings_outside": self.outside,
            "not_checked": self.not_checked,
            "signatures_held_before": self.held_before,
            "notes": self.notes,
            "time_tokens": self.stamped.iter().map(stamped_json).collect::<Vec<_>>(),
            "interrupted": self.interrupted,
        })
    }

    fn requested(&self) -> Value {
        let (from, to) = self.part.range();
        let (rotation, secret) = match &self.part {
            PackPart::Rotation(id) => (Some(id), None),
            PackPart::Secret(id) => (None, Some(id)),
            PackPart::Everything | PackPart::Range(..) | PackPart::Sample(_) => (None, None),
        };
        json!({ "from": from, "to": to, "rotation": rotation, "secret": secret })
    }
}

fn stamped_json(one: &FittingToken) -> Value {
    json!({
        "response": one.name,
        "checkpoint": one.checkpoint_name,
        "size": one.size,
        "time": one.time,
        "not_after": one.not_after,
        "named_by": one.named_by,
        "signature_checked": one.signed.is_ok(),
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
        "accepted": line.accepted,
        "note": line.note,
    })
}
