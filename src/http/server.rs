//! A small server: bounded heads, bodies, connections and times.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};

/// How often it looks whether it is to stop, where no connection comes.
const LOOK: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 100_000_000,
};
/// More headers than any client sends.
const HEADERS: usize = 64;
/// What is thrown away of a body that nobody wants, so that the client hears the answer.
const DRAIN: usize = 64 * 1024;
const DRAIN_TIME: Duration = Duration::from_millis(300);

/// What one client may cost.
#[derive(Debug, Clone, Copy)]
pub struct ServerLimits {
    /// Bytes of the request line and headers.
    pub head: usize,
    /// Bytes of the body.
    pub body: usize,
    /// From the connection to the answer, whatever the client does.
    pub time: Duration,
    /// Clients at once; the next is told to come again.
    pub connections: usize,
}

/// A whole request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `POST` …, as it was sent.
    pub method: String,
    /// The path as it was sent, with any query.
    pub path: String,
    /// The body; empty where there was none.
    pub body: Vec<u8>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The content type.
    pub content_type: &'static str,
    /// What is allowed, for 405; empty otherwise.
    pub allow: &'static str,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// A line of text for people.
    #[must_use]
    pub fn text(status: u16, line: impl Into<String>) -> Self {
        Self {
            status,
            content_type: "text/plain; charset=utf-8",
            allow: "",
            body: format!("{}\n", line.into()).into_bytes(),
        }
    }
}

/// One request that was dealt with, for the log.
#[derive(Debug)]
pub struct ServedRequest<'a> {
    /// Who asked.
    pub peer: SocketAddr,
    /// The request, where one was understood.
    pub request: Option<&'a Request>,
    /// The answer.
    pub response: &'a Response,
    /// How long it took.
    pub took: Duration,
}

