//! `ledger verify`: reads every stored byte again and says what holds, what does not, and what was
//! not checked.

use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::audit::Audit;
use crate::documents;
use crate::entry;
use crate::facts::{self, NoTemplate};
use crate::handed;
use crate::ledger::marks::{self, Mark};
use crate::ledger::{FolderKind, standing};
use crate::pack::PackPart;
use crate::pack_verify::{PackQuestion, PackReport};
use crate::page::{self, FolderNames};
use crate::proof::{RECEIPT_LIMIT, TlogProof};
use crate::rule::Verdict;
use crate::store::blobs;
use crate::store::engine::FolderEngine;
use crate::text::{Id, mangled};
use crate::time::{SaidTime, Timestamp};
use crate::trust::{TRUST_LIMIT, Trust};
use crate::verify::{CheckpointKeeper, Conclusion, ReceiptReport, Report, StoredCheckpoint};

use super::answer::{Answer, CommandResult};
use super::context::Context;
use super::exit::{CommandError, Exit};
use super::files::{NewFolder, keep_apart, read_bounded, refuse_existing, write_new, write_whole};
use super::options::PartArgs;
use super::report::Layout;
use super::signals::SignalGuard;
use super::{anchor, pack, report, timestamp};

/// Re-read and judge a ledger; with --rotation, print the SOP's evidence template
///
/// Five verdicts, never merged into one: integrity, authority, anchoring, conformance, coverage. What
/// was not checked is always listed. With --rotation or --all the templates alone are on stdout,
/// ready to paste, and everything else is on stderr.
///
/// --rotation, --secret, --from and --to say what conformance and coverage are judged for, and so what the
/// command ends with; findings elsewhere are counted. Integrity, authority and anchoring are always the
/// whole ledger's. Each finding has a fingerprint: ledger explain tells what it is about, ledger accept closes it.
///
/// Who comes back hands over what they verified before, kept where nobody else writes: links, roots and rules are
/// checked again from end to end, and signatures of what is newer.
///
///   ledger verify prod --anchor head-1101.txt
///   ledger verify prod --verified seen.txt --keep seen.txt
///   ledger verify prod --rotation r-41 > evidence.txt
///   ledger verify r-41.zip --trust auditors.trust --rotation r-41
///   ledger verify prod --all --out templates
///   ledger verify prod --html report.html
///   ledger verify entry-41.tlog-proof --entry entry-41.bin --trust auditors.trust
#[derive(Debug, Default, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct VerifyArgs {
    /// The ledger's folder, a copy of it, an evidence pack (its zip, or unzipped), or a receipt [default: --ledger]
    pub(crate) path: Option<PathBuf>,
    /// The bytes of the entry that a receipt is of, as `ledger prove --entry-out` writes them
    #[arg(long, value_name = "FILE")]
    entry: Option<PathBuf>,
    /// The root certificates (PEM) of the authorities whose time tokens count [default: of a ledger, those that
    /// `ledger timestamp --tsa-ca` was told, in --state]
    #[arg(long, value_name = "FILE")]
    tsa_ca: Option<PathBuf>,
    #[command(flatten)]
    part: PartArgs,
    /// Print the evidence template of every completed rotation that is asked for
    #[arg(long, conflicts_with = "rotation")]
    all: bool,
    /// Write these templates into a new or empty folder, ROTATION.txt each, and print the report as usual
    #[arg(long, value_name = "DIR", requires = "all")]
    out: Option<PathBuf>,
    /// Write the report as one HTML page to read and print, to a file that is not there yet
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// The instant to judge at: a time, a day, `yesterday`, or 90d for so long ago [default: now; of a pack, when it was exported]
    #[arg(long, value_name = "TIME")]
    as_of: Option<SaidTime>,
    /// The checkpoint that this host kept outside the folder [default: in --state, where there is one]
    #[arg(long, value_name = "FILE")]
    head: Option<PathBuf>,
    /// A checkpoint that somebody else kept, which the ledger must extend; repeat for more
    #[arg(long, value_name = "FILE")]
    anchor: Vec<PathBuf>,
    /// A checkpoint up to which you verified this ledger before: signatures up to there are not checked again
    #[arg(long, value_name = "FILE")]
    verified: Option<PathBuf>,
    /// Write the checkpoint of what was verified to this file, for --verified next time and for --anchor
    #[arg(long, value_name = "FILE")]
    keep: Option<PathBuf>,
    /// End with 4 where anything was not checked
    #[arg(long)]
    strict: bool,
    /// The verdicts whose findings end with 3; `accepted` for findings that somebody accepted, too
    #[arg(long, value_name = "VERDICTS", value_delimiter = ',')]
    #[arg(default_value = "conformance,coverage", value_parser = ["conformance", "coverage", "accepted", "none"])]
    fail_on: Vec<String>,
    #[arg(skip)]
    keep_said: bool,
}

