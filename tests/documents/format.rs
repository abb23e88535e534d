//! The examples of `docs/FORMAT.md`: each fenced block `example NAME` is made here from the code.

use std::fmt::Write as _;
use std::sync::Arc;

use crate::support::merkle::root_of;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rotation_ledger::checkpoint;
use rotation_ledger::checkpoint::Checkpoint;
use rotation_ledger::checkpoint::CosignerKey;
use rotation_ledger::codec;
use rotation_ledger::entry::Entry;
use rotation_ledger::event::Event;
use rotation_ledger::event::Reason;
use rotation_ledger::event::spec;
use rotation_ledger::hash::Blake3Digest;
use rotation_ledger::hash::LeafHash;
use rotation_ledger::hash::Link;
use rotation_ledger::hash::NodeHash;
use rotation_ledger::hash::Sha256Digest;
use rotation_ledger::key::SecretKey;
use rotation_ledger::merkle::InclusionProof;
use rotation_ledger::merkle::TileId;
use rotation_ledger::merkle::partial_tiles;
use rotation_ledger::note::KeyName;
use rotation_ledger::note::NoteKey;
use rotation_ledger::pack::Bag;
use rotation_ledger::pack::Draw;
use rotation_ledger::pack::DrawSeed;
use rotation_ledger::pack::MANIFEST;
use rotation_ledger::pack::PackFiles;
use rotation_ledger::pack::SIGNATURE;
use rotation_ledger::pack::SSH_SIGNATURE;
use rotation_ledger::pack::in_toto_bundle;
use rotation_ledger::pack::read_zip;
use rotation_ledger::pack::write_zip;
use rotation_ledger::proof::TlogProof;
use rotation_ledger::store::blobs::blob_path;
use rotation_ledger::store::bundle::bundle_path;
use rotation_ledger::store::bundle::path_of;
use rotation_ledger::store::log::Log;
use rotation_ledger::sys::disk::RealDisk;
use rotation_ledger::text::Id;
use rotation_ledger::text::Line;
use rotation_ledger::time::Timestamp;
use rotation_ledger::timetoken::TimeRequest;
use rotation_ledger::trust::Trust;
use serde_json::Value;

use crate::support::samples;

const FENCE: &str = "```example ";

