//! Which signatures count: honest ones, known ones, and those about which implementations differ.

use curve25519_dalek::EdwardsPoint;
use curve25519_dalek::Scalar;
use curve25519_dalek::constants::ED25519_BASEPOINT_POINT as BASE;
use curve25519_dalek::constants::EIGHT_TORSION;
use rotation_ledger::checkpoint;
use rotation_ledger::key::PublicKey;
use rotation_ledger::key::Signature;
use rotation_ledger::note::NoteKey;
use serde_json::Value;
use sha2::Digest as _;
use sha2::Sha512;

use crate::support::second::told;
use crate::support::story::key_of;

const MESSAGE: &[u8] = b"ledger-stmt-v1\nnot quite a statement";
fn secret() -> Scalar {
    Scalar::from_bytes_mod_order([7; 32])
}

/// Asks both whether a signature holds, and insists that they agree.
fn holds(what: &str, key: [u8; 32], message: &[u8], signature: [u8; 64]) -> bool {
    let verifier = PublicKey::from_bytes(key).admit();
    let ours = verifier.is_ok_and(|key| key.accepts(message, &Signature::from_bytes(signature)));
    let [key, message] = [&key, message].map(hex::encode);
    if let Some(theirs) = told(&format!(
        "signed {key} {message} {}",
        hex::encode(signature)
    )) {
        assert_eq!(theirs, if ours { "holds" } else { "fails" }, "{what}");
    }
    ours
}

fn challenge(nonce: &EdwardsPoint, key: &EdwardsPoint) -> Scalar {
    let parts = [&nonce.compress().0, &key.compress().0, MESSAGE].concat();
    Scalar::from_bytes_mod_order_wide(&Sha512::digest(parts).into())
}

/// The signature by [`secret`], as the key `key`, with the nonce point `point` whose part without
/// torsion is `nonce` times the base.
fn signed(key: &EdwardsPoint, point: &EdwardsPoint, nonce: Scalar) -> [u8; 64] {
    let response = nonce + challenge(point, key) * secret();
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&point.compress().0);
    signature[32..].copy_from_slice(response.as_bytes());
    signature
}

#[test]
fn each_changed_bit_of_a_signature_is_the_same_to_both() {
    let secret = key_of("sam");
    let (key, signature) = (
        *secret.public().as_bytes(),
        *secret.sign(MESSAGE).as_bytes(),
    );
    assert!(holds("honest", key, MESSAGE, signature));
    for bit in 0..512 {
        let mut changed = signature;
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(!holds("signature", key, MESSAGE, changed), "bit {bit}");
    }
    for bit in 0..256 {
        let mut changed = key;
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(!holds("key", changed, MESSAGE, signature), "bit {bit}");
    }
}

#[test]
fn odd_keys_and_signatures_count_for_neither() {
    let key = BASE * secret();
    let nonce = Scalar::from(41_u8);
    let plain = signed(&key, &(BASE * nonce), nonce);
    assert!(holds("plain", key.compress().0, MESSAGE, plain));

    // s + l, where l = 2^252 + 27742317777372353535851937790883648493, is below 2^256 for this s.
    let order = (-Scalar::ONE).to_bytes();
    let (mut beyond, mut carry) = (plain, 1);
    for (byte, more) in beyond[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(more) + carry;
        [*byte, _] = sum.to_le_bytes();
        carry = sum >> 8;
    }
    assert!(!holds("s + l", key.compress().0, MESSAGE, beyond));

    for (place, torsion) in EIGHT_TORSION.iter().enumerate() {
        let only = signed(&key, torsion, Scalar::ZERO);
        let what = format!("a nonce point of small order, {place}");
        assert!(!holds(&what, key.compress().0, MESSAGE, only));
        let mut nothing = [0; 64];
        nothing[..32].copy_from_slice(&torsion.compress().0);
        let what = format!("a key of small order, {place}");
        assert!(!holds(&what, torsion.compress().0, MESSAGE, nothing));
        if place == 0 {
            continue;
        }
        let part = signed(&key, &(BASE * nonce + torsion), nonce);
        let what = format!("a nonce point with a part of small order, {place}");
        assert!(!holds(&what, key.compress().0, MESSAGE, part));
        // The part of the key comes in with the challenge: of some nonces it is gone, and RFC 8032
        // has nothing against the signature.
        let mixed = key + torsion;
        let mut gone = 0;
        for nonce in (1..=64_u8).map(Scalar::from) {
            let point = BASE * nonce;
            let signature = signed(&mixed, &point, nonce);
            let equal = point
                == BASE * (nonce + challenge(&point, &mixed) * secret())
                    - mixed * challenge(&point, &mixed);
            gone += usize::from(equal);
            let what = format!("a key with a part of small order, {place}");
            assert!(!holds(&what, mixed.compress().0, MESSAGE, signature));
        }
        assert!(gone > 0, "{place}");
    }
}

/// The signature of an independent program (`tests/vectors`).
#[test]
fn the_known_checkpoint_is_signed_to_both() {
    let vectors: Value = serde_json::from_str(include_str!("../vectors/tlog.json")).unwrap();
    let key: NoteKey = vectors["keys"]["log_vkey"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let note = vectors["checkpoint_70_cosigned"].as_str().unwrap();
    assert!(checkpoint::open(note.as_bytes(), &key).is_ok());
    let (text, lines) = note.split_once("\n\n").unwrap();
    let encoded = lines.lines().next().unwrap().rsplit(' ').next().unwrap();
    let signature = base64::Engine::decode(&base64::prelude::BASE64_STANDARD, encoded).unwrap();
    let signature = signature[4..].try_into().unwrap();
    let text = format!("{text}\n");
    assert!(holds(
        "known",
        *key.public().as_bytes(),
        text.as_bytes(),
        signature
    ));
}
