//! Packs as they are exported.

use rotation_ledger::export::ExportError;
use rotation_ledger::hash::Blake3Digest;
use rotation_ledger::hash::Sha256Digest;
use rotation_ledger::pack::Bag;
use rotation_ledger::pack::PackPart;
use rotation_ledger::pack::SelectionForm;
use rotation_ledger::pack_verify::PackQuestion;
use rotation_ledger::pack_verify::examine;
use rotation_ledger::rule::Verdict;
use rotation_ledger::timetoken::SignatureFault;
use rotation_ledger::verify::CheckpointKeeper;
use rotation_ledger::verify::Conclusion;
use rotation_ledger::verify::StoredCheckpoint;
use rotation_ledger::verify::TokenOnFile;
use rotation_ledger::verify::VerdictStatus;
use serde_json::Value;

use crate::support::shelf::OUTPUT;
use crate::support::shelf::Shelf;
use crate::support::shelf::busy;
use crate::support::shelf::everything;
use crate::support::shelf::files;
use crate::support::shelf::found;
use crate::support::shelf::judge;
use crate::support::shelf::keep;
use crate::support::shelf::rotation;
use crate::support::shelf::trust;
use crate::support::signed_token::SignedAuthority;
use crate::support::story::Story;
use crate::support::story::cosigned_by;
use crate::support::story::id;
use crate::support::story::log_line;
use crate::support::story::sealing_key;
use crate::support::story::witness_line;
use crate::support::token;

fn json(zip: &[u8], path: &str) -> Value {
    serde_json::from_slice(&files(zip).1[path]).unwrap()
}

fn parts(story: &Story) -> Vec<PackPart> {
    vec![
        everything(),
        rotation("r-1"),
        PackPart::Secret(id("sign/bundles")),
        PackPart::Range(Some(story.now), None),
        PackPart::Range(None, Some(story.now)),
    ]
}

/// A reader who demands everything gets it, where somebody else kept what the pack ends with; and not with less.
#[test]
fn a_whole_pack_passes_where_an_anchor_covers_it_and_everything_must_be_checked() {
    let mut story = busy();
    let attested = story.attestation();
    story.say("pia", "inventory.attested", attested);
    let mut shelf = Shelf::new(story);
    let whole = shelf.export(everything()).bytes;
    let size = shelf.story.entries.len();
    let part = shelf.export(rotation("r-1")).bytes;
    let judge = |zip: &[u8], sizes: &[usize]| {
        let anchor = |size: &usize| StoredCheckpoint {
            keeper: CheckpointKeeper::Anchor,
            name: format!("anchor-{size}"),
            bytes: Some(shelf.story.checkpoint_of(*size, &sealing_key())),
        };
        let asked = PackQuestion {
            trust: Some(trust()),
            anchors: sizes.iter().map(anchor).collect(),
            ..PackQuestion::default()
        };
        keep(zip);
        let examined = examine(&Bag::from_zip(zip).unwrap(), asked);
        let conclusion = examined.conclusion(true, &Verdict::ALL);
        (conclusion, examined.report)
    };
    let (conclusion, report) = judge(&whole, &[size]);
    assert_eq!(report.not_checked, Vec::<String>::new());
    assert_eq!(conclusion, Conclusion::Passed);
    assert_eq!(report.kept_by.others, Some(size as u64));
    let ends = format!("the pack ends with entry {}", size - 1);
    assert!(report.notes.iter().any(|note| note.starts_with(&ends)));
    // A newer one beside it says nothing more; alone it covers nothing that the pack could show.
    let newer = size + 1;
    let (conclusion, report) = judge(&whole, &[size, newer]);
    assert_eq!(conclusion, Conclusion::Passed, "{:?}", report.not_checked);
    for (zip, sizes, item) in [
        (
            &whole,
            &[newer][..],
            format!("the checkpoint anchor-{newer}: the pack has no proof"),
        ),
        (
            &whole,
            &[],
            "whether entries were cut off at the end".to_owned(),
        ),
        (
            &whole,
            &[1],
            format!("entries 1 to {} are newer than the newest kept", size - 1),
        ),
        (
            &part,
            &[newer],
            "entries that are not in the pack".to_owned(),
        ),
    ] {
        let (conclusion, report) = judge(zip, sizes);
        assert_eq!(conclusion, Conclusion::NotVerified, "{item}");
        let said = report.not_checked.join("\n");
        assert!(said.contains(&item), "{item}: {said}");
    }
}

