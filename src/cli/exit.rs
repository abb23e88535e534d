//! How a command ends: the exit codes, and failures that say what to try next.

use std::borrow::Cow;
use std::fmt::Display;
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::anchor::RoundConclusion;
use crate::append::AppendError;
use crate::cli::hint::{ARCHIVE_AWAY, Hint as _};
use crate::key::SignerError;
use crate::ledger::{Blame, LedgerError, OpenError};
use crate::signer::SignerOpenError;
use crate::sys::disk::{DiskCause, DiskError};
use crate::sys::entropy::EntropyError;
use crate::sys::keyfile::KeyFileError;
use crate::sys::lock::LockError;
use crate::time::{SaidTime, Timestamp};
use crate::verify::Conclusion;

/// How the program ends, for people.
pub(crate) const CODES: &str = "\
Exit codes:
  0    everything that was asked for was done, or checked and passed
  1    integrity, authority or anchoring is broken
  2    the command line, or a file named on it, cannot be used
  3    intact, with findings in conformance or coverage; or something is overdue
  4    could not be verified, or there was nothing to verify; or recorded, and the receipt is lost
  5    the ledger refuses to record this, or its server to talk
  6    temporary (a lock, a full disk): safe to try again
  7    stopped where a person must speak (ledger rotate)
  130  interrupted
Treat any other code as failure.

See everything at work, in a temporary folder:  ledger demo";

/// How the program ended. Scripts treat a code that is not listed here as failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: everything that was asked for was done, or checked and passed.
    Passed,
    /// 1: integrity, authority or anchoring is broken.
    Broken,
    /// 2: the command line, or a file named on it, cannot be used.
    Usage,
    /// 3: intact, with findings in conformance or coverage; or something is overdue.
    Findings,
    /// 4: could not be verified, or there was nothing to verify.
    NotVerified,
    /// 5: the ledger refuses to record this.
    Refused,
    /// 6: a lock, a full disk: safe to try again.
    Temporary,
    /// 7: stopped where a person must speak.
    PersonMustSpeak,
    /// 130: stopped by a signal.
    Interrupted,
    /// The code of the tool that `ledger run` ran.
    Of(u8),
}

impl Exit {
    /// The number.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Passed => Conclusion::Passed.code(),
            Self::Broken => Conclusion::Broken.code(),
            Self::Usage => 2,
            Self::Findings => Conclusion::Findings.code(),
            Self::NotVerified => Conclusion::NotVerified.code(),
            Self::Refused => 5,
            Self::Temporary => 6,
            Self::PersonMustSpeak => 7,
            Self::Interrupted => Conclusion::Interrupted.code(),
            Self::Of(code) => code,
        }
    }

    /// What a failure that ends like this is called where nothing narrower is known.
    const fn word(self) -> &'static str {
        match self {
            Self::Broken => "broken",
            Self::Usage => "usage",
            Self::NotVerified => "not-verified",
            Self::Refused => "refused",
            Self::Temporary => "temporary",
            Self::Interrupted => "interrupted",
            Self::Passed | Self::Findings | Self::PersonMustSpeak | Self::Of(_) => "failed",
        }
    }
}

impl From<Conclusion> for Exit {
    fn from(conclusion: Conclusion) -> Self {
        match conclusion {
            Conclusion::Passed => Self::Passed,
            Conclusion::Findings => Self::Findings,
            Conclusion::NotVerified => Self::NotVerified,
            Conclusion::Interrupted => Self::Interrupted,
            Conclusion::Broken => Self::Broken,
        }
    }
}

impl From<RoundConclusion> for Exit {
    fn from(conclusion: RoundConclusion) -> Self {
        match conclusion {
            RoundConclusion::Disagreement => Self::Broken,
            RoundConclusion::Quorum => Self::Passed,
            RoundConclusion::Unwilling => Self::Refused,
            RoundConclusion::Unreached => Self::Temporary,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Why a command did not do what it was asked to: one line for `error:`, one for `hint:`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CommandError {
    /// How to end.
    pub(crate) exit: Exit,
    /// What kind of failure it is: a word that never changes, for programs.
    pub(crate) code: Cow<'static, str>,
    /// What happened, lower case, naming thing and place.
    pub(crate) message: String,
    /// What to try.
    pub(crate) hint: Option<String>,
}

impl CommandError {
    /// A failure that ends with `exit`.
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            code: exit.word().into(),
            message: message.into(),
            hint: None,
        }
    }

    /// Says which kind of failure it is.
    pub(crate) fn code(mut self, code: impl Into<Cow<'static, str>>) -> Self {
        self.code = code.into();
        self
    }

    /// Says what to try, where there is something.
    pub(crate) fn hinted(self, hint: Option<String>) -> Self {
        Self { hint, ..self }
    }

    /// The command line, or a file named on it, cannot be used.
    pub(crate) fn usage(message: impl ToString) -> Self {
        Self::new(Exit::Usage, message.to_string())
    }

    /// It passes: the same may be tried again.
    pub(crate) fn temporary(message: impl ToString) -> Self {
        Self::new(Exit::Temporary, message.to_string())
    }

    /// Integrity, authority or anchoring is broken.
    pub(crate) fn broken(message: impl ToString) -> Self {
        Self::new(Exit::Broken, message.to_string())
    }

    /// It could not be verified, or there is nothing to verify.
    pub(crate) fn not_verified(message: impl ToString) -> Self {
        Self::new(Exit::NotVerified, message.to_string())
    }

    /// The ledger refuses to record it.
    pub(crate) fn refused(message: impl ToString) -> Self {
        Self::new(Exit::Refused, message.to_string())
    }

    /// What was given with `flag` cannot be used.
    pub(crate) fn flag<T: Display>(flag: &str) -> impl Fn(T) -> Self {
        move |fault| Self::usage(format!("{flag} {fault}"))
    }

    /// As the `error` of a JSON document.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            "exit_code": self.exit.code(),
        })
    }

    /// Says the same in other words.
    pub(crate) fn reworded(mut self, words: impl FnOnce(String) -> String) -> Self {
        self.message = words(self.message);
        self
    }

    /// Says what else to try, after what was said before with `between` the two.
    pub(crate) fn also(self, between: &str, next: String) -> Self {
        let hint = match &self.hint {
            Some(first) => format!("{first}; {between}{next}"),
            None => next,
        };
        self.hint(hint)
    }

    /// Says what to try.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// A span of time as it was typed at `now`; one that ends before it begins is refused.
