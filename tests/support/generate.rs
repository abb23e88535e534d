//! A ledger of any size, made through the writer: rotations from their opening to their
//! confirmation, over many secrets, by four actors with real keys.

#![allow(dead_code, reason = "each bench and test uses its own part")]
#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rotation_ledger::append;
use rotation_ledger::append::NewLedger;
use rotation_ledger::append::Submission;
use rotation_ledger::append::Writer;
use rotation_ledger::event::*;
use rotation_ledger::hash::LedgerId;
use rotation_ledger::hash::Sha256Digest;
use rotation_ledger::key::SecretKey;
use rotation_ledger::ledger::LedgerPlace;
use rotation_ledger::note::Origin;
use rotation_ledger::statement;
use rotation_ledger::statement::EventId;
use rotation_ledger::statement::Statement;
use rotation_ledger::sys::entropy;
use rotation_ledger::sys::world::World;
use rotation_ledger::text::Id;
use rotation_ledger::text::Line;
use rotation_ledger::text::Reference;
use rotation_ledger::time::Clock;
use rotation_ledger::time::Timestamp;

/// 2026-01-05T08:00:00Z.
const BEGIN: i64 = 1_767_600_000_000_000;
const ENTRIES_PER_ROTATION: u64 = 13;

/// A clock that moves by a millisecond whenever it is asked.
#[derive(Debug)]
pub(crate) struct Ticking(AtomicI64);

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.fetch_add(1_000, Ordering::Relaxed))
    }
}

/// Seeds of the actors' keys: Security Owner, Platform Owner, two Operators.
pub(crate) struct Cast {
    pub(crate) sam: SecretKey,
    pub(crate) pia: SecretKey,
    pub(crate) olga: SecretKey,
    pub(crate) otto: SecretKey,
}

pub(crate) fn cast() -> Cast {
    Cast {
        sam: SecretKey::from_seed(&[21; 32]),
        pia: SecretKey::from_seed(&[22; 32]),
        olga: SecretKey::from_seed(&[23; 32]),
        otto: SecretKey::from_seed(&[24; 32]),
    }
}

pub(crate) fn id(text: &str) -> Id {
    Id::new(text).unwrap()
}

pub(crate) fn line(text: &str) -> Line {
    Line::new(text).unwrap()
}

pub(crate) fn reference(text: &str) -> Reference {
    Reference::new(text).unwrap()
}

/// The real world with a clock that begins in January 2026.
pub(crate) fn world() -> World {
    World {
        clock: Arc::new(Ticking(AtomicI64::new(BEGIN))),
        ..World::system()
    }
}

pub(crate) fn place(folder: &Path) -> LedgerPlace {
    LedgerPlace::new(folder.join("ledger"), folder.join("state"))
}

/// Signs `event` as of the world's clock, with a new event id.
pub(crate) fn signed(
    world: &World,
    ledger: LedgerId,
    key: &SecretKey,
    event: impl Into<Event>,
) -> Submission {
    let now = world.clock.now();
    let statement = Statement {
        version: statement::VERSION,
        ledger,
        event_id: EventId::from_bytes(entropy::uuid_v7(now, &*world.entropy).unwrap()),
        occurred: now,
        author: key.public(),
        on_behalf_of: None,
        event: event.into(),
        attachments: Vec::new(),
    };
    Submission::new(statement.sign(key).unwrap(), Vec::new())
}

