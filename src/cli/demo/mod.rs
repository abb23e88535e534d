//! `ledger demo`: a rotation and an emergency by a playbook, as people carry them out.
//!
//! Each line of `story.sh` is given to a shell in which `ledger` is this program, so nothing is shown that a reader
//! could not do. Only the byte in the copy is changed from here.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

use crate::store::image::TailContents;
use crate::store::tail::TAIL_FILE;
use crate::sys::disk;

use super::answer::CommandResult;
use super::context::Context;
use super::exit::{CommandError, Exit};
use super::files::{make_private, write_new};
use super::layout::word;

/// A title behind `#`, or a command. What rotates and what verifies is shown.
const STORY: &str = include_str!("story.sh");
const PLAYBOOK: &str = include_str!("playbook.toml");
/// What plays a line.
const SHELL: &str = "/bin/sh";
/// The event whose entry is tampered with in the copy.
const VICTIM: &str = "revocation.verified";

/// Rotate by a playbook in a temporary ledger, then tamper with it and see it found
#[derive(Debug, clap::Args)]
pub(crate) struct DemoArgs {
    /// Keep the ledger and everything around it in this new folder
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

/// Plays the story.
pub(crate) fn run(context: &mut Context, args: &DemoArgs) -> CommandResult {
    // Nothing is kept unless a folder was named: then everything is.
    let (folder, _removed) = match &args.dir {
        Some(dir) => (dir.clone(), None),
        None => {
            let made = tempfile::Builder::new().prefix("ledger-demo-").tempdir();
            let made = made.map_err(|fault| cannot("a temporary folder", &fault))?;
            (made.path().to_owned(), Some(made))
        }
    };
    let mut stage = Stage::build(folder)?;
    for line in STORY.lines() {
        stage.play(context, line)?;
    }
    stage.tamper(context)?;
    context.ui.line(match &args.dir {
        Some(dir) => format!(
            "\nkept: keys/, ledger/, state/ (its checkpoint outside), playbooks/, tampered/\ntry: cd {}; ledger --ledger ledger --state state status",
            word(&dir.display().to_string())
        ),
        None => "\nthe folder is removed again; keep it with: ledger demo --dir DIR".to_owned(),
    });
    Ok(Exit::Passed.into())
}

/// Where the story is played.
struct Stage {
    program: PathBuf,
    folder: PathBuf,
    victim: Option<u64>,
}

impl Stage {
    fn build(folder: PathBuf) -> Result<Self, CommandError> {
        if folder
            .read_dir()
            .is_ok_and(|mut inside| inside.next().is_some())
        {
            let message = format!("{} is not empty", folder.display());
            return Err(CommandError::usage(message).hint("name a new folder with --dir"));
        }
        make_private(&folder.join("keys"))?;
        make_private(&folder.join("playbooks"))?;
        write_new(&folder.join("playbooks/demo.toml"), PLAYBOOK.as_bytes())?;
        // Where /proc is not there it is known by the name that it was called by.
        let called = env::args_os().next().unwrap_or_default();
        let program = env::current_exe().or_else(|_| fs::canonicalize(&called));
        Ok(Self {
            program: program.unwrap_or_else(|_| called.into()),
            folder,
            victim: None,
        })
    }

    /// One line of the story.
    fn play(&mut self, context: &mut Context, line: &str) -> Result<(), CommandError> {
        if line.starts_with('#') {
            context.ui.line(line);
        } else if line.starts_with("ledger rotate") {
            context.ui.line(format!("$ {line}"));
            let said = self.run(&format!("{line} --json"), &[0, 7])?;
            let said: Value = serde_json::from_str(&said).unwrap_or_default();
            context.ui.line(told(&said));
            let mut receipts = said["receipts"].as_array().into_iter().flatten();
            let victim = receipts.find(|receipt| receipt["event"] == VICTIM);
            let victim = victim.and_then(|receipt| receipt["sequence"].as_u64());
            self.victim = self.victim.or(victim);
        } else {
            let said = self.run(line, &[0])?;
            if line.starts_with("ledger verify") {
                context.ui.line(format!("$ {line}"));
                // Hashes that nobody here compares with anything.
                let rest = said
                    .split_once("\n\n")
                    .map(|(_, rest)| format!("…\n{rest}"));
                context.ui.print(rest.unwrap_or(said));
            }
        }
        Ok(())
    }

