//! Samples: drawn again by whoever has the pack, and what somebody can do to a draw who holds every key of the
//! ledger's host.

use rotation_ledger::export::{DrawnSample, cosigned_seed, draw};
use rotation_ledger::hash::Sha256Digest;
use rotation_ledger::pack::{Bag, DrawSeed, PackPart};
use rotation_ledger::pack_verify::{PackQuestion, examine};
use rotation_ledger::rule::Finding;
use rotation_ledger::text::Id;
use rotation_ledger::time::Timestamp;
use rotation_ledger::trust::Trust;
use rotation_ledger::verify::{Conclusion, Report};
use serde_json::json;

use crate::support::shelf::{Lie, Shelf, files, judge};
use crate::support::story::{Story, cosigned_by, log_line, sealing_key, witness_line};

const MINUTE: i64 = 60_000_000;

const ROTATIONS: [(&str, &str); 13] = [
    ("rot-0", "kv/secret-0"),
    ("rot-1", "kv/secret-1"),
    ("rot-2", "kv/secret-2"),
    ("rot-3", "kv/secret-3"),
    ("rot-4", "kv/secret-4"),
    ("rot-5", "kv/secret-5"),
    ("rot-6", "kv/secret-6"),
    ("rot-7", "kv/secret-7"),
    ("rot-8", "kv/secret-8"),
    ("rot-9", "kv/secret-9"),
    ("rot-10", "kv/secret-10"),
    ("rot-11", "kv/secret-11"),
    ("rot-12", "kv/secret-12"),
];

/// A ledger with a rotation of each of twelve secrets.
fn population() -> Shelf {
    let mut story = Story::new();
    for (rotation, secret) in &ROTATIONS[..12] {
        story.register(secret, json!({}));
        let script = story.standard(rotation, secret);
        story.play(script);
    }
    let mut shelf = Shelf::new(story);
    shelf.write();
    shelf
}

/// Everything that lies before now.
fn period(shelf: &Shelf) -> (Timestamp, Timestamp) {
    let from = "2025-01-01T00:00:00Z".parse().unwrap();
    (
        from,
        Timestamp::from_micros(shelf.story.now.micros() - MINUTE),
    )
}

fn drawn(shelf: &Shelf, size: u64, seed: DrawSeed) -> (PackPart, DrawnSample) {
    let before = shelf.with(|export| export.entries()).unwrap();
    let (draw, said) = draw(&before, size, period(shelf), seed, shelf.story.now);
    (PackPart::Sample(Box::new(draw)), said)
}

fn text(seed: &str) -> DrawSeed {
    DrawSeed::text(seed).unwrap()
}

fn ids(said: &DrawnSample) -> Vec<String> {
    said.drawn
        .iter()
        .map(|one| one.rotation.to_string())
        .collect()
}

/// The rules and what was found under them.
fn held(report: &Report) -> Vec<String> {
    let one = |finding: &Finding| {
        format!(
            "{}: {} / {}",
            finding.rule.id, finding.expected, finding.found
        )
    };
    report.findings.iter().map(one).collect()
}

fn not_checked(report: &Report, what: &str) -> bool {
    report.not_checked.iter().any(|item| item.contains(what))
}

