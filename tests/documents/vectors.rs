//! Known answers: published RFC 6962 roots, and `vectors/tlog.json`, which an independent program
//! made from the specifications with keys and leaves of its own.

use crate::support::merkle::root_of;
use crate::support::merkle::tiles_between;
use rotation_ledger::checkpoint;
use rotation_ledger::checkpoint::Checkpoint;
use rotation_ledger::checkpoint::SignedCheckpoint;
use rotation_ledger::hash::LeafHash;
use rotation_ledger::hash::NodeHash;
use rotation_ledger::hash::Sha256Digest;
use rotation_ledger::key::SecretKey;
use rotation_ledger::merkle::ConsistencyProof;
use rotation_ledger::merkle::InclusionProof;
use rotation_ledger::merkle::ProofError;
use rotation_ledger::merkle::Subtree;
use rotation_ledger::merkle::TileId;
use rotation_ledger::note;
use rotation_ledger::note::NoteKey;
use serde_json::Value;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../vectors/tlog.json")).unwrap()
}

fn text<'a>(vectors: &'a Value, pointer: &str) -> &'a str {
    vectors.pointer(pointer).unwrap().as_str().unwrap()
}

fn leaves() -> Vec<LeafHash> {
    (0..70)
        .map(|i| LeafHash::of(format!("leaf-{i}").as_bytes()))
        .collect()
}

fn log_secret(vectors: &Value) -> SecretKey {
    let mut seed = [0; 32];
    hex::decode_to_slice(text(vectors, "/keys/log_seed_hex"), &mut seed).unwrap();
    SecretKey::from_seed(&seed)
}

fn log_key(vectors: &Value) -> NoteKey {
    text(vectors, "/keys/log_vkey").parse().unwrap()
}

fn checkpoint_70() -> Checkpoint {
    Checkpoint {
        origin: "ledger.example/prod-rotations".to_owned(),
        size: 70,
        root: root_of(&leaves()),
    }
}

/// The roots of the reference implementations' eight leaves.
#[test]
fn published_roots() {
    let leaves = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ]
    .map(|leaf| LeafHash::of(&hex::decode(leaf).unwrap()));
    let roots = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    for (size, root) in roots.iter().enumerate() {
        assert_eq!(root_of(&leaves[..size]).to_string(), *root, "size {size}");
    }
}

#[test]
fn roots_of_the_vectors() {
    let vectors = vectors();
    let roots = vectors.pointer("/trees/sha256/roots").unwrap();
    let roots = roots.as_object().unwrap();
    assert_eq!(roots.len(), 19);
    for (size, root) in roots {
        let size: usize = size.parse().unwrap();
        let root: NodeHash = root.as_str().unwrap().parse().unwrap();
        assert_eq!(root_of(&leaves()[..size]), root, "size {size}");
    }
}

/// All 4,970 proofs of trees of up to 70 entries, by one digest; each holds.
#[test]
fn all_proofs_to_size_70() {
    let vectors = vectors();
    let leaves = leaves();
    let read = |subtree: Subtree| -> Result<NodeHash, ProofError> {
        let width = 1 << subtree.level;
        let from = subtree.index as usize * width;
        Ok(root_of(&leaves[from..from + width]))
    };
    let mut stream = Vec::new();
    let mut put = |kind: u8, first: u64, size: u64, hashes: &[NodeHash]| {
        stream.push(kind);
        stream.extend(first.to_be_bytes());
        stream.extend(size.to_be_bytes());
        stream.extend(hashes.iter().flat_map(|hash| *hash.as_bytes()));
    };
    let root = |size: u64| root_of(&leaves[..size as usize]);
    for size in 1..=70 {
        for index in 0..size {
            let proof = InclusionProof::prove(index, size, read).unwrap();
            let leaf = leaves[index as usize];
            assert_eq!(proof.check(index, leaf, size, root(size)), Ok(()));
            put(b'i', index, size, proof.hashes());
        }
        for old in 1..=size {
            let proof = ConsistencyProof::prove(old, size, read).unwrap();
            let (before, after) = ((old, root(old)), (size, root(size)));
            assert_eq!(proof.check(before, after), Ok(()));
            put(b'c', old, size, proof.hashes());
        }
    }
    assert_eq!(
        Sha256Digest::of(&stream).to_string(),
        text(&vectors, "/trees/sha256/all_proofs_sha256/digest")
    );
    let listed = |name: &str| -> Vec<NodeHash> {
        let hashes = vectors["trees"]["sha256"][name].as_array().unwrap();
        let hashes = hashes.iter().map(|hash| hash.as_str().unwrap());
        hashes.map(|hash| hash.parse().unwrap()).collect()
    };
    let path = InclusionProof::prove(40, 70, read).unwrap();
    assert_eq!(path.hashes(), listed("inclusion_40_of_70"));
    for (old, name) in [(33, "consistency_33_to_70"), (64, "consistency_64_to_70")] {
        let proof = ConsistencyProof::prove(old, 70, read).unwrap();
        assert_eq!(proof.hashes(), listed(name));
    }
}

