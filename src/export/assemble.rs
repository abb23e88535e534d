//! What of a ledger a pack has: the entries of its part, their receipts, and everything around them.

use std::collections::BTreeMap;

use crate::audit;
use crate::audit::Reader;
use crate::audit::proofs::Proofs;
use crate::event::Event;
use crate::event::PackExported;
use crate::evidence;
use crate::examine::Contents;
use crate::hash::Blake3Digest;
use crate::hash::LeafHash;
use crate::pack::Selection;
use crate::store::blobs::Blobs;
use crate::text::Id;
use crate::time::Timestamp;
use crate::timestamps;
use crate::verify;
use crate::verify::Selected;

use super::Export;
use super::ExportError;
use super::kept::Rested;
use super::kept::stated;

/// What a pack is made of.
pub(super) struct Assembled {
    pub(super) contents: Contents,
    pub(super) selection: Selection,
    pub(super) exported: PackExported,
}

pub(super) fn assemble(
    export: &Export<'_>,
    sequence: u64,
    rested: &Rested,
) -> Result<Assembled, ExportError> {
    let dir = &export.place.dir;
    let note = rested.checkpoint.as_bytes();
    // First of all: whatever is selected is selected from what verified.
    let report = audit::prefix(export.world, dir, export.wait, sequence + 1, note)?;
    let Some(register) = report.register() else {
        let first = report.findings.first();
        return Err(ExportError::NotVerified {
            sequence,
            why: first.map_or_else(
                || format!("it has {} entries", report.size),
                |finding| {
                    format!(
                        "{} {}: {}",
                        finding.rule.id, finding.rule.title, finding.found
                    )
                },
            ),
        });
    };
    let register = register.get();
    let (exported, selection, as_of) = record(export, sequence)?;
    let mut contents = Contents {
        checkpoint: note.to_vec(),
        cosigned: rested.cosigned.clone().map(String::into_bytes),
        ..Contents::default()
    };
    let selected = verify::select(register, &selection.part, as_of);
    let in_pack = |id: &Id| selected.secrets.contains(id);
    contents.population = evidence::population(register, as_of, &in_pack);
    let named = take_entries(export, sequence, &selected, &mut contents)?;
    prove(export, sequence, rested, &mut contents)?;
    if !selection.without_attachments {
        let blobs = Blobs::new(export.world.disk.clone(), dir);
        let there = named
            .into_iter()
            .filter(|digest| !register.charter.expunged.contains(digest));
        for digest in there {
            contents.attachments.insert(digest, blobs.get(&digest)?);
        }
    }
    Ok(Assembled {
        contents,
        selection,
        exported,
    })
}

/// What the entry at `sequence` records.
fn record(
    export: &Export<'_>,
    sequence: u64,
) -> Result<(PackExported, Selection, Timestamp), ExportError> {
    let proofs = Proofs::open(export.world, &export.place.dir, export.wait)?;
    let stored = audit::Stored::of(sequence, proofs.entry(sequence)?)?;
    let Event::PackExported(exported) = stored.statement.event else {
        return Err(ExportError::NoRecord(sequence));
    };
    let selection = exported.selection.as_str().parse();
    let selection = selection.map_err(|_| ExportError::NoRecord(sequence))?;
    Ok((exported, selection, stored.entry.recorded))
}

/// Takes the entries of the part, and answers with the attached files that they name.
fn take_entries(
    export: &Export<'_>,
    sequence: u64,
    selected: &Selected<'_>,
    contents: &mut Contents,
) -> Result<Vec<Blake3Digest>, ExportError> {
    let mut named = Vec::new();
    let reader = Reader::open(export.world, &export.place.dir, export.wait)?;
    for stored in reader {
        let stored = stored?;
        if stored.sequence > sequence {
            break;
        }
        if selected.holds(&stored.statement.event) {
            let attached = stored.statement.attachments.iter();
            named.extend(attached.map(|attachment| attachment.blake3));
            contents.entries.insert(stored.sequence, stored.bytes);
        }
    }
    Ok(named)
}

/// Receipts under the checkpoint, and that it continues the other checkpoints that go with it.
fn prove(
    export: &Export<'_>,
    sequence: u64,
    rested: &Rested,
    contents: &mut Contents,
) -> Result<(), ExportError> {
    let proofs = Proofs::open(export.world, &export.place.dir, export.wait)?;
    let leaves = contents.entries.iter();
    let leaves: Vec<_> = leaves
        .map(|(at, bytes)| (*at, LeafHash::of(bytes)))
        .collect();
    let receipts = proofs.receipts(&leaves, &rested.checkpoint)?;
    let receipts = receipts
        .into_iter()
        .map(|receipt| (receipt.index(), receipt));
    contents.receipts = receipts.collect::<BTreeMap<_, _>>();
    let all = timestamps::list(&*export.world.disk, &export.place.dir)?;
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
    let cosigned = contents.cosigned.as_deref();
    let sizes = tokens
        .chain(cosigned)
        .filter_map(|note| Some(stated(note)?.size));
    for size in sizes.filter(|size| (1..=sequence).contains(size)) {
        let continued = proofs.continued(size, &rested.checkpoint)?;
        contents.consistency.insert(size, continued);
    }
    Ok(())
}
