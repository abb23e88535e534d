//! `ledger campaign`: many rotations under one name, opened at once and looked at as one.

use serde_json::{Value, json};

use crate::facts;
use crate::inventory::SecretCondition;
use crate::page;
use crate::register::Register;
use crate::rotation;
use crate::text::Id;
use crate::verify::Report;

use super::answer::{Answer, CommandResult};
use super::context::Context;
use super::exit::CommandError;
use super::import::agreed;
use super::layout::counted;
use super::together;
use super::verify::{self, Asked};

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
    /// Show what would be opened, and record nothing
    #[arg(long)]
    dry_run: bool,
    /// Record it without asking
    #[arg(long, conflicts_with = "dry_run")]
    yes: bool,
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
        let known = register.known("rotation.opened", None, Some(secret));
        let open = register
            .secrets
            .get(secret)
            .and_then(|known| known.secret.open.first());
        match (open, Id::new(format!("{}/{secret}", args.name))) {
            (_, Ok(id)) if register.rotations.contains_key(&id) => {
                passed.push((secret, "in the campaign already".to_owned()))
            }
            (Some(open), _) => passed.push((secret, format!("{open} is open"))),
            (None, Err(fault)) => passed.push((
                secret,
                format!("the rotation's id would not do: it {fault}"),
            )),
            (None, Ok(id)) => {
                let mut said = json!(known);
                said["rotation"] = json!(id);
                said["secret"] = json!(secret);
                said["environment"] = json!("prod");
                said["reason"] = json!("scheduled");
                said["ticket"] = json!(rotation::campaign_ticket(&args.name));
                drafts.push(together::draft(now, "rotation.opened", said)?);
                opened.push(json!({ "secret": secret, "rotation": id }));
            }
        }
    }
    let many = counted(drafts.len() as u64, "rotation");
    let mut receipts = Vec::new();
    if !args.dry_run && !drafts.is_empty() {
        if !args.yes {
            context.say(format!(
                "{} of {} meant",
                many,
                counted(meant.len() as u64, "secret")
            ));
            agreed(context, &format!("open {many}?"))?;
        }
        receipts = together::record(context, drafts)?;
    }
    let would = if args.dry_run {
        "to be opened"
    } else {
        "opened"
    };
    let skipped = passed
        .iter()
        .map(|(secret, why)| json!({ "secret": secret, "why": why }));
    let document = json!({
        "campaign": args.name, "opened": opened, "passed_over": skipped.collect::<Vec<_>>(), "receipts": receipts,
    });
    let rows = opened.iter().map(|one| {
        format!(
            "opened       {}",
            one["rotation"].as_str().unwrap_or_default()
        )
    });
    let answer = Answer::new(document)
        .line(format!("{many} {would}, {} passed over", passed.len()))
        .lines(rows)
        .lines(
            passed
                .iter()
                .map(|(secret, why)| format!("passed over  {secret}: {why}")),
        );
    Ok(answer.say(format!("next: ledger campaign show {}", args.name)))
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
    let all = number("rotations");
    let (confirmed, completed, open) = (number("confirmed"), number("completed"), number("open"));
    let mut lines = vec![format!(
        "{confirmed} of {} confirmed, {completed} completed and not confirmed, {open} open, {} with findings",
        counted(all, "rotation"),
        number("with_findings"),
    )];
    for wait in campaign["waits_for"].as_array().into_iter().flatten() {
        let roles: Vec<_> = wait["roles"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let step = wait["step"].as_str().unwrap_or_default();
        lines.push(format!(
            "waits for  {:5}  {step}  ({})",
            wait["rotations"].as_u64().unwrap_or_default(),
            roles.join(", ")
        ));
    }
    lines.push(String::new());
    let shown = [
        "secret",
        "state",
        "opened_utc",
        "completed_utc",
        "confirmed_utc",
        "revoke_confirmed",
        "findings",
        "waits_for",
    ];
    let cell = |value: &Value| match page::plain(value) {
        said if said.is_empty() => "-".to_owned(),
        said => said,
    };
    let rows = table
        .iter()
        .map(|row| shown.map(|name| cell(&row[name])).to_vec());
    let heading = [
        "SECRET",
        "STATE",
        "OPENED",
        "COMPLETED",
        "CONFIRMED",
        "REVOKED",
        "FINDINGS",
        "WAITS FOR",
    ];
    Ok(Answer::new(campaign.clone())
        .lines(lines)
        .table(&heading, &rows.collect::<Vec<_>>()))
}

fn list(context: &mut Context) -> CommandResult {
    context.ui.thing = "campaigns";
    let report = verified(context)?;
    let named = facts::campaigns(&report);
    let each: Vec<_> = named
        .keys()
        .filter_map(|name| facts::campaign(&report, name))
        .collect();
    let counts = [
        "campaign",
        "rotations",
        "confirmed",
        "completed",
        "open",
        "with_findings",
    ];
    let rows: Vec<_> = each
        .iter()
        .map(|one| counts.map(|name| page::plain(&one[name])).to_vec())
        .collect();
    let briefly = |one: &Value| {
        counts
            .map(|name| (name.to_owned(), one[name].clone()))
            .into_iter()
            .collect::<Value>()
    };
    let answer = Answer::new(json!({ "campaigns": each.iter().map(briefly).collect::<Vec<_>>() }));
    Ok(match each.is_empty() {
        true => answer.line("there is no campaign"),
        false => answer.table(
            &[
                "CAMPAIGN",
                "ROTATIONS",
                "CONFIRMED",
                "COMPLETED",
                "OPEN",
                "FINDINGS",
            ],
            &rows,
        ),
    })
}
