use super::*;
use crate::checkpoint::{self, Checkpoint, CheckpointError, CosignerKey, cosign};
use crate::key::SecretKey;
use crate::note::{self, KeyName, NoteError, NoteKey};

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
        assert_eq!(judged.quorum, met, "{lines} by {by:?}");
        assert_eq!(judged.cosigners().count(), by.len());
    }
}

#[test]
fn a_witness_that_signs_twice_counts_once_and_the_future_not_at_all() {
    let trust = trust("group g 2 w2 w3\nquorum g");
    assert!(!trust.judge(note(&[2, 2]).as_bytes(), NOW).unwrap().quorum);
    assert!(
        !trust
            .judge(note(&[2, 3]).as_bytes(), NOW - 3 - SKEW)
            .unwrap()
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
    // A listed witness's line that is not theirs refuses the whole note.
    let good = note(&[2]);
    let moved = good.replacen("\n7\n", "\n8\n", 1);
    assert!(trust("quorum none").judge(moved.as_bytes(), NOW).is_err());
    let foreign = cosign("another text\n", NOW, &origin("w2.example"), &key(2));
    let bad = note(&[]) + &foreign;
    let refused = trust("quorum none").judge(bad.as_bytes(), NOW);
    assert!(
        matches!(refused, Err(DistrustError::Cosignature(_))),
        "{refused:?}"
    );
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
        ("group g 01 w2", TrustFileFault::Threshold),
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
    assert!(matches!(
        fault(&format!("witness w7 {}", log())),
        TrustFileFault::Key(_)
    ));
    assert!(matches!(
        fault(&format!("log {}", witness(7))),
        TrustFileFault::Key(_)
    ));
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
    let signed = |said: &str| note::signature_line(said, other.name(), &key(9));
    let both = format!("{stated}{}", signed(&format!("{text}\n")));
    assert_eq!(trust.judge(both.as_bytes(), NOW).unwrap().log, log());
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
    let met = |latest| trust.judge(note(&[2]).as_bytes(), latest).unwrap().quorum;
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
    assert!(trust.judge(note(&[2]).as_bytes(), NOW).unwrap().quorum);
    assert!(!trust.judge(note(&[3]).as_bytes(), NOW).unwrap().quorum);
}
