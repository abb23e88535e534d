//! What every command works with: the world, the place of the ledger, the key, and a way to talk.

use std::cell::OnceCell;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::anchor::{AnchorSettings, NewestCheckpoint};
use crate::append::Writer;
use crate::key::{SecretKey, Signer};
use crate::ledger::marks::{self, Mark};
use crate::ledger::{EntryReader, LedgerView};
use crate::register::Register;
use crate::signer::{KeySource, SignerWorld};
use crate::statement::EventId;
use crate::store::database::DatabaseDisk;
use crate::sys::entropy;
use crate::sys::keyfile::{self, PublicKeyFile};
use crate::sys::world::World;
use crate::text::Id;
use crate::time::{SaidTime, Timestamp};

use super::exit::CommandError;
use super::options::Globals;
use super::signals::SignalGuard;
use super::ui::Ui;

/// More than any passphrase or public key line has.
const SMALL_FILE_LIMIT: u64 = 64 * 1024;

/// What a command works with.
pub(crate) struct Context {
    /// Disk, clock and chance.
    pub(crate) world: World,
    /// The flags that every command takes.
    pub(crate) globals: Globals,
    /// The way to talk.
    pub(crate) ui: Ui,
    /// Whether the ledger was written to, so that its newest checkpoint goes where the operator wants
    /// it before the program ends.
    pub(crate) has_committed: bool,
    /// Shows ledgers in databases as folders of the world's disk.
    pub(crate) databases: Arc<DatabaseDisk>,
    /// The copy of a served ledger, once it was brought up.
    pub(crate) copy: OnceCell<PathBuf>,
}

impl Context {
    /// The present.
    pub(crate) fn now(&self) -> Timestamp {
        self.world.clock.now()
    }

    /// The instant in the past that a flag names, said in UTC before anybody signs it.
    pub(crate) fn instant(&mut self, flag: &str, said: Option<SaidTime>) -> Option<Timestamp> {
        let at = said?.before(self.now());
        self.say_in_utc(flag, said?, at);
        Some(at)
    }

    /// Says which instant is meant, where it was not named as it is stored.
    pub(crate) fn say_in_utc(&mut self, flag: &str, said: SaidTime, at: Timestamp) {
        if !matches!(said, SaidTime::Utc(_)) {
            self.ui.say(format!("in UTC: {flag} {at}"));
        }
    }

    /// An id that no event has yet.
    pub(crate) fn new_event_id(&self) -> Result<EventId, CommandError> {
        let id = entropy::uuid_v7(self.now(), &*self.world.entropy)?;
        Ok(EventId::from_bytes(id))
    }

    /// Says something that nobody has to read.
    pub(crate) fn say(&mut self, text: impl AsRef<str>) {
        self.ui.say(text);
    }

    /// Says what should be read.
    pub(crate) fn warn(&mut self, text: impl AsRef<str>) {
        self.ui.warn(text);
    }

    /// Passes on what somebody noticed.
    pub(crate) fn warn_all(&mut self, notices: impl IntoIterator<Item = impl AsRef<str>>) {
        for notice in notices {
            self.ui.warn(notice);
        }
    }

    /// The ledger's folder.
    pub(crate) fn dir(&self) -> Result<PathBuf, CommandError> {
        self.folder(&self.named_ledger()?, false)
    }

    /// What is named as the ledger: a folder, or a server.
    pub(crate) fn named_ledger(&self) -> Result<PathBuf, CommandError> {
        self.globals.ledger.clone().ok_or_else(|| {
            CommandError::usage("no ledger is named")
                .hint("name its folder with --ledger PATH or LEDGER_PATH")
        })
    }

    /// The ledger's folder, opened for reading first: that says so where it is no ledger.
    pub(crate) fn ledger_dir(&self) -> Result<PathBuf, CommandError> {
        self.reader()?;
        self.dir()
    }

    /// What this host does with the ledger's checkpoints.
    pub(crate) fn anchoring(&self) -> Result<AnchorSettings, CommandError> {
        let state = self.place()?.state;
        Ok(AnchorSettings::new(self.world.disk.clone(), &state))
    }

    /// The ledger's newest checkpoint.
    pub(crate) fn newest(&self) -> Result<NewestCheckpoint, CommandError> {
        let (dir, wait) = (self.dir()?, self.globals.wait);
        Ok(NewestCheckpoint::read(&self.world, &dir, wait)?)
    }

    /// What signs for whoever runs this.
    pub(crate) fn key(&mut self) -> Result<Box<dyn Signer>, CommandError> {
        let named = self.globals.key.as_deref().ok_or_else(|| {
            CommandError::usage("no key is named")
                .hint("name your private key with --key FILE or LEDGER_KEY; make one with: ledger key generate --out FILE")
        })?;
        let source = KeySource::parse(named)?;
        let agent = std::env::var_os("SSH_AUTH_SOCK").map(PathBuf::from);
        let opened = source.open(SignerWorld {
            passphrase: &|| self.passphrase(Path::new(named)),
            agent: agent.as_deref(),
            wait: self.globals.wait,
        })?;
        if let Some(notice) = &opened.notice {
            self.ui.warn(notice);
        }
        Ok(opened.signer)
    }

