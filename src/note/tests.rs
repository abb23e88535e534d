use proptest::prelude::*;

use super::*;

/// Published in the specification.
const VKEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const NOTE: &str = "This is an example message.\n\n\u{2014} example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

fn published_key() -> NoteKey {
    VKEY.parse().unwrap()
}

fn secret(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

fn name(text: &str) -> KeyName {
    KeyName::new(text).unwrap()
}

fn key(text: &str, seed: u8) -> NoteKey {
    NoteKey::new(name(text), secret(seed).public()).unwrap()
}

fn malformed(note: &str) -> NoteError {
    SignedNote::parse(note.as_bytes()).unwrap_err()
}

#[test]
fn opens_the_published_note() {
    let opened = open(NOTE.as_bytes(), &[published_key()]).unwrap();
    assert_eq!(opened.text, "This is an example message.\n");
    assert_eq!(opened.verified, [published_key()]);
}

#[test]
fn every_flipped_bit_of_the_published_note_is_refused() {
    for bit in 0..NOTE.len() * 8 {
        let mut note = NOTE.as_bytes().to_vec();
        note[bit / 8] ^= 1 << (bit % 8);
        assert!(open(&note, &[published_key()]).is_err(), "bit {bit}");
    }
}

#[test]
fn every_shorter_or_longer_note_is_refused() {
    for end in 0..NOTE.len() {
        let cut = &NOTE.as_bytes()[..end];
        assert!(open(cut, &[published_key()]).is_err(), "{end} bytes");
    }
    for extra in ["\n", " ", "x\n", "\n\n"] {
        assert!(open(format!("{NOTE}{extra}").as_bytes(), &[published_key()]).is_err());
    }
}

#[test]
fn what_was_signed_opens_for_its_key_and_no_other() {
    let note = sign("one\n\ntwo\n", &name("a.example"), &secret(1)).unwrap();
    let opened = open(note.as_bytes(), &[key("a.example", 1)]).unwrap();
    assert_eq!(opened.text, "one\n\ntwo\n");
    let stranger = key("b.example", 1);
    assert_eq!(
        open(note.as_bytes(), std::slice::from_ref(&stranger)),
        Err(NoteError::NoTrustedKey)
    );
    // Another key under the same name: which one is there, and which ones would count.
    let (found, trusted) = (
        key("a.example", 1).id(),
        [2, 3].map(|n| key("a.example", n)),
    );
    let refused = open(
        note.as_bytes(),
        &[stranger, trusted[0].clone(), trusted[1].clone()],
    );
    assert_eq!(
        refused.as_ref().unwrap_err().to_string(),
        format!(
            "no trusted key has signed the note: `a.example` signed with key id {}, and {}, {} is trusted",
            hex::encode(found),
            hex::encode(trusted[0].id()),
            hex::encode(trusted[1].id())
        )
    );
    assert_eq!(open(note.as_bytes(), &[]), Err(NoteError::NoTrustedKey));
}

#[test]
fn unknown_signers_are_ignored_wherever_they_stand() {
    let ours = signature_line("text\n", "a.example", &secret(1));
    // Wrong by itself, and of a length that no Ed25519 signature has.
    let theirs = "\u{2014} b.example AAAAAAAA\n";
    for lines in [format!("{ours}{theirs}"), format!("{theirs}{ours}")] {
        let note = format!("text\n\n{lines}");
        let opened = open(note.as_bytes(), &[key("a.example", 1)]).unwrap();
        assert_eq!(opened.verified, [key("a.example", 1)]);
    }
}

#[test]
fn one_bad_signature_of_a_trusted_key_refuses_the_whole_note() {
    let good = signature_line("text\n", "a.example", &secret(1));
    let bad = signature_line("other\n", "b.example", &secret(2));
    let note = format!("text\n\n{good}{bad}");
    let trusted = [key("a.example", 1), key("b.example", 2)];
    assert_eq!(
        open(note.as_bytes(), &trusted),
        Err(NoteError::BadSignature {
            key: Box::new(key("b.example", 2))
        })
    );
    assert!(open(note.as_bytes(), &trusted[..1]).is_ok());

    // The same key twice: both lines must hold.
    let bad = signature_line("other\n", "a.example", &secret(1));
    let note = format!("text\n\n{good}{bad}");
    assert!(matches!(
        open(note.as_bytes(), &trusted),
        Err(NoteError::BadSignature { .. })
    ));

    // The right name and key id, but too short a signature.
    let id = BASE64.encode([&key("a.example", 1).id()[..], &[0; 63]].concat());
    let note = format!("text\n\n\u{2014} a.example {id}\n");
    assert!(matches!(
        open(note.as_bytes(), &trusted),
        Err(NoteError::BadSignature { .. })
    ));
}

#[test]
fn a_signer_counts_once_however_often_it_signed() {
    let line = signature_line("text\n", "a.example", &secret(1));
    let note = format!("text\n\n{line}{line}");
    let trusted = [key("a.example", 1), key("a.example", 1)];
    let opened = open(note.as_bytes(), &trusted).unwrap();
    assert_eq!(opened.verified, [key("a.example", 1)]);
}

#[test]
fn each_malformed_class_has_its_name() {
    let line = "\u{2014} a.example AAAAAAAA\n";
    assert_eq!(malformed(""), NoteError::NoSeparator);
    assert_eq!(malformed(&format!("text\n{line}")), NoteError::NoSeparator);
    assert_eq!(malformed("text\n\n"), NoteError::NoSignature);
    assert_eq!(
        malformed(&format!("text\n\n{}", line.trim_end())),
        NoteError::CutOff
    );
    assert_eq!(
        malformed(&format!("te\txt\n\n{line}")),
        NoteError::Control { at: 2 }
    );
    assert_eq!(
        malformed(&format!("te\rxt\n\n{line}")),
        NoteError::Control { at: 2 }
    );
    assert_eq!(
        SignedNote::parse(b"ab\xff\n\n"),
        Err(NoteError::NotUtf8 { at: 2 })
    );
    assert_eq!(
        malformed(&"a".repeat(NOTE_LIMIT + 1)),
        NoteError::TooLarge {
            found: NOTE_LIMIT + 1
        }
    );
    let with = |bad: &str| malformed(&format!("text\n\n{line}{bad}\n"));
    let dash = "\u{2014}";
    for bad in [
        "x",
        "- a.example AAAAAAAA",
        &format!("{dash}a AAAAAAAA"),
        &format!("{dash} a"),
    ] {
        assert_eq!(with(bad), NoteError::Line { line: 2 }, "{bad}");
    }
    for bad in [
        " AAAAAAAA",
        "a+b AAAAAAAA",
        "a\u{a0}b AAAAAAAA",
        "a\u{2003}b AAAAAAAA",
    ] {
        assert_eq!(
            with(&format!("{dash} {bad}")),
            NoteError::Name { line: 2 },
            "{bad}"
        );
    }
    // Empty, a bare key id, unpadded, loose bits, another alphabet, two spaces, a trailing space.
    for bad in [
        "",
        "AAAAAA==",
        "AAAAAAA",
        "AAAAAAB=",
        "AAAAAA_-",
        " AAAAAAAA",
        "AAAAAAAA ",
    ] {
        assert_eq!(
            with(&format!("{dash} a {bad}")),
            NoteError::Base64 { line: 2 },
            "{bad}"
        );
    }
}

#[test]
fn a_hundred_signatures_are_the_most() {
    let line = "\u{2014} a.example AAAAAAAA\n";
    assert!(SignedNote::parse(format!("text\n\n{}", line.repeat(100)).as_bytes()).is_ok());
    assert_eq!(
        malformed(&format!("text\n\n{}", line.repeat(101))),
        NoteError::TooManySignatures { found: 101 }
    );
}

#[test]
fn refuses_to_sign_what_could_not_be_opened() {
    let sign = |text: &str| sign(text, &name("a.example"), &secret(1));
    assert_eq!(sign(""), Err(NoteError::Unterminated));
    assert_eq!(sign("text"), Err(NoteError::Unterminated));
    assert_eq!(sign("te\0xt\n"), Err(NoteError::Control { at: 2 }));
    let long = format!("{}\n", "a".repeat(NOTE_LIMIT));
    assert!(matches!(sign(&long), Err(NoteError::TooLarge { .. })));
    assert!(sign("\n").is_ok());
}

proptest! {
    /// Whatever parses, formats to the same bytes: here a good note with something put into it.
    #[test]
    fn formatting_gives_the_same_bytes_back(
        at in 0..NOTE.len(),
        put in prop_oneof!["[A-Za-z=+ \n\u{2014}]{1,3}", Just(NOTE[29..].to_owned())],
    ) {
        prop_assume!(NOTE.is_char_boundary(at));
        let note = format!("{}{put}{}", &NOTE[..at], &NOTE[at..]);
        if let Ok(parsed) = SignedNote::parse(note.as_bytes()) {
            prop_assert_eq!(parsed.to_string(), note);
        }
    }

    #[test]
    fn any_text_of_lines_can_be_signed_and_opened(text in "([^\\p{Cc}]{0,9}\n){1,6}") {
        let note = sign(&text, &name("a.example"), &secret(1)).unwrap();
        let opened = open(note.as_bytes(), &[key("a.example", 1)]).unwrap();
        prop_assert_eq!(opened.text, text);
        let parsed = SignedNote::parse(note.as_bytes()).unwrap();
        prop_assert_eq!(parsed.to_string(), note);
    }
}
