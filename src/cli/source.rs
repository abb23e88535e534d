//! What `log`, `show` and `extract` read: a ledger, a published copy of one, or an evidence pack. Read and not
//! verified.

use std::path::{Path, PathBuf};

use crate::entry::StoredEntry;
use crate::hash::Blake3Digest;
use crate::ledger::{EntryReader, LedgerError};
use crate::pack_verify::UnverifiedPack;
use crate::store::blobs::{self, BlobError};
use crate::store::engine::FolderEngine;
use crate::timestamps;
use crate::verify::BelievedTokens;

use super::context::Context;
use super::exit::CommandError;
use super::pack;

/// Entries in their order, as they lie there.
type Entries<'s> = Box<dyn Iterator<Item = Result<StoredEntry, CommandError>> + 's>;

/// Where entries and attached files are read from.
pub(super) enum EvidenceSource {
    /// A ledger or a published copy.
    Folder(PathBuf),
    /// What a pack has of a ledger, and where it lies.
    Pack(PathBuf, Box<UnverifiedPack>),
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
        if pack::is_pack(&place) {
            let (contents, _) = UnverifiedPack::of(&pack::open(&*context.world.disk, &place)?);
            return Ok(Self::Pack(place, Box::new(contents)));
        }
        Ok(Self::Folder(place))
    }

    /// Where it lies.
    pub(super) fn place(&self) -> &Path {
        match self {
            Self::Folder(place) | Self::Pack(place, _) => place,
        }
    }

    pub(super) fn entries(&self, context: &Context) -> Result<Entries<'_>, CommandError> {
        match self {
            Self::Folder(dir) => {
                let read = EntryReader::open(&context.world, dir, context.globals.wait)?;
                Ok(Box::new(read.map(|stored| Ok(stored?))))
            }
            Self::Pack(_, contents) => {
                let each = contents.entries.iter();
                Ok(Box::new(each.map(|(sequence, bytes)| {
                    let read = StoredEntry::of(*sequence, bytes.clone());
                    read.map_err(|why| {
                        let (sequence, why) = (*sequence, why.to_string());
                        LedgerError::Entry { sequence, why }.into()
                    })
                })))
            }
        }
    }

    /// Its time tokens, of which this host believes those whose authorities it knows: of a pack, none.
    pub(super) fn tokens(&self, context: &Context) -> Result<BelievedTokens, CommandError> {
        Ok(match self {
            Self::Folder(dir) => BelievedTokens {
                tokens: timestamps::list(&FolderEngine::at(&context.world, dir))?,
                authorities: context.authorities(None, dir)?,
            },
            Self::Pack(..) => BelievedTokens {
                tokens: Vec::new(),
                authorities: None,
            },
        })
    }

    /// The bytes that an entry names by their digest; none where they are not here.
    pub(super) fn attachment(
        &self,
        context: &Context,
        digest: &Blake3Digest,
    ) -> Result<Option<Vec<u8>>, CommandError> {
        let found = match self {
            Self::Folder(dir) => blobs::get(&FolderEngine::at(&context.world, dir), digest),
            Self::Pack(_, contents) => {
                blobs::check(contents.attachments.get(digest).cloned(), digest)
            }
        };
        match found {
            Ok(bytes) => Ok(Some(bytes)),
            Err(BlobError::Missing(_)) => Ok(None),
            Err(BlobError::Disk(fault)) => Err(fault.into()),
            Err(fault) => Err(CommandError::broken(fault)),
        }
    }
}
