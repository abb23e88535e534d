//! `ledger rotate`: carries out a rotation by a playbook, as far as nobody has to speak.
//!
//! Where it stands is in the ledger alone: whoever stops it anywhere goes on by the same command, on the same host,
//! and what is recorded as done is not done again. A step whose end nobody saw is looked at before it is done again.

mod args;
mod plan;
mod say;
mod steps;

use serde_json::{Value, json};

use crate::playbook::{AfterFailure, Move, Playbook, next_move};
use crate::register::Register;
use crate::rotation::{ItemStanding, NextStep, Rotation};
use crate::text::Id;

use super::answer::{Answer, CommandResult};
use super::context::Context;
use super::emergency::{self, EmergencyArgs};
use super::exit::{CommandError, Exit};
use super::next::ChecklistView;
use super::playbook::chosen;
use super::secret::registered;
use super::spool;
pub(crate) use args::RotateArgs;
use steps::Rotator;

/// How a run ended.
pub(super) enum Outcome {
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
    let register = context.register()?;
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
    rotator.say(context, &[("rotation.opened", known)])?;
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
    let mut after = match (args.retry, args.roll_back) {
        (true, _) => AfterFailure::Retry,
        (_, true) => AfterFailure::RollBack,
        _ => AfterFailure::Look,
    };
    let mut last = None;
    loop {
        let register = rotator.register(context)?;
        let rotation = register.rotations.get(rotation).ok_or_else(|| {
            CommandError::temporary(format!("the rotation `{rotation}` is not recorded yet"))
        })?;
        let secret = register.secret(&rotation.secret);
        let secret = secret.ok_or_else(|| CommandError::not_verified("its secret is gone"))?;
        let items = register.checklist(rotation);
        if args.sign_off && rotator.sign_off(context, &register, rotation, &items)? {
            continue;
        }
        let playbook: &Playbook = &rotator.file.playbook;
        let next = next_move(playbook, (rotation, secret), &items, after, context.now());
        let waits = items
            .iter()
            .filter(|item| item.standing == ItemStanding::Now);
        let mut technical = waits.clone().filter(|item| !item.step.is_for_people());
        if let (Move::Run(_) | Move::Say(_), Some(item)) = (&next, technical.next()) {
            let may = register.people(rotation, &item.step);
            if !may.contains(&&rotator.actor) {
                return Ok(Outcome::ForOthers(super::next::names(&may)));
            }
        }
        match next {
            Move::Nothing => {
                let people: Vec<NextStep<'_>> = waits.map(|item| item.step.clone()).collect();
                return Ok(match people.is_empty() {
                    true => Outcome::Done,
                    false => Outcome::Stopped(waiting(&register, rotation, &people)),
                });
            }
            Move::Say(event) => {
                let told = rotator.told(&register, rotation, event);
                rotator.say(context, &[(event, told)])?;
            }
            Move::Wait(until) => return Ok(Outcome::Later(format!("not before {until}"))),
            Move::Stop(stop) => return Ok(Outcome::Stopped(plan::why(stop))),
            Move::Run(action) => {
                let is_look = action.is_look;
                let done = (action.step, action.event, action.consumers.clone());
                if last.as_ref() == Some(&done) {
                    let message =
                        "was recorded, and by what was recorded it is not done: ledger show has it";
                    return Ok(Outcome::Stopped(format!("{} {message}", done.0)));
                }
                let is_way_back = after == AfterFailure::RollBack && rotation.is_open();
                match rotator.run(context, &register, (rotation, secret), action)? {
                    steps::StepEnd::Done => {
                        last = Some(done);
                        if after == AfterFailure::Retry {
                            after = AfterFailure::Look;
                        }
                    }
                    steps::StepEnd::Interrupted => return Ok(Outcome::Interrupted),
                    steps::StepEnd::Waits => {
                        let why = "what was done waits in the spool, and is not in the ledger yet";
                        return Ok(Outcome::Later(why.to_owned()));
                    }
                    // Looked for, and not done: so it is done now.
                    steps::StepEnd::Failed if is_look => after = AfterFailure::Retry,
                    steps::StepEnd::Failed if is_way_back => {
                        return Ok(Outcome::Stopped("going back failed".to_owned()));
                    }
                    steps::StepEnd::Failed => after = AfterFailure::RollBack,
                }
            }
        }
    }
}

fn waiting(register: &Register, rotation: &Rotation, steps: &[NextStep<'_>]) -> String {
    let each = steps.iter().map(|step| {
        let who = super::next::names(&register.people(rotation, step));
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
    let view = ChecklistView::read(context)?;
    let list = match view.register.rotations.get(rotation) {
        Some(rotation) => view.to_json(rotation),
        None => Value::Null,
    };
    let state = list["state"].as_str().unwrap_or("unknown").to_owned();
    let is_for_others = matches!(outcome, Outcome::ForOthers(_));
    let (word, why, exit) = match outcome {
        Outcome::Done => ("done", None, Exit::Passed),
        Outcome::Stopped(why) => ("stopped", Some(why), Exit::PersonMustSpeak),
        Outcome::ForOthers(who) => (
            "stopped",
            Some(format!("the next step is for {who}, by the same command")),
            Exit::PersonMustSpeak,
        ),
        Outcome::Later(why) => ("later", Some(why), Exit::Temporary),
        Outcome::Interrupted => ("interrupted", None, Exit::Interrupted),
    };
    let commands: Vec<&str> = list["steps"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|step| step["standing"] == "now")
        .flat_map(|step| step["commands"].as_array().into_iter().flatten())
        .filter_map(Value::as_str)
        .collect();
    let mut answer = Answer::new(json!({
        "outcome": word,
        "why": why,
        "playbook": rotator.file.name,
        "ran": rotator.ran,
        "receipts": rotator.receipts,
        "rotation": list,
    }));
    answer = answer.lines(rotator.lines());
    answer = answer.line(format!(
        "{word}  {rotation} of {} is {state}",
        rotator.secret
    ));
    if let Some(why) = &why {
        answer = answer.line(format!("why      {why}"));
    }
    if matches!(word, "stopped" | "later") && !is_for_others {
        let commands = commands.iter().map(|command| format!("         {command}"));
        answer = answer.lines(commands);
        answer = answer.say(format!(
            "next: ledger rotate {} goes on afterwards",
            rotator.secret
        ));
    }
    Ok(answer.exit(exit))
}
