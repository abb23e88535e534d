//! One round: what the ledger says now, and what its witnesses say to that.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use crate::anchor::Book;
use crate::anchor::CosignQuestion;
use crate::anchor::Cosigned;
use crate::anchor::Settings;
use crate::anchor::Trouble;
use crate::anchor::WHENEVER;
use crate::anchor::ask;
use crate::checkpoint::Checkpoint;
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::exit::Failure;
use crate::hash::NodeHash;
use crate::http;
use crate::ledger::COSIGNED_FILE;
use crate::ledger::Place;
use crate::ledger::Reader;
use crate::ledger::proofs::Proofs;
use crate::note::SignedNote;
use crate::sys::lock::LockError;
use crate::sys::lock::WriteLock;
use crate::sys::world::World;
use crate::trust::Trust;
use crate::trust::Witness;
use crate::witness::SUCCESSION_LIMIT;
use crate::witness::Succession;

/// How long one question may take, from the name of the host to the last byte.
const TIME: Duration = Duration::from_secs(10);
/// More than any answer of a witness.
const ANSWER_LIMIT: u64 = 64 * 1024;

/// The ledger's newest checkpoint, and what proves it.
pub(crate) struct Newest {
    proofs: Proofs,
    note: SignedNote,
}

impl Newest {
    /// Reads it, at a moment when no writer is at work.
    pub(crate) fn read(context: &Context) -> Result<Self, Failure> {
        let proofs = Proofs::open(&context.world, &context.dir()?, context.globals.wait)?;
        let note = SignedNote::parse(proofs.newest_note().as_bytes())
            .map_err(|fault| Failure::new(Exit::Broken, format!("the checkpoint: {fault}")))?;
        Ok(Self { proofs, note })
    }

    /// What it states.
    pub(crate) const fn stated(&self) -> &Checkpoint {
        self.proofs.newest()
    }

    /// The note, with its log's signature only.
    pub(crate) const fn note(&self) -> &SignedNote {
        &self.note
    }

    /// The note with what witnesses said of this very checkpoint.
    pub(crate) fn with_cosignatures(&self, context: &Context) -> Result<SignedNote, Failure> {
        let path = context.dir()?.join(COSIGNED_FILE);
        let cosigned = context.world.disk.read(&path).ok();
        let cosigned = cosigned.and_then(|bytes| SignedNote::parse(&bytes).ok());
        let merged = cosigned.and_then(|cosigned| self.note.merged_with(&cosigned));
        Ok(merged.unwrap_or_else(|| self.note.clone()))
    }

    /// That the ledger continues the one of `old` entries.
    pub(crate) fn prove(&self, old: u64) -> Result<Vec<NodeHash>, String> {
        let continued = self.proofs.consistency(old, self.stated().size);
        let continued = continued.map_err(|fault| fault.to_string())?;
        Ok(continued.proof.hashes().to_vec())
    }
}

/// What came of asking.
pub(crate) struct Answered {
    /// What each witness said, in the order of the file.
    pub(crate) witnesses: Vec<(Witness, Result<Cosigned, Trouble>)>,
    /// Whether the newest checkpoint has the cosignatures that it needs.
    pub(crate) quorum: bool,
    /// What could not be kept.
    pub(crate) notices: Vec<String>,
}

/// The lock of those who ask: one at a time.
pub(crate) fn locked(
    context: &Context,
    settings: &Settings,
    wait: Duration,
) -> Result<WriteLock, LockError> {
    WriteLock::acquire(settings.dir(), wait, "ledger witness ask", context.now())
}

