//! `ledger campaign`: many rotations under one name, opened at once and looked at as one.

use serde_json::{Value, json};

use crate::facts;
use crate::inventory::SecretCondition;
use crate::page;
use crate::register::Register;
use crate::rotation;
use crate::text::Id;
use crate::verify::Report;

use super::answer::{Answer, CommandResult, items, text};
use super::context::Context;
use super::exit::CommandError;
use super::layout::counted;
use super::together::{self, Consent};
use super::verify::{self, Asked};

/// What is shown of each rotation of a campaign, under which heading.
const SHOWN: [(&str, &str); 8] = [
    ("SECRET", "secret"),
    ("STATE", "state"),
    ("OPENED", "opened_utc"),
    ("COMPLETED", "completed_utc"),
    ("CONFIRMED", "confirmed_utc"),
    ("REVOKED", "revoke_confirmed"),
    ("FINDINGS", "findings"),
    ("WAITS FOR", "waits_for"),
];

/// What is shown of each campaign.
const COUNTED: [(&str, &str); 6] = [
    ("CAMPAIGN", "campaign"),
    ("ROTATIONS", "rotations"),
    ("CONFIRMED", "confirmed"),
    ("COMPLETED", "completed"),
    ("OPEN", "open"),
    ("FINDINGS", "with_findings"),
];

/// Rotate many secrets under one name: open them at once, see how far they are
#[derive(Debug, clap::Args)]
pub(crate) struct CampaignArgs {
    #[command(subcommand)]
    action: CampaignAction,
}

#[derive(Debug, clap::Subcommand)]
enum CampaignAction {
    Open(OpenArgs),
    Show(ShowArgs),
    /// List the campaigns there are
    List,
}

/// Open a scheduled rotation of each secret that is meant
///
/// Conditions on one field hold where any of them does, conditions on several fields where all do. Each
/// opening names the campaign as its ticket (campaign:NAME), and its rotation is NAME/SECRET; a secret
/// that has an open rotation is passed over. The same once more opens what is not open yet. Of an
/// emergency, incidents are declared with the openings: ledger emergency --campaign.
///
///   ledger campaign open 2026-q4 --filter class=database_credential --filter due-before=2026-12-31
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
struct OpenArgs {
    /// The campaign's name
    name: Id,
    #[command(flatten)]
    meant: Meant,
    #[command(flatten)]
    consent: Consent,
}

/// Which secrets are meant.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Meant {
    /// class=WORD, owner=TEXT, consumer=ID, prefix=TEXT or due-before=TIME; repeat for more
    #[arg(long, value_name = "FIELD=VALUE")]
    filter: Vec<SecretCondition>,
}

/// Show how far a campaign is, what is left and for whom, and a row for each rotation
///
/// The ledger is verified first. With --csv, the table alone, for the auditor.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
struct ShowArgs {
    /// The campaign's name
    name: Id,
    /// Print the table as CSV
    #[arg(long)]
    csv: bool,
}

impl Meant {
    /// The secrets that are meant, by id; none where nothing is said of them.
    pub(crate) fn secrets(&self, register: &Register) -> Vec<Id> {
        let policy = &register.charter.policy;
        let active = register
            .active_secrets()
            .filter(|_| !self.filter.is_empty());
        let meant = active.filter(|secret| SecretCondition::all_hold(&self.filter, secret, policy));
        meant.map(|secret| secret.id.clone()).collect()
    }
}

pub(crate) fn run(context: &mut Context, args: &CampaignArgs) -> CommandResult {
    context.ui.thing = "campaign";
    match &args.action {
        CampaignAction::Open(args) => open(context, args),
        CampaignAction::Show(args) => show(context, args),
        CampaignAction::List => list(context),
    }
}

