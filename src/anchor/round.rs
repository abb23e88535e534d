//! One round: what the ledger says now, and what its witnesses say to that.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use super::ask::{CosignError, CosignQuestion, WitnessCosignature, ask};
use super::cosigned::{CosignatureBook, WHENEVER};
use super::settings::AnchorSettings;
use crate::checkpoint::Checkpoint;
use crate::hash::NodeHash;
use crate::http::Client;
use crate::ledger::COSIGNED_FILE;
use crate::ledger::proofs::{LedgerProofs, NoProofError};
use crate::note::{NOTE_LIMIT, SignedNote};
use crate::store::engine::{Engine as _, FolderEngine};
use crate::sys::world::World;
use crate::trust::{Trust, TrustedWitness};
use crate::witness::name_of;

/// How long one question may take, from the name of the host to the last byte.
const TIME: Duration = Duration::from_secs(10);
/// More than any answer of a witness.
const ANSWER_LIMIT: u64 = 64 * 1024;
/// What a request is said to be.
const BYTES: &str = "application/octet-stream";

/// The ledger's newest checkpoint, and what proves it.
pub struct NewestCheckpoint {
    world: World,
    dir: PathBuf,
    proofs: LedgerProofs,
    note: SignedNote,
}

impl NewestCheckpoint {
    /// Reads it, at a moment when no writer is at work.
    ///
    /// # Errors
    /// No ledger there, or none with a checkpoint.
    pub fn read(world: &World, dir: &Path, wait: Duration) -> Result<Self, NoProofError> {
        let proofs = LedgerProofs::open(world, dir, wait)?;
        let note = SignedNote::parse(proofs.newest_note().as_bytes())
            .map_err(|fault| NoProofError::Checkpoint(fault.into()))?;
        Ok(Self {
            world: world.clone(),
            dir: dir.to_owned(),
            proofs,
            note,
        })
    }

    /// What it states.
    #[must_use]
    pub const fn stated(&self) -> &Checkpoint {
        self.proofs.newest()
    }

    /// The note, with its log's signature only.
    #[must_use]
    pub const fn note(&self) -> &SignedNote {
        &self.note
    }

    /// The note with what witnesses said of this very checkpoint.
    #[must_use]
    pub fn with_cosignatures(&self) -> SignedNote {
        let cosigned =
            FolderEngine::at(&self.world, &self.dir).get(COSIGNED_FILE, NOTE_LIMIT as u64);
        let cosigned = cosigned
            .ok()
            .flatten()
            .and_then(|bytes| SignedNote::parse(&bytes).ok());
        let merged = cosigned.and_then(|cosigned| self.note.merged_with(&cosigned));
        merged.unwrap_or_else(|| self.note.clone())
    }

    /// That the ledger continues the one of `old` entries.
    ///
    /// # Errors
    /// It cannot be proven: there are fewer entries, or they cannot be read.
    pub fn prove(&self, old: u64) -> Result<Vec<NodeHash>, NoProofError> {
        let continued = self.proofs.consistency(old, self.stated().size)?;
        Ok(continued.proof.hashes().to_vec())
    }
}

/// What came of asking the witnesses.
pub struct WitnessAnswers {
    /// What each witness said, in the order of the file.
    pub witnesses: Vec<(TrustedWitness, Result<WitnessCosignature, CosignError>)>,
    /// Whether the newest checkpoint has the cosignatures that it needs.
    pub quorum: bool,
    /// What could not be kept.
    pub notices: Vec<String>,
}

/// What a round comes to, the gravest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoundConclusion {
    /// A witness disagrees about what the ledger signed before.
    Disagreement,
    /// As many cosigned as the policy asks for.
    Quorum,
    /// All were reached, and too few were willing.
    Unwilling,
    /// Too few were reached.
    Unreached,
}

impl WitnessAnswers {
    /// What the answers come to.
    #[must_use]
    pub fn conclusion(&self) -> RoundConclusion {
        let any = |is: fn(&CosignError) -> bool| self.troubles().any(is);
        if any(|trouble| matches!(trouble, CosignError::Disagrees { .. })) {
            RoundConclusion::Disagreement
        } else if self.quorum {
            RoundConclusion::Quorum
        } else if any(|trouble| matches!(trouble, CosignError::Unreachable(_) | CosignError::NoUrl))
        {
            RoundConclusion::Unreached
        } else if self.troubles().next().is_some() {
            RoundConclusion::Unwilling
        } else {
            RoundConclusion::Unreached
        }
    }

    /// Whether one does not follow the key that seals the ledger.
    #[must_use]
    pub fn is_unfollowed(&self) -> bool {
        self.troubles().any(CosignError::is_unfollowed)
    }

    fn troubles(&self) -> impl Iterator<Item = &CosignError> {
        let answers = self.witnesses.iter();
        answers.filter_map(|(_, answer)| answer.as_ref().err())
    }
}

/// Those who are asked, about what, and where their answers are kept.
pub struct WitnessRound<'a> {
    /// The ledger's newest checkpoint.
    pub newest: &'a NewestCheckpoint,
    /// What the ledger's operator chose.
    pub settings: &'a AnchorSettings,
    /// Whom to ask, and how many are enough.
    pub trust: &'a Trust,
    /// Somebody waits for it, and nothing is left untried.
    pub by_hand: bool,
}

