use super::*;
use crate::checkpoint::{self, Checkpoint, CheckpointError, CosignerKey, cosign};
use crate::key::SecretKey;
use crate::note::{self, KeyName, NOTE, NoteError, NoteKey, Vkey};

const NOW: u64 = 1_800_000_000;

fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

fn origin(text: &str) -> KeyName {
    KeyName::new(text).unwrap()
}

fn log() -> NoteKey {
    NoteKey::new(origin("ledger.example/x"), key(1).public()).unwrap()
}

fn witness(n: u8) -> CosignerKey {
    CosignerKey::new(origin(&format!("w{n}.example")), key(n).public()).unwrap()
}

/// A checkpoint of the log with cosignatures by these witnesses.
fn note(by: &[u8]) -> String {
    let root = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
    let stated = Checkpoint::parse(&format!("ledger.example/x\n7\n{root}\n")).unwrap();
    let mut note = checkpoint::sign(&stated, &key(1));
    for n in by {
        let name = origin(&format!("w{n}.example"));
        note.push_str(&cosign(
            &stated.format(),
            NOW - u64::from(*n),
            &name,
            &key(*n),
        ));
    }
    note
}

fn trust(lines: &str) -> Trust {
    Trust::parse(file(lines).as_bytes()).unwrap()
}

fn file(lines: &str) -> String {
    let mut file = format!("# handed over on paper\nlog {}\n", log());
    for n in 2..6 {
        file.push_str(&format!(
            "witness w{n} {} https://w{n}.example/\n",
            witness(n)
        ));
    }
    file + lines
}

fn fault(lines: &str) -> TrustFileFault {
    Trust::parse(file(lines).as_bytes()).unwrap_err().fault
}

#[test]
fn a_quorum_is_met_by_those_it_names() {
    for (lines, by, met) in [
        ("quorum none", &[][..], true),
        ("quorum w2", &[2], true),
        ("quorum w2", &[3, 4], false),
        ("group g all w2 w3\nquorum g", &[2], false),
        ("group g all w2 w3\nquorum g", &[2, 3], true),
        ("group g any w2 w3\nquorum g", &[3], true),
        ("group g 2 w2 w3 w4\nquorum g", &[4], false),
        ("group g 2 w2 w3 w4\nquorum g", &[2, 4], true),
        (
            "group g 2 w2 w3 w4\ngroup h all g w5\nquorum h",
            &[2, 4],
            false,
        ),
        (
            "group g 2 w2 w3 w4\ngroup h all g w5\nquorum h",
            &[2, 4, 5],
            true,
        ),
    ] {
        let judged = trust(lines).judge(note(by).as_bytes(), NOW).unwrap();
        assert_eq!(judged.seen.quorum, met, "{lines} by {by:?}");
        assert_eq!(judged.seen.cosigners().count(), by.len());
    }
}

#[test]
fn a_witness_that_signs_twice_counts_once_and_the_future_not_at_all() {
    let trust = trust("group g 2 w2 w3\nquorum g");
    assert!(
        !trust
            .judge(note(&[2, 2]).as_bytes(), NOW)
            .unwrap()
            .seen
            .quorum
    );
    assert!(
        !trust
            .judge(note(&[2, 3]).as_bytes(), NOW - 3 - SKEW)
            .unwrap()
            .seen
            .quorum
    );
}

#[test]
fn what_no_listed_log_signed_does_not_count() {
    let other = note(&[2]).replace("ledger.example/x", "ledger.example/y");
    let refused = trust("quorum none").judge(other.as_bytes(), NOW);
    assert!(
        matches!(refused, Err(DistrustError::Checkpoint(_))),
        "{refused:?}"
    );
    let good = note(&[2]);
    let moved = good.replacen("\n7\n", "\n8\n", 1);
    let refused = trust("quorum none").judge(moved.as_bytes(), NOW);
    assert!(refused.unwrap_err().is_forged());
}

/// Anybody can write a line below a note: it counts for nothing, and is told.
#[test]
fn a_line_that_a_witness_did_not_make_counts_as_none_and_is_named() {
    let foreign = cosign("another text\n", NOW, &origin("w2.example"), &key(2));
    let bad = note(&[3]) + &foreign;
    let judge = |lines| trust(lines).judge(bad.as_bytes(), NOW).unwrap().seen;
    for (lines, met) in [
        ("quorum none", true),
        ("quorum w3", true),
        ("quorum w2", false),
    ] {
        let seen = judge(lines);
        assert_eq!((seen.quorum, seen.could_be_quorum), (met, met), "{lines}");
        assert_eq!(seen.cosigners().count(), 1);
        assert!(matches!(
            seen.fault(&seen.witnesses[0].0),
            Some(WitnessFault::NotItsOwn(_))
        ));
    }
}

