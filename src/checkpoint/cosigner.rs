//! The keys of witnesses, of each type that C2SP assigns: those that can be verified here, and those that
//! can only be read.

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use ml_dsa::{MlDsa44, VerifyingKey};

use crate::key::{KeyError, PublicKey, SecretKey, Signature, Verifier};
use crate::note::{COSIGNATURE, KeyName, ML_DSA_44, NoteKeyError, Vkey};

/// Bytes of an ML-DSA-44 public key (FIPS 204).
const ML_DSA_KEY: usize = 1_312;

/// The key of a witness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CosignerKey {
    vkey: Vkey,
    /// Of an Ed25519 key.
    verifier: Option<Verifier>,
}

impl CosignerKey {
    /// The Ed25519 key `public` under the name `name`.
    ///
    /// # Errors
    /// Where the public key cannot be admitted (see [`PublicKey::admit`]).
    pub fn new(name: impl Into<KeyName>, public: PublicKey) -> Result<Self, KeyError> {
        Ok(Self {
            vkey: Vkey::of(name.into(), COSIGNATURE, public.as_bytes()),
            verifier: Some(public.admit()?),
        })
    }

    /// The public half of `secret` under the name `name`.
    #[must_use]
    pub fn of(name: impl Into<KeyName>, secret: &SecretKey) -> Self {
        Self {
            vkey: Vkey::of(name.into(), COSIGNATURE, secret.public().as_bytes()),
            verifier: Some(secret.verifier()),
        }
    }

    /// A key of whatever type. One that is not verified here never counts as having cosigned.
    ///
    /// # Errors
    /// A key that is verified here, and is not what its type demands.
    pub fn of_any_type(vkey: Vkey) -> Result<Self, NoteKeyError> {
        let mut verifier = None;
        match vkey.kind() {
            COSIGNATURE => verifier = Some(PublicKey::from_bytes(vkey.exact()?).admit()?),
            ML_DSA_44 => drop(vkey.exact::<ML_DSA_KEY>()?),
            _ => {}
        }
        Ok(Self { vkey, verifier })
    }

    /// Whether lines by keys of its type can be checked here.
    #[must_use]
    pub const fn is_verified_here(&self) -> bool {
        matches!(self.vkey.kind(), COSIGNATURE | ML_DSA_44)
    }

    /// Whether this is an Ed25519 key, and made `signature` over `message`.
    pub(super) fn accepts(&self, message: &[u8], signature: &[u8]) -> bool {
        let signature = signature.try_into().map(Signature::from_bytes);
        let checked = self.verifier.zip(signature.ok());
        checked.is_some_and(|(key, signature)| key.accepts(message, &signature))
    }

    /// Whether this is an ML-DSA-44 key, and made `signature` over `message`.
    pub(super) fn accepts_ml_dsa(&self, message: &[u8], signature: &[u8]) -> bool {
        let key = self.vkey.exact::<ML_DSA_KEY>();
        let (Ok(key), Ok(signature)) = (key, ml_dsa::Signature::<MlDsa44>::try_from(signature))
        else {
            return false;
        };
        VerifyingKey::decode(&key.into()).verify_with_context(message, &[], &signature)
    }
}

impl Deref for CosignerKey {
    type Target = Vkey;

    fn deref(&self) -> &Vkey {
        &self.vkey
    }
}

impl fmt::Display for CosignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.vkey.fmt(f)
    }
}

impl FromStr for CosignerKey {
    type Err = NoteKeyError;

    /// Reads a key whose lines can be checked here.
    fn from_str(text: &str) -> Result<Self, NoteKeyError> {
        let key = Self::of_any_type(text.parse()?)?;
        match key.is_verified_here() {
            true => Ok(key),
            false => Err(NoteKeyError::Type {
                found: key.kind(),
                wanted: COSIGNATURE,
            }),
        }
    }
}
