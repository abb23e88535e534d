//! `ledger sample`: rotations for an auditor to look at, chosen by nobody.

use std::cell::RefCell;
use std::path::PathBuf;

use serde_json::json;

use crate::documents;
use crate::export::{self, DrawnRotation, DrawnSample, Export};
use crate::ledger::ProvenPrefix;
use crate::note::{KeyName, NOTE_LIMIT};
use crate::pack::{DrawSeed, PackPart, SelectionForm};
use crate::text::Line;
use crate::time::{SaidTime, Timestamp};

use super::answer::{Answer, CommandResult};
use super::context::Context;
use super::exit::{CommandError, check_range};
use super::export::{ExportOrder, answer, carry_out};
use super::files::read_input;
use super::layout::{counted, row};

/// Draw rotations of a period for an auditor, so that anybody can draw them again
///
/// The population is every rotation any part of which lies in the period. Each gets a rank, the
/// SHA-256 of the seed, a space and its id; the least are drawn. What was drawn from and what was
/// left out is said, and --out exports the pack of the sample: it has the population, its record in
/// the ledger says how it was drawn, and `ledger verify` draws again. VERIFY-BY-HAND.md draws with
/// sha256sum and sort.
///
/// The seed is to be beyond the reach of whoever keeps the ledger: a text that the auditor chose
/// after the period (a date and a throw of dice will do), or the first cosignature by a witness
/// after it (--seed-from; the population is then what was opened up to that checkpoint). With a text
/// of their own the keepers could try seeds until they like the draw, and nothing would show it; a
/// cosignature that is not the first shows.
///
///   ledger sample --from 2026-01-01 --to 2026-03-31 --seed "2026-04-07, dice 4 1 6 6 2"
///   ledger sample --from 2026-01-01 --to 2026-03-31 --seed-from cosigned --out q1-sample.zip
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct SampleArgs {
    /// The beginning of the period: a time, a day, `yesterday`, or 90d for so long ago
    #[arg(long, value_name = "TIME")]
    from: SaidTime,
    /// The end of the period
    #[arg(long, value_name = "TIME")]
    to: SaidTime,
    /// How many rotations to draw
    #[arg(long, value_name = "N", default_value_t = 25, value_parser = clap::value_parser!(u64).range(1..))]
    size: u64,
    /// A text that the auditor chose
    #[arg(
        long,
        value_name = "TEXT",
        required_unless_present = "seed_from",
        conflicts_with = "seed_from"
    )]
    seed: Option<String>,
    /// A checkpoint of this ledger that a witness cosigned after the period
    #[arg(long, value_name = "FILE")]
    seed_from: Option<PathBuf>,
    /// The witness on it, where several cosigned it
    #[arg(long, value_name = "NAME", requires = "seed_from", value_parser = |text: &str| KeyName::new(text))]
    witness: Option<KeyName>,
    /// Export the pack of the sample to this file
    #[arg(long, value_name = "PACK.zip")]
    out: Option<PathBuf>,
    /// Leave attached files out; the pack says which
    #[arg(long, requires = "out")]
    without_attachments: bool,
    /// For whom the pack is; recorded with the export
    #[arg(long, value_name = "TEXT", requires = "out")]
    recipient: Option<Line>,
    /// Replace a file that is there
    #[arg(long, requires = "out")]
    force: bool,
}

