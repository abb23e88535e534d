//! Ledgers told as stories: named people say things at stopped times, and everything they say is
//! signed, placed and kept in memory as the bytes that a store would hold.
//!
//! A [`Story`] takes events as drafts do, by name and JSON fields, so that a test reads like the
//! ledger it builds. A text `@N` stands for the present instant plus N minutes. A [`Script`] is a
//! whole rotation that can be changed line by line before it is played.

mod script;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::support::merkle::root_of;
use rotation_ledger::checkpoint;
use rotation_ledger::checkpoint::Checkpoint;
use rotation_ledger::checkpoint::CosignerKey;
use rotation_ledger::entry::Entry;
use rotation_ledger::event::Event;
use rotation_ledger::hash::Blake3Digest;
use rotation_ledger::hash::LeafHash;
use rotation_ledger::hash::LedgerId;
use rotation_ledger::hash::Link;
use rotation_ledger::hash::Sha256Digest;
use rotation_ledger::key::SecretKey;
use rotation_ledger::merkle::Tile;
use rotation_ledger::note::KeyName;
use rotation_ledger::note::NoteKey;
use rotation_ledger::pack::PackPart;
use rotation_ledger::register::Register;
use rotation_ledger::rule::Finding;
use rotation_ledger::rule::Rule;
use rotation_ledger::statement::Attachment;
use rotation_ledger::statement::EventId;
use rotation_ledger::statement::Statement;
use rotation_ledger::text::Id;
use rotation_ledger::time::Timestamp;
use rotation_ledger::trust::Trust;
use rotation_ledger::verify;
use rotation_ledger::verify::CheckpointKeeper;
use rotation_ledger::verify::LogPiece;
use rotation_ledger::verify::Observer;
use rotation_ledger::verify::Report;
use rotation_ledger::verify::StoredCheckpoint;
use rotation_ledger::verify::Surroundings;
use rotation_ledger::verify::TokenOnFile;
use rotation_ledger::verify::VerifiedBefore;
use rotation_ledger::verify::VerifyQuestion;
use serde_json::Value;
use serde_json::json;

pub use script::Script;
pub use script::merge;

/// The name in every checkpoint of a story.
pub const ORIGIN: &str = "ledger.example/prod-rotations";

/// Who is enrolled from the beginning: name, kind, roles. Sam creates the ledger.
const CAST: &[(&str, &str, &[&str])] = &[
    ("sue", "human", &["security_owner"]),
    ("pia", "human", &["platform_owner"]),
    ("olga", "human", &["operator"]),
    ("otto", "human", &["operator"]),
    ("ada", "human", &["auditor"]),
    ("robo", "service", &["operator"]),
];

/// What is registered from the beginning, one secret of each of the SOP's classes.
pub const SECRETS: &[(&str, &str, &[&str], bool)] = &[
    ("api/billing", "api_key", &["billing", "web"], true),
    (
        "db/orders",
        "database_credential",
        &["orders", "reports"],
        true,
    ),
    ("kms/records", "encryption_key", &["records"], true),
    ("sign/bundles", "signing_key", &["release"], false),
    ("vendor/mail", "third_party", &["notify"], false),
];

/// A ledger in memory, and the people who speak in it.
#[derive(Clone)]
pub struct Story {
    /// The stored bytes of its entries.
    pub entries: Vec<Vec<u8>>,
    /// The present.
    pub now: Timestamp,
    /// What the entries amount to so far, by the same fold that verifies.
    pub register: Register,
    /// Files that the next statement names.
    pub attach: Vec<Attachment>,
    /// Checkpoints held against the ledger besides those that are made of it.
    pub anchors: Vec<Vec<u8>>,
    /// The folder's checkpoint, where it is not the one that fits.
    pub checkpoint: Option<Vec<u8>>,
    /// The newest checkpoint that witnesses cosigned, in the folder.
    pub cosigned: Option<Vec<u8>>,
    /// Time tokens in the folder.
    pub stamps: Vec<TokenOnFile>,
    /// The trust file of the reader.
    pub trust: Option<String>,
    ledger: LedgerId,
    names: Vec<&'static str>,
}