#[test]
fn a_draw_is_what_sha256sum_and_sort_say() {
    let mut shelf = population();
    let seed = "audit of Q1, dice 4 1 6 6 2";
    let (part, said) = drawn(&shelf, 5, text(seed));
    assert_eq!(said.population.len(), 12);
    assert_eq!((said.secrets, said.other_rotations), (12, 0));
    // The five secrets that every story begins with were never rotated.
    assert_eq!((said.without_rotation.len(), said.overdue), (5, 0));
    let pack = shelf.export(part);
    let (_, inside) = files(&pack.bytes);
    let list = String::from_utf8(inside["data/sample/population.txt"].clone()).unwrap();
    let mut ranks: Vec<_> = list
        .lines()
        .map(|id| {
            (
                Sha256Digest::of(format!("{seed} {id}").as_bytes()).to_string(),
                id,
            )
        })
        .collect();
    ranks.sort();
    let by_hand: Vec<_> = ranks
        .iter()
        .take(5)
        .map(|(_, id)| (*id).to_owned())
        .collect();
    assert_eq!(ids(&said), by_hand);
    let report = judge(&pack.bytes);
    assert_eq!(held(&report), Vec::<String>::new());
    assert!(
        not_checked(&report, "who chose the seed"),
        "{:#?}",
        report.not_checked
    );
    let told: Vec<_> = inside
        .keys()
        .filter(|path| path.starts_with("data/evidence/"))
        .collect();
    assert_eq!(told.len(), 5);
    for id in &by_hand {
        assert!(
            inside.contains_key(&format!("data/evidence/{id}.txt")),
            "{id}"
        );
    }
    // The same once more, byte for byte.
    let again = shelf
        .with(|export| export.pack(shelf.story.entries.len() as u64 - 1))
        .unwrap();
    assert!(again.bytes == pack.bytes);
}

#[test]
fn a_population_changed_by_one_is_another() {
    let mut shelf = population();
    let (_, before) = drawn(&shelf, 5, text("a"));
    shelf.story.register("kv/secret-12", json!({}));
    let script = shelf.story.standard("rot-12", "kv/secret-12");
    shelf.story.play(script);
    shelf.write();
    let (_, after) = drawn(&shelf, 5, text("a"));
    assert_ne!(before.population_sha256, after.population_sha256);
    assert_eq!((before.population.len(), after.population.len()), (12, 13));
    // Everybody else's rank is as it was.
    let left: Vec<_> = ids(&after)
        .into_iter()
        .filter(|id| id != "rot-12")
        .collect();
    assert_eq!(left[..], ids(&before)[..left.len()]);
}

/// Whoever holds every key draws from a list of their own: the pack shows what it can, the ledger the rest.
#[test]
fn a_draw_that_was_bent_is_found() {
    let secret_of = |shelf: &Shelf, at: u64| {
        let recorded = &shelf.story.register.secrets;
        let opened = |id: &&Id| {
            shelf.story.entries[at as usize]
                .windows(id.as_str().len())
                .any(|part| part == id.as_str().as_bytes())
        };
        recorded.keys().find(opened).cloned()
    };
    let shelf = population();
    let (PackPart::Sample(honest), said) = drawn(&shelf, 3, text("a")) else {
        unreachable!()
    };
    let with_list = |ids: Vec<Id>| {
        let mut bent = honest.clone();
        bent.listed = ids;
        bent
    };
    // A list without one that the seed draws, recorded as if it were whole.
    let short: Vec<Id> = said
        .population
        .iter()
        .filter(|id| **id != said.drawn[0].rotation)
        .cloned()
        .collect();
    let mut left_out = rotation_ledger::pack::Draw::new(
        3,
        honest.period,
        text("a"),
        &short.iter().collect::<Vec<_>>(),
    );
    left_out.listed = short.clone();
    // The recorded hash of the whole list, and another list beside it.
    let swapped = with_list(short);
    // The whole list, and the entries of what nobody drew.
    let other = with_list(said.population.clone());
    for (what, bent, named) in [
        ("left out", left_out, ""),
        ("swapped", *swapped, "that hashes to"),
        ("other", *other, "which the seed draws"),
    ] {
        let mut shelf = population();
        let drawn_by = bent
            .drawn(bent.listed.iter())
            .into_iter()
            .cloned()
            .collect::<Vec<_>>();
        let secret = |id: &Id| shelf.story.register.rotations[id].secret.clone();
        let mut secrets: Vec<_> = drawn_by.iter().map(secret).collect();
        if what == "other" {
            secrets.pop();
        }
        let keep = |at: u64| {
            let about = secret_of(&shelf, at);
            about.is_none_or(|about| secrets.contains(&about))
        };
        let kept: Vec<u64> = (0..shelf.story.entries.len() as u64)
            .filter(|at| keep(*at))
            .collect();
        let lie = Lie {
            part: PackPart::Sample(Box::new(bent)),
            keep: &|at| kept.contains(&at),
            rows: &|_| (),
            said: &|_| (),
        };
        let pack = shelf.lie(&lie);
        let report = judge(&pack);
        let held = held(&report);
        match named {
            // What is nowhere in the pack cannot be missed in it; the ledger, which has it, misses it.
            "" => assert!(not_checked(&report, "is whole"), "{what}: {held:#?}"),
            named => assert!(
                held.iter()
                    .any(|one| one.starts_with("P-04") && one.contains(named)),
                "{what}: {held:#?}"
            ),
        }
        let ledger = shelf.story.verify();
        let is_named = ledger.findings.iter().any(|one| one.rule.id == "C-09");
        assert!(is_named, "{what}: {:#?}", self::held(&ledger));
    }
}

