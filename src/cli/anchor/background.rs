//! What follows a commit: folders at once, witnesses and commands by a process of their own, so that
//! no append waits for a network.

use std::env;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::anchor::AnchorSettings;
use crate::cli::answer::CommandResult;
use crate::cli::context::Context;
use crate::cli::exit::{CommandError, Exit};
use crate::ledger::marks::Mark;
use crate::sys::lock::LockError;

/// Between rounds, so that a ledger that is written all the time asks its witnesses now and then.
const PAUSE: Duration = Duration::from_secs(1);

/// Called when receipts are out. Nothing here fails a command; where nothing was chosen it costs one
/// look at the disk.
pub(crate) fn after_commit(context: &mut Context) {
    let Ok(settings) = context.anchoring() else {
        return;
    };
    if settings.exist()
        && let Err(failure) = publish_and_spawn(context, &settings)
    {
        context.warn(format!("recorded, but not anchored: {}", failure.message));
    }
}

fn publish_and_spawn(context: &mut Context, settings: &AnchorSettings) -> Result<(), CommandError> {
    let plan = settings.after_commit()?;
    if !plan.folders.is_empty() {
        let newest = context.newest()?;
        let faults = plan.publish(&newest);
        if faults.len() < plan.folders.len() {
            context.mark(Mark::Anchor, newest.stated().size);
        }
        for fault in faults {
            context.warn(format!("recorded, but not anchored: {fault}"));
        }
    }
    for (witness, said) in &plan.refusals {
        context.warn(format!(
            "recorded, but the witness `{witness}` did not cosign when it was last asked: {said}"
        ));
        context.say("next: ledger witness ask asks again, and says what has to be done there");
    }
    if plan.wants_round {
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
    // Somebody who lives long must hear that it ended, or its number is never free again.
    let waited = started.map(|mut child| thread::Builder::new().spawn(move || child.wait()));
    waited
        .map(drop)
        .map_err(|fault| CommandError::temporary(format!("the witnesses cannot be asked: {fault}")))
}

/// That process: rounds until there is nothing newer.
pub(super) fn run(context: &mut Context) -> CommandResult {
    let settings = context.anchoring()?;
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
        if settings.round(&newest)? {
            context.mark(Mark::Anchor, newest.stated().size);
        }
        drop(lock);
        done = Some(newest.note().clone());
        thread::sleep(PAUSE);
    }
}