/// The private key of somebody, enrolled or not.
pub fn key_of(who: &str) -> SecretKey {
    let mut seed = [0; 32];
    for (byte, letter) in seed.iter_mut().zip(who.bytes()) {
        *byte = letter;
    }
    SecretKey::from_seed(&seed)
}

/// The ledger's own key.
pub fn sealing_key() -> SecretKey {
    key_of("the seal of the ledger")
}

pub fn id(text: &str) -> Id {
    Id::new(text).unwrap()
}

pub fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// An event as a draft gives it.
pub fn event(name: &str, fields: &Value) -> Event {
    let fields: BTreeMap<String, Value> = fields
        .as_object()
        .expect("fields are an object")
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    Event::parse(name, fields).unwrap_or_else(|fault| panic!("{fault}"))
}

impl Story {
    /// A ledger of nothing, at 2026-01-05T09:00:00Z.
    pub fn empty() -> Self {
        Self {
            entries: Vec::new(),
            now: time("2026-01-05T09:00:00Z"),
            register: Register::default(),
            attach: Vec::new(),
            anchors: Vec::new(),
            checkpoint: None,
            cosigned: None,
            stamps: Vec::new(),
            trust: None,
            ledger: LedgerId::ZERO,
            names: Vec::new(),
        }
    }

    /// Sam creates the ledger.
    pub fn create(&mut self) -> u64 {
        let sam = key_of("sam");
        self.say(
            "sam",
            "ledger.created",
            json!({
                "origin": ORIGIN, "sealing_key": sealing_key().public(), "actor": "sam", "name": "Sam",
                "key": sam.public(), "possession": sam.prove_possession(),
            }),
        )
    }

    /// A ledger that Sam created, in which everybody is enrolled.
    pub fn founded() -> Self {
        let mut story = Self::empty();
        story.create();
        for (who, kind, roles) in CAST {
            story.enrol(who, kind, roles);
        }
        story
    }

    /// The same with a secret of each class in its inventory, all rotated on 2025-12-01.
    pub fn new() -> Self {
        let mut story = Self::founded();
        for (secret, class, consumers, dual_run) in SECRETS {
            story.register(
                secret,
                json!({ "class": class, "consumers": consumers, "dual_run": dual_run }),
            );
        }
        story
    }

    /// Sets the clock.
    pub fn at(&mut self, instant: &str) -> &mut Self {
        self.now = time(instant);
        self
    }

    /// Lets minutes pass.
    pub fn wait(&mut self, minutes: i64) -> &mut Self {
        self.now = self.minutes(minutes);
        self
    }

    /// Lets days pass.
    pub fn wait_days(&mut self, days: u32) -> &mut Self {
        self.now = self.now.plus_days(days);
        self
    }

    fn minutes(&self, minutes: i64) -> Timestamp {
        Timestamp::from_micros(self.now.micros() + minutes * 60_000_000)
    }

    /// Enrols somebody; Sam says it.
    pub fn enrol(&mut self, who: &str, kind: &str, roles: &[&str]) -> u64 {
        let fields = Self::enrolment(who, kind, roles);
        self.say("sam", "actor.enrolled", fields)
    }

    /// The fields by which somebody is enrolled.
    pub fn enrolment(who: &str, kind: &str, roles: &[&str]) -> Value {
        let key = key_of(who);
        json!({
            "actor": who, "name": who, "kind": kind, "roles": roles, "key": key.public(),
            "possession": key.prove_possession(),
        })
    }

    /// Registers a secret; Pia says it. `changes` replace what is said by default.
    pub fn register(&mut self, secret: &str, changes: Value) -> u64 {
        let mut fields = Self::registration(secret);
        merge(&mut fields, changes);
        self.say("pia", "secret.registered", fields)
    }

    /// The fields by which a secret is registered.
    pub fn registration(secret: &str) -> Value {
        json!({
            "secret": secret, "name": secret, "class": "database_credential", "environment": "prod",
            "store": "vault://prod", "owner": "platform", "consumers": ["orders", "reports"],
            "dual_run": true, "last_rotated": "2025-12-01T00:00:00Z", "version": "v1",
        })
    }

