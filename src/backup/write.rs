//! The order in which a backup comes to be.
//!
//! ```text
//! backup.json     of no entries, where the folder has none: from here on it is a backup and nothing else
//! bundles, tiles  those that are missing, read back; synced with their folders
//! attachments     and time tokens likewise
//! tail            read back under another name, then renamed
//! checkpoint      and what witnesses cosigned, and the hint for people, likewise
//! backup.json     last: it speaks of what is whole
//! ```
//!
//! Until the tail is renamed the backup before is there with every byte; from then on the entries of both are.

use std::path::Path;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::checkpoint;
use crate::hash::NodeHash;
use crate::key::PublicKey;
use crate::ledger::{
    BACKUP_FILE, BACKUP_KEY, CHECKPOINT_FILE, COSIGNED_FILE, EntryReader, HEAD_FILE, HINT_FILE,
    LedgerError, LedgerPlace, folder,
};
use crate::note::Origin;
use crate::pack::write_each_in_zip;
use crate::publication::{self, CopyWriter, LedgerSurvey, PublicationError, remove_expunged};
use crate::store::engine::{Engine as _, FolderEngine};
use crate::store::publish::TEMPORARY_PREFIX;
use crate::store::tail::{MAX_TAIL, TAIL_FILE};
use crate::sys::disk::{DiskError, SMALL_FILE};
use crate::sys::keyfile;
use crate::sys::world::World;
use crate::timestamps;

use super::check::sealing_key;
use super::error::BackupError;
use super::record::BackupRecord;

/// The backup of one ledger to one folder.
pub struct Backup<'a> {
    /// Disk and clock.
    pub world: &'a World,
    /// The ledger, and what this host keeps of it.
    pub place: &'a LedgerPlace,
    /// The backup's folder, whose parent is there.
    pub to: &'a Path,
    /// How long to wait for a writer at work.
    pub wait: Duration,
    /// Takes the sealing key along, encrypted under this.
    pub passphrase: Option<&'a str>,
}

/// What a backup came to.
#[derive(Debug)]
pub struct BackupReport {
    /// What the backup says of itself now.
    pub record: BackupRecord,
    /// How many entries it had before; none where there was no backup.
    pub before: Option<u64>,
    /// Files that were written.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Backup<'_> {
    /// Brings the backup up to date. It can be interrupted at any moment and repeated; somebody else must keep a
    /// second one to the same folder out.
    ///
    /// # Errors
    /// The ledger is damaged, behind or beside what is known of it, the folder holds something else, or the disk's
    /// refusal. The backup before stands as it was.
    pub fn run(&self) -> Result<BackupReport, BackupError> {
        let looked = folder::look(&*self.world.disk, &self.place.dir);
        looked.map_err(LedgerError::from)?;
        let to = FolderEngine::at(self.world, self.to);
        let before = BackupRecord::look(&to)?;
        // One that cannot be read is healed by the next append.
        let head = FolderEngine::at(self.world, &self.place.state).get(HEAD_FILE, SMALL_FILE)?;
        let head = head.and_then(|bytes| checkpoint::stated(&bytes).ok());
        let head_size = head.iter().map(|head| head.size);
        let stated = head_size.chain(before.iter().map(|before| before.size));
        let now = publication::read(self.world, &self.place.dir, self.wait, stated)?;
        let sequence = now.entries.size();
        if now.newest.stated.size > sequence {
            let why = "the ledger's checkpoint covers it, and it is not there".to_owned();
            return Err(PublicationError::Entry { sequence, why }.into());
        }
        now.check()?;
        let origin = now.entries.origin().ok_or(BackupError::NoBeginning)?;
        if let Some(head) = head.filter(|head| origin.as_str() == head.origin) {
            compare(&now, &self.place.head(), head.size, head.root)?;
        }
        if let Some(before) = &before {
            if before.ledger != now.entries.ledger() {
                return Err(BackupError::OtherLedger {
                    path: self.to.to_owned(),
                    origin: before.origin.to_string(),
                });
            }
            compare(&now, self.to, before.size, before.root)?;
        }
        self.write(&to, before.as_ref(), &now, origin)
    }

