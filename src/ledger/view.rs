//! What a reader of this host made of a ledger, kept so that the next look costs by what was added since.
//!
//! It is derived, and checked: it says of how many entries it is and which link the last of them has, and is read by
//! its digest. Where the log has another entry there, a file is damaged or of another version of this program, the log is
//! read from its beginning. Each reader keeps it for itself, in the state folder of their own where there is one:
//! nobody else's word is in it, the writer's neither. What verifies never looks at it.
//!
//! Most rotations of an old ledger are over, and nobody asks for them. They are put aside, 256 in a file that
//! is named by its digest, and brought back one by one where an entry or a reader names them.
//!
//! ```text
//! recalled/live        BLAKE3(state) [32] · state
//! recalled/DIGEST      256 rotations, with the places of their entries
//! ```
//!
//! Nothing is synced: what a power cut takes or tears is read from the log again.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bincode::{Decode, Encode};

use crate::codec;
use crate::event::Event;
use crate::hash::{Blake3Digest, Link};
use crate::key::PublicKey;
use crate::parallel;
use crate::policy::Policy;
use crate::register::{Recorded, Register};
use crate::rotation::Rotation;
use crate::store::publish;
use crate::sys::world::World;
use crate::text::Id;
use crate::time::Timestamp;

use crate::ledger::error::LedgerError;
use crate::ledger::reader::EntryReader;
use crate::ledger::warm::{file_of, state_in};

const FOLDER: &str = "recalled";
const LIVE: &str = "live";
/// As many new entries are worth the writing of what is kept.
const WORTH_KEEPING: u64 = 1_024;
/// Rotations in a file.
const TOGETHER: usize = 256;
/// The longest file that is read: what is longer is made again.
const MOST_BYTES: u64 = 256 * 1024 * 1024;
/// Another number for each other encoding of what is kept, within one version of the program.
const SHAPE: &str = concat!("1 ", env!("CARGO_PKG_VERSION"));

/// What the entries of a ledger amount to, read and not verified.
#[derive(Debug)]
pub struct LedgerView {
    kept: Kept,
    source: Source,
}

/// The ledger, and where its reader keeps what they made of it.
#[derive(Debug, Clone)]
struct Source {
    world: World,
    dir: PathBuf,
    wait: Duration,
    folder: Option<PathBuf>,
}

#[derive(Debug, Encode, Decode)]
struct Kept {
    shape: String,
    size: u64,
    link: Link,
    /// When the first and the last entry were recorded.
    span: Option<(Timestamp, Timestamp)>,
    /// Without the rotations that were put aside.
    register: Register,
    /// The entries about each rotation that is in the register.
    entries: BTreeMap<Id, Vec<u64>>,
    /// Each policy that there was.
    policies: Vec<PolicyInForce>,
    /// An entry that is corrected or remarked upon, and the entry that does so.
    remarks: Vec<(u64, u64)>,
    /// What stands for the id of a rotation, sorted, and the file that the rotation is in.
    aside: Vec<(u64, u32)>,
    files: Vec<Blake3Digest>,
}

/// A policy, and the entry since which it is in force.
#[derive(Debug, Encode, Decode)]
pub struct PolicyInForce {
    /// The entry.
    pub sequence: u64,
    /// Whose key signed it.
    pub author: PublicKey,
    /// What it came to.
    pub policy: Policy,
}

/// A rotation, and the entries about it.
#[derive(Debug, Encode, Decode)]
struct Thread {
    rotation: Rotation,
    entries: Vec<u64>,
}

impl LedgerView {
    /// Reads what was added to the ledger in `dir` since the reader whose state folder is `state` last looked; all of
    /// it where nothing is kept.
    ///
    /// # Errors
    /// There is no ledger, an entry cannot be read, or no writer would have placed it.
    pub fn open(
        world: &World,
        dir: &Path,
        state: Option<&Path>,
        wait: Duration,
    ) -> Result<Self, LedgerError> {
        let source = Source {
            world: world.clone(),
            dir: dir.to_owned(),
            wait,
            folder: state.map(|state| state.join(FOLDER)),
        };
        if let Some(kept) = source.read() {
            let mut reader = source.reader()?;
            if reader.stands_at(kept.size, &kept.link)
                && let Some(view) = source.clone().follow(kept, reader)?
            {
                return Ok(view);
            }
        }
        source.read_all()
    }

