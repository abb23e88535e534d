//! The shipped program on receipts, notes and trust files: those of this ledger, and those that an
//! independent program made from the specifications (`vectors/tlog.json`).

use std::fs;

use crate::support::program::Program;
use rotation_ledger::checkpoint::CosignerKey;
use rotation_ledger::checkpoint::cosign;
use rotation_ledger::key::SecretKey;
use rotation_ledger::note::KeyName;
use serde_json::Value;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../vectors/tlog.json")).unwrap()
}

/// A folder with files of the vectors, and no ledger.
struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let desk = Self { folder };
        let vectors = vectors();
        for (name, field) in [
            ("receipt", "tlog_proof_leaf40"),
            ("trust", "policy"),
            ("note", "checkpoint_70_cosigned"),
        ] {
            desk.write(name, vectors[field].as_str().unwrap());
        }
        desk.write("entry", "leaf-40");
        desk
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap()
    }

    /// Exit code, stdout and stderr.
    fn run(&self, words: &str) -> (i32, String, String) {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_ledger"))
            .args(words.split(' '))
            .current_dir(self.folder.path())
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (
            output.status.code().unwrap(),
            text(output.stdout),
            text(output.stderr),
        )
    }
}

const VERIFY: &str = "verify receipt --entry entry --trust trust";

#[test]
fn the_receipt_of_the_vectors_passes() {
    let desk = Desk::new();
    let (code, said, _) = desk.run(VERIFY);
    assert_eq!(code, 0, "{said}");
    assert!(
        said.contains("among 70 entries of ledger.example/prod-rotations"),
        "{said}"
    );
    assert!(
        said.contains("witness.example/a") || said.contains("2026-01-01T00:00:00Z"),
        "{said}"
    );
    assert!(
        said.ends_with("PASSED  receipt of entry 40 (exit 0)\n"),
        "{said}"
    );
    // The same receipt without anybody who is trusted proves nothing.
    assert_eq!(desk.run("verify receipt --entry entry").0, 4);
    assert_eq!(desk.run("verify receipt --trust trust").0, 2);
}

/// What the vectors' README lists, and more.
#[test]
fn every_mutation_of_the_receipt_is_refused() {
    let vectors = vectors();
    let hash = vectors["tlog_proof_leaf40"]
        .as_str()
        .unwrap()
        .lines()
        .nth(2)
        .unwrap()
        .to_owned();
    let changes: &[(&str, &str, &str)] = &[
        ("receipt", "index 40", "index 41"),
        ("receipt", "index 40", "index 040"),
        ("receipt", "index 40", "index +40"),
        ("receipt", "index 40", "index 70"),
        ("receipt", "\n70\n", "\n69\n"),
        ("receipt", "\n70\n", "\n070\n"),
        ("receipt", "prod-rotations\n70", "other\n70"),
        ("receipt", "@v1", "@v2"),
        ("receipt", &hash, ""),
        ("receipt", &hash, &hash[..43]),
        (
            "receipt",
            "\u{2014} ledger.example",
            "\u{2014} ledger.exemple",
        ),
        ("entry", "leaf-40", "leaf-41"),
        ("trust", "quorum", "quorom"),
    ];
    for (file, from, to) in changes {
        let desk = Desk::new();
        let before = desk.read(file);
        let after = before.replacen(from, to, 1);
        assert_ne!(before, after, "{from}");
        desk.write(file, &after);
        let (code, said, _) = desk.run(VERIFY);
        assert!(matches!(code, 1 | 2 | 4), "{file}, {to}: {code} {said}");
    }
    let desk = Desk::new();
    let receipt = desk.read("receipt");
    let doubled = receipt.replacen(&hash, &format!("{hash}\n{hash}"), 1);
    let cut = receipt.trim_end().to_owned();
    let blank = receipt.replacen("\n70\n", "\n\n70\n", 1);
    // Witness a twice, in place of b.
    let lines: Vec<&str> = receipt.lines().collect();
    let a = lines
        .iter()
        .position(|line| line.contains("witness.example/a"))
        .unwrap();
    let twice = receipt.replacen(lines[a + 1], lines[a], 1);
    let without = receipt.replacen(&format!("{}\n", lines[a + 1]), "", 1);
    for bad in [doubled, cut, blank, twice, without] {
        assert_ne!(bad, receipt);
        desk.write("receipt", &bad);
        let (code, said, _) = desk.run(VERIFY);
        assert!(matches!(code, 1 | 4), "{code} {said}\n{bad}");
    }
}

