//! `ledger witness use` and `ask`: having this ledger witnessed.

use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use serde_json::json;

use crate::anchor::Book;
use crate::anchor::Settings;
use crate::anchor::SettingsError;
use crate::anchor::Trouble;
use crate::anchor::WitnessLine;
use crate::anchor::ask;
use crate::audit::COSIGNED_FILE;
use crate::audit::proofs::Proofs;
use crate::checkpoint::CosignerKey;
use crate::cli::anchor::publish_everywhere;
use crate::cli::args::Output;
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::exit::Failure;
use crate::cli::exit::Outcome;
use crate::cli::seconds;
use crate::cli::ui::table;
use crate::http;
use crate::note::SignedNote;
use crate::sys::lock::LockError;
use crate::sys::lock::WriteLock;

/// How long one witness may take to answer.
const ANSWER_TIME: Duration = Duration::from_secs(10);
/// More than any witness has to say.
const ANSWER_LIMIT: u64 = 64 * 1024;
/// Rounds of one asking: entries that come meanwhile are asked about by who asks already.
const ROUNDS: usize = 3;

/// Name a witness that is asked after each commit, or take one out
///
/// This is kept in the state folder of this host. After each commit a process in the background asks
/// the witnesses; no append waits for them.
///
///   ledger witness use audit VKEY https://witness.example/ledger
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(super) struct UseArgs {
    /// What to call it
    #[arg(value_name = "NAME")]
    name: String,
    /// Its key, as `ledger witness init` prints it there
    #[arg(value_name = "VKEY", required_unless_present = "remove")]
    vkey: Option<CosignerKey>,
    /// Where it is asked: what comes before /add-checkpoint
    #[arg(value_name = "URL", required_unless_present = "remove")]
    url: Option<String>,
    /// Ask it no more
    #[arg(long, conflicts_with_all = ["vkey", "url"])]
    remove: bool,
    #[command(flatten)]
    output: Output,
}

/// Ask the witnesses of this ledger to cosign its newest checkpoint, and publish it where it goes
///
/// A line for each: when it cosigned, or why not. Ends with 1 where a witness and this ledger
/// disagree about the past, which is what tampering looks like (the refused request is kept); with 6
/// where one did not answer; with 4 where one does not follow this ledger.
///
///   ledger witness ask
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(super) struct AskArgs {
    #[command(flatten)]
    output: Output,
}

pub(super) fn use_witness(context: &mut Context, args: &UseArgs) -> Outcome {
    let settings = settings(context)?;
    let mut list = settings.witnesses()?;
    let before = list.witnesses.len();
    list.witnesses.retain(|line| line.name != args.name);
    if let (Some(key), Some(url)) = (&args.vkey, &args.url) {
        let word = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic());
        if !word(&args.name) || !word(url) || args.name == "none" {
            return Err(Failure::usage(
                "a witness's name and URL are words without spaces",
            ));
        }
        if list
            .witnesses
            .iter()
            .any(|line| line.key.public() == key.public())
        {
            return Err(Failure::usage(
                "another witness has this key: it would count twice",
            ));
        }
        list.witnesses.push(WitnessLine {
            name: args.name.clone(),
            key: key.clone(),
            url: url.trim_end_matches('/').to_owned(),
        });
    } else if list.witnesses.len() == before {
        return Err(Failure::usage(format!(
            "there is no witness `{}`",
            args.name
        )));
    }
    let text = if list.witnesses.is_empty() {
        String::new()
    } else {
        list.format()
    };
    settings.set_witnesses(&text)?;
    if context.ui.json {
        let names: Vec<_> = list.witnesses.iter().map(|line| &line.name).collect();
        context.ui.document(json!({ "witnesses": names }));
    } else {
        for line in &list.witnesses {
            context
                .ui
                .line(format!("witness {} {} {}", line.name, line.key, line.url));
        }
        context.ui.say("next: ledger witness ask");
    }
    Ok(Exit::Passed)
}

pub(super) fn run(context: &mut Context) -> Outcome {
    let settings = settings(context)?;
    if !settings.exist() {
        return Err(
            Failure::usage("no witness and no destination is named for this ledger")
                .hint("ledger witness use NAME VKEY URL, or ledger anchor --to DIR --always"),
        );
    }
    let now = context.now();
    let _lock = match WriteLock::acquire(settings.dir(), Duration::ZERO, "ledger witness ask", now)
    {
        Ok(lock) => lock,
        // Whoever asks already looks again before it ends.
        Err(LockError::Held { .. }) => {
            context.ui.say("note: they are being asked already");
            return Ok(Exit::Passed);
        }
        Err(fault) => return Err(fault.into()),
    };
    let mut exit = Exit::Passed;
    let mut asked = None;
    for _ in 0..ROUNDS {
        let proofs = Proofs::open(&context.world, &context.dir()?, context.globals.wait)?;
        let size = proofs.newest().size;
        if asked.replace(size) == Some(size) {
            break;
        }
        exit = round(context, &settings, &proofs)?;
    }
    Ok(exit)
}

