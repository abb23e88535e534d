//! `ledger note`: signed notes of whoever made them.

use std::path::PathBuf;

use serde_json::json;

use crate::checkpoint::CosignerKey;
use crate::note::{self, NOTE_LIMIT, NoteError, NoteKey, NoteKeyError, SignedNote};

use super::answer::{Answer, CommandResult};
use super::context::Context;
use super::exit::CommandError;
use super::files::{bounded, open_input, unreadable};
use super::layout::seconds;

/// Open signed notes, of this ledger or of anybody else
#[derive(Debug, clap::Args)]
pub(crate) struct NoteArgs {
    #[command(subcommand)]
    action: NoteAction,
}

#[derive(Debug, clap::Subcommand)]
enum NoteAction {
    Verify(NoteVerifyArgs),
}

/// Open a C2SP signed note and print its text
///
/// Each line that names a given key must be that key's, and at least one must be there; lines of
/// other keys are ignored. A key of type 0x04 or 0x06 is a witness's: its line is over a checkpoint and a
/// time, which is said on stderr.
///
///   ledger note verify --vkey example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k note.txt
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
struct NoteVerifyArgs {
    /// Whom to trust: name+id+key; repeat for more
    #[arg(long, value_name = "VKEY", required = true)]
    vkey: Vec<String>,
    /// The note; `-` is stdin
    #[arg(value_name = "FILE|-")]
    file: PathBuf,
}

pub(crate) fn run(context: &mut Context, args: &NoteArgs) -> CommandResult {
    context.ui.thing = "note";
    let NoteAction::Verify(args) = &args.action;
    let (mut logs, mut witnesses) = (Vec::new(), Vec::new());
    for text in &args.vkey {
        match text.parse::<NoteKey>() {
            Ok(key) => logs.push(key),
            Err(NoteKeyError::Type { .. }) => {
                witnesses.push(text.parse::<CosignerKey>().map_err(unusable)?);
            }
            Err(fault) => return Err(unusable(fault)),
        }
    }
    let read = open_input(&mut context.ui, &args.file);
    let bytes = read.and_then(|input| bounded(input, NOTE_LIMIT));
    let bytes = bytes.map_err(|fault| unreadable(&args.file, fault))?;
    let broken = |fault: String| CommandError::broken(fault);
    let note = SignedNote::parse(&bytes).map_err(|fault| broken(fault.to_string()))?;
    let mut signed = Vec::new();
    let mut other = None;
    match note::open(&bytes, &logs) {
        Ok(opened) => signed.extend(opened.verified.iter().map(|key| (key.to_string(), None))),
        Err(NoteError::NoTrustedKey) => {}
        Err(NoteError::OtherKey(found)) => other = Some(found),
        Err(fault) => return Err(broken(fault.to_string())),
    }
    for key in &witnesses {
        let time = key.cosigned(&note);
        let time = time.map_err(|fault| broken(fault.to_string()))?;
        signed.extend(time.map(|time| (key.to_string(), Some(time))));
        other = other.or_else(|| key.other_key(&note));
    }
    if signed.is_empty() {
        let fault = other.map_or(NoteError::NoTrustedKey, NoteError::OtherKey);
        return Err(broken(fault.to_string())
            .hint("the keys that were given are other ones than those named below the note"));
    }
    let keys = signed.iter();
    let keys = keys.map(|(key, time)| json!({ "vkey": key, "cosigned": time }));
    let document = json!({ "text": note.text(), "verified": keys.collect::<Vec<_>>() });
    let said = signed.into_iter().map(|(key, time)| match time {
        Some(time) => format!("cosigned at {} by {key}", seconds(time)),
        None => format!("signed by {key}"),
    });
    Ok(said.fold(Answer::new(document).text(note.text()), Answer::say))
}

fn unusable(fault: NoteKeyError) -> CommandError {
    CommandError::usage(format!("--vkey: {fault}"))
}
