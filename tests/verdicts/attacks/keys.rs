//! Keys that are stolen, odd or old, and signatures that some verifiers accept.

use curve25519_dalek::EdwardsPoint;
use curve25519_dalek::Scalar;
use curve25519_dalek::constants::ED25519_BASEPOINT_POINT as BASE;
use curve25519_dalek::constants::EIGHT_TORSION;
use curve25519_dalek::edwards::CompressedEdwardsY;
use rotation_ledger::entry::Entry;
use rotation_ledger::hash::Link;
use rotation_ledger::key::{SecretKey, Signature};
use rotation_ledger::merkle::{ConsistencyProof, ProofError};
use serde_json::{Value, json};
use sha2::Digest as _;
use sha2::Sha512;

use crate::attacks::auditor::Scene;
use crate::attacks::auditor::head_of;
use crate::attacks::auditor::honest;
use crate::support::merkle::root_of;
use crate::support::signed_token::SignedAuthority;
use crate::support::story::Story;
use crate::support::story::key_of;
use crate::support::story::log_line;
use crate::support::story::sealing_key;

/// An entry whose signature is to be played with.
const TARGET: u64 = 17;

/// The 47 bytes that the author of an entry signed (FORMAT.md, "Statement").
fn signed_message(entry: &Entry) -> Vec<u8> {
    let digest = rotation_ledger::hash::Blake3Digest::of(&entry.statement);
    [b"ledger-stmt-v1\n", &digest.as_bytes()[..]].concat()
}

fn scalar_of(parts: &[&[u8]]) -> Scalar {
    let mut hash = Sha512::new();
    for part in parts {
        hash.update(part);
    }
    Scalar::from_bytes_mod_order_wide(&hash.finalize().into())
}

/// The private scalar of somebody of the cast (RFC 8032, section 5.1.5).
fn private_scalar(who: &str) -> Scalar {
    let hash = Sha512::digest(*key_of(who).to_seed().first_chunk::<32>().unwrap());
    let half = *hash.first_chunk::<32>().unwrap();
    Scalar::from_bytes_mod_order(curve25519_dalek::scalar::clamp_integer(half))
}

/// A signature by `who` whose nonce point has a part of order eight. The equation holds times eight,
/// so that verifiers of batches accept it; the strict rule does not.
fn torsioned(who: &str, message: &[u8]) -> Signature {
    let public = *key_of(who).public().as_bytes();
    let nonce = scalar_of(&[b"nonce", message]);
    let commitment = (BASE * nonce + EIGHT_TORSION[1]).compress().to_bytes();
    let challenge = scalar_of(&[&commitment, &public, message]);
    let response = nonce + challenge * private_scalar(who);
    let key: EdwardsPoint = CompressedEdwardsY(public).decompress().unwrap();
    let left = BASE * response - key * challenge;
    let right = CompressedEdwardsY(commitment).decompress().unwrap();
    assert_eq!(
        left.mul_by_cofactor(),
        right.mul_by_cofactor(),
        "a cofactored verifier accepts it"
    );
    let mut bytes = [0; 64];
    bytes[..32].copy_from_slice(&commitment);
    bytes[32..].copy_from_slice(response.as_bytes());
    Signature::from_bytes(bytes)
}

/// The honest ledger with another signature under one entry, linked and sealed anew.
fn resigned(sign: impl FnOnce(&Entry) -> Signature) -> Scene {
    let mut story = honest();
    let entry = Entry::decode(&story.entries[TARGET as usize]).unwrap();
    let signature = sign(&entry);
    story.tamper(TARGET, |entry| entry.signature = signature);
    story.relink();
    let head = head_of(&story);
    Scene::of(&story, &head)
}