#[test]
fn every_selection_verifies_and_holds_what_it_says() {
    let story = busy();
    for (part, rotations, secrets) in parts(&story)
        .into_iter()
        .zip([3, 1, 1, 0, 3])
        .zip([5, 1, 1, 0, 2])
        .map(|((a, b), c)| (a, b, c))
    {
        if rotations == 0 {
            continue;
        }
        let mut shelf = Shelf::new(story.clone());
        let pack = shelf.export(part.clone());
        let report = judge(&pack.bytes);
        assert_eq!(found(&pack.bytes), [], "{part}: {:#?}", report.findings);
        for line in &report.verdicts {
            let wanted = match line.verdict {
                Verdict::Anchoring => VerdictStatus::NotChecked,
                _ => VerdictStatus::Pass,
            };
            assert_eq!(line.status, wanted, "{part}: {line:?}");
        }
        assert_eq!(report.conclusion(false, &Verdict::ALL), Conclusion::Passed);
        assert_eq!(
            (pack.exported.rotations, pack.exported.secrets),
            (rotations, secrets),
            "{part}"
        );
        let summary = json(&pack.bytes, "data/pack.json");
        assert_eq!(summary["selection"], part.to_string());
        assert_eq!(summary["rotations"]["in_pack"], rotations);
        // The population is whole, whatever was selected.
        assert_eq!(summary["secrets"]["registered"], 5);
        assert_eq!(summary["secrets"]["never_rotated"], 3);
        let entries = summary["entries"]["in_pack"].as_u64().unwrap();
        assert_eq!(entries, pack.exported.entries);
        let all = summary["entries"]["in_ledger"].as_u64().unwrap();
        assert_eq!(report.elsewhere, all - entries);
        assert_eq!(
            report.elsewhere == 0,
            part == everything() || rotations == 3 && secrets == 5,
            "{part}"
        );
    }
}

#[test]
fn a_range_without_a_rotation_is_no_pack() {
    let mut shelf = Shelf::new(Story::new());
    shelf.write();
    let selection = rotation_ledger::pack::Selection {
        part: everything(),
        without_attachments: false,
        form: SelectionForm::Pack,
        key: crate::support::shelf::pack_key().public(),
    };
    let now = shelf.story.now;
    let fault = shelf.with(|export| export.record(&export.entries()?, &selection, None, now));
    assert!(matches!(fault, Err(ExportError::Nothing(_))), "{fault:?}");
}

