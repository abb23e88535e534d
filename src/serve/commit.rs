//! The one writer, in a thread of its own. Whatever waits when it is free shares one commit: one
//! fdatasync, one checkpoint, a receipt each.

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::{Notify, OwnedSemaphorePermit, mpsc, oneshot};
use tokio::time::timeout;

use crate::append::{AppendError, Receipt, Submission, Writer};
use crate::proof::TlogProof;

use super::log::Log;
use super::metrics::Metrics;
use super::problem::Problem;
use super::tokens::LiveTokens;

/// Statements that share one commit, at most.
const GROUP: usize = 256;
/// Bytes of attachments that share one commit, at most; one statement alone may have more.
const GROUP_FILES: usize = 1 << 20;
/// Statements that wait, at most.
const QUEUE: usize = 1_024;
/// How long a statement waits for its place among those.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long nobody came before what is not urgent is done.
const IDLE: Duration = Duration::from_secs(1);

/// What a statement came to.
pub(super) struct Acknowledged {
    pub(super) receipt: Receipt,
    /// None where the entry is recorded and cannot be proven.
    pub(super) proof: Option<TlogProof>,
}

struct Job {
    submission: Submission,
    /// Whether nothing may follow it in its commit.
    is_last: bool,
    /// Its files' share of the memory, given back when it is done.
    _room: Option<OwnedSemaphorePermit>,
    /// Nobody may listen any more; the statement is recorded all the same.
    reply: oneshot::Sender<Result<Acknowledged, AppendError>>,
}

enum Message {
    Append(Box<Job>),
    /// Everything before it is still done.
    Stop,
}

/// The way to the writer.
#[derive(Clone)]
pub(super) struct Commits {
    sender: mpsc::Sender<Message>,
}

/// A statement on its way.
pub(super) struct Pending(oneshot::Receiver<Result<Acknowledged, AppendError>>);

impl Commits {
    /// Hands a statement to the writer, after those that were handed over before.
    pub(super) async fn submit(
        &self,
        submission: Submission,
        room: Option<OwnedSemaphorePermit>,
        is_last: bool,
    ) -> Result<Pending, Problem> {
        let (reply, answer) = oneshot::channel();
        let message = Message::Append(Box::new(Job {
            submission,
            is_last,
            _room: room,
            reply,
        }));
        match timeout(PATIENCE, self.sender.send(message)).await {
            Ok(Ok(())) => Ok(Pending(answer)),
            Ok(Err(_)) => Err(Problem::busy("stopping", "the writer has stopped")),
            Err(_) => Err(Problem::busy("queue-full", "too many statements wait")),
        }
    }

    /// Whether the writer is at work.
    pub(super) fn are_open(&self) -> bool {
        !self.sender.is_closed()
    }

    /// Tells the writer to stop when everything that was handed over is done.
    pub(super) async fn stop(&self) {
        let _ = self.sender.send(Message::Stop).await;
    }
}

impl Pending {
    /// The answer.
    pub(super) async fn answer(self) -> Result<Acknowledged, Problem> {
        match self.0.await {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(Problem::busy("outcome-unknown", "the writer ended")),
        }
    }
}

/// What the writer's thread works with. Where only opening the ledger again tells what was recorded, it
/// ends: its server stops, and the next one opens it.
pub(super) struct CommitLoop {
    pub(super) writer: Writer,
    pub(super) metrics: Arc<Metrics>,
    pub(super) log: Log,
    pub(super) tokens: LiveTokens,
    /// Is told of each commit.
    pub(super) committed: Arc<Notify>,
}

impl CommitLoop {
    /// Begins. The thread ends when it is told to, or with the fault after which nothing can be recorded.
    pub(super) fn start(
        self,
        runtime: Handle,
    ) -> std::io::Result<(Commits, JoinHandle<Result<(), AppendError>>)> {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let thread = thread::Builder::new()
            .name("writer".to_owned())
            .spawn(move || self.run(receiver, &runtime))?;
        Ok((Commits { sender }, thread))
    }