    /// Puts a file beside whatever is said next.
    pub fn attach_file(&mut self, bytes: &[u8], name: &str, media_type: &str) {
        self.attach.push(Attachment {
            blake3: Blake3Digest::of(bytes),
            sha256: Sha256Digest::of(bytes),
            length: bytes.len() as u64,
            media_type: id(media_type),
            name: name.parse().unwrap(),
        });
    }

    /// Says an entry that names a time token, and so is not older than it.
    pub fn name_token(&mut self, token: &[u8]) -> u64 {
        self.attach_file(token, "head.tsr", "application/timestamp-reply");
        let fields = json!({ "secret": "db/orders", "description": "a time token" });
        self.say("ada", "evidence.attached", fields)
    }

    /// Attaches the output of a login, and returns the entry that names it.
    pub fn attach_login(&mut self, output: &[u8]) -> u64 {
        self.attach_file(output, "login.txt", "text/plain");
        let fields = json!({ "secret": "db/orders", "description": "a login" });
        self.say("olga", "evidence.attached", fields)
    }

    /// Lets the ledger grow to so many entries.
    pub fn grow(&mut self, size: usize) {
        let link = Link::of(&self.entries[0]);
        while self.entries.len() < size {
            let fields = json!({ "entry": 0, "link": link, "note": "seen" });
            self.say("ada", "entry.annotated", fields);
        }
    }

    /// Says something that must be admitted, and returns the entry's sequence.
    pub fn say(&mut self, who: &str, name: &'static str, fields: Value) -> u64 {
        self.place(who, name, fields, false, |_| {}, |_| {})
    }

    /// Stores what no writer would have admitted.
    pub fn force(&mut self, who: &str, name: &'static str, fields: Value) -> u64 {
        self.place(who, name, fields, true, |_| {}, |_| {})
    }

    /// Says something after `change` had its way with the statement, before it is signed.
    pub fn say_changed(
        &mut self,
        who: &str,
        name: &'static str,
        fields: Value,
        change: impl FnOnce(&mut Statement),
    ) -> u64 {
        self.place(who, name, fields, true, change, |_| {})
    }

    /// Stores something after `change` had its way with the entry around the signed statement.
    pub fn say_misplaced(
        &mut self,
        who: &str,
        name: &'static str,
        fields: Value,
        change: impl FnOnce(&mut Entry),
    ) -> u64 {
        self.place(who, name, fields, true, |_| {}, change)
    }

    fn place(
        &mut self,
        who: &str,
        name: &'static str,
        mut fields: Value,
        force: bool,
        change_statement: impl FnOnce(&mut Statement),
        change_entry: impl FnOnce(&mut Entry),
    ) -> u64 {
        self.resolve(&mut fields);
        let sequence = self.entries.len() as u64;
        let event = event(name, &fields);
        let mut event_id = [0x77; 16];
        event_id[8..].copy_from_slice(&sequence.to_be_bytes());
        let key = key_of(who);
        let mut statement = Statement {
            version: 1,
            ledger: self.ledger,
            event_id: EventId::from_bytes(event_id),
            occurred: self.now,
            author: key.public(),
            // The one service of the cast acts for Olga.
            on_behalf_of: (who == "robo").then(|| id("olga")),
            event,
            attachments: std::mem::take(&mut self.attach),
        };
        change_statement(&mut statement);
        let event = &statement.event;
        let subject = self.register.subject(event);
        let thread = self.register.thread(subject.as_ref());
        let placed = self
            .register
            .place(&statement.recorded_as(sequence, self.now));
        if let Err(denial) = placed {
            assert!(force, "{name} by {who}: {denial}");
        }
        let signed = statement.sign(&key).unwrap();
        let mut entry = Entry::place(sequence, self.head(), thread, self.now, signed);
        change_entry(&mut entry);
        let bytes = entry.encode().unwrap();
        if sequence == 0 {
            self.ledger = LedgerId::from_genesis(Link::of(&bytes));
        }
        self.entries.push(bytes);
        self.names.push(name);
        self.wait(1);
        sequence
    }