/// A named part of something's bytes.
type Part = (&'static str, Vec<u8>);

fn le<T: bincode::Encode>(value: T) -> Vec<u8> {
    codec::encode(&value).unwrap()
}

/// Parts as lines of hex with their names; their sum must be `whole`.
fn dump(parts: &[Part], whole: &[u8]) -> String {
    let sum: Vec<u8> = parts.iter().flat_map(|(_, bytes)| bytes.clone()).collect();
    assert_eq!(
        hex::encode(&sum),
        hex::encode(whole),
        "the parts are not the whole"
    );
    let mut text = String::new();
    for (name, bytes) in parts {
        // Long parts go on in the next lines, sixteen bytes each.
        for (row, chunk) in bytes.chunks(16).enumerate() {
            let name = if row == 0 { name } else { "" };
            writeln!(text, "{:<32}  {name}", hex::encode(chunk)).unwrap();
        }
    }
    text.lines()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect()
}

fn values() -> String {
    let mut text = String::new();
    let mut line =
        |what: &str, bytes: Vec<u8>| writeln!(text, "{what:<27}{}", hex::encode(bytes)).unwrap();
    line("u16 1", le(1_u16));
    line("u32 258", le(258_u32));
    line("u64 258", le(258_u64));
    line("i32 -1", le(-1_i32));
    line("i64 -1", le(-1_i64));
    line("no, yes", le((false, true)));
    line(
        "time 2026-11-23T09:00:00Z",
        le("2026-11-23T09:00:00Z".parse::<Timestamp>().unwrap()),
    );
    line("id db/orders", le(Id::new("db/orders").unwrap()));
    line("line é", le(Line::new("é").unwrap()));
    line("word emergency", le(Reason::Emergency));
    line("optional u32, nothing", le(None::<u32>));
    line("optional u32 258", le(Some(258_u32)));
    line(
        "list of ids a, b",
        le(vec![Id::new("a").unwrap(), Id::new("b").unwrap()]),
    );
    text
}

fn aborted() -> Event {
    let fields = serde_json::json!({
        "rotation": "rot-1", "reason": "vendor down", "disposition": "new_revoked",
    });
    let spec = spec("rotation.aborted").unwrap();
    samples::event(spec, serde_json::from_value(fields).unwrap())
}

fn statement() -> String {
    let statement = samples::statement(aborted());
    let attachment = &statement.attachments[0];
    let parts = [
        ("version 1", le(1_u16)),
        ("ledger id", statement.ledger.as_bytes().to_vec()),
        ("event id", statement.event_id.as_bytes().to_vec()),
        (
            "occurred 2026-11-23T09:00:00.000001Z",
            le(statement.occurred),
        ),
        ("author's public key", statement.author.as_bytes().to_vec()),
        ("on_behalf_of: there is one", vec![1]),
        ("olga", le(Id::new("olga").unwrap())),
        ("event: tag 27, rotation.aborted", le(27_u32)),
        ("rotation rot-1", le(Id::new("rot-1").unwrap())),
        ("reason vendor down", le(Line::new("vendor down").unwrap())),
        ("disposition new_revoked", le(1_u32)),
        ("attachments: one", le(1_u64)),
        ("its BLAKE3", attachment.blake3.as_bytes().to_vec()),
        ("its SHA-256", attachment.sha256.as_bytes().to_vec()),
        ("its length 13", le(13_u64)),
        (
            "its media type text/plain",
            le(Id::new("text/plain").unwrap()),
        ),
        ("its name login.txt", le(Line::new("login.txt").unwrap())),
    ];
    dump(&parts, &statement.encode().unwrap())
}

fn signature() -> String {
    let statement = samples::statement(aborted());
    let bytes = statement.encode().unwrap();
    let message = [
        &b"ledger-stmt-v1\n"[..],
        Blake3Digest::of(&bytes).as_bytes(),
    ]
    .concat();
    let key = samples::author();
    let signature = *statement.sign(&key).unwrap().signature();
    assert_eq!(
        key.sign(&message),
        signature,
        "the message is what is signed"
    );
    format!(
        "seed        {}\npublic key  {}\nmessage     {}\nsignature   {signature}\n",
        hex::encode(key.to_seed()),
        key.public(),
        hex::encode(message)
    )
}

fn possession() -> String {
    let key = samples::author();
    let message = [&b"ledger-enrol-v1\n"[..], key.public().as_bytes()].concat();
    assert_eq!(key.sign(&message), key.prove_possession());
    format!(
        "message     {}\nsignature   {}\n",
        hex::encode(message),
        key.prove_possession()
    )
}

fn stored_entry() -> (Entry, Vec<u8>) {
    let entry = samples::entry(&samples::statement(aborted()));
    let bytes = entry.encode().unwrap();
    (entry, bytes)
}

fn entry() -> String {
    let (entry, bytes) = stored_entry();
    let length = entry.statement.len() as u64;
    // The statement stands above; a line says where it goes.
    let parts = [
        ("version 1", le(1_u16)),
        ("sequence 7", le(7_u64)),
        ("previous", entry.previous.as_bytes().to_vec()),
        ("subject_previous 6: entry 5", le(6_u64)),
        ("recorded 2026-11-23T09:00:01Z", le(entry.recorded)),
        ("length of the statement", le(length)),
    ];
    let head: usize = parts.iter().map(|(_, bytes)| bytes.len()).sum();
    let mut text = dump(&parts, &bytes[..head]);
    writeln!(
        text,
        "…                                 the {length} bytes of the statement above"
    )
    .unwrap();
    let signature = ("author's signature", entry.signature.as_bytes().to_vec());
    text.push_str(&dump(&[signature], &bytes[head + entry.statement.len()..]));
    text
}

fn hashes() -> String {
    let (_, bytes) = stored_entry();
    let (one, two) = (LeafHash::of(b"one"), LeafHash::of(b"two"));
    let root = root_of(&[one, two]);
    assert_eq!(root, NodeHash::parent(one.as_node(), two.as_node()));
    format!(
        "link of the entry above        {}\nleaf of the entry above        {}\nleaf of the 3 bytes `one`      {one}\n\
         leaf of the 3 bytes `two`      {two}\nroot of a tree of these two    {root}\nroot of the empty tree         {}\n",
        Link::of(&bytes),
        LeafHash::of(&bytes),
        NodeHash::empty()
    )
}

fn sealing() -> SecretKey {
    SecretKey::from_seed(&[2; 32])
}

fn checkpoint_note() -> String {
    let stated = Checkpoint {
        origin: "ledger.example/prod-rotations".to_owned(),
        size: 2,
        root: root_of(&[LeafHash::of(b"one"), LeafHash::of(b"two")]),
    };
    checkpoint::sign(&stated, &sealing())
}

fn vkey() -> String {
    let origin = KeyName::new("ledger.example/prod-rotations").unwrap();
    let key = NoteKey::new(origin, sealing().public()).unwrap();
    format!("seed  {}\nvkey  {key}\n", hex::encode(sealing().to_seed()))
}

/// A witness of the examples.
fn witness() -> (KeyName, SecretKey) {
    let name = KeyName::new("witness.example/w1").unwrap();
    (name, SecretKey::from_seed(&[3; 32]))
}

/// The same checkpoint, as the witness saw it at 2026-01-01T00:00:00Z.
fn cosigned() -> String {
    let note = checkpoint_note();
    let (text, _) = note.split_once("\n\n").unwrap();
    let (name, key) = witness();
    let line = checkpoint::cosign(&format!("{text}\n"), 1_767_225_600, &name, &key);
    note + &line
}

fn trust() -> String {
    let origin = KeyName::new("ledger.example/prod-rotations").unwrap();
    let log = NoteKey::new(origin, sealing().public()).unwrap();
    let (name, key) = witness();
    let witness = CosignerKey::new(name, key.public()).unwrap();
    let file = format!("log {log}\nwitness w1 {witness}\nquorum w1\n");
    assert!(Trust::parse(file.as_bytes()).is_ok());
    file
}

/// Of the second of the two leaves.
fn receipt() -> String {
    let path = InclusionProof::from_hashes(vec![LeafHash::of(b"one").as_node()]);
    let proof = TlogProof::new(1, path, cosigned());
    let trust = Trust::parse(trust().as_bytes()).unwrap();
    let judged = proof.check(b"two", &trust, 1_767_225_600).unwrap();
    assert!(judged.seen.quorum);
    proof.to_string()
}

fn tail() -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut log = Log::create(Arc::new(RealDisk), folder.path(), b"carry").unwrap();
    log.append(0, &[b"entry"]).unwrap();
    let bytes = std::fs::read(folder.path().join("tail")).unwrap();
    let check = |at: usize| bytes[at..at + 8].to_vec();
    let parts = [
        ("magic: rl-tail, version 1", b"rl-tail\x01".to_vec()),
        ("base 0", le(0_u64)),
        ("length of carry", le(5_u32)),
        ("carry", b"carry".to_vec()),
        ("check of the header", check(25)),
        ("magic of a frame: RLf, version 1", b"RLf\x01".to_vec()),
        ("length of the entry", le(5_u32)),
        ("sequence 0", le(0_u64)),
        ("check of the frame", check(49)),
        ("the entry's bytes", b"entry".to_vec()),
    ];
    assert!(bytes[62..].iter().all(|byte| *byte == 0), "zeros follow");
    let header = blake3::derive_key(
        "rotation-ledger 2026-11-23 tail header check v1",
        &bytes[..25],
    );
    assert_eq!(bytes[25..33], header[..8]);
    let framed = [&bytes[33..49], b"entry"].concat();
    let frame = blake3::derive_key("rotation-ledger 2026-11-23 tail frame check v1", &framed);
    assert_eq!(bytes[49..57], frame[..8]);
    dump(&parts, &bytes[..62])
}

