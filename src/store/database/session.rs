//! One connection, in a thread of its own: whoever asks waits as long as it wants to and no longer.
//!
//! A server that waits for its standbys answers nothing, and no limit of its own ends that. An answer that is waited for
//! no more is not cancelled: cancelling would end the wait and not the commit. The connection is left to its thread then,
//! and whoever wants to know what became of it asks over another.

use std::error::Error as _;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use postgres::error::SqlState;
use postgres::{Client, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::address::{AddressError, DatabaseAddress};
use crate::sys::disk::DiskError;

/// What does the work of one question.
type Job = Box<dyn FnOnce(&mut Client) + Send>;

/// Why a database did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// The server said so, or the connection broke.
    #[error("{}", told(.0))]
    Server(#[from] postgres::Error),
    /// No answer came in time.
    #[error("it gave no answer within {} s", .0.as_secs())]
    Silent(Duration),
    /// It answered that it committed, and took back that its standbys have it.
    #[error("it ended the wait for its standbys")]
    NotReplicated,
    /// It follows another server, so that nothing can be put there.
    #[error("it is a standby, or being recovered")]
    Standby,
    /// Something was put and no answer came, and what was asked then settles nothing.
    #[error("what became of it is unknown: {0}")]
    Lost(Box<Self>),
    /// It cannot be relied on, or is not what was expected.
    #[error("{0}")]
    Unfit(String),
    /// It is not known how to ask it.
    #[error(transparent)]
    Address(#[from] AddressError),
}

/// What a server says, in one line; a password is never in it.
fn told(fault: &postgres::Error) -> String {
    if let Some(said) = fault.as_db_error() {
        return format!("{} ({})", said.message(), said.code().code());
    }
    match fault.source() {
        Some(cause) => format!("{fault}: {cause}"),
        None => fault.to_string(),
    }
}

impl Fault {
    /// What the server said of a statement that it then undid: nothing of it was done.
    pub(super) fn state(&self) -> Option<&SqlState> {
        let Self::Server(fault) = self else {
            return None;
        };
        let state = fault.as_db_error()?.code();
        // Classes of errors in data, constraints, conflicts, rights and room. What ends a connection may come after a
        // commit that only waited for standbys.
        let definite = ["22", "23", "25", "40", "42", "53", "54", "55", "P0"];
        definite
            .iter()
            .any(|class| state.code().starts_with(class))
            .then_some(state)
    }

    /// Whether somebody else stands where something was to be put.
    pub(super) fn is_conflict(&self) -> bool {
        let conflicts = [
            &SqlState::UNIQUE_VIOLATION,
            &SqlState::T_R_SERIALIZATION_FAILURE,
        ];
        self.state().is_some_and(|state| conflicts.contains(&state))
    }

    /// Whether asking again, of this server or the one that takes its place, may be answered otherwise.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Server(fault) => match fault.as_db_error().map(|said| said.code().code()) {
                // Of a connection: not let in, no such database, a wrong password.
                Some(code) => {
                    self.state().is_none()
                        && !["28", "3D", "3F", "0A"].iter().any(|c| code.starts_with(c))
                        || code == SqlState::READ_ONLY_SQL_TRANSACTION.code()
                        || code == SqlState::TOO_MANY_CONNECTIONS.code()
                }
                None => true,
            },
            Self::Silent(_) | Self::NotReplicated | Self::Standby | Self::Lost(_) => true,
            Self::Unfit(_) | Self::Address(_) => false,
        }
    }

    /// The same for whoever works with names and files.
    pub(super) fn of(self, doing: &'static str, name: &Path) -> DiskError {
        let kind = match self.state() {
            Some(state) if *state == SqlState::DISK_FULL => io::ErrorKind::StorageFull,
            Some(state) if state.code().starts_with("42") || state.code().starts_with("25") => {
                io::ErrorKind::PermissionDenied
            }
            _ => io::ErrorKind::Other,
        };
        DiskError::new(doing, name, io::Error::new(kind, self.to_string()))
    }
}

