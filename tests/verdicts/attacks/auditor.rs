//! Somebody who looks at an attacked ledger with the shipped program, and a ledger to attack.

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Output;

use rotation_ledger::hash::Sha256Digest;
use rotation_ledger::ledger::CHECKPOINT_FILE;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::folder::Folder;
use crate::support::program;
use crate::support::second::Integrity;
use crate::support::signed_token::SignedAuthority;
use crate::support::story::Story;
use crate::support::story::sealing_key;

/// A ledger of one whole rotation, as it was before anybody laid hands on it.
pub(crate) fn honest() -> Story {
    let mut story = Story::new();
    let rotation = story.standard("r-1", "db/orders");
    story.play(rotation);
    story
}

/// The newest checkpoint of a ledger, by its sealing key.
pub(crate) fn head_of(story: &Story) -> Vec<u8> {
    story.checkpoint_of(story.entries.len(), &sealing_key())
}

/// What somebody left in the folder, in a host's state folder, and in an auditor's hands.
pub(crate) struct Scene {
    folder: Folder,
    kept: TempDir,
    as_of: String,
    flags: Vec<String>,
    /// The most memory for the program, in KiB of addresses.
    most: Option<&'static str>,
}

impl Scene {
    /// The entries of a story in a folder, with the frames and tiles that fit them, and beside them
    /// `checkpoint`.
    pub(crate) fn of(story: &Story, checkpoint: &[u8]) -> Self {
        let folder = Folder::of(story);
        folder.change(CHECKPOINT_FILE, |bytes| *bytes = checkpoint.to_vec());
        Self {
            folder,
            kept: tempfile::tempdir().unwrap(),
            as_of: story.now.to_string(),
            flags: Vec::new(),
            most: None,
        }
    }

    /// Changes a stored file.
    pub(crate) fn change(self, name: &str, change: impl FnOnce(&mut Vec<u8>)) -> Self {
        self.folder.change(name, change);
        self
    }

    /// Where a stored file is.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path(name)
    }

    fn keep(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.kept.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.display().to_string()
    }

    /// The host kept this checkpoint outside the folder.
    pub(crate) fn head(mut self, note: &[u8]) -> Self {
        let path = self.keep("head", note);
        self.flags.extend(["--head".to_owned(), path]);
        self
    }

    /// The auditor kept this checkpoint.
    pub(crate) fn anchor(mut self, note: &[u8]) -> Self {
        let path = self.keep(&format!("anchor-{}", self.flags.len()), note);
        self.flags.extend(["--anchor".to_owned(), path]);
        self
    }

    /// The auditor verified the ledger up to this checkpoint before.
    pub(crate) fn again(mut self, note: &[u8]) -> Self {
        let path = self.keep("seen", note);
        self.flags.extend(["--verified".to_owned(), path]);
        self
    }

    /// The host's own is handed over as the auditor's.
    pub(crate) fn anchor_is_head(mut self) -> Self {
        let path = self.kept.path().join("head").display().to_string();
        self.flags.extend(["--anchor".to_owned(), path]);
        self
    }

    /// The auditor has this trust file.
    pub(crate) fn trust(mut self, lines: &str) -> Self {
        let path = self.keep("trust", lines.as_bytes());
        self.flags.extend(["--trust".to_owned(), path]);
        self
    }

    /// Witnesses cosigned this checkpoint, which stands in the folder.
    pub(crate) fn cosigned(self, note: &[u8]) -> Self {
        std::fs::write(self.folder.path("cosigned"), note).unwrap();
        self
    }

    /// A time token over this checkpoint of `size` entries stands in the folder, and in the hands of
    /// those who attach it.
    pub(crate) fn stamped(self, size: u64, checkpoint: &[u8], token: &[u8]) -> Self {
        let hash = Sha256Digest::of(token).to_string();
        let stem = format!("timestamps/{size}-{}", &hash[..16]);
        std::fs::create_dir_all(self.path("timestamps")).unwrap();
        std::fs::write(self.path(&format!("{stem}.tsr")), token).unwrap();
        std::fs::write(self.path(&format!("{stem}.checkpoint")), checkpoint).unwrap();
        self.folder.attach(token);
        self
    }

    /// The auditor knows the root of this time-stamping authority.
    pub(crate) fn believing(mut self, authority: &SignedAuthority) -> Self {
        let path = self.keep("tsa-ca.pem", authority.pem().as_bytes());
        self.flags.extend(["--tsa-ca".to_owned(), path]);
        self
    }

    /// The auditor wants everything checked.
    pub(crate) fn strict(mut self) -> Self {
        self.flags.push("--strict".to_owned());
        self
    }

    /// The auditor's machine has no more memory than this, in KiB.
    pub(crate) fn bounded(mut self, kib: &'static str) -> Self {
        self.most = Some(kib);
        self
    }

    /// What `ledger verify` says.
    pub(crate) fn seen(&self) -> String {
        told(&self.verified())
    }

    /// What `ledger verify` says of how old the view is.
    pub(crate) fn age(&self) -> String {
        let output = self.verified();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let notes = report["notes"].as_array().unwrap();
        let is_age = |note: &&str| note.starts_with("the newest time by another clock");
        let mut notes = notes.iter().map(|note| note.as_str().unwrap());
        let age = notes.find(is_age).unwrap_or("nothing of its age");
        format!("told: {age} · exit {}", output.status.code().unwrap())
    }

    fn verified(&self) -> Output {
        let mut words = vec!["verify", "--json", "--as-of", &self.as_of];
        words.extend(self.flags.iter().map(String::as_str));
        let dir = self.folder.path("");
        let most = self.most.unwrap_or("unlimited");
        let output = within(most, &dir, &self.kept.path().join("state"), &words);
        // The second verifier always looks at everything.
        let looks_at_all = !self.flags.iter().any(|flag| flag == "--verified");
        if let Some(integrity) = integrity(&output).filter(|_| looks_at_all) {
            integrity.agrees_about(&told(&output), &dir);
        }
        output
    }
}