fn paths() -> String {
    let mut text = String::new();
    for n in [0, 999, 1_000, 1_234_067] {
        let tile = TileId { level: 1, index: n };
        writeln!(text, "{n:<8}  {:<32}  {}", bundle_path(n), tile.path()).unwrap();
    }
    writeln!(
        text,
        "`login passed`  {}",
        blob_path(&Blake3Digest::of(b"login passed"))
    )
    .unwrap();
    text
}

fn population() -> String {
    let text = "api/billing\ndb/orders\n";
    format!(
        "{}  {}\n",
        Sha256Digest::of(text.as_bytes()),
        serde_json::json!(text)
    )
}

fn spooled() -> String {
    let statement = samples::statement(aborted())
        .sign(&samples::author())
        .unwrap();
    let encoded = BASE64.encode(statement.bytes());
    format!(
        "{{\"schema\":\"rotation-ledger/spooled-statement/1\",\"statement\":\"{}…\",\"signature\":\"{}…\",\"attachments\":[\"{}\"]}}\n",
        &encoded[..24],
        &statement.signature().to_string()[..16],
        BASE64.encode(b"login passed\n")
    )
}

/// The request over the checkpoint of the document, in lines of 32 bytes.
fn time_request() -> String {
    let request = TimeRequest {
        imprint: Sha256Digest::of(checkpoint_note().as_bytes()),
        nonce: [1, 2, 3, 4, 5, 6, 7, 8],
    };
    let bytes = request.encode().unwrap();
    bytes
        .chunks(32)
        .map(|line| format!("{}\n", hex::encode(line)))
        .collect()
}

/// A number of bytes a line.
fn in_lines(bytes: &[u8]) -> String {
    let lines = bytes.chunks(32);
    lines
        .map(|line| format!("{}\n", hex::encode(line)))
        .collect()
}

fn zip() -> String {
    let files: PackFiles = [("pack-0/a".to_owned(), b"one".to_vec())].into();
    in_lines(&write_zip(&files).unwrap())
}

