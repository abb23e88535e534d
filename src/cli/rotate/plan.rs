//! The plan as `--dry-run` shows it: every command, and what is missing.

use serde_json::{Value, json};

use crate::cli::answer::{Answer, CommandResult};
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::files;
use crate::cli::next;
use crate::cli::playbook::PlaybookFile;
use crate::event::Step;
use crate::playbook::{Playbook, Recipe, Stop};
use crate::register::Register;
use crate::rotation::{ItemStanding, Rotation};

use super::args::RotateArgs;

/// Why a playbook cannot go on by itself, and what to do.
pub(super) fn why(stop: Stop) -> String {
    match stop {
        Stop::NoCommand(step) => {
            format!("the playbook has no command for {step}: do it, and say it")
        }
        Stop::Approval(step) => format!("{step} waits for a Security Owner's approval"),
        Stop::WindowOver(end) => format!("the approved window ended at {end}: it needs another"),
        Stop::Failed(step) => format!(
            "{step} failed or its end was not seen: look, then say it, or go on with --retry or --roll-back"
        ),
        Stop::NoWayBack(step) => format!(
            "{step} failed, and the playbook has no way back from here: mend it and go on with --retry"
        ),
    }
}

/// The variables that the playbook needs and that are not there.
pub(super) fn missing_variables(playbook: &Playbook) -> Vec<&str> {
    let needs = playbook.needs.iter().map(String::as_str);
    needs
        .filter(|name| std::env::var_os(name).is_none_or(|value| value.is_empty()))
        .collect()
}

/// The plan of the rotation that would be opened or gone on with.
pub(super) fn show(
    context: &mut Context,
    register: &Register,
    (args, file): (&RotateArgs, &PlaybookFile),
    rotation: Option<&Rotation>,
) -> CommandResult {
    context.ui.thing = "rotate-plan";
    let playbook = &file.playbook;
    let mut missing: Vec<String> = Vec::new();
    for variable in missing_variables(playbook) {
        missing.push(format!("the variable {variable}"));
    }
    for (step, recipe) in &playbook.steps {
        for command in [&recipe.run, &recipe.done, &recipe.undo] {
            let program = command
                .first()
                .filter(|name| !files::is_program(name, &file.dir));
            missing.extend(program.map(|name| format!("the program {name} (step {step})")));
        }
    }
    if context.globals.key.is_none() {
        missing.push("your key".to_owned());
    }
    if let Some(rotation) = rotation {
        let items = register.checklist(rotation);
        let people = items.iter().filter(|item| {
            item.standing == ItemStanding::Now && item.step.is_for_people() && rotation.is_open()
        });
        missing.extend(people.map(|item| {
            format!(
                "{} by {}",
                item.step,
                next::names(&register.people(rotation, &item.step))
            )
        }));
    } else {
        missing.push("approval and preconditions, once it is opened".to_owned());
    }
    let done: Vec<Step> = rotation.map(done_steps).unwrap_or_default();
    let plan: Vec<Value> = playbook
        .steps
        .iter()
        .map(|(step, recipe)| in_json(*step, recipe, done.contains(step)))
        .collect();
    let mut answer = Answer::new(json!({
        "playbook": file.name,
        "secret": args.secret,
        "rotation": rotation.map(|rotation| &rotation.id),
        "steps": plan,
        "missing": missing,
    }));
    let what = rotation.map_or_else(
        || "a new rotation".to_owned(),
        |rotation| rotation.id.to_string(),
    );
    answer = answer.line(format!(
        "{}  {what}  by {} ({})",
        args.secret, playbook.name, file.name
    ));
    for (step, recipe) in &playbook.steps {
        let standing = if done.contains(step) { "done" } else { "to do" };
        answer = answer.lines(in_words(*step, recipe, standing));
    }
    for one in &missing {
        answer = answer.line(format!("missing  {one}"));
    }
    Ok(match missing.is_empty() {
        true => answer,
        false => answer.exit(Exit::PersonMustSpeak),
    })
}

fn done_steps(rotation: &Rotation) -> Vec<Step> {
    let healthy = rotation.health.is_some_and(|health| health.healthy);
    [
        (Step::Generate, rotation.generated.is_some()),
        (Step::DualRun, rotation.dual_run.is_some()),
        (Step::Validate, rotation.validated.is_some()),
        (Step::Cutover, healthy),
        (Step::Health, healthy),
        (Step::Revoke, rotation.old_revoked.is_some()),
        (Step::VerifyRevocation, rotation.dead.is_some()),
    ]
    .into_iter()
    .filter_map(|(step, is_done)| is_done.then_some(step))
    .collect()
}

fn in_json(step: Step, recipe: &Recipe, is_done: bool) -> Value {
    json!({
        "step": step,
        "done": is_done,
        "run": recipe.run,
        "shows": recipe.shows,
        "timeout_seconds": recipe.timeout.as_secs(),
        "wait_seconds": recipe.wait.as_secs(),
        "needs_approval": recipe.approval,
        "each_consumer": recipe.each_consumer,
        "looks": recipe.done,
        "again": recipe.again,
        "undo": recipe.undo,
        "fields": recipe.fields,
    })
}

fn in_words(step: Step, recipe: &Recipe, standing: &str) -> Vec<String> {
    // As it stands in the playbook: a script is read and not pasted.
    let command = |words: &[String]| {
        words
            .join(" ")
            .trim_end()
            .replace('\n', "\n                  ")
    };
    let mut lines = vec![format!("  {standing:<6} {step}")];
    let mut add = |name: &str, text: String| lines.push(format!("         {name:<8} {text}"));
    add("run", command(&recipe.run));
    if let Some(text) = &recipe.shows {
        add("shows", text.clone());
    }
    for (name, words) in [("done if", &recipe.done), ("undo", &recipe.undo)] {
        if !words.is_empty() {
            add(name, command(words));
        }
    }
    add("within", format!("{} s", recipe.timeout.as_secs()));
    if !recipe.wait.is_zero() {
        add("waits", format!("{} s", recipe.wait.as_secs()));
    }
    if recipe.approval {
        add("needs", "a Security Owner's approval".to_owned());
    }
    lines
}