pub(crate) fn run(context: &mut Context, args: &VerifyArgs) -> CommandResult {
    context.ui.thing = "verify-report";
    let dir = named(context, args)?;
    let is_pack = is_pack(context, args, &dir);
    if dir.is_file() && !is_pack {
        return receipt(context, args, &dir);
    }
    if args.entry.is_some() {
        return Err(CommandError::usage("--entry goes with a receipt"));
    }
    // Before everything is read, which may take long.
    args.html.as_deref().map(refuse_existing).transpose()?;
    let apart = |path| keep_apart("--keep", path, &dir);
    args.keep.as_deref().map(apart).transpose()?;
    let out = args.out.as_deref();
    let out = out.map(|out| NewFolder::begin("--out", out, &dir));
    let out = out.transpose()?;
    let judged = match is_pack {
        true => Judged::of_pack(args, examine(context, args, &dir)?),
        false => Judged::of_ledger(context, args, &dir)?,
    };
    let report = judged.report;
    let mut conclusion = judged.conclusion;
    if args.fail_on.iter().any(|word| word == "accepted") && report.has_accepted() {
        conclusion = conclusion.max(Conclusion::Findings);
    }
    let templates = templates(&report, args);
    let missing = templates.iter().find_map(|(_, made)| made.as_ref().err());
    if let Some(reason) = missing {
        conclusion = conclusion.max(reason.conclusion());
    } else if args.all && templates.is_empty() && conclusion == Conclusion::Passed {
        // Nothing to print is no success.
        conclusion = Conclusion::NotVerified;
    }
    // Before the result is printed: what fails here is then the one thing that is said.
    let page = judged.page.filter(|_| !report.interrupted);
    if let (Some(path), Some(page)) = (&args.html, &page) {
        write_new(path, page.as_bytes())?;
    }
    out.map(|out| write_templates(out, &templates))
        .transpose()?;
    let kept = args.keep.as_deref();
    let kept = kept.map(|path| keep(path, &report)).transpose()?;
    let mut answer = answer(context, args, &report, &templates, conclusion);
    if let Some(unkept) = kept.flatten() {
        answer = answer.warn(unkept);
    }
    Ok(match (&args.html, page) {
        (Some(path), Some(_)) => answer.note(format!("page  {}", path.display())),
        (Some(_), None) => answer.warn("no page was written: the verification was interrupted"),
        (None, _) => answer,
    })
}

/// Writes the checkpoint up to which everything verified; what there is to say where none did.
fn keep(path: &Path, report: &Report) -> Result<Option<String>, CommandError> {
    let holds = report.conclusion(false, &[]) == Conclusion::Passed;
    let Some(note) = report.sealed.as_deref().filter(|_| holds) else {
        let path = path.display();
        return Ok(Some(format!(
            "{path} is as it was: no checkpoint was verified"
        )));
    };
    write_whole(path, note, true)?;
    Ok(None)
}

/// What came of a verification, and the page about it where one was asked for.
struct Judged {
    report: Report,
    conclusion: Conclusion,
    page: Option<String>,
}

impl Judged {
    fn of_ledger(
        context: &mut Context,
        args: &VerifyArgs,
        dir: &Path,
    ) -> Result<Self, CommandError> {
        let report = audit(context, args, dir)?;
        mark(context, dir, &report);
        if let Ok(place) = context.place_of(dir.to_owned()) {
            context.warn_all(context.doubts(&place));
        }
        let files = blobs::reader(FolderEngine::at(&context.world, dir));
        Ok(Self {
            page: args.html.as_ref().map(|_| page::page(&report, &files)),
            conclusion: report.conclusion(args.strict, &args.fail_on()),
            report,
        })
    }

