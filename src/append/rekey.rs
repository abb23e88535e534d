//! The ledger takes a new sealing key: the file beside the old one becomes the key with the entry
//! that names it.
//!
//! If the power fails between that entry and the renaming, the next opening finds the entry and both
//! files, and takes the one that the entry names.

use std::fs;

use crate::append::Writer;
use crate::sys::keyfile;

impl Writer {
    /// After a commit: takes the key that the ledger names now, where it is another one.
    pub(super) fn adopt_next_key(&mut self) {
        let wanted = self
            .memory
            .register()
            .charter
            .keyring
            .sealing_key()
            .copied();
        if wanted == Some(self.key.public()) {
            return;
        }
        match keyfile::read(&self.place.next_sealing_key(), &|| Ok(None)) {
            Ok(key) if Some(key.public()) == wanted => {
                self.key = key;
                self.take_next_key_file();
            }
            // It was there when the entry was admitted. Sealing with the old key would be refused
            // by every reader, so nothing more is sealed until it is back.
            _ => {
                self.given_up = true;
                self.notices.push(
                    "the new sealing key is gone: bring it back and open the ledger again"
                        .to_owned(),
                );
            }
        }
    }

    /// Gives the new key's file the name of the old one.
    pub(super) fn take_next_key_file(&mut self) {
        let renamed = fs::rename(self.place.next_sealing_key(), self.place.sealing_key())
            .and_then(|()| fs::File::open(&self.place.state)?.sync_all());
        if let Err(fault) = renamed {
            self.notices.push(format!(
                "the new sealing key is in use, but its file was not renamed: {fault}"
            ));
        }
    }
}
