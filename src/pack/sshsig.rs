//! Signatures that `ssh-keygen -Y verify` checks (OpenSSH, PROTOCOL.sshsig), by Ed25519 keys.
//!
//! ```text
//! signed = "SSHSIG" ‖ string namespace ‖ string "" ‖ string "sha512" ‖ string SHA-512(file)
//! blob   = "SSHSIG" ‖ u32 1 ‖ string(public key) ‖ string namespace ‖ string "" ‖ string "sha512"
//!        ‖ string(string "ssh-ed25519" ‖ string signature)
//! ```
//!
//! A string is its length, u32 big-endian, and its bytes. An Ed25519 signature has one form, so a
//! file is checked by holding it against the one that the key's signature makes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest as _, Sha512};

use crate::key::{PublicKey, SecretKey, Signature};

/// What signatures on packs are for; `ssh-keygen -n` is told it.
pub const NAMESPACE: &str = "pack@rotation-ledger";

const MAGIC: &[u8] = b"SSHSIG";
const KIND: &[u8] = b"ssh-ed25519";
const HASH: &[u8] = b"sha512";
const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----\n";
const END: &str = "-----END SSH SIGNATURE-----\n";
const COLUMNS: usize = 70;

/// The signature of a file, armoured.
#[must_use]
pub(super) fn sign(file: &[u8], key: &SecretKey) -> String {
    armour(&key.public(), &key.sign(&message(file)))
}

/// Whether `armoured` is a signature of `file` by `key`, in its one form.
#[must_use]
pub(super) fn holds(file: &[u8], armoured: &[u8], key: &PublicKey) -> bool {
    let Some(signature) = signature_in(armoured) else {
        return false;
    };
    let by_key = |signature| {
        key.admit()
            .is_ok_and(|key| key.accepts(&message(file), signature))
    };
    armour(key, &signature).as_bytes() == armoured && by_key(&signature)
}

/// A public key as a line of `authorized_keys` and `allowed_signers` has it.
#[must_use]
pub fn public_line(key: &PublicKey) -> String {
    format!("ssh-ed25519 {}", BASE64.encode(public_blob(key)))
}

/// The last 64 bytes are the signature; whatever stands before them is held against what must.
fn signature_in(armoured: &[u8]) -> Option<Signature> {
    let text = std::str::from_utf8(armoured).ok()?;
    let body = text.strip_prefix(BEGIN)?.strip_suffix(END)?;
    let blob = BASE64.decode(body.replace('\n', "")).ok()?;
    Some(Signature::from_bytes(*blob.last_chunk()?))
}

fn message(file: &[u8]) -> Vec<u8> {
    let mut message = MAGIC.to_vec();
    purpose(&mut message);
    string(&mut message, &Sha512::digest(file));
    message
}

fn armour(key: &PublicKey, signature: &Signature) -> String {
    let mut blob = MAGIC.to_vec();
    blob.extend_from_slice(&1_u32.to_be_bytes());
    string(&mut blob, &public_blob(key));
    purpose(&mut blob);
    let mut inner = Vec::new();
    string(&mut inner, KIND);
    string(&mut inner, signature.as_bytes());
    string(&mut blob, &inner);
    let encoded = BASE64.encode(blob);
    let mut armoured = BEGIN.to_owned();
    // Base64 is ASCII, so that a character is a byte.
    for (at, character) in encoded.chars().enumerate() {
        if at > 0 && at % COLUMNS == 0 {
            armoured.push('\n');
        }
        armoured.push(character);
    }
    armoured.push('\n');
    armoured.push_str(END);
    armoured
}

fn purpose(to: &mut Vec<u8>) {
    string(to, NAMESPACE.as_bytes());
    string(to, b"");
    string(to, HASH);
}

fn public_blob(key: &PublicKey) -> Vec<u8> {
    let mut blob = Vec::new();
    string(&mut blob, KIND);
    string(&mut blob, key.as_bytes());
    blob
}

fn string(to: &mut Vec<u8>, bytes: &[u8]) {
    to.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
    to.extend_from_slice(bytes);
}
