//! What this host keeps of a ledger outside its folder: where that is, the ledger's id, and what waits.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::hash::{Blake3Digest, LedgerId};
use crate::ledger::{EntryReader, HINT_FILE, LedgerPlace};
use crate::mirror;
use crate::spool::{self, Backlog};
use crate::sys::disk::{Disk as _, RealDisk};

use super::context::Context;
use super::exit::CommandError;
use super::files::{canonical, make_private, own_folder};
use super::layout::counted;
use super::remote::ServerAddress;

/// Remembers the ledger's id outside its folder, for the day that the folder is not there.
const ID_FILE: &str = "ledger-id";
/// Where things wait for a ledger that nobody named.
const UNNAMED: &str = "unnamed";

impl Context {
    /// The ledger's folder and what this host keeps of it elsewhere.
    pub(crate) fn place(&self) -> Result<LedgerPlace, CommandError> {
        let dir = self.dir()?;
        let state = self.state_of(self.globals.ledger.as_deref())?;
        Ok(LedgerPlace { dir, state })
    }

    /// The ledger in `dir`, and what this host keeps of it elsewhere.
    pub(crate) fn place_of(&self, dir: PathBuf) -> Result<LedgerPlace, CommandError> {
        let state = self.state_of(Some(&dir))?;
        Ok(LedgerPlace { dir, state })
    }

    /// What this host keeps of the ledger that is called `named`, be it a folder or a server.
    fn state_of(&self, named: Option<&Path>) -> Result<PathBuf, CommandError> {
        if let Some(state) = &self.globals.state {
            return Ok(state.clone());
        }
        let base = own_folder("XDG_STATE_HOME", ".local/state").ok_or_else(|| {
            CommandError::usage("there is no home folder to keep the ledger's newest checkpoint in")
                .hint("name a folder outside the ledger with --state PATH or LEDGER_STATE")
        })?;
        let Some(named) = named else {
            return Ok(base.join(UNNAMED));
        };
        let whole = match ServerAddress::parse(named) {
            Some(_) => named.to_owned(),
            None => canonical(named),
        };
        let name = Blake3Digest::of(whole.as_os_str().as_encoded_bytes()).to_string();
        Ok(base.join(name.get(..16).unwrap_or(&name)))
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
        let Ok(state) = self.state_of(self.globals.ledger.as_deref()) else {
            return;
        };
        if remembered(&state) != Some(id) {
            let _ = make_private(&state);
            let mut own = OpenOptions::new();
            own.write(true).create(true).truncate(true).mode(0o600);
            let file = own.open(state.join(ID_FILE));
            let _ = file.and_then(|mut file| writeln!(file, "{id}"));
        }
    }

    /// The id of the ledger, so that statements can be signed for it even where it cannot be reached now.
    pub(crate) fn ledger_id(&self) -> Option<LedgerId> {
        let named = self.globals.ledger.as_deref()?;
        if let Some(id) = self.present_id(named) {
            self.remember_id(id);
            return Some(id);
        }
        // A wrong id does no harm: the ledger refuses statements that were made for another one.
        let state = self.state_of(Some(named)).ok();
        state
            .and_then(|state| remembered(&state))
            .or_else(|| hinted(named))
    }

    fn present_id(&self, named: &Path) -> Option<LedgerId> {
        if let Some(client) = self.server().ok()? {
            return mirror::ledger_id(&client).ok();
        }
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

fn remembered(state: &Path) -> Option<LedgerId> {
    small_text(&state.join(ID_FILE))?.trim().parse().ok()
}

/// What the ledger says about itself to people.
fn hinted(dir: &Path) -> Option<LedgerId> {
    #[derive(serde::Deserialize)]
    struct LedgerHint {
        ledger: LedgerId,
    }
    let hint: LedgerHint = toml::from_str(&small_text(&dir.join(HINT_FILE))?).ok()?;
    Some(hint.ledger)
}

fn small_text(path: &Path) -> Option<String> {
    String::from_utf8(RealDisk.read(path).ok()?).ok()
}
