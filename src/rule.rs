//! What the verifier can hold against a ledger: the five verdicts, the rules with their stable ids,
//! and findings.
//!
//! Rule ids are public: they stand in findings, exceptions and documents, and are never used anew
//! for something else. Whether a rule fires is decided where its facts are folded; here it is only
//! named.

use std::fmt;

use serde::Serialize;
use serde_json::{Value, json};

use crate::text::{Id, Line};
use crate::time::Timestamp;

/// The five questions, never merged into one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Are these the bytes that were recorded, all of them, in this order?
    Integrity,
    /// Was each signer enrolled, not revoked, and in the role the event needs?
    Authority,
    /// Does the ledger extend every checkpoint kept elsewhere?
    Anchoring,
    /// Was the SOP followed?
    Conformance,
    /// Is every registered secret accounted for and in time?
    Coverage,
}

impl Verdict {
    /// All five, in the order they are printed.
    pub const ALL: [Self; 5] = [
        Self::Integrity,
        Self::Authority,
        Self::Anchoring,
        Self::Conformance,
        Self::Coverage,
    ];

    /// Whether it is about rotations and secrets, and not about the entries that tell of them.
    #[must_use]
    pub const fn is_of_rotations(self) -> bool {
        matches!(self, Self::Conformance | Self::Coverage)
    }

    /// The word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Integrity => "integrity",
            Self::Authority => "authority",
            Self::Anchoring => "anchoring",
            Self::Conformance => "conformance",
            Self::Coverage => "coverage",
        }
    }

    /// The question that it answers, in one sentence.
    #[must_use]
    pub const fn question(self) -> &'static str {
        match self {
            Self::Integrity => {
                "Are these the bytes that were recorded, all of them, in this order?"
            }
            Self::Authority => {
                "Was each signer enrolled, not revoked, and in the role that the event needs?"
            }
            Self::Anchoring => "Does the ledger extend every checkpoint kept elsewhere?",
            Self::Conformance => "Was the SOP followed?",
            Self::Coverage => "Is every registered secret accounted for and in time?",
        }
    }
}

/// One thing that can be held against a ledger.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// The stable id, for example `S-37`.
    pub id: &'static str,
    /// The verdict it feeds.
    pub verdict: Verdict,
    /// The SOP section it comes from; `-` where it comes from the ledger's own construction.
    pub sop: &'static str,
    /// What is wrong when it fires, in a few words.
    pub title: &'static str,
    /// What to try next.
    pub hint: &'static str,
}

/// Rules about what still lasts. It is mended, or an exception covers it for a time; accepted for good it would
/// be a secret that is never rotated.
pub const STANDING: [&Rule; 3] = [C04, C06, C30];

/// Rules about what is still missing: their findings go once it is recorded, however late.
const OWED: [&Rule; 11] = [S50, S64, S70, S73, S74, S81, S82, S84, C04, C06, C30];

impl Rule {
    /// Whether recording what is missing takes a finding by it away. What was done wrong stays done.
    #[must_use]
    pub fn is_mended_late(&self) -> bool {
        OWED.contains(&self)
    }

    /// Whether a finding by it can be accepted.
    #[must_use]
    pub fn is_acceptable(&self) -> bool {
        self.verdict.is_of_rotations() && !STANDING.contains(&self)
    }
}

/// Whether a finding counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FindingStatus {
    /// It does.
    Open,
    /// An exception covers it.
    Waived {
        /// The exception.
        exception: Id,
        /// When that ends.
        until: Timestamp,
    },
    /// Somebody accepted it, for good.
    Accepted {
        /// The entry that says so.
        entry: u64,
        /// Who.
        by: Id,
        /// Why.
        reason: Line,
    },
}

impl fmt::Display for FindingStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => f.write_str("open"),
            Self::Waived { exception, until } => {
                write!(f, "waived by {exception} until {}", until.to_seconds())
            }
            Self::Accepted { entry, by, reason } => {
                write!(f, "accepted by {by}, entry {entry}: {reason}")
            }
        }
    }
}

/// What an entry is held against was corrected by a later one. The finding stays: both are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correction {
    /// The later entry.
    pub entry: u64,
    /// The field.
    pub field: Id,
    /// What should have been said.
    pub correct: Line,
}

impl fmt::Display for Correction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            entry,
            field,
            correct,
        } = self;
        write!(f, "entry {entry} corrects {field} to {correct}")
    }
}