/// A note that witness `w1` cosigned so many minutes after the period, over everything there is.
fn cosigned(shelf: &Shelf, minutes: &[i64]) -> Vec<u8> {
    let mut note = shelf
        .story
        .checkpoint_of(shelf.story.entries.len(), &sealing_key());
    for minutes in minutes {
        let at = Timestamp::from_micros(period(shelf).1.micros() + minutes * MINUTE);
        note = cosigned_by("w1", &note, at);
    }
    note
}

fn asked(witness: Option<&str>, shelf: &Shelf) -> PackQuestion<'static> {
    let file =
        log_line(&sealing_key()) + &witness.map(witness_line).unwrap_or_default() + "quorum none\n";
    PackQuestion {
        as_of: Some(Timestamp::from_micros(
            shelf.story.now.micros() + 60 * MINUTE,
        )),
        trust: Some(Trust::parse(file.as_bytes()).unwrap()),
        ..PackQuestion::default()
    }
}

/// A sample by the cosignature of so many minutes after the period, of those in the note.
fn by_cosignature(shelf: &mut Shelf, minutes: &[i64], chosen: i64) -> PackPart {
    let (from, to) = period(shelf);
    let note = cosigned(shelf, minutes);
    let end = Timestamp::from_micros(to.micros() + (chosen - 1) * MINUTE);
    let seed = cosigned_seed(&note, None, end).unwrap();
    shelf.story.now = Timestamp::from_micros(shelf.story.now.micros() + 30 * MINUTE);
    shelf.seed = Some(String::from_utf8(note).unwrap());
    let before = shelf.with(|export| export.entries()).unwrap();
    let (mut draw, said) = draw(&before, 4, (from, to), seed, shelf.story.now);
    draw.listed = said.population;
    PackPart::Sample(Box::new(draw))
}

/// The pack of a keeper who makes it with a program of their own.
fn made_up(shelf: &mut Shelf, minutes: &[i64], chosen: i64) -> Vec<String> {
    let part = by_cosignature(shelf, minutes, chosen);
    let pack = shelf.lie(&Lie {
        part,
        keep: &|_| true,
        rows: &|_| (),
        said: &|_| (),
    });
    let bag = Bag::from_zip(&pack).unwrap();
    held(&examine(&bag, asked(Some("w1"), shelf)).report)
}

#[test]
fn the_first_cosignature_after_the_period_is_nobodys_choice() {
    let mut shelf = population();
    let part = by_cosignature(&mut shelf, &[5], 5);
    let pack = shelf.export(part).bytes;
    let bag = Bag::from_zip(&pack).unwrap();
    let report = examine(&bag, asked(Some("w1"), &shelf));
    assert_eq!(held(&report.report), Vec::<String>::new());
    assert_eq!(report.conclusion(false, &[]), Conclusion::Passed);
    assert!(
        report
            .report
            .notes
            .iter()
            .any(|note| note.contains("0 hours after the period")),
        "{:#?}",
        report.report.notes
    );
    assert!(!not_checked(&report.report, "who chose the seed"));
    // Nobody who trusts another witness takes it for one.
    let report = examine(&bag, asked(None, &shelf)).report;
    assert!(
        not_checked(&report, "no trust file that names that witness"),
        "{:#?}",
        report.not_checked
    );
}

