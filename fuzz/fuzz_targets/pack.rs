//! Whatever bytes come as a pack: refused, or read and judged, without a panic and without growing; and no
//! change of a good one passes, whoever signs it.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use rotation_ledger::export::payload;
use rotation_ledger::facts::RENDERINGS;
use rotation_ledger::pack_verify::PackQuestion;
use rotation_ledger::pack_verify::UnverifiedPack;
use rotation_ledger::pack_verify::DecodedPack;
use rotation_ledger::pack_verify::examine;
use rotation_ledger::key::SecretKey;
use rotation_ledger::pack::Bag;
use rotation_ledger::pack::PackFiles;
use rotation_ledger::pack::read_zip;
use rotation_ledger::rule::Verdict;

/// What a small pack has of its ledger, and its population; `tests/packs/seed.rs` makes it.
static SEED: &[u8] = include_bytes!("../seeds/pack.zip");

struct Good {
    payload: PackFiles,
    info: Vec<(&'static str, String)>,
    key: SecretKey,
}

static GOOD: LazyLock<Good> = LazyLock::new(|| {
    let bag = Bag::from_zip(SEED).expect("the seed is a zip");
    let (contents, faults) = UnverifiedPack::of(&bag);
    assert_eq!(faults, []);
    let pack = DecodedPack::of(contents);
    let (payload, info) = payload(&pack, &pack.as_exported(true)).expect("the seed verifies");
    let good = Good { payload, info, key: SecretKey::from_seed(&[7; 32]) };
    assert!(is_broken(&sealed(&good, &good.payload)).is_none());
    good
});

fuzz_target!(|bytes: &[u8]| {
    let good = &*GOOD;
    if let Ok(files) = read_zip(bytes) {
        let total: usize = files.iter().map(|(path, bytes)| path.len() + bytes.len()).sum();
        assert!(total <= bytes.len());
        let bag = Bag::from_zip(bytes).expect("its files were read");
        assert_eq!(bag.to_zip().expect("it was a zip"), bytes);
        let _ = examine(&bag, PackQuestion::default());
    }
    // Whatever another program zipped is read within bounds, or refused.
    if let Ok(bag) = Bag::from_any_zip(bytes) {
        let total: usize = bag.payload().map(|(_, bytes)| bytes.len()).sum();
        assert!(total <= 64 << 20);
    }
    // Random bytes are hardly ever a zip, and never signed: a good pack with a few others in it gets further.
    let Some((how, edits)) = bytes.split_first() else { return };
    let mut payload = good.payload.clone();
    for edit in edits.chunks_exact(4).take(1 + usize::from(how % 4)) {
        change(&mut payload, edit);
    }
    // Other words are carried, and no fact is changed by them.
    if stated(&payload) == stated(&good.payload) {
        return;
    }
    let mut bag = sealed(good, &payload);
    assert!(is_broken(&bag).is_some(), "changed, and signed by the pack's own key");
    if how & 0x80 != 0 {
        bag = Bag::sealed("pack", &payload, &good.info, &SecretKey::from_seed(&[8; 32]));
        assert!(is_broken(&bag).is_some(), "changed, and signed by another key");
    }
});

/// Changes a byte of a file, cuts it, takes it out, or puts it elsewhere.
fn change(payload: &mut PackFiles, edit: &[u8]) {
    let [file, what, low, high] = edit else { return };
    let Some(path) = payload.keys().nth(usize::from(*file) % payload.len()).cloned() else { return };
    let Some(mut bytes) = payload.remove(&path) else { return };
    let at = usize::from(u16::from_le_bytes([*low, *high]));
    match what % 8 {
        0 => return,
        1 => {
            payload.insert(format!("{path}.{low:02x}"), bytes);
            return;
        }
        2 => bytes.truncate(at),
        3 => bytes.extend([*low, *high]),
        _ if !bytes.is_empty() => {
            let at = at % bytes.len();
            bytes[at] = bytes[at].wrapping_add(*what);
        }
        _ => {}
    }
    payload.insert(path, bytes);
}

/// The files, those that are words by their names alone.
fn stated(payload: &PackFiles) -> Vec<(&str, Option<&[u8]>)> {
    let files = payload.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice()));
    files.map(|(path, bytes)| (path, (!RENDERINGS.contains(&path)).then_some(bytes))).collect()
}

fn sealed(good: &Good, payload: &PackFiles) -> Bag {
    Bag::sealed("pack", payload, &good.info, &good.key)
}

/// What is found first against the integrity of a pack.
fn is_broken(bag: &Bag) -> Option<String> {
    let report = examine(bag, PackQuestion::default()).report;
    let mut findings = report.findings.iter();
    let first = findings.find(|finding| finding.rule.verdict == Verdict::Integrity);
    first.map(|finding| format!("{} {}", finding.rule.id, finding.found))
}
