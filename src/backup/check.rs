//! Whether a backup is what it says: its entries by the verification that judges ledgers, the files beside them by
//! their digests.

use std::collections::BTreeSet;

use crate::audit::Audit;
use crate::checkpoint;
use crate::key::SecretKey;
use crate::ledger::BACKUP_KEY;
use crate::store::engine::{Engine as _, FolderEngine};
use crate::sys::disk::SMALL_FILE;
use crate::sys::keyfile::{self, AskPassphrase};
use crate::verify::{Conclusion, Report};

use super::error::BackupError;
use super::record::BackupRecord;

/// A backup that was looked through.
pub struct CheckedBackup {
    /// What it says of itself.
    pub record: BackupRecord,
    /// What its entries and all that they name come to.
    pub report: Report,
    /// What is otherwise than it says: damaged, or of a backup that was cut off after that.
    pub faults: Vec<String>,
    /// Whether the sealing key in it is the one that its last entry leaves in force; none where there is none.
    pub has_newest_key: Option<bool>,
    /// How many entries this host knows of; none where it keeps no checkpoint of the ledger.
    pub known: Option<u64>,
}

/// Reads the whole backup in the folder that `audit` is of. The head in that is the one which this host keeps, of this
/// ledger or another.
///
/// # Errors
/// There is none, or none that is whole.
pub fn check(audit: Audit<'_>) -> Result<CheckedBackup, BackupError> {
    let folder = FolderEngine::at(audit.world, audit.dir);
    let record = BackupRecord::read(&folder)?;
    let record = record.filter(|record| record.size > 0);
    let record = record.ok_or_else(|| BackupError::Unusable {
        path: audit.dir.to_owned(),
        why: "there is none, or the first was cut off".to_owned(),
    })?;
    let kept = audit.head.as_ref();
    let kept = kept.and_then(|head| checkpoint::stated(&audit.world.disk.read(head).ok()?).ok());
    let kept = kept.filter(|kept| kept.origin == record.origin.as_str());
    let known = kept.map(|kept| kept.size);
    let report = Audit {
        // A newer one is what restoring from it would lose.
        head: audit
            .head
            .filter(|_| known.is_some_and(|known| known <= record.size)),
        ..audit
    }
    .run()?;
    let mut faults = Vec::new();
    let stated = (record.size, record.root, record.link);
    if (report.ledger, (report.size, report.root, report.head)) != (Some(record.ledger), stated) {
        faults.push(format!(
            "it says that it has {} entries of ledger {}, and {} are there",
            record.size, record.ledger, report.size
        ));
    }
    let found = BackupRecord::files_in(&folder)?;
    let names: BTreeSet<_> = record.files.keys().chain(found.keys()).collect();
    let differing = names
        .iter()
        .filter(|name| record.files.get(**name) != found.get(**name));
    faults.extend(differing.map(|name| format!("{name} is not the file that was put there")));
    let register = report.register();
    let seals = register.map(|register| register.get().charter.keyring.seals());
    let newest = seals.and_then(|seals| seals.last()).map(|seal| seal.key);
    Ok(CheckedBackup {
        has_newest_key: record.sealing_key.map(|key| Some(key) == newest),
        known,
        record,
        report,
        faults,
    })
}

impl CheckedBackup {
    /// What it comes to: whether the ledger's people keep the procedure is not asked of a backup.
    #[must_use]
    pub fn conclusion(&self) -> Conclusion {
        let conclusion = self.report.conclusion(false, &[]);
        match self.faults.is_empty() {
            true => conclusion,
            false => conclusion.max(Conclusion::NotVerified),
        }
    }
}

/// The sealing key in a backup; none where it was not taken along.
///
/// # Errors
/// It cannot be read, or does not open with that passphrase.
pub fn sealing_key(
    backup: &FolderEngine,
    passphrase: AskPassphrase<'_>,
) -> Result<Option<SecretKey>, BackupError> {
    let Some(pem) = backup.get(BACKUP_KEY, SMALL_FILE)? else {
        return Ok(None);
    };
    let place = backup.place(BACKUP_KEY);
    Ok(Some(keyfile::read_from(
        &place,
        pem.as_slice(),
        passphrase,
    )?))
}
