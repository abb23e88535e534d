//! What this host keeps of a ledger outside its folder: where that is, the ledger's id, and what waits.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::hash::LedgerId;
use crate::ledger::{EntryReader, FolderKind, HINT_FILE, LedgerIdentity, LedgerPlace, standing};
use crate::mirror;
use crate::spool::{self, Backlog};
use crate::sys::disk::{Disk as _, RealDisk};
use crate::sys::lock::ReadLock;

use super::context::Context;
use super::database;
use super::exit::CommandError;
use super::files::{canonical, own_folder};
use super::layout::counted;
use super::remote::ServerAddress;
use super::state_folders::{StateFolders, remember, remembered};

/// Where things wait for a ledger that nobody named.
const UNNAMED: &str = "unnamed";

impl Context {
    /// The ledger's folder and what this host keeps of it elsewhere.
    pub(crate) fn place(&self) -> Result<LedgerPlace, CommandError> {
        let dir = self.dir()?;
        let state = self.state_of(self.globals.ledger.as_deref())?;
        self.placed(dir, state)
    }

    /// The ledger in `dir`, and what this host keeps of it elsewhere.
    pub(crate) fn place_of(&self, dir: PathBuf) -> Result<LedgerPlace, CommandError> {
        let state = self.state_of(Some(&dir))?;
        self.placed(dir, state)
    }

    /// The place of the ledger with this id, in a folder where it is to be.
    pub(crate) fn place_of_id(
        &self,
        dir: PathBuf,
        id: LedgerId,
    ) -> Result<LedgerPlace, CommandError> {
        self.place_to_be(dir, |folders| folders.of_id(id))
    }

    /// The place of a ledger that is to be created: its id is known when it is.
    pub(crate) fn new_place(&self) -> Result<LedgerPlace, CommandError> {
        self.place_to_be(self.dir()?, StateFolders::of_new)
    }

    fn place_to_be(
        &self,
        dir: PathBuf,
        state: impl Fn(&StateFolders) -> PathBuf,
    ) -> Result<LedgerPlace, CommandError> {
        let state = match &self.globals.state {
            Some(state) => state.clone(),
            None => state(&self.state_folders(&dir)?),
        };
        self.placed(dir, state)
    }

    /// What this host keeps of the ledger that is called `named`, be it a folder or a server.
    fn state_of(&self, named: Option<&Path>) -> Result<PathBuf, CommandError> {
        if let Some(state) = &self.globals.state {
            return Ok(state.clone());
        }
        let Some(named) = named else {
            return Ok(own_state()?.join(UNNAMED));
        };
        let folders = self.state_folders(named)?;
        if ServerAddress::parse(named).is_some() {
            return Ok(folders.of_absent());
        }
        self.database(named)?;
        let is_free = || ReadLock::acquire(named, Duration::ZERO).is_ok();
        Ok(match LedgerIdentity::in_folder(&self.world, named) {
            Some(found) => folders.of_present(&found, &is_free),
            // A copy lags behind its ledger, and nothing kept of that one is held against it.
            None if matches!(standing(&self.world, named), Ok(FolderKind::Copy)) => {
                folders.by_path()
            }
            None => folders.of_absent(),
        })
    }

    fn state_folders(&self, named: &Path) -> Result<StateFolders, CommandError> {
        let is_folder = ServerAddress::parse(named).is_none() && !database::is_named(named);
        let whole = match is_folder {
            true => canonical(named),
            false => named.to_owned(),
        };
        Ok(StateFolders::of(&own_state()?, &whole))
    }

    /// Where statements wait that could not be recorded.
    pub(crate) fn spool(&self) -> Result<PathBuf, CommandError> {
        let state = self.state_of(self.globals.ledger.as_deref())?;
        Ok(spool::dir(&state))
    }

    /// What waits for the ledger that is called `named`.
    pub(crate) fn backlog(&self, named: Option<&Path>) -> Option<Backlog> {
        spool::backlog(&spool::dir(&self.state_of(named).ok()?))
    }

    /// Keeps the ledger's id in mind. Only a help for later: nothing rests on it, and it may fail.
    pub(crate) fn remember_id(&self, id: LedgerId) {
        if let Some(notes) = self.notes() {
            remember(&notes, id);
        }
    }

    /// Where the id of the ledger that is named is kept in mind.
    fn notes(&self) -> Option<PathBuf> {
        if let Some(state) = &self.globals.state {
            return Some(state.clone());
        }
        let named = self.globals.ledger.as_deref()?;
        Some(self.state_folders(named).ok()?.by_path())
    }

    /// The id of the ledger, so that statements can be signed for it even where it cannot be reached now.
    pub(crate) fn ledger_id(&self) -> Option<LedgerId> {
        let named = self.globals.ledger.as_deref()?;
        if let Some(id) = self.present_id(named) {
            self.remember_id(id);
            return Some(id);
        }
        // A wrong id does no harm: the ledger refuses statements that were made for another one.
        let noted = match &self.globals.state {
            Some(state) => remembered(state),
            None => self.state_folders(named).ok()?.remembered(),
        };
        noted.or_else(|| hinted(named))
    }

    fn present_id(&self, named: &Path) -> Option<LedgerId> {
        if let Some(client) = self.server().ok()? {
            return mirror::ledger_id(&client).ok();
        }
        self.database(named).ok()?;
        let mut reader = EntryReader::open(&self.world, named, self.globals.wait).ok()?;
        Some(LedgerId::from_genesis(reader.next()?.ok()?.link))
    }
}

/// That something waits, in one line.
pub(crate) fn said(backlog: &Backlog) -> String {
    let since = backlog
        .since
        .map(|since| format!(" since {}", since.to_seconds()));
    let since = since.unwrap_or_default();
    let waiting = counted(backlog.waiting as u64, "statement");
    format!("{waiting} in the spool of this machine{since}, not recorded: ledger spool list")
}

/// Where this user's state folders are.
fn own_state() -> Result<PathBuf, CommandError> {
    own_folder("XDG_STATE_HOME", ".local/state").ok_or_else(|| {
        CommandError::usage("there is no home folder to keep the ledger's newest checkpoint in")
            .hint("name a folder outside the ledger with --state PATH or LEDGER_STATE")
    })
}

/// What the ledger says about itself to people.
fn hinted(dir: &Path) -> Option<LedgerId> {
    #[derive(serde::Deserialize)]
    struct LedgerHint {
        ledger: LedgerId,
    }
    let text = String::from_utf8(RealDisk.read(&dir.join(HINT_FILE)).ok()?).ok()?;
    let hint: LedgerHint = toml::from_str(&text).ok()?;
    Some(hint.ledger)
}