#[test]
fn tile_paths_counts_and_digest_of_the_vectors() {
    let vectors = vectors();
    for (name, level, index) in [
        ("level0 index1234067", 0, 1_234_067),
        ("level1 index 999", 1, 999),
        ("level0 index 1000", 0, 1000),
    ] {
        let path = vectors["tile_paths"][name].as_str().unwrap();
        assert_eq!(TileId { level, index }.path(), path);
    }
    let full = |level| tiles_between(0, 70_000).filter(move |id| id.level == level);
    let counts = &vectors["tiles_for_size_70000"];
    assert_eq!(full(0).count() as u64, counts["level0_full"]);
    assert_eq!(full(1).count() as u64, counts["level1_full"]);
    assert_eq!(full(2).count(), 0);

    let tile: Vec<u8> = leaves().iter().flat_map(|leaf| *leaf.as_bytes()).collect();
    assert_eq!(
        Sha256Digest::of(&tile).to_string(),
        text(&vectors, "/tile0_000.p_70_sha256")
    );
}

#[test]
fn the_same_checkpoint_is_signed_byte_for_byte() {
    let vectors = vectors();
    let request = text(&vectors, "/witness_add_checkpoint_33_to_70");
    let (_, signed) = request.split_once("\n\n").unwrap();
    assert_eq!(
        checkpoint::sign(&checkpoint_70(), &log_secret(&vectors)),
        signed
    );
    let key = log_key(&vectors);
    assert_eq!(key.to_string(), text(&vectors, "/keys/log_vkey"));
    assert_eq!(*key.public(), log_secret(&vectors).public());
}

#[test]
fn cosignatures_of_unknown_witnesses_are_ignored() {
    let vectors = vectors();
    let note = text(&vectors, "/checkpoint_70_cosigned");
    let opened = checkpoint::open(note.as_bytes(), &log_key(&vectors)).unwrap();
    assert_eq!(*opened.checkpoint(), checkpoint_70());
    assert_eq!(opened.note(), note);
    let parsed = note::SignedNote::parse(note.as_bytes()).unwrap();
    assert_eq!(parsed.to_string(), note);
}

#[test]
fn every_flipped_bit_is_refused_or_in_a_line_that_nobody_reads() {
    let vectors = vectors();
    let note = text(&vectors, "/checkpoint_70_cosigned").as_bytes();
    let key = log_key(&vectors);
    let first_cosignature = String::from_utf8_lossy(note)
        .find("\u{2014} witness.example/a")
        .unwrap();
    let mut ignored = 0;
    for bit in 0..note.len() * 8 {
        let mut mutated = note.to_vec();
        mutated[bit / 8] ^= 1 << (bit % 8);
        if let Ok(opened) = checkpoint::open(&mutated, &key) {
            assert!(bit / 8 >= first_cosignature, "bit {bit} was read");
            assert_eq!(*opened.checkpoint(), checkpoint_70());
            assert_eq!(opened.note().as_bytes(), mutated);
            ignored += 1;
        }
    }
    assert!(ignored > 0, "the cosignatures were read after all");
}

#[test]
fn mutated_bodies_are_refused() {
    let vectors = vectors();
    let note = text(&vectors, "/checkpoint_70_cosigned");
    let open = |note: String| -> Option<SignedCheckpoint> {
        checkpoint::open(note.as_bytes(), &log_key(&vectors)).ok()
    };
    assert!(open(note.to_owned()).is_some());
    for (from, to) in [
        ("\n70\n", "\n69\n"),
        ("\n70\n", "\n070\n"),
        ("\n70\n", "\n+70\n"),
        ("\n70\n", "\n\n70\n"),
        ("Vl0=\n", "Vl0\n"),
        ("Vl0=\n", "Vl1=\n"),
        ("Vl0=\n", "Vl0=\nextension\n"),
        ("prod-rotations\n", "test-rotations\n"),
    ] {
        let mutated = note.replacen(from, to, 1);
        assert_ne!(mutated, note);
        assert!(open(mutated).is_none(), "{from:?} to {to:?}");
    }
    assert!(open(note.trim_end().to_owned()).is_none());
}