impl WitnessRound<'_> {
    /// Where the checkpoint is kept that its witnesses cosigned: in the ledger's folder, and outside.
    pub(super) fn cosigned_places(&self) -> [FolderEngine; 2] {
        let folders = [&*self.newest.dir, self.settings.state()];
        folders.map(|dir| FolderEngine::at(&self.newest.world, dir))
    }

    /// Asks all witnesses at once, and keeps what they say.
    pub fn ask(&self) -> WitnessAnswers {
        let book = self.settings.book();
        let successors = KeySuccession {
            newest: self.newest,
            by_hand: self.by_hand,
            body: OnceLock::new(),
        };
        let witnesses = self.trust.witnesses();
        let answers: Vec<_> = thread::scope(|scope| {
            let ask = |witness| ask_one(&book, witness, self.newest, &successors);
            let asked: Vec<_> = witnesses
                .iter()
                .map(|witness| {
                    let aside = thread::Builder::new().spawn_scoped(scope, move || ask(witness));
                    aside.map_err(|_| witness)
                })
                .collect();
            let gone = || {
                Err(CosignError::Unreachable(
                    "the question broke off".to_owned(),
                ))
            };
            let answer = asked.into_iter().map(|one| match one {
                Ok(thread) => thread.join().unwrap_or_else(|_| gone()),
                // Without another thread this one asks.
                Err(witness) => ask(witness),
            });
            answer.collect()
        });
        let mut notices = Vec::new();
        let mut merged = self.newest.note().clone();
        for (witness, answer) in witnesses.iter().zip(&answers) {
            if let Ok(cosigned) = answer {
                merged = merged.merged_with(&cosigned.note).unwrap_or(merged);
            }
            match book.keep(witness, answer) {
                Ok(Some(path)) => notices.push(format!("kept as evidence: {}", path.display())),
                Ok(None) => {}
                Err(fault) => notices.push(fault.to_string()),
            }
        }
        let quorum = self.trust.witnessed(&merged, WHENEVER).quorum;
        if let Err(fault) = book.bring_up(self.trust, &self.cosigned_places()) {
            notices.push(format!("the cosigned checkpoint was not kept: {fault}"));
        }
        WitnessAnswers {
            witnesses: witnesses.iter().cloned().zip(answers).collect(),
            quorum,
            notices,
        }
    }
}

/// How the ledger's sealing keys named each other, read when a witness asks. That takes the whole ledger to read,
/// so it is read when the first witness asks for it by not knowing the newest key.
struct KeySuccession<'a> {
    newest: &'a NewestCheckpoint,
    by_hand: bool,
    body: OnceLock<Option<String>>,
}

impl KeySuccession<'_> {
    fn body(&self) -> Option<&str> {
        self.body.get_or_init(|| self.read()).as_deref()
    }

    fn read(&self) -> Option<String> {
        let NewestCheckpoint {
            world, dir, proofs, ..
        } = self.newest;
        let charter = proofs.charter(world, dir, TIME).ok()?;
        Some(proofs.succession(&charter)?.format())
    }
}

/// Asks a witness; where it does not know the newest sealing key, tells it how that one came about and
/// asks once more. A witness that is no `ledger witness` has no such path, and its refusal stands.
fn ask_one(
    book: &CosignatureBook,
    witness: &TrustedWitness,
    newest: &NewestCheckpoint,
    successors: &KeySuccession<'_>,
) -> Result<WitnessCosignature, CosignError> {
    let Some(url) = &witness.url else {
        return Err(CosignError::NoUrl);
    };
    // One connection for all that is asked of it.
    let client = Client::of_url(url.trim_end_matches('/'), None, None, None, TIME);
    let client = client.map_err(|fault| CosignError::Unreachable(fault.to_string()))?;
    let answer = ask_once(book, witness, newest, &client);
    let is_unknown = matches!(answer, Err(CosignError::Refused { status: 403, .. }));
    // One that was told before and refuses still would have the whole ledger read after each commit.
    let was_told = !successors.by_hand && book.refusal(witness).is_some();
    if !is_unknown || was_told {
        return answer;
    }
    let Some(body) = successors.body() else {
        return answer;
    };
    match client.post("/add-successor", BYTES, body.as_bytes(), ANSWER_LIMIT) {
        Ok(reply) if reply.status == 200 => ask_once(book, witness, newest, &client),
        _ => answer,
    }
}

fn ask_once(
    book: &CosignatureBook,
    witness: &TrustedWitness,
    newest: &NewestCheckpoint,
    client: &Client,
) -> Result<WitnessCosignature, CosignError> {
    let believed = book.seen(witness).map_or(0, |(_, stated, _)| stated.size);
    let question = CosignQuestion {
        witness: &witness.key,
        note: newest.note(),
        checkpoint: newest.stated(),
        believed,
    };
    ask(
        question,
        &mut |old| newest.prove(old).map_err(|fault| fault.to_string()),
        &mut |body| client.post("/add-checkpoint", BYTES, body, ANSWER_LIMIT),
        &mut || contradicts(witness, newest, client).unwrap_or_default(),
    )
}

/// Whether a witness shows a checkpoint that it cosigned for this ledger and that the ledger does not extend; `None`
/// where it shows none.
fn contradicts(
    witness: &TrustedWitness,
    newest: &NewestCheckpoint,
    client: &Client,
) -> Option<bool> {
    let ours = newest.stated();
    let path = format!("/{}/checkpoint", name_of(&ours.origin));
    let shown = client.get(&path, ANSWER_LIMIT).ok()?;
    let shown = SignedNote::parse(&shown.body).ok()?;
    let stated = Checkpoint::parse(shown.text()).ok()?;
    witness.key.cosigned(&shown).ok()??;
    let extended = newest.proofs.consistency(stated.size, ours.size);
    let root = extended.ok().map(|continued| continued.old.1);
    let is_something = stated.size > 0 && stated.origin == ours.origin;
    Some(is_something && root != Some(stated.root))
}
