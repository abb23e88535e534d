//! `ledger incident`: what happened in order, what is open, and the report with a timeline made from the entries.
//! Read from the log and not verified.

mod breach;
mod timeline;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::json;

use crate::register::Register;
use crate::rotation::Incident;
use crate::text::{Id, Prose};

use super::answer::{Answer, CommandResult};
use super::context::Context;
use super::exit::CommandError;
use super::files::read_bounded;
use super::layout::{columns, counted};
use super::log::check_id;
use super::together::{self, draft};

use breach::Breach;
use timeline::timeline;

/// List incidents, show one in the order in which it happened, and report it (SOP 7)
///
/// Read from the log as it stands; only `ledger verify` judges it.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct IncidentArgs {
    #[command(subcommand)]
    action: IncidentAction,
}

#[derive(Debug, clap::Subcommand)]
enum IncidentAction {
    /// List the incidents, and what each waits for; those that were declared in one go are one line
    List,
    /// Show what happened in order, how long after the incident was noticed, and what is open
    ///
    /// Everything that was said of the incident and its rotations, and of the secret since it was noticed.
    ///
    ///   ledger incident show inc-7
    #[command(verbatim_doc_comment)]
    Show(WhichIncident),
    /// Record the post-incident report, with its timeline made from the entries
    ///
    /// The timeline is shown before it is signed, as `ledger incident show` has it.
    ///
    ///   ledger incident report inc-7 --report wiki/pir-7 --remediation "scan pastes daily"
    #[command(verbatim_doc_comment)]
    Report(ReportArgs),
}

#[derive(Debug, clap::Args)]
struct ReportArgs {
    #[command(flatten)]
    which: WhichIncident,
    /// Where the report is
    #[arg(long, value_name = "REF")]
    report: String,
    /// What is done so that it does not happen again; repeat for more
    #[arg(long, value_name = "TEXT", required = true)]
    remediation: Vec<String>,
    /// A file with the timeline [default: made from the entries]
    #[arg(long, value_name = "FILE")]
    timeline: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct WhichIncident {
    /// The incident
    #[arg(value_name = "INCIDENT")]
    incident: Id,
    /// With all that were declared in one go with it, told as one: a line for each kind of entry
    #[arg(long)]
    together: bool,
}

pub(crate) fn run(context: &mut Context, args: &IncidentArgs) -> CommandResult {
    let register = context.register()?;
    match &args.action {
        IncidentAction::List => Ok(list(context, &register)),
        IncidentAction::Show(args) => show(context, &register, args),
        IncidentAction::Report(args) => report(context, &register, args),
    }
}

fn list(context: &mut Context, register: &Register) -> Answer {
    context.ui.thing = "incidents";
    let mut groups: BTreeMap<_, Vec<&Incident>> = BTreeMap::new();
    for one in register.incidents.values() {
        groups.entry(one.declaration()).or_default().push(one);
    }
    let breaches = groups.into_values();
    let breaches: Vec<_> = breaches
        .filter_map(|told| Breach::of(register, told))
        .collect();
    let row = |breach: &Breach<'_>| {
        let mut open: Vec<String> = breach.open().collect();
        if open.is_empty() {
            open.push("nothing".to_owned());
        }
        let noticed = breach.first.detected.to_seconds();
        [breach.name(), noticed, breach.secret(), open.join("; ")]
    };
    let documents: Vec<_> = breaches.iter().map(Breach::to_json).collect();
    let heading = ["INCIDENT", "NOTICED", "SECRET", "OPEN"];
    Answer::new(json!({ "incidents": documents })).table_or(
        "no incident was declared",
        heading,
        breaches.iter().map(row),
    )
}

/// The incident that is named, and how many others were declared in one go with it and are not told with it.
fn named<'r>(
    register: &'r Register,
    which: &WhichIncident,
) -> Result<(Breach<'r>, usize), CommandError> {
    let id = &which.incident;
    check_id("incident", Some(id), register.incidents.keys())?;
    let declaration = register.incidents.get(id).map(Incident::declaration);
    let all = register.incidents.values();
    let all: Vec<_> = all
        .filter(|one| Some(one.declaration()) == declaration)
        .collect();
    let others = if which.together { 0 } else { all.len() - 1 };
    let mut told = all;
    told.retain(|one| which.together || one.id == *id);
    let breach = Breach::of(register, told);
    let breach = breach.ok_or_else(|| CommandError::usage("no incident is named"))?;
    Ok((breach, others))
}