/// Every type that C2SP assigns, and one that it does not yet, as a witness's key and as a log's.
#[test]
fn keys_of_every_type_are_read_and_those_that_cannot_be_checked_count_as_none() {
    for kind in [0x01, 0x02, 0x03, 0x05, 0x07, 0xfa, 0xff] {
        let vkey = Vkey::of(origin("odd.example"), kind, &[kind; 91]);
        let line = note::format_line("odd.example", vkey.id(), &[7; 72]);
        let signed = note(&[2]) + &line;
        let judge = |quorum: &str| {
            let lines = format!("witness odd {vkey}\nquorum {quorum}");
            let trust = trust(&lines);
            assert_eq!(trust.remarks().len(), 1, "{kind}");
            trust.judge(signed.as_bytes(), NOW).unwrap().seen
        };
        let seen = judge("w2");
        assert!(seen.quorum, "{kind}");
        // Whether it has cosigned is not known, which is less than that it has not.
        let seen = judge("odd");
        assert_eq!((seen.quorum, seen.could_be_quorum), (false, true), "{kind}");
        if kind == NOTE {
            continue;
        }
        let text = format!("log {vkey}\nquorum none");
        let trust = Trust::parse(text.as_bytes()).unwrap();
        let refused = trust.judge(signed.as_bytes(), NOW).unwrap_err();
        assert!(matches!(refused, DistrustError::Unverified(_)), "{kind}");
    }
}

/// Signed by another program, from the specification (FIPS 204 and C2SP tlog-cosignature).
#[test]
fn cosignatures_by_ml_dsa_count_and_no_changed_byte_of_them_does() {
    let vectors = include_str!("../../tests/vectors/ml_dsa.json");
    let vectors: serde_json::Value = serde_json::from_str(vectors).unwrap();
    let text = |name: &str| vectors[name].as_str().unwrap();
    let tlog = include_str!("../../tests/vectors/tlog.json");
    let tlog: serde_json::Value = serde_json::from_str(tlog).unwrap();
    let (log, witness) = (
        tlog["keys"]["log_vkey"].as_str().unwrap(),
        text("witness_vkey"),
    );
    let trust = |log: &str| {
        let file = format!("log {log}\nwitness pq {witness}\nquorum pq\n");
        Trust::parse(file.as_bytes()).unwrap()
    };
    let note = text("checkpoint_70_cosigned");
    let judged = trust(log).judge(note.as_bytes(), NOW).unwrap();
    let cosigners: Vec<_> = judged.seen.cosigners().map(|(_, time)| time).collect();
    assert!(judged.seen.quorum);
    assert_eq!(cosigners, [1_767_225_610]);
    let (before, line) = note.split_at(note.rfind(' ').unwrap() + 1);
    // Those of the key id are another key's, and the others break the signature.
    for at in (6..line.len() - 8).step_by(97) {
        let mut line = line.as_bytes().to_vec();
        line[at] = if line[at] == b'A' { b'B' } else { b'A' };
        let note = [before.as_bytes(), &line].concat();
        assert!(!trust(log).judge(&note, NOW).unwrap().seen.quorum, "{at}");
    }
    // A log that signs so itself, as C2SP recommends.
    let note = text("checkpoint_70_by_ml_dsa");
    let judged = trust(text("log_vkey")).judge(note.as_bytes(), NOW).unwrap();
    assert_eq!(judged.log.to_string(), text("log_vkey"));
    assert!(judged.seen.quorum);
    assert!(trust(log).judge(note.as_bytes(), NOW).is_err());
    // A key that is cut short, or of another id, is told with its line.
    for bad in [
        &witness[..witness.len() - 4],
        &witness.replacen("pq+", "pr+", 1),
    ] {
        let file = format!("log {log}\nwitness pq {bad}\nquorum pq\n");
        assert_eq!(Trust::parse(file.as_bytes()).unwrap_err().line, 2);
    }
}

#[test]
fn what_was_changed_on_its_way_is_told_with_its_line() {
    let good = file("group g 002 w2 w3\nquorum g\n");
    assert!(Trust::parse(good.as_bytes()).is_ok());
    for (bad, line) in [
        (good.replace('\n', "\r\n"), 1),
        (format!("\u{feff}{good}"), 1),
        (good.replace("log ", "> log "), 2),
        (format!("<pre>\n{good}</pre>"), 1),
        (String::new(), 1),
    ] {
        let fault = Trust::parse(bad.as_bytes()).unwrap_err();
        let is_told = matches!(fault.fault, TrustFileFault::Mangled(_));
        assert!(is_told || line == 2, "{fault}");
        assert_eq!(fault.line, line, "{fault}");
    }
}

