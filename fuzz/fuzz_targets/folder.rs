//! No folder makes the audit panic, run away, or take more memory than its files have bytes: any base in the
//! tail's header, any sequence in its frames, bundles and tiles at any place, any size in the checkpoint,
//! and files that belong to nobody. None passes: nobody without a key makes an entry 0 that verifies.
//!
//! Run with `-rss_limit_mb=512`: the limit is what shows that a size in a file costs nothing.
#![no_main]

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use rotation_ledger::pack::PackPart;
use rotation_ledger::audit::Audit;
use rotation_ledger::ledger::CHECKPOINT_FILE;
use rotation_ledger::merkle::TileId;
use rotation_ledger::store::bundle;
use rotation_ledger::store::tail::TAIL_FILE;
use rotation_ledger::sys::world::World;
use rotation_ledger::time::Timestamp;
use rotation_ledger::verify::Conclusion;

const HEADER_CONTEXT: &str = "rotation-ledger 2026-11-23 tail header check v1";
const FRAME_CONTEXT: &str = "rotation-ledger 2026-11-23 tail frame check v1";
const WIDTH: u64 = 256;

/// A sequence or number, and bytes.
type Placed = (u64, Vec<u8>);

/// The base in the tail's header, and its frames.
type Tail = (u64, Vec<Placed>);

/// Level, place and width.
type Tile = (u8, u64, u8);

/// A tail where it is a ledger, bundles, tiles, the size that the checkpoint states, and other files.
type Input = (Option<Tail>, Vec<Placed>, Vec<Tile>, Option<u64>, Vec<(u8, Vec<u8>)>);

fn check(context: &str, parts: &[&[u8]]) -> [u8; 8] {
    let mut hasher = blake3::Hasher::new_derive_key(context);
    for part in parts {
        hasher.update(part);
    }
    let mut short = [0; 8];
    hasher.finalize_xof().fill(&mut short);
    short
}

fn tail((base, frames): &Tail) -> Vec<u8> {
    let mut bytes = b"rl-tail\x01".to_vec();
    bytes.extend((base - base % WIDTH).to_le_bytes());
    bytes.extend(0_u32.to_le_bytes());
    bytes.extend(check(HEADER_CONTEXT, &[&bytes]));
    for (sequence, entry) in frames {
        let mut fields = b"RLf\x01".to_vec();
        fields.extend((entry.len() as u32).to_le_bytes());
        // Mostly where they belong, so that they are taken.
        let sequence = sequence.wrapping_add(base - base % WIDTH);
        fields.extend(sequence.to_le_bytes());
        bytes.extend(&fields);
        bytes.extend(check(FRAME_CONTEXT, &[&fields, entry]));
        bytes.extend(entry);
    }
    bytes.resize(bytes.len() + 64, 0);
    bytes
}

fn checkpoint(size: u64) -> String {
    let root = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    let signature = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    format!("fuzz.example/ledger\n{size}\n{root}\n\n\u{2014} fuzz.example/ledger {signature}\n")
}

fn put(dir: &Path, name: &str, bytes: &[u8]) {
    let path = dir.join(name);
    let written = path.parent().map(std::fs::create_dir_all);
    // A file may stand where a folder should: the first one stays.
    if matches!(written, Some(Ok(()))) {
        let _ = std::fs::write(path, bytes);
    }
}

fn write(dir: &Path, input: &Input) {
    let (log, bundles, tiles, stated, others) = input;
    if let Some(log) = log {
        put(dir, TAIL_FILE, &tail(log));
    }
    for (n, entry) in bundles {
        let width = match n % 3 {
            0 => WIDTH,
            _ => n % WIDTH,
        };
        let len = (entry.len() as u16).to_be_bytes();
        let whole = [len.as_slice(), entry].concat().repeat(width as usize);
        put(dir, &bundle::path_of(n / WIDTH, width as usize), &whole);
    }
    for (level, index, width) in tiles {
        let tile = TileId { level: *level, index: *index };
        let path = match width {
            0 => tile.path(),
            width => tile.partial_path(usize::from(*width)),
        };
        put(dir, &path, &[0; 32]);
    }
    if let Some(size) = stated {
        put(dir, CHECKPOINT_FILE, checkpoint(*size).as_bytes());
    }
    let names = ["cosigned", "ledger.toml", "index.warm", "timestamps/1-00.tsr", "tile/0/x000/000", ".new-checkpoint", "stray", "attachments/0"];
    for (which, bytes) in others {
        put(dir, names[usize::from(*which) % names.len()], bytes);
    }
}

fuzz_target!(|input: Input| {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(folder.path(), &input);
    let world = World::system();
    let audit = Audit {
        world: &world,
        dir: folder.path(),
        head: None,
        anchors: Vec::new(),
        verified: None,
        trust: None,
        authorities: None,
        as_of: Some(Timestamp::YEAR_2000),
        part: PackPart::Everything,
        wait: Duration::ZERO,
        progress: &|_, _| {},
        interrupted: &AtomicBool::new(false),
    };
    if let Ok(report) = audit.run() {
        assert_eq!(report.conclusion(false, &[]), Conclusion::Broken);
        let files = 8 + input.1.len() + input.2.len() + input.4.len();
        let entries: usize = input.0.iter().map(|(_, frames)| frames.len()).sum::<usize>() + input.1.len() * 256;
        // Each file and each entry may be wrong in several ways; a number in one is not.
        assert!(report.findings.len() <= 16 * (files + entries));
    }
});
