//! `ledger backup`: a copy of the ledger that restores it, and whether one does.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::audit::Audit;
use crate::backup::{self, Backup, BackupError, BackupRecord, BackupReport, CheckedBackup};
use crate::ledger::marks::Mark;
use crate::pack::{ZIP_LIMIT, read_zip};
use crate::store::engine::FolderEngine;
use crate::store::publish::finish_whole;
use crate::sys::disk::DiskError;

use super::answer::{Answer, CommandResult};
use super::context::Context;
use super::exit::{CommandError, Exit};
use super::files::{
    begin_whole, bounded, folder_of, is_there, keep_apart, unreadable, unwritten, write_below,
};
use super::key::passphrase;
use super::layout::counted;
use super::verify::audited;

/// Keeps a second backup out.
const LOCK_FOLDER: &str = "backing-up";

/// Make a copy of the ledger that restores it, while appends go on; or prove that one does
///
/// A backup is a folder in the form of the ledger's own, read at one moment and held against the
/// ledger's checkpoint before it counts. `ledger verify DIR` and every command that reads work on it;
/// nothing is appended to it. What is sealed is written once: the next backup into the same folder
/// adds what is new, and until that is whole the one before stays. A ledger that was cut off or set
/// back is refused, for the backup is what restores it.
///
/// With a name that ends in .zip it is one file. It is made in a folder beside it first, and read into
/// memory where it is checked or restored: a large ledger is better off with a folder.
///
/// The sealing key goes along only where that is asked for, encrypted under a passphrase of its own.
/// Without it a restored ledger is readable and verifies, and a Security Owner names a new key.
///
///   ledger backup --to /mnt/backup/prod
///   ledger backup --to /mnt/backup/prod --with-sealing-key --passphrase-file /etc/ledger/backup.pass
///   ledger backup --check /mnt/backup/prod
///   ledger restore --from /mnt/backup/prod --to /srv/ledger/prod
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct BackupArgs {
    /// The backup's folder, made where it is missing; or a file that is not there yet, ending in .zip
    #[arg(long, value_name = "DIR|FILE.zip", required_unless_present = "check")]
    to: Option<PathBuf>,
    /// Take the sealing key along, encrypted under the passphrase in --passphrase-file, or one that is asked for
    #[arg(long)]
    with_sealing_key: bool,
    /// Verify this backup whole, and say what restoring from it would lose
    #[arg(long, value_name = "DIR|FILE.zip", conflicts_with_all = ["to", "with_sealing_key"])]
    check: Option<PathBuf>,
}

pub(crate) fn run(context: &mut Context, args: &BackupArgs) -> CommandResult {
    context.ui.thing = "backup";
    if let Some(path) = &args.check {
        return check(context, path);
    }
    let to = args.to.clone().unwrap_or_default();
    let ledger = context.ledger_dir()?;
    keep_apart("--to", &to, &ledger)?;
    let passphrase = match args.with_sealing_key {
        true => passphrase(context, true)?,
        false => None,
    };
    let _lock = context.alone(LOCK_FOLDER, "ledger backup")?;
    let place = context.place()?;
    let backup = |to: &Path| {
        Backup {
            world: &context.world,
            place: &place,
            to,
            wait: context.globals.wait,
            passphrase: passphrase.as_ref().map(|word| word.as_str()),
        }
        .run()
    };
    let report = match is_zip(&to) {
        true => into_zip(context, &to, backup)?,
        false => backup(&to)?,
    };
    context.mark(Mark::Backup, report.record.size);
    Ok(answer(&to, &place.state, &report))
}

fn is_zip(path: &Path) -> bool {
    let end = path.extension();
    end.is_some_and(|end| end.eq_ignore_ascii_case("zip"))
}