/// What mails, editors and shells do to small files says nothing about any ledger: 4, with what happened.
#[test]
fn a_file_that_was_changed_on_its_way_accuses_nobody() {
    let program = Program::prepared();
    let trust = program.output("trust show").stdout;
    let head = program.output("checkpoint").stdout;
    let receipt = program.output("prove 1 --entry-out entry").stdout;
    for (name, bytes) in [("trust", &trust), ("head", &head), ("receipt", &receipt)] {
        fs::write(program.path(name), bytes).unwrap();
    }
    let (trust, head, receipt) = ("trust", "head", "receipt");
    let said = |words: &str| {
        let output = program.output(words);
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8(text).unwrap();
        (output.status.code().unwrap(), text)
    };
    assert_eq!(said("verify --anchor head --trust trust").0, 0);
    type Change = fn(&str) -> Vec<u8>;
    let changes: &[(&str, Change, &str)] = &[
        (
            "CR LF",
            |text| text.replace('\n', "\r\n").into_bytes(),
            "CR LF",
        ),
        (
            "BOM",
            |text| format!("\u{feff}{text}").into_bytes(),
            "byte order mark",
        ),
        (
            "UTF-16",
            |text| {
                let units = "\u{feff}".encode_utf16().chain(text.encode_utf16());
                units.flat_map(u16::to_le_bytes).collect()
            },
            "byte order mark",
        ),
        (
            "quoted",
            |text| format!("> {}", text.replace('\n', "\n> ")).into_bytes(),
            "quoted",
        ),
        (
            "a page",
            |text| format!("<pre>\n{text}</pre>\n").into_bytes(),
            "a page",
        ),
        ("empty", |_| Vec::new(), "is empty"),
    ];
    for (what, change, cause) in changes {
        for (file, words) in [
            (head, "verify --anchor changed"),
            (trust, "verify --trust changed"),
            (receipt, "verify changed --entry entry --trust trust"),
        ] {
            let before = fs::read_to_string(program.path(file)).unwrap();
            fs::write(program.path("changed"), change(&before)).unwrap();
            let (code, text) = said(words);
            assert_eq!(code, 4, "{file} {what}: {text}");
            assert!(text.contains(cause), "{file} {what}: {text}");
            assert!(!text.contains("  FAIL  "), "{file} {what}: {text}");
        }
    }
    // One of another ledger, one that lost a byte, and a key of a kind that is still to come.
    let log = String::from_utf8(program.output("trust show").stdout).unwrap();
    let note = fs::read_to_string(program.path(head)).unwrap();
    let flipped = note.replacen(
        "\u{2014} ledger.example/prod ",
        "\u{2014} ledger.example/prod A",
        1,
    );
    let other = vectors()["checkpoint_70_cosigned"]
        .as_str()
        .unwrap()
        .to_owned();
    for (text, cause) in [(other, "another log"), (flipped, "canonical base64")] {
        fs::write(program.path("changed"), text).unwrap();
        let (code, said) = said("verify --anchor changed");
        assert_eq!(code, 4, "{said}");
        assert!(said.contains(cause), "{said}");
    }
    let odd = "witness odd odd.example+00112233+BwcHBwcH\n";
    fs::write(program.path("changed"), format!("{odd}{log}")).unwrap();
    let (code, text) = said("verify --anchor head --trust changed");
    assert_eq!(code, 0, "{text}");
    assert!(
        text.contains("witness odd of the trust file has a key of type 0x07"),
        "{text}"
    );
    fs::write(program.path("changed"), format!("{log}witnes odd\n")).unwrap();
    let (code, text) = said("verify --trust changed");
    assert_eq!(code, 4, "{text}");
    assert!(text.contains("line "), "{text}");
}

