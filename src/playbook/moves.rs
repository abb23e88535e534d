//! What comes next of a rotation that a playbook carries out.

use crate::event::{Reason, Step};
use crate::inventory::Secret;
use crate::rotation::{ChecklistItem, NextStep, Rotation};
use crate::text::Id;
use crate::time::Timestamp;

use super::form::{Playbook, Recipe};

/// What is to be done about a step that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterFailure {
    /// Look whether it was done after all, or do it again, where the playbook says how; nothing else.
    Look,
    /// Do it again.
    Retry,
    /// Go back to the old version.
    RollBack,
}

/// What comes next.
#[derive(Debug, PartialEq)]
pub enum Move<'a> {
    /// A command is to be run, and what came of it is to be said.
    Run(Action<'a>),
    /// This event is to be said; no command is needed.
    Say(&'static str),
    /// Nothing before this instant.
    Wait(Timestamp),
    /// Somebody has to speak.
    Stop(Stop),
    /// There is no technical step left that anybody waits for.
    Nothing,
}

/// A command that is to be run.
#[derive(Debug, PartialEq)]
pub struct Action<'a> {
    /// The step it belongs to.
    pub step: Step,
    /// Its commands, run one after the other.
    pub commands: Vec<&'a [String]>,
    /// Who describes it.
    pub recipe: &'a Recipe,
    /// The event that tells what came of it.
    pub event: &'static str,
    /// The consumers it is about.
    pub consumers: Vec<Id>,
    /// Whether the recipe's fields and its proof are about this event: of what takes a step back they are not.
    pub is_own: bool,
    /// Whether it only looks whether the step was done.
    pub is_look: bool,
}

/// Why a playbook cannot go on by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// It has no command for this step.
    NoCommand(Step),
    /// It does not begin this step before a Security Owner approved the rotation.
    Approval(Step),
    /// The approved window is over.
    WindowOver(Timestamp),
    /// This step failed, or nobody saw its end.
    Failed(Step),
    /// This step failed, and the playbook cannot go back.
    NoWayBack(Step),
}

/// What comes next of the technical steps of a rotation.
#[must_use]
pub fn next_move<'a>(
    playbook: &'a Playbook,
    (rotation, secret): (&'a Rotation, &Secret),
    items: &[ChecklistItem<'a>],
    after: AfterFailure,
    now: Timestamp,
) -> Move<'a> {
    let mut items = items.iter().filter(|item| item.is_now());
    let Some(item) = items.find(|item| !item.step.is_for_people()) else {
        return Move::Nothing;
    };
    let plan = Plan {
        playbook,
        rotation,
        secret,
        now,
    };
    match &item.step {
        NextStep::Resolve(step) => plan.after_failure(*step, after),
        _ if after == AfterFailure::RollBack && rotation.is_open() => plan.way_back(None),
        step => plan.forward(step),
    }
}

struct Plan<'a, 'p> {
    playbook: &'a Playbook,
    rotation: &'a Rotation,
    secret: &'p Secret,
    now: Timestamp,
}

