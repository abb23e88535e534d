//! The steps of one run: commands by the playbook, each with what it has to know in its environment.

use std::ffi::OsString;

use serde_json::{Value, json};

use crate::cli::answer::{items, text};
use crate::cli::context::Context;
use crate::cli::exit::CommandError;
use crate::cli::fields::Fields;
use crate::cli::layout::{columns, counted};
use crate::cli::playbook::PlaybookFile;
use crate::cli::run::{Delivery, Performed, Performer, StepOrder, StepPlan, ToolBounds, ToolExit};
use crate::event::{self, Step};
use crate::inventory::Secret;
use crate::key::PublicKey;
use crate::playbook::Action;
use crate::register::Register;
use crate::rotation::Rotation;
use crate::text::Id;
use crate::time::Timestamp;

use super::args::RotateArgs;

/// The most of a command's output that is attached.
const OUTPUT: u64 = 16 << 20;

/// How a step ended.
pub(super) enum StepEnd {
    Done,
    Failed,
    /// It is done, and what is said about it waits.
    Waits,
    Interrupted,
}

/// Whoever carries out a rotation in one run of the program.
pub(super) struct Rotator<'a> {
    pub(super) args: &'a RotateArgs,
    pub(super) file: &'a PlaybookFile,
    pub(super) secret: &'a Id,
    /// Who speaks, or the person for whom a service does.
    pub(super) actor: Id,
    pub(super) receipts: Vec<Value>,
    /// What was run and said, in this run.
    pub(super) ran: Vec<Value>,
    pub(super) performer: Performer,
    is_fresh: bool,
}

impl<'a> Rotator<'a> {
    pub(super) fn new(
        context: &mut Context,
        args: &'a RotateArgs,
        file: &'a PlaybookFile,
        register: &Register,
    ) -> Result<Self, CommandError> {
        let key = context.key()?;
        let public: PublicKey = key.public();
        let holder = register.charter.keyring.holder(&public).ok_or_else(|| {
            CommandError::refused("nobody is enrolled with this key; nothing was done")
                .code("not-enrolled")
                .hint("a Security Owner enrols you with: ledger actor enroll")
        })?;
        let actor = args
            .on_behalf_of
            .clone()
            .unwrap_or_else(|| holder.id.clone());
        let delivery = Delivery {
            spool: context.spool().ok(),
            ledger: context.ledger_id(),
            key: Some(key),
            known: Vec::new(),
        };
        Ok(Self {
            args,
            file,
            secret: &args.secret,
            actor,
            receipts: Vec::new(),
            ran: Vec::new(),
            performer: Performer::new(delivery, true, OUTPUT),
            is_fresh: true,
        })
    }

    /// What is recorded by now, of this rotation and of whatever is not over.
    pub(super) fn register(
        &mut self,
        context: &mut Context,
        rotation: &Id,
    ) -> Result<Register, CommandError> {
        if !std::mem::take(&mut self.is_fresh) {
            context.fetch_anew()?;
        }
        context.register_with(Some(rotation))
    }

    /// Runs one command of the playbook, and records what came of it.
    pub(super) fn run(
        &mut self,
        context: &mut Context,
        register: &Register,
        (rotation, secret): (&Rotation, &Secret),
        action: Action<'_>,
    ) -> Result<StepEnd, CommandError> {
        let fields = self.fields(register, rotation, &action, context.now());
        let bounds = ToolBounds {
            dir: self.file.dir.clone(),
            env: self.environment(&action, rotation, secret),
            time: action.recipe.timeout,
        };
        let commands = action.commands.iter();
        let commands = commands.map(|words| words.iter().map(OsString::from).collect());
        let commands: Vec<Vec<OsString>> = commands.collect();
        context.say(match action.is_look {
            true => format!("looking whether {} was done …", action.step),
            false => format!("{} …", about(&action)),
        });
        let shows = action.recipe.shows.as_deref();
        let order = StepOrder {
            rotation: &rotation.id,
            step: action.step,
            commands: commands.iter().map(Vec::as_slice).collect(),
            own: event::spec(action.event),
            fields,
            on_behalf_of: self.args.on_behalf_of.as_ref(),
            record_command: false,
            redact: false,
            plan: Some(StepPlan {
                bounds: &bounds,
                shows: shows.filter(|_| action.is_own && !action.is_look),
                file: &self.file.attached,
                is_look: action.is_look,
            }),
        };
        let Performed { ended, delivered } = self.performer.perform(context, order);
        let is_done = ended == ToolExit::Code(0);
        if !action.is_look || is_done {
            let entries = delivered.receipts.iter();
            let entries = entries.map(|receipt| &receipt["sequence"]);
            self.ran.push(json!({
                "step": about(&action),
                "event": action.event,
                "failed": (!is_done).then(|| ended.describe()),
                "entries": entries.collect::<Vec<_>>(),
            }));
        }
        self.receipts.extend(delivered.receipts);
        Ok(match (is_done, delivered.complete) {
            _ if self.performer.is_interrupted() => StepEnd::Interrupted,
            (true, true) => StepEnd::Done,
            (false, false) if action.is_look => StepEnd::Failed,
            (_, false) => StepEnd::Waits,
            (false, true) => StepEnd::Failed,
        })
    }