/// Somebody else's log and somebody else's bag, whole and in order, are named as what they are.
#[test]
fn what_is_no_ledger_is_named_and_not_judged() {
    let desk = Desk::new();
    let dir = desk.folder.path();
    fs::create_dir_all(dir.join("log/tile/entries/000.p")).unwrap();
    let leaf = |n: usize| {
        let leaf = format!("leaf-{n}");
        [
            &u16::try_from(leaf.len()).unwrap().to_be_bytes()[..],
            leaf.as_bytes(),
        ]
        .concat()
    };
    let bundle: Vec<u8> = (0..70).flat_map(leaf).collect();
    fs::write(dir.join("log/tile/entries/000.p/70"), &bundle).unwrap();
    desk.write("log/checkpoint", &desk.read("note"));
    let (code, _, said) = desk.run("verify log");
    assert_eq!(code, 4, "{said}");
    assert!(
        said.contains("is a log of `ledger.example/prod-rotations`"),
        "{said}"
    );
    assert!(said.contains("ledger note verify"), "{said}");
    // One that does not lead to its own checkpoint is not in order, and judged.
    fs::write(
        dir.join("log/tile/entries/000.p/70"),
        [&bundle[..], b"x"].concat(),
    )
    .unwrap();
    assert_eq!(desk.run("verify log").0, 1);
    // Logs of certificates.
    fs::rename(dir.join("log/tile/entries"), dir.join("log/tile/data")).unwrap();
    assert_eq!(desk.run("verify log").0, 4);
    fs::create_dir_all(dir.join("bag/data")).unwrap();
    desk.write(
        "bag/bagit.txt",
        "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n",
    );
    let (code, _, said) = desk.run("verify bag");
    assert_eq!(code, 4, "{said}");
    assert!(said.contains("is a BagIt bag"), "{said}");
}

/// What systems, editors and web servers leave beside a log is told, and nothing else.
#[test]
fn litter_beside_the_log_is_a_remark() {
    let program = Program::prepared();
    for folder in ["prod/@eaDir", "prod/tile"] {
        fs::create_dir_all(program.path(folder)).unwrap();
    }
    let litter = [
        ".DS_Store",
        "Thumbs.db",
        "desktop.ini",
        "tile/index.html",
        "tail~",
        ".tail.swp",
        ".#tail",
        "#tail#",
        ".nfs000000000a1b2c3d",
        "._checkpoint",
        "@eaDir/tail@SynoEAStream",
    ];
    for name in litter {
        fs::write(program.path(&format!("prod/{name}")), "tail 99999 entries").unwrap();
    }
    let output = program.output("verify");
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    let remark = format!(
        "{} files that systems, editors and web servers leave",
        litter.len()
    );
    assert!(said.contains(&remark), "{said}");
    fs::write(program.path("prod/notes.txt"), "x").unwrap();
    assert_eq!(program.code("verify"), 1);
}

#[test]
fn every_flipped_bit_of_the_receipt_is_refused_or_changes_nothing_that_counts() {
    let desk = Desk::new();
    let receipt = desk.read("receipt").into_bytes();
    // One bit of each byte here; all bits of all parts are flipped in the unit tests of each.
    for at in (0..receipt.len()).step_by(3) {
        let mut flipped = receipt.clone();
        flipped[at] ^= 1 << (at % 7);
        fs::write(desk.folder.path().join("receipt"), &flipped).unwrap();
        let (code, said, _) = desk.run(VERIFY);
        assert_ne!(code, 0, "byte {at}: {said}");
    }
}