/// A connection.
pub(super) struct Session {
    work: Sender<Job>,
    /// How often the server said something besides answers: above all that it ended a wait.
    said: Arc<AtomicU64>,
}

impl Session {
    /// Connects. `first` is done before anything else is asked.
    pub(super) fn open(
        address: &DatabaseAddress,
        limit: Duration,
        first: impl FnOnce(&mut Client) -> Result<(), Fault> + Send + 'static,
    ) -> Result<Self, Fault> {
        let mut config = address.config()?;
        let hosts = u32::try_from(config.get_hosts().len()).unwrap_or(1).max(1);
        // One after the other is tried.
        config
            .connect_timeout(limit / hosts)
            .tcp_user_timeout(limit);
        let said = Arc::new(AtomicU64::new(0));
        let heard = said.clone();
        config.notice_callback(move |notice| {
            // By its code: its words are in the server's language.
            if notice.code() != &SqlState::SUCCESSFUL_COMPLETION {
                heard.fetch_add(1, Ordering::SeqCst);
            }
        });
        let tls = address.wants_tls().then(|| tls(address)).transpose()?;
        let (work, jobs) = mpsc::channel::<Job>();
        let (done, connected) = mpsc::channel();
        let run = move || {
            let opened = match tls {
                Some(tls) => config.connect(tls),
                None => config.connect(NoTls),
            };
            let ready = opened.map_err(Fault::from).and_then(|mut client| {
                first(&mut client)?;
                Ok(client)
            });
            match ready {
                Ok(mut client) => {
                    let _ = done.send(Ok(()));
                    jobs.iter().for_each(|job| job(&mut client));
                }
                Err(fault) => drop(done.send(Err(fault))),
            }
        };
        let started = thread::Builder::new()
            .name("database".to_owned())
            .spawn(run);
        started.map_err(|fault| Fault::Unfit(fault.to_string()))?;
        match connected.recv_timeout(limit) {
            Ok(ready) => ready.map(|()| Self { work, said }),
            Err(_) => Err(Fault::Silent(limit)),
        }
    }

    /// Has `work` done, and waits up to `limit` for what comes of it. After [`Fault::Silent`] nothing may be asked here.
    ///
    /// # Errors
    /// What the server said, nothing in time, or that it ended its wait for standbys.
    pub(super) fn ask<T: Send + 'static>(
        &self,
        limit: Duration,
        work: impl FnOnce(&mut Client) -> Result<T, postgres::Error> + Send + 'static,
    ) -> Result<T, Fault> {
        let before = self.said.load(Ordering::SeqCst);
        let (done, answer) = mpsc::channel();
        let job: Job = Box::new(move |client| drop(done.send(work(client))));
        let _ = self.work.send(job);
        match answer.recv_timeout(limit) {
            Ok(answer) if self.said.load(Ordering::SeqCst) == before => Ok(answer?),
            Ok(answer) => answer.map_err(Fault::from).and(Err(Fault::NotReplicated)),
            Err(RecvTimeoutError::Timeout) => Err(Fault::Silent(limit)),
            Err(RecvTimeoutError::Disconnected) => {
                Err(Fault::Unfit("its thread has ended".to_owned()))
            }
        }
    }
}

fn tls(address: &DatabaseAddress) -> Result<MakeRustlsConnect, Fault> {
    let unfit = |fault: &dyn std::fmt::Display| Fault::Unfit(fault.to_string());
    let path = address.authorities.as_ref().ok_or_else(|| {
        Fault::Unfit(
            "it is on another machine, and the certificates that its own is signed by are not named (sslrootcert)".to_owned(),
        )
    })?;
    let mut roots = RootCertStore::empty();
    let read = CertificateDer::pem_file_iter(path).map_err(|fault| unfit(&fault))?;
    for root in read {
        let root = root.map_err(|fault| unfit(&fault))?;
        roots.add(root).map_err(|fault| unfit(&fault))?;
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions();
    let builder = builder.map_err(|fault| unfit(&fault))?;
    Ok(MakeRustlsConnect::new(
        builder.with_root_certificates(roots).with_no_client_auth(),
    ))
}
