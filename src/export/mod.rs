//! Evidence packs out of a ledger: what goes in, and what is kept so that a pack can be made again.
//!
//! | file | knows |
//! |---|---|
//! | `kept` | the pack key, and what a pack rested on that the ledger itself may lose |
//! | `assemble` | what of a ledger a pack has |
//!
//! A pack is made of the ledger as it was when its `pack.exported` was recorded, and of nothing else, so
//! that it can be made again byte for byte. What was made is examined like a stranger's pack before it
//! gets its name: nothing is believed for having been made here.

mod assemble;
mod kept;

use std::time::Duration;

use crate::append::Place;
use crate::audit::AuditError;
use crate::audit::Reader;
use crate::audit::proofs::NoProof;
use crate::event::PackExported;
use crate::examine;
use crate::examine::Asked;
use crate::hash::Sha256Digest;
use crate::key::PublicKey;
use crate::key::SecretKey;
use crate::pack::Bag;
use crate::pack::Part;
use crate::pack::Selection;
use crate::pack::ZipError;
use crate::pack::ends;
use crate::register::Register;
use crate::rule::Verdict;
use crate::store::blobs::BlobError;
use crate::sys::disk::DiskError;
use crate::sys::entropy::EntropyError;
use crate::sys::keyfile::KeyFileError;
use crate::sys::world::World;
use crate::text::Line;
use crate::text::TextError;
use crate::time::Timestamp;
use crate::verify;
use crate::verify::Report;

pub use kept::PACK_KEY;

