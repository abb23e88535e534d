//! A disk in memory whose power can be cut: what was not synced is lost.
//!
//! Every file has live bytes (what a process reads) and durable bytes (as of its last sync); every
//! name likewise (as of the last sync of its folder). Operations that change something are counted,
//! and the n-th can be made to fail, before or after its effect, once or with all that follow.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;

use rotation_ledger::store::image::list_files;
use rotation_ledger::sys::disk::DirEntry;
use rotation_ledger::sys::disk::Disk;
use rotation_ledger::sys::disk::DiskError;
use rotation_ledger::sys::disk::FileHandle;
use rotation_ledger::sys::disk::FileKind;
use rotation_ledger::sys::disk::Metadata;
use rotation_ledger::sys::disk::RawFile;
use rotation_ledger::sys::disk::RealDisk;

const SECTOR: usize = 512;

/// When the chosen operation fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It has no effect, and later ones work again.
    Before,
    /// It has its effect and reports an error, and later ones work again.
    After,
    /// Of a write, the first half happens; other operations do not. Later ones work again.
    Half,
    /// It and all later ones fail without effect: the power is going.
    Dead,
    /// It has its effect; it and all later ones report an error.
    DeadAfter,
    /// Of a write, another byte is stored than was to be, and nobody says so.
    Rot,
}

impl Fault {
    /// All that a writer is told of.
    pub const REPORTED: [Self; 5] = [
        Self::Before,
        Self::After,
        Self::Half,
        Self::Dead,
        Self::DeadAfter,
    ];
}

/// What comes of one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    Whole,
    Half,
    Rotten,
}

/// What a power cut leaves of what was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Nothing.
    DropAll,
    /// Each unsynced sector by the toss of a coin; names as they were synced.
    SomeSectors(u64),
    /// All names and lengths, no bytes: a rename that overtook its data.
    NamesWithoutData,
    /// All names, and sectors by the toss of a coin.
    NamesAndSomeSectors(u64),
}

impl Cut {
    /// What may follow a fault: nothing, or a power cut of every kind.
    pub const AFTERMATHS: [Option<Self>; 6] = [
        None,
        Some(Self::DropAll),
        Some(Self::NamesWithoutData),
        Some(Self::SomeSectors(1)),
        Some(Self::NamesAndSomeSectors(2)),
        Some(Self::NamesAndSomeSectors(3)),
    ];
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Node {
    File(usize),
    Folder,
}

#[derive(Debug, Default, Clone)]
struct Content {
    live: Vec<u8>,
    durable: Vec<u8>,
}

#[derive(Debug, Default)]
struct State {
    contents: Vec<Content>,
    live: BTreeMap<PathBuf, Node>,
    durable: BTreeMap<PathBuf, Node>,
    operations: usize,
    fault: Option<(usize, Fault)>,
}

/// The disk; clones are the same disk.
#[derive(Debug, Clone, Default)]
pub struct SimDisk(Arc<Mutex<State>>);

#[derive(Debug)]
struct SimFile {
    disk: SimDisk,
    content: usize,
}

fn injected() -> io::Error {
    io::Error::new(io::ErrorKind::StorageFull, "injected")
}

fn coin(seed: &mut u64) -> bool {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    *seed & 1 == 1
}

impl State {
    /// Counts a changing operation and carries it out as the fault allows.
    fn change(&mut self, act: impl FnOnce(&mut Self, Effect) -> io::Result<()>) -> io::Result<()> {
        self.operations += 1;
        let now = self.operations;
        match self.fault {
            Some((n, Fault::Before)) if now == n => Err(injected()),
            Some((n, Fault::Dead)) if now >= n => Err(injected()),
            Some((n, Fault::DeadAfter)) if now > n => Err(injected()),
            Some((n, Fault::After | Fault::DeadAfter)) if now == n => {
                act(self, Effect::Whole)?;
                Err(injected())
            }
            Some((n, Fault::Half)) if now == n => {
                act(self, Effect::Half)?;
                Err(injected())
            }
            Some((n, Fault::Rot)) if now == n => act(self, Effect::Rotten),
            _ => act(self, Effect::Whole),
        }
    }

    fn parent_is_there(&self, path: &Path) -> io::Result<()> {
        let parent = path.parent().unwrap_or(Path::new(""));
        if parent == Path::new("/") || self.live.get(parent) == Some(&Node::Folder) {
            Ok(())
        } else {
            Err(io::ErrorKind::NotFound.into())
        }
    }

