//! `ledger playbook`: playbooks before they are used, and how a rotation finds its own.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::guard;
use crate::inventory::Secret;
use crate::playbook::{Playbook, PlaybookError, SHIPPED};
use crate::text::{Id, Line};

use super::answer::{Answer, CommandResult};
use super::checks::AttachedFile;
use super::context::Context;
use super::exit::{CommandError, Exit};
use super::files::{folder_of, read_bounded};

const OTHERS_WRITE: u32 = 0o002;
/// The longest playbook, in bytes.
const LONGEST: usize = 256 << 10;

/// Check playbooks, or take one that comes with this program as a beginning
///
/// A playbook says in TOML how each step of a rotation is carried out: the command, what its output has
/// to show, how long it may take, what takes it back. ledger rotate carries it out.
///
///   ledger playbook list
///   ledger playbook show postgres-two-roles > playbooks/orders.toml
///   ledger playbook check playbooks/orders.toml
#[derive(Debug, clap::Args)]
#[command(
    verbatim_doc_comment,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub(crate) struct PlaybookArgs {
    #[command(subcommand)]
    action: PlaybookAction,
}

#[derive(Debug, clap::Subcommand)]
enum PlaybookAction {
    /// Find everything that is wrong with playbooks
    Check {
        /// The playbooks
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
    },
    /// List those that come with this program
    List,
    /// Print one that comes with this program
    Show {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
    },
}

/// A playbook and where it lies.
pub(crate) struct PlaybookFile {
    pub(crate) name: String,
    /// Where its commands run.
    pub(crate) dir: PathBuf,
    pub(crate) playbook: Playbook,
    pub(crate) attached: AttachedFile,
}

impl PlaybookFile {
    fn read(path: &Path) -> Result<Self, CommandError> {
        let name = path.display().to_string();
        let bytes = read_bounded(path, LONGEST)?;
        let unusable = |why: String, hint: &str| {
            let failure = CommandError::usage(format!("{name}{why}"));
            failure.code("playbook-unusable").hint(hint)
        };
        // Whoever writes it decides what is run, with the operator's rights.
        let mode = std::fs::metadata(path).map_or(0, |found| found.permissions().mode());
        if mode & OTHERS_WRITE != 0 {
            let hint = format!("run: chmod o-w '{name}'");
            return Err(unusable(" can be written by anybody".to_owned(), &hint));
        }
        if let Some(hit) = guard::scan_attachment(&bytes) {
            let hint = "a playbook says where a secret is, and never holds one";
            return Err(unusable(format!(" holds {hit}"), hint));
        }
        let wrong = |PlaybookError(faults): PlaybookError| {
            let faults = format!(":\n  {}", faults.join("\n  "));
            unusable(faults, &format!("ledger playbook check {name}"))
        };
        let playbook = Playbook::parse(&String::from_utf8_lossy(&bytes)).map_err(wrong)?;
        let dir = std::fs::canonicalize(folder_of(path));
        let dir = dir.map_err(|fault| CommandError::usage(format!("{name}: {fault}")))?;
        let text = |fault: crate::text::TextError| CommandError::usage(fault.to_string());
        let file = Line::new("playbook.toml").map_err(text)?;
        let media = Id::new("application/toml").map_err(text)?;
        Ok(Self {
            name,
            dir,
            playbook,
            attached: (file, media, bytes),
        })
    }
}

/// The playbook that is named, or the one in the folder that is for this secret.
pub(crate) fn chosen(
    named: Option<&Path>,
    folder: &Path,
    secret: &Secret,
) -> Result<PlaybookFile, CommandError> {
    if let Some(path) = named {
        return PlaybookFile::read(path);
    }
    let place = folder.display();
    let none = |why: String| {
        CommandError::usage(why)
            .code("no-playbook")
            .hint("name one with --playbook FILE, or begin with one of: ledger playbook list")
    };
    let listed = std::fs::read_dir(folder)
        .map_err(|fault| none(format!("the folder of playbooks {place}: {fault}")))?;
    let mut paths: Vec<PathBuf> = listed.flatten().map(|found| found.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "toml"));
    paths.sort();
    let (mut by_id, mut by_class) = (Vec::new(), Vec::new());
    for path in paths {
        let file = PlaybookFile::read(&path)?;
        match file.playbook.is_for(secret) {
            (true, _) => by_id.push(file),
            (_, true) => by_class.push(file),
            _ => {}
        }
    }
    let mut found = if by_id.is_empty() { by_class } else { by_id };
    match (found.pop(), found.is_empty()) {
        (Some(file), true) => Ok(file),
        (Some(file), false) => {
            found.push(file);
            let names: Vec<&str> = found.iter().map(|file| file.name.as_str()).collect();
            let (id, names) = (&secret.id, names.join(", "));
            let message = format!("more than one playbook is for `{id}`: {names}");
            Err(CommandError::usage(message)
                .code("no-playbook")
                .hint("name one with --playbook FILE"))
        }
        (None, _) => Err(none(format!(
            "no playbook in {place} is for `{}` or its class {}",
            secret.id, secret.class
        ))),
    }
}

pub(crate) fn run(context: &mut Context, args: &PlaybookArgs) -> CommandResult {
    context.ui.thing = "playbooks";
    match &args.action {
        PlaybookAction::List => {
            let names: Vec<&str> = SHIPPED.iter().map(|(name, _)| *name).collect();
            let answer = Answer::new(json!({ "playbooks": names, "faults": [] }));
            Ok(answer.lines(names.into_iter().map(str::to_owned)))
        }
        PlaybookAction::Show { name } => {
            let found = SHIPPED.iter().find(|(shipped, _)| shipped == name);
            let (_, text) = found.ok_or_else(|| {
                CommandError::usage(format!("no playbook `{name}` comes with this program"))
                    .code("no-playbook")
                    .hint("ledger playbook list has them")
            })?;
            Ok(Answer::plain((*text).to_owned()))
        }
        PlaybookAction::Check { files } => Ok(check(files)),
    }
}

fn check(files: &[PathBuf]) -> Answer {
    let (mut lines, mut fine, mut faults) = (Vec::new(), Vec::new(), Vec::new());
    for path in files {
        match PlaybookFile::read(path) {
            Ok(PlaybookFile { name, playbook, .. }) => {
                let steps: Vec<_> = playbook.steps.keys().map(|step| step.word()).collect();
                let steps = steps.join(", ");
                lines.push(format!("fine   {name}: {}, {steps}", playbook.name));
                fine.push(name);
            }
            Err(fault) => {
                lines.push(format!("wrong  {}", fault.message));
                faults
                    .push(json!({ "file": path.display().to_string(), "error": fault.to_json() }));
            }
        }
    }
    let exit = match faults.is_empty() {
        true => Exit::Passed,
        false => Exit::Usage,
    };
    let document = json!({ "playbooks": fine, "faults": faults });
    Answer::new(document).lines(lines).exit(exit)
}
