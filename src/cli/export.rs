//! `ledger export`: one file for the audit binder.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::append::draft::Draft;
use crate::event::Event;
use crate::export::{Export, ExportError, ExportedPack};
use crate::ledger::ProvenPrefix;
use crate::pack::{PackPart, Selection, SelectionForm};
use crate::proof::TlogProof;
use crate::sys::disk::{DiskCause, DiskError};
use crate::text::Line;

use super::answer::{Answer, CommandResult, text};
use super::context::Context;
use super::exit::{CommandError, Exit};
use super::files::{
    OR_FORCE, folder_of, is_there, keep_apart, make_private, unfinished_prefix, write_whole,
};
use super::layout::counted;
use super::options::PartArgs;
use super::signals::SignalGuard;

/// How often an export begins again because the ledger grew under it.
const ATTEMPTS: usize = 3;

/// Export evidence as one zip that anybody can check: with this program, or without it
///
/// The entries must be those that the ledger's checkpoint seals, and everything that goes into the
/// pack is verified. The export is recorded (`pack.exported`, signed by --key), and that entry ends
/// the pack: it says what was selected and where each secret's entries ended. Without a selection the
/// pack holds everything. A pack of a rotation holds all entries about its secret, and all that are
/// about no secret.
///
/// The file gets its name when it is whole. An export that is killed leaves at most a hidden file
/// .new-PACK.zip-… beside it, which the next export of that name removes.
///
///   ledger export --out r-41.zip --rotation r-41
///   ledger export --out 2026-q1.zip --from 2026-01-01 --to 2026-03-31T23:59:59Z
///   ledger export --out r-41.zip --again 57
///   ledger export --out r-41.intoto.jsonl --format in-toto --rotation r-41
///   ledger verify r-41.zip --trust auditors.trust
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct ExportArgs {
    /// The file to write
    #[arg(long, value_name = "PACK.zip")]
    out: PathBuf,
    #[command(flatten)]
    part: PartArgs,
    /// A pack, or an in-toto Statement of each rotation: one DSSE envelope a line, signed by the pack key
    #[arg(long, value_name = "FORM", default_value = "pack", value_parser = ["pack", "in-toto"])]
    format: String,
    /// Leave attached files out; the pack says which
    #[arg(long)]
    without_attachments: bool,
    /// For whom the pack is; recorded with the export
    #[arg(long, value_name = "TEXT")]
    recipient: Option<Line>,
    /// Write the pack that this entry records again, byte for byte; nothing is recorded
    #[arg(long, value_name = "SEQ", conflicts_with_all = ["rotation", "secret", "from", "to", "without_attachments", "recipient", "format"])]
    again: Option<u64>,
    /// Replace a file that is there
    #[arg(long)]
    force: bool,
}

/// What is exported, and where to.
pub(crate) struct ExportOrder<'a> {
    pub(crate) out: &'a Path,
    pub(crate) force: bool,
    pub(crate) form: SelectionForm,
    pub(crate) without_attachments: bool,
    pub(crate) recipient: Option<Line>,
    /// The part, of a ledger of these entries.
    pub(crate) part: &'a dyn Fn(&ProvenPrefix) -> Result<PackPart, CommandError>,
    /// The checkpoint that gave the seed of a sample.
    pub(crate) seed: Option<&'a str>,
}

pub(crate) fn run(context: &mut Context, args: &ExportArgs) -> CommandResult {
    context.ui.thing = "export";
    let part = args.part.part(context.now())?;
    if let Some(from) = part.range().0.filter(|from| *from > context.now()) {
        return Err(CommandError::usage(format!(
            "--from {from} is still to come"
        )));
    }
    let form = match args.format.as_str() {
        "in-toto" => SelectionForm::InToto,
        _ => SelectionForm::Pack,
    };
    let order = ExportOrder {
        out: &args.out,
        force: args.force,
        form,
        // No attached file goes out with an attestation.
        without_attachments: args.without_attachments || form == SelectionForm::InToto,
        recipient: args.recipient.clone(),
        part: &|_| Ok(part.clone()),
        seed: None,
    };
    let (sequence, pack) = carry_out(context, &order, args.again)?;
    Ok(answer(&args.out, sequence, &pack))
}

