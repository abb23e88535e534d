//! The shipped program, in a folder of its own with a prepared ledger, for tests of processes.

use std::io::BufRead as _;
use std::io::BufReader;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::ChildStdin;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::Mutex;
use std::thread::JoinHandle;
use std::time::Duration;
use std::time::Instant;

use serde_json::Value;
use tempfile::TempDir;

use super::schema;

/// A folder with the ledger `prod`, its state and the keys of Alice, Petra and Olga.
pub struct Program {
    root: PathBuf,
    /// Gone with the test, unless the folder is somebody else's.
    _folder: Option<TempDir>,
}

impl Program {
    /// As `prepared-ledger.sh` makes it: four entries, and rotation r-1 opened by a fifth.
    pub fn prepared() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = Self::prepared_in(folder.path());
        Self {
            _folder: Some(folder),
            ..program
        }
    }

    /// In a folder that is there, and nothing is prepared.
    pub fn at(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            _folder: None,
        }
    }

    /// The same in a folder that is there.
    pub fn prepared_in(root: &Path) -> Self {
        let program = Self::at(root);
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/prepared-ledger.sh");
        let mut prepare = Command::new(script);
        assert!(program.around(&mut prepare).status().unwrap().success());
        let open = "append rotation.opened --key olga.pem --rotation r-1 --secret db/orders --reason scheduled --consumers api,worker";
        assert_eq!(program.code(open), 0);
        program
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// `ledger` with these words, ready to run.
    pub fn ledger(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ledger"));
        command.args(words.split(' '));
        self.around(&mut command);
        command
    }

    /// Has a command run where the ledger is.
    pub fn around<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command
            .current_dir(&self.root)
            .env("LEDGER", env!("CARGO_BIN_EXE_ledger"))
            .env("LEDGER_PATH", "prod")
            .env("LEDGER_STATE", "state")
            .stdin(Stdio::null())
    }

    /// Runs it to its end. Whatever documents it prints follow their schemas.
    pub fn output(&self, words: &str) -> Output {
        let output = self.ledger(words).output().unwrap();
        schema::hold_printed(&output.stdout);
        output
    }

    /// Runs it to its end, and looks at nothing but the exit code.
    pub fn code(&self, words: &str) -> i32 {
        self.output(words).status.code().unwrap()
    }

    /// The one JSON document that it prints.
    pub fn json(&self, words: &str) -> Value {
        serde_json::from_slice(&self.output(words).stdout).unwrap()
    }

    /// The events of all entries, in order.
    pub fn events(&self) -> Vec<String> {
        let log = self.json("log --json");
        let entries = log["entries"].as_array().unwrap();
        entries
            .iter()
            .map(|entry| entry["event"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Starts a writer and feeds it drafts for as long as it reads.
    pub fn feed(&self) -> Fed {
        let command = self.ledger("append --key olga.pem --json - --wait 60s");
        Fed::of(command, |mut input| {
            // Ends when nobody reads any more.
            let fed_all = (0..200_000).all(|n| input.write_all(draft(n).as_bytes()).is_ok());
            assert!(!fed_all, "it was not stopped while it was fed");
        })
    }

    /// Has a shell run this again and again.
    pub fn repeat(&self, script: &str) -> Fed {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        self.around(&mut command);
        Fed::of(command, drop)
    }

    /// Insists that each receipt, a sequence and an event's id, is that of an entry that is there.
    pub fn assert_all_there(&self, receipts: &[(u64, String)], what: &str) {
        let log = self.json("log --json");
        let entries = log["entries"].as_array().unwrap();
        for (sequence, id) in receipts {
            let entry = entries.get(usize::try_from(*sequence).unwrap());
            let found = entry.and_then(|entry| entry["event_id"].as_str());
            assert_eq!(found, Some(id.as_str()), "{what}: entry {sequence}");
        }
    }

    /// Whether every entry is whole, signed by somebody who may, and none is missing.
    pub fn is_intact(&self) -> bool {
        let report = self.json("verify --json");
        let passes = |verdict: &Value| verdict["status"] == "PASS";
        report["verdicts"]
            .as_array()
            .unwrap()
            .iter()
            .take(3)
            .all(passes)
    }
}

/// Writers at work, in a process group of their own.
pub struct Fed {
    child: Child,
    receipts: Arc<Mutex<Vec<(u64, String)>>>,
    feeding: JoinHandle<()>,
    reading: JoinHandle<()>,
}

impl Fed {
    fn of(mut command: Command, feed: impl FnOnce(ChildStdin) + Send + 'static) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let feeding = std::thread::spawn(|| feed(input));
        let output = BufReader::new(child.stdout.take().unwrap());
        let receipts = Arc::new(Mutex::new(Vec::new()));
        let printed = receipts.clone();
        let reading = std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                // The last line may be cut off; a receipt is a whole one.
                if let Ok(said) = serde_json::from_str(&line) {
                    printed.lock().unwrap().push(receipt(&said).unwrap());
                }
            }
        });
        Self {
            child,
            receipts,
            feeding,
            reading,
        }
    }

    /// Lets it work for a while: two rounds of three from its first receipt on, so that it is at work
    /// when the while is over however slow the machine, and one from its start.
    pub fn work(&self, round: u64, pause: Duration) {
        while !round.is_multiple_of(3) && self.receipts().is_empty() && !self.reading.is_finished()
        {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(pause);
    }

    /// The receipts that it has printed: the entry's sequence and the event's id.
    pub fn receipts(&self) -> Vec<(u64, String)> {
        self.receipts.lock().unwrap().clone()
    }

    /// Sends a signal to all of its processes.
    pub fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process_group(pid(&self.child), signal).unwrap();
    }

    /// Kills it, and returns all of its receipts.
    pub fn kill(mut self) -> Vec<(u64, String)> {
        self.signal(rustix::process::Signal::KILL);
        self.child.wait().unwrap();
        self.feeding.join().unwrap();
        self.reading.join().unwrap();
        self.receipts.lock().unwrap().clone()
    }
}

