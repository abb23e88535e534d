//! `ledger demo`: the whole SOP at work in a ledger of its own, told in few lines.
//!
//! Everything goes through the rooms that the other commands use: drafts are parsed as JSON,
//! guarded, signed, appended and verified. Only the clock is the story's: it begins ten days ago, so
//! that steps lie hours apart, and ends before now.

mod story;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::append::draft::Draft;
use crate::append::{self, NewLedger, Receipt, Writer};
use crate::audit::Audit;
use crate::facts;
use crate::key::SecretKey;
use crate::ledger::LedgerPlace;
use crate::note::Origin;
use crate::pack::PackPart;
use crate::rule::{Finding, Verdict};
use crate::store::image::TailContents;
use crate::store::tail::TAIL_FILE;
use crate::sys::disk;
use crate::sys::keyfile::{self, PublicKeyFile};
use crate::sys::world::World;
use crate::text::{Id, Line};
use crate::time::{Clock, Timestamp};
use crate::verify::{Conclusion, Report};

use super::answer::CommandResult;
use super::context::Context;
use super::exit::{CommandError, Exit};
use super::receipt;
use super::report::{self, Layout};
use story::{ACTORS, DemoChapter, DemoStep};

/// How long ago the story begins.
const STORY_DAYS: i64 = 10;
const MINUTE: i64 = 60_000_000;
const DAY: i64 = 24 * 60 * MINUTE;
/// The rotation and the event whose entry is tampered with in the copy.
const VICTIM: (&str, &str) = ("rot-1", "revocation.verified");

/// Play a whole SOP in a temporary ledger, then tamper with it and see it found
#[derive(Debug, clap::Args)]
pub(crate) struct DemoArgs {
    /// Keep the ledger and everything around it in this new folder
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

/// The story's clock: it stands until the next step moves it.
struct StoryClock(AtomicI64);

impl Clock for StoryClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::Relaxed))
    }
}

/// The people of the demo, their ledger and where it lies.
struct DemoLedger {
    world: World,
    clock: Arc<StoryClock>,
    folder: PathBuf,
    place: LedgerPlace,
    /// When everybody was enrolled.
    begin: Timestamp,
    keys: Vec<(&'static str, SecretKey)>,
    victim: Option<u64>,
}

/// Plays the story.
pub(crate) fn run(context: &mut Context, args: &DemoArgs) -> CommandResult {
    // Nothing is kept unless a folder was named: then everything is.
    let made = || tempfile::Builder::new().prefix("ledger-demo-").tempdir();
    let (folder, temporary) = match &args.dir {
        Some(dir) => (dir.clone(), None),
        None => {
            let made = made().map_err(|fault| cannot("a temporary folder", &fault))?;
            (made.path().to_owned(), Some(made))
        }
    };
    let mut scene = DemoLedger::open(context, folder)?;
    let mut writer = scene.found(context)?;
    scene.begin = scene.clock.now();
    let chapters =
        story::chapters().map_err(|fault| CommandError::usage(format!("the story: {fault}")))?;
    for chapter in chapters {
        scene.play(context, &mut writer, chapter)?;
    }
    writer.close();

    let report = scene.verify(&scene.place.dir.clone(), context.now())?;
    context.ui.line("\nledger verify");
    show(context, &report);
    context
        .ui
        .line(format!("\nledger verify --rotation {}\n", VICTIM.0));
    let completed = facts::completed(&report).into_iter();
    for rotation in completed.filter(|id| id.as_str() == VICTIM.0) {
        let template = facts::template(&report, rotation).map_err(CommandError::not_verified)?;
        context.ui.print(template.to_string());
    }
    scene.tamper(context)?;
    match (&args.dir, temporary) {
        (Some(dir), _) => {
            let shown = dir.display();
            context.ui.line(format!("\nkept in {shown}: ledger/ (the ledger), keys/, state/ (checkpoint kept outside), tampered/"));
            context.ui.line(format!(
                "try: ledger --ledger {shown}/ledger --state {shown}/state verify"
            ));
        }
        (None, _) => context
            .ui
            .line("\nthe folder is removed again; keep it with: ledger demo --dir DIR"),
    }
    Ok(Exit::from(conclusion(&report)).into())
}

impl DemoLedger {
    fn open(context: &mut Context, folder: PathBuf) -> Result<Self, CommandError> {
        let inside = folder.read_dir();
        if inside.is_ok_and(|mut inside| inside.next().is_some()) {
            return Err(
                CommandError::usage(format!("{} is not empty", folder.display()))
                    .hint("name a new folder with --dir"),
            );
        }
        let begin = context.now().micros() - STORY_DAYS * DAY;
        let begin = begin - begin.rem_euclid(MINUTE);
        let clock = Arc::new(StoryClock(AtomicI64::new(begin)));
        let world = World {
            clock: clock.clone(),
            ..context.world.clone()
        };
        std::fs::create_dir_all(folder.join("keys"))
            .map_err(|fault| cannot("the folder for keys", &fault))?;
        let place = LedgerPlace {
            dir: folder.join("ledger"),
            state: folder.join("state"),
        };
        let shown = folder.display();
        context
            .ui
            .line(format!("a story of {STORY_DAYS} days in {shown}"));
        Ok(Self {
            world,
            clock,
            folder,
            place,
            begin: Timestamp::from_micros(begin),
            keys: Vec::new(),
            victim: None,
        })
    }

