//! What is done with files and values before anything is recorded.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::append::attachment;
use crate::guard::KnownValue;
use crate::text::{Id, Line};

use super::exit::CommandError;
use super::files::open_input;
use super::options::parse_size;
use super::ui::Ui;

/// A file to attach: its name, its media type and its bytes.
pub(crate) type AttachedFile = (Line, Id, Vec<u8>);

/// A value to check against has no more bytes than this.
const VALUE_LIMIT: u64 = 1024 * 1024;

/// What is done with files and values before anything is recorded.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Recording")]
pub(crate) struct SecretChecks {
    /// The most bytes that one attached file may have
    #[arg(long, value_name = "BYTES", default_value = "64M", value_parser = parse_size)]
    pub(crate) attach_limit: u64,
    /// A file with the real secret value (`-` is stdin): refuses to record anything that holds it,
    /// then forgets it
    #[arg(long, value_name = "FILE|-")]
    pub(crate) check_value_from: Option<PathBuf>,
    /// Check everything and record nothing; each draft by itself, against the ledger as it is
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// The real values that must not be recorded, from where the caller hands them over.
pub(crate) fn known_values(
    ui: &mut Ui,
    file: Option<&Path>,
) -> Result<Vec<KnownValue>, CommandError> {
    let Some(path) = file else {
        return Ok(Vec::new());
    };
    let name = path.display();
    // All room at once: a buffer that grew would leave copies of the value behind.
    let mut value = Zeroizing::new(Vec::with_capacity(VALUE_LIMIT as usize + 1));
    let input = open_input(ui, path);
    let read = input.and_then(|input| input.take(VALUE_LIMIT + 1).read_to_end(&mut value));
    read.map_err(|fault| {
        CommandError::usage(format!(
            "the value to check against cannot be read from `{name}`: {fault}"
        ))
    })?;
    if value.len() as u64 > VALUE_LIMIT {
        return Err(CommandError::usage(format!(
            "the value to check against in `{name}` is longer than {VALUE_LIMIT} bytes"
        )));
    }
    let known = KnownValue::new(&value)
        .map_err(|fault| CommandError::usage(format!("`{name}`: {fault}")))?;
    Ok(vec![known])
}

/// The files that a draft names.
pub(crate) fn read_files(paths: &[PathBuf], limit: u64) -> Result<Vec<AttachedFile>, CommandError> {
    let read = |path: &PathBuf| attachment::read_attachment(path, limit);
    Ok(paths.iter().map(read).collect::<Result<_, _>>()?)
}
