//! `ledger witness use`, `ask`, `request` and `accept`: the ledger's side.

use std::path::Path;
use std::path::PathBuf;

use serde_json::json;

use super::last::how_to_follow;
use crate::anchor::Book;
use crate::anchor::Settings;
use crate::anchor::Trouble;
use crate::checkpoint::Checkpoint;
use crate::checkpoint::CosignerKey;
use crate::cli::anchor::Newest;
use crate::cli::anchor::ask_all;
use crate::cli::anchor::locked;
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::exit::Failure;
use crate::cli::exit::Outcome;
use crate::cli::files::read_input;
use crate::cli::options::Output;
use crate::cli::trust::sealing_key;
use crate::cli::ui::seconds;
use crate::cli::ui::table;
use crate::ledger::COSIGNED_FILE;
use crate::note::SignedNote;
use crate::trust::TRUST_LIMIT;
use crate::trust::Trust;
use crate::trust::Witness;
use crate::witness::AddCheckpoint;
use crate::witness::REQUEST_LIMIT;

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
    #[command(flatten)]
    output: Output,
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
pub(super) struct AskArgs {
    #[command(flatten)]
    output: Output,
}

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
    #[command(flatten)]
    output: Output,
}

fn chosen(settings: &Settings) -> Result<Trust, Failure> {
    settings.witnesses()?.ok_or_else(|| {
        Failure::usage("this ledger has no witnesses")
            .hint("choose one with: ledger witness use NAME VKEY URL")
    })
}

pub(super) fn choose(context: &mut Context, args: &UseArgs) -> Outcome {
    let (_, settings) = context.anchoring()?;
    // Opened for reading first, which says so where this is no ledger.
    context.reader()?;
    let text = match (&args.who, &args.vkey, &args.url) {
        (Some(name), Some(key), Some(url)) => one_more(&settings, name, key, url)?,
        (Some(name), ..) if args.remove => one_less(&settings, name)?,
        (Some(policy), ..) => {
            let bytes = read_input(&mut context.ui, Path::new(policy), TRUST_LIMIT as u64)
                .map_err(|failure| failure.hint("name a policy file, or NAME VKEY URL"))?;
            String::from_utf8_lossy(&bytes).into_owned()
        }
        (None, ..) => String::new(),
    };
    let trust = match &*text {
        "" => None,
        text => Some(Trust::parse(text.as_bytes()).map_err(|fault| {
            Failure::usage(fault.to_string())
                .hint("a policy has lines log, witness, group and quorum; see C2SP tlog-policy")
        })?),
    };
    let witnesses = trust.as_ref().map_or(&[][..], Trust::witnesses);
    for witness in witnesses {
        if witness.url.as_deref().is_some_and(|url| !is_url(url)) {
            return Err(Failure::usage(format!(
                "the url of `{}` begins with neither http:// nor https://",
                witness.name
            )));
        }
    }
    settings.set_witnesses(&text)?;
    if context.ui.json {
        context.ui.document(json!({ "policy": text }));
    } else if witnesses.is_empty() {
        context.ui.line("no witness is asked");
    } else {
        context.ui.print(&text);
    }
    if !witnesses.is_empty() {
        context.ui.say(
            "next: ledger witness ask; they follow the key that ledger trust show prints first",
        );
    }
    Ok(Exit::Passed)
}

fn is_url(url: &str) -> bool {
    let rest = url.strip_prefix("http://").or(url.strip_prefix("https://"));
    rest.is_some_and(|rest| !rest.is_empty())
}

/// Name, vkey and url of those that were added one by one.
type Added = Vec<(String, String, String)>;

/// The witnesses as they were added; refused where they come from a policy that says more.
fn added(settings: &Settings) -> Result<Added, Failure> {
    let trust = settings.witnesses()?;
    let line = |witness: &Witness| {
        let url = witness.url.clone().unwrap_or_default();
        (witness.name.to_string(), witness.key.to_string(), url)
    };
    let lines: Added = trust.iter().flat_map(Trust::witnesses).map(line).collect();
    if all_of_them(&lines) != settings.witness_file()? {
        return Err(Failure::usage("the witnesses come from a policy file")
            .hint("change it there, and choose it again: ledger witness use POLICY"));
    }
    Ok(lines)
}

/// One more of whom all have to cosign; the same name again has moved.
fn one_more(
    settings: &Settings,
    name: &str,
    key: &CosignerKey,
    url: &str,
) -> Result<String, Failure> {
    let mut lines = added(settings)?;
    lines.retain(|(held, ..)| held != name);
    lines.push((name.to_owned(), key.to_string(), url.to_owned()));
    Ok(all_of_them(&lines))
}

fn one_less(settings: &Settings, name: &str) -> Result<String, Failure> {
    let mut lines = added(settings)?;
    let before = lines.len();
    lines.retain(|(held, ..)| held != name);
    if lines.len() == before {
        return Err(Failure::usage(format!("there is no witness `{name}`")));
    }
    Ok(all_of_them(&lines))
}

fn all_of_them(lines: &[(String, String, String)]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let mut text = String::new();
    let mut group = "group all-of-them all".to_owned();
    for (name, vkey, url) in lines {
        text.push_str(format!("witness {name} {vkey} {url}").trim_end());
        text.push('\n');
        group.push_str(&format!(" {name}"));
    }
    format!("{text}{group}\nquorum all-of-them\n")
}

