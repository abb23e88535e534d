//! Moves whole bundles of older entries, and the files that those alone name, out of the ledger's folder.
//!
//! ```text
//! copy      into the archive, under the same names, durable
//! entry     segments.archived, by a Security Owner: what is there need not be here from now on
//! pointer   the file `archived`: whoever reads the ledger finds the archive by it
//! remove    here what can be read there, byte for byte
//! ```
//!
//! If the power fails before the entry there are two copies, and after it too: the same once more goes on. Nothing
//! is removed here that is not read back there first.
//!
//! All tiles stay, so that roots and proofs need no archive; and so does each bundle with an entry that decides who
//! may say what, so that without the archive a reader still knows by whom everything else may be said and sealed.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use crate::append::error::AppendError;
use crate::append::fold::damaged_bundle;
use crate::append::submission::Receipt;
use crate::append::writer::Writer;
use crate::entry;
use crate::event::SegmentsArchived;
use crate::hash::{Blake3Digest, LeafHash};
use crate::key::Signer;
use crate::ledger::{HINT_FILE, LedgerPlace, OpenError};
use crate::merkle::TileId;
use crate::register::Register;
use crate::statement::Statement;
use crate::store::blobs::{self, ATTACHMENT_LIMIT, blob_path};
use crate::store::bundle::{BUNDLE_ENTRIES, BundleError, MAX_BUNDLE, bundle_path};
use crate::store::engine::{ARCHIVED_FILE, Engine as _, FolderEngine, read_bundle};
use crate::store::publish::{ImmutableFileError, is_leftover};
use crate::sys::disk::SMALL_FILE;
use crate::sys::world::World;
use crate::text::Line;
use crate::time::Timestamp;

/// What is to be archived, and where.
pub struct ArchiveOrder<'a> {
    /// The path of the folder that it is moved to, the same for all that was ever archived of this ledger.
    pub to: Line,
    /// Bundles whose last entry was recorded before this.
    pub before: Timestamp,
    /// Told how many of how many entries were looked through.
    pub progress: &'a dyn Fn(u64, u64),
}

/// What was archived.
#[derive(Debug)]
pub struct Archived {
    /// Of the entry that says so, where one was needed.
    pub receipt: Option<Receipt>,
    /// Entries before this one may be in the archive alone.
    pub before: u64,
    /// Bundles that were moved.
    pub bundles: u64,
    /// Bundles as old that stay, since they decide who may say what.
    pub staying: u64,
    /// Attached files that were moved.
    pub attachments: u64,
    /// Bytes that were moved.
    pub bytes: u64,
    /// What else there is to say.
    pub notices: Vec<String>,
}

/// Moves what is old enough. `key` is a Security Owner's.
///
/// # Errors
/// No authority, a damaged bundle or file, something else in the archive, or what opening may refuse. What was not
/// removed yet is in both places.
pub fn archive(
    world: &World,
    place: &LedgerPlace,
    wait: Duration,
    key: &dyn Signer,
    order: &ArchiveOrder<'_>,
) -> Result<Archived, AppendError> {
    let folders = ArchiveFolders::of(world, place, &order.to)?;
    let pointer = format!("{}\n", order.to);
    let open = || {
        let mut writer = Writer::open(world, place, wait)?;
        writer.warm_up(&[])?;
        Ok(writer)
    };
    let mut writer = match open() {
        // Where the index is gone, opening needs what is in the archive, and that was moved.
        Err(AppendError::Archived(_)) if folders.is_moved => {
            folders.ledger.replace(ARCHIVED_FILE, pointer.as_bytes())?;
            open()?
        }
        opened => opened?,
    };
    let survey = folders.survey(&writer, order)?;
    let said = SegmentsArchived {
        before: survey.before,
        place: order.to.clone(),
    };
    let earlier = writer.memory.register().charter.archived.as_ref();
    let is_said =
        earlier.is_some_and(|earlier| earlier.before >= said.before && earlier.place == said.place);
    let is_needed = !is_said && (earlier.is_some() || !survey.bundles.is_empty());
    let submission = writer.statement_now(said.into(), key)?;
    if is_needed {
        // Asked before anything is written: who may not say it changes nothing.
        writer.check(&submission)?;
    }
    folders.to.replace(HINT_FILE, folders.hint.as_bytes())?;
    let moved = folders.copy(&survey)?;
    let receipt = match is_needed {
        true => Some(writer.record_all(vec![submission])?),
        false => None,
    };
    if is_needed || is_said {
        folders.ledger.replace(ARCHIVED_FILE, pointer.as_bytes())?;
    }
    let bytes = folders.remove(&moved)?;
    Ok(Archived {
        receipt,
        before: survey.before,
        bundles: survey.bundles.len() as u64,
        staying: survey.staying,
        attachments: survey.attachments.len() as u64,
        bytes,
        notices: writer.close(),
    })
}

