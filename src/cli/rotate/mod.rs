//! `ledger rotate`: carries out a rotation by a playbook, as far as nobody has to speak.
//!
//! Where it stands is in the ledger alone: whoever stops it anywhere goes on by the same command, on the same host,
//! and what is recorded as done is not done again. A step whose end nobody saw is looked at before it is done again.

mod args;
mod plan;
mod say;
mod steps;

use serde_json::{Value, json};

use crate::event::Step;
use crate::playbook::{AfterFailure, Move, next_move};
use crate::register::Register;
use crate::rotation::{ChecklistItem, Rotation};
use crate::text::Id;

use super::answer::{Answer, CommandResult, items, text};
use super::context::Context;
use super::emergency::{self, EmergencyArgs};
use super::exit::{CommandError, Exit};
use super::next::{ChecklistView, names};
use super::playbook::chosen;
use super::secret::registered;
use super::spool;
pub(crate) use args::RotateArgs;
use steps::{Rotator, StepEnd};

/// How a run ended.
enum Outcome {
    /// Nothing is left to be done or said.
    Done,
    /// Somebody has to speak.
    Stopped(String),
    /// What comes next is for these people.
    ForOthers(String),
    /// It is to be tried later.
    Later(String),
    /// A signal asked for the end.
    Interrupted,
}

pub(crate) fn run(context: &mut Context, args: &RotateArgs) -> CommandResult {
    context.ui.thing = "rotate";
    let register = context.register_with(args.rotation.as_ref())?;
    let secret = registered(&register, &args.secret)?;
    let file = chosen(args.playbook.as_deref(), &args.playbooks, secret)?;
    let found = standing(&register, args);
    if args.dry_run {
        return plan::show(context, &register, (args, &file), found);
    }
    let found = found.map(|rotation| rotation.id.clone());
    if let Some(rotation) = &found {
        spool::settle(context, rotation)?;
    }
    let missing = plan::missing_variables(&file.playbook);
    if !missing.is_empty() {
        let message = format!("the playbook needs {}", missing.join(", "));
        return Err(CommandError::usage(message).hint("set them in the environment"));
    }
    let mut rotator = Rotator::new(context, args, &file, &register)?;
    let rotation = match found {
        Some(rotation) => rotation,
        None => open(context, &mut rotator, args, &register)?,
    };
    let outcome = go_on(context, &mut rotator, args, &rotation)?;
    answer(context, &rotator, &rotation, outcome)
}

/// The rotation to go on with: the one that is named, or the newest of the secret that waits for anything.
fn standing<'r>(register: &'r Register, args: &RotateArgs) -> Option<&'r Rotation> {
    if let Some(id) = &args.rotation {
        return register.rotations.get(id).map(AsRef::as_ref);
    }
    let of_secret = register
        .each_rotation()
        .filter(|one| one.secret == args.secret);
    let waiting = of_secret.filter(|one| register.waits_for(one).next().is_some());
    let fitting = waiting.filter(|one| !args.emergency || one.is_emergency());
    fitting.max_by_key(|one| one.opened.sequence)
}

fn open(
    context: &mut Context,
    rotator: &mut Rotator<'_>,
    args: &RotateArgs,
    register: &Register,
) -> Result<Id, CommandError> {
    let moment = context.now().to_digits();
    let id = match &args.rotation {
        Some(id) => id.clone(),
        None => unused(register, &format!("rot-{}-{moment}", args.secret))?,
    };
    let open = register.secret(&args.secret).map(|secret| &secret.open);
    if let Some(other) = open
        .and_then(|open| open.first())
        .filter(|_| !args.emergency)
    {
        let message =
            format!("there is no rotation `{id}`, and {other} of the same secret is open");
        return Err(CommandError::refused(message)
            .code("no-rotation")
            .hint(format!("go on with that one: --rotation {other}")));
    }
    if let Some(why) = &args.why {
        let declared = EmergencyArgs::of(args.secret.clone(), why.clone(), id.clone());
        let drafts = emergency::drafts(&emergency::prepared(context, &declared)?);
        rotator.record(context, drafts)?;
        return Ok(id);
    }
    let mut known = register.known("rotation.opened", None, Some(&args.secret));
    known.insert("rotation".to_owned(), json!(id));
    known.insert("secret".to_owned(), json!(args.secret));
    known.insert("reason".to_owned(), json!("scheduled"));
    let said = rotator.with_flags("rotation.opened", known, context.now())?;
    rotator.say(context, vec![("rotation.opened", said)])?;
    Ok(id)
}