/// Why there is no pack.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The ledger cannot be read.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// What is stored proves nothing.
    #[error(transparent)]
    Proof(#[from] NoProof),
    /// No rotation belongs to what was selected.
    #[error("no rotation is selected by `{0}`")]
    Nothing(Part),
    /// The selection does not fit the one line that records it.
    #[error("the selection cannot be recorded: {0}")]
    Selection(#[from] TextError),
    /// There is no such entry, or it records no export.
    #[error("entry {0} records no export of a pack that this program makes")]
    NoRecord(u64),
    /// What the pack rested on is not kept here.
    #[error("what the pack of entry {sequence} rested on is not kept here: {why}")]
    NotKept {
        /// The record.
        sequence: u64,
        /// Why.
        why: String,
    },
    /// The pack key is another one by now.
    #[error("the pack of entry {sequence} is signed by {wanted}, and the pack key here is {found}")]
    OtherKey {
        /// The record.
        sequence: u64,
        /// The key that the record names.
        wanted: PublicKey,
        /// The key that is here.
        found: PublicKey,
    },
    /// The same bytes cannot be made again.
    #[error(
        "the pack of entry {sequence} cannot be made again byte for byte: its sha256 was {before}, and would be {now}"
    )]
    Differs {
        /// The record.
        sequence: u64,
        /// Of the pack as it was.
        before: Sha256Digest,
        /// Of what would be written now.
        now: Sha256Digest,
    },
    /// The entries up to the record do not verify.
    #[error("the ledger does not verify up to entry {sequence}: {why}")]
    NotVerified {
        /// The record.
        sequence: u64,
        /// The first thing that is wrong.
        why: String,
    },
    /// An attached file is gone.
    #[error(transparent)]
    Attachment(#[from] BlobError),
    /// Too much for one pack.
    #[error("what is selected is too much for one pack: {0}")]
    Zip(#[from] ZipError),
    /// The pack key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// There were no random bytes for a new pack key.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// A file operation failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// Exports of one ledger.
pub struct Export<'a> {
    /// Disk, clock and chance.
    pub world: &'a World,
    /// The ledger, and where its host keeps the pack key.
    pub place: &'a Place,
    /// How long to wait for a writer at work.
    pub wait: Duration,
}

/// A pack that was made, and examined.
pub struct Pack {
    /// The zip.
    pub bytes: Vec<u8>,
    /// How many files it has.
    pub files: usize,
    /// What was found when it was examined, as of its export.
    pub report: Report,
    /// What was selected.
    pub selection: Selection,
    /// What its record says.
    pub exported: PackExported,
}

impl Export<'_> {
    /// The key that signs this host's packs; made where there is none yet.
    ///
    /// # Errors
    /// It cannot be read or made.
    pub fn key(&self) -> Result<SecretKey, ExportError> {
        kept::key(self.world, self.place)
    }

    /// What is to be recorded of an export of `part`, out of a ledger that verified and of which
    /// `register` is what its entries amount to.
    ///
    /// # Errors
    /// No rotation is selected, or the ledger cannot be read.
    pub fn record(
        &self,
        register: &Register,
        selection: &Selection,
        recipient: Option<Line>,
        as_of: Timestamp,
    ) -> Result<PackExported, ExportError> {
        let selected = verify::select(register, &selection.part, as_of);
        if selected.rotations.is_empty() {
            return Err(ExportError::Nothing(selection.part.clone()));
        }
        let reader = Reader::open(self.world, &self.place.dir, self.wait)?;
        let size = reader.size();
        // The record itself is in the pack too.
        let mut entries = 1;
        for stored in reader {
            entries += u64::from(selected.holds(&stored?.statement.event));
        }
        let secrets = register.secrets.iter();
        let last = secrets.map(|(id, threaded)| (id, threaded.thread.saturating_sub(1)));
        Ok(PackExported {
            selection: Line::new(selection.to_string())?,
            recipient,
            size,
            entries,
            rotations: selected.rotations.len() as u64,
            secrets: selected.secrets.len() as u64,
            ends_sha256: Sha256Digest::of(ends(last).as_bytes()),
        })
    }

    /// Keeps what the pack of the record at `sequence` rests on besides the entries: its checkpoint, and
    /// which cosigned checkpoint and time tokens there were.
    ///
    /// # Errors
    /// The disk's refusal.
    pub fn keep(&self, sequence: u64, checkpoint: &str) -> Result<(), ExportError> {
        kept::Rested::now(self, sequence, checkpoint)?.write(self, sequence)
    }

    /// Makes the pack that the entry at `sequence` records.
    ///
    /// # Errors
    /// That entry records no export, the ledger up to it does not verify, or something that the pack
    /// rested on is gone.
    pub fn pack(&self, sequence: u64) -> Result<Pack, ExportError> {
        let mut rested = kept::Rested::read(self, sequence)?;
        let made = assemble::assemble(self, sequence, &rested)?;
        let key = self.key()?;
        if key.public() != made.selection.key {
            return Err(ExportError::OtherKey {
                sequence,
                wanted: made.selection.key,
                found: key.public(),
            });
        }
        let not_verified = |report: &Report| {
            let first = report.findings.first();
            let why = first.map(|finding| {
                format!(
                    "{} {}: {}",
                    finding.rule.id, finding.rule.title, finding.found
                )
            });
            ExportError::NotVerified {
                sequence,
                why: why.unwrap_or_else(|| "integrity".to_owned()),
            }
        };
        let (report, documents) = examine::documents(&made.contents);
        let Some((documents, info)) = documents else {
            return Err(not_verified(&report));
        };
        let mut payload = made.contents.files();
        payload.extend(documents);
        let ledger = report.ledger.map(|id| id.to_string()).unwrap_or_default();
        let top = format!("pack-{}-{sequence}", ledger.get(..8).unwrap_or_default());
        let bag = Bag::sealed(&top, &payload, &info, &key);
        let bytes = bag.to_zip()?;
        let again = Bag::from_zip(&bytes)?;
        let examined = examine::examine(&again, Asked::default());
        let broken = |finding: &&crate::rule::Finding| finding.rule.verdict == Verdict::Integrity;
        if examined
            .report
            .findings
            .iter()
            .any(|finding| broken(&finding))
        {
            return Err(not_verified(&examined.report));
        }
        let now = Sha256Digest::of(&bytes);
        match rested.sha256 {
            Some(before) if before != now => {
                return Err(ExportError::Differs {
                    sequence,
                    before,
                    now,
                });
            }
            Some(_) => {}
            None => {
                rested.sha256 = Some(now);
                rested.write(self, sequence)?;
            }
        }
        Ok(Pack {
            files: bag.len(),
            bytes,
            report: examined.report,
            selection: made.selection,
            exported: made.exported,
        })
    }
}