#[test]
fn each_malformed_line_is_refused_by_name() {
    let name = |text: &str| TrustName(text.as_bytes().to_vec());
    for (lines, wanted) in [
        ("", TrustFileFault::NoQuorum),
        ("quorum none\nquorum none", TrustFileFault::SecondQuorum),
        ("quorum", TrustFileFault::Words("quorum <name>|none")),
        ("quorum w9", TrustFileFault::Unknown(name("w9"))),
        ("log", TrustFileFault::Words("log <vkey> [url]")),
        (
            "witness a",
            TrustFileFault::Words("witness <name> <vkey> [url]"),
        ),
        (
            "group g all",
            TrustFileFault::Words("group <name> all|any|<k> <member>…"),
        ),
        ("group g 0 w2", TrustFileFault::Threshold),
        ("group g 2 w2", TrustFileFault::Threshold),
        ("group g +1 w2", TrustFileFault::Threshold),
        ("group g 1.0 w2", TrustFileFault::Threshold),
        ("group g some w2", TrustFileFault::Threshold),
        ("group g all w2 w2", TrustFileFault::MemberTwice(name("w2"))),
        (
            "group g all w2\ngroup h any w2 w3",
            TrustFileFault::MemberTwice(name("w2")),
        ),
        ("group g all w9", TrustFileFault::Unknown(name("w9"))),
        ("group g all g", TrustFileFault::Unknown(name("g"))),
        ("group w2 all w3", TrustFileFault::DuplicateName(name("w2"))),
        ("group none all w3", TrustFileFault::Reserved),
        ("trust everybody", TrustFileFault::Keyword),
        ("quorum none\r", TrustFileFault::Byte(b'\r')),
    ] {
        assert_eq!(fault(lines), wanted, "{lines}");
    }
    let again = format!("log {}", log());
    assert_eq!(fault(&again), TrustFileFault::DuplicateKey);
    let renamed = CosignerKey::new(origin("other.example"), key(2).public()).unwrap();
    assert_eq!(
        fault(&format!("witness w7 {renamed}")),
        TrustFileFault::DuplicateKey
    );
    let long = vec![b'#'; TRUST_LIMIT + 1];
    assert_eq!(
        Trust::parse(&long).unwrap_err().fault,
        TrustFileFault::TooLarge
    );
    let third = Trust::parse(b"\n# one\nlog x\n").unwrap_err();
    assert_eq!(third.line, 3);
}

#[test]
fn spacing_and_comments_are_free() {
    let text = format!("\t log\t {} \n\n   # no\n quorum \t none  ", log());
    assert_eq!(Trust::parse(text.as_bytes()).unwrap().logs().len(), 1);
}

#[test]
fn every_listed_log_that_a_note_names_must_have_signed_it() {
    let other = NoteKey::new(origin("ledger.example/x"), key(9).public()).unwrap();
    let trust =
        Trust::parse(format!("log {}\nlog {other}\nquorum none", log()).as_bytes()).unwrap();
    let stated = note(&[]);
    let (text, _) = stated.split_once("\n\n").unwrap();
    let signed = |said: &str| note::signature_line(said, other.name().as_str(), &key(9));
    let both = format!("{stated}{}", signed(&format!("{text}\n")));
    assert_eq!(trust.judge(both.as_bytes(), NOW).unwrap().log, *log());
    // The first log's line holds; the second's is over another text.
    let mixed = format!("{stated}{}", signed("something else\n"));
    assert_eq!(
        trust.judge(mixed.as_bytes(), NOW),
        Err(DistrustError::Checkpoint(CheckpointError::Note(
            NoteError::BadSignature {
                key: Box::new(other)
            }
        )))
    );
}

#[test]
fn a_clock_a_little_ahead_counts_and_one_far_ahead_does_not() {
    let trust = trust("quorum w2");
    let met = |latest| {
        trust
            .judge(note(&[2]).as_bytes(), latest)
            .unwrap()
            .seen
            .quorum
    };
    assert!(met(NOW));
    assert!(met(NOW - 2 - SKEW));
    assert!(!met(NOW - 3 - SKEW));
}

/// As many groups, each in the next, as fit into the largest file: neither stack nor patience ends.
#[test]
fn groups_may_be_nested_as_deep_as_the_file_is_long() {
    let mut lines = "group g0 any w2\n".to_owned();
    let mut last = 0;
    while lines.len() < TRUST_LIMIT - 2_000 {
        lines.push_str(&format!("group g{} any g{last}\n", last + 1));
        last += 1;
    }
    let trust = trust(&format!("{lines}quorum g{last}\n"));
    assert!(last > 40_000);
    assert!(trust.judge(note(&[2]).as_bytes(), NOW).unwrap().seen.quorum);
    assert!(!trust.judge(note(&[3]).as_bytes(), NOW).unwrap().seen.quorum);
}
