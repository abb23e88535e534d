//! A log for witnesses to follow: leaves `leaf-0`, `leaf-1`, …, the key of the vectors, proofs by
//! the recursive definition of RFC 6962.

use crate::support::merkle::root_of;
use rotation_ledger::checkpoint;
use rotation_ledger::checkpoint::Checkpoint;
use rotation_ledger::hash::LeafHash;
use rotation_ledger::hash::NodeHash;
use rotation_ledger::key::SecretKey;
use rotation_ledger::note::KeyName;
use rotation_ledger::note::NoteKey;
use rotation_ledger::note::SignedNote;
use rotation_ledger::witness::AddCheckpoint;

pub const ORIGIN: &str = "ledger.example/prod-rotations";

pub fn origin() -> KeyName {
    KeyName::new(ORIGIN).unwrap()
}

pub fn log_key() -> SecretKey {
    SecretKey::from_seed(&[0x11; 32])
}

pub fn log_vkey() -> NoteKey {
    NoteKey::new(origin(), log_key().public()).unwrap()
}

/// A log of `size` leaves; where it is `forked`, all from 40 on are others.
pub fn leaves(size: usize, forked: bool) -> Vec<LeafHash> {
    let leaf = |i| match forked && i >= 40 {
        true => LeafHash::of(format!("other-{i}").as_bytes()),
        false => LeafHash::of(format!("leaf-{i}").as_bytes()),
    };
    (0..size).map(leaf).collect()
}

pub fn checkpoint(size: usize, forked: bool) -> Checkpoint {
    Checkpoint {
        origin: ORIGIN.to_owned(),
        size: size as u64,
        root: root_of(&leaves(size, forked)),
    }
}

pub fn note(size: usize, forked: bool) -> String {
    checkpoint::sign(&checkpoint(size, forked), &log_key())
}

/// SUBPROOF(m, D[n], whole).
fn subproof(m: usize, leaves: &[LeafHash], whole: bool) -> Vec<NodeHash> {
    let n = leaves.len();
    if m == n {
        return if whole { vec![] } else { vec![root_of(leaves)] };
    }
    let k = n.next_power_of_two() / 2;
    if m <= k {
        let mut proof = subproof(m, &leaves[..k], whole);
        proof.push(root_of(&leaves[k..]));
        proof
    } else {
        let mut proof = subproof(m - k, &leaves[k..], false);
        proof.push(root_of(&leaves[..k]));
        proof
    }
}

/// The proof that `new` leaves begin with `old`; empty from 0.
pub fn proof(old: usize, new: usize, forked: bool) -> Vec<NodeHash> {
    match old {
        0 => vec![],
        _ => subproof(old, &leaves(new, forked), true),
    }
}

pub fn request_with(old: usize, note: &str, proof: Vec<NodeHash>) -> Vec<u8> {
    let request = AddCheckpoint {
        old: old as u64,
        proof,
        note: SignedNote::parse(note.as_bytes()).unwrap(),
    };
    request.format().into_bytes()
}

/// What an honest log sends.
pub fn request(old: usize, new: usize) -> Vec<u8> {
    request_with(old, &note(new, false), proof(old, new, false))
}
