//! `ledger serve` as a process, and clients of it.

use std::io::BufRead as _;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Stdio;
use std::time::Duration;

use rotation_ledger::Draft;
use rotation_ledger::SecretKey;
use rotation_ledger::Submission;
use rotation_ledger::World;
use rotation_ledger::hash::LedgerId;
use rotation_ledger::spool;
use rotation_ledger::sys::keyfile;
use rustix::process::Signal;
use serde_json::Value;

use super::program::Program;
use super::program::signal;
use super::schema;

/// A server, stopped at the end of the test.
pub struct Served<'p> {
    pub program: &'p Program,
    pub child: Child,
    pub addresses: Vec<String>,
    pub ledger: LedgerId,
    socket: PathBuf,
}

/// What a server answers.
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&self.body)))
    }

    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}

impl<'p> Served<'p> {
    /// On the socket `ledger.sock` in the program's folder, and wherever `more` says.
    pub fn start(program: &'p Program, more: &str) -> Self {
        Self::start_at(program, &program.path("ledger.sock"), more)
    }

    /// The same on another socket.
    pub fn start_at(program: &'p Program, socket: &Path, more: &str) -> Self {
        let ledger = program.json("verify --json")["ledger_id"].clone();
        let words = format!("serve --listen unix:{} {more}", socket.display());
        let mut child = program
            .ledger(words.trim())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(program.path("serve.log")).unwrap())
            .spawn()
            .unwrap();
        let expected = 1 + more.matches("--listen").count();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let addresses: Vec<_> = lines
            .map_while(Result::ok)
            .take(expected)
            .map(|line| line.strip_prefix("listening on ").unwrap().to_owned())
            .collect();
        let said = std::fs::read_to_string(program.path("serve.log")).unwrap();
        assert_eq!(addresses.len(), expected, "{said}");
        Self {
            program,
            child,
            addresses,
            ledger: serde_json::from_value(ledger).unwrap(),
            socket: socket.to_owned(),
        }
    }

    /// `ledger` as somebody runs it who has the socket, and nothing else of the ledger.
    pub fn reader(&self, words: &str) -> std::process::Command {
        let mut command = self.program.ledger(words);
        command
            .env("LEDGER_PATH", format!("unix:{}", self.socket.display()))
            .env("LEDGER_STATE", self.program.path("reader"))
            .env("XDG_CACHE_HOME", self.program.path("reader/cache"));
        command
    }

    pub fn connect(&self) -> UnixStream {
        let stream = UnixStream::connect(&self.socket).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        stream
    }

    /// One request on a connection of its own; none where the server went away meanwhile.
    pub fn try_send(&self, head: &str, body: &[u8]) -> Option<Answer> {
        let mut stream = UnixStream::connect(&self.socket).ok()?;
        let head = format!(
            "{head} HTTP/1.1\r\nHost: l\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        // It may answer before it has read everything.
        let _ = stream
            .write_all(head.as_bytes())
            .and_then(|()| stream.write_all(body));
        answer(&mut stream)
    }

    pub fn get(&self, path: &str) -> Answer {
        self.try_send(&format!("GET {path}"), b"").unwrap()
    }

    pub fn try_post(&self, media: &str, body: &[u8]) -> Option<Answer> {
        let mut stream = UnixStream::connect(&self.socket).ok()?;
        let head = format!(
            "POST /v1/statements HTTP/1.1\r\nHost: l\r\nConnection: close\r\nContent-Type: {media}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let _ = stream
            .write_all(head.as_bytes())
            .and_then(|()| stream.write_all(body));
        answer(&mut stream)
    }

    pub fn post(&self, body: &[u8]) -> Answer {
        self.try_post("application/json", body).unwrap()
    }

    /// One request over TCP at the first address that was listened on besides the socket, with `token`.
    pub fn ask(&self, head: &str, token: Option<&str>, body: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(&self.addresses[1]).unwrap();
        let token = token.map(|token| format!("Authorization: Bearer {token}\r\n"));
        let head = format!(
            "{head} HTTP/1.1\r\nHost: l\r\nConnection: close\r\n{}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            token.unwrap_or_default(),
            body.len()
        );
        let _ = stream
            .write_all(head.as_bytes())
            .and_then(|()| stream.write_all(body));
        answer(&mut stream).unwrap()
    }

    /// A command of Alice, who is the Security Owner, over the socket.
    pub fn alice(&self, words: &str) -> std::process::Output {
        let socket = self.socket.display();
        let words = format!("{words} --key alice.pem --ledger unix:{socket}");
        self.program.output(&words)
    }

    /// A transport token that Alice issues. It is kept in `NAME.token`.
    pub fn issue(&self, name: &str, scope: &str, expires: &str) -> String {
        let words =
            format!("token issue {name} --scope {scope} --expires {expires} --out {name}.token");
        let issued = self.alice(&words);
        assert!(issued.status.success(), "{issued:?}");
        let token = std::fs::read_to_string(self.program.path(&format!("{name}.token")));
        token.unwrap().trim().to_owned()
    }

    /// The number `name` of `/metrics`.
    pub fn number(&self, name: &str) -> f64 {
        let text = String::from_utf8(self.get("/metrics").body).unwrap();
        let line = text
            .lines()
            .find(|line| line.split(' ').next() == Some(name));
        line.and_then(|line| line.split(' ').nth(1)?.parse().ok())
            .unwrap_or_default()
    }

    /// Olga's key, who is an operator.
    pub fn key(&self) -> SecretKey {
        keyfile::read(&self.program.path("olga.pem"), &|| Ok(None)).unwrap()
    }

    pub fn submission(&self, draft: &str) -> Submission {
        let draft = Draft::from_json(draft).unwrap();
        let world = World::system();
        let signed = draft.sign(self.ledger, &self.key(), &world, Vec::new(), &[]);
        signed.unwrap()
    }

    /// A draft, signed by Olga, as it is sent.
    pub fn signed(&self, draft: &str) -> Vec<u8> {
        spool::encode(&self.submission(draft))
    }

    /// Has it end, and says how.
    pub fn stop(mut self, how: Signal) -> Option<i32> {
        signal(&self.child, how);
        self.child.wait().unwrap().code()
    }
}

impl Drop for Served<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The one answer that comes before the end of a stream.
pub fn answer(stream: &mut impl Read) -> Option<Answer> {
    let mut bytes = Vec::new();
    // A reset after the answer is no matter.
    let _ = stream.read_to_end(&mut bytes);
    let at = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let body = bytes.split_off(at + 4);
    let head = String::from_utf8(bytes).unwrap();
    let length = head.lines().find_map(|line| {
        let length = line.strip_prefix("content-length: ")?;
        length.trim().parse::<usize>().ok()
    });
    let whole = length.is_none_or(|length| length == body.len());
    if whole {
        schema::hold_printed(&body);
    }
    whole.then(|| Answer {
        status: head[9..12].parse().unwrap(),
        head,
        body,
    })
}