    fn of_pack(args: &VerifyArgs, examined: PackReport) -> Self {
        Self {
            page: args.html.as_ref().map(|_| handed::page_of_pack(&examined)),
            conclusion: examined.conclusion(args.strict, &args.fail_on()),
            report: examined.report,
        }
    }
}

impl VerifyArgs {
    fn fail_on(&self) -> Vec<Verdict> {
        let is_asked = |verdict: &Verdict| self.fail_on.iter().any(|word| word == verdict.word());
        Verdict::ALL.into_iter().filter(is_asked).collect()
    }
}

/// Judges a pack, with nothing from this host but what the reader hands over.
fn examine(context: &Context, args: &VerifyArgs, path: &Path) -> Result<PackReport, CommandError> {
    let of_ledgers = [
        ("--head", &args.head),
        ("--verified", &args.verified),
        ("--keep", &args.keep),
    ];
    if let Some((flag, _)) = of_ledgers.into_iter().find(|(_, given)| given.is_some()) {
        let message = format!("{flag} goes with a ledger, not with a pack");
        return Err(CommandError::usage(message));
    }
    let named = args.tsa_ca.as_deref();
    let authorities = named.map(timestamp::read_authorities).transpose()?;
    let read = |path: PathBuf| {
        Ok(StoredCheckpoint {
            keeper: CheckpointKeeper::Anchor,
            name: path.display().to_string(),
            bytes: Some(context.world.disk.read(&path)?),
        })
    };
    let anchors = anchor::expand(&args.anchor)?.into_iter().map(read);
    let asked = PackQuestion {
        as_of: as_of(context, args),
        part: args.part.part(context.now())?,
        trust: context.trust()?,
        anchors: anchors.collect::<Result<_, CommandError>>()?,
        authorities: authorities.as_ref(),
        keep_said: args.html.is_some(),
        progress: None,
    };
    pack::examine(&*context.world.disk, path, asked)
}

impl Context {
    /// Whom the trust file that was named trusts, where one was.
    pub(crate) fn trust(&self) -> Result<Option<Trust>, CommandError> {
        let Some(path) = &self.globals.trust else {
            return Ok(None);
        };
        let bytes = read_bounded(path, TRUST_LIMIT)?;
        Trust::parse(&bytes).map(Some).map_err(|fault| {
            let message = format!("the trust file {} cannot be read: {fault}", path.display());
            let hint =
                "a trust file has lines log, witness, group and quorum; see ledger trust show";
            let failure = CommandError::not_verified(message);
            failure.code("trust-unreadable").hint(hint)
        })
    }
}

/// Checks a receipt without any ledger.
fn receipt(context: &mut Context, args: &VerifyArgs, path: &Path) -> CommandResult {
    context.ui.thing = "receipt-report";
    if args.html.is_some() {
        return Err(CommandError::usage(
            "--html goes with a ledger, and this is a receipt",
        ));
    }
    let bytes = read_bounded(path, RECEIPT_LIMIT)?;
    let proof = TlogProof::parse(&bytes).map_err(|fault| {
        let cause = mangled(&bytes).map_or_else(|| fault.to_string(), str::to_owned);
        let name = path.display();
        CommandError::not_verified(format!(
            "{name} is neither the folder of a ledger nor a receipt: {cause}"
        ))
    })?;
    let Some(entry) = &args.entry else {
        return Err(
            CommandError::usage("a receipt is checked with the entry that it is of")
                .hint("name the entry's bytes with --entry FILE; ledger prove SEQ --entry-out writes them"),
        );
    };
    let entry = read_bounded(entry, entry::LIMIT)?;
    let trust = context.trust()?;
    let as_of = as_of(context, args).unwrap_or(context.now());
    let report = ReceiptReport::of(&proof, &entry, trust.as_ref(), as_of);
    let conclusion = report.conclusion(args.strict);
    let exit = Exit::from(conclusion);
    let document = documents::concluded(report.to_json(), conclusion);
    let answer = Answer::new(document).text(report.to_string()).exit(exit);
    let (word, entry, code) = (conclusion.word(), report.index(), exit.code());
    Ok(answer.line(format!("{word}  receipt of entry {entry} (exit {code})")))
}