    /// What a line prints, which has to end with one of these codes.
    fn run(&self, line: &str, codes: &[i32]) -> Result<String, CommandError> {
        let mut shell = Command::new(SHELL);
        let mine = env::vars_os().map(|(name, _)| name);
        for name in mine.filter(|name| name.as_encoded_bytes().starts_with(b"LEDGER_")) {
            shell.env_remove(name);
        }
        let played = shell
            .args([
                "-c",
                &format!("ledger() {{ command \"$0\" \"$@\"; }}; {line}"),
            ])
            .arg(&self.program)
            .current_dir(&self.folder)
            .env("LEDGER_PATH", "ledger")
            .env("LEDGER_STATE", "state")
            .output();
        let Output {
            status,
            stdout,
            stderr,
        } = played.map_err(|fault| cannot("the demo needs /bin/sh", &fault))?;
        if status.code().is_some_and(|code| codes.contains(&code)) {
            return Ok(String::from_utf8_lossy(&stdout).into_owned());
        }
        let why = String::from_utf8_lossy(&stderr);
        Err(CommandError::temporary(format!(
            "{line}\n{}",
            why.trim_end()
        )))
    }

    /// Flips one byte of one stored entry in a copy, and verifies the copy.
    fn tamper(&self, context: &mut Context) -> Result<(), CommandError> {
        let failed = |fault| cannot("a copy of the ledger", &fault);
        disk::copy_folder(&self.folder.join("ledger"), &self.folder.join("tampered"))
            .map_err(failed)?;
        let victim = self.victim.unwrap_or_default();
        let tail = self.folder.join("tampered").join(TAIL_FILE);
        let mut bytes = fs::read(&tail).map_err(failed)?;
        let held = TailContents::parse(&bytes).ok();
        let held = held.and_then(|held| held.entries.get(usize::try_from(victim).ok()?).cloned());
        let entry = held.ok_or_else(|| CommandError::broken("the copy does not hold the entry"))?;
        let begin = bytes.windows(entry.len()).position(|bytes| bytes == entry);
        if let Some(byte) = bytes.get_mut(begin.unwrap_or_default() + entry.len() / 2) {
            *byte ^= 1;
        }
        fs::write(&tail, bytes).map_err(failed)?;
        let line = "ledger verify --ledger tampered";
        context.ui.line(format!(
            "\none byte of entry {victim} ({VICTIM} of rot-1) is flipped in a copy\n$ {line}"
        ));
        let said = self.run(line, &[1])?;
        let findings = said.split("\n\n").find(|part| part.starts_with("findings"));
        let last = said.lines().last().unwrap_or_default();
        context
            .ui
            .line(format!("…\n{}\n…\n{last}", findings.unwrap_or_default()));
        match said.contains(&format!("I-17@{victim} ")) {
            true => Ok(()),
            false => Err(CommandError::broken(format!(
                "the flipped byte of entry {victim} was not found"
            ))),
        }
    }
}

/// What `ledger rotate --json` said: what was done, in which entries, and for what it waits.
fn told(said: &Value) -> String {
    let of = |list: &str, name: &str| -> Vec<String> {
        let items = said[list].as_array().into_iter().flatten();
        items
            .map(|item| item[name].to_string().replace('"', ""))
            .collect()
    };
    let entries = match of("receipts", "sequence").as_slice() {
        [first, .., last] => format!("entries {first}-{last}"),
        one => format!("entry {}", one.concat()),
    };
    let why = said["why"].as_str().map(|why| format!("\n  {why}"));
    let steps = of("ran", "step").join(", ");
    format!("  {entries}: {steps}{}", why.unwrap_or_default())
}

fn cannot(what: &str, fault: &std::io::Error) -> CommandError {
    CommandError::temporary(format!("{what}: {fault}"))
}