    /// What is said of a step besides what its command says.
    fn fields(
        &self,
        register: &Register,
        rotation: &Rotation,
        action: &Action<'_>,
        now: Timestamp,
    ) -> Result<Fields, CommandError> {
        let mut fields = self.told(register, rotation, action.event);
        if action.is_own {
            fields.extend(action.recipe.fields.clone());
        }
        if action.step == Step::Cutover {
            fields.insert("consumers".to_owned(), json!(action.consumers));
        }
        if action.step == Step::DualRun {
            let end = now.plus(action.recipe.lasts);
            fields.entry("planned_end".to_owned()).or_insert(json!(end));
        }
        self.with_flags(action.event, fields, now)
    }

    /// What a command has to know.
    fn environment(
        &self,
        action: &Action<'_>,
        rotation: &Rotation,
        secret: &Secret,
    ) -> Vec<(String, OsString)> {
        let old = rotation.old_version.as_ref().or(secret.version.as_ref());
        let new = rotation.generated.as_ref().map(|one| &one.version);
        let all: Vec<_> = rotation.all_consumers(secret).map(Id::as_str).collect();
        let of: Vec<_> = action.consumers.iter().map(Id::as_str).collect();
        let told = [
            ("LEDGER_ROTATION", rotation.id.as_str()),
            ("LEDGER_SECRET", secret.id.as_str()),
            ("LEDGER_STORE", secret.store.as_str()),
            ("LEDGER_STEP", action.step.word()),
            ("LEDGER_REASON", rotation.reason.word()),
            ("LEDGER_OLD_VERSION", old.map_or("", |one| one.as_str())),
            ("LEDGER_NEW_VERSION", new.map_or("", |one| one.as_str())),
            ("LEDGER_ALL_CONSUMERS", &all.join(" ")),
            ("LEDGER_CONSUMERS", &of.join(" ")),
        ];
        let own = self.file.playbook.env.iter();
        let own = own.map(|(name, value)| (name.as_str(), value.as_str()));
        let all = own.chain(told);
        all.map(|(name, value)| (name.to_owned(), value.into()))
            .collect()
    }

    /// What was done in this run, a line each.
    pub(super) fn lines(&self) -> Vec<String> {
        let row = |ran: &Value| {
            let entries: Vec<_> = items(&ran["entries"]).collect();
            let place = match entries.as_slice() {
                [] => "not recorded yet".to_owned(),
                [one] => format!("entry {one}"),
                [first, .., last] => format!("entries {first}-{last}"),
            };
            let end = match ran["failed"].as_str() {
                Some(why) => format!("failed: {why}"),
                None => "done".to_owned(),
            };
            [format!("  {}", text(&ran["step"])), place, end]
        };
        columns(&self.ran.iter().map(row).collect::<Vec<_>>())
    }
}

fn about(action: &Action<'_>) -> String {
    let of = match action.consumers.as_slice() {
        _ if action.step != Step::Cutover => String::new(),
        [one] => format!(" of {one}"),
        many => format!(" of {}", counted(many.len() as u64, "consumer")),
    };
    let back = match (action.step, action.event) {
        (Step::Rollback, "replacement.validated") => " is looked at".to_owned(),
        (Step::Revoke, _) if !action.is_own => " of the new version".to_owned(),
        _ => of,
    };
    format!("{}{back}", action.step)
}
