//! `ledger extract`: the evidence of rotations as files with names to read.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::json;

use crate::entry::StoredEntry;
use crate::page::{FolderNames, evidence_folders};
use crate::register::Register;
use crate::rotation::Rotation;
use crate::statement::Attachment;
use crate::text::Id;

use super::answer::{Answer, CommandResult};
use super::context::Context;
use super::exit::{CommandError, Exit};
use super::files::NewFolder;
use super::layout::counted;
use super::log::{check_id, speaker};
use super::source::EvidenceSource;

/// What tells of each entry, in the folder of a rotation.
const INDEX: &str = "INDEX.txt";

/// Write the evidence of rotations as files with names to read
///
/// Each attached file lies under its rotation, the entry that names it, and its own name:
/// rot-1/07-revocation.verified/psql.txt. INDEX.txt tells who said what when, and has the digests; where a name
/// could do harm, the file has a harmless one and INDEX.txt the other. Each file is the one that its entry
/// names; whether the entries hold, ledger verify says.
///
///   ledger extract r-41.zip --rotation r-41 --to evidence
///   ledger extract prod --rotation r-41 --rotation r-42 --to evidence
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct ExtractArgs {
    /// A ledger, a published copy or an evidence pack [default: --ledger]
    path: Option<PathBuf>,
    /// The rotation; repeat for more
    #[arg(long, value_name = "ID", required = true)]
    rotation: Vec<Id>,
    /// The folder to write into: a new one, or one that is empty
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
}

/// What is written, and what could not be.
struct Extraction<'a> {
    context: &'a Context,
    source: &'a EvidenceSource,
    register: &'a Register,
    folder: NewFolder,
    files: Vec<String>,
    absent: u64,
}

pub(crate) fn run(context: &mut Context, args: &ExtractArgs) -> CommandResult {
    context.ui.thing = "extract";
    let source = EvidenceSource::open(context, args.path.as_deref(), true)?;
    let (register, told) = read(context, &source, &args.rotation)?;
    let asked: BTreeSet<&Id> = args.rotation.iter().collect();
    for id in &asked {
        check_id("rotation", Some(id), register.rotations.keys())?;
    }
    let mut extraction = Extraction {
        context,
        source: &source,
        register: &register,
        folder: NewFolder::begin("--to", &args.to, &source.place)?,
        files: Vec::new(),
        absent: 0,
    };
    let mut names = FolderNames::default();
    for rotation in asked.iter().filter_map(|id| register.rotations.get(*id)) {
        extraction.write(rotation, &told, &names.give(rotation.id.as_str()))?;
    }
    extraction.folder.finish()?;
    let (files, absent) = (extraction.files, extraction.absent);
    let written = counted(files.len() as u64, "attached file");
    let answer = Answer::new(json!({ "to": args.to, "files": files, "absent": absent }))
        .line(format!("{written} in {}", args.to.display()))
        .say("read and not verified: ledger verify judges the entries behind them");
    if absent == 0 {
        return Ok(answer);
    }
    let absent = counted(absent, "attached file");
    let answer = answer.warn(format!("{absent} not here; {INDEX} names each"));
    Ok(answer.exit(Exit::NotVerified))
}

/// What the entries amount to, and those that may tell of one of the rotations.
fn read(
    context: &Context,
    source: &EvidenceSource,
    rotations: &[Id],
) -> Result<(Register, Vec<StoredEntry>), CommandError> {
    let mut register = Register::default();
    let mut told = Vec::new();
    for stored in source.entries(context)? {
        let stored = stored?;
        let counts = register.place(&stored.recorded()).is_ok();
        let event = &stored.statement.event;
        let named = event.rotation().is_some_and(|id| rotations.contains(id));
        if counts && (named || event.incident().is_some() || event.about().is_some()) {
            told.push(stored);
        }
    }
    Ok((register, told))
}

impl Extraction<'_> {
    /// Writes the files of one rotation and their index.
    fn write(
        &mut self,
        rotation: &Rotation,
        told: &[StoredEntry],
        top: &str,
    ) -> Result<(), CommandError> {
        let (id, secret) = (&rotation.id, &rotation.secret);
        let mut index =
            format!("Rotation {id} of {secret}. Read and not verified; all times are UTC.\n");
        let events = told.iter().map(|one| (one.sequence, &one.statement.event));
        let folders = evidence_folders(rotation, events);
        for stored in told {
            let statement = &stored.statement;
            let Some(folder) = folders.get(&stored.sequence) else {
                continue;
            };
            let person = statement.on_behalf_of.as_ref();
            let who = speaker(self.register, &statement.author, person);
            let (sequence, occurred) = (stored.sequence, statement.occurred.to_seconds());
            index += &format!("\n{folder}\n  entry {sequence}, {occurred}, by {who}\n");
            let mut names = FolderNames::default();
            for file in &statement.attachments {
                let name = names.give(file.name.as_str());
                index += &self.write_file(file, &format!("{top}/{folder}/{name}"))?;
            }
        }
        self.folder.add(&format!("{top}/{INDEX}"), index.as_bytes())
    }

    /// Writes a file where its bytes are here; answers with its lines in the index.
    fn write_file(&mut self, file: &Attachment, path: &str) -> Result<String, CommandError> {
        let found = self.source.attachment(self.context, &file.blake3)?;
        let is_expunged = self.register.charter.expunged.contains(&file.blake3);
        let standing = match (found, is_expunged) {
            (Some(bytes), _) => {
                self.folder.add(path, &bytes)?;
                self.files.push(path.to_owned());
                path.rsplit('/').next().unwrap_or_default()
            }
            (None, true) => "(expunged: only its digests are left)",
            (None, false) => {
                self.absent += 1;
                "(not here: only its digests are)"
            }
        };
        let (name, length) = (&file.name, file.length);
        let (sha256, blake3) = (&file.sha256, &file.blake3);
        Ok(format!(
            "  {standing}\n    named {name}, {length} bytes\n    sha256 {sha256}\n    blake3 {blake3}\n"
        ))
    }
}