/// The same signature with the group's order added to its second half.
fn with_order_added(signature: &Signature) -> Signature {
    let mut bytes = *signature.as_bytes();
    // l = 2^252 + 27742317777372353535851937790883648493, little-endian.
    let order: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut carry = 0;
    for (byte, more) in bytes[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(more) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    Signature::from_bytes(bytes)
}

/// What somebody says who names the next sealing key on the checkpoint `kept`, which `seal` signed.
fn recovered(story: &Story, kept: &[u8], seal: &SecretKey) -> Value {
    let stated = rotation_ledger::checkpoint::stated(kept).unwrap();
    let next = key_of("next-sealing-key");
    let leaves = story.leaves();
    let way = ConsistencyProof::prove(stated.size, leaves.len() as u64, |under| {
        let width = 1 << under.level;
        let first = under.index as usize * width;
        Ok::<_, ProofError>(root_of(&leaves[first..first + width]))
    });
    json!({
        "consistency": way.unwrap().hashes(),
        "key": next.public(), "possession": next.prove_possession(), "reason": "the host burnt down",
        "lost_since": story.now, "kept_size": stated.size, "kept_root": stated.root,
        "kept_signature": seal.sign(stated.format().as_bytes()),
    })
}

fn remark(story: &mut Story, who: &str) -> u64 {
    let link = Link::of(&story.entries[0]);
    story.force(
        who,
        "entry.annotated",
        json!({ "entry": 0, "link": link, "note": "seen" }),
    )
}

attacks! {
    malleable: 13, "replace a signature by an odd one", "edit files, hold the sealing key", {
        "s + l: the same signature in another form", "integrity: I-03 at 17, I-15 at 18 · exit 1", || {
            resigned(|entry| with_order_added(&entry.signature)).seen()
        };
        "a key of small order is enrolled, under which anything verifies", "authority: A-10 at 24 · exit 1", || {
            let mut story = honest();
            let mut identity = [0; 32];
            identity[0] = 1;
            let key = rotation_ledger::key::PublicKey::from_bytes(identity);
            let mut proof = [0; 64];
            proof[0] = 1;
            story.force("sam", "actor.enrolled", json!({
                "actor": "ghost", "name": "ghost", "kind": "human", "roles": ["operator"], "key": key,
                "possession": Signature::from_bytes(proof),
            }));
            Scene::of(&story, &head_of(&story)).seen()
        };
    }
    batch: 14, "make single and batch verification disagree", "hold an operator's key", {
        "a nonce point with a part of order eight, which a batch may accept", "integrity: I-03 at 17, I-15 at 18 · exit 1", || {
            resigned(|entry| torsioned("olga", &signed_message(entry))).seen()
        };
    }
    stolen: 10, "sign with a stolen key, or date back", "hold an operator's key", {
        "after the key was revoked", "authority: A-01 at 25 · exit 1", || {
            let mut story = honest();
            story.say("sam", "actor.revoked", json!({ "actor": "ada", "reason": "laptop stolen" }));
            remark(&mut story, "ada");
            Scene::of(&story, &head_of(&story)).seen()
        };
        "before anybody noticed; the revocation says since when", "conformance: A-08 at 24 · exit 3", || {
            let mut story = honest();
            story.wait(60);
            remark(&mut story, "otto");
            story.say("sam", "actor.revoked", json!({
                "actor": "otto", "reason": "laptop stolen", "compromised_since": "@-30",
            }));
            Scene::of(&story, &head_of(&story)).seen()
        };
        "dated back by a year", "conformance: T-02 at 24 · exit 3", || {
            let mut story = honest();
            let link = Link::of(&story.entries[0]);
            let note = json!({ "entry": 0, "link": link, "note": "seen" });
            story.say_changed("ada", "entry.annotated", note, |statement| {
                statement.occurred = "2025-01-05T09:00:00Z".parse().unwrap();
            });
            Scene::of(&story, &head_of(&story)).seen()
        };
        "dated back by two hours with the host's clock; an entry before names a time token; the auditor knows by whom", "integrity: I-18 at 25 · anchoring: N-12 at 25 · exit 1", || {
            let mut story = honest();
            let (size, head, stamped) = (story.entries.len() as u64, head_of(&story), story.now);
            let authority = SignedAuthority::new();
            let token = authority.response(&head, stamped);
            story.name_token(&token);
            story.wait(-120);
            remark(&mut story, "olga");
            story.wait(240);
            Scene::of(&story, &head_of(&story)).stamped(size, &head, &token).believing(&authority).seen()
        };
        "a Security Owner names a sealing key where the old one is lost", "not checked: entry 24 is newer than the newest kept checkpoint · exit 0", || {
            let mut story = honest();
            let kept = head_of(&story);
            story.say("sam", "sealing_key.recovered", recovered(&story, &kept, &sealing_key()));
            let head = story.checkpoint_of(story.entries.len(), &key_of("next-sealing-key"));
            Scene::of(&story, &head).anchor(&kept).trust(&(log_line(&sealing_key()) + "quorum none\n")).seen()
        };
        "an operator with the folder names a sealing key", "integrity: I-05 · authority: A-02 at 24 · exit 1", || {
            let mut story = honest();
            let kept = head_of(&story);
            story.force("olga", "sealing_key.recovered", recovered(&story, &kept, &sealing_key()));
            let head = story.checkpoint_of(story.entries.len(), &key_of("next-sealing-key"));
            Scene::of(&story, &head).seen()
        };
        "a Security Owner names a sealing key on a checkpoint that they sealed themselves", "integrity: I-06 at 24 · exit 1", || {
            let mut story = honest();
            let kept = story.checkpoint_of(story.entries.len(), &key_of("next-sealing-key"));
            story.say("sam", "sealing_key.recovered", recovered(&story, &kept, &key_of("next-sealing-key")));
            let head = story.checkpoint_of(story.entries.len(), &key_of("next-sealing-key"));
            Scene::of(&story, &head).seen()
        };
        "a Security Owner rewrote what the lost key sealed, and names another", "integrity: I-05 at 25 · exit 1", || {
            let mut other = honest();
            remark(&mut other, "olga");
            let kept = head_of(&other);
            let mut story = honest();
            remark(&mut story, "ada");
            story.say("sam", "sealing_key.recovered", recovered(&story, &kept, &sealing_key()));
            let head = story.checkpoint_of(story.entries.len(), &key_of("next-sealing-key"));
            Scene::of(&story, &head).seen()
        };
        "a Security Owner enrols a second self first, and both name a sealing key", "integrity: I-05 · authority: A-10 at 27 · exit 1", || {
            let mut story = honest();
            story.say("sam", "policy.set", json!({ "reason": "two of us", "four_eyes": "strict" }));
            let kept = head_of(&story);
            story.enrol("self", "human", &["security_owner"]);
            let said = recovered(&story, &kept, &sealing_key());
            story.say("sam", "sealing_key.recovered", said.clone());
            story.force("self", "sealing_key.recovered", said);
            let head = story.checkpoint_of(story.entries.len(), &key_of("next-sealing-key"));
            Scene::of(&story, &head).seen()
        };
        "with the sealing key of today, last month is sealed again", "anchoring: N-08 · exit 1", || {
            let mut story = honest();
            let before = story.entries.len();
            let next = key_of("next-sealing-key");
            story.say("sam", "sealing_key.replaced", json!({
                "key": next.public(), "possession": next.prove_possession(), "reason": "monthly",
            }));
            let head = story.checkpoint_of(story.entries.len(), &next);
            Scene::of(&story, &head).anchor(&story.checkpoint_of(before, &next)).seen()
        };
    }
}
