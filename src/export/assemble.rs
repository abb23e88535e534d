//! What of a ledger a pack has: the entries of its part, their receipts, and everything around them.

use std::collections::{BTreeMap, BTreeSet};

use crate::checkpoint;
use crate::entry::StoredEntry;
use crate::event::{Event, PackExported};
use crate::facts;
use crate::hash::{Blake3Digest, LeafHash};
use crate::ledger::ProvenPrefix;
use crate::ledger::proofs::LedgerProofs;
use crate::pack::{PackPart, Selection, draw_list};
use crate::pack_verify::UnverifiedPack;
use crate::register::Register;
use crate::store::blobs;
use crate::text::Id;
use crate::time::Timestamp;
use crate::timestamps;
use crate::verify::{self, LedgerPart};

use super::error::ExportError;
use super::host::Export;
use super::kept::PackBasis;

/// What a pack is made of.
pub(super) struct PackContents {
    pub(super) contents: UnverifiedPack,
    pub(super) selection: Selection,
    pub(super) exported: PackExported,
}

/// Entries of a part, and the attached files that go with them.
pub(super) struct PartEntries {
    pub(super) entries: BTreeMap<u64, Vec<u8>>,
    attachments: BTreeMap<Blake3Digest, Vec<u8>>,
}

/// Assembles the pack of the record at `sequence`; `before` are the entries before it.
pub(super) fn assemble(
    export: &Export<'_>,
    sequence: u64,
    rested: &PackBasis,
    before: &ProvenPrefix,
) -> Result<PackContents, ExportError> {
    let proofs = LedgerProofs::open(export.world, &export.place.dir, export.wait)?;
    let record = stored(sequence, proofs.entry(sequence)?)?;
    let note = rested.checkpoint.as_bytes();
    // First of all: whatever is selected is selected from what was sealed.
    before
        .sealed_by(note, Some(LeafHash::of(&record.bytes)))
        .map_err(|why| ExportError::NotVerified { sequence, why })?;
    let Event::PackExported(exported) = record.statement.event else {
        return Err(ExportError::NoRecord(sequence));
    };
    let selection: Selection = exported
        .selection
        .as_str()
        .parse()
        .map_err(|_| ExportError::NoRecord(sequence))?;
    let as_of = record.entry.recorded;
    let selected = verify::select(&before.register, &selection.part, as_of);
    let PartEntries {
        mut entries,
        attachments,
    } = pick(export, &proofs, before, &selected, &selection)?;
    entries.insert(sequence, record.bytes);
    let in_pack = |id: &Id| selected.secrets.contains(id);
    let mut contents = UnverifiedPack {
        entries,
        attachments,
        checkpoint: note.to_vec(),
        cosigned: rested.cosigned.clone().map(String::into_bytes),
        population: facts::population(&before.register, as_of, &in_pack),
        drawn_from: drawn_from(&selection.part, &before.register, as_of),
        seed: rested.seed.clone().map(String::into_bytes),
        ..UnverifiedPack::default()
    };
    prove(export, sequence, rested, &proofs, &mut contents)?;
    Ok(PackContents {
        contents,
        selection,
        exported,
    })
}

/// What a sample is drawn from, as its pack has it.
fn drawn_from(part: &PackPart, register: &Register, as_of: Timestamp) -> Option<Vec<u8>> {
    let PackPart::Sample(draw) = part else {
        return None;
    };
    let ids = verify::population(register, draw.period, draw.seed.entries(), as_of);
    Some(draw_list(ids).into_bytes())
}

/// The entries of a part and their attached files, as far as the pack shall have them.
///
/// # Errors
/// One of them cannot be read.
pub(super) fn pick(
    export: &Export<'_>,
    proofs: &LedgerProofs,
    before: &ProvenPrefix,
    selected: &LedgerPart<'_>,
    selection: &Selection,
) -> Result<PartEntries, ExportError> {
    let places = (0..).zip(&before.subjects);
    let of_part = places.filter(|(_, subject)| selected.holds_about(subject.as_ref()));
    let wanted: Vec<u64> = of_part.map(|(sequence, _)| sequence).collect();
    let entries = proofs.entries(&wanted)?;
    let mut named = BTreeSet::new();
    if !selection.without_attachments {
        for (sequence, bytes) in &entries {
            let stored = stored(*sequence, bytes.clone())?;
            let attached = stored.statement.attachments.iter();
            named.extend(attached.map(|attachment| attachment.blake3));
        }
    }
    let ledger = export.ledger();
    let expunged = &before.register.charter.expunged;
    let attachments = named
        .into_iter()
        .filter(|digest| !expunged.contains(digest))
        .map(|digest| Ok((digest, blobs::get(&ledger, &digest)?)));
    Ok(PartEntries {
        entries,
        attachments: attachments.collect::<Result<_, ExportError>>()?,
    })
}

fn stored(sequence: u64, bytes: Vec<u8>) -> Result<StoredEntry, ExportError> {
    StoredEntry::of(sequence, bytes).map_err(|why| ExportError::NotVerified {
        sequence,
        why: why.to_string(),
    })
}

/// Receipts under the checkpoint, and that it continues the other checkpoints that go with it.
fn prove(
    export: &Export<'_>,
    sequence: u64,
    rested: &PackBasis,
    proofs: &LedgerProofs,
    contents: &mut UnverifiedPack,
) -> Result<(), ExportError> {
    let leaves = contents.entries.iter();
    let leaves: Vec<_> = leaves
        .map(|(at, bytes)| (*at, LeafHash::of(bytes)))
        .collect();
    let receipts = proofs.receipts(&leaves, &rested.checkpoint)?;
    let receipts = receipts
        .into_iter()
        .map(|receipt| (receipt.index(), receipt));
    contents.receipts = receipts.collect::<BTreeMap<_, _>>();
    let all = timestamps::list(&export.ledger())?;
    for stem in &rested.tokens {
        let token = all.iter().find(|token| token.stem == *stem);
        let token = token.ok_or_else(|| ExportError::NotKept {
            sequence,
            why: format!("the time token {stem} is missing"),
        })?;
        contents.tokens.push(token.clone());
    }
    let tokens = contents
        .tokens
        .iter()
        .filter_map(|token| token.checkpoint.as_deref());
    let cosigned = [contents.cosigned.as_deref(), contents.seed.as_deref()];
    let sizes = tokens
        .chain(cosigned.into_iter().flatten())
        .filter_map(|note| Some(checkpoint::stated(note).ok()?.size));
    for size in sizes.filter(|size| (1..=sequence).contains(size)) {
        let continued = proofs.continued(size, &rested.checkpoint)?;
        contents.consistency.insert(size, continued);
    }
    Ok(())
}