pub(crate) fn run(context: &mut Context, args: &SampleArgs) -> CommandResult {
    context.ui.thing = "sample";
    let now = context.now();
    let (from, to) = period(context, args)?;
    let note = match &args.seed_from {
        Some(path) => Some(read_input(&mut context.ui, path, NOTE_LIMIT)?),
        None => None,
    };
    let place = context.place()?;
    let (world, wait) = (context.world.clone(), context.globals.wait);
    let export = Export {
        world: &world,
        place: &place,
        wait,
    };
    let seed = match (&note, &args.seed) {
        (Some(note), _) => export.seed(note, args.witness.as_ref(), to)?,
        (None, seed) => {
            DrawSeed::text(seed.as_deref().unwrap_or_default()).map_err(CommandError::usage)?
        }
    };
    let stated = RefCell::new(None);
    let draw = |before: &ProvenPrefix| {
        let (draw, said) = export::draw(before, args.size, (from, to), seed.clone(), now);
        if said.population.is_empty() {
            return Err(CommandError::not_verified(format!(
                "no rotation lies between {from} and {to}"
            )));
        }
        *stated.borrow_mut() = Some(said);
        Ok(PackPart::Sample(Box::new(draw)))
    };
    let pack = match &args.out {
        None => {
            draw(&export.entries()?)?;
            None
        }
        Some(out) => {
            let note = note.as_deref().map(String::from_utf8_lossy);
            let order = ExportOrder {
                out,
                force: args.force,
                form: SelectionForm::Pack,
                without_attachments: args.without_attachments,
                recipient: args.recipient.clone(),
                part: &draw,
                seed: note.as_deref(),
            };
            let (sequence, pack) = carry_out(context, &order, None)?;
            Some(answer(out, sequence, &pack))
        }
    };
    let stated = stated.into_inner();
    let stated = stated.ok_or_else(|| CommandError::temporary("nothing was drawn"))?;
    Ok(told(&stated, pack))
}

/// The period, which is over.
fn period(
    context: &mut Context,
    args: &SampleArgs,
) -> Result<(Timestamp, Timestamp), CommandError> {
    let now = context.now();
    let (Some(from), Some(to)) = check_range((Some(args.from), Some(args.to)), now)? else {
        return Err(CommandError::usage("a period has a beginning and an end"));
    };
    if to > now {
        return Err(CommandError::usage(format!("--to {to} is still to come"))
            .hint("a sample is drawn when the period is over"));
    }
    context.say_in_utc("--from", args.from, from);
    context.say_in_utc("--to", args.to, to);
    Ok((from, to))
}

/// What was drawn, from what, and what was left out.
fn told(said: &DrawnSample, pack: Option<Answer>) -> Answer {
    let (from, to) = (said.from.to_seconds(), said.to.to_seconds());
    let rotations = counted(said.population.len() as u64, "rotation");
    let secrets = counted(said.secrets as u64, "secret");
    let entries = counted(said.entries, "entry");
    let others = counted(said.other_rotations as u64, "rotation");
    let without = counted(said.without_rotation.len() as u64, "registered secret");
    let overdue = said.overdue;
    let attested = match said.attested.zip(said.attested_by_entry) {
        Some((at, entry)) => format!("by entry {entry} at {}", at.to_seconds()),
        None => "never: nothing says that every secret is registered".to_owned(),
    };
    let row = |one: &DrawnRotation| {
        let rank = one.rank.get(..12).unwrap_or_default();
        row![rank, one.rotation, one.secret, one.state]
    };
    let (drawn, rows) = (said.drawn.len(), said.drawn.iter().map(row));
    let mut document = json!(said);
    let packed = pack.as_ref().and_then(|pack| pack.document.clone());
    document["pack"] = json!(packed.map(|pack| documents::with_schema("export", pack)));
    let answer = Answer::new(document)
        .line(format!("population  {rotations} of {secrets} from {from} to {to}, in the first {entries}"))
        .line(format!("attested    {attested}"))
        .line(format!("left out    {others} outside it; {without} without a rotation in it, {overdue} of them overdue or of unknown age"))
        .line(format!("seed        {}", said.seed))
        .line(format!("drawn       {drawn} of them, by the least SHA-256 of seed, space and id\n"))
        .table(["RANK", "ROTATION", "SECRET", "STATE"], rows);
    match pack {
        None => answer,
        Some(mut pack) => {
            let mut answer = answer.line("").text(&pack.text);
            answer.talk.append(&mut pack.talk);
            answer
        }
    }
}