fn show(context: &mut Context, register: &Register, which: &WhichIncident) -> CommandResult {
    context.ui.thing = "incident";
    let (breach, others) = named(register, which)?;
    let detected = breach.first.detected;
    let timeline = timeline(context, &breach, breach.is_of_many())?;
    let mut document = breach.to_json();
    let lines = timeline.iter();
    document["timeline"] = lines.clone().map(|line| line.to_json(detected)).collect();
    let rows = lines.map(|line| line.row(detected));
    let noticed = detected.to_seconds();
    let head = format!("{}  {}  noticed {noticed}", breach.name(), breach.secret());
    let mut answer = Answer::new(document)
        .line(head)
        .table(["TIME", "AFTER", "WHO", "ENTRY", "WHAT"], rows)
        .lines(breach.open().map(|step| format!("open  {step}")));
    if breach.open.is_empty() {
        answer = answer.line("nothing is open");
    } else if !breach.is_of_many() {
        answer = answer.say(format!("next: ledger next {}", which.incident));
    }
    Ok(match others as u64 {
        0 => answer,
        many => answer.say(format!(
            "declared in one go with {}: --together tells them as one",
            counted(many, "other")
        )),
    })
}

fn report(context: &mut Context, register: &Register, args: &ReportArgs) -> CommandResult {
    context.ui.thing = "incident-report";
    let (breach, _) = named(register, &args.which)?;
    let unreported = breach.incidents.iter().filter(|one| one.report.is_none());
    let unreported: Vec<&Id> = unreported.map(|one| &one.id).collect();
    if let (Some(at), true) = (breach.first.report, unreported.is_empty()) {
        let name = breach.name();
        let message = format!("{name} was reported in entry {}", at.sequence);
        return Err(CommandError::refused(message)
            .hint("what is to be added to it: ledger append entry.annotated"));
    }
    let timeline = match &args.timeline {
        Some(path) => {
            let text = read_bounded(path, Prose::LIMIT)?;
            String::from_utf8_lossy(&text).trim().to_owned()
        }
        None => made(context, &breach)?,
    };
    context.say(format!("timeline\n{timeline}"));
    let now = context.now();
    let say = |incident: &&Id| {
        let said = json!({
            "incident": incident, "report": args.report, "timeline": timeline, "remediation": args.remediation,
        });
        draft(now, "post_incident.reported", said)
    };
    let drafts = unreported.iter().map(say).collect::<Result<Vec<_>, _>>()?;
    let receipts = together::record(context, drafts)?;
    let first = receipts.first().map(|receipt| &receipt["sequence"]);
    let first = first.map_or_else(String::new, ToString::to_string);
    let line = format!("{}  reported in entry {first}", breach.name());
    let document = json!({ "incidents": unreported, "timeline": timeline, "receipts": receipts });
    let answer = Answer::new(document).line(line);
    let open = breach
        .open()
        .filter(|step| !step.starts_with("post_incident"));
    Ok(open.fold(answer, |answer, step| {
        answer.say(format!("still open: {step}"))
    }))
}

/// What happened of one incident, as a report tells it.
pub(crate) fn told(
    context: &Context,
    register: &Register,
    id: &Id,
) -> Result<Option<String>, CommandError> {
    let incident = register.incidents.get(id).into_iter().collect();
    let breach = Breach::of(register, incident);
    breach.map(|breach| made(context, &breach)).transpose()
}

/// The timeline as text that an event can hold; where each entry has no place in it, a line for each kind.
fn made(context: &Context, breach: &Breach<'_>) -> Result<String, CommandError> {
    for by_kind in [breach.is_of_many(), true] {
        let timeline = timeline(context, breach, by_kind)?;
        let rows = timeline.iter().map(|line| line.row(breach.first.detected));
        let rows: Vec<_> = rows.collect();
        let text = columns(&rows).join("\n");
        if text.len() <= Prose::LIMIT {
            return Ok(text);
        }
    }
    let message = "the timeline is longer than an entry can hold";
    Err(CommandError::usage(message)
        .hint("shorten it in a file: --timeline FILE; ledger incident show prints it"))
}
