//! A witness answers as C2SP tlog-witness says, remembers before it answers, and never goes back.

use crate::support::log;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::support::log::log_vkey;
use crate::support::log::note;
use crate::support::log::origin;
use crate::support::log::proof;
use crate::support::log::request;
use crate::support::log::request_with;
use crate::support::sim_disk::Cut;
use crate::support::sim_disk::Fault;
use crate::support::sim_disk::SimDisk;
use rotation_ledger::checkpoint;
use rotation_ledger::checkpoint::Checkpoint;
use rotation_ledger::checkpoint::CosignerKey;
use rotation_ledger::checkpoint::cosign;
use rotation_ledger::entry::Entry;
use rotation_ledger::event::{
    ActorEnrolled, ActorKind, Event, Role, SealingKeyRecovered, SealingKeyReplaced,
};
use rotation_ledger::hash::LeafHash;
use rotation_ledger::hash::LedgerId;
use rotation_ledger::hash::Link;
use rotation_ledger::hash::NodeHash;
use rotation_ledger::key::SecretKey;
use rotation_ledger::key::Signature;
use rotation_ledger::merkle::InclusionProof;
use rotation_ledger::note::KeyName;
use rotation_ledger::note::NoteKey;
use rotation_ledger::note::SignedNote;
use rotation_ledger::proof::{SealSuccession, SuccessionEntry, TlogProof};
use rotation_ledger::statement::EventId;
use rotation_ledger::statement::Statement;
use rotation_ledger::sys::disk::Disk;
use rotation_ledger::sys::world::World;
use rotation_ledger::text::{Id, Line};
use rotation_ledger::time::StoppedClock;
use rotation_ledger::time::Timestamp;
use rotation_ledger::trust::{Trust, WitnessFault};
use rotation_ledger::verify::{Conclusion, ReceiptReport};
use rotation_ledger::witness::AddCheckpoint;
use rotation_ledger::witness::Contradiction;
use rotation_ledger::witness::CosignRefusal;
use rotation_ledger::witness::FollowFrom;
use rotation_ledger::witness::FollowedKey;
use rotation_ledger::witness::Witness;
use rotation_ledger::witness::WitnessAnswer;
use rotation_ledger::witness::WitnessError;
use rotation_ledger::witness::name_of;
use serde_json::Value;

const WAIT: Duration = Duration::from_secs(20);
/// The time of witness a's cosignature in the vectors.
const TIME: i64 = 1_767_225_600;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../vectors/tlog.json")).unwrap()
}

fn world_at(seconds: i64) -> World {
    World {
        clock: Arc::new(StoppedClock(Timestamp::from_micros(seconds * 1_000_000))),
        ..World::system()
    }
}

fn key() -> SecretKey {
    SecretKey::from_seed(&[0x22; 32])
}

fn name() -> KeyName {
    KeyName::new("witness.example/a").unwrap()
}

struct Bench {
    folder: tempfile::TempDir,
    witness: Witness,
}

impl Bench {
    /// A witness that follows the log and has cosigned `size`, if it is not 0.
    fn at(size: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let witness = Witness::create(world_at(TIME), folder.path(), name(), key()).unwrap();
        witness
            .add_log(&log_vkey(), &FollowFrom::New, WAIT)
            .unwrap();
        let bench = Self { folder, witness };
        if size > 0 {
            bench.ask(&request(0, size)).outcome.unwrap();
        }
        bench
    }

    fn ask(&self, body: &[u8]) -> WitnessAnswer {
        self.witness.add_checkpoint(body, WAIT).unwrap()
    }

    fn refusal(&self, body: &[u8]) -> CosignRefusal {
        self.ask(body).outcome.unwrap_err()
    }

    fn size(&self) -> u64 {
        let followed = self.witness.logs().unwrap().remove(0);
        followed
            .last
            .unwrap()
            .map_or(0, |(checkpoint, _)| checkpoint.size)
    }

    fn state(&self) -> std::path::PathBuf {
        self.folder.path().join("state").join(name_of(log::ORIGIN))
    }