/// The instant to judge at, where one was named.
fn as_of(context: &Context, args: &VerifyArgs) -> Option<Timestamp> {
    args.as_of.map(|said| said.before(context.now()))
}

fn audit(context: &mut Context, args: &VerifyArgs, dir: &Path) -> Result<Report, CommandError> {
    let head = match &args.head {
        Some(head) if !head.exists() => {
            let message = format!("there is no kept checkpoint `{}`", head.display());
            return Err(CommandError::not_verified(message));
        }
        Some(head) => Some(head.clone()),
        // An auditor's machine keeps none, and may have no home: then that is not checked.
        None => {
            let place = context.place_of(dir.to_owned()).ok();
            place.map(|place| place.head())
        }
    };
    let authorities = context.authorities(args.tsa_ca.as_deref(), dir)?;
    let anchors = anchor::expand(&args.anchor)?;
    let part = args.part.part(context.now())?;
    let as_of = as_of(context, args);
    let done = audited(context, dir, |audit| {
        let audit = Audit {
            head,
            anchors,
            verified: args.verified.clone(),
            authorities: authorities.as_ref(),
            as_of,
            part,
            ..audit
        };
        match args.keep_said || args.html.is_some() {
            true => audit.run_and_keep_said(),
            false => audit.run(),
        }
    })?;
    Ok(done?)
}

/// Has a folder verified, with a bar, as far as nobody interrupts it. `run` is given the verification as it is where
/// nothing else was asked for.
pub(super) fn audited<T>(
    context: &Context,
    dir: &Path,
    run: impl FnOnce(Audit<'_>) -> T,
) -> Result<T, CommandError> {
    let guard = SignalGuard::new(true)?;
    let bar = progress_bar("verifying", "entries", context.ui.shows_progress());
    let shown = counting(&bar);
    let progress = |done: u64, total: u64| {
        // There is something to report from now on, so that a signal is not the end of it.
        guard.begin();
        shown(done, total);
    };
    let done = run(Audit {
        world: &context.world,
        dir,
        head: None,
        anchors: Vec::new(),
        verified: None,
        trust: context.trust()?,
        authorities: None,
        as_of: None,
        part: PackPart::Everything,
        wait: context.globals.wait,
        progress: &progress,
        interrupted: guard.flag(),
    });
    bar.finish_and_clear();
    Ok(done)
}

/// Notes that the whole ledger was read and holds, findings of the SOP aside: of one that this host keeps the head
/// of, against which it was held. A copy is not the ledger.
fn mark(context: &Context, dir: &Path, report: &Report) {
    let holds = report.conclusion(false, &[]) == Conclusion::Passed;
    let is_whole = report.part == PackPart::Everything && report.elsewhere == 0;
    let is_ledger = || matches!(standing(&context.world, dir), Ok(FolderKind::Ledger));
    if let Ok(place) = context.place_of(dir.to_owned())
        && holds
        && is_whole
        && is_ledger()
    {
        let (world, now) = (&context.world, context.now());
        // Who left signatures out must have had them checked here.
        let last = marks::read(&*world.disk, &place, Mark::Verification);
        if report.held_before <= last.map_or(0, |(size, _)| size) {
            marks::note(world, &place, Mark::Verification, report.size, now);
        }
    }
}

/// What somebody asks about who was told of a finding by ledger verify: the same of the same.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Asked {
    /// The ledger's folder, or an evidence pack [default: --ledger]
    pub(crate) path: Option<PathBuf>,
    /// The instant that ledger verify judged at, in UTC [default: now; of a pack, when it was exported]
    #[arg(long, value_name = "TIME")]
    as_of: Option<SaidTime>,
    /// A checkpoint that ledger verify was given; repeat for more
    #[arg(long, value_name = "FILE")]
    anchor: Vec<PathBuf>,
    /// Whether the report is to keep what was said about rotations.
    #[arg(skip)]
    keep_said: bool,
}

impl Asked {
    /// About the ledger, with what was said about rotations.
    pub(crate) fn keeping_said() -> Self {
        Self {
            keep_said: true,
            ..Self::default()
        }
    }
}

