//! What to try next, for each fault of the library: the one place that names flags and commands for it.

use crate::append::draft::DraftError;
use crate::append::{AppendError, ScanPlace, SecretMatch};
use crate::event::EventError;
use crate::guard::SecretKind;
use crate::ledger::OpenError;
use crate::rule::Rule;
use crate::store::blobs::BlobError;
use crate::sys::keyfile::KeyFileError;
use crate::sys::lock::LockError;
use crate::text::Id;

use super::layout::quoted;

/// For whoever needs what is in an archive.
pub(super) const ARCHIVE_AWAY: &str = "bring the archive back to that place; where it moved, a Security Owner says where it is: ledger archive --before DATE --to DIR";
const OWN_STATE: &str = "each ledger needs a state folder of its own: check --state";

/// What can be done about secret material that was found.
fn without(found: &SecretMatch) -> String {
    let mut hint =
        "leave it out or name a reference to it; and if it was real, rotate it".to_owned();
    if matches!(found.place, ScanPlace::Attachment(_)) {
        hint.push_str("; --redact attaches a copy without it");
    }
    if found.hit.kind != SecretKind::KnownValue {
        let (kind, place) = (found.hit.kind.word(), quoted(&found.place.word()));
        hint.push_str(&format!("; if it is none, a Security Owner lets it pass: ledger append scan.exception --kind {kind} --place {place}"));
    }
    hint
}

/// What can be done about a ledger that lacks so many entries.
fn behind(missing: u64) -> String {
    let missing = match missing {
        1 => "1 entry is".to_owned(),
        many => format!("{many} entries are"),
    };
    format!(
        "{missing} missing: restore the newest copy of the ledger; if there is none, a Security Owner may accept this one with `ledger recover`"
    )
}

/// How alike an id has to be to one that is there to be taken for a slip of the pen: Jaro and Winkler's measure.
const ALIKE: f64 = 0.8;

/// The id that may have been meant.
pub(crate) fn nearest<'r>(named: &Id, known: &mut dyn Iterator<Item = &'r Id>) -> Option<&'r Id> {
    let alike = |id: &&Id| strsim::jaro_winkler(named.as_str(), id.as_str());
    let measured = known.map(|id| (alike(&id), id));
    let nearest = measured.filter(|(alike, _)| *alike >= ALIKE);
    nearest.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, id)| id)
}

/// What to try where nothing has the name that was typed: the one that may have been meant, or else `other`.
pub(crate) fn meant(named: &Id, known: &mut dyn Iterator<Item = &Id>, other: &str) -> String {
    let nearest = nearest(named, known).map(|nearest| format!("perhaps `{nearest}` is meant"));
    nearest.unwrap_or_else(|| other.to_owned())
}

/// A fault that somebody at a terminal can do something about.
pub trait Hint {
    /// What to try next, where there is something.
    fn hint(&self) -> Option<String>;
}

impl Hint for Rule {
    fn hint(&self) -> Option<String> {
        let command = match self.id {
            "I-16" => "ledger reindex",
            "N-01" => "ledger recover",
            _ => return Some(self.hint.to_owned()),
        };
        Some(format!("{}: {command}", self.hint))
    }
}

impl Hint for OpenError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoFolder(_) | Self::EmptyFolder(_) | Self::NotALedger(_) => {
                "create one with `ledger init`, or name another with --ledger"
            }
            Self::Bag(_) => {
                "an evidence pack is judged by: ledger verify FOLDER; another bag by: bagit.py --validate FOLDER"
            }
            Self::Copy(_) => "name the ledger that it was published from with --ledger",
            Self::NewerFormat { .. } => "use the program that made it, or a newer one",
            Self::Backup(_) => "make a ledger of it: ledger restore --from BACKUP --to FOLDER",
            Self::InterruptedRestore(_) => "run the same `ledger restore` again: it goes on",
            Self::LostLog(_) => {
                "restore the folder from a copy; it is never taken for a new ledger"
            }
            Self::InterruptedCreation(_) => {
                "run `ledger init` again: it removes what is there and begins anew; no receipt was ever given for it"
            }
            Self::NotEmpty(_) => "name a new folder, or an empty one",
            Self::OtherLedgersHead { .. } => OWN_STATE,
            Self::Lock(_) | Self::Disk(_) => return None,
        };
        Some(hint.to_owned())
    }
}

impl Hint for AppendError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Open(fault) => return fault.hint(),
            Self::DamagedEntry { .. } | Self::DamagedLog(_) => {
                "run `ledger verify` to see what is left, and restore the folder from a copy"
            }
            Self::Ahead(_) => {
                "entries may stand there that the log does not have: find the newest copy of the ledger; if there is none, a Security Owner sets aside what contradicts it with `ledger recover`, which loses none of it"
            }
            Self::Archived(_) => ARCHIVE_AWAY,
            Self::StateInUse(_) => {
                "a ledger was here before: find it, or name another folder outside"
            }
            Self::Lock(LockError::Held { .. }) => "try again, or wait longer with --wait",
            Self::SealingKey(KeyFileError::Missing(_)) => {
                "the sealing key stays outside the ledger's folder: bring it from the host that appended last; where it is lost, a Security Owner names a new one: ledger recover --new-sealing-key --reason TEXT"
            }
            Self::OtherSealingKey(_) => {
                "the key was replaced since, or --state is another ledger's: bring the newest one from the host that appended last; where it is lost, a Security Owner names a new one: ledger recover --new-sealing-key --reason TEXT"
            }
            Self::ForeignSealingKey(_) => {
                "check --state; where it is the new key that you want named, give the file the name sealing-next.pem"
            }
            Self::NoSealedCheckpoint => {
                "bring one that somebody kept (a copy, a pack, a receipt, a witness, an anchor) with --checkpoint FILE"
            }
            Self::NotSeconded(_) => {
                "the second Security Owner signs what the command prints without --statement"
            }
            Self::Behind { size, kept } => return Some(behind(kept.saturating_sub(*size))),
            Self::DamagedCheckpoint { .. } | Self::Beside(_) | Self::NoCheckpoint { .. } => {
                "find the newest copy of the ledger; if there is none, a Security Owner may accept this one with `ledger recover`"
            }
            Self::Denied(denial) => return Some(denial.rule.hint.to_owned()),
            Self::OutOfOrder(findings) => {
                return findings.first().map(|finding| finding.rule.hint.to_owned());
            }
            Self::Time { .. } => "check the clock of this machine and of the one that signed it",
            Self::Clock(_) => {
                "nothing was recorded: set the clock of this host; where it is right, say so with --clock-is-right"
            }
            Self::Secret(found) => return Some(without(found)),
            Self::Conflict { .. } => {
                "leave event_id out for a new event; keep it only to repeat the very same statement"
            }
            Self::Unknown(_) | Self::GivenUp => {
                "send the same statement again: if it was recorded, its receipt comes back"
            }
            Self::Lock(_) | Self::Disk(_) | Self::Blob(BlobError::Disk(_)) => {
                "nothing was recorded: make room or access, then send it again"
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

impl Hint for DraftError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Secret(found) => Some(without(found)),
            Self::Event(EventError::Unknown(_)) => {
                Some("`ledger append --help` lists the events".to_owned())
            }
            _ => None,
        }
    }
}