/// What is old enough and still in the ledger's folder.
#[derive(Debug, Default)]
struct ArchiveSurvey {
    /// The entry behind the last bundle that is or will be in the archive.
    before: u64,
    bundles: Vec<u64>,
    staying: u64,
    attachments: Vec<Blake3Digest>,
}

/// The two folders that a ledger's files are in.
struct ArchiveFolders {
    ledger: FolderEngine,
    to: FolderEngine,
    /// Which ledger's archive it is, for people.
    hint: String,
    /// Whether the ledger has an archive, and `to` is one of it.
    is_moved: bool,
}

impl ArchiveFolders {
    fn of(world: &World, place: &LedgerPlace, to: &Line) -> Result<Self, AppendError> {
        let ledger = FolderEngine::at(world, &place.dir);
        let path = Path::new(to.as_str());
        let to = FolderEngine::at(world, path);
        let hint = ledger.need(HINT_FILE, SMALL_FILE)?;
        let hint = String::from_utf8_lossy(&hint).into_owned();
        let names = to.top()?.unwrap_or_default();
        let is_empty = names.iter().all(|name| is_leftover(name));
        let of = |hint: &str| {
            hint.lines()
                .find(|line| line.starts_with("ledger = "))
                .map(str::to_owned)
        };
        let theirs = to.get(HINT_FILE, SMALL_FILE)?.unwrap_or_default();
        if !is_empty && of(&String::from_utf8_lossy(&theirs)) != of(&hint) {
            return Err(OpenError::NotEmpty(path.to_owned()).into());
        }
        Ok(Self {
            is_moved: !is_empty && ledger.has(ARCHIVED_FILE)?,
            ledger,
            to,
            hint,
        })
    }

    /// Looks through every entry, since any may name a file that older ones name too.
    fn survey(
        &self,
        writer: &Writer,
        order: &ArchiveOrder<'_>,
    ) -> Result<ArchiveSurvey, AppendError> {
        let mut survey = ArchiveSurvey::default();
        // Whether everything that names a file is archived.
        let mut named: BTreeMap<Blake3Digest, bool> = BTreeMap::new();
        let (base, size) = (writer.log.base(), writer.log.size());
        let mut is_old = true;
        for n in 0..base / BUNDLE_ENTRIES as u64 {
            let is_here = self.ledger.has(&bundle_path(n))?;
            let entries = self.bundle(n)?;
            let read: Vec<_> = entries
                .iter()
                .map(|bytes| entry::read(bytes))
                .collect::<Result<_, _>>()?;
            is_old &= read
                .last()
                .is_some_and(|(last, _)| last.recorded < order.before);
            let decides =
                |(_, statement): &(_, Statement)| Register::is_decided_by(&statement.event);
            let moves = !is_here || is_old && !read.iter().any(decides);
            survey.staying += u64::from(is_old && !moves);
            if moves {
                survey.before = (n + 1) * BUNDLE_ENTRIES as u64;
                survey.bundles.extend(is_here.then_some(n));
            }
            for (_, statement) in &read {
                note_files(&mut named, statement, moves);
            }
            (order.progress)((n + 1) * BUNDLE_ENTRIES as u64, size);
        }
        for bytes in writer.log.tail() {
            note_files(&mut named, &entry::read(bytes)?.1, false);
        }
        let expunged = &writer.memory.register().charter.expunged;
        for (digest, _) in named.into_iter().filter(|(_, archived)| *archived) {
            let path = blob_path(&digest);
            if self.ledger.has(&path)? {
                survey.attachments.push(digest);
            } else if !expunged.contains(&digest) && !self.to.has(&path)? {
                return Err(AppendError::Archived(self.lacks(path)));
            }
        }
        Ok(survey)
    }