/// The shipped program, on the ledger in `dir`.
pub(crate) fn ledger(dir: &Path, state: &Path, words: &[&str]) -> Output {
    within("unlimited", dir, state, words)
}

/// The same with so many KiB for its memory.
pub(crate) fn within(kib: &str, dir: &Path, state: &Path, words: &[&str]) -> Output {
    let mut ledger = Command::new(env!("CARGO_BIN_EXE_ledger"));
    ledger
        .args(words)
        .env("LEDGER_PATH", dir)
        .env("LEDGER_STATE", state)
        .env_remove("LEDGER_KEY");
    program::within(kib, &ledger).output().unwrap()
}

/// What a report says of integrity; nothing where there is no report.
fn integrity(output: &Output) -> Option<Integrity> {
    let report: Value = serde_json::from_slice(&output.stdout).ok()?;
    let verdicts = report["verdicts"].as_array()?;
    let passes = |line: &Value| line["verdict"] == "integrity" && line["status"] == "PASS";
    let found = report["findings"].as_array()?.iter();
    let found = found.filter(|finding| finding["verdict"] == "integrity");
    let found = found.map(|finding| (finding["rule"].as_str().unwrap(), finding["entry"].as_u64()));
    Some(Integrity::of(verdicts.iter().any(passes), found))
}

/// A report in one line: what fails, by rule and entry, or what was not checked; the exit code.
pub(crate) fn told(output: &Output) -> String {
    let code = output.status.code().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|fault| panic!("{fault}: {output:?}"));
    if let Some(message) = report["error"]["message"].as_str() {
        return format!("refused: {} · exit {code}", without_paths(message));
    }
    let mut parts = Vec::new();
    for verdict in report["verdicts"].as_array().unwrap() {
        if verdict["status"] != "FAIL" {
            continue;
        }
        let word = verdict["verdict"].as_str().unwrap();
        let mut rules = Vec::new();
        for finding in report["findings"].as_array().unwrap() {
            if finding["verdict"] == word {
                let rule = finding["rule"].as_str().unwrap();
                rules.push(match finding["entry"].as_u64() {
                    Some(entry) => format!("{rule} at {entry}"),
                    None => rule.to_owned(),
                });
            }
        }
        let more = rules.len().saturating_sub(4);
        rules.truncate(4);
        if more > 0 {
            rules.push(format!("{more} more"));
        }
        parts.push(format!("{word}: {}", rules.join(", ")));
    }
    if parts.is_empty() {
        let unchecked = report["not_checked"].as_array().unwrap();
        let unchecked: Vec<_> = unchecked
            .iter()
            .map(|line| line.as_str().unwrap())
            // What is missing, without why.
            .map(|line| without_paths(line.split(": ").next().unwrap()))
            .filter(|line| !line.starts_with("whether every secret is registered"))
            .collect();
        parts.push(match unchecked.is_empty() {
            true => "not checked: nothing".to_owned(),
            false => format!("not checked: {}", unchecked.join("; ")),
        });
    }
    parts.push(format!("exit {code}"));
    parts.join(" · ")
}

/// Folders are made anew for each test, and no table can name them.
fn without_paths(text: &str) -> String {
    let words = text
        .split(' ')
        .map(|word| match word.trim_end_matches('/').rsplit_once('/') {
            Some((_, name)) if word.starts_with("/tmp") => {
                if name.starts_with(".tmp") {
                    "the folder"
                } else {
                    name
                }
            }
            _ => word,
        });
    words.collect::<Vec<_>>().join(" ")
}
