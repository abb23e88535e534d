//! The rotation fold against a model: each fact is looked for anew in the whole list of what was
//! said, as an auditor would who reads the log with a ruler.

use proptest::collection::vec;
use proptest::prelude::*;
use rotation_ledger::event::Event;
use rotation_ledger::event::NegativeTest;
use rotation_ledger::event::Outcome;
use rotation_ledger::event::Phase;
use rotation_ledger::event::Step;
use rotation_ledger::event::TestResult;
use rotation_ledger::event::Which;
use rotation_ledger::rotation::RotationState;
use rotation_ledger::text::Id;
use rotation_ledger::time::Timestamp;
use serde_json::Value;
use serde_json::json;

use crate::support::story::Story;
use crate::support::story::event;

/// What was said, in order: its sequence, when it was recorded, and the event.
type Said = Vec<(u64, Timestamp, Event)>;

struct Model(Said);

impl Model {
    fn end(&self) -> Option<(u64, Outcome)> {
        self.0.iter().find_map(|(at, _, event)| {
            let outcome = match event {
                Event::RotationCompleted(_) => Outcome::Completed,
                Event::RollbackCompleted(_) => Outcome::RolledBack,
                Event::RotationAborted(_) => Outcome::Aborted,
                _ => return None,
            };
            Some((*at, outcome))
        })
    }

    /// What still counts: everything up to the end, and what belongs to an ended rotation.
    fn counting(&self) -> Said {
        let end = self.end();
        let confirmed = self.confirmed();
        let is_owed = |step: Step, outcome: Outcome| match step {
            Step::Revoke | Step::VerifyRevocation => true,
            Step::Validate | Step::Rollback => outcome == Outcome::RolledBack,
            _ => false,
        };
        let counts = |(at, _, event): &&(u64, Timestamp, Event)| match end {
            Some((end, outcome)) if *at > end => match event {
                Event::RotationConfirmed(_) => confirmed.is_none_or(|confirmed| *at <= confirmed),
                Event::SecretRevoked(_) | Event::RevocationVerified(_) => true,
                Event::StepPerformed(performed) => is_owed(performed.step, outcome),
                Event::StepFailed(failed) => is_owed(failed.step, outcome),
                Event::ReplacementValidated(validated) => {
                    outcome == Outcome::RolledBack && validated.phase == Phase::PostRollback
                }
                _ => false,
            },
            _ => true,
        };
        self.0.iter().filter(counts).cloned().collect()
    }

    fn confirmed(&self) -> Option<u64> {
        let (end, outcome) = self.end()?;
        self.0.iter().find_map(|(at, _, event)| match event {
            Event::RotationConfirmed(confirmed) if *at > end && confirmed.outcome == outcome => {
                Some(*at)
            }
            _ => None,
        })
    }

    fn cut_over(&self) -> Vec<Id> {
        let mut consumers = Vec::new();
        for (_, _, event) in self.counting() {
            if let Event::CutoverCompleted(cutover) = event {
                consumers.extend(cutover.consumers);
            }
        }
        let mut seen = Vec::new();
        consumers.retain(|consumer| {
            let new = !seen.contains(consumer);
            seen.push(consumer.clone());
            new
        });
        consumers
    }

    /// The sequence of the first proof that stands on the revocation before it.
    fn dead(&self) -> Option<u64> {
        let said = self.counting();
        said.iter()
            .enumerate()
            .find_map(|(place, (at, recorded, event))| {
                let Event::RevocationVerified(verified) = event else {
                    return None;
                };
                let revoked = said[..place]
                    .iter()
                    .rev()
                    .find_map(|(_, _, event)| match event {
                        Event::SecretRevoked(revoked) if revoked.target == Which::Old => {
                            Some(revoked)
                        }
                        _ => None,
                    })?;
                let counts = verified.version == revoked.version
                    && verified.tested_at >= revoked.effective
                    && verified.tested_at <= *recorded
                    && verified.test == NegativeTest::AuthRejected
                    && verified.hits.unwrap_or(0) == 0;
                counts.then_some(*at)
            })
    }

