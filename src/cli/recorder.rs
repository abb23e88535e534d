//! Where signed statements are recorded: in the ledger's folder, or by whoever serves it. Either way each is
//! answered with its receipt, the same document.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::append::{Submission, Writer};
use crate::cli::answer::Talk;
use crate::cli::context::Context;
use crate::cli::exit::{CommandError, Exit};
use crate::cli::signals::SignalGuard;
use crate::cli::ui::Ui;
use crate::documents;
use crate::entry;
use crate::hash::LedgerId;
use crate::http::{Client, Reply};
use crate::mirror;
use crate::proof::TlogProof;
use crate::rule::Finding;
use crate::spool;
use crate::statement::{EventId, Statement};
use crate::text::Id;
use crate::time::{Clock, Timestamp};
use crate::trust::Trust;
use crate::verify::{Conclusion, ReceiptReport};

const ANSWER_LIMIT: u64 = 64 << 20;
/// What a server takes in one body; larger files go before the statement that names them.
const BODY: usize = 3 << 20;
/// Statements in one body.
const LINES: usize = 500;

/// What records.
pub(crate) struct Recorder {
    way: Way,
    /// Whether the receipts are to carry their proofs: these take their time, and people do not see them.
    prove: bool,
}

enum Way {
    Here(Box<Writer>),
    There(Box<Server>),
}

struct Server {
    client: Client,
    ledger: LedgerId,
    /// What receipts are held against.
    trust: Option<(PathBuf, Trust)>,
    clock: Arc<dyn Clock>,
}

/// What became of a statement that was tried.
pub(crate) type Answered = Result<Value, CommandError>;

impl Context {
    /// Opens whatever is named as the ledger for recording.
    pub(crate) fn recorder(&mut self, prove: bool) -> Result<Recorder, CommandError> {
        let way = match self.server()? {
            None => Way::Here(Box::new(self.writer()?)),
            Some(client) => {
                let file = self.globals.trust.clone();
                let ledger = mirror::ledger_id(&client)?;
                self.remember_id(ledger);
                Way::There(Box::new(Server {
                    ledger,
                    trust: file.zip(self.trust()?),
                    clock: self.world.clock.clone(),
                    client,
                }))
            }
        };
        let prove = prove || self.ui.json;
        Ok(Recorder { way, prove })
    }
}

impl Recorder {
    /// For which ledger statements have to be signed.
    pub(crate) fn ledger(&self) -> LedgerId {
        match &self.way {
            Way::Here(writer) => writer.ledger(),
            Way::There(server) => server.ledger,
        }
    }

    /// When the event of this id happened, where it is known to be recorded already.
    pub(crate) fn said_before(&mut self, id: &EventId) -> Result<Option<Timestamp>, CommandError> {
        match &mut self.way {
            Way::Here(writer) => Ok(writer.said_before(id)?.map(|before| before.occurred)),
            Way::There(_) => Ok(None),
        }
    }

    /// What a statement would cause.
    pub(crate) fn check(&mut self, submission: &Submission) -> Result<Vec<Finding>, CommandError> {
        match &mut self.way {
            Way::Here(writer) => Ok(writer.check(submission)?),
            Way::There(_) => {
                let message = "--dry-run asks the ledger's folder, and a server was named";
                Err(CommandError::usage(message))
            }
        }
    }

    /// Records statements in their order. Those that have no answer were not tried: in a folder nothing is
    /// recorded behind one that is refused. `fresh`: their ids were made a moment ago.
    pub(crate) fn record(
        &mut self,
        ui: &mut Ui,
        submissions: Vec<Submission>,
        fresh: bool,
    ) -> Vec<Answered> {
        let writer = match &mut self.way {
            Way::Here(writer) => writer,
            Way::There(server) => return server.record(&submissions),
        };
        let outcome = match fresh {
            true => writer.append_minted(submissions),
            false => writer.append(submissions),
        };
        let proven = match self.prove {
            true => &outcome.receipts[..],
            false => &[],
        };
        let proofs = writer.prove(proven).unwrap_or_else(|fault| {
            ui.warn(format!("recorded, and cannot be proven: {fault}"));
            Vec::new()
        });
        let mut proofs = proofs.iter();
        let receipts = outcome.receipts.iter();
        let receipts = receipts.map(|receipt| Ok(documents::proven(receipt, proofs.next())));
        let mut answers: Vec<_> = receipts.collect();
        answers.extend(outcome.refused.map(|fault| Err(fault.into())));
        answers
    }