#[test]
fn the_note_of_the_vectors_opens_for_each_of_its_signers() {
    let desk = Desk::new();
    let vectors = vectors();
    let key = |name: &str| vectors["keys"][name].as_str().unwrap().to_owned();
    let (text, _) = vectors["checkpoint_70_cosigned"]
        .as_str()
        .unwrap()
        .split_once("\n\n")
        .unwrap();
    for name in ["log_vkey", "w1_vkey", "w2_vkey"] {
        let (code, said, _) = desk.run(&format!("note verify --vkey {} note", key(name)));
        assert_eq!((code, said), (0, format!("{text}\n")), "{name}");
    }
    let foo = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    let (code, _, said) = desk.run(&format!("note verify --vkey {foo} note"));
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("no trusted key"), "{said}");
    // A known key's line that does not hold refuses the note, whoever else signed it.
    let note = desk.read("note").replacen("\n70\n", "\n71\n", 1);
    desk.write("note", &note);
    let (code, _, said) = desk.run(&format!("note verify --vkey {} note", key("w1_vkey")));
    assert_eq!(code, 1, "{said}");
    assert_eq!(desk.run("note verify --vkey nonsense note").0, 2);
    assert_eq!(desk.run(&format!("note verify --vkey {foo} missing")).0, 2);
}

/// The example of the specification.
#[test]
fn the_published_note_opens() {
    let desk = Desk::new();
    let text = "This is an example message.\n";
    desk.write("note", &format!(
        "{text}\n\u{2014} example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
    ));
    let foo = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    let (code, said, _) = desk.run(&format!("note verify --vkey {foo} note"));
    assert_eq!((code, said.as_str()), (0, text));
}

/// From the ledger to somebody who has nothing but three files.
#[test]
fn a_receipt_of_every_entry_stands_alone() {
    let program = Program::prepared();
    let trust = program.output("trust show").stdout;
    fs::write(program.path("trust"), trust).unwrap();
    for sequence in 0..5 {
        let prove = format!("prove {sequence} --entry-out entry-{sequence}");
        let receipt = program.output(&prove);
        assert_eq!(receipt.status.code(), Some(0), "{receipt:?}");
        fs::write(program.path(&format!("receipt-{sequence}")), receipt.stdout).unwrap();
        // Nothing is written over.
        assert_eq!(program.code(&prove), 2);
    }
    fs::rename(program.path("prod"), program.path("gone")).unwrap();
    for sequence in 0..5 {
        let verify =
            format!("verify receipt-{sequence} --entry entry-{sequence} --trust trust --json");
        let report = program.json(&verify);
        assert_eq!(report["exit_code"], 0, "{report}");
        assert_eq!(report["sequence"], sequence);
        let other = format!(
            "verify receipt-{sequence} --entry entry-{} --trust trust",
            (sequence + 1) % 5
        );
        assert_eq!(program.code(&other), 1);
    }
}

