//! What is done with files and values before anything is recorded.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::append::draft::{Draft, DraftError, ScreenedDraft};
use crate::append::{Screening, attachment};
use crate::guard::{KnownValue, REDACTED};
use crate::register::ScanAllowance;
use crate::text::{Id, Line};

use super::context::Context;
use super::exit::CommandError;
use super::files::open_input;
use super::layout::counted;
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
    /// Where the secret scan finds something in a file, attach a copy without the lines that hold it
    #[arg(long)]
    pub(crate) redact: bool,
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
    let value_to = "the value to check against";
    let unread = |fault| format!("{value_to} cannot be read from `{name}`: {fault}");
    read.map_err(unread).map_err(CommandError::usage)?;
    if value.len() as u64 > VALUE_LIMIT {
        let message = format!("{value_to} in `{name}` is longer than {VALUE_LIMIT} bytes");
        return Err(CommandError::usage(message));
    }
    let known = KnownValue::new(&value);
    let known = known.map_err(|fault| CommandError::usage(format!("`{name}`: {fault}")))?;
    Ok(vec![known])
}

impl SecretChecks {
    /// The files that a draft names, as they are to be attached.
    pub(crate) fn files(
        &self,
        paths: &[PathBuf],
        known: &[KnownValue],
        say: &mut dyn FnMut(String),
    ) -> Result<Vec<AttachedFile>, CommandError> {
        let read = |path: &PathBuf| {
            let file = attachment::read_attachment(path, self.attach_limit)?;
            match self.redact {
                true => redacted(file, known.into(), say),
                false => Ok(file),
            }
        };
        paths.iter().map(read).collect()
    }
}

/// A file without what the secret scan finds in it, under a name that says so.
pub(crate) fn redacted(
    file: AttachedFile,
    screening: Screening<'_>,
    say: &mut dyn FnMut(String),
) -> Result<AttachedFile, CommandError> {
    let (name, media_type, bytes) = &file;
    let Err(found) = screening.file(name, media_type, bytes) else {
        return Ok(file);
    };
    let copy = screening.redacted(bytes).ok_or_else(|| {
        CommandError::refused(format!("{found}, and no copy without it can be made"))
            .code("secret-material")
            .hint("where it ends cannot be told, or the file is no text of lines: take it out by hand")
    })?;
    let taken = |line: &&[u8]| line.starts_with(REDACTED.as_bytes());
    let places = copy.split(|&byte| byte == b'\n').filter(taken).count();
    let places = counted(places as u64, "place");
    say(format!(
        "{name}: {places} redacted; the copy is attached as redacted-{name}"
    ));
    let name = Line::new(format!("redacted-{name}")).map_err(CommandError::refused)?;
    Ok((name, media_type.clone(), copy))
}

impl Context {
    /// Looks a draft and its files through. What Security Owners let pass is read only where something is found.
    pub(crate) fn screened<'a>(
        &self,
        draft: &'a Draft,
        files: &'a [AttachedFile],
        known: &[KnownValue],
    ) -> Result<ScreenedDraft<'a>, DraftError> {
        match draft.screen(files, known.into()) {
            Err(DraftError::Secret(_)) => {
                let excepted = &self.excepted();
                draft.screen(files, Screening { known, excepted })
            }
            screened => screened,
        }
    }

    /// What Security Owners let the secret scan pass now; nothing where the ledger cannot be read.
    pub(crate) fn excepted(&self) -> Vec<ScanAllowance> {
        let register = self.register_with(None).unwrap_or_default();
        register.charter.scans_at(self.now()).cloned().collect()
    }
}