    fn evidence(&self) -> Vec<String> {
        let listed = fs::read_dir(self.folder.path().join("evidence")).unwrap();
        let mut names: Vec<_> = listed
            .map(|found| found.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

#[test]
fn the_request_of_the_vectors_is_answered_byte_for_byte() {
    let vectors = vectors();
    let body = vectors["witness_add_checkpoint_33_to_70"].as_str().unwrap();
    let parsed = AddCheckpoint::parse(body.as_bytes()).unwrap();
    assert_eq!(parsed.format(), body);
    assert_eq!(
        body.as_bytes(),
        request(33, 70),
        "this log is that of the vectors"
    );

    let bench = Bench::at(33);
    assert_eq!(
        bench.witness.cosigner().to_string(),
        vectors["keys"]["w1_vkey"]
    );
    let (checkpoint, line) = bench.ask(body.as_bytes()).outcome.unwrap();
    assert_eq!(checkpoint.size, 70);
    let whole = vectors["checkpoint_70_cosigned"].as_str().unwrap();
    assert!(whole.contains(&line), "{line}");
    // Without the line of witness b it is what this witness now shows.
    let latest = bench
        .witness
        .latest(&name_of(log::ORIGIN))
        .unwrap()
        .unwrap();
    let lines: Vec<_> = whole
        .lines()
        .filter(|line| !line.contains("witness.example/b"))
        .collect();
    assert_eq!(latest.trim_end(), lines.join("\n"));
}

#[test]
fn cosignatures_of_the_vectors_hold_and_every_flipped_bit_does_not() {
    let vectors = vectors();
    let whole = vectors["checkpoint_70_cosigned"].as_str().unwrap();
    let note = SignedNote::parse(whole.as_bytes()).unwrap();
    for (which, time) in [("w1_vkey", 1_767_225_600), ("w2_vkey", 1_767_225_605)] {
        let text = vectors["keys"][which].as_str().unwrap();
        let witness: CosignerKey = text.parse().unwrap();
        assert_eq!(witness.to_string(), text);
        assert_eq!(witness.cosigned(&note), Ok(Some(time)));
        // A log's key is no witness's, and the reverse.
        assert!(text.parse::<NoteKey>().is_err());
    }
    assert!(log_vkey().to_string().parse::<CosignerKey>().is_err());
    let witness: CosignerKey = vectors["keys"]["w1_vkey"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    for bit in 0..whole.len() * 8 {
        let mut bytes = whole.as_bytes().to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let Ok(note) = SignedNote::parse(&bytes) else {
            continue;
        };
        let same_line = note.text() == SignedNote::parse(whole.as_bytes()).unwrap().text()
            && String::from_utf8_lossy(&bytes).contains(whole.lines().nth(5).unwrap());
        if !same_line {
            assert!(!matches!(witness.cosigned(&note), Ok(Some(_))), "bit {bit}");
        }
    }
}

#[test]
fn a_cosignature_of_no_time_or_of_one_out_of_range_does_not_hold() {
    let vectors = vectors();
    let note = SignedNote::parse(
        vectors["checkpoint_70_cosigned"]
            .as_str()
            .unwrap()
            .as_bytes(),
    );
    let text = note.unwrap().text().to_owned();
    let key = SecretKey::from_seed(&[9; 32]);
    let name = KeyName::new("witness.example/odd").unwrap();
    let witness = CosignerKey::new(name.clone(), key.public()).unwrap();
    for (time, holds) in [
        (0, false),
        (1, true),
        (i64::MAX as u64, true),
        (i64::MAX as u64 + 1, false),
        (u64::MAX, false),
    ] {
        let line = cosign(&text, time, &name, &key);
        let note = SignedNote::parse(format!("{text}\n{line}").as_bytes()).unwrap();
        let wanted = holds.then_some(Some(time));
        assert_eq!(witness.cosigned(&note).ok(), wanted, "{time}");
    }
}

#[test]
fn first_contact_later_contact_and_the_same_again_are_cosigned() {
    let bench = Bench::at(0);
    for (old, new) in [
        (0, 0),
        (0, 1),
        (1, 1),
        (1, 40),
        (40, 64),
        (64, 70),
        (70, 70),
    ] {
        let (checkpoint, line) = bench.ask(&request(old, new)).outcome.unwrap();
        assert_eq!(checkpoint, log::checkpoint(new, false), "{old} to {new}");
        assert!(line.starts_with("\u{2014} witness.example/a "), "{line}");
        assert_eq!(bench.size(), new as u64);
        let shown = bench
            .witness
            .latest(&name_of(log::ORIGIN))
            .unwrap()
            .unwrap();
        assert_eq!(shown, format!("{}{line}", note(new, false)));
    }
    assert_eq!(bench.evidence(), [""; 0]);
}

#[test]
fn every_refusal_has_its_status_and_changes_nothing() {
    let bench = Bench::at(33);
    let stranger = SecretKey::from_seed(&[9; 32]);
    let other = Checkpoint {
        origin: "other.example".to_owned(),
        ..log::checkpoint(70, false)
    };
    let mut flipped = proof(33, 70, false);
    flipped[1] = NodeHash::from_bytes([7; 32]);
    let mut longer = proof(33, 70, false);
    longer.push(NodeHash::from_bytes([7; 32]));
    let mut shorter = proof(33, 70, false);
    shorter.pop();
    // The log's own line does not hold, whatever else is signed.
    let broken = note(70, false).replacen("\n70\n", "\n69\n", 1);
    let empty_tree = Checkpoint {
        root: NodeHash::from_bytes([7; 32]),
        ..log::checkpoint(0, false)
    };
    let forged_empty = checkpoint::sign(&empty_tree, &log::log_key());
    let cases = [
        (
            "origin",
            404,
            request_with(
                33,
                &checkpoint::sign(&other, &log::log_key()),
                proof(33, 70, false),
            ),
        ),
        (
            "signer",
            403,
            request_with(
                33,
                &checkpoint::sign(&log::checkpoint(70, false), &stranger),
                proof(33, 70, false),
            ),
        ),
        (
            "signature",
            403,
            request_with(33, &broken, proof(33, 70, false)),
        ),
        (
            "old beyond new",
            400,
            request_with(71, &note(70, false), vec![]),
        ),
        (
            "old beyond an empty tree",
            400,
            request_with(33, &forged_empty, vec![]),
        ),
        ("old too small", 409, request(32, 70)),
        ("old zero", 409, request(0, 70)),
        ("old too large", 409, request(34, 70)),
        (
            "proof flipped",
            422,
            request_with(33, &note(70, false), flipped),
        ),
        (
            "proof longer",
            422,
            request_with(33, &note(70, false), longer),
        ),
        (
            "proof shorter",
            422,
            request_with(33, &note(70, false), shorter),
        ),
        (
            "proof missing",
            422,
            request_with(33, &note(70, false), vec![]),
        ),
        (
            "proof of nothing",
            422,
            request_with(33, &note(33, false), proof(33, 70, false)),
        ),
        ("malformed", 400, b"old 33\n".to_vec()),
        (
            "no checkpoint",
            400,
            request_with(
                33,
                &note(70, false).replacen("\n70\n", "\n070\n", 1),
                vec![],
            ),
        ),
    ];
    let before = fs::read(bench.state()).unwrap();
    for (what, status, body) in cases {
        let refusal = bench.refusal(&body);
        // A number in two forms is seen only behind a signature that holds.
        let status = if what == "no checkpoint" { 403 } else { status };
        assert_eq!(refusal.status(), status, "{what}: {refusal}");
        assert_eq!(fs::read(bench.state()).unwrap(), before, "{what}");
    }
    assert_eq!(
        bench.refusal(&request(0, 70)),
        CosignRefusal::Conflict { known: 33, old: 0 }
    );

    let fresh = Bench::at(0);
    let from_nothing = request_with(0, &note(70, false), proof(33, 70, false));
    for (body, expected) in [
        (from_nothing, Contradiction::ProofFromNothing),
        (
            request_with(0, &forged_empty, vec![]),
            Contradiction::EmptyTree,
        ),
    ] {
        assert_eq!(fresh.refusal(&body), CosignRefusal::Contradiction(expected));
    }
    assert_eq!(fresh.size(), 0);
}

#[test]
fn signed_text_that_is_no_checkpoint_is_malformed() {
    let bench = Bench::at(0);
    let good = log::checkpoint(70, false).format();
    for text in [
        good.replacen("\n70\n", "\n070\n", 1),
        good.replacen("\n70\n", "\n+70\n", 1),
        good.replacen("=\n", "\n", 1),
        format!("{}\n70\n", log::ORIGIN),
        good.replacen("\n70\n", "\n\n70\n", 1),
    ] {
        let signed = rotation_ledger::note::sign(&text, &origin(), &log::log_key()).unwrap();
        let refusal = bench.refusal(format!("old 0\n\n{signed}").as_bytes());
        assert_eq!(refusal.status(), 400, "{text:?}: {refusal}");
    }
    assert_eq!(bench.size(), 0);
}

#[test]
fn lines_of_others_are_ignored_and_not_passed_on() {
    let bench = Bench::at(0);
    let stranger = SecretKey::from_seed(&[9; 32]);
    let text = log::checkpoint(5, false).format();
    let noise =
        rotation_ledger::note::sign(&text, &KeyName::new("noise.example").unwrap(), &stranger)
            .unwrap();
    let noise = noise.lines().last().unwrap();
    let signed = format!("{}{noise}\n", note(5, false));
    let (_, line) = bench
        .ask(&request_with(0, &signed, vec![]))
        .outcome
        .unwrap();
    let shown = bench
        .witness
        .latest(&name_of(log::ORIGIN))
        .unwrap()
        .unwrap();
    assert_eq!(shown, format!("{}{line}", note(5, false)));
}

#[test]
fn a_fork_is_refused_and_its_evidence_kept() {
    let bench = Bench::at(64);
    // The same size with another root, whatever the request says about the old one.
    for (old, status) in [(64, 422), (40, 409)] {
        let body = request_with(old, &note(64, true), proof(old, 64, true));
        let answer = bench.ask(&body);
        assert_eq!(answer.outcome.unwrap_err().status(), status);
        let kept = answer.kept.unwrap();
        assert_eq!(fs::read(&kept).unwrap(), body);
        let known = fs::read_to_string(kept.with_extension("known")).unwrap();
        assert!(known.starts_with(&note(64, false)), "{known}");
    }
    // Grown since the fork: no proof can lead from what was cosigned.
    let answer = bench.ask(&request_with(64, &note(70, true), proof(64, 70, true)));
    assert_eq!(
        answer.outcome.unwrap_err(),
        CosignRefusal::Contradiction(Contradiction::NotConsistent { old: 64, new: 70 })
    );
    let names = bench.evidence();
    let count = |kind: &str| names.iter().filter(|name| name.starts_with(kind)).count();
    assert_eq!((count("fork-"), count("unproven-")), (4, 2), "{names:?}");
    assert_eq!(bench.size(), 64);
    // The honest log goes on as if nothing had been.
    bench.ask(&request(64, 70)).outcome.unwrap();
}

#[test]
fn evidence_is_bounded_and_what_anybody_can_send_does_not_crowd_out_a_fork() {
    let bench = Bench::at(33);
    for i in 0..40 {
        let junk = vec![NodeHash::from_bytes([i; 32])];
        bench.refusal(&request_with(33, &note(70, false), junk));
    }
    assert_eq!(bench.evidence().len(), 2 * 16);
    // The same again is kept once.
    let bench = Bench::at(64);
    let body = request_with(64, &note(64, true), vec![]);
    bench.refusal(&body);
    bench.refusal(&body);
    assert_eq!(bench.evidence().len(), 2);
}

#[test]
fn a_state_that_is_torn_or_missing_is_never_a_first_contact() {
    let bench = Bench::at(33);
    let whole = fs::read(bench.state()).unwrap();
    let lost = |what: &str| {
        let fault = bench
            .witness
            .add_checkpoint(&request(0, 70), WAIT)
            .unwrap_err();
        assert!(
            matches!(fault, WitnessError::StateLost { .. }),
            "{what}: {fault}"
        );
        assert!(matches!(
            bench.witness.latest(&name_of(log::ORIGIN)),
            Err(WitnessError::StateLost { .. })
        ));
        let again = bench
            .witness
            .add_log(&log_vkey(), &FollowFrom::New, WAIT)
            .unwrap_err();
        assert!(matches!(again, WitnessError::Followed(_)), "{again}");
    };
    for end in 0..whole.len() {
        fs::write(bench.state(), &whole[..end]).unwrap();
        lost(&format!("the first {end} bytes"));
    }
    for foreign in [
        note(70, false),
        format!("{}x", String::from_utf8_lossy(&whole)),
    ] {
        fs::write(bench.state(), foreign).unwrap();
        lost("somebody else's file");
    }
    fs::remove_file(bench.state()).unwrap();
    lost("no file");

    // The way back: from a checkpoint that it has cosigned, or by giving up what it stood for.
    let uncosigned = FollowFrom::From(note(33, false).into_bytes());
    let fault = bench
        .witness
        .add_log(&log_vkey(), &uncosigned, WAIT)
        .unwrap_err();
    assert!(matches!(fault, WitnessError::Beginning(_)), "{fault}");
    let kept = FollowFrom::From(whole.clone());
    bench.witness.add_log(&log_vkey(), &kept, WAIT).unwrap();
    assert_eq!(bench.size(), 33);
    bench.ask(&request(33, 70)).outcome.unwrap();
    let fault = bench.witness.add_log(&log_vkey(), &kept, WAIT).unwrap_err();
    assert!(
        fault.to_string().contains("size 70 was cosigned since"),
        "{fault}"
    );
    bench
        .witness
        .add_log(&log_vkey(), &FollowFrom::Forget, WAIT)
        .unwrap();
    assert_eq!(bench.size(), 0);
}

/// Whatever other people call their logs and witnesses, as far as C2SP goes, and no name leads out of
/// the folder.
#[test]
fn logs_and_witnesses_of_any_name_are_followed_and_believed() {
    for odd in [
        "PeterNeumann",
        "log:2026_A~b@c=d#e",
        "\u{434}\u{43d}\u{435}\u{432}\u{43d}\u{438}\u{43a}.example/\u{e9}",
        "a.example/%2F?x&y,z;(!)*'\"|<>",
        "../../../escape",
        "/etc/escape",
        &"long".repeat(500),
    ] {
        let origin = KeyName::new(odd).unwrap();
        let cosigner = KeyName::new(format!("{odd}/witness")).unwrap();
        let log_key = SecretKey::from_seed(&[0x44; 32]);
        let log: NoteKey = NoteKey::of(origin.clone(), &log_key)
            .to_string()
            .parse()
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("deep/down/witness");
        fs::create_dir_all(&dir).unwrap();
        let witness = Witness::create(world_at(TIME), &dir, cosigner, key()).unwrap();
        witness.add_log(&log, &FollowFrom::New, WAIT).unwrap();
        let stated = Checkpoint {
            origin: origin.to_string(),
            ..log::checkpoint(40, false)
        };
        let signed = checkpoint::sign(&stated, &log_key);
        let answer = witness
            .add_checkpoint(&request_with(0, &signed, vec![]), WAIT)
            .unwrap();
        let (_, line) = answer.outcome.unwrap();
        // The next one opens the folder anew: what is written down reads back.
        let witness = Witness::open(world_at(TIME), &dir, key()).unwrap();
        assert_eq!(
            witness.logs().unwrap()[0]
                .last
                .as_ref()
                .unwrap()
                .as_ref()
                .unwrap()
                .0,
            stated
        );
        assert!(
            witness
                .latest(&name_of(origin.as_str()))
                .unwrap()
                .unwrap()
                .ends_with(&line)
        );
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(fs::read_dir(dir.join("state")).unwrap().count(), 1);
        let policy = format!("log {log}\nwitness w {}\nquorum w\n", witness.cosigner());
        let trust = Trust::parse(policy.as_bytes()).unwrap();
        let judged = trust
            .judge(format!("{signed}{line}").as_bytes(), TIME as u64)
            .unwrap();
        assert!(judged.seen.quorum, "{odd}");
    }
}

/// A witness, an auditor and a reader of notes each say which key was there and which was expected.
#[test]
fn another_key_under_a_known_name_is_named_beside_the_one_expected() {
    let bench = Bench::at(0);
    let other = SecretKey::from_seed(&[0x55; 32]);
    let found = hex::encode(NoteKey::of(origin(), &other).id());
    let expected = hex::encode(log_vkey().id());
    let signed = checkpoint::sign(&log::checkpoint(40, false), &other);
    let refusal = bench.refusal(&request_with(0, &signed, vec![]));
    assert_eq!(refusal.status(), 403);
    let said = format!("signed with key id {found}, and {expected} is trusted");
    assert!(refusal.to_string().ends_with(&said), "{refusal}");

    // The auditor knows an older key of the witness.
    let older = CosignerKey::new(name(), other.public()).unwrap();
    let policy = format!("log {}\nwitness w {older}\nquorum w\n", log_vkey());
    let trust = Trust::parse(policy.as_bytes()).unwrap();
    let (_, line) = bench.ask(&request(0, 40)).outcome.unwrap();
    let cosigned = format!("{}{line}", note(40, false));
    let judged = trust.judge(cosigned.as_bytes(), TIME as u64).unwrap();
    assert!(!judged.seen.quorum);
    let (_, WitnessFault::OtherKey(other)) = &judged.seen.faults[0] else {
        panic!("{judged:?}");
    };
    let ids = (&other.found[..], &other.trusted[..]);
    assert_eq!(
        ids,
        (&[bench.witness.cosigner().id()][..], &[older.id()][..])
    );
}

/// The entry in which `old` names `new` as the sealing key after it.
fn handing_on(old: &SecretKey, new: &SecretKey, possession: Signature) -> Vec<u8> {
    let replaced = SealingKeyReplaced {
        key: new.public(),
        possession,
        reason: Line::new("on schedule").unwrap(),
    };
    let now = Timestamp::from_micros(TIME * 1_000_000);
    let statement = Statement {
        version: 1,
        ledger: LedgerId::from_bytes([7; 32]),
        event_id: EventId::from_bytes([8; 16]),
        occurred: now,
        author: old.public(),
        on_behalf_of: None,
        event: replaced.into(),
        attachments: vec![],
    };
    let signed = statement.sign(old).unwrap();
    Entry::place(9, Link::ZERO, 0, now, signed)
        .encode()
        .unwrap()
}

#[test]
fn a_key_is_followed_to_the_one_that_it_names_and_to_no_other() {
    let keys: Vec<_> = (0x60..0x64)
        .map(|n| SecretKey::from_seed(&[n; 32]))
        .collect();
    let own = |key: &SecretKey| key.prove_possession();
    let hand = |old: &SecretKey, new: &SecretKey| handing_on(old, new, own(new));
    let told = |bench: &Bench, entries: Vec<Vec<u8>>| {
        let body = SealSuccession {
            origin: origin(),
            entries: entries.into_iter().map(SuccessionEntry::plain).collect(),
        }
        .format();
        bench.witness.add_successor(body.as_bytes(), WAIT).unwrap()
    };
    let vkey = |key: &SecretKey| NoteKey::of(origin(), key);
    let by = |key: &SecretKey, size| checkpoint::sign(&log::checkpoint(size, false), key);

    let bench = Bench::at(33);
    let mut forged = hand(&log::log_key(), &keys[1]);
    let last = forged.len() - 1;
    forged[last] ^= 1;
    for refused in [
        // Named by a key that is not followed, by nobody, or one that does not want to be named.
        hand(&keys[0], &keys[1]),
        forged,
        handing_on(&log::log_key(), &keys[1], own(&keys[2])),
        b"no entry".to_vec(),
    ] {
        assert_eq!(
            told(&bench, vec![refused]),
            Err(CosignRefusal::NoSuccessor(origin()))
        );
    }
    let elsewhere = SealSuccession {
        origin: KeyName::new("other.example").unwrap(),
        entries: vec![SuccessionEntry::plain(hand(&log::log_key(), &keys[1]))],
    };
    let elsewhere = bench
        .witness
        .add_successor(elsewhere.format().as_bytes(), WAIT);
    assert_eq!(elsewhere.unwrap(), Err(CosignRefusal::UnknownOrigin));
    let malformed = bench.witness.add_successor(b"x", WAIT).unwrap();
    assert_eq!(malformed.unwrap_err().status(), 400);

    // Over two replacements at once, with what it knows nothing of before them.
    let entries = vec![
        hand(&keys[3], &log::log_key()),
        hand(&log::log_key(), &keys[0]),
        hand(&keys[0], &keys[1]),
    ];
    assert_eq!(told(&bench, entries.clone()), Ok(vec![vkey(&keys[1])]));
    assert_eq!(bench.size(), 33, "what was cosigned stands");
    let next = request_with(33, &by(&keys[1], 40), proof(33, 40, false));
    assert_eq!(bench.ask(&next).outcome.unwrap().0.size, 40);
    // The keys of before sign and name nothing any more, and the same story again changes nothing.
    for old in [&log::log_key(), &keys[0]] {
        let stolen = request_with(40, &by(old, 70), proof(40, 70, false));
        assert_eq!(bench.refusal(&stolen).status(), 403);
        let stolen = told(&bench, vec![hand(old, &keys[2])]);
        assert_eq!(stolen, Err(CosignRefusal::NoSuccessor(origin())));
    }
    assert_eq!(
        told(&bench, entries),
        Err(CosignRefusal::NoSuccessor(origin()))
    );
}

/// The lost key sealed what made somebody a Security Owner: whom that one names is followed, and nobody else.
#[test]
fn a_key_that_people_name_is_followed_by_who_knows_the_lost_one() {
    let keys: Vec<_> = (0x70..0x74)
        .map(|n| SecretKey::from_seed(&[n; 32]))
        .collect();
    let [owner, operator, next, stranger] = &keys[..] else {
        unreachable!()
    };
    let said = |by: &SecretKey, sequence, event: Event| {
        let now = Timestamp::from_micros(TIME * 1_000_000);
        let statement = Statement {
            version: 1,
            ledger: LedgerId::from_bytes([7; 32]),
            event_id: EventId::from_bytes([9; 16]),
            occurred: now,
            author: by.public(),
            on_behalf_of: None,
            event,
            attachments: vec![],
        };
        let signed = statement.sign(by).unwrap();
        let entry = Entry::place(sequence, Link::ZERO, 0, now, signed);
        entry.encode().unwrap()
    };
    let enrolled = |who: &SecretKey, role: Role, sequence| {
        let event = ActorEnrolled {
            actor: Id::new("somebody").unwrap(),
            name: Line::new("Somebody").unwrap(),
            kind: ActorKind::Human,
            roles: vec![role],
            key: who.public(),
            possession: who.prove_possession(),
        };
        said(owner, sequence, event.into())
    };
    let entries = [
        enrolled(owner, Role::SecurityOwner, 0),
        enrolled(operator, Role::Operator, 1),
    ];
    let leaves: Vec<_> = entries.iter().map(|entry| LeafHash::of(entry)).collect();
    let sibling = |at: usize| crate::support::merkle::root_of(&[leaves[1 - at]]);
    let kept = Checkpoint {
        origin: log::ORIGIN.to_owned(),
        size: 2,
        root: crate::support::merkle::root_of(&leaves),
    };
    let named = |by: &SecretKey, sealed_by: &SecretKey| {
        let event = SealingKeyRecovered {
            key: next.public(),
            possession: next.prove_possession(),
            lost_since: Timestamp::from_micros(TIME * 1_000_000),
            reason: Line::new("burnt").unwrap(),
            kept_size: kept.size,
            kept_root: kept.root,
            kept_signature: sealed_by.sign(kept.format().as_bytes()),
            consistency: None,
        };
        SuccessionEntry::plain(said(by, 2, event.into()))
    };
    let proven = |at: usize, hashes: Vec<NodeHash>| SuccessionEntry {
        stored: entries[at].clone(),
        path: hashes,
    };
    let (lost, bench) = (log::log_key(), Bench::at(33));
    let told = |entries: Vec<SuccessionEntry>| {
        let origin = origin();
        let body = SealSuccession { origin, entries }.format();
        bench.witness.add_successor(body.as_bytes(), WAIT).unwrap()
    };
    for (why, refused) in [
        ("nobody enrolled them", vec![named(owner, &lost)]),
        (
            "another's enrolment",
            vec![proven(1, vec![sibling(1)]), named(owner, &lost)],
        ),
        (
            "no Security Owner",
            vec![proven(1, vec![sibling(1)]), named(operator, &lost)],
        ),
        (
            "not under the checkpoint",
            vec![proven(0, vec![sibling(1)]), named(owner, &lost)],
        ),
        ("no way to it", vec![proven(0, vec![]), named(owner, &lost)]),
        (
            "another sealed it",
            vec![proven(0, vec![sibling(0)]), named(owner, stranger)],
        ),
        (
            "signed by a stranger",
            vec![proven(0, vec![sibling(0)]), named(stranger, &lost)],
        ),
    ] {
        let answer = told(refused);
        assert_eq!(answer, Err(CosignRefusal::NoSuccessor(origin())), "{why}");
    }
    let whole = vec![proven(0, vec![sibling(0)]), named(owner, &lost)];
    let vkey = NoteKey::of(origin(), next);
    assert_eq!(told(whole), Ok(vec![vkey]));
}

/// A trust file on paper outlives the key that it names: the receipt carries how the next ones came about.
#[test]
fn a_receipt_is_good_for_who_knows_an_older_key() {
    let (paper, next, last) = (
        log::log_key(),
        SecretKey::from_seed(&[0x61; 32]),
        SecretKey::from_seed(&[0x62; 32]),
    );
    let entry = b"an entry of another kind of log";
    let sealed_by = |key: &SecretKey| {
        let stated = Checkpoint {
            origin: log::ORIGIN.to_owned(),
            size: 1,
            root: crate::support::merkle::root_of(&[LeafHash::of(entry)]),
        };
        let path = InclusionProof::from_hashes(vec![]);
        TlogProof::new(0, path, checkpoint::sign(&stated, key))
    };
    let policy = format!("log {}\nquorum none\n", log_vkey());
    let trust = Trust::parse(policy.as_bytes()).unwrap();
    let now = Timestamp::from_micros(TIME * 1_000_000);
    let conclusion = |proof: &TlogProof| {
        let text = proof.to_string();
        let read = TlogProof::parse(text.as_bytes()).unwrap();
        let report = ReceiptReport::of(&read, entry, Some(&trust), now);
        (report.conclusion(false), report.to_string())
    };
    let hand = |old: &SecretKey, new: &SecretKey| handing_on(old, new, new.prove_possession());
    let told = |entries: Vec<Vec<u8>>| SealSuccession {
        origin: origin(),
        entries: entries.into_iter().map(SuccessionEntry::plain).collect(),
    };
    let whole = told(vec![hand(&paper, &next), hand(&next, &last)]);
    let (passed, said) = conclusion(&sealed_by(&last).carrying(Some(&whole)));
    assert_eq!(passed, Conclusion::Passed, "{said}");
    assert!(said.contains("named by one that is"), "{said}");
    // Without it, with a gap in it, or told by a stranger, nobody can tell: that accuses nobody.
    for carried in [
        None,
        Some(told(vec![hand(&next, &last)])),
        Some(told(vec![handing_on(
            &paper,
            &last,
            next.prove_possession(),
        )])),
    ] {
        let (concluded, said) = conclusion(&sealed_by(&last).carrying(carried.as_ref()));
        assert_eq!(concluded, Conclusion::NotVerified, "{said}");
        assert!(said.contains("NOT CHECKED"), "{said}");
        assert!(said.contains("carries no such entry"), "{said}");
    }
}

/// A log's origin need not be the name of its key, and may be any line: that of Go's checksum database is.
#[test]
fn a_log_of_any_origin_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let witness = Witness::create(world_at(TIME), folder.path(), name(), key()).unwrap();
    let odd = "go.sum database tree + more";
    let followed = FollowedKey {
        key: log_vkey(),
        origin: odd.to_owned(),
    };
    let add = || witness.add_log(followed.clone(), &FollowFrom::New, WAIT);
    add().unwrap();
    assert!(add().is_err(), "it is followed already");
    let stated = Checkpoint {
        origin: odd.to_owned(),
        ..log::checkpoint(40, false)
    };
    let text = stated.format();
    let signed = rotation_ledger::note::sign(&text, log_vkey().name(), &log::log_key()).unwrap();
    let asked = witness.add_checkpoint(&request_with(0, &signed, vec![]), WAIT);
    let (_, line) = asked.unwrap().outcome.unwrap();
    let again = Witness::open(world_at(TIME), folder.path(), key()).unwrap();
    let latest = again.latest(&name_of(odd)).unwrap().unwrap();
    assert!(latest.ends_with(&line), "{latest}");
    assert_eq!(again.logs().unwrap()[0].origin, odd);
    // The same key speaks for that origin alone.
    let own = again.add_checkpoint(&request(0, 40), WAIT).unwrap();
    assert_eq!(own.outcome.unwrap_err().status(), 404);
}

#[test]
fn a_log_may_have_two_keys() {
    let bench = Bench::at(33);
    let next = SecretKey::from_seed(&[0x12; 32]);
    let signed = checkpoint::sign(&log::checkpoint(70, false), &next);
    let body = request_with(33, &signed, proof(33, 70, false));
    assert_eq!(bench.refusal(&body).status(), 403);
    let vkey = NoteKey::new(origin(), next.public()).unwrap();
    bench
        .witness
        .add_log(&vkey, &FollowFrom::New, WAIT)
        .unwrap();
    assert_eq!(bench.size(), 33, "another key is no new beginning");
    bench.ask(&body).outcome.unwrap();
}

#[test]
fn a_clock_before_1970_cosigns_nothing() {
    for seconds in [-1, 0] {
        let folder = tempfile::tempdir().unwrap();
        let witness = Witness::create(world_at(seconds), folder.path(), name(), key()).unwrap();
        witness
            .add_log(&log_vkey(), &FollowFrom::New, WAIT)
            .unwrap();
        let fault = witness.add_checkpoint(&request(0, 5), WAIT).unwrap_err();
        assert!(matches!(fault, WitnessError::Clock), "{fault}");
    }
}

#[test]
fn a_folder_is_a_witness_once_and_opens_with_its_key_only() {
    let bench = Bench::at(33);
    let dir = bench.folder.path();
    let again = Witness::create(world_at(TIME), dir, name(), key()).unwrap_err();
    assert!(matches!(again, WitnessError::Exists(_)), "{again}");
    let other = Witness::open(world_at(TIME), dir, SecretKey::from_seed(&[9; 32])).unwrap_err();
    assert!(matches!(other, WitnessError::OtherKey(_)), "{other}");
    let elsewhere = tempfile::tempdir().unwrap();
    let none = Witness::open(world_at(TIME), elsewhere.path(), key()).unwrap_err();
    assert!(matches!(none, WitnessError::NoWitness(_)), "{none}");
    Witness::open(world_at(TIME), dir, key()).unwrap();
}

#[test]
fn of_requests_at_once_one_wins_and_no_other_goes_back() {
    let bench = Bench::at(33);
    let answers: Vec<_> = std::thread::scope(|scope| {
        let asked: Vec<_> = (34..66)
            .map(|new| {
                let bench = &bench;
                scope.spawn(move || {
                    bench
                        .ask(&request(33, new))
                        .outcome
                        .map(|(got, _)| got.size)
                })
            })
            .collect();
        asked.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let won: Vec<u64> = answers
        .iter()
        .filter_map(|answer| answer.as_ref().ok().copied())
        .collect();
    assert_eq!(won.len(), 1, "{answers:?}");
    assert_eq!(bench.size(), won[0]);
    let conflict = |answer: &Result<u64, CosignRefusal>| matches!(answer, Err(CosignRefusal::Conflict { known, .. }) if *known == won[0]);
    assert_eq!(answers.iter().filter(|answer| conflict(answer)).count(), 31);
}

fn make_durable(disk: &SimDisk, folder: &Path) {
    let Some(parent) = folder.parent() else {
        return;
    };
    make_durable(disk, parent);
    disk.create_dir(folder).unwrap();
    disk.sync_dir(parent).unwrap();
}

fn on(disk: &SimDisk, dir: &Path) -> Witness {
    let world = World {
        disk: Arc::new(disk.clone()),
        ..world_at(TIME)
    };
    Witness::open(world, dir, key()).unwrap()
}

#[test]
fn whatever_fails_and_whenever_the_power_goes_no_answer_is_forgotten() {
    // The lock lies on the real disk, everything else on the simulated one.
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let start = SimDisk::new();
    make_durable(&start, dir);
    let world = World {
        disk: Arc::new(start.clone()),
        ..world_at(TIME)
    };
    let witness = Witness::create(world, dir, name(), key()).unwrap();
    witness
        .add_log(&log_vkey(), &FollowFrom::New, WAIT)
        .unwrap();
    witness
        .add_checkpoint(&request(0, 33), WAIT)
        .unwrap()
        .outcome
        .unwrap();

    let clean = start.copy_synced();
    on(&clean, dir)
        .add_checkpoint(&request(33, 70), WAIT)
        .unwrap()
        .outcome
        .unwrap();
    let operations = clean.operations();
    assert!(operations >= 4, "{operations}");
    for n in 1..=operations + 1 {
        for fault in Fault::REPORTED {
            for cut in Cut::AFTERMATHS {
                let what = format!("operation {n} of {operations}, {fault:?}, {cut:?}");
                let disk = start.copy_synced();
                disk.fail_at(n, fault);
                let answered = on(&disk, dir)
                    .add_checkpoint(&request(33, 70), WAIT)
                    .is_ok();
                match cut {
                    Some(cut) => disk.power_cut(cut),
                    None => disk.heal(),
                }
                let witness = on(&disk, dir);
                let (stands, _) = witness.logs().unwrap().remove(0).last.unwrap().unwrap();
                assert!(
                    stands.size == 70 || (stands.size == 33 && !answered),
                    "{what}: {stands:?}"
                );
                // A fork that begins where the honest log was asked about is not cosigned over it.
                if answered {
                    let forked = request_with(33, &note(70, true), proof(33, 70, true));
                    let refusal = witness.add_checkpoint(&forked, WAIT).unwrap().outcome;
                    assert_eq!(
                        refusal.unwrap_err(),
                        CosignRefusal::Conflict { known: 70, old: 33 },
                        "{what}"
                    );
                }
            }
        }
    }
}