    /// The same, and goes on behind one that is refused.
    pub(crate) fn record_each(&mut self, ui: &mut Ui, mut left: Vec<Submission>) -> Vec<Answered> {
        let mut answers = Vec::with_capacity(left.len());
        while !left.is_empty() {
            let answered = self.record(ui, left.clone(), false);
            let goes_on = match answered.last() {
                Some(Err(failure)) => failure.exit == Exit::Refused,
                last => last.is_some(),
            };
            left.drain(..answered.len().min(left.len()));
            answers.extend(answered);
            if !goes_on {
                break;
            }
        }
        answers
    }

    /// Lets go of the ledger.
    pub(crate) fn close(self, context: &mut Context, guard: &SignalGuard) {
        match self.way {
            Way::Here(writer) => context.close(*writer, guard),
            Way::There(server) => {
                let unchecked = "receipts were not checked: no trust file was named (LEDGER_TRUST)";
                let checked = server.trust.map(|(file, _)| file);
                let checked =
                    checked.map(|file| format!("receipts were checked against {}", file.display()));
                let said = checked.unwrap_or_else(|| unchecked.to_owned());
                context.ui.discuss(Talk::Note(said));
            }
        }
    }
}

impl Server {
    fn record(&self, submissions: &[Submission]) -> Vec<Answered> {
        let mut answers = Vec::with_capacity(submissions.len());
        let (mut body, mut sent) = (Vec::new(), Vec::new());
        for submission in submissions {
            let line = match self.hand_over_files(submission) {
                Ok(line) => line,
                Err(failure) => {
                    answers.extend(self.send(&body, &sent));
                    answers.push(Err(failure));
                    (body, sent) = (Vec::new(), Vec::new());
                    continue;
                }
            };
            if body.len() + line.len() > BODY || sent.len() == LINES {
                answers.extend(self.send(&body, &sent));
                (body, sent) = (Vec::new(), Vec::new());
            }
            body.extend(line);
            sent.push(submission);
        }
        answers.extend(self.send(&body, &sent));
        answers
    }

    /// The statement as it is sent, with its files in it; or without, where they are too large for that and
    /// were handed over by themselves.
    fn hand_over_files(&self, submission: &Submission) -> Result<Vec<u8>, CommandError> {
        let line = spool::encode(submission);
        if line.len() <= BODY {
            return Ok(line);
        }
        let statement = said_in(submission)?;
        for (named, bytes) in statement.attachments.iter().zip(&submission.files) {
            let path = format!("/v1/attachments/{}", named.blake3);
            let reply = self.client.put(&path, bytes, ANSWER_LIMIT);
            let reply = reply.map_err(CommandError::temporary)?;
            if !matches!(reply.status, 200 | 201) {
                return Err(refused(reply.status, &document(&reply.body)));
            }
        }
        let statement = submission.statement.clone();
        let files = Vec::new();
        Ok(spool::encode(&Submission::new(statement, files)))
    }

    /// One body, and an answer for each statement in it.
    fn send(&self, body: &[u8], sent: &[&Submission]) -> Vec<Answered> {
        let media = match sent.len() {
            0 => return Vec::new(),
            1 => "application/json",
            _ => "application/x-ndjson",
        };
        let (client, path) = (&self.client, "/v1/statements");
        let answered = match client.post(path, media, body, ANSWER_LIMIT) {
            Ok(reply) => answers(&reply, sent.len()),
            Err(fault) => vec![(0, json!({ "detail": fault.to_string() })); sent.len()],
        };
        let each = sent.iter().zip(answered);
        each.map(|(submission, (status, body))| self.settle(submission, status, body))
            .collect()
    }