#[test]
fn the_bag_is_laid_out_as_the_format_says() {
    let mut shelf = Shelf::new(busy());
    let pack = shelf.export(rotation("r-1"));
    let (top, inside) = files(&pack.bytes);
    let ledger = shelf.story.ledger().to_string();
    let last = shelf.story.entries.len() - 1;
    assert_eq!(top, format!("pack-{}-{last}", &ledger[..8]));
    assert_eq!(
        inside["bagit.txt"],
        b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
    );
    let outside: Vec<_> = inside
        .keys()
        .filter(|path| !path.starts_with("data/"))
        .collect();
    assert_eq!(
        outside,
        [
            "bag-info.txt",
            "bagit.txt",
            "manifest-sha256.txt",
            "manifest-sha256.txt.sig",
            "manifest-sha256.txt.sshsig",
            "tagmanifest-sha256.txt"
        ]
    );
    let places: Vec<_> = inside
        .keys()
        .filter_map(|path| path.strip_prefix("data/"))
        .filter(|path| !path.starts_with("ledger/") && !path.starts_with("keys/"))
        .collect();
    let attached = format!("attachments/{}", Blake3Digest::of(OUTPUT));
    assert_eq!(
        places,
        [
            "VERIFY.md",
            "attachments.csv",
            &attached,
            "evidence/r-1.txt",
            "findings.csv",
            "findings.json",
            "pack.json",
            "report.html",
            "rotations.csv",
            "rotations.json",
            "secrets.csv",
            "secrets.json",
        ]
    );
    // Every file of the payload is listed with its own digest, and every other tag file.
    for (list, belongs) in [
        ("manifest-sha256.txt", true),
        ("tagmanifest-sha256.txt", false),
    ] {
        let text = String::from_utf8(inside[list].clone()).unwrap();
        let mut listed = Vec::new();
        for line in text.lines() {
            let (digest, path) = line.split_once("  ").unwrap();
            assert_eq!(
                digest,
                Sha256Digest::of(&inside[path]).to_string(),
                "{path}"
            );
            listed.push(path);
        }
        let wanted: Vec<_> = inside
            .keys()
            .filter(|path| path.starts_with("data/") == belongs && !path.starts_with("tagmanifest"))
            .collect();
        assert_eq!(listed, wanted, "{list}");
    }
    for sequence in [0, last] {
        let stored = &inside[&format!("data/ledger/entries/{sequence:09}.bin")];
        assert_eq!(*stored, shelf.story.entries[sequence]);
    }
    // What is to be typed is made for this pack, and speaks of no token where there is none.
    let by_hand = String::from_utf8(inside["data/VERIFY.md"].clone()).unwrap();
    assert!(!by_hand.contains("openssl ts"), "{by_hand}");
    for place in ["{ORIGIN}", "{NAMESPACE}", "{RECORD}", "{STAMPS}"] {
        assert!(!by_hand.contains(place), "{by_hand}");
    }
    assert!(
        by_hand.contains(&format!("-I '{}'", crate::support::story::ORIGIN)),
        "{by_hand}"
    );
    // The template is the one that the ledger prints.
    let report = shelf.folder.as_ref().unwrap().verify();
    let template = rotation_ledger::facts::template(&report, &id("r-1")).unwrap();
    assert_eq!(
        inside["data/evidence/r-1.txt"],
        template.to_string().into_bytes()
    );
}

#[test]
fn a_pack_is_made_again_byte_for_byte() {
    let mut shelf = Shelf::new(busy());
    let pack = shelf.export(rotation("r-3"));
    let sequence = shelf.story.entries.len() as u64 - 1;
    // The ledger goes on: another rotation, a newer checkpoint, another export.
    let script = shelf.story.standard("r-9", "db/orders");
    shelf.story.play(script);
    let other = shelf.export(everything());
    assert_ne!(other.bytes, pack.bytes);
    let again = shelf.with(|export| export.pack(sequence)).unwrap();
    assert!(again.bytes == pack.bytes, "other bytes than before");

    // Without what it rested on, or with another key, it is not made at all.
    let key = shelf.state("pack.pem");
    std::fs::rename(&key, shelf.state("old.pem")).unwrap();
    let fault = shelf.with(|export| export.pack(sequence)).err().unwrap();
    assert!(matches!(fault, ExportError::OtherKey { .. }), "{fault}");
    std::fs::rename(shelf.state("old.pem"), &key).unwrap();
    let kept = shelf.state(&format!("packs/{sequence}.json"));
    let text = std::fs::read_to_string(&kept).unwrap();
    let digest = Sha256Digest::of(&pack.bytes).to_string();
    std::fs::write(&kept, text.replace(&digest, &"0".repeat(64))).unwrap();
    let fault = shelf.with(|export| export.pack(sequence)).err().unwrap();
    assert!(matches!(fault, ExportError::Differs { .. }), "{fault}");
    std::fs::remove_file(kept).unwrap();
    let fault = shelf.with(|export| export.pack(sequence)).err().unwrap();
    assert!(matches!(fault, ExportError::NotKept { .. }), "{fault}");
    let fault = shelf.with(|export| export.pack(3)).err().unwrap();
    assert!(matches!(fault, ExportError::NotKept { .. }), "{fault}");
}

