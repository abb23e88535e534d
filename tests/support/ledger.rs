//! A ledger with a clock that stands still, random bytes that repeat, and three people in it.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use rotation_ledger::append::AppendError;
use rotation_ledger::append::BatchOutcome;
use rotation_ledger::append::NewLedger;
use rotation_ledger::append::Receipt;
use rotation_ledger::append::Submission;
use rotation_ledger::append::Writer;
use rotation_ledger::append::create;
use rotation_ledger::append::draft::Draft;
use rotation_ledger::hash::LedgerId;
use rotation_ledger::key::SecretKey;
use rotation_ledger::ledger::LedgerPlace;
use rotation_ledger::note::Origin;
use rotation_ledger::store::engine::{FolderEngine, read_bundle};
use rotation_ledger::store::log::Log;
use rotation_ledger::sys::entropy::CountingEntropy;
use rotation_ledger::sys::world::World;
use rotation_ledger::text::Id;
use rotation_ledger::text::Line;
use rotation_ledger::time::Clock;
use rotation_ledger::time::Timestamp;
use serde_json::Value;
use serde_json::json;

use super::sim_disk::SimDisk;

pub const NOW: &str = "2026-11-23T09:00:00Z";
pub const WAIT: Duration = Duration::from_millis(200);

/// A clock that moves when it is told to.
#[derive(Debug)]
pub struct Hand(Mutex<Timestamp>);

impl Hand {
    pub fn set(&self, text: &str) {
        *self.0.lock().unwrap() = text.parse().unwrap();
    }
}

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

pub struct House {
    pub root: tempfile::TempDir,
    pub world: World,
    pub place: LedgerPlace,
    pub clock: Arc<Hand>,
    pub owner: SecretKey,
    pub platform: SecretKey,
    pub operator: SecretKey,
}

pub fn id(text: &str) -> Id {
    Id::new(text).unwrap()
}

impl House {
    /// Nothing created yet.
    pub fn empty() -> Self {
        let root = tempfile::tempdir().unwrap();
        let clock = Arc::new(Hand(Mutex::new(NOW.parse().unwrap())));
        let place = LedgerPlace::new(root.path().join("ledger"), root.path().join("state"));
        Self {
            world: World {
                clock: clock.clone(),
                entropy: Arc::new(CountingEntropy::new(1)),
                ..World::system()
            },
            place,
            clock,
            owner: SecretKey::from_seed(&[1; 32]),
            platform: SecretKey::from_seed(&[2; 32]),
            operator: SecretKey::from_seed(&[3; 32]),
            root,
        }
    }

    /// Entry 0 alone.
    pub fn created() -> Self {
        let house = Self::empty();
        house.create().unwrap();
        house
    }

    /// Entries 0 to 3: created, a Platform Owner, an Operator, one secret.
    pub fn furnished() -> Self {
        let house = Self::created();
        let mut writer = house.open();
        house.furnish(&mut writer);
        writer.close();
        house
    }

    /// The same, its files on a simulated disk; its lock, keys and index lie on the real one.
    pub fn simulated() -> (Self, SimDisk) {
        let mut house = Self::empty();
        let disk = SimDisk::new();
        for folder in [&house.place.dir, &house.place.state] {
            std::fs::create_dir_all(folder).unwrap();
            disk.make_folder(folder);
        }
        house.world.disk = Arc::new(disk.clone());
        house.create().unwrap();
        let mut writer = house.open();
        house.furnish(&mut writer);
        writer.close();
        (house, disk)
    }

    pub fn furnish(&self, writer: &mut Writer) {
        let ledger = writer.ledger();
        let batch = vec![
            self.enrol(ledger, "pat", "platform_owner", &self.platform),
            self.enrol(ledger, "olga", "operator", &self.operator),
            self.sign(ledger, &self.platform, secret("db/orders")),
        ];
        receipts(writer.append(batch));
    }