/// Makes a backup in a folder beside the file, and the file of it.
fn into_zip(
    context: &Context,
    to: &Path,
    backup: impl Fn(&Path) -> Result<BackupReport, BackupError>,
) -> Result<BackupReport, CommandError> {
    const OR_FOLDER: &str = "choose another name, or back up into a folder";
    if to.symlink_metadata().is_ok() {
        return Err(is_there(to, OR_FOLDER));
    }
    let failed = |fault| unwritten(to, fault, OR_FOLDER);
    let mut dir = tempfile::Builder::new();
    let dir = dir.prefix(".backup-").tempdir_in(folder_of(to));
    let dir = dir.map_err(failed)?;
    let mut report = backup(dir.path())?;
    // With an encrypted key in it, it stays its owner's.
    let mode = match report.record.sealing_key {
        Some(_) => 0o600,
        None => 0o644,
    };
    let mut file = begin_whole(to, mode).map_err(failed)?;
    let mut put = |part: &[u8]| {
        let written = file.write_all(part);
        written.map_err(|fault| DiskError::new("write", to, fault))
    };
    let folder = FolderEngine::at(&context.world, dir.path());
    backup::write_zip(&folder, &report.record, &mut put)?;
    report.bytes = file.as_file().metadata().map_err(failed)?.len();
    report.files = 1;
    finish_whole(file, to, false).map_err(failed)?;
    Ok(report)
}

/// The folder of a backup, and what holds it: one in a zip is unpacked into a folder of its own.
pub(super) fn unpacked(path: &Path) -> Result<(PathBuf, Option<TempDir>), CommandError> {
    if path.is_dir() {
        return Ok((path.to_owned(), None));
    }
    let bytes = File::open(path).and_then(|file| bounded(file, ZIP_LIMIT as usize));
    let bytes = bytes.map_err(|fault| unreadable(path, fault))?;
    let files = read_zip(&bytes).map_err(|fault| {
        let message = format!("{} is no whole backup: {fault}", path.display());
        CommandError::broken(message).code("backup-unusable")
    })?;
    let dir = tempfile::tempdir().map_err(CommandError::temporary)?;
    for (name, bytes) in &files {
        let inside = name.split_once('/').map_or(name.as_str(), |(_, name)| name);
        let place = dir.path().join(inside);
        write_below(&place, bytes).map_err(|fault| DiskError::new("write", &place, fault))?;
    }
    Ok((dir.path().to_owned(), Some(dir)))
}

/// Whether a file is the zip of a backup: the folder in it is named for one.
pub(super) fn is_zipped_backup(path: &Path) -> bool {
    // The name of the first file is the 31st byte and what follows.
    let mut head = [0; 37];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut head));
    read.is_ok() && head.starts_with(b"PK") && head.ends_with(b"backup-")
}

/// What a backup says of itself, as programs are told it, and `more`.
fn document(record: &BackupRecord, more: Value) -> Value {
    let mut document = json!({
        "ledger_id": record.ledger,
        "origin": record.origin,
        "made_utc": record.made_utc,
        "size": record.size,
        "root": record.root,
        "sealing_key": record.sealing_key,
    });
    if let (Value::Object(told), Value::Object(more)) = (&mut document, more) {
        told.extend(more);
    }
    document
}

fn answer(to: &Path, state: &Path, report: &BackupReport) -> Answer {
    let record = &report.record;
    let mut not_taken = Vec::new();
    if record.sealing_key.is_none() {
        not_taken.push("the sealing key (--with-sealing-key takes it along)".to_owned());
    }
    let state = state.display();
    not_taken.push(format!(
        "what else is in {state}: what waits in the spool, witnesses, records of exports"
    ));
    let more = json!({
        "to": to.display().to_string(),
        "link": record.link,
        "size_before": report.before,
        "files_written": report.files,
        "bytes_written": report.bytes,
        "not_taken": not_taken,
    });
    let since = match report.before {
        Some(before) if before == record.size => "as before".to_owned(),
        Some(before) => format!("{} more", record.size - before),
        None => "a new backup".to_owned(),
    };
    let (to, bytes) = (to.display(), report.bytes);
    let entries = counted(record.size, "entry");
    let files = counted(report.files, "file");
    let not_taken = not_taken.iter().map(|what| format!("  not taken  {what}"));
    Answer::new(document(record, more))
        .line(format!(
            "{to} holds {entries}, {since}; {files} written, {bytes} bytes"
        ))
        .lines(not_taken)
        .say(format!("next: ledger backup --check {to}"))
}