/// Records an export and makes its pack; or makes the one that entry `again` records.
pub(crate) fn carry_out(
    context: &mut Context,
    args: &ExportOrder<'_>,
    again: Option<u64>,
) -> Result<(u64, ExportedPack), CommandError> {
    check_out(args.out, args.force)?;
    let named = context.named_ledger()?;
    context.folder(&named, true)?;
    let place = context.place()?;
    // Of a ledger that somebody else serves nothing may have been kept here before.
    make_private(&place.state)?;
    keep_apart("--out", args.out, &place.dir)?;
    let world = context.world.clone();
    let export = Export {
        world: &world,
        place: &place,
        wait: context.globals.wait,
    };
    Ok(match again {
        Some(sequence) => {
            let pack = export.pack(sequence)?;
            write_whole(args.out, &pack.bytes, args.force)?;
            (sequence, pack)
        }
        None => {
            let guard = SignalGuard::new(false)?;
            let before = record(context, args, &export, &guard)?;
            let sequence = before.size();
            let why = "interrupted before the pack was written";
            let why = CommandError::new(Exit::Interrupted, why);
            guard.end_saying(&context.ui, recorded(why, sequence, args.out));
            let pack = make(context, args, &export, before)
                .map_err(|failure| recorded(failure, sequence, args.out))?;
            guard.rest();
            (sequence, pack)
        }
    })
}

/// Makes and writes the pack whose record was just made behind these entries.
fn make(
    context: &mut Context,
    args: &ExportOrder<'_>,
    export: &Export<'_>,
    before: ProvenPrefix,
) -> Result<ExportedPack, CommandError> {
    context.fetch_anew()?;
    let pack = export.pack_after(before)?;
    write_whole(args.out, &pack.bytes, args.force)?;
    Ok(pack)
}

/// Why there is no pack of an export that is in the ledger by now, and need not be recorded again.
fn recorded(failure: CommandError, sequence: u64, out: &Path) -> CommandError {
    let again = format!("ledger export --again {sequence} --out {}", out.display());
    let failure = failure.also("then: ", again);
    failure.reworded(|said| format!("{said}; the export is recorded as entry {sequence}"))
}

fn check_out(out: &Path, force: bool) -> Result<(), CommandError> {
    let folder = folder_of(out);
    match std::fs::symlink_metadata(out) {
        Ok(found) if !found.is_file() => {
            let message = format!("--out {} is no ordinary file", out.display());
            return Err(CommandError::usage(message));
        }
        Ok(_) if !force => return Err(is_there(out, OR_FORCE)),
        _ if !folder.is_dir() => {
            let message = format!("there is no folder {} for --out", folder.display());
            return Err(CommandError::usage(message));
        }
        _ => {}
    }
    // A folder that takes no file of that name is found out before anything is recorded.
    let mut tried = tempfile::Builder::new();
    let tried = tried.prefix(&unfinished_prefix(out)).tempfile_in(folder);
    tried.map(drop).map_err(|fault| {
        let fault = DiskError::new("write", out, fault);
        match fault.cause() {
            DiskCause::Full => fault.into(),
            _ => {
                CommandError::usage(fault).hint("name a folder in --out in which files can be made")
            }
        }
    })
}

