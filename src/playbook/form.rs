//! What a playbook says, in TOML.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::event::{self, EventSpec, SecretClass, Step};
use crate::inventory::Secret;
use crate::rotation::KnownFields;
use crate::text::{Id, Line};
use crate::time::parse_span;

macro_rules! shipped {
    ($($name:literal),*) => {
        &[$(($name, include_str!(concat!("../../docs/playbooks/", $name, ".toml")))),*]
    };
}

/// The playbooks that come with this program, by their names. Those of PostgreSQL are carried out against a server by our
/// tests; the others are templates with commands of yours to fill in.
pub const SHIPPED: &[(&str, &str)] = shipped!(
    "postgres-two-roles",
    "postgres-single-role",
    "aws-secrets-manager",
    "vault-kv",
    "kubernetes-secret",
    "tls-key",
    "jwks-signing-key"
);

/// The longest that a step may run where nothing is said.
const USUAL_TIME: Duration = Duration::from_secs(600);
/// How long consumers accept both versions where nothing is said.
const USUAL_DUAL_RUN: Duration = Duration::from_secs(86_400);
/// Names of variables that are ours.
const OURS: &str = "LEDGER_";

/// How the steps of a rotation are carried out.
#[derive(Debug, Clone, PartialEq)]
pub struct Playbook {
    /// What it is called.
    pub name: Line,
    /// The secrets it is for.
    pub secrets: Vec<Id>,
    /// The classes of secrets it is for.
    pub classes: Vec<SecretClass>,
    /// Variables that its commands get.
    pub env: BTreeMap<String, String>,
    /// Variables that have to be there.
    pub needs: Vec<String>,
    /// How each step is carried out.
    pub steps: BTreeMap<Step, Recipe>,
    /// Fields of events that need no command, by their event.
    pub said: BTreeMap<&'static str, KnownFields>,
}

/// How one step is carried out.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    /// The command: a program and its arguments, without a shell.
    pub run: Vec<String>,
    /// A text that its output has to show.
    pub shows: Option<String>,
    /// The longest it may run.
    pub timeout: Duration,
    /// A command that ends with 0 where the step was done already.
    pub done: Vec<String>,
    /// Whether it may be run again where nobody saw its end: it only reads, or comes to the same.
    pub again: bool,
    /// The command that takes it back.
    pub undo: Vec<String>,
    /// How long after the cutover, or the last step, it may begin.
    pub wait: Duration,
    /// How long consumers accept both versions, of dual-run.
    pub lasts: Duration,
    /// Whether a Security Owner's approval has to stand before it, also in an emergency.
    pub approval: bool,
    /// Whether it is run once for each consumer.
    pub each_consumer: bool,
    /// Fields of the step's event.
    pub fields: KnownFields,
}

/// Everything that is wrong with a playbook.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct PlaybookError(pub Vec<String>);

impl fmt::Display for PlaybookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("; "))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    #[serde(default)]
    secrets: Vec<String>,
    #[serde(default)]
    classes: Vec<String>,
    #[serde(default)]
    needs: Vec<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    step: BTreeMap<String, WrittenStep>,
    #[serde(default)]
    say: BTreeMap<String, BTreeMap<String, Value>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenStep {
    run: Vec<String>,
    shows: Option<String>,
    timeout: Option<String>,
    #[serde(default)]
    done: Vec<String>,
    #[serde(default)]
    again: bool,
    #[serde(default)]
    undo: Vec<String>,
    wait: Option<String>,
    lasts: Option<String>,
    #[serde(default)]
    approval: bool,
    #[serde(default)]
    each_consumer: bool,
    #[serde(default)]
    fields: BTreeMap<String, Value>,
}

impl Playbook {
    /// Reads a playbook.
    ///
    /// # Errors
    /// Everything that is wrong with it, as far as it can be read.
    pub fn parse(text: &str) -> Result<Self, PlaybookError> {
        let written: Written = toml::from_str(text)
            .map_err(|fault| PlaybookError(vec![fault.to_string().trim_end().to_owned()]))?;
        let mut faults = Vec::new();
        let playbook = written.read(&mut faults);
        match playbook.filter(|_| faults.is_empty()) {
            Some(playbook) => Ok(playbook),
            None => Err(PlaybookError(faults)),
        }
    }

    /// Whether it is for this secret: by its id, before one that is by its class.
    #[must_use]
    pub fn is_for(&self, secret: &Secret) -> (bool, bool) {
        let by_class = self.secrets.is_empty() && self.classes.contains(&secret.class);
        (self.secrets.contains(&secret.id), by_class)
    }
}

