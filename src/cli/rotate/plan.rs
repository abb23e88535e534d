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
use crate::rotation::{ChecklistItem, Rotation};

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

/// What is missing before it can go on.
fn missing(
    context: &Context,
    register: &Register,
    file: &PlaybookFile,
    rotation: Option<(&Rotation, &[ChecklistItem<'_>])>,
) -> Vec<String> {
    let variables = missing_variables(&file.playbook).into_iter();
    let mut missing: Vec<_> = variables
        .map(|name| format!("the variable {name}"))
        .collect();
    for (step, recipe) in &file.playbook.steps {
        let programs = [&recipe.run, &recipe.done, &recipe.undo];
        let programs = programs.into_iter().filter_map(|words| words.first());
        let programs = programs.filter(|name| !files::is_program(name, &file.dir));
        missing.extend(programs.map(|name| format!("the program {name} (step {step})")));
    }
    if context.globals.key.is_none() {
        missing.push("your key".to_owned());
    }
    match rotation {
        None => missing.push("approval and preconditions, once it is opened".to_owned()),
        Some((rotation, items)) if rotation.is_open() => {
            let now = items.iter().filter(|item| item.is_now());
            missing.extend(now.filter(|item| item.step.is_for_people()).map(|item| {
                let who = next::names(&register.people(rotation, &item.step));
                format!("{} by {who}", item.step)
            }));
        }
        Some(_) => {}
    }
    missing
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
    let items = rotation.map_or_else(Vec::new, |rotation| register.checklist(rotation));
    let standing = rotation.map(|rotation| (rotation, &items[..]));
    let missing = missing(context, register, file, standing);
    let done = items.iter().filter(|item| item.is_done());
    let done: Vec<Step> = done.filter_map(|item| item.step.step()).collect();
    let steps = playbook.steps.iter();
    let steps = steps.map(|(step, recipe)| (*step, recipe, done.contains(step)));
    let document = json!({
        "playbook": file.name,
        "secret": args.secret,
        "rotation": rotation.map(|rotation| &rotation.id),
        "steps": steps.clone().map(in_json).collect::<Vec<_>>(),
        "missing": missing,
    });
    let what = rotation.map_or("a new rotation", |rotation| rotation.id.as_str());
    let (secret, name, file) = (&args.secret, &playbook.name, &file.name);
    let answer = Answer::new(document)
        .line(format!("{secret}  {what}  by {name} ({file})"))
        .lines(steps.flat_map(in_words))
        .lines(missing.iter().map(|one| format!("missing  {one}")));
    Ok(match missing.is_empty() {
        true => answer,
        false => answer.exit(Exit::PersonMustSpeak),
    })
}

fn in_json((step, recipe, is_done): (Step, &Recipe, bool)) -> Value {
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

fn in_words((step, recipe, is_done): (Step, &Recipe, bool)) -> Vec<String> {
    // As it stands in the playbook: a script is read and not pasted.
    let command = |words: &[String]| {
        words
            .join(" ")
            .trim_end()
            .replace('\n', "\n                  ")
    };
    let standing = if is_done { "done" } else { "to do" };
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
