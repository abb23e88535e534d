//! What somebody can do to a pack on its way, without a key, with the key that signs packs, and with
//! a ledger of their own.

use rotation_ledger::facts::RENDERINGS;
use rotation_ledger::hash::Blake3Digest;
use rotation_ledger::pack::Bag;
use rotation_ledger::pack_verify::PackQuestion;
use rotation_ledger::pack_verify::examine;
use rotation_ledger::rule::Verdict;
use rotation_ledger::sys::keyfile;
use rotation_ledger::verify::Conclusion;
use rotation_ledger::verify::VerdictStatus;

use crate::support::program::Program;
use crate::support::shelf::OUTPUT;
use crate::support::shelf::Shelf;
use crate::support::shelf::busy;
use crate::support::shelf::changed;
use crate::support::shelf::drop_entry;
use crate::support::shelf::elsewhere;
use crate::support::shelf::entry;
use crate::support::shelf::everything;
use crate::support::shelf::forged;
use crate::support::shelf::found;
use crate::support::shelf::judge;
use crate::support::shelf::keep;
use crate::support::shelf::pack_key;
use crate::support::shelf::receipt;
use crate::support::shelf::rotation;
use crate::support::shelf::rules;
use crate::support::story::key_of;
use crate::support::story::log_line;

/// Where the entries about db/orders are in [`busy`].
fn about_orders(shelf: &Shelf) -> Vec<u64> {
    let opened = shelf.story.first("rotation.opened");
    (opened..opened + 12).collect()
}

#[test]
fn without_a_key_nothing_can_be_changed() {
    let pack = Shelf::new(busy()).export(rotation("r-1")).bytes;
    assert_eq!(found(&pack), []);
    // A file that nothing lists: the validators of the format pass over it.
    for path in [
        "extra.txt",
        "fetch.txt",
        "data/extra.txt",
        "manifest-sha512.txt",
    ] {
        let bad = changed(&pack, |files| {
            files.insert(path.to_owned(), b"see here".to_vec());
        });
        assert_eq!(rules(&bad), ["P-01"], "{path}");
        let named = judge(&bad).findings;
        assert!(
            named.iter().any(|one| one.found.contains(path)),
            "{path}: {named:#?}"
        );
    }
    // A file that is gone, and one that says something else.
    for (path, also) in [
        ("data/rotations.json", &["P-05"][..]),
        ("data/VERIFY.md", &[]),
        ("data/report.html", &[]),
    ] {
        let gone = changed(&pack, |files| {
            files.remove(path).unwrap();
        });
        assert_eq!(rules(&gone), ["P-01", "P-05"], "{path}");
        let other = changed(&pack, |files| files.get_mut(path).unwrap().push(b'\n'));
        assert_eq!(rules(&other), [&["P-01"], also].concat(), "{path}");
    }
    // All lists made anew, signed by somebody else, or by nobody.
    let bad = forged(&pack, &key_of("mallory"), |payload| {
        payload
            .get_mut("report.html")
            .unwrap()
            .extend(b"<p>all is well</p>");
    });
    assert_eq!(rules(&bad), ["P-02"]);
    for path in ["manifest-sha256.txt.sig", "manifest-sha256.txt.sshsig"] {
        let bad = changed(&pack, |files| {
            files.remove(path).unwrap();
        });
        assert_eq!(rules(&bad), ["P-01", "P-02"], "{path}");
        let bad = changed(&pack, |files| files.get_mut(path).unwrap()[40] ^= 1);
        assert_eq!(rules(&bad), ["P-01", "P-02"], "{path}");
    }
}

