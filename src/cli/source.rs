//! What `log`, `show` and `extract` read: a ledger, a published copy of one, or an evidence pack. Read and not
//! verified.

use std::path::{Path, PathBuf};

use crate::entry::StoredEntry;
use crate::hash::Blake3Digest;
use crate::ledger::{EntryReader, LedgerError};
use crate::pack_verify::UnverifiedPack;
use crate::register::Register;
use crate::store::blobs::{self, BlobError};
use crate::store::engine::FolderEngine;
use crate::text::Id;
use crate::verify::BelievedTokens;

use super::context::Context;
use super::exit::CommandError;
use super::follow::Follower;
use super::pack;

/// Entries in their order, as they lie there.
type Entries<'s> = Box<dyn Iterator<Item = Result<StoredEntry, CommandError>> + 's>;

/// Where entries and attached files are read from.
pub(super) struct EvidenceSource {
    pub(super) place: PathBuf,
    /// What a pack has of a ledger, where it is one; else it is a ledger or a copy.
    pack: Option<UnverifiedPack>,
}

impl EvidenceSource {
    /// What is named: by itself, or else as the ledger.
    pub(super) fn open(
        context: &Context,
        path: Option<&Path>,
        attachments: bool,
    ) -> Result<Self, CommandError> {
        let named = path.map_or_else(|| context.named_ledger(), |path| Ok(path.to_owned()))?;
        let place = context.folder(&named, attachments)?;
        let pack = match pack::is_pack(&*context.world.disk, &place) {
            true => Some(UnverifiedPack::of(&pack::open(&*context.world.disk, &place)?).0),
            false => None,
        };
        Ok(Self { place, pack })
    }

    /// Has it followed: only a ledger grows.
    pub(super) fn follow(
        &self,
        context: &Context,
        path: Option<&Path>,
    ) -> Result<Follower, CommandError> {
        if self.pack.is_some() {
            return Err(CommandError::usage(
                "--follow goes with a ledger, and this is a pack",
            ));
        }
        let named = path.map_or_else(|| context.named_ledger(), |path| Ok(path.to_owned()))?;
        Follower::new(named, &self.place)
    }

    pub(super) fn entries(&self, context: &Context) -> Result<Entries<'_>, CommandError> {
        let Some(pack) = &self.pack else {
            let read = EntryReader::open(&context.world, &self.place, context.globals.wait)?;
            return Ok(Box::new(read.map(|stored| Ok(stored?))));
        };
        Ok(Box::new(pack.entries.iter().map(|(sequence, bytes)| {
            let stored = StoredEntry::of(*sequence, bytes.clone());
            stored.map_err(|why| LedgerError::unread(*sequence, why).into())
        })))
    }

    /// The entries about a rotation and those that name them, and what the ledger amounts to; nothing where it is a pack,
    /// or there is no such rotation.
    pub(super) fn about(
        &self,
        context: &Context,
        rotation: &Id,
    ) -> Result<Option<(Register, Entries<'_>)>, CommandError> {
        if self.pack.is_some() {
            return Ok(None);
        }
        let mut view = context.view_of(self.place.clone())?;
        view.recall(rotation)?;
        let places = view.entries_of(rotation);
        if places.is_empty() {
            return Ok(None);
        }
        let reader = EntryReader::open(&context.world, &self.place, context.globals.wait)?;
        let entries = reader.these(places).map(|stored| Ok(stored?));
        Ok(Some((view.into_register(), Box::new(entries))))
    }

    /// Its time tokens, of which this host believes those whose authorities it knows: of a pack, none.
    pub(super) fn tokens(&self, context: &Context) -> Result<BelievedTokens, CommandError> {
        match self.pack {
            Some(_) => Ok(BelievedTokens {
                tokens: Vec::new(),
                authorities: None,
            }),
            None => context.tokens(&self.place),
        }
    }

    /// The bytes that an entry names by their digest; none where they are not here.
    pub(super) fn attachment(
        &self,
        context: &Context,
        digest: &Blake3Digest,
    ) -> Result<Option<Vec<u8>>, CommandError> {
        let found = match &self.pack {
            Some(pack) => blobs::check(pack.attachments.get(digest).cloned(), digest),
            None => blobs::get(&FolderEngine::at(&context.world, &self.place), digest),
        };
        match found {
            Ok(bytes) => Ok(Some(bytes)),
            Err(BlobError::Missing(_)) => Ok(None),
            Err(BlobError::Disk(fault)) => Err(fault.into()),
            Err(fault) => Err(CommandError::broken(fault)),
        }
    }
}
