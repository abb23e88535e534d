//! `ledger secret import`: what another system lists becomes what the inventory says, after a look at what changes.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::append::Screening;
use crate::append::draft::Draft;
use crate::event::{self, SecretClass};
use crate::hash::Sha256Digest;
use crate::listing::{self, FieldChange, Fields, ListForm, ListPlan};
use crate::page;
use crate::text::{Id, Line};

use super::answer::{Answer, CommandResult};
use super::context::Context;
use super::exit::CommandError;
use super::files::read_input;
use super::layout::counted;
use super::together::Consent;
use super::{attest, together};

/// The longest list, in bytes: Kubernetes prints values, too, and they take room until they are passed over.
const LIST_LIMIT: usize = 256 << 20;

/// Take the inventory from a list, after a look at what changes
///
/// Shows what is new, what changes and what the list lacks, and records it once somebody agrees, or with
/// --yes. The same list a second time records nothing. Values of secrets are never taken: a column for
/// them is refused, and what Kubernetes prints of them is passed over.
///
///   csv, json   the fields of secret.registered; rows outside of prod are passed over
///   aws         aws secretsmanager list-secrets
///   vault       vault list -format=json PATH, or an object: NAME with what vault kv metadata get prints
///   kubernetes  kubectl get secrets -A -o json
///
/// With --history each row is told as one rotation.recorded, which is shown as history everywhere: secret,
/// rotated_by, reason, completed, impacted_services and revoke_confirmed are needed.
///
/// What a list does not say of a new secret comes from its tags, labels, annotations or custom metadata
/// (rotation-ledger/class, rotation-ledger/owner and so on), or from the flags. What is registered is
/// never changed by flags.
///
///   ledger secret import inventory.csv --key sam.pem
///   ledger secret import listed.json --from aws --class api_key --owner Platform --yes
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct ImportArgs {
    /// The list; `-` is stdin
    #[arg(value_name = "FILE|-")]
    file: PathBuf,
    /// csv, json, aws, vault or kubernetes [default: csv or json, as the file's name ends]
    #[arg(long, value_name = "FORM")]
    from: Option<ListForm>,
    /// What goes before each name, to make it the secret's id, for example kv/prod/
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    prefix: String,
    /// The class of a new secret
    #[arg(long, value_name = "WORD")]
    class: Option<SecretClass>,
    /// Who answers for a new secret
    #[arg(long, value_name = "TEXT")]
    owner: Option<Line>,
    /// The services that use a new secret
    #[arg(long, value_name = "IDS", value_delimiter = ',')]
    consumers: Vec<Id>,
    /// Where the value of a new secret is kept; {} is the secret's id
    #[arg(long, value_name = "REF")]
    store: Option<String>,
    /// The most days a new secret may be in use
    #[arg(long, value_name = "N")]
    max_age_days: Option<u32>,
    /// Why what is registered changes
    #[arg(long, value_name = "TEXT", default_value = "imported from a list")]
    reason: Line,
    /// Attest the inventory by this list, where it has every secret of the ledger; say how it was made
    #[arg(long, value_name = "QUERY")]
    attest: Option<Line>,
    /// The list is of rotations from before the ledger: csv or json with the fields of rotation.recorded
    #[arg(long, conflicts_with_all = ["attest", "class", "owner", "consumers", "store", "max_age_days"])]
    history: bool,
    #[command(flatten)]
    consent: Consent,
}