    fn write(
        &self,
        to: &FolderEngine,
        before: Option<&BackupRecord>,
        now: &LedgerSurvey,
        origin: Origin,
    ) -> Result<BackupReport, BackupError> {
        let (entries, size) = (&now.entries, now.entries.size());
        let mut record = BackupRecord::begun(entries.ledger(), origin, self.world.clock.now());
        to.make_root()?;
        if before.is_none() {
            to.replace(BACKUP_FILE, &record.encode())?;
        }
        to.remove_leftovers("")?;
        let ledger = FolderEngine::at(self.world, &self.place.dir);
        let reader = EntryReader::open(self.world, &self.place.dir, self.wait)?;
        let mut copy = CopyWriter::new(to);
        copy.log(reader, size, entries.edge().root())?;
        copy.tokens(&timestamps::list(&ledger)?, u64::MAX)?;
        copy.attachments(&ledger, entries, size)?;
        copy.settle()?;
        let cosigned = now.cosigned.as_ref();
        copy.put_anew([
            (TAIL_FILE, Some(copy.tail()?)),
            (CHECKPOINT_FILE, Some(now.newest.bytes.clone())),
            (COSIGNED_FILE, cosigned.map(|noted| noted.bytes.clone())),
            (HINT_FILE, ledger.get(HINT_FILE, SMALL_FILE)?),
        ])?;
        record.sealing_key = match self.passphrase {
            Some(passphrase) => Some(self.take_key(to, passphrase)?),
            None => before.and_then(|before| before.sealing_key),
        };
        remove_expunged(to, entries, size)?;
        record.size = size;
        record.root = entries.edge().root();
        record.link = entries.edge().link();
        record.files = BackupRecord::files_in(to)?;
        let (files, bytes) = (copy.written, copy.bytes);
        copy.put_anew([(BACKUP_FILE, Some(record.encode()))])?;
        Ok(BackupReport {
            record,
            before: before.map(|before| before.size).filter(|size| *size > 0),
            files,
            bytes,
        })
    }

    /// Takes the sealing key along, where it is not in the backup already.
    fn take_key(&self, to: &FolderEngine, passphrase: &str) -> Result<PublicKey, BackupError> {
        let key = keyfile::read(&self.place.sealing_key(), &|| Ok(None))?;
        let word = || Ok(Some(Zeroizing::new(passphrase.to_owned())));
        let held = sealing_key(to, &word).ok().flatten();
        if held.map(|held| held.public()) != Some(key.public()) {
            let next = format!("{TEMPORARY_PREFIX}{BACKUP_KEY}");
            keyfile::write_new(&to.place(&next), &key, Some(passphrase))?;
            to.rename(&next, BACKUP_KEY)?;
        }
        Ok(key.public())
    }
}

/// Refuses to put what was set back in the place of what would restore it.
fn compare(
    now: &LedgerSurvey,
    path: &Path,
    stated: u64,
    root: NodeHash,
) -> Result<(), BackupError> {
    let (path, found) = (path.display(), now.entries.size());
    let why = match stated {
        0 => return Ok(()),
        _ if stated > found => format!(
            "the ledger has {found} entries, and {path} states {stated}: it was cut off or set back"
        ),
        _ if now.entries.root_at(stated) == Some(root) => return Ok(()),
        _ => format!(
            "the first {stated} entries of the ledger are not those that {path} states: it was rewritten or forked"
        ),
    };
    Err(BackupError::Contradicted(why))
}

/// Writes the one file of a backup, piece by piece.
///
/// # Errors
/// It is too large for one, or cannot be read or written.
pub fn write_zip(
    backup: &FolderEngine,
    record: &BackupRecord,
    put: &mut dyn FnMut(&[u8]) -> Result<(), DiskError>,
) -> Result<(), BackupError> {
    let id = record.ledger.to_string();
    let top = format!("backup-{}-{}/", id.get(..8).unwrap_or(&id), record.size);
    let names = backup.list("")?.into_iter();
    let names: Vec<String> = names.map(|name| format!("{top}{name}")).collect();
    let mut get = |name: &str| {
        let name = name.strip_prefix(&top).unwrap_or(name);
        Ok::<_, BackupError>(backup.need(name, MAX_TAIL as u64)?.into())
    };
    write_each_in_zip(names.iter(), &mut get, &mut |part| Ok(put(part)?))
}