fn round(context: &mut Context, settings: &Settings, proofs: &Proofs) -> Outcome {
    let list = settings.witnesses()?;
    let book = Book::new(context.world.disk.clone(), settings.dir());
    let note = SignedNote::parse(proofs.note().as_bytes())
        .map_err(|fault| Failure::new(Exit::Broken, fault.to_string()))?;
    let stated = proofs.newest().clone();
    let mut exit = Exit::Passed;
    let mut rows = Vec::new();
    let mut answers: Vec<Value> = Vec::new();
    for line in &list.witnesses {
        let believed = book.seen(line).map_or(0, |(_, seen, _)| seen.size);
        let url = format!("{}/add-checkpoint", line.url);
        let answer = ask(
            &line.key,
            &note,
            &stated,
            believed,
            &mut |old| {
                let proven = proofs.consistency(old, stated.size);
                proven
                    .map(|continued| continued.proof.hashes().to_vec())
                    .map_err(|fault| fault.to_string())
            },
            &mut |body| http::post(&url, body, ANSWER_LIMIT, ANSWER_TIME),
        );
        let said = match answer {
            Ok(cosigned) => {
                book.remember(line, &cosigned.note)?;
                format!(
                    "cosigned {} entries at {}",
                    stated.size,
                    seconds(cosigned.time)
                )
            }
            Err(trouble) => {
                if let Trouble::Disagrees { words, request, .. } = &trouble {
                    book.keep_evidence(line, request, words)?;
                }
                exit = worse(exit, &trouble);
                trouble.to_string()
            }
        };
        answers.push(json!({ "witness": line.name, "size": stated.size, "answer": said }));
        rows.push(vec![line.name.clone(), said]);
    }
    let files = [context.dir()?, context.place()?.state].map(|dir| dir.join(COSIGNED_FILE));
    let cosigned = book.bring_up(&list, &files)?;
    let published = publish_everywhere(context, settings, cosigned.as_ref().unwrap_or(&note))?;
    if context.ui.json {
        context
            .ui
            .document(json!({ "answers": answers, "published": published }));
    } else {
        if !rows.is_empty() {
            context.ui.print(table(&["WITNESS", "ANSWER"], &rows));
        }
        for line in published {
            context.ui.line(line);
        }
    }
    Ok(exit)
}

fn worse(exit: Exit, trouble: &Trouble) -> Exit {
    match (exit, trouble) {
        (Exit::Broken, _) | (_, Trouble::Disagrees { .. } | Trouble::NoProof(_)) => Exit::Broken,
        (Exit::NotVerified, _) | (_, Trouble::Refused { .. }) => Exit::NotVerified,
        _ => Exit::Temporary,
    }
}

/// What this host does with each commit's checkpoint.
pub(crate) fn settings(context: &Context) -> Result<Settings, Failure> {
    let place = context.place()?;
    Ok(Settings::new(context.world.disk.clone(), &place.state))
}

/// After a commit: lets another process ask, if anybody is to be asked. The receipts are out, and
/// nobody waits for it; a terminal's interruption of this process does not reach that one.
pub(crate) fn in_the_background(context: &mut Context) {
    let Ok(settings) = settings(context) else {
        return;
    };
    if !settings.exist() {
        return;
    }
    let spawned = std::env::current_exe().and_then(|program| {
        let place = context
            .place()
            .map_err(|fault| std::io::Error::other(fault.message))?;
        Command::new(program)
            .args(["witness", "ask", "--quiet"])
            .env("LEDGER_PATH", place.dir)
            .env("LEDGER_STATE", place.state)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
    });
    if let Err(fault) = spawned {
        context.ui.warn(format!(
            "recorded, but the witnesses are not asked: {fault}"
        ));
    }
}

impl From<SettingsError> for Failure {
    fn from(fault: SettingsError) -> Self {
        match fault {
            SettingsError::Disk(fault) => fault.into(),
            damaged => Self::usage(damaged.to_string()),
        }
    }
}