#[test]
fn a_document_that_was_swapped_is_found_whoever_signed_it() {
    let pack = Shelf::new(busy()).export(rotation("r-1")).bytes;
    for path in [
        "rotations.json",
        "findings.json",
        "pack.json",
        "evidence/r-1.txt",
        "keys/pack.pem",
        "keys/allowed_signers",
        "ledger/entries.ndjson",
    ] {
        let bad = forged(&pack, &pack_key(), |payload| {
            payload.get_mut(path).unwrap().push(b'\n');
        });
        assert_eq!(rules(&bad), ["P-05"], "{path}");
    }
    let bad = forged(&pack, &pack_key(), |payload| {
        payload.insert(
            "evidence/r-2.txt".to_owned(),
            payload["evidence/r-1.txt"].clone(),
        );
    });
    assert_eq!(rules(&bad), ["P-01"]);
}

/// Words are nobody's statement but that of the pack key: each file of them is named as not compared, and none can
/// be left out or put in.
#[test]
fn words_are_carried_and_said_to_be_no_more() {
    let pack = Shelf::new(busy()).export(rotation("r-1")).bytes;
    let named = |zip: &[u8]| {
        let notes = judge(zip).notes;
        let item = notes
            .into_iter()
            .find(|item| item.starts_with("the words of the pack"));
        item.unwrap()
    };
    for path in RENDERINGS {
        assert!(named(&pack).contains(path), "{path}");
        let bad = forged(&pack, &pack_key(), |payload| {
            payload.get_mut(path).unwrap().push(b'\n');
        });
        assert_eq!(found(&bad), [], "{path}");
        assert_eq!(named(&bad), named(&pack));
        let gone = forged(&pack, &pack_key(), |payload| {
            payload.remove(path).unwrap();
        });
        assert_eq!(rules(&gone), ["P-05"], "{path}");
    }
    for path in ["README.md", "keys/report.html", "rotations.xlsx"] {
        let more = forged(&pack, &pack_key(), |payload| {
            payload.insert(path.to_owned(), b"all is well".to_vec());
        });
        assert_eq!(rules(&more), ["P-01"], "{path}");
    }
}

/// Who signs packs can say that the facts are in a form that this program does not know: then they are
/// not taken for true, but said to be unread, and the pack does not pass.
#[test]
fn another_form_hides_no_document() {
    let pack = Shelf::new(busy()).export(rotation("r-1")).bytes;
    let other = |summary: &mut Vec<u8>| {
        let text = String::from_utf8(summary.clone()).unwrap();
        *summary = text
            .replace("\"format\": 2,", "\"format\": 3,")
            .into_bytes();
    };
    let bad = forged(&pack, &pack_key(), |payload| {
        other(payload.get_mut("pack.json").unwrap());
        let page = payload.get_mut("rotations.json").unwrap();
        page.extend(b"all is well");
    });
    keep(&bad);
    let examined = examine(&Bag::from_zip(&bad).unwrap(), PackQuestion::default());
    assert_eq!(examined.other_form, Some(3));
    assert_eq!(examined.report.findings, []);
    let unread = "what the documents state";
    let not_checked = &examined.report.not_checked;
    assert!(not_checked.iter().any(|item| item.starts_with(unread)));
    // It hides neither an entry nor a hole.
    let bad = forged(&pack, &pack_key(), |payload| {
        other(payload.get_mut("pack.json").unwrap());
        payload.get_mut(&entry(3)).unwrap()[40] ^= 1;
    });
    keep(&bad);
    let examined = examine(&Bag::from_zip(&bad).unwrap(), PackQuestion::default());
    let integrity = examined.report.line(Verdict::Integrity).unwrap().status;
    assert_eq!(integrity, VerdictStatus::Fail);

    // As people see it: a pack whose documents were not read ends with 4.
    let program = Program::prepared();
    let shown = program.output("trust show").stdout;
    std::fs::write(program.path("t.trust"), shown).unwrap();
    let words = "export --key alice.pem --out p.zip --rotation r-1";
    assert_eq!(program.code(words), 0);
    let verify = "verify p.zip --trust t.trust --fail-on none";
    assert_eq!(program.code(verify), 0);
    let key = keyfile::read(&program.path("state/pack.pem"), &|| Ok(None)).unwrap();
    let bad = forged(
        &std::fs::read(program.path("p.zip")).unwrap(),
        &key,
        |payload| {
            other(payload.get_mut("pack.json").unwrap());
        },
    );
    std::fs::write(program.path("p.zip"), bad).unwrap();
    assert_eq!(program.code(verify), 4);
}