#[test]
fn withheld_attachments_are_said_and_the_rest_verifies() {
    let mut shelf = Shelf::new(busy());
    let said = shelf.said(rotation("r-1"), true);
    let sequence = shelf.record(said);
    let pack = shelf.with(|export| export.pack(sequence)).unwrap();
    let report = judge(&pack.bytes);
    assert_eq!(report.findings, []);
    let says = |report: &rotation_ledger::verify::Report| {
        let items = report.not_checked.iter();
        items
            .filter(|item| item.contains("withheld"))
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(
        says(&report),
        ["1 attached files that were withheld: only their digests are in the pack"]
    );
    let (_, inside) = files(&pack.bytes);
    assert!(
        !inside
            .keys()
            .any(|path| path.starts_with("data/attachments/"))
    );
    let table = String::from_utf8(inside["data/attachments.csv"].clone()).unwrap();
    assert!(table.contains("refused.txt,text/plain"), "{table}");
    let with = shelf.export(rotation("r-1"));
    assert_eq!(says(&judge(&with.bytes)), Vec::<String>::new());
}

#[test]
fn cosigned_checkpoints_and_time_tokens_travel_with_their_proofs() {
    let mut story = busy();
    let size = 20;
    let note = story.checkpoint_of(size, &sealing_key());
    let response = SignedAuthority::new().response(&note, story.now);
    let seconds = story.now.micros() / 1_000_000;
    let unsigned = token::response(&note, story.now);
    let stem = |response: &[u8]| {
        let hash = Sha256Digest::of(response).to_string();
        format!("timestamps/{size}-{}", &hash[..16])
    };
    let (stem, unsigned_stem) = (stem(&response), stem(&unsigned));
    let stored = [(&stem, response), (&unsigned_stem, unsigned)];
    let stamps = stored.into_iter().map(|(stem, response)| TokenOnFile {
        name: format!("{stem}.tsr"),
        response,
        checkpoint_name: format!("{stem}.checkpoint"),
        checkpoint: Some(note.clone()),
        signed: Err(SignatureFault::Unnamed),
    });
    story.stamps = stamps.collect();
    let mut shelf = Shelf::new(story);
    let seen = shelf.story.checkpoint_of(30, &sealing_key());
    shelf.cosigned = Some(cosigned_by("w1", &seen, shelf.story.now));
    let pack = shelf.export(rotation("r-1"));
    let (_, inside) = files(&pack.bytes);
    for path in [
        "consistency/000000020.txt",
        "consistency/000000030.txt",
        "cosigned",
    ] {
        assert!(
            inside.contains_key(&format!("data/ledger/{path}")),
            "{path}"
        );
    }
    let by_hand = String::from_utf8(inside["data/VERIFY.md"].clone()).unwrap();
    let command = format!(
        "openssl ts -verify -data data/ledger/{stem}.checkpoint -in data/ledger/{stem}.tsr -attime {seconds} -CAfile ../tsa-ca.pem\n"
    );
    assert!(by_hand.contains(&command), "{by_hand}");
    // What nobody signed is carried, and nobody is told to have it checked.
    assert!(!by_hand.contains(&unsigned_stem), "{by_hand}");
    let report = judge(&pack.bytes);
    assert_eq!(report.findings, []);
    assert_eq!(report.stamped.len(), 2);
    assert!(report.elsewhere > 0);

    // A witness that the reader trusts counts, although most of what it saw is not in the pack.
    let file = log_line(&sealing_key()) + &witness_line("w1") + "quorum w1\n";
    let asked = PackQuestion {
        as_of: Some(shelf.story.now),
        trust: Some(rotation_ledger::trust::Trust::parse(file.as_bytes()).unwrap()),
        ..PackQuestion::default()
    };
    let report = examine(&Bag::from_zip(&pack.bytes).unwrap(), asked).report;
    let line = report.line(Verdict::Anchoring).unwrap();
    assert_eq!(line.status, VerdictStatus::Pass, "{:#?}", report.findings);
}