/// The keeper did not like the first draw, and asked the witness again.
#[test]
fn a_later_cosignature_shows_beside_an_earlier_one() {
    let is_found = |held: &[String]| {
        held.iter()
            .any(|one| one.contains("the first cosignature by w1"))
    };
    let mut shelf = population();
    let held = made_up(&mut shelf, &[5, 9], 9);
    assert!(is_found(&held), "{held:#?}");
    // No pack is made of it here, also where the earlier one is what the ledger keeps of its witnesses.
    let mut shelf = population();
    shelf.cosigned = Some(cosigned(&shelf, &[5]));
    shelf.write();
    let end = period(&shelf).1;
    let late = cosigned(&shelf, &[9]);
    let refused = shelf.with(|export| export.seed(&late, None, end));
    assert!(refused.unwrap_err().to_string().contains("earlier"));
}

#[test]
fn a_seed_that_is_no_cosignature_of_then_is_none() {
    let shelf = population();
    let end = period(&shelf).1;
    let before = cosigned(&shelf, &[-5]);
    assert!(
        cosigned_seed(&before, None, end)
            .unwrap_err()
            .to_string()
            .contains("did not cosign it after")
    );
    let unsigned = cosigned(&shelf, &[]);
    assert!(
        cosigned_seed(&unsigned, None, end)
            .unwrap_err()
            .to_string()
            .contains("no witness")
    );
    let both = cosigned_by(
        "w2",
        &cosigned(&shelf, &[5]),
        Timestamp::from_micros(end.micros() + MINUTE),
    );
    assert!(
        cosigned_seed(&both, None, end)
            .unwrap_err()
            .to_string()
            .contains("none is named: w1.example, w2.example")
    );
    for bad in [
        "",
        "a;b",
        "cosigned by me",
        " a",
        "two\nlines",
        &"a".repeat(201),
    ] {
        assert!(DrawSeed::text(bad).is_err(), "{bad}");
    }
    // In the pack: another word, another time, another size than recorded.
    let mut shelf = population();
    let part = by_cosignature(&mut shelf, &[5], 5);
    let pack = shelf.export(part).bytes;
    for other in [
        cosigned(&shelf, &[7]),
        shelf.story.checkpoint_of(20, &sealing_key()),
        b"nothing".to_vec(),
    ] {
        let bad =
            crate::support::shelf::forged(&pack, &crate::support::shelf::pack_key(), |payload| {
                payload.insert("sample/seed".to_owned(), other.clone());
            });
        let report = examine(&Bag::from_zip(&bad).unwrap(), asked(Some("w1"), &shelf)).report;
        let held = held(&report);
        assert!(
            held.iter()
                .any(|one| one.starts_with("P-04: a cosignature by w1")),
            "{held:#?}"
        );
    }
}

/// What the text way leaves open, and says: a keeper tries seeds until one rotation is not looked at.
#[test]
fn whoever_chooses_the_text_chooses_the_draw() {
    let mut shelf = population();
    let misses = |shelf: &Shelf, seed: &str| {
        !ids(&drawn(shelf, 3, text(seed)).1).contains(&"rot-7".to_owned())
    };
    let seed = (0..1000)
        .map(|n| format!("dice {n}"))
        .find(|seed| misses(&shelf, seed))
        .unwrap();
    let (part, _) = drawn(&shelf, 3, text(&seed));
    let pack = shelf.export(part);
    let report = judge(&pack.bytes);
    assert_eq!(held(&report), Vec::<String>::new());
    assert!(not_checked(&report, "how many seeds were tried before it"));
}