impl<'a> Plan<'a, '_> {
    fn forward(&self, step: &NextStep<'_>) -> Move<'a> {
        match step {
            NextStep::DualRun if self.is_without_dual_run() => Move::Say("dual_run.not_supported"),
            NextStep::Complete => Move::Say("rotation.completed"),
            NextStep::ValidateRestored => self.act(Step::Rollback, "replacement.validated"),
            // What was generated is taken back by whoever generated it.
            NextStep::RevokeNew => match self.playbook.steps.get(&Step::Generate) {
                Some(recipe) if !recipe.undo.is_empty() => Move::Run(Action {
                    step: Step::Revoke,
                    commands: vec![&recipe.undo],
                    recipe,
                    event: "secret.revoked",
                    consumers: Vec::new(),
                    is_own: false,
                    is_look: false,
                }),
                _ => Move::Stop(Stop::NoCommand(Step::Revoke)),
            },
            step => step.step().map_or(Move::Nothing, |step| self.run(step)),
        }
    }

    fn is_without_dual_run(&self) -> bool {
        !self.secret.dual_run || self.playbook.said.contains_key("dual_run.not_supported")
    }

    fn run(&self, step: Step) -> Move<'a> {
        let event = step.event().unwrap_or_default();
        let approval = self.rotation.approved.as_ref();
        match approval.and_then(|approval| approval.window) {
            Some((start, _)) if self.now < start => return Move::Wait(start),
            Some((_, end)) if self.now > end && is_windowed(step) => {
                return Move::Stop(Stop::WindowOver(end));
            }
            _ => {}
        }
        let recipe = self.playbook.steps.get(&step);
        if recipe.is_some_and(|recipe| recipe.approval) && approval.is_none() {
            return Move::Stop(Stop::Approval(step));
        }
        let since = self.rotation.cutover.unwrap_or(self.rotation.last).occurred;
        let until = recipe.map(|recipe| since.plus(recipe.wait));
        // SOP 7: what is suspect is revoked at once.
        match until.filter(|_| self.rotation.reason == Reason::Scheduled) {
            Some(until) if self.now < until => Move::Wait(until),
            _ => self.act(step, event),
        }
    }

    fn act(&self, step: Step, event: &'static str) -> Move<'a> {
        let Some(recipe) = self.playbook.steps.get(&step) else {
            return Move::Stop(Stop::NoCommand(step));
        };
        let remaining = self.rotation.remaining(self.secret).into_iter().cloned();
        let consumers = match step {
            Step::Cutover if recipe.each_consumer => remaining.take(1).collect(),
            Step::Cutover => remaining.collect(),
            _ => Vec::new(),
        };
        Move::Run(Action {
            step,
            commands: vec![&recipe.run],
            recipe,
            event,
            consumers,
            is_own: true,
            is_look: false,
        })
    }

    fn after_failure(&self, failed: Step, after: AfterFailure) -> Move<'a> {
        match after {
            AfterFailure::RollBack => self.way_back(Some(failed)),
            AfterFailure::Retry if failed == Step::Rollback => self.way_back(Some(failed)),
            AfterFailure::Retry => self.run(failed),
            AfterFailure::Look => match self.act(failed, failed.event().unwrap_or_default()) {
                Move::Run(action) if !action.recipe.done.is_empty() => Move::Run(Action {
                    commands: vec![&action.recipe.done],
                    is_look: true,
                    ..action
                }),
                Move::Run(action) if action.recipe.again => Move::Run(action),
                _ => Move::Stop(Stop::Failed(failed)),
            },
        }
    }

    /// Back to the old version, as far as anything was done: the cutover is taken back, then dual-run; the new version
    /// is revoked afterwards, as the checklist says.
    fn way_back(&self, failed: Option<Step>) -> Move<'a> {
        let rotation = self.rotation;
        let stuck = failed.unwrap_or(Step::Rollback);
        if rotation.old_revoked.is_some() || failed == Some(Step::Revoke) {
            return Move::Stop(Stop::NoWayBack(stuck));
        }
        // Where going back failed before, the cutover may be what was to be taken back.
        let may_be = failed == Some(Step::Rollback) && rotation.validated.is_some();
        let switched = rotation.cutover.is_some() || failed == Some(Step::Cutover) || may_be;
        let touched = [
            (Step::Cutover, switched, true),
            (
                Step::DualRun,
                rotation.dual_run.is_some() || failed == Some(Step::DualRun),
                false,
            ),
            (Step::Generate, failed == Some(Step::Generate), false),
        ];
        let mut commands: Vec<&[String]> = Vec::new();
        let mut by = None;
        for (step, _, must) in touched.into_iter().filter(|(_, is_touched, _)| *is_touched) {
            match self.playbook.steps.get(&step) {
                Some(recipe) if !recipe.undo.is_empty() => {
                    commands.push(&recipe.undo);
                    by.get_or_insert(recipe);
                }
                _ if must => return Move::Stop(Stop::NoWayBack(stuck)),
                _ => {}
            }
        }
        let event = match switched {
            true => "rollback.completed",
            false => "rotation.aborted",
        };
        match by {
            None => Move::Say(event),
            Some(recipe) => Move::Run(Action {
                step: Step::Rollback,
                commands,
                recipe,
                event,
                consumers: rotation.all_consumers(self.secret).cloned().collect(),
                is_own: false,
                is_look: false,
            }),
        }
    }
}

/// Whether the approved window bounds a step.
const fn is_windowed(step: Step) -> bool {
    matches!(step, Step::Generate | Step::DualRun | Step::Cutover)
}
