//! The ledger takes a new sealing key: the file beside the old one becomes the key with the entry
//! that names it, and the old private key is destroyed. Whoever takes the new one from this host
//! later cannot seal again what was sealed before it (forward security).
//!
//! ```text
//! new key      in a file beside the old one, durable
//! entry        sealing_key.replaced, signed by the ledger with the old key
//! checkpoint   over that entry, by the new key, durable in both places
//! rename       the new file takes the old one's name
//! wipe         the old file, which has no name any more, is written over
//! ```
//!
//! If the power fails between the entry and the renaming, the next opening finds the entry and both
//! files: it reads a checkpoint by either, seals by the one that the entry names, and goes on from
//! there. If it fails before the entry, the new file lies there for the next time. If it fails before
//! the wiping, the old key is in no file any more, but its bytes may be on the disk; so may copies
//! that a file system or an SSD made of its own accord.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use crate::append::error::AppendError;
use crate::append::submission::Receipt;
use crate::append::writer::Writer;
use crate::event::SealingKeyReplaced;
use crate::key::SecretKey;
use crate::ledger::LedgerPlace;
use crate::sys::disk::DiskError;
use crate::sys::keyfile::{self, KeyFileError};
use crate::sys::world::World;
use crate::text::Line;

impl Writer {
    /// Replaces the sealing key now, for a `reason` that is recorded.
    ///
    /// # Errors
    /// The new key cannot be stored, or the entry not be recorded; the old key seals on.
    pub fn replace_sealing_key(&mut self, reason: Line) -> Result<Receipt, AppendError> {
        let seals = self.memory.register().charter.keyring.seals();
        let is_used = |key: &SecretKey| seals.iter().any(|seal| seal.key == key.public());
        let key = next_key(&self.world, &self.place, &is_used, |_, fault| {
            Err(fault.into())
        })?;
        let replaced = SealingKeyReplaced {
            key: key.public(),
            possession: key.prove_possession(),
            reason,
        };
        self.say(replaced.into())
    }

    /// Replaces a sealing key that has sealed for long enough. That is nobody's errand: where it
    /// fails, it is said, and tried again the next time.
    pub(super) fn replace_sealing_key_when_due(&mut self) {
        let seals = self.memory.register().charter.keyring.seals();
        let due = seals
            .last()
            .is_some_and(|seal| seal.is_due(self.size(), self.edge.recorded()));
        if self.log.is_given_up() || !due {
            return;
        }
        let replaced = Line::new("it has sealed for long enough")
            .map_err(AppendError::from)
            .and_then(|reason| self.replace_sealing_key(reason));
        self.notices.push(match replaced {
            Ok(receipt) => format!(
                "the sealing key was replaced on schedule, as entry {} says",
                receipt.sequence
            ),
            Err(fault) => format!("the sealing key is due to be replaced, and was not: {fault}"),
        });
    }

    /// After a commit: takes the key that the ledger names now, where it is another one.
    pub(super) fn adopt_next_key(&mut self) {
        let wanted = self.memory.sealing_key();
        if wanted == Some(self.key.public()) {
            return;
        }
        match keyfile::read(&self.place.next_sealing_key(), &|| Ok(None)) {
            Ok(key) if Some(key.public()) == wanted => {
                self.key = key;
                self.old_key_has_its_file = true;
            }
            // It was there when the entry was admitted. Sealing with the old key would be refused
            // by every reader, so nothing more is sealed until it is back.
            _ => {
                self.log.give_up();
                self.notices.push(
                    "the new sealing key is gone: bring it back and open the ledger again"
                        .to_owned(),
                );
            }
        }
    }

    /// After the new key's first checkpoint: makes that durable, and lets go of the old key.
    ///
    /// # Errors
    /// The disk's refusal. Both files are kept, and the next checkpoint or opening tries again.
    pub(super) fn let_go_of_old_key(&mut self) -> Result<(), DiskError> {
        if !self.old_key_has_its_file {
            return Ok(());
        }
        // A checkpoint of before that a power cut brings back is by the old key: without its file
        // it could not be told from a forged one.
        self.published.make_durable()?;
        self.old_key_has_its_file = false;
        self.take_next_key_file();
        // Else the next opening would wonder who changed it. Where it is not written, that says so.
        let _ = self.describe_folder();
        Ok(())
    }

    /// Gives the new key's file the name of the old one, and writes over what had it.
    fn take_next_key_file(&mut self) {
        // Opened before its name is gone.
        let old = fs::File::options()
            .write(true)
            .open(self.place.sealing_key());
        let renamed = fs::rename(self.place.next_sealing_key(), self.place.sealing_key())
            .and_then(|()| fs::File::open(&self.place.state)?.sync_all());
        if let Err(fault) = renamed {
            self.notices.push(format!(
                "the new sealing key is in use, but its file was not renamed: {fault}"
            ));
            return;
        }
        // Only after the renaming is durable: until then the old file is all there is after a cut.
        let wiped = match old {
            // It was lost: people named the new key.
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(()),
            old => old.and_then(wipe),
        };
        if let Err(fault) = wiped {
            self.notices.push(format!(
                "the old sealing key has no file any more, but its bytes were not written over: {fault}"
            ));
        }
    }
}

/// The key that is to be named next: one that was made before and is not used, or a new one. What is to be done with
/// a file that cannot be read is asked of `unreadable`.
pub(super) fn next_key(
    world: &World,
    place: &LedgerPlace,
    is_used: &dyn Fn(&SecretKey) -> bool,
    unreadable: fn(&Path, KeyFileError) -> Result<(), AppendError>,
) -> Result<SecretKey, AppendError> {
    let path = place.next_sealing_key();
    match keyfile::read(&path, &|| Ok(None)) {
        // A copy of a key that was in use: naming it again would be refused for ever.
        Ok(key) if is_used(&key) => {
            fs::remove_file(&path).map_err(|fault| DiskError::new("remove", &path, fault))?;
        }
        Ok(_) | Err(KeyFileError::Missing(_)) => {}
        Err(fault) => unreadable(&path, fault)?,
    }
    world.key_in(&path)
}

fn wipe(mut old: fs::File) -> io::Result<()> {
    let length = usize::try_from(old.metadata()?.len()).unwrap_or_default();
    old.write_all(&vec![0; length])?;
    old.sync_all()
}
