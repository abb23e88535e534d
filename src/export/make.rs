//! From what a ledger has to the bytes of a pack, and the same bytes again.

use crate::event::PackExported;
use crate::facts::{FactsForm, PackFacts, statements};
use crate::hash::Sha256Digest;
use crate::key::SecretKey;
use crate::ledger::ProvenPrefix;
use crate::ledger::proofs::LedgerProofs;
use crate::pack::{Bag, PackFiles, Selection, SelectionForm, in_toto_bundle};
use crate::pack_verify::{DecodedPack, UnverifiedPack};
use crate::page;
use crate::text::Line;
use crate::time::Timestamp;
use crate::verify::{self, Report};

use super::assemble;
use super::error::ExportError;
use super::host::Export;
use super::kept::PackBasis;

/// A pack that was written, and verified before it got its name.
pub struct ExportedPack {
    /// The zip, or the envelopes.
    pub bytes: Vec<u8>,
    /// How many files are in the zip, or how many envelopes there are.
    pub parts: usize,
    /// What was not checked when it was verified, as of its export.
    pub not_checked: Vec<String>,
    /// What was selected.
    pub selection: Selection,
    /// What its record says.
    pub exported: PackExported,
}

impl Export<'_> {
    /// What is to be recorded of an export out of a ledger of these entries. What would go into the
    /// pack is read once already: nothing is recorded of a pack that cannot be made.
    ///
    /// # Errors
    /// No rotation is selected, or something that is selected cannot be read.
    pub fn record(
        &self,
        before: &ProvenPrefix,
        selection: &Selection,
        recipient: Option<Line>,
        as_of: Timestamp,
    ) -> Result<PackExported, ExportError> {
        let register = &before.register;
        let selected = verify::select(register, &selection.part, as_of);
        if selected.rotations.is_empty() {
            return Err(ExportError::Nothing(selection.part.clone()));
        }
        let proofs = LedgerProofs::open(self.world, &self.place.dir, self.wait)?;
        let picked = assemble::pick(self, &proofs, before, &selected, selection)?;
        Ok(PackExported {
            selection: Line::new(selection.to_string())?,
            recipient,
            size: before.size(),
            // The record itself is in the pack too.
            entries: picked.entries.len() as u64 + 1,
            rotations: selected.rotations.len() as u64,
            secrets: selected.secrets.len() as u64,
            ends_sha256: verify::ends_sha256(register),
        })
    }

    /// Keeps what the pack of the record at `sequence` rests on besides the entries: its checkpoint, and
    /// which cosigned checkpoint and time tokens there were; of a sample, the checkpoint that gave its seed.
    ///
    /// # Errors
    /// The disk's refusal.
    pub fn keep(
        &self,
        sequence: u64,
        checkpoint: &str,
        seed: Option<&str>,
    ) -> Result<(), ExportError> {
        PackBasis::now(self, sequence, checkpoint, seed)?.write(self, sequence)
    }

    /// Makes the pack that the entry at `sequence` records.
    ///
    /// # Errors
    /// That entry records no export, the entries up to it are not those that its checkpoint seals, what
    /// goes into the pack does not verify, or something that the pack rested on is gone.
    pub fn pack(&self, sequence: u64) -> Result<ExportedPack, ExportError> {
        let rested = PackBasis::read(self, sequence)?;
        let before = ProvenPrefix::read(self.world, &self.place.dir, self.wait, Some(sequence))?;
        self.make(sequence, rested, before)
    }

    /// The same, where the entries before the record have just been read.
    ///
    /// # Errors
    /// As [`Export::pack`].
    pub fn pack_after(&self, before: ProvenPrefix) -> Result<ExportedPack, ExportError> {
        let sequence = before.size();
        self.make(sequence, PackBasis::read(self, sequence)?, before)
    }

    fn make(
        &self,
        sequence: u64,
        mut rested: PackBasis,
        before: ProvenPrefix,
    ) -> Result<ExportedPack, ExportError> {
        let made = assemble::assemble(self, sequence, &rested, &before)?;
        drop(before);
        let key = self.key()?;
        if key.public() != made.selection.key {
            return Err(ExportError::OtherKey {
                sequence,
                wanted: made.selection.key,
                found: key.public(),
            });
        }
        let made_of = match made.selection.form {
            SelectionForm::Pack => zip(sequence, DecodedPack::of(made.contents), &key),
            SelectionForm::InToto => envelopes(sequence, &DecodedPack::of(made.contents), &key),
        };
        let (bytes, parts, not_checked) = made_of?;
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
        Ok(ExportedPack {
            parts,
            bytes,
            not_checked,
            selection: made.selection,
            exported: made.exported,
        })
    }
}