    /// The private key in a file, with its passphrase from the passphrase file or the terminal.
    pub(crate) fn read_key(&self, path: &Path) -> Result<SecretKey, CommandError> {
        Ok(keyfile::read(path, &|| self.passphrase(path))?)
    }

    /// The passphrase of a key, where it can be had.
    pub(super) fn passphrase(&self, key: &Path) -> io::Result<Option<Zeroizing<String>>> {
        match &self.globals.passphrase_file {
            Some(file) => read_passphrase(file).map(Some),
            None if self.ui.can_ask() => {
                rpassword::prompt_password(format!("passphrase of {}: ", key.display()))
                    .map(|word| Some(Zeroizing::new(word)))
            }
            None => Ok(None),
        }
    }

    /// Opens the ledger for writing, and passes on what the opening had to say.
    pub(crate) fn writer(&mut self) -> Result<Writer, CommandError> {
        if self.server()?.is_some() {
            let message = "this writes into the ledger's folder, and a server was named";
            return Err(CommandError::usage(message)
                .hint("run it where the ledger is; events are sent with: ledger append EVENT"));
        }
        let place = self.place()?;
        let opened = Writer::open(&self.world, &place, self.globals.wait);
        let mut writer = opened.map_err(|fault| self.not_opened(&place, fault))?;
        self.remember_id(writer.ledger());
        let copy = self.written_last(&place);
        self.warn_all(writer.take_notices().into_iter().chain(copy));
        Ok(writer)
    }

    /// Lets go of the ledger. Bundles that were filled are sealed now: the receipts are out, so
    /// nobody waits for it, and no signal leaves it half done.
    pub(crate) fn close(&mut self, writer: Writer, guard: &SignalGuard) {
        self.warn_all(guard.uninterrupted(|| writer.close()));
        self.has_committed = true;
        if let Ok(place) = self.place() {
            self.remember_folder(&place);
        }
    }

    /// Notes for whoever watches that something was done now, of the first `size` entries.
    pub(crate) fn mark(&self, mark: Mark, size: u64) {
        if let Ok(place) = self.place() {
            marks::note(&self.world, &place, mark, size, self.now());
        }
    }

    /// Opens the ledger for reading.
    pub(crate) fn reader(&self) -> Result<EntryReader, CommandError> {
        let dir = self.dir()?;
        Ok(EntryReader::open(&self.world, &dir, self.globals.wait)?)
    }

    /// What the entries amount to by now, without what is over; read and not verified.
    pub(crate) fn view(&self) -> Result<LedgerView, CommandError> {
        self.view_of(self.dir()?)
    }

    /// The same of the ledger or copy in `dir`.
    pub(crate) fn view_of(&self, dir: PathBuf) -> Result<LedgerView, CommandError> {
        let place = self.place_of(dir.clone()).ok();
        let state = place.as_ref().map(|place| place.state.as_path());
        let wait = self.globals.wait;
        Ok(LedgerView::open(&self.world, &dir, state, wait)?)
    }

    /// The same, with a rotation or the rotations of an incident even where these are over.
    pub(crate) fn register_with(&self, of: Option<&Id>) -> Result<Register, CommandError> {
        let mut view = self.view()?;
        let incident = of.and_then(|id| view.register().incidents.get(id));
        let rotations = incident.map(|incident| incident.rotations.clone());
        for id in rotations.iter().flatten().chain(of) {
            view.recall(id)?;
        }
        Ok(view.into_register())
    }

    /// Everything that the entries amount to, read and not verified.
    pub(crate) fn register(&self) -> Result<Register, CommandError> {
        Ok(self.view()?.whole()?)
    }
}

/// The first line of a passphrase file.
pub(crate) fn read_passphrase(path: &Path) -> io::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::with_capacity(1024));
    let read = std::fs::File::open(path);
    let read = read.and_then(|file| file.take(SMALL_FILE_LIMIT).read_to_string(&mut text));
    read.map_err(|fault| {
        let message = format!("the passphrase file `{}`: {fault}", path.display());
        io::Error::new(fault.kind(), message)
    })?;
    let line = text.lines().next().unwrap_or_default();
    Ok(Zeroizing::new(line.to_owned()))
}

/// A public key file, with the proof in it verified.
pub(crate) fn read_public(path: &Path) -> Result<PublicKeyFile, CommandError> {
    let name = path.display();
    let read = std::fs::File::open(path);
    let text = read.and_then(|file| io::read_to_string(file.take(SMALL_FILE_LIMIT)));
    let unread = |fault| format!("the public key file `{name}` cannot be read: {fault}");
    let text = text.map_err(unread).map_err(CommandError::usage)?;
    PublicKeyFile::parse(&text).map_err(|fault| {
        CommandError::usage(format!("`{name}`: {fault}"))
            .hint("its owner prints it with: ledger key show")
    })
}