    /// The failed step that nothing after it resolved.
    fn failed(&self) -> Option<(u64, Step)> {
        let said = self.counting();
        let (place, at, step) =
            said.iter()
                .enumerate()
                .rev()
                .find_map(|(place, (at, _, event))| match event {
                    Event::StepFailed(failed) => Some((place, *at, failed.step)),
                    _ => None,
                })?;
        let resolved = said[place + 1..].iter().any(|(at, _, event)| match event {
            Event::RollbackCompleted(_) | Event::RotationAborted(_) => true,
            Event::PreconditionsConfirmed(_) => step == Step::Preconditions,
            Event::ReplacementGenerated(_) => step == Step::Generate,
            Event::DualRunStarted(_) | Event::DualRunNotSupported(_) => step == Step::DualRun,
            Event::ReplacementValidated(validated) => {
                step == Step::Validate && validated.result == TestResult::Pass
            }
            Event::CutoverCompleted(_) => step == Step::Cutover,
            Event::HealthConfirmed(health) => step == Step::Health && health.healthy,
            Event::SecretRevoked(_) => step == Step::Revoke,
            Event::RevocationVerified(_) => step == Step::VerifyRevocation && self.proves(*at),
            Event::RotationCompleted(_) => step == Step::Evidence,
            Event::StepPerformed(performed) => performed.step == step,
            _ => false,
        });
        (!resolved).then_some((at, step))
    }

    /// Whether the proof in entry `at` stands, were it the first.
    fn proves(&self, at: u64) -> bool {
        let kept = |(place, _, event): &&(u64, Timestamp, Event)| {
            *place == at || !matches!(event, Event::RevocationVerified(_))
        };
        Self(self.0.iter().filter(kept).cloned().collect()).dead() == Some(at)
    }

    fn last(&self, is: impl Fn(&Event) -> bool) -> Option<u64> {
        self.counting()
            .iter()
            .rev()
            .find(|(_, _, event)| is(event))
            .map(|(at, _, _)| *at)
    }

    fn healthy(&self) -> bool {
        let said = self.counting();
        let last = said.iter().rev().find_map(|(_, _, event)| match event {
            Event::HealthConfirmed(health) => Some(health.healthy),
            _ => None,
        });
        last == Some(true)
    }

    fn old_revoked(&self) -> Option<u64> {
        self.last(
            |event| matches!(event, Event::SecretRevoked(revoked) if revoked.target == Which::Old),
        )
    }

    fn state(&self) -> RotationState {
        let has = |is: fn(&Event) -> bool| self.last(is).is_some();
        match self.end() {
            Some(_) if self.confirmed().is_some() => RotationState::Confirmed,
            Some((_, Outcome::Completed)) => RotationState::Completed,
            Some((_, Outcome::RolledBack)) => RotationState::RolledBack,
            Some((_, Outcome::Aborted)) => RotationState::Aborted,
            None if self.failed().is_some() => RotationState::Failed,
            None if self.dead().is_some() => RotationState::Dead,
            None if self.healthy() && self.old_revoked().is_some() => RotationState::Revoked,
            None if self.healthy() => RotationState::Healthy,
            None if has(|event| matches!(event, Event::CutoverCompleted(_))) => {
                RotationState::CuttingOver
            }
            None if has(validates) => RotationState::Validated,
            None if has(|event| {
                matches!(
                    event,
                    Event::DualRunStarted(_) | Event::DualRunNotSupported(_)
                )
            }) =>
            {
                RotationState::DualRun
            }
            None if has(|event| matches!(event, Event::ReplacementGenerated(_))) => {
                RotationState::Generated
            }
            None if has(|event| matches!(event, Event::PreconditionsConfirmed(_))) => {
                RotationState::Ready
            }
            None if has(|event| matches!(event, Event::RotationApproved(_))) => {
                RotationState::Approved
            }
            None => RotationState::Opened,
        }
    }
}

fn validates(event: &Event) -> bool {
    matches!(event, Event::ReplacementValidated(validated)
        if validated.result == TestResult::Pass && validated.phase == Phase::PreCutover)
}