/// Answers what comes to `listener` with `answer`, one request a connection, until `stop` is set;
/// then the requests under way are finished. `tell` hears of each.
///
/// # Errors
/// The listener fails.
pub fn serve(
    listener: &TcpListener,
    limits: ServerLimits,
    stop: &AtomicBool,
    answer: &(dyn Fn(&Request) -> Response + Sync),
    tell: &(dyn Fn(&ServedRequest<'_>) + Sync),
) -> io::Result<()> {
    // A connection may be gone again between the poll and the accept.
    listener.set_nonblocking(true)?;
    let busy = AtomicUsize::new(0);
    thread::scope(|scope| {
        while !stop.load(Ordering::SeqCst) {
            let mut waiting = [PollFd::new(listener, PollFlags::IN)];
            match rustix::event::poll(&mut waiting, Some(&LOOK)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => continue,
                Ok(_) => {}
                Err(fault) => return Err(fault.into()),
            }
            let (stream, peer) = match listener.accept() {
                Ok(accepted) => accepted,
                // The client went away, or this process has no more descriptors: both pass.
                Err(_) => {
                    thread::sleep(Duration::from_millis(10));
                    continue;
                }
            };
            let mut client = ClientConnection::new(stream, peer, limits);
            if busy.fetch_add(1, Ordering::SeqCst) >= limits.connections {
                busy.fetch_sub(1, Ordering::SeqCst);
                client.refuse(tell);
                continue;
            }
            let busy = &busy;
            let begun = thread::Builder::new().spawn_scoped(scope, move || {
                client.serve(answer, tell);
                busy.fetch_sub(1, Ordering::SeqCst);
            });
            if begun.is_err() {
                busy.fetch_sub(1, Ordering::SeqCst);
            }
        }
        Ok(())
    })
}

/// Why there is no request.
enum BadRequest {
    /// To be answered.
    Answer(Response),
    /// The client is gone or too slow: there is nobody to answer.
    Gone,
}

impl From<io::Error> for BadRequest {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

/// How the length of a body is known.
enum Framing {
    None,
    Length(usize),
    Chunked,
}

struct RequestHead {
    method: String,
    path: String,
    framing: Framing,
    expects: bool,
    length: usize,
}

struct ClientConnection {
    stream: TcpStream,
    peer: SocketAddr,
    limits: ServerLimits,
    begun: Instant,
    /// What was read and not used yet.
    buffer: Vec<u8>,
}

impl ClientConnection {
    fn new(stream: TcpStream, peer: SocketAddr, limits: ServerLimits) -> Self {
        Self {
            stream,
            peer,
            limits,
            begun: Instant::now(),
            buffer: Vec::new(),
        }
    }

    fn serve(
        &mut self,
        answer: &(dyn Fn(&Request) -> Response + Sync),
        tell: &(dyn Fn(&ServedRequest<'_>) + Sync),
    ) {
        let _ = self.stream.set_nonblocking(false);
        let (request, response) = match self.read() {
            Ok(request) => {
                let response = answer(&request);
                (Some(request), response)
            }
            Err(BadRequest::Answer(response)) => (None, response),
            Err(BadRequest::Gone) => (None, Response::text(408, "no whole request came in time")),
        };
        // Told before the answer is out: whoever has the answer finds its line in the log.
        tell(&ServedRequest {
            peer: self.peer,
            request: request.as_ref(),
            response: &response,
            took: self.begun.elapsed(),
        });
        let head_only = request.is_some_and(|request| request.method == "HEAD");
        if self.write(&response, head_only).is_ok() {
            self.end();
        }
    }

    /// One client too many.
    fn refuse(&mut self, tell: &(dyn Fn(&ServedRequest<'_>) + Sync)) {
        let response = Response::text(503, "too many requests at once; try again");
        tell(&ServedRequest {
            peer: self.peer,
            request: None,
            response: &response,
            took: self.begun.elapsed(),
        });
        // Fits any socket's buffer, so that it holds up nobody.
        let _ = self.write(&response, false);
    }

    fn read(&mut self) -> Result<Request, BadRequest> {
        let head = self.read_head()?;
        self.buffer.drain(..head.length);
        if head.expects {
            self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let body = match head.framing {
            Framing::None => Vec::new(),
            Framing::Length(length) => {
                while self.buffer.len() < length {
                    self.more()?;
                }
                self.buffer.drain(..length).collect()
            }
            Framing::Chunked => self.read_chunks()?,
        };
        Ok(Request {
            method: head.method,
            path: head.path,
            body,
        })
    }

    fn read_head(&mut self) -> Result<RequestHead, BadRequest> {
        loop {
            if let Some(head) = parse_head(&self.buffer, self.limits)? {
                return Ok(head);
            }
            if self.buffer.len() > self.limits.head {
                return Err(bad(431, "the head of the request is too long"));
            }
            self.more()?;
        }
    }

    fn read_chunks(&mut self) -> Result<Vec<u8>, BadRequest> {
        let mut body = Vec::new();
        loop {
            let (used, size) = match httparse::parse_chunk_size(&self.buffer) {
                Ok(httparse::Status::Complete(found)) => found,
                Ok(httparse::Status::Partial) if self.buffer.len() < 256 => {
                    self.more()?;
                    continue;
                }
                _ => return Err(bad(400, "the body is not chunked as its head says")),
            };
            let size = usize::try_from(size).unwrap_or(usize::MAX);
            if size > self.limits.body - body.len() {
                return Err(too_large());
            }
            // Trailers behind the last chunk are left unread: the connection ends here.
            if size == 0 {
                return Ok(body);
            }
            let end = used + size;
            while self.buffer.len() < end + 2 {
                self.more()?;
            }
            if self.buffer.get(end..end + 2) != Some(b"\r\n") {
                return Err(bad(400, "the body is not chunked as its head says"));
            }
            body.extend_from_slice(self.buffer.get(used..end).unwrap_or_default());
            self.buffer.drain(..end + 2);
        }
    }

    /// Reads what is there, or waits for it as long as the client still has time.
    fn more(&mut self) -> Result<(), BadRequest> {
        let mut bytes = [0; 8 * 1024];
        self.stream.set_read_timeout(Some(self.left()?))?;
        let count = self.stream.read(&mut bytes)?;
        if count == 0 {
            return Err(BadRequest::Gone);
        }
        self.buffer
            .extend_from_slice(bytes.get(..count).unwrap_or_default());
        Ok(())
    }

    /// What is left of the client's time. A client that sends a byte now and then gets no more.
    fn left(&self) -> io::Result<Duration> {
        self.limits
            .time
            .checked_sub(self.begun.elapsed())
            .filter(|left| !left.is_zero())
            .ok_or_else(|| io::ErrorKind::TimedOut.into())
    }

    fn write(&mut self, response: &Response, head_only: bool) -> io::Result<()> {
        let mut bytes = format!(
            "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n",
            response.status,
            reason(response.status),
            response.content_type,
            response.body.len()
        );
        if !response.allow.is_empty() {
            bytes.push_str(&format!("Allow: {}\r\n", response.allow));
        }
        bytes.push_str("\r\n");
        let mut bytes = bytes.into_bytes();
        if !head_only {
            bytes.extend_from_slice(&response.body);
        }
        // An answer that took long is still given some time to leave.
        let time = self.left().unwrap_or(Duration::from_secs(1));
        self.stream.set_write_timeout(Some(time))?;
        self.stream.write_all(&bytes)
    }

    /// Closes so that the client can read the answer: closing on unread bytes would reset it. A client
    /// that goes on sending is not listened to for long.
    fn end(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
        let begun = Instant::now();
        let mut drained = 0;
        let mut bytes = [0; 8 * 1024];
        while drained < DRAIN {
            let Some(left) = DRAIN_TIME.checked_sub(begun.elapsed()) else {
                break;
            };
            let _ = self
                .stream
                .set_read_timeout(Some(left.max(Duration::from_millis(1))));
            match self.stream.read(&mut bytes) {
                Ok(count) if count > 0 => drained += count,
                _ => break,
            }
        }
    }
}

fn bad(status: u16, line: &str) -> BadRequest {
    BadRequest::Answer(Response::text(status, line))
}

fn too_large() -> BadRequest {
    bad(413, "the body of the request is too long")
}

/// The head, once it is whole.
fn parse_head(bytes: &[u8], limits: ServerLimits) -> Result<Option<RequestHead>, BadRequest> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let length = match request.parse(bytes) {
        Ok(httparse::Status::Complete(length)) if length <= limits.head => length,
        Ok(httparse::Status::Complete(_)) => {
            return Err(bad(431, "the head of the request is too long"));
        }
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => {
            return Err(bad(431, "the request has too many headers"));
        }
        Err(_) => return Err(bad(400, "this is no HTTP request")),
    };
    let (Some(method), Some(path)) = (request.method, request.path) else {
        return Err(bad(400, "this is no HTTP request"));
    };
    let values = |name: &'static str| {
        request
            .headers
            .iter()
            .filter(move |header| header.name.eq_ignore_ascii_case(name))
            .map(|header| header.value)
    };
    let lengths: Vec<&[u8]> = values("content-length").collect();
    let codings: Vec<&[u8]> = values("transfer-encoding").collect();
    // Two opinions about where a body ends are how one request hides in another.
    let framing = match (lengths.as_slice(), codings.as_slice()) {
        ([], []) => Framing::None,
        ([length], []) => Framing::Length(parse_length(length, limits.body)?),
        ([], [coding]) if coding.eq_ignore_ascii_case(b"chunked") => Framing::Chunked,
        _ => return Err(bad(400, "the head is unclear about the length of the body")),
    };
    Ok(Some(RequestHead {
        method: method.to_owned(),
        path: path.to_owned(),
        framing,
        expects: values("expect").any(|value| value.eq_ignore_ascii_case(b"100-continue")),
        length,
    }))
}

fn parse_length(value: &[u8], limit: usize) -> Result<usize, BadRequest> {
    let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(value).ok().filter(|_| digits);
    let Some(text) = text else {
        return Err(bad(400, "the content length is not a number"));
    };
    // More digits than a number holds are more bytes than anybody takes.
    match text.parse::<usize>() {
        Ok(length) if length <= limit => Ok(length),
        _ => Err(too_large()),
    }
}

const fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        413 => "Content Too Large",
        422 => "Unprocessable Content",
        431 => "Request Header Fields Too Large",
        503 => "Service Unavailable",
        _ => "Internal Server Error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: ServerLimits = ServerLimits {
        head: 1024,
        body: 4096,
        time: Duration::from_millis(400),
        connections: 2,
    };

    /// For tests that ask one thing after the other and measure nothing: on a busy machine the server may
    /// not have let go of the last client when the next one comes.
    const ROOMY: ServerLimits = ServerLimits {
        time: Duration::from_secs(10),
        connections: 64,
        ..LIMITS
    };

    /// Serves with an echo while `act` plays its clients.
    fn serving(limits: ServerLimits, act: impl FnOnce(SocketAddr)) -> Vec<u16> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let stop = AtomicBool::new(false);
        let told = std::sync::Mutex::new(Vec::new());
        thread::scope(|scope| {
            scope.spawn(|| {
                let answer = |request: &Request| Response {
                    status: 200,
                    content_type: "text/plain",
                    allow: "",
                    body: request.body.clone(),
                };
                let tell = |served: &ServedRequest<'_>| {
                    told.lock().unwrap().push(served.response.status);
                };
                serve(&listener, limits, &stop, &answer, &tell).unwrap();
            });
            let played = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| act(address)));
            stop.store(true, Ordering::SeqCst);
            if let Err(panic) = played {
                std::panic::resume_unwind(panic);
            }
        });
        told.into_inner().unwrap()
    }

    fn exchange(address: SocketAddr, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(request).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn body(answer: &str) -> &str {
        answer.split_once("\r\n\r\n").unwrap().1
    }

    #[test]
    fn bodies_come_by_length_or_in_chunks() {
        serving(ROOMY, |address| {
            let plain = exchange(
                address,
                b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello",
            );
            assert!(plain.starts_with("HTTP/1.1 200 OK\r\n"), "{plain}");
            assert_eq!(body(&plain), "hello");
            let chunks = exchange(
                address,
                b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
            );
            assert_eq!(body(&chunks), "hello");
        });
    }

    #[test]
    fn what_is_unclear_or_too_much_is_refused() {
        serving(ROOMY, |address| {
            let status = |request: &[u8]| exchange(address, request)[9..12].to_owned();
            assert_eq!(status(b"nonsense\r\n\r\n"), "400");
            let both =
                b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n";
            assert_eq!(status(both), "400");
            let twice = b"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n";
            assert_eq!(status(twice), "400");
            for length in ["+5", "-5", "5 5", "0x5", ""] {
                let head = format!("POST / HTTP/1.1\r\nContent-Length: {length}\r\n\r\nhello");
                assert_eq!(status(head.as_bytes()), "400", "{length:?}");
            }
            assert_eq!(
                status(b"POST / HTTP/1.1\r\nContent-Length: 4097\r\n\r\n"),
                "413"
            );
            let vast = b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n";
            assert_eq!(status(vast), "413");
            let chunk = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n";
            assert_eq!(status(chunk), "413");
            let torn = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nheXX";
            assert_eq!(status(torn), "400");
            let long = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(2000));
            assert_eq!(status(long.as_bytes()), "431");
            let many = format!("GET / HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(65));
            assert_eq!(status(many.as_bytes()), "431");
        });
    }

    #[test]
    fn slow_clients_lose_their_connection_and_hold_up_nobody() {
        let told = serving(LIMITS, |address| {
            let mut slow = TcpStream::connect(address).unwrap();
            slow.write_all(b"POST / HTTP/1.1\r\nContent-Length: 50\r\n\r\n")
                .unwrap();
            let quick = exchange(address, b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nok");
            assert_eq!(body(&quick), "ok");
            // A byte now and then does not buy more time.
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_secs(3) && slow.write_all(b"x").is_ok() {
                thread::sleep(Duration::from_millis(50));
            }
            assert!(
                begun.elapsed() < Duration::from_secs(3),
                "it was served for ever"
            );
        });
        assert!(told.contains(&408), "{told:?}");
    }

    #[test]
    fn one_client_too_many_is_told_to_come_again() {
        serving(LIMITS, |address| {
            let held: Vec<_> = (0..2)
                .map(|_| TcpStream::connect(address).unwrap())
                .collect();
            thread::sleep(Duration::from_millis(100));
            let answer = exchange(address, b"");
            assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
            drop(held);
        });
    }
}