/// An id that no rotation has: one second is long enough for two.
fn unused(register: &Register, begin: &str) -> Result<Id, CommandError> {
    let mut number = 1;
    loop {
        let id = match number {
            1 => Id::new(begin),
            number => Id::new(format!("{begin}-{number}")),
        };
        let id = id.map_err(CommandError::flag("the secret's id"))?;
        if !register.rotations.contains_key(&id) {
            return Ok(id);
        }
        number += 1;
    }
}

/// Moves until nothing moves any more.
fn go_on(
    context: &mut Context,
    rotator: &mut Rotator<'_>,
    args: &RotateArgs,
    rotation: &Id,
) -> Result<Outcome, CommandError> {
    let after = match (args.retry, args.roll_back) {
        (true, _) => AfterFailure::Retry,
        (_, true) => AfterFailure::RollBack,
        _ => AfterFailure::Look,
    };
    let mut progress = Progress { after, last: None };
    loop {
        let register = rotator.register(context, rotation)?;
        let rotation = register.rotations.get(rotation).ok_or_else(|| {
            CommandError::temporary(format!("the rotation `{rotation}` is not recorded yet"))
        })?;
        let items = register.checklist(rotation);
        if args.sign_off && rotator.sign_off(context, &register, rotation, &items)? {
            continue;
        }
        let ended = progress.make_a_move(context, rotator, (&register, rotation), &items)?;
        if let Some(outcome) = ended {
            return Ok(outcome);
        }
    }
}

