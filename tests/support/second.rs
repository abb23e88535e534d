//! The second verifier, `tests/by-hand/verify.py`, as a process that is asked one question after the
//! other (`second.py` has them), and what it means that it agrees with ours.
//!
//! `LEDGER_TEST_PYTHON` names a Python interpreter that has the packages `blake3` and `pynacl`. Where
//! it is not set the second verifier is left out, and says so; where it is set and something is
//! missing, the test fails.

use std::cell::RefCell;
use std::io::BufRead as _;
use std::io::BufReader;
use std::io::Write as _;
use std::path::Path;
use std::process::Child;
use std::process::ChildStdout;
use std::process::Command;
use std::process::Stdio;

/// A second verifier that waits for questions.
pub struct Second {
    child: Child,
    answers: BufReader<ChildStdout>,
}

impl Second {
    /// Nothing where none is asked for.
    pub fn start() -> Option<Self> {
        let Some(python) = std::env::var_os("LEDGER_TEST_PYTHON") else {
            eprintln!("left out: the second verifier, for LEDGER_TEST_PYTHON names no interpreter");
            return None;
        };
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/second.py");
        let mut child = Command::new(&python)
            .arg("-B")
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|fault| panic!("LEDGER_TEST_PYTHON={}: {fault}", python.display()));
        let answers = BufReader::new(child.stdout.take().unwrap());
        Some(Self { child, answers })
    }

    /// Asks, and does not wait for the answer.
    pub fn ask(&mut self, question: &str) {
        let stdin = self.child.stdin.as_mut().unwrap();
        writeln!(stdin, "{question}").unwrap();
    }

    /// The answer to the oldest question without one.
    pub fn answer(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        assert!(line.ends_with('\n'), "the second verifier broke down");
        line.trim_end().to_owned()
    }

    /// Asks, and waits.
    pub fn told(&mut self, question: &str) -> String {
        self.ask(question);
        self.answer()
    }
}

impl Drop for Second {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        self.child.wait().unwrap();
    }
}

/// What the first verifier says of a ledger's integrity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Integrity {
    pub passes: bool,
    /// The first entry that is bad, or where all are good the first whose tile or attached file is.
    pub first: Option<u64>,
}

impl Integrity {
    /// From the rules of integrity that were held against a ledger, each with its entry.
    pub fn of<'a>(passes: bool, found: impl IntoIterator<Item = (&'a str, Option<u64>)>) -> Self {
        let named = found.into_iter().filter_map(|(rule, at)| Some((rule, at?)));
        // The second verifier looks at these only when it has seen all entries.
        let later = |rule: &str| ["I-09", "I-13"].contains(&rule);
        let first = named.map(|(rule, at)| (later(rule), at)).min();
        Self {
            passes,
            first: first.map(|(_, at)| at),
        }
    }

    /// Insists that the second verdict is the same, and where ours names an entry, the same entry.
    pub fn agrees(self, what: &str, theirs: &str) {
        let expected = match (self.passes, self.first) {
            (true, _) => "PASS entries ".to_owned(),
            (false, Some(first)) => format!("FAIL {first} "),
            (false, None) => "FAIL ".to_owned(),
        };
        assert!(
            theirs.starts_with(&expected),
            "{what}: ours says {expected:?}, the second verifier {theirs:?}"
        );
    }

    /// The same of the ledger in `dir`, asked now.
    pub fn agrees_about(self, what: &str, dir: &Path) {
        if let Some(theirs) = told(&format!("folder {}", dir.display())) {
            self.agrees(what, &theirs);
        }
    }
}

/// The answer to one question, by a process that lives as long as this thread.
pub fn told(question: &str) -> Option<String> {
    thread_local! {
        static SECOND: RefCell<Option<Second>> = RefCell::new(Second::start());
    }
    SECOND.with_borrow_mut(|second| second.as_mut().map(|second| second.told(question)))
}
