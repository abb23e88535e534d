//! The flags that commands share, and how their values are read.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::Resettable;
use clap::{Arg, ArgAction, Args};

use crate::pack::PackPart;
use crate::text::Id;
use crate::time::{SaidTime, Timestamp, parse_span};

use super::exit::{CommandError, check_range};

/// Flags that every command takes, also after its name.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Globals {
    /// The ledger: its folder, who serves it, as unix:PATH or https://HOST, or the database that it is
    /// in, as postgres://USER@HOST/DATABASE
    #[arg(long, global = true, value_name = "PATH")]
    #[arg(env = "LEDGER_PATH", hide_env_values = true)]
    pub(crate) ledger: Option<PathBuf>,
    /// Where this host keeps the newest checkpoint, the sealing key and the spool of this ledger,
    /// outside its folder [default: a folder of its own under ~/.local/state/rotation-ledger]
    #[arg(long, global = true, value_name = "PATH")]
    #[arg(env = "LEDGER_STATE", hide_env_values = true)]
    pub(crate) state: Option<PathBuf>,
    /// Your private key: a file that nobody else can read (PKCS#8 PEM or OpenSSH's form), `-` for
    /// standard input, fd:N, ssh-agent:[FINGERPRINT or public key], or command:PROGRAM
    #[arg(long, global = true, value_name = "KEY")]
    #[arg(env = "LEDGER_KEY", hide_env_values = true)]
    pub(crate) key: Option<OsString>,
    /// A file with the key's passphrase in its first line [default: asked for on a terminal]
    #[arg(long, global = true, value_name = "FILE")]
    #[arg(env = "LEDGER_PASSPHRASE_FILE", hide_env_values = true)]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// Whom you trust: a C2SP tlog-policy that reached you by another road (see ledger trust show)
    #[arg(long, global = true, value_name = "FILE")]
    #[arg(env = "LEDGER_TRUST", hide_env_values = true)]
    pub(crate) trust: Option<PathBuf>,
    /// The certificates that a server's is signed by, in PEM [default: the web's own]
    #[arg(long, global = true, value_name = "FILE")]
    #[arg(env = "LEDGER_SERVER_CA", hide_env_values = true)]
    pub(crate) server_ca: Option<PathBuf>,
    /// Your certificate and its key in one PEM file, for a server that asks who talks to it
    #[arg(long, global = true, value_name = "FILE")]
    #[arg(env = "LEDGER_CLIENT_IDENTITY", hide_env_values = true)]
    pub(crate) client_identity: Option<PathBuf>,
    /// A file with the token for a server that is reached over TCP, which nobody else can read [default:
    /// the token in LEDGER_TOKEN]
    #[arg(long, global = true, value_name = "FILE")]
    #[arg(env = "LEDGER_TOKEN_FILE", hide_env_values = true)]
    pub(crate) token_file: Option<PathBuf>,
    /// How long to wait for another process: one that is writing, or one that signs
    #[arg(long, global = true, value_name = "TIME")]
    #[arg(env = "LEDGER_WAIT", hide_env_values = true)]
    #[arg(default_value = "30s", value_parser = parse_span)]
    pub(crate) wait: Duration,
    /// Record although the clock of this host seems wrong: it is before the newest entry, or a year after it
    #[arg(long, global = true)]
    pub(crate) clock_is_right: bool,
    /// Say nothing but results, warnings and errors
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
}

/// Which part of a ledger is meant.
#[derive(Debug, Default, Args)]
pub(crate) struct PartArgs {
    /// Only this rotation
    #[arg(long, value_name = "ID", conflicts_with_all = ["secret", "from", "to"])]
    pub(crate) rotation: Option<Id>,
    /// Only this secret, with all of its rotations
    #[arg(long, value_name = "ID", conflicts_with_all = ["from", "to"])]
    secret: Option<Id>,
    /// Only rotations that had not ended before this: a time, a day, `yesterday`, or 90d for so long ago
    #[arg(long, value_name = "TIME")]
    from: Option<SaidTime>,
    /// Only rotations that began no later than this
    #[arg(long, value_name = "TIME")]
    to: Option<SaidTime>,
}

impl PartArgs {
    pub(crate) fn part(&self, now: Timestamp) -> Result<PackPart, CommandError> {
        let (from, to) = check_range((self.from, self.to), now)?;
        Ok(match (&self.rotation, &self.secret, from, to) {
            (Some(id), ..) => PackPart::Rotation(id.clone()),
            (_, Some(id), ..) => PackPart::Secret(id.clone()),
            (_, _, None, None) => PackPart::Everything,
            (_, _, from, to) => PackPart::Range(from, to),
        })
    }
}

/// Adds `--json`. Not global for clap: `append --json FILE` means another thing. An empty variable is an
/// unset one.
pub(crate) fn with_json(command: clap::Command) -> clap::Command {
    let command = command.mut_args(|arg| {
        let value = arg.get_env().and_then(std::env::var_os);
        match value.is_some_and(|value| value.is_empty()) {
            true => arg.env(Resettable::Reset),
            false => arg,
        }
    });
    let json = Arg::new("json").long("json").action(ArgAction::SetTrue);
    command.arg(
        json.help("Print one JSON document on stdout, also on failure")
            .help_heading("Global options"),
    )
}

/// Reads a number of bytes: a whole number, with `K`, `M` or `G` for powers of 1,024.
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    let fault = || "needs a number of bytes, for example 500000, 64M or 1G".to_owned();
    let (digits, unit) = match text.chars().last() {
        Some('K') => (text.strip_suffix('K'), 1 << 10),
        Some('M') => (text.strip_suffix('M'), 1 << 20),
        Some('G') => (text.strip_suffix('G'), 1 << 30),
        _ => (Some(text), 1),
    };
    let number = digits.and_then(|digits| digits.parse::<u64>().ok());
    number
        .and_then(|number| number.checked_mul(unit))
        .ok_or_else(fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_powers_of_1024() {
        assert_eq!(parse_size("64M"), Ok(64 << 20));
        assert_eq!(parse_size("500"), Ok(500));
        for text in ["", "M", "-1", "1.5M", "99999999999G", "1k"] {
            assert!(parse_size(text).is_err(), "{text:?}");
        }
    }
}