/// Creates a ledger with its actors and `secrets` registered secrets.
pub(crate) fn found(world: &World, folder: &Path, secrets: u64) -> (LedgerPlace, Writer) {
    let place = place(folder);
    let cast = cast();
    let founding = NewLedger {
        origin: Origin::new("ledger.example/bench").unwrap(),
        actor: id("sam"),
        name: line("Sam Security"),
        key: &cast.sam,
    };
    append::create(world, &place, &founding).unwrap();
    let mut writer = Writer::open(world, &place, Duration::from_secs(5)).unwrap();
    let ledger = writer.ledger();
    let mut batch = Vec::new();
    for (actor, key, role) in [
        ("pia", &cast.pia, Role::PlatformOwner),
        ("olga", &cast.olga, Role::Operator),
        ("otto", &cast.otto, Role::Operator),
    ] {
        let enrolled = ActorEnrolled {
            actor: id(actor),
            name: line(actor),
            kind: ActorKind::Human,
            roles: vec![role],
            key: key.public(),
            possession: key.prove_possession(),
        };
        batch.push(signed(world, ledger, &cast.sam, enrolled));
    }
    for n in 0..secrets {
        let registered = SecretRegistered {
            secret: secret_id(n),
            name: line(&format!("login number {n} of the orders database")),
            class: SecretClass::DatabaseCredential,
            environment: Environment::Prod,
            store: reference(&format!("vault:database/prod/orders-{n}")),
            owner: line("platform team"),
            consumers: vec![id("orders-api"), id("billing-worker")],
            max_age_days: None,
            dual_run: true,
            last_rotated: Some(Timestamp::from_micros(BEGIN)),
            version: Some(reference("v0")),
        };
        batch.push(signed(world, ledger, &cast.pia, registered));
    }
    submit(&mut writer, batch);
    (place, writer)
}

pub(crate) fn secret_id(n: u64) -> Id {
    id(&format!("db/orders-{n}"))
}

/// Appends in commits of 1,000, and insists on every receipt.
pub(crate) fn submit(writer: &mut Writer, batch: Vec<Submission>) {
    let mut batch = batch.into_iter().peekable();
    while batch.peek().is_some() {
        let part: Vec<_> = batch.by_ref().take(1_000).collect();
        let expected = part.len();
        let outcome = writer.append(part);
        assert!(outcome.refused.is_none(), "{:?}", outcome.refused);
        assert_eq!(outcome.receipts.len(), expected);
    }
}

/// The events of rotation `n` of its secret, in the SOP's order, each with its author.
pub(crate) fn rotation(
    cast: &Cast,
    n: u64,
    secrets: u64,
    at: Timestamp,
) -> Vec<(&SecretKey, Event)> {
    let rotation = id(&format!("rot-{n}"));
    let secret = secret_id(n % secrets);
    let (old, new) = (format!("v{}", n / secrets), format!("v{}", n / secrets + 1));
    let consumers = vec![id("orders-api"), id("billing-worker")];
    let r = || rotation.clone();
    vec![
        (
            &cast.olga,
            RotationOpened {
                rotation: r(),
                secret,
                environment: Environment::Prod,
                reason: Reason::Scheduled,
                consumers: consumers.clone(),
                last_rotated: None,
                old_version: Some(reference(&old)),
                incident: None,
                ticket: Some(reference("CHG-20931")),
            }
            .into(),
        ),
        (
            &cast.sam,
            RotationApproved {
                rotation: r(),
                window_start: None,
                window_end: None,
                no_window: Some(line("no downtime expected")),
            }
            .into(),
        ),
        (
            &cast.pia,
            PreconditionsConfirmed {
                rotation: r(),
                inventory: Some(reference("wiki/inventory")),
                rollback_plan: Some(reference("wiki/rollback")),
                maintenance_window: Some(line("not needed")),
                access_logging: Some(reference("vault/audit")),
            }
            .into(),
        ),
        (
            &cast.olga,
            ReplacementGenerated {
                rotation: r(),
                new_version: reference(&new),
                generator: reference("approved/openssl-rand"),
                store: reference("vault:database/prod/orders"),
                namespace: reference("database/prod"),
                parameters: None,
            }
            .into(),
        ),
        (
            &cast.olga,
            DualRunStarted {
                rotation: r(),
                consumers: consumers.clone(),
                planned_end: Some(at.plus_days(1)),
            }
            .into(),
        ),
        (
            &cast.olga,
            ReplacementValidated {
                rotation: r(),
                phase: Phase::PreCutover,
                version: reference(&new),
                result: TestResult::Pass,
                summary: line("login with the new credential works from both services"),
            }
            .into(),
        ),
        (
            &cast.olga,
            CutoverCompleted {
                rotation: r(),
                consumers: consumers.clone(),
                to_version: reference(&new),
            }
            .into(),
        ),
        (
            &cast.pia,
            HealthConfirmed {
                rotation: r(),
                services: consumers.clone(),
                healthy: true,
                summary: line("error rate and latency as before the cutover"),
            }
            .into(),
        ),
        (
            &cast.otto,
            SecretRevoked {
                rotation: r(),
                version: reference(&old),
                target: Which::Old,
                method: RevocationMethod::Revoke,
                effective: at,
                provider_event: None,
            }
            .into(),
        ),
        (
            &cast.otto,
            RevocationVerified {
                rotation: r(),
                version: reference(&old),
                test: NegativeTest::AuthRejected,
                tested_at: at,
                why: None,
                access_log: Some(reference("vault/audit")),
                access_from: None,
                access_to: None,
                hits: Some(0),
            }
            .into(),
        ),
        (
            &cast.otto,
            StepPerformed {
                rotation: r(),
                step: Step::Evidence,
                exit_code: 0,
                command: rotation_ledger::hash::Blake3Digest::of(b"rotate.sh"),
                duration_ms: 1_250,
            }
            .into(),
        ),
        (
            &cast.olga,
            RotationCompleted {
                rotation: r(),
                impacted_services: consumers,
                validation_summary: line("login with the new credential passed in 2 of 2 services"),
                revoke_confirmed: true,
                pack: None,
            }
            .into(),
        ),
        (
            &cast.sam,
            RotationConfirmed {
                rotation: r(),
                outcome: Outcome::Completed,
                note: None,
            }
            .into(),
        ),
    ]
}