/// Asks all witnesses at once about the newest checkpoint, and keeps what they say. `by_hand` where
/// somebody waits for it, and nothing is left untried.
pub(crate) fn ask_all(
    context: &Context,
    place: &Place,
    settings: &Settings,
    trust: &Trust,
    newest: &Newest,
    by_hand: bool,
) -> Answered {
    let disk = context.world.disk.clone();
    let book = Book::new(disk.clone(), settings.dir());
    let successors = Successors {
        world: context.world.clone(),
        place,
        newest,
        by_hand,
        body: OnceLock::new(),
    };
    let answers: Vec<_> = std::thread::scope(|scope| {
        let asked: Vec<_> = trust
            .witnesses()
            .iter()
            .map(|witness| scope.spawn(|| ask_one(&book, witness, newest, &successors)))
            .collect();
        let gone = || Err(Trouble::Unreachable("the question broke off".to_owned()));
        asked
            .into_iter()
            .map(|one| one.join().unwrap_or_else(|_| gone()))
            .collect()
    });
    let mut notices = Vec::new();
    let mut merged = newest.note().clone();
    for (witness, answer) in trust.witnesses().iter().zip(&answers) {
        let kept = match answer {
            Ok(cosigned) => {
                merged = merged.merged_with(&cosigned.note).unwrap_or(merged);
                book.remember(witness, &cosigned.note)
            }
            Err(Trouble::Disagrees {
                status,
                words,
                request,
            }) => book
                .keep_evidence(witness, request, &format!("{status} {words}"))
                .map(|kept| {
                    if let Some(path) = kept {
                        notices.push(format!("kept as evidence: {}", path.display()));
                    }
                }),
            Err(trouble) if trouble.is_unfollowed() => {
                book.remember_refusal(witness, &trouble.to_string())
            }
            Err(_) => Ok(()),
        };
        if let Err(fault) = kept {
            notices.push(fault.to_string());
        }
    }
    let quorum = trust
        .witnessed(&merged, WHENEVER)
        .is_ok_and(|(_, quorum)| quorum);
    let files: [PathBuf; 2] = [&place.dir, &place.state].map(|dir| dir.join(COSIGNED_FILE));
    if let Err(fault) = book.bring_up(trust, &files) {
        notices.push(format!("the cosigned checkpoint was not kept: {fault}"));
    }
    Answered {
        witnesses: trust.witnesses().iter().cloned().zip(answers).collect(),
        quorum,
        notices,
    }
}

/// How the ledger's sealing keys named each other. That takes the whole ledger to read, so it is read
/// when the first witness asks for it by not knowing the newest key.
struct Successors<'a> {
    world: World,
    place: &'a Place,
    newest: &'a Newest,
    by_hand: bool,
    body: OnceLock<Option<String>>,
}

impl Successors<'_> {
    fn body(&self) -> Option<&str> {
        self.body.get_or_init(|| self.read()).as_deref()
    }

    fn read(&self) -> Option<String> {
        let reader = Reader::open(&self.world, &self.place.dir, TIME).ok()?;
        let register = reader.replay().ok()?;
        let seals = register.charter.keyring.seals();
        let handed_on = seals.iter().rev().take_while(|seal| seal.handed_on);
        let entries = handed_on.take(SUCCESSION_LIMIT);
        let mut entries: Vec<_> = entries
            .map(|seal| self.newest.proofs.entry(seal.entry).ok())
            .collect::<Option<_>>()?;
        entries.reverse();
        let origin = self.newest.stated().origin.clone();
        (!entries.is_empty()).then(|| Succession { origin, entries }.format())
    }
}

/// Asks a witness; where it does not know the newest sealing key, tells it how that one came about and
/// asks once more. A witness that is no `ledger witness` has no such path, and its refusal stands.
fn ask_one(
    book: &Book,
    witness: &Witness,
    newest: &Newest,
    successors: &Successors<'_>,
) -> Result<Cosigned, Trouble> {
    let answer = ask_once(book, witness, newest);
    let is_unknown = matches!(answer, Err(Trouble::Refused { status: 403, .. }));
    // One that was told before and refuses still would have the whole ledger read after each commit.
    let was_told = !successors.by_hand && book.refusal(witness).is_some();
    if !is_unknown || was_told {
        return answer;
    }
    let (Some(url), Some(body)) = (&witness.url, successors.body()) else {
        return answer;
    };
    let url = format!("{}/add-successor", url.trim_end_matches('/'));
    match http::post(&url, body.as_bytes(), ANSWER_LIMIT, TIME) {
        Ok(reply) if reply.status == 200 => ask_once(book, witness, newest),
        _ => answer,
    }
}

fn ask_once(book: &Book, witness: &Witness, newest: &Newest) -> Result<Cosigned, Trouble> {
    let Some(url) = &witness.url else {
        return Err(Trouble::Unreachable(
            "it has no url; see ledger witness request".to_owned(),
        ));
    };
    let url = format!("{}/add-checkpoint", url.trim_end_matches('/'));
    let believed = book.seen(witness).map_or(0, |(_, stated, _)| stated.size);
    let question = CosignQuestion {
        witness: &witness.key,
        note: newest.note(),
        checkpoint: newest.stated(),
        believed,
    };
    ask(question, &mut |old| newest.prove(old), &mut |body| {
        http::post(&url, body, ANSWER_LIMIT, TIME)
    })
}
