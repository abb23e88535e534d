//! `ledger witness use`, `ask`, `request` and `accept`: the ledger's side.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::anchor::{
    AcceptError, AnchorSettings, ChoiceError, CosignError, NewestCheckpoint, WitnessAnswers,
    WitnessRound,
};
use crate::checkpoint::{Checkpoint, CosignerKey};
use crate::cli::answer::{Answer, CommandResult};
use crate::cli::context::Context;
use crate::cli::exit::{CommandError, Exit};
use crate::cli::files::read_input;
use crate::cli::layout::{row, seconds};
use crate::cli::trust::how_to_follow;
use crate::ledger::sealing_vkeys;
use crate::trust::{TRUST_LIMIT, Trust};
use crate::witness::{AddCheckpoint, REQUEST_LIMIT};

/// Choose the witnesses of this ledger
///
/// A policy (C2SP tlog-policy) names them with their urls and says how many are enough; or they are
/// added one by one, and then all have to cosign. After each commit they are asked in the background;
/// no append waits for them or fails with them. Http and https urls; https trusts the public roots.
///
///   ledger witness use audit VKEY https://witness.example/audit
///   ledger witness use audit --remove
///   ledger witness use policy.txt
#[allow(rustdoc::bare_urls, reason = "`--help` shows it as it stands")]
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
#[command(
    override_usage = "ledger witness use NAME VKEY URL\n       ledger witness use NAME --remove\n       ledger witness use POLICY\n       ledger witness use --none"
)]
pub(super) struct UseArgs {
    /// What to call one more witness; alone, a policy file
    #[arg(value_name = "NAME|POLICY", required_unless_present = "none")]
    who: Option<String>,
    /// Its key, as `ledger witness init` prints it there
    #[arg(value_name = "VKEY", requires = "url")]
    vkey: Option<CosignerKey>,
    /// Where it is asked: what comes before /add-checkpoint
    #[arg(value_name = "URL")]
    url: Option<String>,
    /// Ask this witness no more
    #[arg(long, requires = "who", conflicts_with_all = ["vkey", "none"])]
    remove: bool,
    /// Ask nobody any more
    #[arg(long, conflicts_with = "who")]
    none: bool,
}

/// Ask the witnesses about the newest checkpoint, and wait for their answers
///
/// Ends with 0 where as many cosigned as the policy asks for, 6 where too few could be reached, 5 where
/// too few were willing, and 1 where a witness disagrees about what this ledger signed before: then one
/// of the two was cut short, rolled back or forked, and what was asked is kept as evidence.
///
///   ledger witness ask
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(super) struct AskArgs;

/// Print a request for a witness that is not reached by a network
///
/// Carry it to the witness, who answers it with `ledger witness cosign`, and bring the line back to
/// `ledger witness accept`.
///
///   ledger witness request --old 512 > request.txt
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(super) struct RequestArgs {
    /// The size that the witness last cosigned; 0 if none
    #[arg(long, value_name = "SIZE", default_value_t = 0)]
    old: u64,
}

/// Take the cosignature that a witness made from a request
///
///   ledger witness accept --request request.txt line.txt
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(super) struct AcceptArgs {
    /// The request that was answered
    #[arg(long, value_name = "FILE")]
    request: PathBuf,
    /// The line that came back; `-` is stdin
    #[arg(value_name = "FILE|-")]
    line: PathBuf,
}

fn chosen(settings: &AnchorSettings) -> Result<Trust, CommandError> {
    settings.witnesses()?.ok_or_else(|| {
        CommandError::usage("this ledger has no witnesses")
            .hint("choose one with: ledger witness use NAME VKEY URL")
    })
}

const fn round<'a>(
    newest: &'a NewestCheckpoint,
    settings: &'a AnchorSettings,
    trust: &'a Trust,
) -> WitnessRound<'a> {
    WitnessRound {
        newest,
        settings,
        trust,
        by_hand: true,
    }
}

pub(super) fn choose(context: &mut Context, args: &UseArgs) -> CommandResult {
    let settings = context.anchoring()?;
    // Opened for reading first, which says so where this is no ledger.
    context.reader()?;
    let text = match (&args.who, &args.vkey, &args.url) {
        (Some(name), Some(key), Some(url)) => settings.with_witness(name, key, url)?,
        (Some(name), ..) if args.remove => settings.without_witness(name)?,
        (Some(policy), ..) => {
            let bytes = read_input(&mut context.ui, Path::new(policy), TRUST_LIMIT)
                .map_err(|failure| failure.hint("name a policy file, or NAME VKEY URL"))?;
            String::from_utf8_lossy(&bytes).into_owned()
        }
        (None, ..) => String::new(),
    };
    let trust = settings.choose_witnesses(&text)?;
    let witnesses = trust.as_ref().map_or(&[][..], Trust::witnesses);
    let answer = Answer::new(json!({ "policy": text }));
    if witnesses.is_empty() {
        return Ok(answer.line("no witness is asked"));
    }
    Ok(answer
        .text(text)
        .note("next: ledger witness ask; they follow the key that ledger trust show prints first"))
}