/// Records the export; answers with the entries before the record. No signal ends it from the record on.
fn record(
    context: &mut Context,
    args: &ExportOrder<'_>,
    export: &Export<'_>,
    guard: &SignalGuard,
) -> Result<ProvenPrefix, CommandError> {
    let author = context.key()?;
    let key = export.key()?.public();
    for _ in 0..ATTEMPTS {
        let before = export.entries()?;
        let selection = Selection {
            part: (args.part)(&before)?,
            without_attachments: args.without_attachments,
            form: args.form,
            key,
        };
        let recipient = args.recipient.clone();
        let said = export.record(&before, &selection, recipient, context.now())?;
        let mut recorder = context.recorder(true)?;
        let draft = Draft::from(Event::from(said));
        let signed = draft.sign(recorder.ledger(), &*author, &context.world, Vec::new(), &[])?;
        guard.begin();
        let mut answers = recorder.record(&mut context.ui, vec![signed], true);
        // What it rests on is read from the ledger, which nobody reads while it is held.
        recorder.close(context, guard);
        match answers.pop() {
            Some(Ok(receipt)) => {
                let proof = TlogProof::parse(text(&receipt["proof"]).as_bytes());
                let proof = proof.map_err(CommandError::not_verified)?;
                let kept = export.keep(proof.index(), proof.checkpoint(), args.seed);
                kept.map_err(|fault| not_kept(fault, proof.index()))?;
                return Ok(before);
            }
            // Where somebody appended meanwhile, what was counted is not what is there, and is not recorded.
            Some(Err(failure)) if failure.exit == Exit::Refused => {
                guard.rest();
                context.fetch_anew()?;
                if export.entries()?.size() == before.size() {
                    return Err(failure);
                }
            }
            Some(Err(failure)) => return Err(failure),
            None => break,
        }
    }
    let message =
        format!("the ledger grew {ATTEMPTS} times while it was read; nothing was exported");
    Err(CommandError::temporary(message).hint("try again when less is appended"))
}

/// What the pack rests on is not kept, so that nobody can make the one that is recorded.
fn not_kept(fault: ExportError, sequence: u64) -> CommandError {
    let recorded = format!("; the export is recorded as entry {sequence}, without a pack");
    CommandError::from(fault)
        .reworded(|said| said + &recorded)
        .hint("export anew when the state folder can be written; no pack goes out under that entry")
}

pub(crate) fn answer(out: &Path, sequence: u64, pack: &ExportedPack) -> Answer {
    let (out, said, selection) = (out.display(), &pack.exported, &pack.selection);
    let (format, part, parts) = match selection.form {
        SelectionForm::Pack => ("pack", "file", "files"),
        SelectionForm::InToto => ("in-toto", "envelope", "envelopes"),
    };
    let document = json!({
        "out": out.to_string(),
        "recorded_by_entry": sequence,
        "selection": selection.part.to_string(),
        "attachments_withheld": selection.without_attachments,
        "pack_key": selection.key,
        "entries": said.entries,
        "rotations": said.rotations,
        "secrets": said.secrets,
        "format": format,
        parts: pack.parts,
        "bytes": pack.bytes.len(),
        "not_checked": pack.not_checked,
    });
    let counts = [
        counted(said.rotations, "rotation"),
        counted(said.secrets, "secret"),
        counted(said.entries, "entry"),
        counted(pack.parts as u64, part),
    ];
    let (part, counts, bytes) = (&selection.part, counts.join(" \u{b7} "), pack.bytes.len());
    Answer::new(document)
        .line(format!("{out}  {part}, recorded by entry {sequence}"))
        .line(format!("  {counts}, {bytes} bytes"))
        .line(format!("  pack key  {}", selection.key))
        .say("next: hand the trust file over by another road: ledger trust show prints it, with the pack key")
}

impl From<ExportError> for CommandError {
    fn from(fault: ExportError) -> Self {
        let message = fault.to_string();
        match fault {
            ExportError::Audit(fault) => fault.into(),
            ExportError::Proof(fault) => fault.into(),
            ExportError::Disk(fault) => fault.into(),
            ExportError::Key(fault) => fault.into(),
            ExportError::Nothing(_) => Self::not_verified(message)
                .hint("ledger log --event rotation.opened lists the rotations; no pack was made"),
            ExportError::NoRecord(_) => {
                Self::usage(message).hint("ledger log --event pack.exported lists the exports")
            }
            ExportError::OtherSeed(_) => Self::usage(message)
                .hint("name a checkpoint of this ledger that a witness cosigned: ledger anchor keeps them"),
            ExportError::NotKept { .. }
            | ExportError::OtherKey { .. }
            | ExportError::Differs { .. } => Self::not_verified(message)
                .hint("export anew; the older pack stays as good as it was"),
            ExportError::Zip(_) | ExportError::Selection(_) => {
                Self::usage(message).hint("select less with --from and --to, or --secret")
            }
            ExportError::Entropy(_) => Self::temporary(message),
            ExportError::NotSealed(_)
            | ExportError::NotVerified { .. }
            | ExportError::Attachment(_) => {
                Self::broken(message).hint("ledger verify names everything that is wrong")
            }
        }
    }
}