/// Appends rotations until the ledger has at least `size` entries.
pub(crate) fn fill(world: &World, writer: &mut Writer, size: u64, secrets: u64) {
    rotate(world, writer, size, secrets, 0..);
}

/// Appends the rotations of these numbers until the ledger has at least `size` entries, or they end.
pub(crate) fn rotate(
    world: &World,
    writer: &mut Writer,
    size: u64,
    secrets: u64,
    numbers: impl Iterator<Item = u64>,
) {
    let cast = cast();
    let ledger = writer.ledger();
    let mut numbers = numbers.peekable();
    while writer.size() < size && numbers.peek().is_some() {
        let mut batch = Vec::new();
        while batch.len() < 1_000
            && writer.size() + (batch.len() as u64) < size
            && let Some(n) = numbers.next()
        {
            // The times in the events are those of the statements around them.
            for (step, (key, mut event)) in rotation(&cast, n, secrets, world.clock.now())
                .into_iter()
                .enumerate()
            {
                let now = world.clock.now();
                match &mut event {
                    Event::SecretRevoked(revoked) => revoked.effective = now,
                    Event::RevocationVerified(verified) => verified.tested_at = now,
                    _ => {}
                }
                debug_assert!((step as u64) < ENTRIES_PER_ROTATION);
                batch.push(signed(world, ledger, key, event));
            }
        }
        submit(writer, batch);
    }
}

/// What another system saw about a secret: an event of ordinary length that changes little.
pub(crate) fn observed(n: usize) -> Event {
    SourceObserved {
        source: line("vault audit device, prod cluster"),
        record: reference(&format!("request-{n:08}")),
        record_sha256: Sha256Digest::of(&n.to_le_bytes()),
        observed: line(
            "read of the version in use by orders-api from the address that the inventory names; \
             no read of a version that was revoked in the hour before",
        ),
        secret: Some(secret_id(n as u64 % 50)),
        rotation: None,
        version: Some(reference("v0")),
    }
    .into()
}
