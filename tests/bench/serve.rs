//! `ledger serve` under load: 64 clients on its Unix socket, each with a connection of its own, sending one
//! signed statement after the other and waiting for its receipt; in turns with the library's own batches of
//! 1,000, so that both have the same machine. The clients share one thread, so that they take as little of that
//! machine as clients elsewhere would.
//!
//! `cargo bench --bench serve`; `LEDGER_BENCH_SECONDS` is how long each load lasts (600 for a look at the
//! memory), `LEDGER_BENCH_DIR` names the folder (and so the disk) to use.

#![allow(clippy::unwrap_used, reason = "a bench that fails should stop")]

#[path = "figures.rs"]
mod figures;
#[path = "../support/generate.rs"]
mod generate;

use std::io::BufRead as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use figures::Sample;
use generate::observed;
use rotation_ledger::append::Submission;
use rotation_ledger::hash::LedgerId;
use rotation_ledger::spool;
use rotation_ledger::sys::world::World;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::runtime;
use tokio::task::JoinSet;

const CLIENTS: usize = 64;
const BATCH: usize = 1_000;
const BATCHES: usize = 12;
/// A look at the memory takes one round.
const ROUNDS: usize = 3;
const LONG: u64 = 60;
/// Statements that are signed beforehand at a time; while they are, nobody sends.
const SIGNED: usize = 16_000;

fn signed(world: &World, ledger: LedgerId, count: usize) -> Vec<Submission> {
    let olga = generate::cast().olga;
    (0..count)
        .map(|n| generate::signed(world, ledger, &olga, observed(n)))
        .collect()
}

fn main() {
    let seconds = figures::asked("LEDGER_BENCH_SECONDS", 5);
    let (near, far) = (figures::folder(), figures::folder());
    let world = World::system();
    let (_, mut writer) = generate::found(&world, near.path(), 50);
    let (_, served) = generate::found(&world, far.path(), 50);
    let ledger = served.ledger();
    served.close();
    let server = Server::start(far.path());
    let mut best = 0.0_f64;
    let rounds = if seconds < LONG { ROUNDS } else { 1 };
    for round in 1..=rounds {
        let mut batches = Sample::new();
        for _ in 0..BATCHES {
            let batch = signed(&world, writer.ledger(), BATCH);
            let begun = Instant::now();
            assert_eq!(writer.append(batch).receipts.len(), BATCH);
            batches.add(begun.elapsed());
        }
        let own = BATCH as f64 / batches.median();
        let load = load(&server, &world, ledger, Duration::from_secs(seconds));
        best = best.max(load.rate / own);
        println!(
            "round {round}: batches of {BATCH} {own:>7.0}/s   {CLIENTS} clients {:>7.0}/s   ratio {:.2}   \
             {:.1} entries a commit   {}",
            load.rate,
            load.rate / own,
            load.a_commit,
            load.answers.spread()
        );
    }
    println!("best ratio of one round: {best:.2}");
    writer.close();
}

/// What a load came to.
struct Load {
    rate: f64,
    a_commit: f64,
    answers: Sample,
}

/// Has all clients send for `length`; the time in which statements are signed does not count.
fn load(server: &Server, world: &World, ledger: LedgerId, length: Duration) -> Load {
    let mut runtime = runtime::Builder::new_current_thread();
    let runtime = runtime.enable_io().build().unwrap();
    let before = runtime.block_on(server.commits());
    let (mut sent, mut sending, mut answers) = (0, Duration::ZERO, Sample::new());
    let mut told = Duration::ZERO;
    while sending < length {
        let requests: Vec<_> = signed(world, ledger, SIGNED).iter().map(request).collect();
        let begun = Instant::now();
        runtime.block_on(async {
            let mut clients = JoinSet::new();
            for share in requests.chunks(SIGNED / CLIENTS) {
                clients.spawn(client(server.connect().await, share.to_vec()));
            }
            while let Some(took) = clients.join_next().await {
                let took = took.unwrap();
                sent += took.len();
                took.into_iter().for_each(|time| answers.add(time));
            }
        });
        sending += begun.elapsed();
        if sending - told > Duration::from_secs(60) {
            told = sending;
            let (seconds, memory) = (sending.as_secs(), server.memory());
            println!("  after {seconds:>4} s: {sent:>9} sent, the server has {memory:>6.1} MiB");
        }
    }
    let after = runtime.block_on(server.commits());
    assert_eq!(after.0 - before.0, sent as f64);
    Load {
        rate: sent as f64 / sending.as_secs_f64(),
        a_commit: (after.0 - before.0) / (after.1 - before.1),
        answers,
    }
}

fn request(submission: &Submission) -> Vec<u8> {
    let body = spool::encode(submission);
    let head = format!(
        "POST /v1/statements HTTP/1.1\r\nHost: l\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), &body].concat()
}

/// Sends one statement after the other and takes their receipts. How long each took.
async fn client(mut stream: BufReader<UnixStream>, requests: Vec<Vec<u8>>) -> Vec<Duration> {
    let mut took = Vec::with_capacity(requests.len());
    for request in requests {
        let begun = Instant::now();
        let (status, _) = ask(&mut stream, &request).await;
        assert_eq!(status, "201");
        took.push(begun.elapsed());
    }
    took
}

/// The status and the body of the answer to a request.
async fn ask(stream: &mut BufReader<UnixStream>, request: &[u8]) -> (String, Vec<u8>) {
    stream.write_all(request).await.unwrap();
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(stream.read_line(&mut head).await.unwrap() > 0, "{head}");
    }
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.unwrap().parse().unwrap()];
    stream.read_exact(&mut body).await.unwrap();
    (head[9..12].to_owned(), body)
}

/// The server, ended with the bench.
struct Server {
    child: Child,
    socket: PathBuf,
}

impl Server {
    fn start(home: &Path) -> Self {
        let socket = home.join("socket");
        let program = std::env::var_os("LEDGER_BENCH_PROGRAM");
        let mut child = Command::new(program.unwrap_or(env!("CARGO_BIN_EXE_ledger").into()))
            .arg("--ledger")
            .arg(home.join("ledger"))
            .arg("--state")
            .arg(home.join("state"))
            .args(["serve", "--rate", "0", "--listen"])
            .arg(format!("unix:{}", socket.display()))
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(home.join("log")).unwrap())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut lines = std::io::BufReader::new(child.stdout.take().unwrap());
        lines.read_line(&mut line).unwrap();
        assert!(line.starts_with("listening on "), "{line}");
        Self { child, socket }
    }

    async fn connect(&self) -> BufReader<UnixStream> {
        BufReader::new(UnixStream::connect(&self.socket).await.unwrap())
    }

    /// Entries and commits until now, as `/metrics` has them.
    async fn commits(&self) -> (f64, f64) {
        let request = b"GET /metrics HTTP/1.1\r\nHost: l\r\n\r\n";
        let (_, text) = ask(&mut self.connect().await, request).await;
        let text = String::from_utf8(text).unwrap();
        let number = |name: &str| {
            let mut lines = text.lines();
            let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            value.map_or(0.0, |value| value.parse().unwrap())
        };
        (
            number("ledger_commit_entries_sum"),
            number("ledger_commit_entries_count"),
        )
    }

    /// Resident memory in MiB.
    fn memory(&self) -> f64 {
        figures::memory_of(&self.child.id().to_string(), "VmRSS").unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