pub(super) fn ask(context: &mut Context) -> CommandResult {
    let settings = context.anchoring()?;
    let trust = chosen(&settings)?;
    let newest = context.newest()?;
    let _lock = settings.lock(context.now(), context.globals.wait)?;
    let answered = round(&newest, &settings, &trust).ask();
    let answer = answer(newest.stated(), &answered);
    if !answered.is_unfollowed() {
        return Ok(answer);
    }
    let vkeys = sealing_vkeys(&context.register()?.charter).unwrap_or_default();
    let said = vkeys.iter().take(1).map(how_to_follow);
    Ok(said.fold(answer, Answer::note))
}

fn answer(newest: &Checkpoint, answered: &WitnessAnswers) -> Answer {
    let exit = Exit::from(answered.conclusion());
    let size = newest.size;
    let (mut witnesses, mut rows) = (Vec::new(), Vec::new());
    for (witness, answer) in &answered.witnesses {
        let time = answer.as_ref().ok().map(|cosigned| seconds(cosigned.time));
        let fault = answer.as_ref().err().map(describe);
        let said = match (&time, &fault) {
            (Some(time), _) => format!("cosigned at size {size}, {time}"),
            (None, fault) => fault.clone().unwrap_or_default(),
        };
        rows.push(row![witness.name, said]);
        witnesses.push(json!({
            "name": witness.name.to_string(),
            "vkey": witness.key.to_string(),
            "cosigned_utc": time,
            "fault": fault,
        }));
    }
    let document = json!({
        "size": size,
        "root": newest.root,
        "quorum": answered.quorum,
        "witnesses": witnesses,
    });
    let quorum = match answered.quorum {
        true => "quorum reached",
        false => "no quorum",
    };
    let answer = Answer::new(document)
        .ending(exit)
        .table(["WITNESS", "ANSWER"], rows)
        .line(format!("{quorum} at size {size}"));
    answered.notices.iter().fold(answer, Answer::warn)
}

fn describe(trouble: &CosignError) -> String {
    match trouble {
        CosignError::NoUrl => format!("{trouble}; see ledger witness request"),
        _ => trouble.to_string(),
    }
}

pub(super) fn request(context: &mut Context, args: &RequestArgs) -> CommandResult {
    let newest = context.newest()?;
    let size = newest.stated().size;
    let old = args.old;
    if old > size {
        let message =
            format!("the witness cannot have cosigned size {old}: this ledger ends at {size}");
        return Err(CommandError::usage(message)
            .hint("if it has, this ledger was cut short or rolled back"));
    }
    let proof = match old {
        0 => Vec::new(),
        old if old == size => Vec::new(),
        old => newest.prove(old)?,
    };
    let request = AddCheckpoint {
        old,
        proof,
        note: newest.note().clone(),
    };
    Ok(Answer::plain(request.format()))
}

pub(super) fn accept(context: &mut Context, args: &AcceptArgs) -> CommandResult {
    let settings = context.anchoring()?;
    let trust = chosen(&settings)?;
    let request = read_input(&mut context.ui, &args.request, REQUEST_LIMIT)?;
    let request = AddCheckpoint::parse(&request)
        .map_err(|fault| CommandError::usage(format!("{}: {fault}", args.request.display())))?;
    let lines = read_input(&mut context.ui, &args.line, REQUEST_LIMIT)?;
    let newest = context.newest()?;
    let _lock = settings.lock(context.now(), context.globals.wait)?;
    let taken = round(&newest, &settings, &trust).accept(&request.note, &lines);
    let taken = taken.map_err(|fault| not_accepted(&args.line, fault))?;
    let size = taken.size;
    let witnesses = taken.witnesses.iter();
    let witnesses = witnesses.map(|(name, time)| (name, seconds(*time)));
    let named = witnesses.clone();
    let named = named.map(|(name, time)| json!({ "name": name, "cosigned_utc": time }));
    let lines = witnesses.map(|(name, time)| format!("{name} cosigned size {size} at {time}"));
    let document = json!({ "size": size, "witnesses": named.collect::<Vec<_>>() });
    Ok(Answer::new(document).lines(lines))
}

fn not_accepted(line: &Path, fault: AcceptError) -> CommandError {
    let usage = |fault: &AcceptError| CommandError::usage(format!("{}: {fault}", line.display()));
    match fault {
        AcceptError::Disk(fault) => fault.into(),
        AcceptError::Cosignature(fault) => CommandError::broken(fault),
        AcceptError::NotChosen => {
            usage(&fault).hint("choose it first with: ledger witness use NAME VKEY URL")
        }
        _ => usage(&fault),
    }
}

impl From<ChoiceError> for CommandError {
    fn from(fault: ChoiceError) -> Self {
        let message = fault.to_string();
        match fault {
            ChoiceError::Settings(fault) => fault.into(),
            ChoiceError::Disk(fault) => fault.into(),
            ChoiceError::Policy(_) => Self::usage(message)
                .hint("a policy has lines log, witness, group and quorum; see C2SP tlog-policy"),
            ChoiceError::FromPolicy => Self::usage(message)
                .hint("change it there, and choose it again: ledger witness use POLICY"),
            _ => Self::usage(message),
        }
    }
}