    fn file(&self, path: &Path) -> io::Result<usize> {
        match self.live.get(path) {
            Some(Node::File(content)) => Ok(*content),
            Some(Node::Folder) => Err(io::ErrorKind::IsADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

impl SimDisk {
    /// An empty disk with one durable folder, `/ledger`.
    pub fn new() -> Self {
        let disk = Self::default();
        let ledger = PathBuf::from("/ledger");
        disk.0
            .lock()
            .unwrap()
            .live
            .insert(ledger.clone(), Node::Folder);
        disk.0.lock().unwrap().durable.insert(ledger, Node::Folder);
        disk
    }

    /// Folders of the real disk, all of it synced, where every operation can fail.
    pub fn holding(folders: &[(&Path, &str)]) -> Self {
        let disk = Self::new();
        for (root, at) in folders {
            disk.create_dir(Path::new(at)).unwrap();
            for found in list_files(&RealDisk, root).unwrap() {
                let target = Path::new(at).join(&found.path);
                let mut folder = PathBuf::from(at);
                for part in found.path.parent().unwrap().components() {
                    folder.push(part);
                    disk.create_dir(&folder).unwrap();
                }
                let mut file = disk.create(&target).unwrap();
                let bytes = std::fs::read(root.join(&found.path)).unwrap();
                file.write_at(&bytes, 0).unwrap();
                file.sync_data().unwrap();
                let mut folder = target.parent();
                while let Some(inner) = folder.filter(|inner| inner.starts_with(at)) {
                    disk.sync_dir(inner).unwrap();
                    folder = inner.parent();
                }
            }
            disk.sync_dir(Path::new("/")).unwrap();
        }
        disk
    }

    /// A copy on which operation `n` of `run` met `fault`, and one of the aftermaths followed, by turns; and what
    /// happened, for people.
    pub fn struck<T: std::fmt::Debug>(
        &self,
        n: usize,
        fault: Fault,
        turn: usize,
        run: impl Fn(&Self) -> T,
    ) -> (Self, String) {
        let disk = self.copy_synced();
        disk.fail_at(n, fault);
        let outcome = run(&disk);
        disk.heal();
        let cut = Cut::AFTERMATHS[turn % Cut::AFTERMATHS.len()];
        if let Some(cut) = cut {
            disk.power_cut(cut);
        }
        (disk, format!("{fault:?} at {n}, {cut:?}, {outcome:?}"))
    }

    /// A disk that has, durably, what this one has alive.
    pub fn copy_synced(&self) -> Self {
        let state = self.0.lock().unwrap();
        let mut contents = state.contents.clone();
        for content in &mut contents {
            content.durable = content.live.clone();
        }
        Self(Arc::new(Mutex::new(State {
            contents,
            live: state.live.clone(),
            durable: state.live.clone(),
            operations: 0,
            fault: None,
        })))
    }

    /// Makes a folder and those above it, durably.
    pub fn make_folder(&self, folder: &Path) {
        let Some(parent) = folder.parent() else {
            return;
        };
        self.make_folder(parent);
        self.create_dir(folder).unwrap();
        self.sync_dir(parent).unwrap();
    }

    /// Number of changing operations so far.
    pub fn operations(&self) -> usize {
        self.0.lock().unwrap().operations
    }

    /// Makes the `n`-th changing operation from now (1 is the next) fail.
    pub fn fail_at(&self, n: usize, fault: Fault) {
        let mut state = self.0.lock().unwrap();
        state.fault = Some((state.operations + n, fault));
    }

    /// Lets everything work again.
    pub fn heal(&self) {
        self.0.lock().unwrap().fault = None;
    }

    /// Cuts the power and turns it on again; open files of before must not be used.
    pub fn power_cut(&self, cut: Cut) {
        let mut state = self.0.lock().unwrap();
        state.fault = None;
        let (names_survive, sectors) = match cut {
            Cut::DropAll => (false, None),
            Cut::SomeSectors(seed) => (false, Some(seed)),
            Cut::NamesWithoutData => (true, None),
            Cut::NamesAndSomeSectors(seed) => (true, Some(seed)),
        };
        let mut seed = sectors.unwrap_or(0).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        for content in &mut state.contents {
            let mut survived = content.durable.clone();
            if names_survive || (sectors.is_some() && coin(&mut seed)) {
                survived.resize(content.live.len(), 0);
            }
            if sectors.is_some() {
                for (new, old) in content.live.chunks(SECTOR).zip(survived.chunks_mut(SECTOR)) {
                    if coin(&mut seed) {
                        let both = new.len().min(old.len());
                        old[..both].copy_from_slice(&new[..both]);
                    }
                }
            }
            content.live = survived.clone();
            content.durable = survived;
        }
        let names = if names_survive {
            &state.live
        } else {
            &state.durable
        };
        // A name is reachable only if all the folders above it survived.
        let reachable: BTreeMap<_, _> = names
            .iter()
            .filter(|(path, _)| {
                path.ancestors()
                    .skip(1)
                    .all(|a| a == Path::new("/") || names.contains_key(a))
            })
            .map(|(path, node)| (path.clone(), *node))
            .collect();
        state.live.clone_from(&reachable);
        state.durable = reachable;
    }
}

impl Disk for SimDisk {
    fn open(&self, path: &Path) -> Result<FileHandle, DiskError> {
        let content = self.0.lock().unwrap().file(path);
        let content = content.map_err(|e| DiskError::new("open", path, e))?;
        let file = SimFile {
            disk: self.clone(),
            content,
        };
        Ok(FileHandle::new(Box::new(file), path))
    }

    fn create(&self, path: &Path) -> Result<FileHandle, DiskError> {
        let result = self.0.lock().unwrap().change(|state, _| {
            state.parent_is_there(path)?;
            if let Ok(content) = state.file(path) {
                state.contents[content].live.clear();
                return Ok(());
            }
            let content = state.contents.len();
            state.contents.push(Content::default());
            state.live.insert(path.to_owned(), Node::File(content));
            Ok(())
        });
        result.map_err(|e| DiskError::new("create", path, e))?;
        self.open(path)
    }

    fn read_at_most(&self, path: &Path, most: u64) -> Result<Vec<u8>, DiskError> {
        let state = self.0.lock().unwrap();
        let content = state
            .file(path)
            .map_err(|e| DiskError::new("read", path, e))?;
        let live = &state.contents[content].live;
        if live.len() as u64 > most {
            return Err(DiskError::too_long(path, most));
        }
        Ok(live.clone())
    }

    fn list(&self, dir: &Path) -> Result<Vec<DirEntry>, DiskError> {
        let state = self.0.lock().unwrap();
        let named = state
            .live
            .iter()
            .filter(|(path, _)| path.parent() == Some(dir));
        Ok(named
            .map(|(path, node)| DirEntry {
                name: path.file_name().unwrap().to_owned(),
                kind: if *node == Node::Folder {
                    FileKind::Folder
                } else {
                    FileKind::File
                },
            })
            .collect())
    }

    fn create_dir(&self, path: &Path) -> Result<(), DiskError> {
        let result = self.0.lock().unwrap().change(|state, _| {
            state.parent_is_there(path)?;
            state.live.insert(path.to_owned(), Node::Folder);
            Ok(())
        });
        result.map_err(|e| DiskError::new("make the folder", path, e))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), DiskError> {
        let result = self.0.lock().unwrap().change(|state, _| {
            state.parent_is_there(to)?;
            let content = state.file(from)?;
            state.live.remove(from);
            state.live.insert(to.to_owned(), Node::File(content));
            Ok(())
        });
        result.map_err(|e| DiskError::new("give a file the name", to, e))
    }

    fn remove(&self, path: &Path) -> Result<(), DiskError> {
        let result = self.0.lock().unwrap().change(|state, _| {
            state.file(path)?;
            state.live.remove(path);
            Ok(())
        });
        result.map_err(|e| DiskError::new("remove", path, e))
    }

    fn sync_dir(&self, dir: &Path) -> Result<(), DiskError> {
        let result = self.0.lock().unwrap().change(|state, _| {
            let inside = |path: &PathBuf| path.parent() == Some(dir);
            state.durable.retain(|path, _| !inside(path));
            let names = state.live.iter().filter(|(path, _)| inside(path));
            let names: Vec<_> = names.map(|(path, node)| (path.clone(), *node)).collect();
            state.durable.extend(names);
            Ok(())
        });
        result.map_err(|e| DiskError::new("sync the folder", dir, e))
    }

    fn make_read_only(&self, path: &Path) -> Result<(), DiskError> {
        let result = self
            .0
            .lock()
            .unwrap()
            .change(|state, _| state.file(path).map(drop));
        result.map_err(|e| DiskError::new("write-protect", path, e))
    }

    fn metadata(&self, path: &Path) -> Result<Option<Metadata>, DiskError> {
        let state = self.0.lock().unwrap();
        Ok(state.live.get(path).map(|node| match node {
            Node::Folder => Metadata {
                kind: FileKind::Folder,
                len: 0,
            },
            Node::File(content) => Metadata {
                kind: FileKind::File,
                len: state.contents[*content].live.len() as u64,
            },
        }))
    }
}

impl RawFile for SimFile {
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let state = self.disk.0.lock().unwrap();
        let start = usize::try_from(offset).unwrap();
        let stored = state.contents[self.content]
            .live
            .get(start..start + buf.len());
        buf.copy_from_slice(stored.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let start = usize::try_from(offset).unwrap();
        self.disk.0.lock().unwrap().change(|state, effect| {
            let bytes = if effect == Effect::Half {
                &bytes[..bytes.len() / 2]
            } else {
                bytes
            };
            let live = &mut state.contents[self.content].live;
            live.resize(live.len().max(start + bytes.len()), 0);
            live[start..start + bytes.len()].copy_from_slice(bytes);
            if effect == Effect::Rotten {
                live[start + bytes.len() / 2] ^= 1;
            }
            Ok(())
        })
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.disk.0.lock().unwrap().contents[self.content]
            .live
            .len() as u64)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.disk.0.lock().unwrap().change(|state, _| {
            let live = &mut state.contents[self.content].live;
            live.resize(usize::try_from(len).unwrap(), 0);
            Ok(())
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk.0.lock().unwrap().change(|state, effect| {
            if effect != Effect::Half {
                let content = &mut state.contents[self.content];
                content.durable = content.live.clone();
            }
            Ok(())
        })
    }
}
