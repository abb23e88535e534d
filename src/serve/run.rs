//! A server from its beginning to its end.
//!
//! ```text
//! sockets      made, or taken from systemd
//! writer       in its thread; the ledger's lock is its
//! ready        told to systemd and to whoever started it
//! SIGHUP       certificates are read again
//! SIGTERM      nobody new is let in; requests under way are answered; the writer closes
//! ```

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use axum::Router;
use sd_notify::NotifyState;
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{interval, timeout};

use crate::append::{AppendError, Writer};
use crate::ledger::LedgerPlace;
use crate::sys::world::World;

use super::app::{App, Slots};
use super::commit::{CommitLoop, Commits};
use super::config::{ServeConfig, ServeError};
use super::connections::Connections;
use super::judged::LastJudged;
use super::listen::{self, Listener};
use super::log::Log;
use super::metrics::Metrics;
use super::rate::Rates;
use super::routes;
use super::sessions::Sessions;
use super::signals::{Signals, runtime};
use super::tls::Tls;
use super::tokens::LiveTokens;
use super::uploads::Uploads;
use super::view::View;

/// How long requests under way may take when it is to stop.
const FAREWELL: Duration = Duration::from_secs(15);
/// Between two looks at what is to follow commits.
const PAUSE: Duration = Duration::from_secs(1);

/// What a server tells whoever started it.
pub trait ServeEvents {
    /// It listens, on these addresses.
    fn listening(&mut self, addresses: &[String]);

    /// There were commits since the last time; at most once a second.
    fn committed(&mut self);
}

type WriterThread = JoinHandle<Result<(), AppendError>>;

/// Serves the ledger until SIGTERM or SIGINT. What has a receipt then is recorded.
///
/// # Errors
/// It cannot begin, or nothing can be recorded any more.
pub fn serve(
    config: &ServeConfig,
    world: &World,
    place: &LedgerPlace,
    writer: Writer,
    events: &mut dyn ServeEvents,
) -> Result<(), ServeError> {
    let runtime = runtime()?;
    let outcome = runtime.block_on(async {
        let (server, attendant) = begin(config, world, place, writer)?;
        attendant.attend(server, events).await
    });
    // Blocking work that nobody waits for any more does not hold it up.
    runtime.shutdown_background();
    outcome
}

/// What goes on for clients.
struct Server {
    addresses: Vec<String>,
    accepting: JoinSet<()>,
    commits: Commits,
    stop: watch::Sender<bool>,
}

impl Server {
    fn accept(
        sockets: Vec<(Listener, String)>,
        router: Router,
        tls: Option<Arc<Tls>>,
        commits: Commits,
    ) -> Self {
        let (stop, stopping) = watch::channel(false);
        let connections = Arc::new(Connections::new(router, tls, stopping));
        let (mut accepting, mut addresses) = (JoinSet::new(), Vec::new());
        for (listener, address) in sockets {
            addresses.push(address);
            accepting.spawn(connections.clone().accept(listener));
        }
        Self {
            addresses,
            accepting,
            commits,
            stop,
        }
    }
}

/// Opens everything, and begins to take connections.
fn begin(
    config: &ServeConfig,
    world: &World,
    place: &LedgerPlace,
    writer: Writer,
) -> Result<(Server, Attendant), ServeError> {
    let signals = Signals::take()?;
    let sockets = listen::open(config)?;
    let tls = config.tls.as_ref().map(Tls::read).transpose()?;
    let tls = tls.map(Arc::new);
    let uploads = Uploads::open(world, place)
        .map_err(|fault| ServeError::io("keep attachments aside", fault))?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let urls = sockets.iter().filter_map(|(socket, _)| socket.url(scheme));
    let ledger = place.dir.as_os_str().as_encoded_bytes();
    let sessions = Sessions::new(ledger, tls.is_some(), urls.collect());
    let (metrics, committed) = (Arc::new(Metrics::new()), Arc::new(Notify::new()));
    let log = Log::new(world.clock.clone(), config.quiet);
    let tokens = LiveTokens::default();
    tokens.replace(writer.tokens().clone());
    let work = CommitLoop {
        writer,
        tokens: tokens.clone(),
        metrics: metrics.clone(),
        log: log.clone(),
        committed: committed.clone(),
    };
    let (commits, thread) = work
        .start(Handle::current())
        .map_err(|fault| ServeError::io("start the writer", fault))?;
    let app = App {
        world: world.clone(),
        place: place.clone(),
        commits: commits.clone(),
        uploads,
        view: View::default(),
        judged: LastJudged::default(),
        sessions,
        metrics,
        rates: Rates::new(config.rate),
        tokens,
        log: log.clone(),
        slots: Slots::default(),
    };
    let app = Arc::new(app);
    tokio::spawn(app.clone().look_ahead());
    let server = Server::accept(sockets, routes::router(app), tls.clone(), commits);
    let attendant = Attendant {
        signals,
        tls,
        log,
        thread,
        committed,
    };
    Ok((server, attendant))
}

/// What goes on beside the requests.
struct Attendant {
    signals: Signals,
    tls: Option<Arc<Tls>>,
    log: Log,
    thread: WriterThread,
    committed: Arc<Notify>,
}

impl Attendant {
    /// From the first connection to the writer's end.
    async fn attend(
        mut self,
        server: Server,
        events: &mut dyn ServeEvents,
    ) -> Result<(), ServeError> {
        events.listening(&server.addresses);
        // Whoever started it may not be systemd.
        let _ = sd_notify::notify(&[NotifyState::Ready]);
        self.wait(events).await;
        let _ = sd_notify::notify(&[NotifyState::Stopping]);
        self.end(server).await?;
        events.committed();
        Ok(())
    }

    /// Until it is to stop, or the writer has ended by itself.
    async fn wait(&mut self, events: &mut dyn ServeEvents) {
        let mut due = false;
        let mut looks = interval(PAUSE);
        while !self.thread.is_finished() {
            tokio::select! {
                _ = self.signals.terminate.recv() => return,
                _ = self.signals.interrupt.recv() => return,
                _ = self.signals.hang_up.recv() => self.read_again(),
                () = self.committed.notified() => due = true,
                // A ledger that is written all the time is looked after now and then.
                _ = looks.tick() => if std::mem::take(&mut due) {
                    events.committed();
                },
            }
        }
    }

    fn read_again(&self) {
        let Some(tls) = &self.tls else {
            return;
        };
        match tls.read_again() {
            Ok(()) => self.log.note("certificates", "read again"),
            Err(fault) => self.log.warn("certificates", fault),
        }
    }

    /// Requests under way are answered, as long as their clients go on with them; then the writer closes.
    async fn end(self, mut server: Server) -> Result<(), ServeError> {
        let _ = server.stop.send(true);
        let answered = timeout(FAREWELL, async {
            while server.accepting.join_next().await.is_some() {}
        });
        if answered.await.is_err() {
            self.log.warn("stopping", "some clients did not finish");
            server.accepting.abort_all();
        }
        server.commits.stop().await;
        match tokio::task::spawn_blocking(move || self.thread.join()).await {
            Ok(Ok(closed)) => Ok(closed?),
            _ => Err(AppendError::GivenUp.into()),
        }
    }
}