/// What a ledger is doing when it is stopped; each prints the receipts of what it appends.
const WORKS: [(&str, Option<&str>); 4] = [
    ("append", None),
    // More than a bundle in each.
    (
        "batches across a seal",
        Some("while $LEDGER append --key olga.pem --json drafts; do :; done"),
    ),
    (
        "key replacement",
        Some("while $LEDGER key renew --json; do :; done"),
    ),
    (
        "backups beside batches",
        Some(
            "while :; do $LEDGER backup --to b >&2; done & while $LEDGER append --key olga.pem --json drafts --wait 60s; do :; done",
        ),
    ),
];

/// Starts what it is a round's turn to stop, and names it.
pub fn at_work(program: &Program, round: u64) -> (&'static str, Fed) {
    let (name, script) = WORKS[(round % 4) as usize];
    let drafts: String = (0..300).map(draft).collect();
    std::fs::write(program.path("drafts"), drafts).unwrap();
    let fed = match script {
        Some(script) => program.repeat(script),
        None => program.feed(),
    };
    (name, fed)
}

/// After it was stopped: the ledger verifies and goes on with a key and a backup, and all that has a receipt is there.
pub fn assert_goes_on(program: &Program, mut receipts: Vec<(u64, String)>, what: &str) {
    program.assert_all_there(&receipts, what);
    assert!(
        program.is_intact(),
        "{what}: {}",
        program.json("verify --json")
    );
    if program.path("b").exists() {
        // The first may not be whole yet; none is damaged.
        let code = program.code("backup --check b");
        assert!([0, 4].contains(&code), "{what}: {code}");
    }
    for words in [
        "append step.failed --key olga.pem --rotation r-1 --step generate --error next --json",
        "key renew --json",
    ] {
        let next = program.json(words);
        receipts.push(receipt(&next).unwrap_or_else(|| panic!("{what}: {words}: {next}")));
    }
    for words in ["backup --to b", "backup --check b"] {
        let output = program.output(words);
        assert!(output.status.success(), "{what}: {words}: {output:?}");
    }
    assert!(
        program.is_intact(),
        "{what}: {}",
        program.json("verify --json")
    );
    program.assert_all_there(&receipts, what);
}

/// A command with so many KiB of addresses for its memory. It is killed when it takes minutes, as 124.
pub fn within(kib: &str, command: &Command) -> Command {
    let mut bounded = Command::new("sh");
    bounded
        .args([
            "-c",
            "ulimit -v \"$1\"; shift; exec timeout 300 \"$@\"",
            "sh",
            kib,
        ])
        .arg(command.get_program())
        .args(command.get_args())
        .stdin(Stdio::null());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => bounded.env(name, value),
            None => bounded.env_remove(name),
        };
    }
    if let Some(dir) = command.get_current_dir() {
        bounded.current_dir(dir);
    }
    bounded
}

/// The sequence and the event's id, where what was said is a receipt.
pub fn receipt(said: &Value) -> Option<(u64, String)> {
    let id = said["event_id"].as_str()?;
    Some((said["sequence"].as_u64()?, id.to_owned()))
}

/// The first line that a child prints: where it listens.
pub fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    let mut printed = BufReader::new(child.stdout.take().unwrap());
    printed.read_line(&mut line).unwrap();
    line
}

/// Something that an Operator may say as often as she likes.
pub fn draft(n: usize) -> String {
    format!(
        "{{\"event\":\"step.failed\",\"rotation\":\"r-1\",\"step\":\"generate\",\"error\":\"attempt {n}\"}}\n"
    )
}

fn pid(child: &Child) -> rustix::process::Pid {
    let pid = i32::try_from(child.id()).ok();
    pid.and_then(rustix::process::Pid::from_raw).unwrap()
}

/// Sends a signal.
pub fn signal(child: &Child, signal: rustix::process::Signal) {
    rustix::process::kill_process(pid(child), signal).unwrap();
}

/// Waits for a file to be there; a test that waits for longer has failed.
pub fn await_file(path: &Path) {
    let begun = Instant::now();
    while !path.exists() {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "{} never came",
            path.display()
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}