    /// A new key for somebody, in a file as `ledger key generate` makes it.
    fn new_key(&mut self, who: &'static str) -> Result<PublicKeyFile, CommandError> {
        let key = self.world.new_key()?;
        let path = self.folder.join("keys").join(format!("{who}.pem"));
        keyfile::write_new(&path, &key, None)?;
        let public = PublicKeyFile::of(&key)?;
        std::fs::write(path.with_extension("pem.pub"), public.format())
            .map_err(|fault| cannot("a public key file", &fault))?;
        self.keys.push((who, key));
        Ok(public)
    }

    /// Creates the ledger and enrols everybody.
    fn found(&mut self, context: &mut Context) -> Result<Writer, CommandError> {
        self.new_key("sam")?;
        let founding = NewLedger {
            origin: Origin::new("ledger.example/demo").map_err(CommandError::usage)?,
            actor: Id::new("sam").map_err(CommandError::usage)?,
            name: Line::new("Sam Security").map_err(CommandError::usage)?,
            key: self.key("sam")?,
        };
        append::create(&self.world, &self.place, &founding)?;
        let first = "      0  ledger created by its first Security Owner (SOP 3)";
        context.ui.line(first);
        let mut enrolments = Vec::new();
        for (who, name, role) in ACTORS {
            let public = self.new_key(who)?;
            enrolments.push(DemoStep {
                minutes: 5,
                who: "sam".to_owned(),
                draft: json!({"event": "actor.enrolled", "actor": who, "name": name, "kind": "human", "roles": [role], "key": public.key(), "possession": public.possession()}),
                shown_by: None,
            });
        }
        let mut writer = Writer::open(&self.world, &self.place, Duration::from_secs(30))?;
        let enrolled = DemoChapter {
            title: "a Platform Owner and two Operators enrolled with keys of their own (SOP 3)"
                .to_owned(),
            steps: enrolments,
        };
        self.play(context, &mut writer, enrolled)?;
        Ok(writer)
    }

    fn play(
        &mut self,
        context: &mut Context,
        writer: &mut Writer,
        chapter: DemoChapter,
    ) -> Result<(), CommandError> {
        let first = writer.size();
        let mut findings = Vec::new();
        for step in chapter.steps {
            let StoryClock(micros) = &*self.clock;
            micros.fetch_add(step.minutes * MINUTE, Ordering::Relaxed);
            let receipt = self.say(writer, step)?;
            findings.extend(receipt.findings.iter().map(Finding::to_json));
        }
        let entries = format!("{first}-{}", writer.size() - 1);
        context.ui.line(format!("{entries:>7}  {}", chapter.title));
        for talk in receipt::findings(&Value::from(findings)) {
            context.ui.discuss(talk);
        }
        Ok(())
    }

