//! `ledger emergency`: incident, opening and the revocation that already happened, of one secret or of many, in one go.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::append::draft::Draft;
use crate::event::{Event, Trigger};
use crate::inventory::Secret;
use crate::register::Register;
use crate::rotation::campaign_ticket;
use crate::text::Id;
use crate::time::{SaidTime, Timestamp};

use super::answer::{Answer, CommandResult};
use super::campaign::Meant;
use super::context::Context;
use super::exit::CommandError;
use super::files::read_bounded;
use super::layout::counted;
use super::secret::registered;
use super::together::{self, draft};

/// The longest list of secrets, in bytes.
const LIST_LIMIT: usize = 4 << 20;

/// Record an emergency: incident, rotation and the revocation that already happened
///
/// SOP 7 revokes first. Whoever did that says it here, once and afterwards: each secret gets an incident
/// (incident.declared), an emergency rotation (rotation.opened) and, with --revoked, the revocation of
/// the version that was in use (secret.revoked). Their ids are the secret's with today's date, unless
/// they are named. What is left is shown by: ledger next.
///
///   ledger emergency db/orders --revoked v7 --at 2026-11-28T03:12:00Z --why "password in a public log"
///   ledger emergency --secrets breach.txt --revoked --why "breach of the vendor"
///   ledger emergency --filter owner=Vendor --campaign breach-11 --revoked --why "breach of the vendor"
#[derive(Debug, Default, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct EmergencyArgs {
    /// The suspect secrets
    #[arg(value_name = "SECRET", required_unless_present_any = ["secrets", "filter"])]
    secret: Vec<Id>,
    /// A file with their ids, one a line
    #[arg(long, value_name = "FILE")]
    secrets: Option<PathBuf>,
    #[command(flatten)]
    meant: Meant,
    /// The campaign that they belong to. Said once more it records what is not recorded yet, and nothing twice
    #[arg(long, value_name = "NAME")]
    campaign: Option<Id>,
    /// The version that was revoked [default: the version in use, by the inventory]
    #[arg(long, value_name = "VERSION", num_args = 0..=1, default_missing_value = "")]
    revoked: Option<String>,
    /// How it was revoked
    #[arg(
        long,
        value_name = "WORD",
        default_value = "revoke",
        requires = "revoked"
    )]
    method: String,
    /// When it was noticed and revoked: a time, a day, `yesterday`, or 90d for so long ago [default: now]
    #[arg(long, value_name = "TIME")]
    at: Option<SaidTime>,
    /// What is known, in one line
    #[arg(long, value_name = "TEXT")]
    why: String,
    /// What started it
    #[arg(long, value_name = "WORD", default_value = "suspected_compromise")]
    trigger: String,
    /// The incident's id, where there is one secret
    #[arg(long, value_name = "ID")]
    incident: Option<Id>,
    /// The rotation's id, where there is one secret
    #[arg(long, value_name = "ID")]
    rotation: Option<Id>,
}

impl EmergencyArgs {
    /// Of one secret, of which nothing was revoked yet.
    pub(crate) fn of(secret: Id, why: String, rotation: Id) -> Self {
        Self {
            secret: vec![secret],
            why,
            trigger: Trigger::SuspectedCompromise.word().to_owned(),
            rotation: Some(rotation),
            ..Self::default()
        }
    }
}

pub(crate) fn run(context: &mut Context, args: &EmergencyArgs) -> CommandResult {
    context.ui.thing = "emergency";
    let emergencies = prepared(context, args)?;
    let receipts = together::record(context, drafts(&emergencies))?;
    Ok(answer(&emergencies, &receipts))
}

/// Everything that is said of them.
pub(crate) fn drafts(emergencies: &[Emergency]) -> Vec<Draft> {
    let each = emergencies.iter();
    each.flat_map(|one| one.drafts.iter().cloned()).collect()
}

/// What is said of each secret.
pub(crate) fn prepared(
    context: &mut Context,
    args: &EmergencyArgs,
) -> Result<Vec<Emergency>, CommandError> {
    let register = context.register()?;
    let secrets = listed(args, &register)?;
    let is_named = args
        .revoked
        .as_ref()
        .is_some_and(|version| !version.is_empty());
    let is_named = is_named || args.incident.is_some() || args.rotation.is_some();
    if secrets.len() > 1 && is_named {
        let message = "a version, an incident or a rotation is named of one secret alone";
        return Err(CommandError::usage(message)
            .hint("leave them out: versions come from the inventory, ids from the date"));
    }
    let now = context.now();
    let at = context.instant("--at", args.at).unwrap_or(now);
    let secrets = secrets.iter();
    secrets
        .map(|secret| Emergency::of(args, &register, secret, (at, now)))
        .collect()
}