/// How far a run is.
struct Progress {
    after: AfterFailure,
    /// The step that was done last.
    last: Option<(Step, &'static str, Vec<Id>)>,
}

impl Progress {
    /// Makes the next move; answers how it ended, where it is the last one.
    fn make_a_move(
        &mut self,
        context: &mut Context,
        rotator: &mut Rotator<'_>,
        (register, rotation): (&Register, &Rotation),
        items: &[ChecklistItem<'_>],
    ) -> Result<Option<Outcome>, CommandError> {
        let secret = register.secret(&rotation.secret);
        let secret = secret.ok_or_else(|| CommandError::not_verified("its secret is gone"))?;
        let (now, playbook) = (context.now(), &rotator.file.playbook);
        let next = next_move(playbook, (rotation, secret), items, self.after, now);
        let mut waits = items.iter().filter(|item| item.is_now());
        let technical = waits.clone().find(|item| !item.step.is_for_people());
        if let (Move::Run(_) | Move::Say(_), Some(item)) = (&next, technical) {
            let may = register.people(rotation, &item.step);
            if !may.contains(&&rotator.actor) {
                return Ok(Some(Outcome::ForOthers(names(&may))));
            }
        }
        Ok(match next {
            Move::Nothing if waits.next().is_none() => Some(Outcome::Done),
            Move::Nothing => Some(Outcome::Stopped(waiting(register, rotation))),
            Move::Wait(until) => Some(Outcome::Later(format!("not before {until}"))),
            Move::Stop(stop) => Some(Outcome::Stopped(plan::why(stop))),
            Move::Say(event) => {
                let told = rotator.told(register, rotation, event);
                let said = rotator.with_flags(event, told, now)?;
                rotator.say(context, vec![(event, said)])?;
                None
            }
            Move::Run(action) => {
                let done = (action.step, action.event, action.consumers.clone());
                if self.last.as_ref() == Some(&done) {
                    let message =
                        "was recorded, and by what was recorded it is not done: ledger show has it";
                    return Ok(Some(Outcome::Stopped(format!("{} {message}", done.0))));
                }
                let is_look = action.is_look;
                let ended = rotator.run(context, register, (rotation, secret), action)?;
                self.settle(ended, done, is_look, rotation.is_open())
            }
        })
    }

    /// What follows from how a step ended.
    fn settle(
        &mut self,
        ended: StepEnd,
        done: (Step, &'static str, Vec<Id>),
        is_look: bool,
        is_open: bool,
    ) -> Option<Outcome> {
        match ended {
            StepEnd::Done => {
                self.last = Some(done);
                if self.after == AfterFailure::Retry {
                    self.after = AfterFailure::Look;
                }
            }
            StepEnd::Interrupted => return Some(Outcome::Interrupted),
            StepEnd::Waits => {
                let why = "what was done waits in the spool, and is not in the ledger yet";
                return Some(Outcome::Later(why.to_owned()));
            }
            // Looked for, and not done: so it is done now.
            StepEnd::Failed if is_look => self.after = AfterFailure::Retry,
            StepEnd::Failed if self.after == AfterFailure::RollBack && is_open => {
                return Some(Outcome::Stopped("going back failed".to_owned()));
            }
            StepEnd::Failed => self.after = AfterFailure::RollBack,
        }
        None
    }
}

fn waiting(register: &Register, rotation: &Rotation) -> String {
    let each = register.waits_for(rotation).map(|step| {
        let who = names(&register.people(rotation, &step));
        format!("{step} ({who})")
    });
    format!("waits for {}", each.collect::<Vec<_>>().join(", "))
}

fn answer(
    context: &mut Context,
    rotator: &Rotator<'_>,
    rotation: &Id,
    outcome: Outcome,
) -> CommandResult {
    let view = ChecklistView::read(context, Some(rotation))?;
    let list = view.register.rotations.get(rotation);
    let list = list.map_or(Value::Null, |rotation| view.to_json(rotation));
    let secret = rotator.secret;
    let goes_on = matches!(outcome, Outcome::Stopped(_) | Outcome::Later(_));
    let (word, why, exit) = match outcome {
        Outcome::Done => ("done", None, Exit::Passed),
        Outcome::Stopped(why) => ("stopped", Some(why), Exit::PersonMustSpeak),
        Outcome::ForOthers(who) => {
            let why = format!("the next step is for {who}, by the same command");
            ("stopped", Some(why), Exit::PersonMustSpeak)
        }
        Outcome::Later(why) => ("later", Some(why), Exit::Temporary),
        Outcome::Interrupted => ("interrupted", None, Exit::Interrupted),
    };
    let state = list["state"].as_str().unwrap_or("unknown");
    let lines = rotator.lines().into_iter();
    let lines = lines.chain([format!("{word}  {rotation} of {secret} is {state}")]);
    let lines = lines.chain(why.iter().map(|why| format!("why      {why}")));
    let steps = items(&list["steps"]).filter(|step| step["standing"] == "now");
    let commands = steps.flat_map(|step| items(&step["commands"]));
    let commands = commands.map(|command| format!("         {}", text(command)));
    let lines = lines.chain(commands.filter(|_| goes_on));
    let answer = Answer::new(json!({
        "outcome": word,
        "why": why,
        "playbook": rotator.file.name,
        "ran": rotator.ran,
        "receipts": rotator.receipts,
        "rotation": list,
    }));
    let answer = answer.lines(lines.collect::<Vec<_>>()).exit(exit);
    Ok(match goes_on {
        true => answer.say(format!("next: ledger rotate {secret} goes on afterwards")),
        false => answer,
    })
}