#[test]
fn an_entry_that_was_left_out_shows_as_a_hole() {
    let mut shelf = Shelf::new(busy());
    let pack = shelf.export(rotation("r-1")).bytes;
    let about = about_orders(&shelf);
    // In the middle: the thread of the secret is broken at the next one.
    let bad = forged(&pack, &pack_key(), |payload| drop_entry(payload, about[4]));
    let found_there = found(&bad);
    assert!(
        found_there.contains(&("I-15", Some(about[5]))),
        "{found_there:?}"
    );
    assert!(rules(&bad).contains(&"P-04"));
    // At the end of the secret: the record of the export knows how many there were, and where it ended.
    let last = shelf.story.last("rotation.confirmed");
    let bad = forged(&pack, &pack_key(), |payload| drop_entry(payload, last));
    assert_eq!(
        judge(&bad).line(Verdict::Integrity).unwrap().status,
        VerdictStatus::Fail
    );
    assert!(rules(&bad).contains(&"P-04"), "{:?}", found(&bad));
    // Who may speak: nothing threads these, and the record counts them.
    let bad = forged(&pack, &pack_key(), |payload| drop_entry(payload, 3));
    assert!(rules(&bad).contains(&"P-04"), "{:?}", found(&bad));
    // Entry 0, without which nobody knows whose ledger it is.
    let bad = forged(&pack, &pack_key(), |payload| drop_entry(payload, 0));
    assert_eq!(
        judge(&bad).line(Verdict::Integrity).unwrap().status,
        VerdictStatus::Fail
    );
}

#[test]
fn a_pack_that_was_cut_does_not_end_with_its_record() {
    let mut shelf = Shelf::new(busy());
    for part in [everything(), rotation("r-1")] {
        let pack = shelf.export(part).bytes;
        let record = shelf.story.last("pack.exported");
        let bad = forged(&pack, &pack_key(), |payload| drop_entry(payload, record));
        assert!(rules(&bad).contains(&"P-04"), "{:?}", found(&bad));
    }
}

/// The record of another export does not fit, even one of the same ledger.
#[test]
fn a_pack_with_more_than_was_selected_is_found() {
    let mut shelf = Shelf::new(busy());
    let all = shelf.export(everything()).bytes;
    let one = shelf.export(rotation("r-1")).bytes;
    let (_, from) = crate::support::shelf::files(&all);
    let other = shelf.story.first("dual_run.not_supported");
    let bad = forged(&one, &pack_key(), |payload| {
        for path in [entry(other), receipt(other)] {
            payload.insert(path.clone(), from[&format!("data/{path}")].clone());
        }
    });
    assert!(rules(&bad).contains(&"P-03"), "{:?}", found(&bad));
    assert!(rules(&bad).contains(&"P-04"), "{:?}", found(&bad));
}

#[test]
fn a_secret_cannot_be_left_out_of_the_population() {
    let pack = Shelf::new(busy()).export(rotation("r-1")).bytes;
    for (secret, also) in [("vendor/mail", false), ("db/orders", true)] {
        let bad = forged(&pack, &pack_key(), |payload| {
            let mut document: serde_json::Value =
                serde_json::from_slice(&payload["secrets.json"]).unwrap();
            let rows = document["secrets"].as_array_mut().unwrap();
            rows.retain(|row| row["secret"] != secret);
            payload.insert(
                "secrets.json".to_owned(),
                format!("{document:#}\n").into_bytes(),
            );
        });
        let rules = rules(&bad);
        assert!(rules.contains(&"P-04"), "{secret}: {rules:?}");
        assert_eq!(rules.contains(&"P-05"), also, "{secret}: {rules:?}");
    }
    // What is said of a secret whose entries are here is held against them.
    let bad = forged(&pack, &pack_key(), |payload| {
        let text = String::from_utf8(payload["secrets.json"].clone()).unwrap();
        let text = text.replace("\"rotations\": 2", "\"rotations\": 3");
        payload.insert("secrets.json".to_owned(), text.into_bytes());
    });
    assert!(rules(&bad).contains(&"P-05"), "{:?}", found(&bad));
}

