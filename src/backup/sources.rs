//! What a ledger can be restored from: whatever still has entries of it, whole or not. Nothing of it is believed.

use std::collections::BTreeMap;
use std::path::Path;

use crate::hash::Blake3Digest;
use crate::ledger::standing::NEXT_CHECKPOINT;
use crate::ledger::{CHECKPOINT_FILE, COPY_COSIGNED, COSIGNED_FILE};
use crate::merkle::LogFile;
use crate::pack_verify::UnverifiedPack;
use crate::publication::StoredNote;
use crate::store::blobs;
use crate::store::bundle::{self, BUNDLE_ENTRIES, MAX_BUNDLE};
use crate::store::engine::{Engine as _, FolderEngine};
use crate::store::image::LogImage;
use crate::store::tail;
use crate::sys::disk::DiskError;
use crate::sys::world::World;
use crate::timestamps;
use crate::timetoken::StoredToken;

const WIDTH: u64 = BUNDLE_ENTRIES as u64;

/// Something that has entries of a ledger. The bundles of a folder and its tail are two: an older one may have been
/// laid over the other.
#[derive(Default)]
pub struct RestoreSource {
    /// What it is called.
    pub name: String,
    /// The folder, for what is read when it is needed.
    folder: Option<FolderEngine>,
    bundles: BTreeMap<u64, Vec<LogFile>>,
    loose: BTreeMap<u64, Vec<u8>>,
    /// Checkpoints that lie there.
    pub(super) notes: Vec<StoredNote>,
    /// Those of them that witnesses cosigned.
    pub(super) cosigned: Vec<StoredNote>,
    attachments: BTreeMap<Blake3Digest, Vec<u8>>,
    pub(super) tokens: Vec<StoredToken>,
    /// Whether it is a checkpoint that this host kept, or that somebody hands over: it counts by its name.
    pub(super) is_known: bool,
}

impl RestoreSource {
    /// A folder of a ledger, a backup or a copy, or what is left of one.
    ///
    /// # Errors
    /// The disk's refusal.
    pub fn in_folder(world: &World, name: &str, dir: &Path) -> Result<[Self; 2], DiskError> {
        let folder = FolderEngine::at(world, dir);
        let files = [
            CHECKPOINT_FILE,
            NEXT_CHECKPOINT,
            COSIGNED_FILE,
            COPY_COSIGNED,
        ];
        let image = LogImage::read(&*world.disk, dir, &files)?;
        let note = |name: &&str| StoredNote::parse(image.files.get(*name)?).ok();
        let mut bundles: BTreeMap<u64, Vec<LogFile>> = BTreeMap::new();
        for found in folder.files(bundle::BUNDLES)? {
            if let Some(file) = LogFile::parse(&found.path).filter(|_| found.is_file) {
                bundles.entry(file.tile.index).or_default().push(file);
            }
        }
        let tail_bytes = image.tail.unwrap_or_default();
        // Also past damage, and where the header is gone.
        let loose = tail::find_later(&tail_bytes, 0, 0).into_iter();
        let loose = loose.map(|(sequence, slot)| (sequence, slot.of(&tail_bytes).to_vec()));
        let tail = Self {
            folder: Some(folder.clone()),
            loose: loose.collect(),
            name: format!("{name} (tail)"),
            ..Self::default()
        };
        let sealed = Self {
            bundles,
            notes: files.iter().filter_map(note).collect(),
            cosigned: [COSIGNED_FILE, COPY_COSIGNED]
                .iter()
                .filter_map(note)
                .collect(),
            tokens: timestamps::list(&folder)?,
            folder: Some(folder),
            name: name.to_owned(),
            ..Self::default()
        };
        Ok([sealed, tail])
    }

    /// A checkpoint that is known of the ledger, from elsewhere than where its entries are.
    #[must_use]
    pub fn known(name: &str, note: &[u8]) -> Self {
        Self {
            notes: StoredNote::parse(note).into_iter().collect(),
            is_known: true,
            name: name.to_owned(),
            ..Self::default()
        }
    }

    /// An evidence pack.
    #[must_use]
    pub fn pack(name: &str, pack: UnverifiedPack) -> Self {
        let parse = |bytes: &[u8]| StoredNote::parse(bytes).ok();
        let cosigned = pack.cosigned.as_deref().and_then(parse);
        let notes = parse(&pack.checkpoint).into_iter();
        Self {
            notes: notes.chain(cosigned.clone()).collect(),
            cosigned: cosigned.into_iter().collect(),
            loose: pack.entries,
            attachments: pack.attachments,
            tokens: pack.tokens,
            name: name.to_owned(),
            ..Self::default()
        }
    }

    /// Whether it has anything of a log.
    #[must_use]
    pub fn has_entries(&self) -> bool {
        !self.bundles.is_empty() || !self.loose.is_empty()
    }

    /// What it has of bundle `n`, by sequence; of a damaged file what stands before the damage.
    pub(super) fn bundle(&self, n: u64) -> BTreeMap<u64, Vec<u8>> {
        let first = n.saturating_mul(WIDTH);
        let loose = self.loose.range(first..first.saturating_add(WIDTH));
        let mut entries: BTreeMap<u64, Vec<u8>> = loose.map(|(s, b)| (*s, b.clone())).collect();
        for file in self.bundles.get(&n).into_iter().flatten() {
            let read = |folder: &FolderEngine| folder.get(&file.path(), MAX_BUNDLE).ok().flatten();
            let bytes = self.folder.as_ref().and_then(read).unwrap_or_default();
            for (sequence, entry) in (first..).zip(bundle::decode_prefix(&bytes)) {
                entries.entry(sequence).or_insert(entry);
            }
        }
        entries
    }

    /// An attachment, where it is here and whole.
    pub(super) fn attachment(&self, digest: &Blake3Digest) -> Option<Vec<u8>> {
        let held = self.attachments.get(digest).cloned();
        if let Ok(bytes) = blobs::check(held, digest) {
            return Some(bytes);
        }
        blobs::get(self.folder.as_ref()?, digest).ok()
    }
}