pub(crate) fn check_range(
    (from, to): (Option<SaidTime>, Option<SaidTime>),
    now: Timestamp,
) -> Result<(Option<Timestamp>, Option<Timestamp>), CommandError> {
    let meant = |said: Option<SaidTime>| said.map(|said| said.before(now));
    match (meant(from), meant(to)) {
        (Some(from), Some(to)) if from > to => {
            let message = format!("--from {from} is later than --to {to}");
            Err(CommandError::usage(message))
        }
        range => Ok(range),
    }
}

impl From<Blame> for Exit {
    fn from(blame: Blame) -> Self {
        match blame {
            Blame::Broken => Self::Broken,
            Blame::Usage => Self::Usage,
            Blame::CannotVerify => Self::NotVerified,
            Blame::Refused => Self::Refused,
            Blame::Temporary => Self::Temporary,
        }
    }
}

impl From<AppendError> for CommandError {
    fn from(fault: AppendError) -> Self {
        Self::new(fault.blame().into(), fault.to_string())
            .code(fault.code())
            .hinted(fault.hint())
    }
}

impl From<LedgerError> for CommandError {
    fn from(fault: LedgerError) -> Self {
        let (message, code) = (fault.to_string(), fault.code());
        let failure = match fault {
            LedgerError::Open(OpenError::Lock(fault)) => fault.into(),
            LedgerError::Open(OpenError::Disk(fault)) => Self::from(fault).or_not_verified(),
            LedgerError::Open(fault) => {
                Self::new(fault.blame().into(), message).hinted(fault.hint())
            }
            LedgerError::Foreign { .. } => Self::not_verified(message)
                .hint("whoever has its key reads its checkpoint with: ledger note verify --vkey VKEY FOLDER/checkpoint"),
            LedgerError::Entry { .. } => {
                Self::broken(message).hint("ledger verify names everything that is damaged")
            }
            LedgerError::Archived { .. } => Self::not_verified(message).hint(ARCHIVE_AWAY),
            LedgerError::Checkpoint { .. } => Self::not_verified(message),
            LedgerError::VerifiedBefore { .. } => Self::not_verified(message)
                .hint("verify the ledger whole, and keep outside of it what was verified: ledger verify --keep FILE"),
        };
        failure.code(code)
    }
}

impl From<LockError> for CommandError {
    fn from(fault: LockError) -> Self {
        let message = fault.to_string();
        match fault {
            LockError::Held { .. } => Self::temporary(message)
                .code("locked")
                .hint("try again, or wait longer with --wait 5m; nothing was recorded"),
            LockError::NotOurs(_) => Self::temporary(message)
                .code("locked")
                .hint("its writer was at work all the time; try again"),
            LockError::Disk(fault) => fault.into(),
        }
    }
}

impl From<EntropyError> for CommandError {
    fn from(fault: EntropyError) -> Self {
        Self::temporary(fault).code("no-randomness")
    }
}

impl From<DiskError> for CommandError {
    fn from(fault: DiskError) -> Self {
        let message = fault.to_string();
        let failure = match fault.cause() {
            DiskCause::Full => Self::temporary(message).hint("free some space and try again"),
            DiskCause::ReadOnly | DiskCause::Missing | DiskCause::TooLong => {
                Self::not_verified(message)
            }
            DiskCause::Other => Self::temporary(message),
        };
        failure.code("disk-refused")
    }
}

impl From<SignerError> for CommandError {
    fn from(fault: SignerError) -> Self {
        Self::usage(fault).code("not-signed")
    }
}

impl From<SignerOpenError> for CommandError {
    fn from(fault: SignerOpenError) -> Self {
        match fault {
            SignerOpenError::File(fault) => fault.into(),
            SignerOpenError::Signer(fault) => fault.into(),
        }
    }
}

impl From<KeyFileError> for CommandError {
    fn from(fault: KeyFileError) -> Self {
        let message = fault.to_string();
        if let KeyFileError::Io { path, source, .. } = fault {
            // A full disk is nobody's mistake.
            return match DiskError::new("write", &path, source).cause() {
                DiskCause::Full => Self::temporary(message)
                    .code("disk-refused")
                    .hint("free some space and try again"),
                _ => Self::usage(message).code("key-unusable"),
            };
        }
        let failure = Self::usage(message).code("key-unusable");
        match fault {
            KeyFileError::Missing(_) => {
                failure.hint("make one with: ledger key generate --out FILE")
            }
            KeyFileError::Exists(_) => failure.hint("choose another name"),
            KeyFileError::Mode { path, .. } => {
                failure.hint(format!("run: chmod 600 '{}'", path.display()))
            }
            KeyFileError::MountedOpen { .. } => {
                failure.hint("have it mounted with mode 0400, or with 0440 and a group of your own")
            }
            _ => failure,
        }
    }
}

impl CommandError {
    /// For whoever only reads: a read that fails leaves nothing verified.
    pub(super) fn or_not_verified(mut self) -> Self {
        if self.exit == Exit::Temporary {
            self.exit = Exit::NotVerified;
        }
        self
    }
}
