//! `ledger serve` on a Unix socket: statements are signed here, as any client would (docs/FORMAT.md), and each waits for its
//! receipt. One by one from one client, or many from 64 clients at once.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::Signer as _;
use sha2::{Digest as _, Sha256};

use crate::record::author;
use crate::{Outcome, Peer};

const CLIENTS: usize = 64;

type Connection = BufReader<UnixStream>;

pub struct Serve {
    socket: PathBuf,
    ledger: Vec<u8>,
    clients: Vec<Connection>,
}

impl Serve {
    pub fn open(socket: &Path, ledger: &str) -> Outcome<Self> {
        Ok(Self {
            socket: socket.to_owned(),
            ledger: hex::decode(ledger)?,
            clients: Vec::new(),
        })
    }
}

impl Peer for Serve {
    fn wake(&mut self) -> Outcome {
        // The server hangs up on whoever is silent while other peers have their turn.
        let connect = |_| Ok(BufReader::new(UnixStream::connect(&self.socket)?));
        self.clients = (0..CLIENTS).map(connect).collect::<Outcome<_>>()?;
        Ok(())
    }

    fn append(&mut self, texts: &[String]) -> Outcome {
        let ledger = &self.ledger;
        if let [text] = texts {
            return send(&mut self.clients[0], ledger, text);
        }
        let waiting = Mutex::new(texts.iter());
        std::thread::scope(|scope| {
            let busy: Vec<_> = self
                .clients
                .iter_mut()
                .map(|client| {
                    let waiting = &waiting;
                    scope.spawn(move || -> Outcome {
                        loop {
                            let next = waiting.lock().map_err(|_| "a client failed")?.next();
                            let Some(text) = next else { return Ok(()) };
                            send(client, ledger, text)?;
                        }
                    })
                })
                .collect();
            busy.into_iter()
                .try_for_each(|client| client.join().map_err(|_| "a client failed")?)
        })
    }

    fn verify(&mut self) -> Outcome<u64> {
        Err("the program verifies its folder".into())
    }
}

/// `source.observed`, signed.
fn statement(ledger: &[u8], text: &str) -> Outcome<String> {
    let field = |text: &str| [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat();
    let digest = Sha256::digest(text.as_bytes());
    let micros = SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros() as i64;
    let statement = [
        &1_u16.to_le_bytes(),
        ledger,
        &digest[..16],
        &micros.to_le_bytes(),
        author().verifying_key().as_bytes(),
        &[0],
        &36_u32.to_le_bytes(),
        &field("vault"),
        &field(&text[8..18]),
        &digest,
        &field(text),
        // About no secret, no rotation and no version.
        &[0, 0, 0],
        &0_u64.to_le_bytes(),
    ]
    .concat();
    let message = [
        b"ledger-stmt-v1\n".as_slice(),
        blake3::hash(&statement).as_bytes(),
    ]
    .concat();
    Ok(serde_json::json!({
        "schema": "rotation-ledger/spooled-statement/1",
        "statement": STANDARD.encode(&statement),
        "signature": hex::encode(author().sign(&message).to_bytes()),
        "attachments": [],
    })
    .to_string())
}

/// Sends a record and waits until it is durable.
fn send(client: &mut Connection, ledger: &[u8], text: &str) -> Outcome {
    let body = statement(ledger, text)?;
    let request = format!(
        "POST /v1/statements HTTP/1.1\r\nHost: l\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    client.get_mut().write_all(request.as_bytes())?;
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if client.read_line(&mut head)? == 0 {
            return Err("the server hung up".into());
        }
    }
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.ok_or("no length")?.parse()?];
    client.read_exact(&mut body)?;
    match head.starts_with("HTTP/1.1 201") {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&body).into()),
    }
}
