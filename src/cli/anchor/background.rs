//! What follows a commit: folders at once, witnesses and commands by a process of their own, so that
//! no append waits for a network.

use std::env;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::anchor::{AnchorSettings, Destination, NewestCheckpoint, WitnessRound};
use crate::cli::answer::CommandResult;
use crate::cli::context::Context;
use crate::cli::exit::{CommandError, Exit};
use crate::sys::lock::LockError;
use crate::trust::Trust;

/// Between rounds, so that a ledger that is written all the time asks its witnesses now and then.
const PAUSE: Duration = Duration::from_secs(1);

/// Called when receipts are out. Nothing here fails a command; where nothing was chosen it costs one
/// look at the disk.
pub(crate) fn after_commit(context: &mut Context) {
    let Ok((_, settings)) = context.anchoring() else {
        return;
    };
    if settings.exist()
        && let Err(failure) = publish_and_spawn(context, &settings)
    {
        context
            .ui
            .warn(format!("recorded, but not anchored: {}", failure.message));
    }
}

fn publish_and_spawn(context: &mut Context, settings: &AnchorSettings) -> Result<(), CommandError> {
    let destinations = settings.destinations()?;
    let folders: Vec<_> = destinations.iter().filter(|one| is_folder(one)).collect();
    if !folders.is_empty() {
        let newest = context.newest()?;
        for folder in &folders {
            if let Err(fault) = folder.publish(newest.note(), newest.stated()) {
                context
                    .ui
                    .warn(format!("recorded, but not anchored: {fault}"));
            }
        }
    }
    let trust = settings.witnesses()?;
    let book = settings.book();
    for witness in trust.iter().flat_map(Trust::witnesses) {
        // Asked in the background, where nobody heard it.
        if let Some(said) = book.refusal(witness) {
            context.ui.warn(format!(
                "recorded, but the witness `{}` did not cosign when it was last asked: {said}",
                witness.name
            ));
            context
                .ui
                .say("next: ledger witness ask asks again, and says what has to be done there");
        }
    }
    if folders.len() < destinations.len() || trust.is_some() {
        // Somebody at work looks once more after it has let go of the lock, and sees this commit.
        match settings.lock(context.now(), Duration::ZERO) {
            Err(LockError::Held { .. }) => {}
            Err(fault) => return Err(fault.into()),
            Ok(lock) => {
                drop(lock);
                spawn(context)?;
            }
        }
    }
    Ok(())
}

const fn is_folder(destination: &Destination) -> bool {
    matches!(destination, Destination::Folder(_))
}

/// Starts the process that nobody waits for. It holds none of this one's streams, so whoever reads
/// those is not kept waiting either, and a Ctrl-C here does not reach it.
fn spawn(context: &Context) -> Result<(), CommandError> {
    let place = context.place()?;
    let started = env::current_exe().and_then(|program| {
        Command::new(program)
            .arg("--ledger")
            .arg(&place.dir)
            .arg("--state")
            .arg(&place.state)
            .args(["anchor", "--background"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
    });
    started.map(drop).map_err(|fault| {
        CommandError::new(
            Exit::Temporary,
            format!("the witnesses cannot be asked: {fault}"),
        )
    })
}

/// That process: rounds until there is nothing newer.
pub(super) fn run(context: &mut Context) -> CommandResult {
    let (place, settings) = context.anchoring()?;
    let mut done = None;
    loop {
        let newest = context.newest()?;
        if done.as_ref() == Some(newest.note()) {
            return Ok(Exit::Passed.into());
        }
        // Let go of before the look at the top: whoever finds it held may rely on that look.
        let lock = match settings.lock(context.now(), Duration::ZERO) {
            Err(LockError::Held { .. }) => return Ok(Exit::Passed.into()),
            lock => lock?,
        };
        if let Some(trust) = settings.witnesses()? {
            let round = WitnessRound {
                newest: &newest,
                settings: &settings,
                trust: &trust,
                state: &place.state,
                by_hand: false,
            };
            round.ask();
        }
        hand_on(&settings, &newest)?;
        drop(lock);
        done = Some(newest.note().clone());
        std::thread::sleep(PAUSE);
    }
}

/// To folders with the cosignatures that have come, and to the commands.
fn hand_on(settings: &AnchorSettings, newest: &NewestCheckpoint) -> Result<(), CommandError> {
    let note = newest.with_cosignatures();
    let is_new = settings.handed()? != note.text();
    let mut all_took_it = true;
    let mut commands = 0;
    for destination in settings.destinations()? {
        if is_folder(&destination) {
            let _ = destination.publish(&note, newest.stated());
        } else if is_new {
            commands += 1;
            all_took_it &= destination.publish(&note, newest.stated()).is_ok();
        }
    }
    // One that failed gets the next one; there is always a next one to come.
    if commands > 0 && all_took_it {
        settings.set_handed(note.text())?;
    }
    Ok(())
}