fn check(context: &mut Context, path: &Path) -> CommandResult {
    context.ui.thing = "backup-check";
    let (dir, _held) = unpacked(path)?;
    let place = match &context.globals.ledger {
        Some(_) => context.place(),
        None => context.place_of(dir.clone()),
    };
    // An auditor's machine keeps none, and may have no home.
    let head = place.map(|place| place.head()).ok();
    let checked = audited(context, &dir, |audit| {
        backup::check(Audit { head, ..audit })
    })??;
    let opens = match checked.record.sealing_key {
        // Nobody is asked.
        Some(named) if context.globals.passphrase_file.is_some() => {
            let folder = FolderEngine::at(&context.world, &dir);
            let key = backup::sealing_key(&folder, &|| context.passphrase(path))?;
            Some(key.is_some_and(|key| key.public() == named))
        }
        _ => None,
    };
    Ok(said(path, &checked, opens))
}

fn said(path: &Path, checked: &CheckedBackup, opens: Option<bool>) -> Answer {
    let (record, report, known) = (&checked.record, &checked.report, checked.known);
    let exit = Exit::from(checked.conclusion());
    let lost = known.filter(|known| *known > record.size);
    let lost = lost.map(|known| known - 1);
    let more = json!({
        "backup": path.display().to_string(),
        "sealing_key_in_force": checked.has_newest_key,
        "sealing_key_opens": opens,
        "known_size": known,
        "would_lose": lost.map(|last| json!({ "first": record.size, "last": last })),
        "faults": checked.faults,
        "findings": report.to_json()["findings"],
        "not_checked": report.not_checked,
    });
    let key = match (checked.has_newest_key, opens) {
        (None, _) => "not in it: after restoring, a Security Owner names a new one",
        (Some(false), _) => "in it, and not the one in force",
        (_, Some(true)) => "in it, and opens with this passphrase",
        (_, Some(false)) => "in it is another than it says",
        _ => "in it; whether a passphrase opens it was not tried (--passphrase-file)",
    };
    let loss = match (known, lost) {
        (None, _) => "not known: this host keeps no checkpoint of the ledger".to_owned(),
        (_, None) => "nothing that this host knows of".to_owned(),
        (_, Some(last)) => format!("entries {} to {last}", record.size),
    };
    let findings = report.findings.iter().filter(|_| exit == Exit::Broken);
    let findings = findings.map(|one| (one.rule, &one.found));
    let findings = findings.map(|(rule, found)| format!("  {} {}: {found}", rule.id, rule.title));
    let faults = checked.faults.iter().map(|fault| format!("  {fault}"));
    let (word, code) = (checked.conclusion().word(), exit.code());
    let (origin, made) = (&record.origin, record.made_utc.to_seconds());
    let entries = counted(record.size, "entry");
    Answer::new(document(record, more))
        .line(format!(
            "{word}  backup of {origin} with {entries}, made {made} (exit {code})"
        ))
        .lines(findings.chain(faults))
        .line(format!("  sealing key  {key}"))
        .line(format!("  would lose   {loss}"))
        .ending(exit)
}

impl From<BackupError> for CommandError {
    fn from(fault: BackupError) -> Self {
        let message = fault.to_string();
        match fault {
            BackupError::Copy(fault) => fault.into(),
            BackupError::Key(fault) => fault.into(),
            BackupError::NoBackup { .. } => Self::usage(message)
                .code("folder-in-use")
                .hint("name an empty folder, or one that does not exist yet"),
            BackupError::Unusable { .. } => Self::not_verified(message).code("backup-unusable").hint(
                "run the same ledger backup again where it was cut off; where it is damaged, ledger restore --from reads what is there",
            ),
            BackupError::OtherLedger { .. } => Self::usage(message)
                .code("other-ledger")
                .hint("each ledger needs a backup folder of its own"),
            BackupError::Contradicted(_) => Self::broken(message)
                .code("backup-contradicted")
                .hint("nothing was written: that is what restores it, with ledger restore --from BACKUP --from LEDGER --to FOLDER"),
            BackupError::NoBeginning => Self::not_verified(message)
                .code("no-ledger")
                .hint("name a backup or a copy that begins with the first entry: --from PATH"),
            BackupError::Parted { .. } => Self::broken(message)
                .code("sources-contradicted")
                .hint("both were signed: find out which one is the ledger's, and name that alone with --from"),
            BackupError::NotRestored(_) => Self::broken(message)
                .code("restore-incomplete")
                .hint("the folder stays marked, and nothing is appended to it: name more with --from and another --to"),
            BackupError::Zip(_) => Self::usage(message)
                .code("too-large")
                .hint("back up into a folder"),
        }
    }
}