/// The secrets that were named, each once.
fn listed(args: &EmergencyArgs, register: &Register) -> Result<Vec<Id>, CommandError> {
    let mut secrets = args.secret.clone();
    if let Some(path) = &args.secrets {
        let text = read_bounded(path, LIST_LIMIT)?;
        let text = String::from_utf8_lossy(&text).into_owned();
        let lines = (1..).zip(text.lines().map(str::trim));
        for (place, line) in lines.filter(|(_, line)| !line.is_empty()) {
            secrets.push(Id::new(line).map_err(|fault| {
                CommandError::usage(format!("{} line {place}: {fault}", path.display()))
            })?);
        }
    }
    secrets.extend(args.meant.secrets(register));
    let mut seen = std::collections::BTreeSet::new();
    secrets.retain(|secret| seen.insert(secret.clone()));
    match secrets.is_empty() {
        true => Err(CommandError::usage("no secret is named")),
        false => Ok(secrets),
    }
}

/// What is said of one secret.
pub(crate) struct Emergency {
    secret: Id,
    incident: Id,
    rotation: Id,
    drafts: Vec<Draft>,
}

impl Emergency {
    fn of(
        args: &EmergencyArgs,
        register: &Register,
        secret: &Id,
        (at, now): (Timestamp, Timestamp),
    ) -> Result<Self, CommandError> {
        let known = registered(register, secret)?;
        let moment = now.to_digits();
        let campaign = args.campaign.as_ref();
        let id = |named: &Option<Id>, kind: &str| match (named, campaign) {
            (Some(id), _) => Ok(id.clone()),
            (None, Some(name)) => Id::new(format!("{name}/{secret}")),
            (None, None) => Id::new(format!("{kind}-{secret}-{moment}")),
        };
        let id = |named, kind| id(named, kind).map_err(CommandError::flag("the secret's id"));
        let (incident, rotation) = (id(&args.incident, "inc")?, id(&args.rotation, "rot")?);
        let declared = json!({
            "incident": incident, "secret": secret, "trigger": args.trigger, "detected": at,
            "summary": args.why,
        });
        let opened = json!({
            "rotation": rotation, "secret": secret, "environment": "prod",
            "reason": "emergency", "incident": incident,
            "consumers": known.consumers, "last_rotated": known.generated,
            "old_version": known.version, "ticket": campaign.map(campaign_ticket),
        });
        let mut drafts = vec![
            draft(now, "incident.declared", declared)?,
            draft(now, "rotation.opened", opened)?,
        ];
        if let Some(version) = revoked(args, known)? {
            let said = json!({
                "rotation": rotation, "version": version, "target": "old",
                "method": args.method, "effective": at,
            });
            drafts.push(draft(at, "secret.revoked", said)?);
        }
        // What of a campaign was cut off is said again.
        let opened = register.rotations.get(&rotation);
        let is_said = |draft: &Draft| match &draft.event {
            Event::IncidentDeclared(_) => register.incidents.contains_key(&incident),
            Event::RotationOpened(_) => opened.is_some(),
            _ => opened.is_some_and(|opened| opened.old_revoked.is_some()),
        };
        drafts.retain(|draft| campaign.is_none() || !is_said(draft));
        Ok(Self {
            secret: secret.clone(),
            incident,
            rotation,
            drafts,
        })
    }
}

/// The version that was revoked already: the one that is named, or the one in use.
fn revoked(args: &EmergencyArgs, known: &Secret) -> Result<Option<String>, CommandError> {
    let in_use = known.version.as_ref().map(ToString::to_string);
    match (args.revoked.as_deref(), in_use) {
        (None, _) => Ok(None),
        (Some(""), Some(version)) => Ok(Some(version)),
        (Some(""), None) => {
            let id = &known.id;
            let message =
                format!("which version of `{id}` was in use is not known; nothing was recorded");
            Err(CommandError::refused(message).hint("name it: --revoked VERSION"))
        }
        (Some(named), _) => Ok(Some(named.to_owned())),
    }
}

fn answer(emergencies: &[Emergency], receipts: &[Value]) -> Answer {
    let each = emergencies.iter().map(
        |one| json!({ "secret": one.secret, "incident": one.incident, "rotation": one.rotation }),
    );
    let document = json!({ "emergencies": each.collect::<Vec<_>>(), "receipts": receipts });
    let lines = emergencies.iter().map(|one| {
        let Emergency {
            secret,
            incident,
            rotation,
            ..
        } = one;
        format!("{secret}  incident {incident}  rotation {rotation}")
    });
    let recorded = counted(receipts.len() as u64, "entry");
    let secrets = counted(emergencies.len() as u64, "secret");
    let next = match emergencies {
        [one] => format!("next: ledger next {}", one.rotation),
        _ => "next: ledger next".to_owned(),
    };
    Answer::new(document)
        .lines(lines)
        .line(format!("{recorded} recorded of {secrets}"))
        .say(next)
}