    fn run(
        mut self,
        mut messages: mpsc::Receiver<Message>,
        runtime: &Handle,
    ) -> Result<(), AppendError> {
        let mut rested = true;
        loop {
            let next = match rested {
                true => runtime.block_on(messages.recv()),
                false => match runtime.block_on(async { timeout(IDLE, messages.recv()).await }) {
                    Ok(next) => next,
                    Err(_) => {
                        self.writer.rest();
                        self.tell();
                        rested = true;
                        continue;
                    }
                },
            };
            let Some(Message::Append(first)) = next else {
                break;
            };
            rested = false;
            let (jobs, stop) = gather(*first, &mut messages);
            self.commit(jobs)?;
            if stop {
                break;
            }
        }
        for notice in self.writer.close() {
            self.log.warn("notice", notice);
        }
        Ok(())
    }

    /// Records a group; where one of them is refused, that one alone is.
    fn commit(&mut self, mut jobs: VecDeque<Job>) -> Result<(), AppendError> {
        while !jobs.is_empty() {
            let begun = Instant::now();
            let submissions = match jobs.len() {
                1 => jobs.iter_mut().map(take_submission).collect(),
                // Those behind one that is refused are appended again.
                _ => jobs.iter().map(|job| job.submission.clone()).collect(),
            };
            let outcome = self.writer.append(submissions);
            let new = outcome.receipts.iter().filter(|receipt| !receipt.replayed);
            let new = new.count();
            let about_token = |receipt: &Receipt| receipt.event.starts_with("token.");
            if outcome.receipts.iter().any(about_token) {
                // Before the receipt is out: whoever reads that a token is revoked can rely on it.
                self.tokens.replace(self.writer.tokens().clone());
            }
            if new > 0 {
                self.metrics.committed(new, begun.elapsed());
                self.committed.notify_one();
            }
            self.acknowledge(&mut jobs, outcome.receipts);
            if let Some(fault) = outcome.refused {
                self.refuse(&mut jobs, fault)?;
            }
        }
        self.tell();
        Ok(())
    }

    fn acknowledge(&self, jobs: &mut VecDeque<Job>, receipts: Vec<Receipt>) {
        let mut proofs = match self.writer.prove(&receipts) {
            Ok(proofs) => proofs.into_iter(),
            Err(fault) => {
                self.log.warn("unproven", fault);
                Vec::new().into_iter()
            }
        };
        let given = receipts.len().min(jobs.len());
        for (receipt, job) in receipts.into_iter().zip(jobs.drain(..given)) {
            self.metrics.appended(receipt.event, receipt.replayed);
            let proof = proofs.next();
            let _ = job.reply.send(Ok(Acknowledged { receipt, proof }));
        }
    }

    /// Answers the first of those that are left with its refusal.
    ///
    /// # Errors
    /// Only opening the ledger again tells what was recorded.
    fn refuse(&self, jobs: &mut VecDeque<Job>, fault: AppendError) -> Result<(), AppendError> {
        self.metrics.rejected(fault.code());
        let lost = match &fault {
            AppendError::Unknown(why) => Err(AppendError::Unknown(why.clone())),
            AppendError::GivenUp => Err(AppendError::GivenUp),
            _ => Ok(()),
        };
        if let Some(job) = jobs.pop_front() {
            let _ = job.reply.send(Err(fault));
        }
        lost
    }

    fn tell(&mut self) {
        for notice in self.writer.take_notices() {
            self.log.warn("notice", notice);
        }
    }
}

/// The first statement and whatever waits behind it, as much as shares a commit; and whether that is
/// all there will be.
fn gather(first: Job, messages: &mut mpsc::Receiver<Message>) -> (VecDeque<Job>, bool) {
    let mut bytes = first.submission.files.iter().map(Vec::len).sum::<usize>();
    let mut is_last = first.is_last;
    let mut jobs = VecDeque::from([first]);
    while !is_last && jobs.len() < GROUP && bytes < GROUP_FILES {
        match messages.try_recv() {
            Ok(Message::Append(job)) => {
                bytes += job.submission.files.iter().map(Vec::len).sum::<usize>();
                is_last = job.is_last;
                jobs.push_back(*job);
            }
            Ok(Message::Stop) => return (jobs, true),
            Err(_) => break,
        }
    }
    (jobs, false)
}

fn take_submission(job: &mut Job) -> Submission {
    let statement = job.submission.statement.clone();
    let files = std::mem::take(&mut job.submission.files);
    Submission::new(statement, files)
}