    pub fn resolve(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                if let Some(minutes) = text.strip_prefix('@').and_then(|text| text.parse().ok()) {
                    *text = self.minutes(minutes).to_string();
                }
            }
            Value::Array(values) => values.iter_mut().for_each(|value| self.resolve(value)),
            Value::Object(fields) => fields.values_mut().for_each(|value| self.resolve(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// Plays a script; its lines are ten minutes apart.
    pub fn play(&mut self, script: Script) -> &mut Self {
        for line in script.0 {
            self.wait(line.after);
            self.say(line.who, line.event, line.fields);
        }
        self
    }

    /// The link of the last entry.
    pub fn head(&self) -> Link {
        self.entries
            .last()
            .map_or(Link::ZERO, |bytes| Link::of(bytes))
    }

    /// The ledger's id.
    pub fn ledger(&self) -> LedgerId {
        self.ledger
    }

    /// The sequence of the last event of this name.
    pub fn last(&self, name: &str) -> u64 {
        let place = self.names.iter().rposition(|said| *said == name);
        place.unwrap_or_else(|| panic!("nobody said {name}")) as u64
    }

    /// The sequence of the first event of this name.
    pub fn first(&self, name: &str) -> u64 {
        let place = self.names.iter().position(|said| *said == name);
        place.unwrap_or_else(|| panic!("nobody said {name}")) as u64
    }

    /// Changes a stored entry without its author.
    pub fn tamper(&mut self, sequence: u64, change: impl FnOnce(&mut Entry)) {
        let bytes = &mut self.entries[sequence as usize];
        let mut entry = Entry::decode(bytes).unwrap();
        change(&mut entry);
        *bytes = entry.encode().unwrap();
    }

    /// Links every entry anew to the one before, as somebody would who wants a change to hold.
    pub fn relink(&mut self) {
        let mut previous = Link::ZERO;
        for (sequence, bytes) in self.entries.iter_mut().enumerate() {
            let mut entry = Entry::decode(bytes).unwrap();
            entry.sequence = sequence as u64;
            entry.previous = previous;
            *bytes = entry.encode().unwrap();
            previous = Link::of(bytes);
        }
    }

    /// The leaf hashes of the entries.
    pub fn leaves(&self) -> Vec<LeafHash> {
        self.entries
            .iter()
            .map(|bytes| LeafHash::of(bytes))
            .collect()
    }

    /// A checkpoint of the first `size` entries, signed by `key`.
    pub fn checkpoint_of(&self, size: usize, key: &SecretKey) -> Vec<u8> {
        let stated = Checkpoint {
            origin: ORIGIN.to_owned(),
            size: size as u64,
            root: root_of(&self.leaves()[..size]),
        };
        checkpoint::sign(&stated, key).into_bytes()
    }

    /// The key that seals the ledger now.
    fn seal(&self) -> SecretKey {
        let now = self.register.charter.keyring.sealing_key();
        let known = ["the seal of the ledger", "next-sealing-key"].map(key_of);
        let found = known.into_iter().find(|key| now == Some(&key.public()));
        found.unwrap_or_else(sealing_key)
    }

    /// Verifies as of now, with the folder's checkpoint and an anchor that fit, and those given.
    pub fn verify(&self) -> Report {
        self.verify_as_of(self.now)
    }

    pub fn verify_as_of(&self, as_of: Timestamp) -> Report {
        self.verify_asked(VerifyQuestion::at(as_of))
    }

    /// Verifies as of now, with conformance and coverage asked for a part.
    pub fn verify_part(&self, part: PackPart) -> Report {
        self.verify_asked(VerifyQuestion {
            part,
            ..VerifyQuestion::at(self.now)
        })
    }

    /// Verifies as of now, as a reader who verified some of it before.
    pub fn verify_again(&self, seen: VerifiedBefore) -> Report {
        self.verify_asked(VerifyQuestion {
            verified: Some(seen),
            ..VerifyQuestion::at(self.now)
        })
    }

    fn verify_asked(&self, question: VerifyQuestion) -> Report {
        let fitting = self.checkpoint_of(self.entries.len(), &self.seal());
        let kept = |keeper, name: &str, bytes: Vec<u8>| StoredCheckpoint {
            keeper,
            name: name.to_owned(),
            bytes: Some(bytes),
        };
        let folder = self.checkpoint.clone().unwrap_or_else(|| fitting.clone());
        let mut all = vec![
            kept(CheckpointKeeper::Folder, "checkpoint", folder),
            kept(CheckpointKeeper::Anchor, "anchor", fitting),
        ];
        all.extend(
            self.anchors
                .iter()
                .map(|bytes| kept(CheckpointKeeper::Anchor, "other", bytes.clone())),
        );
        all.extend(
            self.cosigned
                .clone()
                .map(|bytes| kept(CheckpointKeeper::Cosigned, "cosigned", bytes)),
        );
        let trust = self.trust.as_ref();
        let question = VerifyQuestion {
            kept: all,
            stamps: self.stamps.clone(),
            keep_said: true,
            trust: trust.map(|file| Trust::parse(file.as_bytes()).unwrap()),
            ..question
        };
        let pieces = std::iter::once(LogPiece::Entries(self.entries.clone()));
        verify::fold(pieces, question, &mut Quiet).conclude(Surroundings::default())
    }

    /// What is held against the ledger now.
    pub fn found(&self) -> Vec<Finding> {
        self.verify().findings
    }

    /// The same by rule id and sequence.
    pub fn findings(&self) -> Vec<(&'static str, Option<u64>)> {
        self.found()
            .iter()
            .map(|finding| (finding.rule.id, finding.sequence))
            .collect()
    }

    /// The entries that one rule is held against.
    pub fn against(&self, rule: &Rule) -> Vec<Option<u64>> {
        let found = self.found();
        found
            .iter()
            .filter(|finding| finding.rule == rule)
            .map(|finding| finding.sequence)
            .collect()
    }

    /// The fields of an attestation of the inventory as it stands.
    pub fn attestation(&self) -> Value {
        json!({
            "as_of": "@0", "count": self.register.charter.active_secrets,
            "ids_sha256": self.register.population_digest(), "query": "vault kv list prod",
        })
    }
}

/// The line of a log in a trust file.
pub fn log_line(key: &SecretKey) -> String {
    let key = NoteKey::new(KeyName::new(ORIGIN).unwrap(), key.public()).unwrap();
    format!("log {key}\n")
}

/// The line of the witness of this name in a trust file.
pub fn witness_line(name: &str) -> String {
    let origin = KeyName::new(format!("{name}.example")).unwrap();
    let key = CosignerKey::new(origin, key_of(name).public()).unwrap();
    format!("witness {name} {key}\n")
}

/// A checkpoint with the line of the witness of this name under it, as of the time `at`.
pub fn cosigned_by(name: &str, note: &[u8], at: Timestamp) -> Vec<u8> {
    let note = std::str::from_utf8(note).unwrap();
    let (text, _) = note.split_once("\n\n").unwrap();
    let origin = KeyName::new(format!("{name}.example")).unwrap();
    let time = u64::try_from(at.micros() / 1_000_000).unwrap();
    let line = checkpoint::cosign(&format!("{text}\n"), time, &origin, &key_of(name));
    format!("{note}{line}").into_bytes()
}

/// Looks at nothing around the entries.
pub struct Quiet;

impl Observer for Quiet {
    fn tile(&mut self, _tile: &Tile, _first: u64, _end: u64) {}
    fn attachment(&mut self, _sequence: u64, _attachment: &Attachment) {}
    fn entry(&mut self, _sequence: u64, _link: Link) {}
    fn progress(&mut self, _done: u64) {}
    fn interrupted(&self) -> bool {
        false
    }
}

/// So many hours.
pub const fn hours(hours: u64) -> Duration {
    Duration::from_secs(hours * 3_600)
}