/// One thing held against this ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// The entry, where it is about one.
    pub sequence: Option<u64>,
    /// The rotation, where it is about one.
    pub rotation: Option<Id>,
    /// The secret, where it is about one.
    pub secret: Option<Id>,
    /// What should be.
    pub expected: String,
    /// What is.
    pub found: String,
    /// Whether it counts.
    pub status: FindingStatus,
    /// What was corrected in the entry since.
    pub corrections: Vec<Correction>,
    /// What proves it to anybody, as it was found: signed notes, whole.
    pub evidence: Vec<String>,
}

impl Finding {
    /// A finding against the ledger as a whole; say more with the other methods.
    #[must_use]
    pub fn new(rule: &'static Rule, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self {
            rule,
            sequence: None,
            rotation: None,
            secret: None,
            expected: expected.into(),
            found: found.into(),
            status: FindingStatus::Open,
            corrections: Vec::new(),
            evidence: Vec::new(),
        }
    }

    /// Adds what proves it to anybody.
    #[must_use]
    pub fn with_evidence(mut self, evidence: Vec<String>) -> Self {
        self.evidence = evidence;
        self
    }

    /// Names the entry.
    #[must_use]
    pub const fn at(mut self, sequence: u64) -> Self {
        self.sequence = Some(sequence);
        self
    }

    /// Names the rotation.
    #[must_use]
    pub fn of_rotation(mut self, rotation: &Id) -> Self {
        self.rotation = Some(rotation.clone());
        self
    }

    /// Names the secret.
    #[must_use]
    pub fn of_secret(mut self, secret: &Id) -> Self {
        self.secret = Some(secret.clone());
        self
    }

    /// Whether it counts: no exception covers it, and nobody accepted it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.status == FindingStatus::Open
    }

    /// The exception that covers it, where one does.
    #[must_use]
    pub const fn waived_by(&self) -> Option<&Id> {
        match &self.status {
            FindingStatus::Waived { exception, .. } => Some(exception),
            FindingStatus::Open | FindingStatus::Accepted { .. } => None,
        }
    }

    /// What it is called from one verification to the next: the rule, and the entry that it is held against.
    /// Entries never change, so neither does what stands behind it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        match self.sequence {
            Some(entry) => format!("{}@{entry}", self.rule.id),
            None => self.rule.id.to_owned(),
        }
    }

    /// As it stands in reports and receipts.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let (status, until, accepted) = match &self.status {
            FindingStatus::Open => ("open", None, None),
            FindingStatus::Waived { until, .. } => ("waived", Some(until), None),
            FindingStatus::Accepted { entry, by, reason } => {
                let accepted = json!({ "entry": entry, "by": by, "reason": reason });
                ("accepted", None, Some(accepted))
            }
        };
        let correction = |one: &Correction| json!({ "entry": one.entry, "field": one.field, "correct": one.correct });
        let mut body = json!({
            "rule": self.rule.id,
            "verdict": self.rule.verdict.word(),
            "title": self.rule.title,
            "sop": self.rule.sop,
            "entry": self.sequence,
            "rotation": self.rotation,
            "secret": self.secret,
            "expected": self.expected,
            "found": self.found,
            "fingerprint": self.fingerprint(),
            "status": status,
            "waived_by": self.waived_by(),
            "waived_until": until,
            "accepted": accepted,
            "corrections": self.corrections.iter().map(correction).collect::<Vec<_>>(),
            "next": self.rule.hint,
        });
        if let (Value::Object(fields), false) = (&mut body, self.evidence.is_empty()) {
            fields.insert("evidence".to_owned(), json!(self.evidence));
        }
        body
    }
}

/// The rule of this id.
#[must_use]
pub fn rule(id: &str) -> Option<&'static Rule> {
    RULES.iter().copied().find(|rule| rule.id == id)
}

macro_rules! rules {
    ($($name:ident $id:literal $verdict:ident, $sop:literal, $title:literal, $hint:literal;)*) => {
        $(
            #[doc = $title]
            pub const $name: &Rule =
                &Rule { id: $id, verdict: Verdict::$verdict, sop: $sop, title: $title, hint: $hint };
        )*

        /// Every rule there is, by family and number. A number that is missing was one: it is never given anew.
        pub const RULES: &[&Rule] = &[$($name),*];
    };
}