    /// What is neither here nor in the archive that was named.
    fn lacks(&self, path: String) -> BundleError {
        let archive = self.to.place("");
        BundleError::Archived { path, archive }
    }

    /// The entries of a bundle, here or in the archive, held against the hashes that stay.
    fn bundle(&self, n: u64) -> Result<Vec<Vec<u8>>, AppendError> {
        let entries = match self.ledger.has(&bundle_path(n))? {
            true => read_bundle(&self.ledger, n),
            false => read_bundle(&self.to, n).map_err(|fault| match fault {
                BundleError::Missing(path) => self.lacks(path),
                fault => fault,
            }),
        };
        let entries = entries.map_err(damaged_bundle)?;
        let tile = TileId { level: 0, index: n }.path();
        let hashes: Vec<u8> = entries
            .iter()
            .flat_map(|entry| *LeafHash::of(entry).as_bytes())
            .collect();
        match self.ledger.get(&tile, SMALL_FILE)? {
            Some(stored) if stored == hashes => Ok(entries),
            _ => Err(AppendError::DamagedLog(format!(
                "{} does not have the hashes of {tile}",
                bundle_path(n)
            ))),
        }
    }

    /// Makes all of it durable in the archive; the names.
    fn copy(&self, survey: &ArchiveSurvey) -> Result<Vec<String>, AppendError> {
        let mut names = Vec::new();
        self.to.remove_leftovers("")?;
        let mut writer = self.to.many();
        let mut put = |name: String, bytes: &[u8]| {
            match writer.write(&name, bytes) {
                Ok(_) => names.push(name),
                Err(ImmutableFileError::Disk(fault)) => return Err(fault.into()),
                Err(fault) => return Err(AppendError::DamagedLog(fault.to_string())),
            }
            Ok::<_, AppendError>(())
        };
        for n in &survey.bundles {
            let name = bundle_path(*n);
            let bytes = self.ledger.need(&name, MAX_BUNDLE)?;
            put(name, &bytes)?;
        }
        for digest in &survey.attachments {
            put(blob_path(digest), &blobs::get(&self.ledger, digest)?)?;
        }
        writer.finish()?;
        Ok(names)
    }

    /// Removes here what can be read there; how many bytes that were.
    fn remove(&self, names: &[String]) -> Result<u64, AppendError> {
        let mut removed = 0;
        for name in names {
            let most = MAX_BUNDLE.max(ATTACHMENT_LIMIT);
            let (here, there) = (self.ledger.need(name, most)?, self.to.need(name, most)?);
            if here != there {
                let fault = format!("{name} reads otherwise in the archive");
                return Err(AppendError::DamagedLog(fault));
            }
            self.ledger.remove(name)?;
            removed += here.len() as u64;
        }
        Ok(removed)
    }
}

fn note_files(named: &mut BTreeMap<Blake3Digest, bool>, statement: &Statement, moves: bool) {
    for attachment in &statement.attachments {
        *named.entry(attachment.blake3).or_insert(true) &= moves;
    }
}