pub(crate) fn run(context: &mut Context, args: &ImportArgs) -> CommandResult {
    context.ui.thing = "import";
    let form = form(args)?;
    let bytes = Zeroizing::new(read_input(&mut context.ui, &args.file, LIST_LIMIT)?);
    let digest = Sha256Digest::of(&bytes);
    let event = match args.history {
        true => "rotation.recorded",
        false => "secret.registered",
    };
    let spec = event::spec(event).ok_or_else(|| CommandError::usage("no such event"))?;
    let listing = listing::read(spec, form, &bytes, &args.prefix);
    drop(bytes);
    let register = context.register()?;
    let plan = match args.history {
        true => ListPlan::of_history(listing, &register),
        false => ListPlan::of_secrets(listing, &register, &defaults(args), &args.reason),
    };
    let mut plan = plan.map_err(|faults| untaken(&args.file, &faults))?;
    let events = std::mem::take(&mut plan.events).into_iter();
    let drafts: Vec<(String, Draft)> = events.map(|(place, event)| (place, event.into())).collect();
    let screened = drafts.iter().filter_map(|(place, draft)| {
        let fault = draft.screen(&[], Screening::default()).err()?;
        Some(format!("{place}: {fault}"))
    });
    let faults: Vec<_> = screened.collect();
    if !faults.is_empty() {
        return Err(untaken(&args.file, &faults));
    }
    if args.attest.is_some() && !(plan.missing.is_empty() && plan.retired.is_empty()) {
        let message = "the list and the ledger have not the same secrets, so that it attests nothing; nothing was recorded";
        let hint = "ledger secret import --dry-run names them; retire what is gone, or attest with: ledger secret attest";
        return Err(CommandError::refused(message).hint(hint));
    }
    let drafts: Vec<_> = drafts.into_iter().map(|(_, draft)| draft).collect();
    let (lines, many) = (in_words(&plan), drafts.len() as u64);
    let question = format!("record {}?", counted(many, "entry"));
    let consent = args.consent;
    let mut receipts = consent.record(context, drafts, (&lines, &question))?;
    // Whoever was asked has seen it.
    let asked = !consent.yes && !receipts.is_empty();
    let mut answer = Answer::new(json!(plan)).lines(lines.into_iter().filter(|_| !asked));
    answer = answer.line(match consent.dry_run {
        true => "nothing was recorded".to_owned(),
        false => format!("{} recorded", counted(receipts.len() as u64, "entry")),
    });
    if !plan.differs.is_empty() {
        answer = answer.say("not taken: no update changes a class, a version or when it was rotated; a rotation that the ledger lacks is recorded as one");
    }
    if let Some(query) = args.attest.as_ref().filter(|_| !consent.dry_run) {
        let excluded = plan.skipped.iter();
        let excluded: Vec<_> = excluded
            .map(|(what, many)| format!("{many} {what}"))
            .collect();
        let draft = attest::attestation(context, query, Some(digest), &excluded)?;
        receipts.extend(together::record(context, vec![draft])?);
        answer = answer.line("the inventory is attested by this list");
    }
    answer.add("receipts", receipts);
    Ok(answer)
}

fn form(args: &ImportArgs) -> Result<ListForm, CommandError> {
    let ending = args.file.extension().and_then(|ending| ending.to_str());
    let form = args.from.or_else(|| match ending? {
        "csv" => Some(ListForm::Csv),
        "json" => Some(ListForm::Json),
        _ => None,
    });
    form.ok_or_else(|| {
        CommandError::usage("who printed the list is not said").hint("name it with --from")
    })
}

fn defaults(args: &ImportArgs) -> Fields {
    let said = json!({
        "class": args.class, "owner": args.owner, "store": args.store, "max_age_days": args.max_age_days,
        "consumers": Some(&args.consumers).filter(|all| !all.is_empty()),
    });
    let said = said.as_object().cloned().unwrap_or_default();
    said.into_iter()
        .filter(|(_, value)| !value.is_null())
        .collect()
}

/// All that is wrong with a list, at once.
pub(crate) fn untaken(file: &Path, faults: &[String]) -> CommandError {
    let many = counted(faults.len() as u64, "fault");
    let message = format!(
        "{}: {many}, nothing was recorded\n  {}",
        file.display(),
        faults.join("\n  ")
    );
    CommandError::refused(message).code("list-untaken").hint(
        "what a list does not know is said for all new secrets by flags: ledger secret import --help",
    )
}

fn in_words(plan: &ListPlan) -> Vec<String> {
    let change = |change: &FieldChange| {
        let [old, new] = [&change.old, &change.new].map(|value| match value {
            Value::Null => "nothing".to_owned(),
            value => page::plain(value),
        });
        format!("{}  {}: {old} → {new}", change.secret, change.field)
    };
    let many = [plan.new.len(), plan.changed.len(), plan.missing.len()];
    let ([new, changed, missing], unchanged) = (many, plan.unchanged);
    let summary =
        format!("{new} new, {changed} changed, {unchanged} as they are, {missing} unlisted");
    let skipped = plan.skipped.iter();
    let skipped = skipped.map(|(what, many)| format!("passed over: {many} {what}"));
    let new = plan.new.iter().map(|id| format!("new       {id}"));
    let changed = plan.changed.iter().map(change);
    let changed = changed.map(|one| format!("changed   {one}"));
    let differs = plan.differs.iter().map(change);
    let differs = differs.map(|one| format!("differs   {one}  (not taken)"));
    let retired = plan.retired.iter();
    let retired = retired.map(|id| format!("retired   {id}  and still in the list"));
    let missing = plan.missing.iter();
    let missing = missing.map(|id| format!("unlisted  {id}  in the ledger alone"));
    let lines = [summary].into_iter().chain(skipped).chain(new);
    let lines = lines.chain(changed).chain(differs);
    lines.chain(retired).chain(missing).collect()
}
