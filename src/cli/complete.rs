//! What a shell completes a word with: commands and flags, and ids out of the ledger that the line names.
//!
//! A shell asks in the middle of somebody's typing. So nothing is written or waited for, and whatever goes
//! wrong answers with no candidate and no word.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use clap_complete::env::Shells;

use crate::ledger::EntryReader;
use crate::register::Register;
use crate::rule::{RULES, Rule};
use crate::sys::world::World;

/// Names the shell that asks, in the environment of this one question.
pub(crate) const VARIABLE: &str = "LEDGER_COMPLETE";

/// What asks this program, for a shell to read once.
pub(crate) fn script(shell: &str) -> std::io::Result<Vec<u8>> {
    let mut script = Vec::new();
    if let Some(shell) = Shells::builtins().completer(shell) {
        shell.write_registration(VARIABLE, "ledger", "ledger", "ledger", &mut script)?;
    }
    Ok(script)
}

/// The candidates, where it is a shell that asks: then the words of its line stand behind a `--`.
pub(crate) fn answer(
    args: &[OsString],
    world: &World,
    command: impl FnOnce() -> clap::Command,
) -> Option<Vec<u8>> {
    let shell = std::env::var(VARIABLE).ok()?;
    let words = match args {
        [_, dashes, words @ ..] if dashes == "--" => words.to_vec(),
        _ => return None,
    };
    let mut answer = Vec::new();
    if let Some(shell) = Shells::builtins().completer(&shell) {
        let asked = Arc::new(AskedLedger::of(&words, world));
        let mut command = command();
        command.build();
        let mut command = with_ids(command, &asked);
        let here = std::env::current_dir().ok();
        let written = shell.write_complete(&mut command, words, here.as_deref(), &mut answer);
        if written.is_err() {
            answer.clear();
        }
    }
    Some(answer)
}

/// What an argument names.
#[derive(Clone, Copy)]
enum Names {
    Rotation,
    Secret,
    Incident,
    Actor,
    Rule,
    /// A rotation, a secret or an incident.
    Any,
}

impl Names {
    fn of(arg: &clap::Arg) -> Option<Self> {
        let value = arg.get_value_names().and_then(|names| names.first());
        Some(match (arg.get_long(), value.map(|name| name.as_str())) {
            (Some("rotation"), _) => Self::Rotation,
            (Some("secret"), _) | (None, Some("SECRET")) => Self::Secret,
            (Some("incident"), _) => Self::Incident,
            (Some("actor" | "on-behalf-of" | "requested-by"), _) => Self::Actor,
            (Some("rule" | "rules"), _) | (None, Some("RULE|FINGERPRINT" | "FINGERPRINT")) => {
                Self::Rule
            }
            (None, Some("ROTATION|SECRET|INCIDENT" | "SEQ|EVENT-ID|ROTATION")) => Self::Any,
            _ => return None,
        })
    }
}

fn with_ids(command: clap::Command, asked: &Arc<AskedLedger>) -> clap::Command {
    let with_id = |arg: clap::Arg| match Names::of(&arg) {
        Some(names) => {
            let asked = asked.clone();
            arg.add(ArgValueCompleter::new(move |typed: &std::ffi::OsStr| {
                asked.candidates(names, &typed.to_string_lossy())
            }))
        }
        None => arg,
    };
    command
        .mut_args(with_id)
        .mut_subcommands(|inner| with_ids(inner, asked))
}

/// The ledger that the line names, read when an id of it is asked for.
struct AskedLedger {
    named: Option<PathBuf>,
    world: World,
}

impl AskedLedger {
    fn of(words: &[OsString], world: &World) -> Self {
        let flag = words.iter().rposition(|word| word == "--ledger");
        let typed = flag.and_then(|flag| words.get(flag + 1)).cloned();
        let joined = words.iter().filter_map(|word| word.to_str());
        let mut joined = joined.filter_map(|word| word.strip_prefix("--ledger="));
        let named = typed.or_else(|| joined.next_back().map(OsString::from));
        let named = named.or_else(|| std::env::var_os("LEDGER_PATH"));
        Self {
            named: named.map(PathBuf::from),
            world: world.clone(),
        }
    }

    /// As `ledger status` reads it; of a server nothing is asked.
    fn register(&self) -> Option<Register> {
        let dir = self.named.as_ref().filter(|dir| dir.is_dir())?;
        let reader = EntryReader::open(&self.world, dir, Duration::ZERO).ok()?;
        reader.replay().ok()
    }

    fn candidates(&self, names: Names, typed: &str) -> Vec<CompletionCandidate> {
        let is_meant = |id: &&str| id.starts_with(typed);
        if let Names::Rule = names {
            let shown =
                |rule: &&Rule| CompletionCandidate::new(rule.id).help(Some(rule.title.into()));
            let rules = RULES.iter().filter(|rule| is_meant(&rule.id));
            return rules.map(shown).collect();
        }
        let Some(register) = self.register() else {
            return Vec::new();
        };
        let mut ids: Vec<&str> = Vec::new();
        if matches!(names, Names::Rotation | Names::Any) {
            ids.extend(register.rotations.keys().map(|id| id.as_str()));
        }
        if matches!(names, Names::Secret | Names::Any) {
            ids.extend(register.active_secrets().map(|secret| secret.id.as_str()));
        }
        if matches!(names, Names::Incident | Names::Any) {
            ids.extend(register.incidents.keys().map(|id| id.as_str()));
        }
        if let Names::Actor = names {
            let actors = register.charter.keyring.actors();
            ids.extend(actors.map(|(_, actor)| actor.id.as_str()));
        }
        let meant = ids.into_iter().filter(is_meant);
        meant.map(CompletionCandidate::new).collect()
    }
}