/// What an append hands back stands by itself, also for many at once and for one that is repeated.
#[test]
fn an_append_hands_back_a_receipt_that_stands_alone() {
    let program = Program::prepared();
    fs::write(program.path("trust"), program.output("trust show").stdout).unwrap();
    let say = "append step.failed --key olga.pem --rotation r-1 --step generate --error x";
    assert_eq!(program.code(&format!("{say} --receipt r5")), 0);
    assert_eq!(program.code("prove 5 --entry-out e5"), 0);
    assert_eq!(program.code("verify r5 --entry e5 --trust trust"), 0);
    // A file that is there is left alone, and the entry is recorded.
    let output = program.output(&format!("{say} --receipt r5"));
    assert_eq!(output.status.code(), Some(0));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("ledger prove 6")
    );

    // Through a sealing: 300 at once, and two of them once more.
    let draft = |n: usize| {
        let id = format!("0198f2c0-7a10-7c33-9b1e-{n:012}");
        format!(
            "{{\"event\":\"step.failed\",\"rotation\":\"r-1\",\"step\":\"generate\",\"error\":\"x\",\"event_id\":\"{id}\",\"occurred_utc\":\"2026-11-24T08:00:00Z\"}}\n"
        )
    };
    let all: String = (0..300).map(draft).collect();
    for (name, drafts) in [("all", all), ("again", draft(3) + &draft(299))] {
        fs::write(program.path(name), drafts).unwrap();
        let output = program.output(&format!("append --key olga.pem --json {name}"));
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let printed = String::from_utf8(output.stdout).unwrap();
        let lines: Vec<Value> = printed
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        for line in lines.iter().step_by(lines.len().div_ceil(9)) {
            let sequence = line["sequence"].as_u64().unwrap();
            let (receipt, entry) = (
                format!("{name}-{sequence}.proof"),
                format!("{name}-{sequence}.bin"),
            );
            fs::write(program.path(&receipt), line["proof"].as_str().unwrap()).unwrap();
            assert_eq!(
                program.code(&format!("prove {sequence} --entry-out {entry}")),
                0
            );
            assert_eq!(
                program.code(&format!("verify {receipt} --entry {entry} --trust trust")),
                0,
                "{line}"
            );
        }
    }
}

/// A quorum can only be met under a checkpoint that witnesses saw, so that is the one a receipt
/// travels with as long as it covers the entry.
#[test]
fn a_receipt_travels_under_the_cosigned_checkpoint() {
    let program = Program::prepared();
    let key = SecretKey::from_seed(&[2; 32]);
    let name = KeyName::new("witness.example/a").unwrap();
    let witness = CosignerKey::new(name.clone(), key.public()).unwrap();
    let show = format!("trust show --witness {witness}");
    let trust = program.output(&show).stdout;
    fs::write(program.path("trust"), trust).unwrap();
    let checkpoint = fs::read_to_string(program.path("prod/checkpoint")).unwrap();
    let (text, _) = checkpoint.split_once("\n\n").unwrap();
    let line = cosign(&format!("{text}\n"), 1_767_225_600, &name, &key);
    let cosigned = format!("{checkpoint}{line}");
    let code = |receipt: &[u8]| {
        fs::write(program.path("receipt"), receipt).unwrap();
        program.code("verify receipt --entry entry --trust trust")
    };
    let prove = program.output("prove 1 --entry-out entry").stdout;
    assert_eq!(code(&prove), 1);
    fs::write(program.path("prod/cosigned"), &cosigned).unwrap();
    let prove = program.output("prove 1").stdout;
    assert!(String::from_utf8_lossy(&prove).ends_with(&format!("\n\n{cosigned}")));
    assert_eq!(code(&prove), 0);
    // What is kept there and cannot be used costs nobody a receipt.
    let root = checkpoint.lines().nth(2).unwrap();
    let other = cosigned.replacen(root, "UKvK8Sai4WKd30qm3U7wXJMCzREUTdKcYUn8jtkHVl0=", 1);
    for bad in [other.as_str(), "", "x"] {
        fs::write(program.path("prod/cosigned"), bad).unwrap();
        let prove = program.output("prove 1").stdout;
        assert!(String::from_utf8_lossy(&prove).ends_with(&format!("\n\n{checkpoint}")));
    }
}

#[test]
fn a_note_is_read_from_stdin_no_further_than_its_limit() {
    use std::io::Write as _;
    let verify = |bytes: &[u8]| {
        let foo = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
        let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_ledger"))
            .args(["note", "verify", "--vkey", foo, "-"])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        // The program may stop reading before all of it is written.
        let _ = child.stdin.take().unwrap().write_all(bytes);
        let output = child.wait_with_output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let note = "This is an example message.\n\n\u{2014} example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
    assert_eq!(verify(note.as_bytes()).0, Some(0));
    let (code, said) = verify(&vec![b'a'; 3 << 20]);
    assert_eq!(code, Some(1));
    assert!(said.contains("the limit is 1048576"), "{said}");
}