fn bag() -> String {
    let payload: PackFiles = [("a".to_owned(), b"one".to_vec())].into();
    let bag = Bag::sealed("pack-0", &payload, &[], &SecretKey::from_seed(&[7; 32]));
    let files = read_zip(&bag.to_zip().unwrap()).unwrap();
    let text = |name: &str| String::from_utf8(files[&format!("pack-0/{name}")].clone()).unwrap();
    let raw = in_lines(&files[&format!("pack-0/{SIGNATURE}")]);
    format!(
        "{}\n{raw}\n{}\n{}",
        text(MANIFEST),
        text(SSH_SIGNATURE),
        text("tagmanifest-sha256.txt")
    )
}

/// Two of three rotations, by two seeds.
fn draw() -> String {
    let ids = ["r-1", "r-2", "r-3"].map(|id| Id::new(id).unwrap());
    let period = ["2026-01-01T00:00:00Z", "2026-03-31T23:59:59Z"].map(|time| time.parse().unwrap());
    let by = KeyName::new("witness.example/w1").unwrap();
    let cosigned = DrawSeed::of_cosignature(
        Timestamp::from_unix_seconds(1_775_034_000),
        5_120,
        by,
        "third+word==",
    );
    let mut told = String::new();
    for seed in [DrawSeed::text("dice 4 1 6 6 2").unwrap(), cosigned] {
        let draw = Draw::new(2, period.into(), seed, &ids.iter().collect::<Vec<_>>());
        let _ = writeln!(told, "{draw}");
        for (rank, id) in draw.ranked(ids.iter()) {
            let _ = writeln!(told, "  {rank}  {id}");
        }
    }
    told
}

fn ends() -> String {
    let ids = ["api/billing", "db/orders"].map(|id| Id::new(id).unwrap());
    let text = rotation_ledger::pack::ends(ids.iter().zip([7, 30]));
    let shown = text.replace('\n', "\\n");
    format!("{}  \"{shown}\"\n", Sha256Digest::of(text.as_bytes()))
}

fn envelope() -> String {
    let statement = serde_json::json!({ "_type": "https://in-toto.io/Statement/v1" });
    let bundle = in_toto_bundle(&[statement], &SecretKey::from_seed(&[7; 32]));
    String::from_utf8(bundle).unwrap()
}

fn edge() -> String {
    let mut text = String::new();
    for size in [255, 256, 600, 70_000] {
        let bundle = (size % 256 > 0).then(|| path_of(size / 256, (size % 256) as usize));
        let tiles = partial_tiles(size).map(|(id, width)| id.partial_path(width));
        let paths: Vec<_> = bundle.into_iter().chain(tiles).collect();
        writeln!(text, "{size:<6} {}", paths.join("  ")).unwrap();
    }
    text
}

fn example(name: &str) -> String {
    match name {
        "values" => values(),
        "statement" => statement(),
        "signature" => signature(),
        "possession" => possession(),
        "entry" => entry(),
        "hashes" => hashes(),
        "checkpoint" => checkpoint_note(),
        "vkey" => vkey(),
        "cosigned" => cosigned(),
        "trust" => trust(),
        "receipt" => receipt(),
        "request" => time_request(),
        "edge" => edge(),
        "tail" => tail(),
        "paths" => paths(),
        "population" => population(),
        "spooled" => spooled(),
        "zip" => zip(),
        "bag" => bag(),
        "ends" => ends(),
        "draw" => draw(),
        "envelope" => envelope(),
        other => panic!("nothing makes the example `{other}`"),
    }
}

#[test]
fn examples_are_what_the_code_makes() {
    let document = crate::read("docs/FORMAT.md");
    let mut wanted = String::new();
    let mut lines = document.lines();
    let mut examples = 0;
    while let Some(line) = lines.next() {
        writeln!(wanted, "{line}").unwrap();
        if let Some(name) = line.strip_prefix(FENCE) {
            wanted.push_str(&example(name));
            wanted.push_str("```\n");
            assert!(
                lines.any(|line| line == "```"),
                "the example {name} has no end"
            );
            examples += 1;
        }
    }
    assert!(examples >= 12, "{examples} examples");
    crate::keep("docs/FORMAT.md", &wanted);
}

/// The draft that the document shows is one.
#[test]
fn the_draft_in_the_document_is_a_draft() {
    let document = crate::read("docs/FORMAT.md");
    let (_, after) = document.split_once("```json draft\n").unwrap();
    let (draft, _) = after.split_once("```").unwrap();
    let Ok(Value::Object(mut draft)) = serde_json::from_str(draft) else {
        panic!("the draft is no JSON object");
    };
    let name = draft.shift_remove("event").unwrap();
    for frame in ["event_id", "occurred_utc", "on_behalf_of", "attachments"] {
        assert!(draft.shift_remove(frame).is_some(), "{frame}");
    }
    Event::parse(name.as_str().unwrap(), draft.into_iter().collect()).unwrap();
}