    /// How many entries there are.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.kept.size
    }

    /// When the first and the last entry were recorded.
    #[must_use]
    pub const fn span(&self) -> Option<(Timestamp, Timestamp)> {
        self.kept.span
    }

    /// Each policy that was set, in order.
    #[must_use]
    pub fn policies(&self) -> &[PolicyInForce] {
        &self.kept.policies
    }

    /// Everything but rotations that are over and wait for nobody.
    #[must_use]
    pub const fn register(&self) -> &Register {
        &self.kept.register
    }

    /// The same.
    #[must_use]
    pub fn into_register(self) -> Register {
        self.kept.register
    }

    /// Sees to it that a rotation is in the register, wherever there is such a one.
    ///
    /// # Errors
    /// As [`LedgerView::open`].
    pub fn recall(&mut self, rotation: &Id) -> Result<(), LedgerError> {
        if !self.kept.bring_back(rotation, &self.source) {
            *self = self.source.forgotten().read_all()?;
        }
        Ok(())
    }

    /// The entries about a rotation in the register, and those that correct them or remark upon them.
    #[must_use]
    pub fn entries_of(&self, rotation: &Id) -> Vec<u64> {
        let own = self.kept.entries.get(rotation).cloned();
        let mut all = own.unwrap_or_default();
        let own: BTreeSet<u64> = all.iter().copied().collect();
        let remarks = self.kept.remarks.iter();
        all.extend(
            remarks
                .filter(|(about, _)| own.contains(about))
                .map(|(_, by)| by),
        );
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Everything that the entries amount to.
    ///
    /// # Errors
    /// As [`LedgerView::open`].
    pub fn whole(mut self) -> Result<Register, LedgerError> {
        let files = std::mem::take(&mut self.kept.files);
        let there: BTreeSet<(u64, u32)> =
            std::mem::take(&mut self.kept.aside).into_iter().collect();
        let source = &self.source;
        let threads = parallel::map(files, |file| source.threads(&file));
        for (file, threads) in (0..).zip(threads) {
            let Some(threads) = threads else {
                return Ok(self.source.forgotten().read_all()?.kept.register);
            };
            // One that was brought back since is in the register as it is now.
            let aside = threads.into_iter().map(|thread| thread.rotation);
            let aside = aside.filter(|rotation| there.contains(&(sign_of(&rotation.id), file)));
            for rotation in aside {
                let rotations = &mut self.kept.register.rotations;
                rotations
                    .entry(rotation.id.clone())
                    .or_insert(Box::new(rotation));
            }
        }
        Ok(self.kept.register)
    }
}

impl Source {
    fn reader(&self) -> Result<EntryReader, LedgerError> {
        EntryReader::open(&self.world, &self.dir, self.wait)
    }

    /// The ledger alone: what is kept of it is not what was put there, and the next look keeps all of it anew.
    fn forgotten(&self) -> Self {
        if let Some(live) = self.path(LIVE) {
            let _ = self.world.disk.remove(&live);
        }
        Self {
            folder: None,
            ..self.clone()
        }
    }

    fn read_all(self) -> Result<LedgerView, LedgerError> {
        let reader = self.reader()?;
        let read = self.clone().follow(Kept::nothing(), reader)?;
        // Nothing was put aside that could be lost.
        Ok(read.unwrap_or_else(|| LedgerView {
            kept: Kept::nothing(),
            source: self,
        }))
    }

    /// Folds what `reader` has next onto `kept`; nothing where something that was put aside cannot be read.
    fn follow(
        self,
        mut kept: Kept,
        reader: EntryReader,
    ) -> Result<Option<LedgerView>, LedgerError> {
        let (before, mut lost) = (kept.size, false);
        reader.each_decoded(u64::MAX, Link::of, &mut |(
            sequence,
            entry,
            statement,
            link,
        )| {
            let recorded = statement.recorded_as(sequence, entry.recorded);
            let rotation = recorded.event.rotation();
            lost = lost || !rotation.is_none_or(|id| kept.bring_back(id, &self));
            match lost {
                true => Ok(()),
                false => kept.take(&recorded, link),
            }
        })?;
        if lost {
            return Ok(None);
        }
        if kept.size - before >= WORTH_KEEPING {
            self.write(&mut kept);
        }
        Ok(Some(LedgerView { kept, source: self }))
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        Some(self.folder.as_ref()?.join(name))
    }

    fn read(&self) -> Option<Kept> {
        let path = self.path(LIVE)?;
        let bytes = self.world.disk.read_at_most(&path, MOST_BYTES).ok()?;
        let kept: Kept = state_in(&bytes)?;
        (kept.shape == SHAPE && kept.size > 0).then_some(kept)
    }

    /// The rotations of a file; nothing where it is not what was put there.
    fn threads(&self, file: &Blake3Digest) -> Option<Vec<Thread>> {
        let path = self.path(&file.to_string())?;
        let bytes = self.world.disk.read_at_most(&path, MOST_BYTES).ok()?;
        let is_whole = Blake3Digest::of(&bytes) == *file;
        is_whole.then(|| codec::decode_state(&bytes).ok())?
    }

