//! `ledger extract`: the evidence of rotations as files with names to read.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::documents;
use crate::entry::StoredEntry;
use crate::page::{EvidenceFolders, FolderNames};
use crate::register::Register;
use crate::rotation::Rotation;
use crate::statement::Attachment;
use crate::text::Id;

use super::answer::{Answer, CommandResult};
use super::context::Context;
use super::exit::{CommandError, Exit};
use super::files::{NewFolder, keep_apart};
use super::layout::counted;
use super::log::check_id;
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
    files: Vec<Value>,
    absent: u64,
}

pub(crate) fn run(context: &mut Context, args: &ExtractArgs) -> CommandResult {
    context.ui.thing = "extract";
    let source = EvidenceSource::open(context, args.path.as_deref(), true)?;
    if let EvidenceSource::Folder(dir) = &source {
        keep_apart("--to", &args.to, dir)?;
    }
    let (register, told) = read(context, &source, &args.rotation)?;
    let mut asked = args.rotation.clone();
    asked.sort_unstable();
    asked.dedup();
    for id in &asked {
        check_id("rotation", Some(id), register.rotations.keys())?;
    }
    let mut extraction = Extraction {
        context,
        source: &source,
        register: &register,
        folder: NewFolder::begin("--to", &args.to)?,
        files: Vec::new(),
        absent: 0,
    };
    let mut names = FolderNames::default();
    for rotation in asked.iter().filter_map(|id| register.rotations.get(id)) {
        extraction.write(rotation, &told, &names.give(rotation.id.as_str()))?;
    }
    let Extraction {
        folder,
        files,
        absent,
        ..
    } = extraction;
    folder.finish()?;
    let written = files.iter().filter(|file| !file["path"].is_null()).count() as u64;
    let document = json!({ "to": args.to, "files": files, "absent": absent });
    let said = format!(
        "{} in {}",
        counted(written, "attached file"),
        args.to.display()
    );
    let answer = Answer::new(document).line(said);
    let answer = answer.say("read and not verified: ledger verify judges the entries behind them");
    Ok(match absent {
        0 => answer,
        _ => answer
            .warn(format!(
                "{} not here; {INDEX} names each",
                counted(absent, "attached file")
            ))
            .exit(Exit::NotVerified),
    })
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
        let (statement, recorded) = (&stored.statement, stored.entry.recorded);
        let _ = register.place(&statement.recorded_as(stored.sequence, recorded));
        let event = &statement.event;
        let named = event.rotation().is_some_and(|id| rotations.contains(id));
        if named || event.incident().is_some() || event.about().is_some() {
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
        let mut index = format!(
            "Rotation {} of {}. Read and not verified; all times are UTC.\n",
            rotation.id, rotation.secret
        );
        let mut folders = EvidenceFolders::of(rotation);
        for stored in told {
            let statement = &stored.statement;
            let Some(folder) = folders.of_entry(stored.sequence, &statement.event) else {
                continue;
            };
            let mut who = documents::actor(self.register, &statement.author);
            if let Some(person) = &statement.on_behalf_of {
                who.push_str(&format!(" for {person}"));
            }
            let (sequence, occurred) = (stored.sequence, statement.occurred.to_seconds());
            index.push_str(&format!(
                "\n{folder}\n  entry {sequence}, {occurred}, by {who}\n"
            ));
            let mut names = FolderNames::default();
            for file in &statement.attachments {
                let name = names.give(file.name.as_str());
                index.push_str(&self.write_file(
                    file,
                    &format!("{top}/{folder}/{name}"),
                    sequence,
                )?);
            }
        }
        self.folder.add(&format!("{top}/{INDEX}"), index.as_bytes())
    }

    /// Writes a file where its bytes are here; answers with its lines in the index.
    fn write_file(
        &mut self,
        file: &Attachment,
        path: &str,
        sequence: u64,
    ) -> Result<String, CommandError> {
        let found = self.source.attachment(self.context, &file.blake3)?;
        let is_expunged = self.register.charter.expunged.contains(&file.blake3);
        let standing = match (&found, is_expunged) {
            (Some(bytes), _) => {
                self.folder.add(path, bytes)?;
                path.rsplit('/').next().unwrap_or_default()
            }
            (None, true) => "(expunged: only its digests are left)",
            (None, false) => {
                self.absent += 1;
                "(not here: only its digests are)"
            }
        };
        self.files.push(json!({
            "path": found.is_some().then_some(path),
            "entry": sequence,
            "name": file.name,
            "length": file.length,
            "sha256": file.sha256,
            "blake3": file.blake3,
            "expunged": is_expunged,
        }));
        let (name, length) = (&file.name, file.length);
        let (sha256, blake3) = (&file.sha256, &file.blake3);
        Ok(format!(
            "  {standing}\n    named {name}, {length} bytes\n    sha256 {sha256}\n    blake3 {blake3}\n"
        ))
    }
}