/// Everything that can be said about an open rotation, with its failures and oddities.
fn pool(story: &Story) -> Vec<(&'static str, &'static str, Value)> {
    let mut lines: Vec<_> = [
        story.standard("r", "db/orders"),
        story.rolled_back("r", "db/orders"),
        story.single_run("r", "db/orders"),
    ]
    .into_iter()
    .flat_map(|script| script.0)
    .map(|line| (line.who, line.event, line.fields))
    .filter(|(_, event, _)| *event != "rotation.opened")
    .collect();
    let mut more = |who, event, mut fields: Value| {
        fields["rotation"] = json!("r");
        lines.push((who, event, fields));
    };
    for step in [
        "generate",
        "validate",
        "cutover",
        "health",
        "revoke",
        "verify_revocation",
        "evidence",
    ] {
        more(
            "olga",
            "step.failed",
            json!({ "step": step, "error": "exit 1" }),
        );
    }
    more(
        "robo",
        "step.performed",
        json!({
            "step": "cutover", "exit_code": 0, "duration_ms": 5,
            "command": rotation_ledger::hash::Blake3Digest::of(b"cut"),
        }),
    );
    more(
        "olga",
        "cutover.completed",
        json!({ "consumers": ["reports"], "to_version": "v1-next" }),
    );
    more(
        "pia",
        "health.confirmed",
        json!({ "services": ["orders"], "healthy": false, "summary": "red" }),
    );
    more(
        "otto",
        "revocation.verified",
        json!({ "version": "v1", "test": "still_valid", "tested_at": "@0" }),
    );
    more(
        "otto",
        "revocation.verified",
        json!({ "version": "v1", "test": "auth_rejected", "tested_at": "@-2" }),
    );
    more(
        "otto",
        "revocation.verified",
        json!({ "version": "v1", "test": "auth_rejected", "tested_at": "@0", "hits": 2 }),
    );
    more(
        "olga",
        "secret.revoked",
        json!({ "version": "v9", "target": "old", "method": "revoke", "effective": "@0" }),
    );
    more(
        "olga",
        "rotation.aborted",
        json!({ "reason": "enough", "disposition": "none_generated" }),
    );
    more("sam", "rotation.confirmed", json!({ "outcome": "aborted" }));
    lines
}

proptest! {
    #![proptest_config(crate::properties::cases(300))]

    #[test]
    fn the_fold_agrees_with_the_model(order in vec(any::<prop::sample::Index>(), 0..24)) {
        let mut story = Story::new();
        let opening = story.standard("r", "db/orders").until("rotation.opened");
        story.play(opening);
        let pool = pool(&story);
        let mut said = Said::new();
        for index in order {
            let (who, name, fields) = pool[index.index(pool.len())].clone();
            let recorded = story.now;
            let at = story.say(who, name, fields);
            let entry = rotation_ledger::entry::Entry::decode(&story.entries[at as usize]).unwrap();
            let statement = rotation_ledger::statement::Statement::decode(&entry.statement).unwrap();
            said.push((at, recorded, statement.event));
        }
        let model = Model(said);
        let rotation = &story.register.rotations["r"];
        prop_assert_eq!(rotation.state(), model.state());
        prop_assert_eq!(&rotation.cut_over, &model.cut_over());
        prop_assert_eq!(rotation.dead.map(|dead| dead.sequence), model.dead());
        prop_assert_eq!(rotation.ended().map(|end| end.sequence), model.end().map(|(at, _)| at));
        prop_assert_eq!(rotation.outcome(), model.end().map(|(_, outcome)| outcome));
        prop_assert_eq!(rotation.confirmed.map(|confirmed| confirmed.sequence), model.confirmed());
        prop_assert_eq!(rotation.failed.map(|failed| (failed.at.sequence, failed.step)), model.failed());
        prop_assert_eq!(rotation.old_revoked.as_ref().map(|revoked| revoked.at.sequence), model.old_revoked());
        let generated = model.last(|event| matches!(event, Event::ReplacementGenerated(_)));
        prop_assert_eq!(rotation.generated.as_ref().map(|generated| generated.at.sequence), generated);

        // The verifier folds the same, and says the same twice.
        let report = story.verify();
        prop_assert_eq!(report.register().map(|register| register.get() == &story.register), Some(true));
        prop_assert_eq!(report.to_json(), story.verify().to_json());
    }
}

/// The model is one: it tells what a rotation without a fault amounts to.
#[test]
fn the_model_knows_a_rotation_by_the_book() {
    let mut story = Story::new();
    let script = story.standard("r", "db/orders");
    let said = script.0.iter().zip(0..).map(|(line, at)| {
        let mut fields = line.fields.clone();
        for (name, instant) in [
            ("effective", "2026-01-05T10:00:00Z"),
            ("tested_at", "2026-01-05T10:10:00Z"),
            ("planned_end", "2026-02-01T00:00:00Z"),
        ] {
            if fields.get(name).is_some() {
                fields[name] = json!(instant);
            }
        }
        (
            at,
            crate::support::story::time("2026-01-06T00:00:00Z"),
            event(line.event, &fields),
        )
    });
    let model = Model(said.collect());
    assert_eq!(model.state(), RotationState::Confirmed);
    assert_eq!(model.dead(), Some(9));
    assert_eq!(model.failed(), None);
    story.play(script);
    assert_eq!(model.cut_over(), story.register.rotations["r"].cut_over);
}
