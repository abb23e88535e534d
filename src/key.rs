//! Keys, signatures and the one rule by which a signature counts.
//!
//! Ed25519 throughout. `verify_strict` decides, one signature at a time: batch verification and the
//! plain `verify` accept signatures that strict refuses, so two honest auditors could disagree.
//! A key is admitted only if it is canonical, of full order and free of torsion.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;

use bincode::{Decode, Encode};
use ed25519_dalek::{Signer as _, VerifyingKey};

use crate::text::hex_text;

/// Before the public key, in the message by which a key holder shows that they hold it.
const POSSESSION_CONTEXT: &[u8] = b"ledger-enrol-v1\n";

/// How many admitted keys each thread keeps: few sign a ledger, and a forged one with many keys must
/// not fill the memory.
const CACHED_KEYS: usize = 1_024;

/// An Ed25519 public key as 32 bytes: a name for a key holder, not yet a usable point.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct PublicKey([u8; 32]);

/// An Ed25519 signature: exactly 64 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Signature([u8; 64]);

/// What is wrong with a key or a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The text is not 64 lower-case hex digits (key) or 128 (signature).
    #[error("not a key or signature in lower-case hex")]
    Text,
    /// The bytes are no point, or a point in another than its one encoding.
    #[error("the public key is not a canonical Ed25519 point")]
    NotCanonical,
    /// The point has small order or a torsion part: signatures by it are ambiguous.
    #[error("the public key has a small-order part and cannot be trusted to sign")]
    Torsion,
}

/// A public key that was decompressed and admitted; only this verifies signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verifier(VerifyingKey);

/// A private key. Its bytes are wiped when it is dropped, and it never prints itself.
pub struct SecretKey(ed25519_dalek::SigningKey);

/// What signs for a key holder: the private key itself, or something that keeps it elsewhere and lends it.
pub trait Signer: fmt::Debug + Send + Sync {
    /// The public half.
    fn public(&self) -> PublicKey;

    /// Signs `message`, which callers begin with a context of their own, so that a signature made for one
    /// purpose is refused for every other.
    ///
    /// # Errors
    /// Who keeps the key did not sign, or signed something else.
    fn sign(&self, message: &[u8]) -> Result<Signature, SignerError>;

    /// Whether the private half is in this process, so that nobody else had a say in what is signed.
    fn is_here(&self) -> bool {
        false
    }

    /// Shows that the holder of this key wants it enrolled (see [`PublicKey::possession_holds`]).
    ///
    /// # Errors
    /// As [`Signer::sign`].
    fn prove_possession(&self) -> Result<Signature, SignerError> {
        self.sign(&possession_message(&self.public()))
    }
}

/// Why there is no signature, or no key to sign with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{signer} {why}")]
pub struct SignerError {
    /// What was asked, for example `the ssh-agent`.
    pub signer: String,
    /// What it did or did not do.
    pub why: String,
}

impl PublicKey {
    /// The first eight hex digits, for people to tell keys apart on a screen. Not an identity.
    #[must_use]
    pub fn short(&self) -> String {
        hex::encode(&self.0[..4])
    }

    /// Decompresses and admits the key.
    ///
    /// # Errors
    /// Where the bytes are not the canonical encoding of a torsion-free point of full order.
    pub fn admit(&self) -> Result<Verifier, KeyError> {
        let point = VerifyingKey::from_bytes(&self.0).map_err(|_| KeyError::NotCanonical)?;
        if point.to_edwards().compress().as_bytes() != &self.0 {
            return Err(KeyError::NotCanonical);
        }
        if point.is_weak() || !point.to_edwards().is_torsion_free() {
            return Err(KeyError::Torsion);
        }
        Ok(Verifier(point))
    }

