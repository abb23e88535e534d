//! A sample drawn out of a ledger: what it was drawn from, how, and what was left out.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::checkpoint;
use crate::inventory::Secret;
use crate::ledger::ProvenPrefix;
use crate::note::{KeyName, SignedNote};
use crate::pack::{Draw, DrawSeed, first_cosigned};
use crate::text::Id;
use crate::time::Timestamp;
use crate::verify;

use super::error::ExportError;

/// What is said of a draw.
#[derive(Debug, Serialize)]
pub struct DrawnSample {
    /// Between which instants some part of each rotation lies.
    pub from: Timestamp,
    /// The later one.
    pub to: Timestamp,
    /// Rotations that it was drawn from.
    pub population: Vec<Id>,
    /// SHA-256 of their list.
    pub population_sha256: String,
    /// Secrets that these are of.
    pub secrets: usize,
    /// The entries in which they were opened.
    pub entries: u64,
    /// When everything that should be registered was last attested to be.
    pub attested: Option<Timestamp>,
    /// The entry that attests it.
    pub attested_by_entry: Option<u64>,
    /// Secrets that are registered, and of which no rotation lies between.
    pub without_rotation: Vec<Id>,
    /// Those of them that are overdue, or of which nobody knows how old they are.
    pub overdue: usize,
    /// Rotations that lie elsewhere, or were opened later.
    pub other_rotations: usize,
    /// The seed, as the selection of a pack says it.
    pub seed: String,
    /// The text that ranks are made of.
    pub seed_text: String,
    /// The rotations that are drawn, by their rank.
    pub drawn: Vec<DrawnRotation>,
}

/// A rotation that was drawn.
#[derive(Debug, Serialize)]
pub struct DrawnRotation {
    /// Its rank.
    pub rank: String,
    /// Its id.
    pub rotation: Id,
    /// Its secret.
    pub secret: Id,
    /// Where it stands.
    pub state: &'static str,
}

/// The seed that a checkpoint gives: the first cosignature by its witness that was made after `end`.
///
/// # Errors
/// It is no checkpoint, no witness or several cosigned it and none is named, or none did so after `end`.
pub fn cosigned_seed(
    bytes: &[u8],
    witness: Option<&KeyName>,
    end: Timestamp,
) -> Result<DrawSeed, ExportError> {
    let refusal = |why: String| ExportError::OtherSeed(why);
    let stated = checkpoint::stated(bytes).map_err(|fault| refusal(fault.to_string()))?;
    let note = SignedNote::parse(bytes).map_err(|fault| refusal(fault.to_string()))?;
    let mut names: Vec<_> = note.names().filter(|name| *name != stated.origin).collect();
    names.sort_unstable();
    names.dedup();
    let by = match (witness, &names[..]) {
        (Some(witness), _) => witness.clone(),
        (None, [one]) => KeyName::new(*one).map_err(|fault| refusal(fault.to_string()))?,
        (None, []) => return Err(refusal("no witness cosigned it".to_owned())),
        (None, several) => {
            let several = several.join(", ");
            return Err(refusal(format!(
                "several witnesses cosigned it, and none is named: {several}"
            )));
        }
    };
    let Some((at, word)) = first_cosigned([&note].into_iter(), &by, end) else {
        return Err(refusal(format!("{by} did not cosign it after {end}")));
    };
    Ok(DrawSeed::of_cosignature(at, stated.size, by, &word))
}

/// Draws `size` rotations of a period out of these entries.
#[must_use]
pub fn draw(
    before: &ProvenPrefix,
    size: u64,
    period: (Timestamp, Timestamp),
    seed: DrawSeed,
    as_of: Timestamp,
) -> (Draw, DrawnSample) {
    let register = &before.register;
    let entries = seed.entries();
    let population: Vec<_> = verify::population(register, period, entries, as_of).collect();
    let draw = Draw::new(size, period, seed, &population);
    let known = |id: &&Id| register.rotations.get(*id);
    let rotations: Vec<_> = population.iter().filter_map(known).collect();
    let of: BTreeSet<_> = rotations.iter().map(|one| &one.secret).collect();
    let policy = &register.charter.policy;
    let without = register
        .active_secrets()
        .filter(|secret| !of.contains(&secret.id));
    let without: Vec<_> = without.collect();
    let overdue = |secret: &&&Secret| {
        let age = secret.age(policy, as_of);
        age.is_overdue() || age.days_left.is_none()
    };
    let drawn = draw.ranked(population.iter().copied()).into_iter();
    let drawn = drawn.filter_map(|(rank, id)| {
        let rotation = register.rotations.get(id)?;
        Some(DrawnRotation {
            rank,
            rotation: id.clone(),
            secret: rotation.secret.clone(),
            state: rotation.state().word(),
        })
    });
    let attested = register.charter.attested.as_ref();
    let stated = DrawnSample {
        from: period.0,
        to: period.1,
        population_sha256: draw.population.to_string(),
        secrets: of.len(),
        entries: entries.unwrap_or_else(|| before.size()),
        attested: attested.map(|at| at.occurred),
        attested_by_entry: attested.map(|at| at.sequence),
        overdue: without.iter().filter(overdue).count(),
        without_rotation: without.iter().map(|secret| secret.id.clone()).collect(),
        other_rotations: register.rotations.len() - population.len(),
        seed: draw.seed.to_string(),
        seed_text: draw.seed.word(),
        drawn: drawn.collect(),
        population: population.into_iter().cloned().collect(),
    };
    (draw, stated)
}