fn open(context: &mut Context, args: &OpenArgs) -> CommandResult {
    context.ui.thing = "campaign-opened";
    let (register, now) = (context.register()?, context.now());
    let meant = args.meant.secrets(&register);
    if meant.is_empty() {
        return Err(
            CommandError::refused("no secret is meant; nothing was recorded")
                .hint("name conditions with --filter; ledger secret list has the secrets"),
        );
    }
    let (mut drafts, mut opened, mut passed) = (Vec::new(), Vec::new(), Vec::new());
    for secret in &meant {
        let open = register.secret(secret).and_then(|known| known.open.first());
        let why = match (open, Id::new(format!("{}/{secret}", args.name))) {
            (_, Ok(id)) if register.rotations.contains_key(&id) => {
                "in the campaign already".to_owned()
            }
            (Some(open), _) => format!("{open} is open"),
            (None, Err(fault)) => format!("the rotation's id would not do: it {fault}"),
            (None, Ok(id)) => {
                let mut said = json!(register.known("rotation.opened", None, Some(secret)));
                said["rotation"] = json!(id);
                said["secret"] = json!(secret);
                said["environment"] = json!("prod");
                said["reason"] = json!("scheduled");
                said["ticket"] = json!(rotation::campaign_ticket(&args.name));
                drafts.push(together::draft(now, "rotation.opened", said)?);
                opened.push((secret, id));
                continue;
            }
        };
        passed.push((secret, why));
    }
    let many = counted(drafts.len() as u64, "rotation");
    let all = counted(meant.len() as u64, "secret");
    let asked = ([format!("{many} of {all} meant")], format!("open {many}?"));
    let receipts = args.consent.record(context, drafts, (&asked.0, &asked.1))?;
    let would = match args.consent.dry_run {
        true => "to be opened",
        false => "opened",
    };
    let rows = opened.iter().map(|(_, id)| format!("opened       {id}"));
    let left = passed.iter();
    let left = left.map(|(secret, why)| format!("passed over  {secret}: {why}"));
    let rotations = opened.iter();
    let rotations = rotations.map(|(secret, id)| json!({ "secret": secret, "rotation": id }));
    let skipped = passed.iter();
    let skipped = skipped.map(|(secret, why)| json!({ "secret": secret, "why": why }));
    let document = json!({
        "campaign": args.name,
        "opened": rotations.collect::<Vec<_>>(),
        "passed_over": skipped.collect::<Vec<_>>(),
        "receipts": receipts,
    });
    Ok(Answer::new(document)
        .line(format!("{many} {would}, {} passed over", passed.len()))
        .lines(rows.chain(left))
        .say(format!("next: ledger campaign show {}", args.name)))
}

/// Verifies the ledger, and keeps what was said of rotations.
fn verified(context: &mut Context) -> Result<Report, CommandError> {
    let report = verify::whole(context, &Asked::keeping_said())?;
    match report.register() {
        Some(_) => Ok(report),
        None => Err(CommandError::broken(
            "the ledger does not verify, so nothing is said of a campaign",
        )
        .hint("ledger verify names what is wrong")),
    }
}

fn show(context: &mut Context, args: &ShowArgs) -> CommandResult {
    let report = verified(context)?;
    let Some(campaign) = facts::campaign(&report, args.name.as_str()) else {
        let failure = CommandError::not_verified(format!("there is no campaign `{}`", args.name));
        return Err(failure
            .code("no-campaign")
            .hint("ledger campaign list has them"));
    };
    let table = campaign["table"].as_array().cloned().unwrap_or_default();
    if args.csv && !context.ui.json {
        return Ok(Answer::plain(page::csv(facts::CAMPAIGN_COLUMNS, &table)));
    }
    let number = |name: &str| campaign[name].as_u64().unwrap_or_default();
    let all = counted(number("rotations"), "rotation");
    let (confirmed, completed, open) = (number("confirmed"), number("completed"), number("open"));
    let findings = number("with_findings");
    let mut lines = vec![format!(
        "{confirmed} of {all} confirmed, {completed} completed and not confirmed, {open} open, {findings} with findings",
    )];
    for wait in items(&campaign["waits_for"]) {
        let many = wait["rotations"].as_u64().unwrap_or_default();
        let roles: Vec<_> = items(&wait["roles"]).map(text).collect();
        let (step, roles) = (text(&wait["step"]), roles.join(", "));
        lines.push(format!("waits for  {many:5}  {step}  ({roles})"));
    }
    let cell = |value: &Value| match page::plain(value) {
        said if said.is_empty() => "-".to_owned(),
        said => said,
    };
    let rows = table.iter();
    let rows = rows.map(|row| SHOWN.map(|(_, name)| cell(&row[name])));
    let answer = Answer::new(campaign.clone()).lines(lines).line("");
    Ok(answer.table(SHOWN.map(|(heading, _)| heading), rows))
}

fn list(context: &mut Context) -> CommandResult {
    context.ui.thing = "campaigns";
    let report = verified(context)?;
    let named = facts::campaigns(&report);
    let each = named.keys();
    let each: Vec<_> = each
        .filter_map(|name| facts::campaign(&report, name))
        .collect();
    let briefly = |one: &Value| -> Value {
        let told = COUNTED.map(|(_, name)| (name.to_owned(), one[name].clone()));
        told.into_iter().collect()
    };
    let rows = each.iter();
    let rows = rows.map(|one| COUNTED.map(|(_, name)| page::plain(&one[name])));
    let document = json!({ "campaigns": each.iter().map(briefly).collect::<Vec<_>>() });
    let heading = COUNTED.map(|(heading, _)| heading);
    Ok(Answer::new(document).table_or("there is no campaign", heading, rows))
}