    /// [`admit`](Self::admit), with the answer kept for this thread: admitting costs as much as
    /// verifying a signature, and many entries have few authors.
    #[must_use]
    pub fn admit_once(&self) -> Option<Verifier> {
        thread_local! {
            static ADMITTED: RefCell<HashMap<PublicKey, Option<Verifier>>> = RefCell::default();
        }
        ADMITTED.with_borrow_mut(|admitted| {
            if let Some(known) = admitted.get(self) {
                return *known;
            }
            if admitted.len() >= CACHED_KEYS {
                admitted.clear();
            }
            let verifier = self.admit().ok();
            admitted.insert(*self, verifier);
            verifier
        })
    }

    /// Whether `proof` shows that the holder of this key's private half asked to be enrolled.
    #[must_use]
    pub fn possession_holds(&self, proof: &Signature) -> bool {
        self.admit()
            .is_ok_and(|key| key.accepts(&possession_message(self), proof))
    }
}

impl Verifier {
    /// Whether `signature` over `message` is this key's, by the strict rule.
    #[must_use]
    pub fn accepts(&self, message: &[u8], signature: &Signature) -> bool {
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        self.0.verify_strict(message, &signature).is_ok()
    }
}

impl SecretKey {
    /// The key that these 32 seed bytes (RFC 8032) make.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// The seed, for writing a key file; whoever asks for it wipes it.
    #[must_use]
    pub fn to_seed(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// What verifies this key's signatures. It needs no admission: a clamped multiple of the base
    /// point is canonical, of full order and free of torsion.
    #[must_use]
    pub fn verifier(&self) -> Verifier {
        Verifier(self.0.verifying_key())
    }

    /// Signs `message`. Callers put their own context first, so that a signature made for one
    /// purpose is refused for every other.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Signature {
        Signature(self.0.sign(message).to_bytes())
    }

    /// Shows that the holder of this key wants it enrolled (see [`PublicKey::possession_holds`]).
    #[must_use]
    pub fn prove_possession(&self) -> Signature {
        self.sign(&possession_message(&self.public()))
    }
}

impl Signer for SecretKey {
    fn public(&self) -> PublicKey {
        self.public()
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SignerError> {
        Ok(self.sign(message))
    }

    fn is_here(&self) -> bool {
        true
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey(public {})", self.public())
    }
}

fn possession_message(key: &PublicKey) -> Vec<u8> {
    [POSSESSION_CONTEXT, &key.0].concat()
}

hex_text!(PublicKey, 32, KeyError, KeyError::Text);
hex_text!(Signature, 64, KeyError, KeyError::Text);

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> SecretKey {
        SecretKey::from_seed(&[7; 32])
    }

    #[test]
    fn accepts_its_own_signature_and_no_other() {
        let key = key();
        let verifier = key.public().admit().unwrap();
        let signature = key.sign(b"message");
        assert!(verifier.accepts(b"message", &signature));
        assert!(!verifier.accepts(b"massage", &signature));
        for bit in 0..512 {
            let mut bytes = *signature.as_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(
                !verifier.accepts(b"message", &Signature::from_bytes(bytes)),
                "bit {bit}"
            );
        }
    }

    #[test]
    fn refuses_small_order_and_non_canonical_keys() {
        // The identity, its non-canonical twin y = p + 1, and the point of order two.
        let mut identity = [0; 32];
        identity[0] = 1;
        assert_eq!(PublicKey(identity).admit(), Err(KeyError::Torsion));
        let mut twin = [0xff; 32];
        twin[0] = 0xee;
        twin[31] = 0x7f;
        assert!(PublicKey(twin).admit().is_err());
        let mut order_two = [0xff; 32];
        order_two[0] = 0xec;
        order_two[31] = 0x7f;
        assert_eq!(PublicKey(order_two).admit(), Err(KeyError::Torsion));
    }

    #[test]
    fn possession_is_bound_to_the_key() {
        let proof = key().prove_possession();
        assert!(key().public().possession_holds(&proof));
        assert!(
            !SecretKey::from_seed(&[8; 32])
                .public()
                .possession_holds(&proof)
        );
    }

    #[test]
    fn debug_never_shows_the_seed() {
        assert!(!format!("{:?}", key()).contains(&hex::encode([7u8; 32])));
    }
}