impl Written {
    fn read(self, faults: &mut Vec<String>) -> Option<Playbook> {
        let name = Line::new(&self.name);
        let name = name.map_err(|fault| faults.push(format!("name: it {fault}")));
        let secrets = parsed("secrets", &self.secrets, |text| Id::new(text), faults);
        let classes = parsed("classes", &self.classes, str::parse, faults);
        if secrets.is_empty() && classes.is_empty() {
            faults.push("neither secrets nor classes says what it is for".to_owned());
        }
        for variable in self.env.keys().chain(&self.needs) {
            let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            if variable.is_empty() || !variable.bytes().all(is_name) {
                faults.push(format!("`{variable}` is no name of a variable"));
            } else if variable.starts_with(OURS) {
                faults.push(format!(
                    "variables that begin with {OURS} are set by the ledger"
                ));
            }
        }
        let mut steps = BTreeMap::new();
        for (word, written) in self.step {
            let Ok(step) = word.parse::<Step>() else {
                let words = Step::WORDS.join(", ");
                faults.push(format!(
                    "step.{word}: there is no such step; they are {words}"
                ));
                continue;
            };
            if matches!(step, Step::Preconditions | Step::Evidence) {
                faults.push(format!("step.{word}: it is said, and no command does it"));
            }
            steps.insert(step, written.read(step, faults));
        }
        if steps.is_empty() {
            faults.push("it has no step".to_owned());
        }
        let mut said = BTreeMap::new();
        for (name, written) in self.say {
            let Some(spec) = event::spec(&name) else {
                faults.push(format!("say.\"{name}\": there is no such event"));
                continue;
            };
            let place = format!("say.\"{name}\"");
            said.insert(spec.name, fields(spec, &place, written, faults));
        }
        Some(Playbook {
            name: name.ok()?,
            secrets,
            classes,
            env: self.env,
            needs: self.needs,
            steps,
            said,
        })
    }
}

impl WrittenStep {
    fn read(self, step: Step, faults: &mut Vec<String>) -> Recipe {
        let place = format!("step.{step}");
        for (what, command) in [
            ("run", &self.run),
            ("done", &self.done),
            ("undo", &self.undo),
        ] {
            let is_there = what != "run" && command.is_empty();
            if !is_there && command.first().is_none_or(String::is_empty) {
                faults.push(format!("{place}.{what}: it names no program"));
            }
        }
        let mut span = |what: &str, text: Option<String>, usual: Duration| {
            let span = text.map_or(Ok(usual), |text| parse_span(&text));
            span.unwrap_or_else(|fault| {
                faults.push(format!("{place}.{what}: it {fault}"));
                usual
            })
        };
        let timeout = span("timeout", self.timeout, USUAL_TIME);
        let wait = span("wait", self.wait, Duration::ZERO);
        let lasts = span("lasts", self.lasts, USUAL_DUAL_RUN);
        if self.each_consumer && step != Step::Cutover {
            faults.push(format!(
                "{place}.each_consumer: the cutover alone is done one by one"
            ));
        }
        let spec = match step {
            // What shows that the restored version works.
            Step::Rollback => event::spec("replacement.validated"),
            step => step.event().and_then(event::spec),
        };
        Recipe {
            run: self.run,
            shows: self.shows,
            timeout,
            done: self.done,
            again: self.again,
            undo: self.undo,
            wait,
            lasts,
            approval: self.approval,
            each_consumer: self.each_consumer,
            fields: spec.map_or_else(KnownFields::new, |spec| {
                fields(spec, &format!("{place}.fields"), self.fields, faults)
            }),
        }
    }
}

/// The values that can be read; of the others it is said what is wrong.
fn parsed<T, E: fmt::Display>(
    place: &str,
    written: &[String],
    read: impl Fn(&str) -> Result<T, E>,
    faults: &mut Vec<String>,
) -> Vec<T> {
    let mut values = Vec::new();
    for text in written {
        match read(text) {
            Ok(value) => values.push(value),
            Err(fault) => faults.push(format!("{place}: `{text}` {fault}")),
        }
    }
    values
}

/// Fields of an event, each in its form.
fn fields(
    spec: &'static EventSpec,
    place: &str,
    written: BTreeMap<String, Value>,
    faults: &mut Vec<String>,
) -> KnownFields {
    let names: BTreeSet<_> = spec.fields.iter().map(|field| field.name).collect();
    for (name, value) in &written {
        let field = spec.fields.iter().find(|field| field.name == name);
        let fault = match field {
            None => {
                let known: Vec<_> = names.iter().copied().collect();
                let known = known.join(", ");
                Err(format!("{} has no such field; it has {known}", spec.name))
            }
            Some(field) => field
                .check_form(value)
                .map_err(|fault| format!("it {fault}")),
        };
        if let Err(fault) = fault {
            faults.push(format!("{place}.{name}: {fault}"));
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_with_the_program_can_be_read_and_names_every_step() {
        for (name, text) in SHIPPED {
            let playbook = Playbook::parse(text).unwrap_or_else(|fault| panic!("{name}: {fault}"));
            let steps = playbook.steps.keys();
            let said = playbook.said.contains_key("dual_run.not_supported");
            assert_eq!(steps.count() + usize::from(said), 8, "{name}");
            assert!(playbook.steps.values().all(|recipe| !recipe.run.is_empty()));
        }
    }
}