#[test]
fn another_ledgers_entries_do_not_pass() {
    let pack = Shelf::new(busy()).export(rotation("r-1")).bytes;
    let theirs = Shelf::new(elsewhere()).export(rotation("r-1")).bytes;
    let (_, from) = crate::support::shelf::files(&theirs);
    // Bytes alone, bytes with the receipt that they have there, and that receipt alone.
    for with in [vec![entry(2)], vec![entry(2), receipt(2)], vec![receipt(2)]] {
        let bad = forged(&pack, &pack_key(), |payload| {
            for path in &with {
                payload.insert(path.clone(), from[&format!("data/{path}")].clone());
            }
        });
        assert!(rules(&bad).contains(&"P-03"), "{with:?}: {:?}", found(&bad));
        assert_eq!(judge(&bad).conclusion(false, &[]), Conclusion::Broken);
    }
    // The checkpoint of the other ledger, with everything else as it was.
    let bad = forged(&pack, &pack_key(), |payload| {
        let path = "ledger/checkpoint";
        payload.insert(path.to_owned(), from[&format!("data/{path}")].clone());
    });
    assert!(rules(&bad).contains(&"P-03"), "{:?}", found(&bad));
}

/// Whoever makes up a ledger makes up a pack of it that holds together. Only what the reader has by
/// another road tells it apart.
#[test]
fn trust_is_never_taken_from_the_pack() {
    let pack = Shelf::new(busy()).export(rotation("r-1")).bytes;
    let bag = Bag::from_zip(&pack).unwrap();
    let trusting = |key: &rotation_ledger::key::SecretKey| {
        let file = log_line(key) + "quorum none\n";
        let asked = PackQuestion {
            trust: Some(rotation_ledger::trust::Trust::parse(file.as_bytes()).unwrap()),
            ..PackQuestion::default()
        };
        examine(&bag, asked).report
    };
    assert_eq!(trusting(&crate::support::story::sealing_key()).findings, []);
    let report = trusting(&key_of("the true seal"));
    let rules: Vec<_> = report
        .findings
        .iter()
        .map(|finding| finding.rule.id)
        .collect();
    assert_eq!(rules, ["N-04"]);
    assert_eq!(report.conclusion(false, &[]), Conclusion::Broken);
    // Without a trust file that is said, and the program does not call it passed.
    let report = examine(&bag, PackQuestion::default()).report;
    assert!(
        report
            .not_checked
            .iter()
            .any(|item| item.contains("no trust file"))
    );
}

#[test]
fn an_attached_file_that_was_changed_or_dropped_is_found() {
    let mut shelf = Shelf::new(busy());
    let pack = shelf.export(rotation("r-1")).bytes;
    let path = format!("attachments/{}", Blake3Digest::of(OUTPUT));
    let at = shelf.story.last("evidence.attached");
    let bad = forged(&pack, &pack_key(), |payload| {
        payload.get_mut(&path).unwrap()[0] ^= 1;
    });
    assert!(
        found(&bad).contains(&("I-09", Some(at))),
        "{:?}",
        found(&bad)
    );
    let bad = forged(&pack, &pack_key(), |payload| {
        payload.remove(&path).unwrap();
    });
    assert!(
        found(&bad).contains(&("I-09", Some(at))),
        "{:?}",
        found(&bad)
    );
    let bad = forged(&pack, &pack_key(), |payload| {
        payload.insert(format!("attachments/{}", "ab".repeat(32)), b"more".to_vec());
    });
    assert!(rules(&bad).contains(&"P-01"), "{:?}", found(&bad));
}