    fn say(&mut self, writer: &mut Writer, step: DemoStep) -> Result<Receipt, CommandError> {
        let draft = story::dated(step.draft, self.begin, self.clock.now());
        let draft = Draft::from_json(&draft.to_string())?;
        let mut files = Vec::new();
        if let Some((name, text)) = step.shown_by {
            let name = Line::new(name).map_err(CommandError::usage)?;
            let media_type = Id::new("text/plain").map_err(CommandError::usage)?;
            files.push((name, media_type, text.into_bytes()));
        }
        let rotation = draft.event.rotation().map(Id::as_str);
        let is_victim = (rotation, draft.event.name()) == (Some(VICTIM.0), VICTIM.1);
        let (ledger, key) = (writer.ledger(), self.key(&step.who)?);
        let submission = draft.sign(ledger, key, &self.world, files, &[])?;
        let mut outcome = writer.append(vec![submission]);
        if let Some(refused) = outcome.refused {
            return Err(refused.into());
        }
        let receipt = outcome.receipts.pop();
        let receipt = receipt.ok_or_else(|| CommandError::usage("an append without a receipt"))?;
        if is_victim {
            self.victim = Some(receipt.sequence);
        }
        Ok(receipt)
    }

    fn key(&self, who: &str) -> Result<&SecretKey, CommandError> {
        let found = self.keys.iter().find(|(name, _)| *name == who);
        let key = found.map(|(_, key)| key);
        key.ok_or_else(|| CommandError::usage(format!("{who} has no key")))
    }

    fn verify(&self, dir: &Path, as_of: Timestamp) -> Result<Report, CommandError> {
        let audit = Audit {
            world: &self.world,
            dir,
            head: Some(self.place.head()),
            anchors: Vec::new(),
            trust: None,
            authorities: None,
            as_of: Some(as_of),
            part: PackPart::Everything,
            wait: Duration::from_secs(30),
            progress: &|_, _| {},
            interrupted: &AtomicBool::new(false),
        };
        Ok(audit.run()?)
    }

    /// Flips one byte of one stored entry in a copy, and verifies the copy.
    fn tamper(&self, context: &mut Context) -> Result<(), CommandError> {
        let copy = self.folder.join("tampered");
        disk::copy_folder(&self.place.dir, &copy)
            .map_err(|fault| cannot("a copy of the ledger", &fault))?;
        let victim = self.victim.unwrap_or_default();
        let tail = copy.join(TAIL_FILE);
        let mut bytes = std::fs::read(&tail).map_err(|fault| cannot("the copy's tail", &fault))?;
        let entry = TailContents::parse(&bytes)
            .ok()
            .and_then(|tail| tail.entries.get(usize::try_from(victim).ok()?).cloned())
            .ok_or_else(|| CommandError::usage("the copy's tail does not hold the entry"))?;
        let mut windows = bytes.windows(entry.len());
        let begin = windows.position(|window| window == entry);
        let at = begin.unwrap_or_default() + entry.len() / 2;
        if let Some(byte) = bytes.get_mut(at) {
            *byte ^= 1;
        }
        std::fs::write(&tail, bytes).map_err(|fault| cannot("the copy's tail", &fault))?;
        context.ui.line(format!("\none byte of entry {victim} ({} of {}) is flipped in a copy; ledger verify of the copy", VICTIM.1, VICTIM.0));
        let report = self.verify(&copy, context.now())?;
        show(context, &report);
        let mut findings = report.findings.iter();
        let named = findings.any(|finding| finding.sequence == Some(victim));
        if report.conclusion(false, &[]) == Conclusion::Broken && named {
            return Ok(());
        }
        Err(CommandError::broken(format!(
            "the flipped byte of entry {victim} was not found"
        )))
    }
}

fn show(context: &mut Context, report: &Report) {
    let layout = Layout {
        ui: &context.ui,
        on_stderr: false,
        named: None,
        ledger: None,
    };
    let text = report::render(report, conclusion(report), &layout);
    context.ui.print(text);
}

fn conclusion(report: &Report) -> Conclusion {
    report.conclusion(false, &[Verdict::Conformance, Verdict::Coverage])
}

fn cannot(what: &str, fault: &std::io::Error) -> CommandError {
    CommandError::temporary(format!("{what}: {fault}"))
}