/// Verifies all of whatever is named, the ledger where nothing is.
pub(crate) fn whole(context: &mut Context, asked: &Asked) -> Result<Report, CommandError> {
    let args = VerifyArgs {
        path: asked.path.clone(),
        anchor: asked.anchor.clone(),
        as_of: asked.as_of,
        keep_said: asked.keep_said,
        ..VerifyArgs::default()
    };
    let dir = named(context, &args)?;
    match is_pack(context, &args, &dir) {
        true => Ok(examine(context, &args, &dir)?.report),
        false => audit(context, &args, &dir),
    }
}

/// Whether that is a pack. What is set to be the ledger is no folder of a pack: the head of this host would be held
/// against nothing.
fn is_pack(context: &Context, args: &VerifyArgs, named: &Path) -> bool {
    (args.path.is_some() || named.is_file()) && pack::is_pack(&*context.world.disk, named)
}

/// What is to be verified: what is named, or the ledger.
fn named(context: &Context, args: &VerifyArgs) -> Result<PathBuf, CommandError> {
    let named = match &args.path {
        Some(path) => path.clone(),
        None => context.named_ledger()?,
    };
    context.folder(&named, true)
}

/// A bar of what is counted, and no percentage: it would say 100 before the verdict is known.
pub(crate) fn progress_bar(doing: &str, what: &str, shown: bool) -> ProgressBar {
    if !shown {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
    match ProgressStyle::with_template(&format!("{doing} {{wide_bar}} {{pos}}/{{len}} {what}")) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// What moves a bar on.
pub(crate) fn counting(bar: &ProgressBar) -> impl Fn(u64, u64) + '_ {
    |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    }
}

/// The templates that were asked for, or why there is none.
fn templates(report: &Report, args: &VerifyArgs) -> Vec<(Id, Result<String, NoTemplate>)> {
    let asked: Vec<Id> = match &args.part.rotation {
        Some(id) => vec![id.clone()],
        None if args.all => facts::completed(report).into_iter().cloned().collect(),
        None => Vec::new(),
    };
    handed::templates(report, &asked)
}

/// Writes each template to a file of its own.
fn write_templates(
    out: NewFolder,
    templates: &[(Id, Result<String, NoTemplate>)],
) -> Result<(), CommandError> {
    let mut names = FolderNames::default();
    for (id, made) in templates {
        if let Ok(template) = made {
            out.add(&names.give(&format!("{id}.txt")), template.as_bytes())?;
        }
    }
    out.finish()
}

/// The report; where templates were asked for on stdout these, and the report is talk.
fn answer(
    context: &Context,
    args: &VerifyArgs,
    report: &Report,
    templates: &[(Id, Result<String, NoTemplate>)],
    conclusion: Conclusion,
) -> Answer {
    let with_templates = args.out.is_none() && (args.part.rotation.is_some() || args.all);
    let exit = Exit::from(conclusion);
    let document = documents::concluded(report.to_json(), conclusion);
    let mut answer = Answer::new(document).exit(exit);
    let layout = Layout {
        ui: &context.ui,
        on_stderr: with_templates,
        named: args.path.as_deref(),
        ledger: context.globals.ledger.as_deref(),
    };
    let text = report::render(report, conclusion, &layout);
    if !with_templates {
        let answer = answer.text(text);
        let written = templates.len();
        return match &args.out {
            Some(out) => answer.note(format!("templates  {written} in {}", out.display())),
            None => answer,
        };
    }
    let document = |(id, made): &(Id, Result<String, NoTemplate>)| {
        let reason = made.as_ref().err().map(ToString::to_string);
        let reason = reason.as_deref().unwrap_or_default();
        documents::template(id, made.as_deref().map_err(|_| reason))
    };
    answer.add(
        "templates",
        templates.iter().map(document).collect::<Vec<_>>(),
    );
    let made = templates.iter().map(|(_, made)| made.as_ref());
    let printed: Vec<_> = made.clone().filter_map(Result::ok).cloned().collect();
    let answer = answer.text(printed.join("\n"));
    let answer = match exit {
        Exit::Passed => answer.say(text.trim_end()),
        _ => answer.tell(text.trim_end()),
    };
    let missing = made.filter_map(Result::err);
    missing.fold(answer, |answer, reason| {
        answer.tell(format!("error: {reason}"))
    })
}
