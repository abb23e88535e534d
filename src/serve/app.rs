//! What the handlers of requests share.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::anchor::AnchorSettings;
use crate::append::Submission;
use crate::ledger::LedgerPlace;
use crate::ledger::proofs::LedgerProofs;
use crate::spool;
use crate::statement::Attachment;
use crate::store::engine::FolderEngine;
use crate::sys::world::World;
use crate::time::Timestamp;
use crate::timestamps;
use crate::timetoken::TsaAuthorities;

use super::commit::Commits;
use super::judged::LastJudged;
use super::log::Log;
use super::metrics::Metrics;
use super::problem::Problem;
use super::rate::Rates;
use super::sessions::Sessions;
use super::tokens::LiveTokens;
use super::uploads::Uploads;
use super::view::View;

/// Requests that read the ledger at the same time; the others wait.
const READERS: usize = 4;
/// Mebibytes of files that are in memory at the same time.
const FILES: u32 = 512;
/// So few bytes are not counted.
const SMALL: u64 = 64 << 10;
/// How long they wait.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// How long a reader waits for the writer to be between two commits.
pub(super) const WAIT: Duration = Duration::from_secs(5);

/// What the handlers of requests share.
pub(super) struct App {
    pub(super) world: World,
    pub(super) place: LedgerPlace,
    pub(super) commits: Commits,
    pub(super) uploads: Uploads,
    pub(super) view: View,
    pub(super) judged: LastJudged,
    pub(super) sessions: Sessions,
    pub(super) metrics: Arc<Metrics>,
    pub(super) rates: Rates,
    pub(super) tokens: LiveTokens,
    pub(super) log: Log,
    pub(super) slots: Slots,
}

/// How much is done at once.
pub(super) struct Slots {
    readers: Arc<Semaphore>,
    /// A verification reads every byte.
    pub(super) audits: Arc<Semaphore>,
    /// Mebibytes of files in memory, on their way to the writer.
    files: Arc<Semaphore>,
}

impl Default for Slots {
    fn default() -> Self {
        Self {
            readers: Arc::new(Semaphore::new(READERS)),
            audits: Arc::new(Semaphore::new(1)),
            files: Arc::new(Semaphore::new(FILES as usize)),
        }
    }
}

impl App {
    pub(super) fn now(&self) -> Timestamp {
        self.world.clock.now()
    }

    /// Folds the entries before somebody asks, so that the first one need not wait for it.
    pub(super) async fn look_ahead(self: Arc<Self>) {
        let looked = self.read(|app, proofs| app.view.ask(proofs, |_| Ok(())));
        if let Err(problem) = looked.await {
            self.log.warn("look-ahead", problem.code());
        }
    }

    /// Where this host sends checkpoints, and what witnesses said.
    pub(super) fn anchors(&self) -> AnchorSettings {
        AnchorSettings::new(self.world.disk.clone(), &self.place.state)
    }

    /// Whose time tokens this host believes.
    pub(super) fn authorities(&self) -> Result<Option<TsaAuthorities>, Problem> {
        let state = FolderEngine::at(&self.world, &self.place.state);
        timestamps::authorities(&state).map_err(|fault| Problem::internal("settings", fault))
    }

    /// The spool of `ledger run` on this host.
    pub(super) fn spool(&self) -> PathBuf {
        spool::dir(&self.place.state)
    }

    /// Room in memory for the files of a statement, those that came with it or those that it names.
    pub(super) async fn room_for(
        &self,
        submission: &Submission,
        named: &[Attachment],
    ) -> Result<Option<OwnedSemaphorePermit>, Problem> {
        let brought = submission.files.iter().map(|file| file.len() as u64);
        let bytes = match submission.files.is_empty() {
            true => named
                .iter()
                .fold(0_u64, |sum, one| sum.saturating_add(one.length)),
            false => brought.sum(),
        };
        if bytes <= SMALL {
            return Ok(None);
        }
        // One that has more than all the room is refused before anything is read.
        let share = u32::try_from(bytes >> 20).map_or(FILES, |share| FILES.min(share + 1));
        let room = self.slots.files.clone().acquire_many_owned(share);
        match timeout(PATIENCE, room).await {
            Ok(Ok(room)) => Ok(Some(room)),
            _ => Err(Problem::busy("files-busy", "too many files are in memory")),
        }
    }

    /// Does blocking work over the ledger as it is now.
    pub(super) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self, &LedgerProofs) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let app = self.clone();
        blocking(&self.slots.readers, move || {
            let proofs = LedgerProofs::open(&app.world, &app.place.dir, WAIT)?;
            work(&app, &proofs)
        })
        .await
    }

    /// Does blocking work that needs a reader's place and no ledger.
    pub(super) async fn work<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let app = self.clone();
        blocking(&self.slots.readers, move || work(&app)).await
    }
}

/// Blocking work, when one of its places is free. Whoever asked may be gone: the place is free when
/// the work is done.
pub(super) async fn blocking<T: Send + 'static>(
    places: &Arc<Semaphore>,
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let busy = |what: &str| Problem::busy("readers-busy", what);
    let place = timeout(PATIENCE, places.clone().acquire_owned()).await;
    let place = place.map_err(|_| busy("too many requests read"))?;
    let place = place.map_err(|_| busy("it is stopping"))?;
    let work = tokio::task::spawn_blocking(move || {
        let _place = place;
        work()
    });
    work.await
        .unwrap_or_else(|fault| Err(Problem::internal("failed", fault)))
}