    pub fn create(&self) -> Result<Receipt, AppendError> {
        let founding = NewLedger {
            origin: Origin::new("ledger.example/test").unwrap(),
            actor: id("ann"),
            name: Line::new("Ann Owner").unwrap(),
            key: &self.owner,
        };
        create(&self.world, &self.place, &founding)
    }

    pub fn try_open(&self) -> Result<Writer, AppendError> {
        Writer::open(&self.world, &self.place, WAIT)
    }

    pub fn open(&self) -> Writer {
        self.try_open().unwrap()
    }

    /// The bytes of all entries, of bundles and tail.
    pub fn stored(&self) -> Vec<Vec<u8>> {
        let disk = self.world.disk.clone();
        let (log, _) = Log::open(disk.clone(), &self.place.dir).unwrap();
        let folder = FolderEngine::new(disk, &self.place.dir);
        let bundles = (0..log.base() / 256).flat_map(|n| read_bundle(&folder, n).unwrap());
        bundles.chain(log.tail().map(<[u8]>::to_vec)).collect()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.place.dir.join(name)
    }

    pub fn sign(&self, ledger: LedgerId, key: &SecretKey, draft: Value) -> Submission {
        self.sign_with(ledger, key, draft, &[])
    }

    pub fn sign_with(
        &self,
        ledger: LedgerId,
        key: &SecretKey,
        draft: Value,
        files: &[&[u8]],
    ) -> Submission {
        let draft = Draft::from_json(&draft.to_string()).unwrap();
        let named = |bytes: &&[u8]| {
            (
                Line::new("run.log").unwrap(),
                id("text/plain"),
                bytes.to_vec(),
            )
        };
        let files = files.iter().map(named).collect();
        draft.sign(ledger, key, &self.world, files, &[]).unwrap()
    }

    pub fn enrol(&self, ledger: LedgerId, actor: &str, role: &str, key: &SecretKey) -> Submission {
        let draft = json!({
            "event": "actor.enrolled", "actor": actor, "name": format!("{actor} by name"), "kind": "human",
            "roles": [role], "key": key.public(), "possession": key.prove_possession(),
        });
        self.sign(ledger, &self.owner, draft)
    }

    /// Entry `n` of any number: something an Operator saw.
    pub fn seen(&self, ledger: LedgerId, n: usize) -> Submission {
        self.sign(ledger, &self.operator, seen(n))
    }
}

pub fn seen(n: usize) -> Value {
    json!({
        "event": "source.observed", "source": "vault audit log", "record": format!("record-{n}"),
        "record_sha256": "00".repeat(32), "observed": format!("version read by service {n}"), "secret": "db/orders",
    })
}

pub fn secret(secret: &str) -> Value {
    json!({
        "event": "secret.registered", "secret": secret, "name": "orders database writer",
        "class": "database_credential", "environment": "prod", "store": "vault:kv/orders", "owner": "team orders",
        "consumers": ["api"], "dual_run": true, "last_rotated": "2026-10-01T00:00:00Z",
    })
}

pub fn opened(rotation: &str) -> Value {
    json!({
        "event": "rotation.opened", "rotation": rotation, "secret": "db/orders", "environment": "prod",
        "reason": "scheduled", "consumers": ["api"], "last_rotated": "2026-10-01T00:00:00Z",
    })
}

/// The receipts of a batch of which nothing was refused.
pub fn receipts(outcome: BatchOutcome) -> Vec<Receipt> {
    if let Some(fault) = outcome.refused {
        panic!("refused: {fault}");
    }
    outcome.receipts
}

/// Why a batch was stopped.
pub fn refusal(outcome: BatchOutcome) -> AppendError {
    outcome.refused.expect("nothing was refused")
}

/// Copies a folder and everything below it.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for found in std::fs::read_dir(from).unwrap() {
        let found = found.unwrap();
        let target = to.join(found.file_name());
        if found.file_type().unwrap().is_dir() {
            copy(&found.path(), &target);
        } else {
            std::fs::copy(found.path(), target).unwrap();
        }
    }
}