pub(super) fn ask(context: &mut Context, _args: &AskArgs) -> Outcome {
    let (place, settings) = context.anchoring()?;
    let trust = chosen(&settings)?;
    let newest = Newest::read(context)?;
    let _lock = locked(context, &settings, context.globals.wait)?;
    let answered = ask_all(context, &place, &settings, &trust, &newest, true);
    let troubles = || {
        answered
            .witnesses
            .iter()
            .filter_map(|(_, answer)| answer.as_ref().err())
    };
    let exit = if troubles().any(|trouble| matches!(trouble, Trouble::Disagrees { .. })) {
        Exit::Broken
    } else if answered.quorum {
        Exit::Passed
    } else if troubles()
        .any(|trouble| matches!(trouble, Trouble::Refused { .. } | Trouble::NoProof(_)))
        && !troubles().any(|trouble| matches!(trouble, Trouble::Unreachable(_)))
    {
        Exit::Refused
    } else {
        Exit::Temporary
    };
    let size = newest.stated().size;
    if context.ui.json {
        let witnesses: Vec<_> = answered
            .witnesses
            .iter()
            .map(|(witness, answer)| {
                json!({
                    "name": witness.name.to_string(),
                    "vkey": witness.key.to_string(),
                    "cosigned_utc": answer.as_ref().ok().map(|cosigned| seconds(cosigned.time)),
                    "fault": answer.as_ref().err().map(ToString::to_string),
                })
            })
            .collect();
        context.ui.document(json!({
            "size": size,
            "root": newest.stated().root,
            "quorum": answered.quorum,
            "witnesses": witnesses,
            "exit_code": exit.code(),
        }));
    } else {
        let row = |(witness, answer): &(Witness, Result<_, Trouble>)| {
            let said = match answer {
                Ok(crate::anchor::Cosigned { time, .. }) => {
                    format!("cosigned at size {size}, {}", seconds(*time))
                }
                Err(trouble) => trouble.to_string(),
            };
            vec![witness.name.to_string(), said]
        };
        let rows: Vec<_> = answered.witnesses.iter().map(row).collect();
        context.ui.print(table(&["WITNESS", "ANSWER"], &rows));
        context.ui.line(match answered.quorum {
            true => format!("quorum reached at size {size}"),
            false => format!("no quorum at size {size}"),
        });
    }
    for notice in &answered.notices {
        context.ui.warn(notice);
    }
    if troubles().any(Trouble::is_unfollowed) {
        let charter = context.reader()?.replay()?.charter;
        if let Some(key) = sealing_key(&charter) {
            context.ui.say(how_to_follow(&key));
        }
    }
    Ok(exit)
}

pub(super) fn request(context: &mut Context, args: &RequestArgs) -> Outcome {
    let newest = Newest::read(context)?;
    let size = newest.stated().size;
    if args.old > size {
        return Err(Failure::usage(format!(
            "the witness cannot have cosigned size {}: this ledger ends at {size}",
            args.old
        ))
        .hint("if it has, this ledger was cut short or rolled back"));
    }
    let proof = if args.old == 0 || args.old == size {
        Vec::new()
    } else {
        let failed = |fault| Failure::new(Exit::Broken, fault);
        newest.prove(args.old).map_err(failed)?
    };
    let request = AddCheckpoint {
        old: args.old,
        proof,
        note: newest.note().clone(),
    };
    context.ui.print(request.format());
    Ok(Exit::Passed)
}

pub(super) fn accept(context: &mut Context, args: &AcceptArgs) -> Outcome {
    let (place, settings) = context.anchoring()?;
    let trust = chosen(&settings)?;
    let request = read_input(&mut context.ui, &args.request, REQUEST_LIMIT as u64)?;
    let request = AddCheckpoint::parse(&request)
        .map_err(|fault| Failure::usage(format!("{}: {fault}", args.request.display())))?;
    let line = read_input(&mut context.ui, &args.line, REQUEST_LIMIT as u64)?;
    let whole = [request.note.to_string().as_bytes(), &line].concat();
    let usage = |fault: String| Failure::usage(format!("{}: {fault}", args.line.display()));
    let note = SignedNote::parse(&whole).map_err(|fault| usage(fault.to_string()))?;
    let stated = Checkpoint::parse(note.text()).map_err(|fault| usage(fault.to_string()))?;
    let newest = Newest::read(context)?;
    if stated.origin != newest.stated().origin {
        return Err(usage(format!("the request is of `{}`", stated.origin)));
    }
    let _lock = locked(context, &settings, context.globals.wait)?;
    let book = Book::new(context.world.disk.clone(), settings.dir());
    let mut taken = Vec::new();
    for witness in trust.witnesses() {
        let found = witness
            .key
            .newest_line(&note)
            .map_err(|fault| Failure::new(Exit::Broken, fault.to_string()))?;
        let Some((time, line)) = found else { continue };
        let cosigned = SignedNote::parse(format!("{}{line}", request.note).as_bytes())
            .map_err(|fault| usage(fault.to_string()))?;
        if book
            .seen(witness)
            .is_none_or(|(_, held, _)| held.size <= stated.size)
        {
            book.remember(witness, &cosigned)?;
        }
        taken.push((witness.name.to_string(), time));
    }
    if taken.is_empty() {
        return Err(usage("no line of a chosen witness is in it".to_owned())
            .hint("choose it first with: ledger witness use NAME VKEY URL"));
    }
    let files = [&place.dir, &place.state].map(|dir| dir.join(COSIGNED_FILE));
    book.bring_up(&trust, &files)?;
    if context.ui.json {
        let taken: Vec<_> = taken
            .iter()
            .map(|(name, time)| json!({ "name": name, "cosigned_utc": seconds(*time) }))
            .collect();
        context
            .ui
            .document(json!({ "size": stated.size, "witnesses": taken }));
    } else {
        for (name, time) in &taken {
            context.ui.line(format!(
                "{name} cosigned size {} at {}",
                stated.size,
                seconds(*time)
            ));
        }
    }
    Ok(Exit::Passed)
}