rules! {
    I02 "I-02" Integrity, "-", "previous link does not match the entry before", "an entry was changed, dropped, added or moved here; compare with a copy made before";
    I03 "I-03" Integrity, "-", "author's signature does not verify", "the statement or its signature was changed after it was signed";
    I04 "I-04" Integrity, "-", "sequence is not the entry's place", "an entry was dropped, added or moved here";
    I05 "I-05" Integrity, "-", "checkpoint does not match the entries", "the checkpoint or an entry was changed; compare with the checkpoint kept outside";
    I06 "I-06" Integrity, "-", "checkpoint is sealed by a key that was not the ledger's then", "somebody sealed again with a key of another time; compare with the checkpoint kept outside";
    I07 "I-07" Integrity, "-", "event id is used twice", "the later entry was not written by this program";
    I08 "I-08" Integrity, "-", "bytes are not the one encoding of an entry", "the entry was changed, or written by a newer program";
    I09 "I-09" Integrity, "6, Step 6", "attachment is missing or differs", "restore the file from a copy; its digest stands in the entry";
    I10 "I-10" Integrity, "-", "the ledger does not begin as a ledger does", "entry 0 creates the ledger, and no other entry does";
    I11 "I-11" Integrity, "-", "remark or correction names another entry than there is", "its link is not that of the entry it names";
    I12 "I-12" Integrity, "-", "statement was made for another ledger", "it was signed for the ledger it names, and copied here";
    I13 "I-13" Integrity, "-", "Merkle tile is missing or differs from the entries", "restore the tile from a copy, or compare the entries below it";
    I14 "I-14" Integrity, "-", "bytes or files in the store that no entry accounts for", "an older copy was laid over a newer folder, or somebody put them there: keep the folder as it is, and hold it against the newest copy of the ledger";
    I15 "I-15" Integrity, "-", "thread of the secret's entries is broken", "an entry about this secret was dropped, added or moved";
    I16 "I-16" Integrity, "-", "index says other than the log", "it can be made again; the log is the truth";
    I17 "I-17" Integrity, "-", "file of the log is missing or damaged", "restore it from a copy";
    I18 "I-18" Integrity, "-", "recorded time goes backwards", "the ledger never does this: an entry was changed, added or moved";
    P01 "P-01" Integrity, "6, Step 6", "files of the pack are not those that belong in it", "the pack was changed after it was made; ask for it again by another road";
    P02 "P-02" Integrity, "6, Step 6", "pack is not signed by the key that its record names", "somebody else put it together, or changed it; ask for it again by another road";
    P03 "P-03" Integrity, "-", "not proven to be in the ledger of the checkpoint", "the entry or checkpoint is of another ledger, or was changed";
    P04 "P-04" Integrity, "6, Step 6", "pack is not what the record of its export says", "something was left out of the pack, or put in; ask for it again, or verify the ledger";
    P05 "P-05" Integrity, "6, Step 6", "document of the pack says other than its entries", "believe the entries; the document was changed or swapped";
    N01 "N-01" Anchoring, "-", "ledger is behind a checkpoint kept elsewhere", "entries were cut off, or a backup was restored; only a Security Owner can accept that";
    N02 "N-02" Anchoring, "-", "ledger is beside a checkpoint kept elsewhere", "same size and another root: history was rewritten or forked";
    N03 "N-03" Anchoring, "-", "checkpoint kept elsewhere is not this ledger's", "wrong file, another ledger's checkpoint, or not signed by its sealing key";
    N04 "N-04" Anchoring, "-", "ledger is not sealed by any log of the trust file", "it is another ledger, or its keys were replaced without telling you: ask for its line by another road";
    N05 "N-05" Anchoring, "-", "too few witnesses have seen the ledger", "ask the witnesses again, or find out why they refuse";
    N06 "N-06" Anchoring, "-", "two checkpoints of one size state different roots", "both are signed: the ledger was forked, and these two prove it to anybody";
    N08 "N-08" Anchoring, "-", "checkpoint kept elsewhere is sealed by a key that was not the ledger's then", "a key of another time sealed it: a stolen key was used to rewrite history";
    N11 "N-11" Anchoring, "-", "recorded after a time token that covers it", "the ledger's clock was ahead, or the time that was recorded is made up; compare with other clocks";
    N12 "N-12" Anchoring, "-", "recorded before a time token that an entry up to here names", "the ledger's clock was turned back, or the entry is dated back";
    A01 "A-01" Authority, "3", "signer was not enrolled at that point", "the key was never enrolled, or was revoked before";
    A02 "A-02" Authority, "3", "signer did not hold the role that the event needs", "enrol the actor in that role, or let somebody else say it";
    A06 "A-06" Authority, "3", "a service in the role of Security Owner", "approvals are a person's";
    A07 "A-07" Authority, "3", "not clear which person acts", "a service names an enrolled person with on_behalf_of; a person names nobody";
    A10 "A-10" Authority, "3", "enrolment or revocation that cannot be", "an id, key or token given out twice, a false proof of possession, a role nobody can hold";
    A03 "A-03" Conformance, "3", "approver and operator are the same person", "let another Security Owner approve";
    A04 "A-04" Conformance, "3", "confirmer and operator are the same person", "let another Security Owner confirm";
    A05 "A-05" Conformance, "3", "exception was granted to the one who granted it", "let another Security Owner grant it";
    A08 "A-08" Conformance, "3", "signed while the key may have been in other hands", "its owner says what of it is theirs; say it again by somebody else, or ask for an exception";
    A09 "A-09" Conformance, "3", "finding was accepted by whoever wrote or did what it is about", "let another Security Owner or Auditor accept it";
    T01 "T-01" Conformance, "6, Step 6", "happened later than it was recorded", "check the clock of the machine that signed it";
    T02 "T-02" Conformance, "6, Step 6", "recorded late", "record events when they happen";
    T03 "T-03" Conformance, "6", "times contradict the order", "an earlier step says a later time";
    T05 "T-05" Conformance, "3", "step outside the approved window", "ask for a window that holds the step";
    S10 "S-10" Conformance, "6, Step 1", "last rotated date is not known", "say last_rotated where somebody knows it; else rotate it, and accept this";
    S11 "S-11" Conformance, "6, Step 1", "consumers differ from the inventory", "update the inventory, or open the rotation with all consumers";
    S12 "S-12" Conformance, "6, Step 1", "another rotation of the secret is open", "complete or abort one of them";
    S13 "S-13" Conformance, "3", "went on without approval", "let a Security Owner approve before the replacement is generated";
    S14 "S-14" Conformance, "3", "approved only afterwards", "approve before the replacement is generated";
    S20 "S-20" Conformance, "5", "service inventory list was not confirmed", "confirm it with the preconditions";
    S21 "S-21" Conformance, "5", "rollback plan was not confirmed", "confirm it with the preconditions";
    S22 "S-22" Conformance, "5", "maintenance window was not settled", "name the window, or why none is needed";
    S23 "S-23" Conformance, "5", "access logging was not confirmed", "confirm that the secret store logs access";
    S25 "S-25" Conformance, "6", "completed with steps missing", "record the missing steps, or say why there are none in an exception";
    S28 "S-28" Conformance, "6, Step 4", "health confirmed before the cutover was complete", "confirm health after the last consumer";
    S29 "S-29" Conformance, "6, Step 3", "dual-run was neither started nor ruled out", "start it, or record that it is not supported";
    S30 "S-30" Conformance, "5", "generated before the preconditions were confirmed", "confirm the preconditions first";
    S31 "S-31" Conformance, "6, Step 2", "went on before the replacement was generated", "record the generation first";
    S32 "S-32" Conformance, "6, Step 2", "stored outside the prod namespace", "store the replacement in the PROD secret namespace only";
    S33 "S-33" Conformance, "6, Step 2", "the replacement is the version it replaces", "a new version has a new id";
    S34 "S-34" Conformance, "6, Step 3", "dual-run without a planned end", "temporarily has an end: say planned_end";
    S35 "S-35" Conformance, "6, Step 3", "dual-run ruled out although the inventory says it is supported", "update the inventory, or run it";
    S36 "S-36" Conformance, "6, Step 3", "dual-run outlasted its planned end", "cut over before the planned end";
    S37 "S-37" Conformance, "6, Step 3", "cut over without showing that the new secret works", "validate before the cutover";
    S38 "S-38" Conformance, "6, Step 3", "cut over although validation did not pass", "validate again, or roll back";
    S39 "S-39" Conformance, "6, Step 3", "another version than the new one was validated or put to use", "check which version was meant";
    S40 "S-40" Conformance, "6, Step 4", "cut over a consumer that is not known", "update the inventory";
    S42 "S-42" Conformance, "6, Step 4", "old secret revoked while services were unhealthy", "confirm health before revoking";
    S43 "S-43" Conformance, "6, Step 5", "old secret revoked before cutover and health were confirmed", "revoke last; where it is done already, cut over now";
    S45 "S-45" Conformance, "6, Step 5", "revoked version is not the one that was meant", "check which version was revoked";
    S48 "S-48" Conformance, "6, Step 5", "shown dead before it was revoked", "revoke, then try it";
    S50 "S-50" Conformance, "6, Step 5", "old secret never shown dead", "try the old secret, and record revocation.verified";
    S51 "S-51" Conformance, "6, Step 5", "a network error proves nothing", "try again where the service answers";
    S52 "S-52" Conformance, "6, Step 5", "old secret still works or is still used", "revoke it, find who uses it, and try again";
    S53 "S-53" Conformance, "6, Step 5", "old secret was tried before it was dead", "try it after the revocation takes effect";
    S54 "S-54" Conformance, "6, Step 5", "proof without substance", "where it cannot be tried, name the access log, its time and its hits";
    S60 "S-60" Conformance, "8", "revoke_confirmed says yes with no proof behind it", "record revocation.verified before completing";
    S61 "S-61" Conformance, "8", "completed with revoke_confirmed no", "revoke and verify before completing; where that cannot be, ask for an exception that says what protects the old secret";
    S62 "S-62" Conformance, "6, Step 6", "impacted services differ from the consumers cut over", "list every service that was touched";
    S64 "S-64" Conformance, "3", "ended but never confirmed", "let a Security Owner confirm";
    S65 "S-65" Conformance, "7", "emergency confirmed without runbook or report", "execute the runbook, file the report, then confirm";
    S67 "S-67" Conformance, "3", "confirmed another outcome than there is", "confirm what happened";
    S68 "S-68" Conformance, "5", "rolled back to another version than the old one", "check which version is in use";
    S70 "S-70" Conformance, "6", "a failed step was left as it is", "repeat the step, roll back or abort";
    S71 "S-71" Conformance, "5", "rolled back without a confirmed plan", "confirm the rollback plan with the preconditions";
    S72 "S-72" Conformance, "5", "rolled back to a version already revoked", "check which version is in use";
    S73 "S-73" Conformance, "5", "rolled back without showing that the old secret works", "validate in phase post_rollback";
    S74 "S-74" Conformance, "6, Step 5", "the unused new version was left alive", "revoke it with target new";
    S75 "S-75" Conformance, "6", "aborted after the cutover had begun", "roll back instead";
    S80 "S-80" Conformance, "7", "emergency was not approved in time", "let a Security Owner approve, if afterwards";
    S81 "S-81" Conformance, "7", "suspect secret was not revoked immediately", "revoke first, then replace";
    S82 "S-82" Conformance, "7", "incident runbook was not executed", "execute it, and record runbook.executed";
    S83 "S-83" Conformance, "7", "post-incident report is missing", "file it, and record post_incident.reported";
    S84 "S-84" Conformance, "7", "incident without a rotation", "open an emergency rotation that names the incident";
    S86 "S-86" Conformance, "7", "emergency without a declared incident", "record incident.declared first";
    S90 "S-90" Conformance, "6", "said after the rotation was closed", "open a new rotation, or annotate";
    W02 "W-02" Conformance, "3", "exception lasts longer than the policy allows", "grant it for less";
    C01 "C-01" Coverage, "5", "a secret, rotation or incident that is not known", "register or open it first";
    C02 "C-02" Coverage, "5", "an id that is taken", "choose another id";
    C03 "C-03" Coverage, "5", "attested population differs from the inventory", "register what is missing, retire what is gone, attest again";
    C04 "C-04" Coverage, "5", "inventory attestation is too old", "attest the inventory again";
    C05 "C-05" Coverage, "5", "retired without showing its last version dead", "say where it is shown";
    C06 "C-06" Coverage, "6", "rotation was left open", "complete, roll back or abort it";
    C07 "C-07" Conformance, "6, Step 4", "completed with consumers not cut over", "cut over every consumer";
    C08 "C-08" Coverage, "6, Step 6", "a source was not listening while a rotation was open", "its silence proves nothing about that rotation";
    C09 "C-09" Coverage, "6, Step 6", "record of an export says other than the ledger", "whoever got that pack should have another; export anew";
    C30 "C-30" Coverage, "4", "overdue", "rotate it, or ask for an exception";
    C31 "C-31" Coverage, "4", "rotated after it was due", "rotate before the due date";
    C32 "C-32" Conformance, "4", "policy changed while rotations were open", "set the policy between rotations";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_found() {
        for (place, one) in RULES.iter().enumerate() {
            assert_eq!(rule(one.id), Some(*one));
            assert!(
                RULES[place + 1..].iter().all(|other| other.id != one.id),
                "{}",
                one.id
            );
        }
    }
}
