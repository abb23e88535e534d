//! Whom an auditor trusts: logs, witnesses, and how many of them are enough.

use std::fmt;

use crate::checkpoint::CosignerKey;
use crate::note::{NoteKey, Vkey};
use crate::text::is_deceptive;

/// Whom an auditor trusts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    pub(super) logs: Vec<TrustedLog>,
    /// The keys of logs that sign otherwise than by Ed25519 over the note.
    pub(super) other_logs: Vec<CosignerKey>,
    pub(super) witnesses: Vec<TrustedWitness>,
    pub(super) groups: Vec<WitnessGroup>,
    /// None where no witness need have seen a checkpoint.
    pub(super) quorum: Option<GroupMember>,
}

/// A log whose checkpoints count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedLog {
    /// Its key; the key's name is its origin.
    pub key: NoteKey,
    /// Where it can be asked.
    pub url: Option<String>,
}

/// A witness whose cosignatures count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedWitness {
    /// What the file calls it.
    pub name: TrustName,
    /// Its key.
    pub key: CosignerKey,
    /// Where it can be asked.
    pub url: Option<String>,
}

/// A name in a trust file: opaque bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TrustName(pub(super) Vec<u8>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WitnessGroup {
    pub(super) need: usize,
    pub(super) members: Vec<GroupMember>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GroupMember {
    Witness(usize),
    Group(usize),
}

impl Trust {
    /// The logs that sign as this program's ledgers do, in the file's order.
    #[must_use]
    pub fn logs(&self) -> &[TrustedLog] {
        &self.logs
    }

    /// Whether the file lists this very key as a log's.
    #[must_use]
    pub fn lists(&self, key: &Vkey) -> bool {
        let mut logs = self.logs.iter();
        logs.any(|log| *log.key == *key) || self.other_logs.iter().any(|log| **log == *key)
    }

    /// The witnesses, in the file's order.
    #[must_use]
    pub fn witnesses(&self) -> &[TrustedWitness] {
        &self.witnesses
    }

    /// The same with one more log: a key that a listed one handed on to.
    #[must_use]
    pub fn trusting(&self, key: NoteKey) -> Self {
        let mut trust = self.clone();
        if trust.logs.iter().all(|log| log.key != key) {
            trust.logs.push(TrustedLog { key, url: None });
        }
        trust
    }

    /// What of the file is read and not acted upon: logs and witnesses whose signatures cannot be checked here.
    #[must_use]
    pub fn remarks(&self) -> Vec<String> {
        let logs = self.other_logs.iter();
        let logs = logs.map(|key| (format!("log {}", key.name()), key));
        let witnesses = self.witnesses.iter();
        let witnesses = witnesses.map(|one| (format!("witness {}", one.name), &one.key));
        let unverified = logs
            .chain(witnesses)
            .filter(|(_, key)| !key.is_verified_here());
        let remark = |(what, key): (String, &CosignerKey)| {
            let kind = key.kind();
            format!(
                "{what} of the trust file has a key of type 0x{kind:02x}, whose signatures are not verified here: it counts as not having signed"
            )
        };
        unverified.map(remark).collect()
    }

    /// Whether any witness must have seen a checkpoint.
    #[must_use]
    pub const fn demands(&self) -> bool {
        self.quorum.is_some()
    }

    /// Members are defined before the groups that name them, so one walk settles all, however deep
    /// a hostile file nests them.
    pub(super) fn is_met(&self, quorum: GroupMember, there: impl Fn(usize) -> bool) -> bool {
        let mut met: Vec<bool> = Vec::with_capacity(self.groups.len());
        let holds = |met: &[bool], member: GroupMember| match member {
            GroupMember::Witness(place) => there(place),
            GroupMember::Group(place) => met.get(place).copied().unwrap_or(false),
        };
        for group in &self.groups {
            let members = group.members.iter();
            let there = members.filter(|member| holds(&met, **member)).count();
            met.push(there >= group.need);
        }
        holds(&met, quorum)
    }
}

impl fmt::Display for TrustName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A name may be any bytes; shown, it must not rearrange a screen.
        for c in String::from_utf8_lossy(&self.0).chars() {
            if is_deceptive(c) {
                write!(f, "{}", c.escape_default())?;
            } else {
                write!(f, "{c}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for TrustName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({self})")
    }
}