    fn settle(&self, submission: &Submission, status: u64, mut body: Value) -> Answered {
        match status {
            200 | 201 => {}
            0 | 408 | 429 | 500.. => return Err(unknown(submission, status, &body)),
            status => return Err(refused(status as u16, &body)),
        }
        self.hold_to_trust(submission, &body)?;
        if let Some(members) = body.as_object_mut() {
            members.retain(|name, _| !matches!(name.as_str(), "schema" | "line" | "status"));
        }
        Ok(body)
    }

    /// Holds a receipt against the trust file of whoever records.
    fn hold_to_trust(&self, submission: &Submission, receipt: &Value) -> Result<(), CommandError> {
        let Some((_, trust)) = &self.trust else {
            return Ok(());
        };
        let broken = |why: String| {
            let failure =
                CommandError::broken(format!("the server's receipt does not hold: {why}"));
            failure.hint("the statement may be recorded all the same; tell whoever runs the server, and keep this message")
        };
        let proof = receipt["proof"].as_str().unwrap_or_default();
        let proof = TlogProof::parse(proof.as_bytes());
        let proof = proof.map_err(|fault| broken(fault.to_string()))?;
        let stored = mirror::stored(&self.client, proof.index())?;
        let (entry, _) = entry::read(&stored).map_err(|fault| broken(fault.to_string()))?;
        if !said_in(submission)?.is_again(&entry.statement) {
            return Err(broken("its entry is not what was sent".to_owned()));
        }
        let report = ReceiptReport::of(&proof, &stored, Some(trust), self.clock.now());
        match report.conclusion(false) {
            Conclusion::Passed => Ok(()),
            // Witnesses come after the commit: what is missing yet is no contradiction.
            _ if report.lacks_witnesses() => Ok(()),
            _ => Err(broken(report.to_string())),
        }
    }
}

/// The status and the body of each answer in a reply; none for those that it does not answer.
fn answers(reply: &Reply, sent: usize) -> Vec<(u64, Value)> {
    let status = u64::from(reply.status);
    if sent == 1 || status != 200 {
        return vec![(status, document(&reply.body)); sent];
    }
    let lines = reply.body.split(|byte| *byte == b'\n').map(document);
    let lines = lines.map(|line| (line["status"].as_u64().unwrap_or_default(), line));
    let cut = (0, json!({ "detail": "the answer ends too early" }));
    lines.chain(std::iter::repeat(cut)).take(sent).collect()
}

fn document(text: &[u8]) -> Value {
    serde_json::from_slice(text).unwrap_or_default()
}

fn said_in(submission: &Submission) -> Result<Statement, CommandError> {
    Statement::decode(submission.statement.bytes()).map_err(CommandError::refused)
}

pub(crate) fn refused(status: u16, problem: &Value) -> CommandError {
    let exit = match status {
        408 | 429 | 500.. => Exit::Temporary,
        _ => Exit::Refused,
    };
    let failure = CommandError::new(exit, said(problem));
    match problem["code"].as_str() {
        Some(code) if code.parse::<Id>().is_ok() => failure.code(code.to_owned()),
        _ => failure,
    }
}

/// What a problem (RFC 9457) says.
fn said(problem: &Value) -> String {
    let part = |name: &str| problem[name].as_str();
    let detail = part("detail").unwrap_or("the server says nothing");
    part("code").map_or_else(|| detail.to_owned(), |code| format!("{detail} ({code})"))
}

fn unknown(submission: &Submission, status: u64, body: &Value) -> CommandError {
    let message = match status {
        0 => said(body),
        status => format!("the server answers {status}: {}", said(body)),
    };
    let failure = CommandError::temporary(message).code("outcome-unknown");
    match said_in(submission) {
        Ok(Statement { event_id, occurred, .. }) => failure.hint(format!(
            "whether it was recorded is not known; say the same again with --event-id {event_id} --occurred {occurred}: it is never recorded twice"
        )),
        Err(_) => failure,
    }
}