    /// Keeps it for the next look. That it cannot be written costs that look some time.
    fn write(&self, kept: &mut Kept) -> Option<()> {
        let disk = &*self.world.disk;
        let folder = self.folder.as_ref()?;
        disk.create_dir(folder).ok()?;
        disk.keep_private(folder).ok()?;
        kept.put_aside(|bytes| {
            let digest = Blake3Digest::of(bytes);
            let path = folder.join(digest.to_string());
            publish::in_place(disk, &path, bytes).ok()?;
            Some(digest)
        });
        publish::in_place(disk, &folder.join(LIVE), &file_of(kept)?).ok()?;
        let files = kept.files.iter().map(ToString::to_string);
        let named: BTreeSet<_> = files.chain([LIVE.to_owned()]).map(OsString::from).collect();
        let listed = disk.list(folder).ok()?.into_iter();
        for found in listed.filter(|found| !named.contains(&found.name)) {
            let _ = disk.remove(&folder.join(found.name));
        }
        Some(())
    }
}

impl Kept {
    fn nothing() -> Self {
        Self {
            shape: SHAPE.to_owned(),
            size: 0,
            link: Link::ZERO,
            span: None,
            register: Register::default(),
            entries: BTreeMap::new(),
            policies: Vec::new(),
            remarks: Vec::new(),
            aside: Vec::new(),
            files: Vec::new(),
        }
    }

    fn take(&mut self, recorded: &Recorded<'_>, link: Link) -> Result<(), LedgerError> {
        let (sequence, event) = (recorded.sequence, recorded.event);
        let placed = self.register.place(recorded);
        placed.map_err(|denial| LedgerError::unread(sequence, denial.message))?;
        if let Some(rotation) = event.rotation() {
            let entries = self.entries.entry(rotation.clone());
            entries.or_default().push(sequence);
        }
        if matches!(event, Event::PolicySet(_) | Event::NamespacesSet(_)) {
            self.policies.push(PolicyInForce {
                sequence,
                author: *recorded.key,
                policy: self.register.charter.policy.clone(),
            });
        }
        let about = event.about().map(|(about, _)| (about, sequence));
        self.remarks.extend(about);
        let now = recorded.recorded;
        self.span = Some((self.span.map_or(now, |(first, _)| first), now));
        self.size = sequence + 1;
        self.link = link;
        Ok(())
    }

    /// Puts a rotation back into the register where it was put aside; answers whether that could be told.
    fn bring_back(&mut self, id: &Id, source: &Source) -> bool {
        if self.register.rotations.contains_key(id) {
            return true;
        }
        let sign = sign_of(id);
        let first = self.aside.partition_point(|(one, _)| *one < sign);
        for at in first..self.aside.len() {
            let (one, file) = self.aside[at];
            if one != sign {
                break;
            }
            let file = self.files.get(file as usize);
            let Some(mut threads) = file.and_then(|file| source.threads(file)) else {
                return false;
            };
            // Two ids may have one sign.
            if let Some(found) = threads.iter().position(|thread| thread.rotation.id == *id) {
                let Thread { rotation, entries } = threads.swap_remove(found);
                self.register
                    .rotations
                    .insert(id.clone(), Box::new(rotation));
                self.entries.insert(id.clone(), entries);
                self.aside.remove(at);
                return true;
            }
        }
        true
    }

    /// Takes the rotations that are over out of the register, as many as fill files.
    fn put_aside(&mut self, mut write: impl FnMut(&[u8]) -> Option<Blake3Digest>) {
        let over = self.register.each_rotation();
        let over = over.filter(|rotation| self.register.is_over(rotation));
        let over: Vec<Id> = over.map(|rotation| rotation.id.clone()).collect();
        for ids in over.chunks_exact(TOGETHER) {
            let thread = |id: &Id| {
                Some(Thread {
                    rotation: (**self.register.rotations.get(id)?).clone(),
                    entries: self.entries.get(id)?.clone(),
                })
            };
            let threads: Option<Vec<_>> = ids.iter().map(thread).collect();
            let bytes = threads.and_then(|threads| codec::encode_state(&threads).ok());
            let (Some(digest), Ok(file)) = (
                bytes.and_then(|bytes| write(&bytes)),
                u32::try_from(self.files.len()),
            ) else {
                break;
            };
            self.files.push(digest);
            for id in ids {
                self.register.rotations.remove(id);
                self.entries.remove(id);
                self.aside.push((sign_of(id), file));
            }
        }
        self.aside.sort_unstable();
    }
}

/// What stands for an id in little room.
fn sign_of(id: &Id) -> u64 {
    let digest = Blake3Digest::of(id.as_str().as_bytes());
    let first = digest.as_bytes().first_chunk().copied();
    u64::from_le_bytes(first.unwrap_or_default())
}