/// What was made, how many parts it has, and what was not checked of it.
type ExportResult = Result<(Vec<u8>, usize, Vec<String>), ExportError>;

/// The payload of a pack, and what its `bag-info.txt` says, out of the verification as of its export; none
/// where that did not pass.
#[must_use]
pub fn payload(
    pack: &DecodedPack,
    report: &Report,
) -> Option<(PackFiles, Vec<(&'static str, String)>)> {
    let dossier = pack.dossier(report, FactsForm::NEWEST)?;
    let facts = PackFacts::of(&dossier)?;
    let mut payload = pack.contents().files();
    payload.extend(page::renderings(&dossier, &facts));
    payload.extend(facts.files);
    Some((payload, facts.info))
}

fn zip(sequence: u64, pack: DecodedPack, key: &SecretKey) -> ExportResult {
    let report = pack.as_exported(true);
    let Some((payload, info)) = payload(&pack, &report) else {
        return Err(not_verified(sequence, &report));
    };
    let ledger = report.ledger.map(|id| id.to_string()).unwrap_or_default();
    let top = format!("pack-{}-{sequence}", ledger.get(..8).unwrap_or_default());
    let not_checked = report.not_checked.clone();
    // A large pack is held once, not three times.
    drop((pack, report));
    let bag = Bag::sealed(&top, &payload, &info, key);
    let (bytes, files) = (bag.to_zip()?, bag.file_count());
    drop(bag);
    match reads_as(&bytes, &payload, &info, key)? {
        true => Ok((bytes, files, not_checked)),
        false => Err(ExportError::NotVerified {
            sequence,
            why: "the zip does not hold what was verified".to_owned(),
        }),
    }
}

/// Whether who reads the zip finds these files in it, each once, listed and signed, and in them what they were made
/// of. Those files verified: so does what is read.
fn reads_as(
    zip: &[u8],
    payload: &PackFiles,
    info: &[(&'static str, String)],
    key: &SecretKey,
) -> Result<bool, ExportError> {
    let bag = Bag::from_zip(zip)?;
    let files = payload.iter();
    let files = files.map(|(path, bytes)| (path.as_str(), bytes.as_slice()));
    let is_listed = bag.faults(Some(info)).is_empty();
    let is_signed = bag.signature_faults(&key.public()).is_empty();
    let (contents, unreadable) = UnverifiedPack::of(&bag);
    let contents = contents.files();
    let mut entries = contents.iter();
    let is_read =
        unreadable.is_empty() && entries.all(|(path, bytes)| payload.get(path) == Some(bytes));
    Ok(bag.payload().eq(files) && is_listed && is_signed && is_read)
}

fn envelopes(sequence: u64, pack: &DecodedPack, key: &SecretKey) -> ExportResult {
    let report = pack.as_exported(false);
    let dossier = pack.dossier(&report, FactsForm::NEWEST);
    match dossier.and_then(|dossier| statements(&dossier)) {
        Some(statements) => {
            let bundle = in_toto_bundle(&statements, key);
            Ok((bundle, statements.len(), report.not_checked.clone()))
        }
        None => Err(not_verified(sequence, &report)),
    }
}

fn not_verified(sequence: u64, report: &Report) -> ExportError {
    let why = report.findings.first().map(|finding| {
        let rule = finding.rule;
        format!("{} {}: {}", rule.id, rule.title, finding.found)
    });
    ExportError::NotVerified {
        sequence,
        why: why.unwrap_or_else(|| "integrity".to_owned()),
    }
}
