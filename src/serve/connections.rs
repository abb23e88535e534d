//! Connections: so many at once, each with limits of its own. Where all places are taken, the one that
//! has been silent for longest makes room, so that silent clients keep nobody out.

use std::collections::BTreeMap;
use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tower::ServiceExt as _;

use crate::hash::Sha256Digest;

use super::listen::Listener;
use super::patient::Patient;
use super::peer::Peer;
use super::tls::Tls;

/// Connections at once.
const MOST: usize = 512;
/// How long a head may take, or a connection be silent between two requests.
const HEAD_TIME: Duration = Duration::from_secs(30);
/// How long a handshake may take.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// How long a client may leave an answer unread.
const WRITE_TIME: Duration = Duration::from_secs(30);
/// When it is to stop: how long a request under way may take,
const ANSWER_TIME: Duration = Duration::from_secs(10);
/// and how long an answer may be on its way.
const LAST_WRITE_TIME: Duration = Duration::from_secs(1);
/// Bytes of a head.
const HEAD: usize = 16 << 10;
const HEADERS: usize = 64;
/// After a failed accept: no more descriptors, most likely.
const PAUSE: Duration = Duration::from_millis(50);

/// What all connections share.
pub(super) struct Connections {
    router: Router,
    tls: Option<Arc<Tls>>,
    stop: watch::Receiver<bool>,
    open: Mutex<BTreeMap<u64, Arc<Activity>>>,
    next: AtomicU64,
}

/// What one connection does.
#[derive(Default)]
struct Activity {
    /// A number that grows, of when it last did something; `u64::MAX` in a request.
    at: AtomicU64,
    /// Told to end, for another one.
    evicted: Notify,
}

impl Connections {
    pub(super) fn new(router: Router, tls: Option<Arc<Tls>>, stop: watch::Receiver<bool>) -> Self {
        Self {
            router,
            tls,
            stop,
            open: Mutex::default(),
            next: AtomicU64::new(1),
        }
    }

    /// Accepts until it is to stop; then the requests under way are finished.
    pub(super) async fn accept(self: Arc<Self>, listener: Listener) {
        let mut stop = self.stop.clone();
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                accepted = accept_one(&listener) => accepted,
                Some(_) = connections.join_next() => continue,
                _ = stop.wait_for(|stop| *stop) => break,
            };
            match accepted {
                Ok(accepted) => {
                    let shared = self.clone();
                    connections.spawn(async move { shared.connection(accepted).await });
                }
                Err(_) => sleep(PAUSE).await,
            }
        }
        drop(listener);
        while connections.join_next().await.is_some() {}
    }

    async fn connection(self: Arc<Self>, accepted: Accepted) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let activity = self.admit(number);
        match accepted {
            Accepted::Unix(stream) => {
                let Ok(credentials) = stream.peer_cred() else {
                    return self.leave(number);
                };
                let peer = Peer::Local {
                    user: credentials.uid(),
                    process: credentials.pid(),
                };
                self.serve(stream, peer, &activity).await;
            }
            Accepted::Tcp(stream, address) => {
                // A receipt is one short answer: waiting to fill a segment would only delay it.
                let _ = stream.set_nodelay(true);
                self.remote(stream, address, &activity).await;
            }
        }
        self.leave(number);
    }

    async fn remote(
        &self,
        stream: TcpStream,
        address: std::net::SocketAddr,
        activity: &Arc<Activity>,
    ) {
        let peer = |certificate| Peer::Remote {
            address,
            certificate,
        };
        let Some(tls) = &self.tls else {
            return self.serve(stream, peer(None), activity).await;
        };
        let handshake = timeout(HANDSHAKE_TIME, tls.acceptor().accept(stream));
        let shaken = tokio::select! {
            shaken = handshake => shaken,
            () = activity.evicted.notified() => return,
        };
        let Ok(Ok(stream)) = shaken else {
            return;
        };
        let certificates = stream.get_ref().1.peer_certificates();
        let certificate = certificates.and_then(|chain| chain.first());
        let certificate = certificate.map(|one| Sha256Digest::of(one).to_string());
        self.serve(stream, peer(certificate), activity).await;
    }

    async fn serve<S>(&self, stream: S, peer: Peer, activity: &Arc<Activity>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let service = service_fn(|mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer.clone());
            let router = self.router.clone();
            let activity = activity.clone();
            async move {
                activity.at.store(u64::MAX, Ordering::Relaxed);
                let answer = router.oneshot(request.map(Body::new)).await;
                activity.at.store(self.tick(), Ordering::Relaxed);
                answer
            }
        });
        let stream = TokioIo::new(Patient::new(stream, WRITE_TIME));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIME)
            .max_buf_size(HEAD)
            .max_headers(HEADERS)
            .serve_connection(stream, service);
        let mut connection = pin!(connection);
        let mut stop = self.stop.clone();
        tokio::select! {
            _ = connection.as_mut() => return,
            () = activity.evicted.notified() => return,
            _ = stop.wait_for(|stop| *stop) => {}
        }
        connection.as_mut().graceful_shutdown();
        let busy = activity.at.load(Ordering::Relaxed) == u64::MAX;
        let patience = if busy { ANSWER_TIME } else { LAST_WRITE_TIME };
        // Whoever does not take the answer in this time has none.
        let _ = timeout(patience, connection).await;
    }

    fn tick(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Takes a place, from the one that has been silent for longest where none is free.
    fn admit(&self, number: u64) -> Arc<Activity> {
        let activity = Arc::new(Activity::default());
        activity.at.store(number, Ordering::Relaxed);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= MOST {
            let last_at = |one: &(&u64, &Arc<Activity>)| one.1.at.load(Ordering::Relaxed);
            let silent = open.iter().min_by_key(last_at).map(|(number, _)| *number);
            if let Some(silent) = silent.and_then(|number| open.remove(&number)) {
                silent.evicted.notify_one();
            }
        }
        open.insert(number, activity.clone());
        activity
    }

    fn leave(&self, number: u64) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.remove(&number);
    }
}

enum Accepted {
    Unix(UnixStream),
    Tcp(TcpStream, std::net::SocketAddr),
}

async fn accept_one(listener: &Listener) -> io::Result<Accepted> {
    match listener {
        Listener::Unix(listener) => {
            let (stream, _) = listener.accept().await?;
            Ok(Accepted::Unix(stream))
        }
        Listener::Tcp(listener) => {
            let (stream, address) = listener.accept().await?;
            Ok(Accepted::Tcp(stream, address))
        }
    }
}
