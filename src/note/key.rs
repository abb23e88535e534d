//! The public keys of notes, and the text form in which people exchange them.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest as _, Sha256};

use super::name::{KeyName, KeyNameError};
use crate::key::{KeyError, PublicKey, SecretKey, Signature, Verifier};

/// Bytes of a key id.
pub(super) const KEY_ID_BYTES: usize = 4;

/// The type byte of keys that sign the text of a note, by Ed25519.
pub const NOTE: u8 = 0x01;
/// The type byte of keys that sign a checkpoint and a time, by Ed25519: a witness's.
pub const COSIGNATURE: u8 = 0x04;

/// A key that signs under a name: a "verifier key" or vkey of the specification. Its type byte says what
/// it signs, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vkey<const TYPE: u8> {
    name: KeyName,
    public: PublicKey,
    verifier: Verifier,
}

/// A key that signs notes.
pub type NoteKey = Vkey<NOTE>;

/// The key of a witness.
pub type CosignerKey = Vkey<COSIGNATURE>;

/// What is wrong with the text of a vkey.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteKeyError {
    /// Not three parts joined by `+`.
    #[error("a vkey reads name+8 hex digits+base64")]
    Shape,
    /// The key name is unusable.
    #[error("the key name {0}")]
    Name(#[from] KeyNameError),
    /// The key id is not eight lower-case hex digits, or another key's.
    #[error("the key id in the vkey is not that of its name and key")]
    KeyId,
    /// The last part is not canonical base64.
    #[error("the key in the vkey is not canonical base64")]
    Base64,
    /// A kind of key that signs other things than notes, or in another way.
    #[error(
        "the vkey is of type 0x{found:02x}; 0x{wanted:02x} is needed here (0x01 is a log's, 0x04 a witness's)"
    )]
    Type {
        /// The type byte found.
        found: u8,
        /// The one that is understood here.
        wanted: u8,
    },
    /// Not 32 bytes.
    #[error("an Ed25519 public key is 32 bytes long; the vkey has {0}")]
    Length(usize),
    /// No point, or one that cannot be trusted to sign.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl<const TYPE: u8> Vkey<TYPE> {
    /// The key `public` under the name `name`.
    ///
    /// # Errors
    /// Where the public key cannot be admitted (see [`PublicKey::admit`]).
    pub fn new(name: impl Into<KeyName>, public: PublicKey) -> Result<Self, KeyError> {
        let verifier = public.admit()?;
        Ok(Self {
            name: name.into(),
            public,
            verifier,
        })
    }

    /// The public half of `secret` under the name `name`.
    #[must_use]
    pub fn of(name: impl Into<KeyName>, secret: &SecretKey) -> Self {
        Self {
            name: name.into(),
            public: secret.public(),
            verifier: secret.verifier(),
        }
    }

    /// The name under which it signs; for the key of a ledger, the ledger's origin.
    #[must_use]
    pub const fn name(&self) -> &KeyName {
        &self.name
    }

    /// The Ed25519 public key.
    #[must_use]
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The key id that its signature lines carry: the first four bytes of
    /// SHA-256(name ‖ 0x0A ‖ type ‖ public key). An identifier on purpose so short that nobody takes it
    /// for a commitment.
    #[must_use]
    pub fn id(&self) -> [u8; KEY_ID_BYTES] {
        key_id(&self.name, TYPE, &self.public)
    }

    /// Whether the key made `signature` over `message`.
    pub(crate) fn accepts(&self, message: &[u8], signature: &Signature) -> bool {
        self.verifier.accepts(message, signature)
    }
}

fn key_id(name: &KeyName, kind: u8, public: &PublicKey) -> [u8; KEY_ID_BYTES] {
    let mut hasher = Sha256::new();
    hasher.update(name.as_str());
    hasher.update([b'\n', kind]);
    hasher.update(public.as_bytes());
    let [a, b, c, d, ..] = <[u8; 32]>::from(hasher.finalize());
    [a, b, c, d]
}

impl<const TYPE: u8> fmt::Display for Vkey<TYPE> {
    /// The vkey: `name+key id in hex+base64(type ‖ public key)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let typed = [&[TYPE], &self.public.as_bytes()[..]].concat();
        let (id, key) = (hex::encode(self.id()), BASE64.encode(typed));
        write!(f, "{}+{id}+{key}", self.name)
    }
}

impl<const TYPE: u8> FromStr for Vkey<TYPE> {
    type Err = NoteKeyError;

    fn from_str(text: &str) -> Result<Self, NoteKeyError> {
        // Base64 may hold a `+` too, so only the first two separate.
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteKeyError::Shape);
        };
        let name = KeyName::new(name)?;
        let typed = BASE64.decode(key).map_err(|_| NoteKeyError::Base64)?;
        let public = match typed.split_first() {
            Some((&found, public)) if found == TYPE => public,
            Some((&found, _)) => {
                let wanted = TYPE;
                return Err(NoteKeyError::Type { found, wanted });
            }
            None => return Err(NoteKeyError::Length(0)),
        };
        let public =
            <[u8; 32]>::try_from(public).map_err(|_| NoteKeyError::Length(public.len()))?;
        let public = PublicKey::from_bytes(public);
        // The id on paper guards against a mistyped key; the one that counts is computed.
        if hex::encode(key_id(&name, TYPE, &public)) != id {
            return Err(NoteKeyError::KeyId);
        }
        Ok(Self::new(name, public)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VKEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";

    fn fault(text: &str) -> NoteKeyError {
        text.parse::<NoteKey>().unwrap_err()
    }

    #[test]
    fn reads_and_writes_the_published_key() {
        let key: NoteKey = VKEY.parse().unwrap();
        assert_eq!(key.name().as_str(), "example.com/foo");
        assert_eq!(hex::encode(key.id()), "530d903a");
        assert_eq!(key.to_string(), VKEY);
    }

    #[test]
    fn refuses_each_malformed_part_by_name() {
        assert_eq!(fault(""), NoteKeyError::Shape);
        assert_eq!(fault("example.com/foo+530d903a"), NoteKeyError::Shape);
        assert!(matches!(
            fault(&VKEY.replacen("example.com", "", 1).replacen("/foo", "", 1)),
            NoteKeyError::Name(_)
        ));
        assert!(matches!(
            fault(&VKEY.replacen('/', " ", 1)),
            NoteKeyError::Name(_)
        ));
        // Another name or another id: the two no longer belong together.
        assert_eq!(fault(&VKEY.replacen("foo", "bar", 1)), NoteKeyError::KeyId);
        assert_eq!(
            fault(&VKEY.replacen("530d", "530e", 1)),
            NoteKeyError::KeyId
        );
        assert_eq!(
            fault(&VKEY.replacen("903a", "903A", 1)),
            NoteKeyError::KeyId
        );
        assert_eq!(fault(&VKEY.replacen("903a", "", 1)), NoteKeyError::KeyId);
        assert_eq!(fault(&format!("{VKEY}=")), NoteKeyError::Base64);
        assert_eq!(fault(&VKEY[..VKEY.len() - 4]), NoteKeyError::Length(29));
        assert_eq!(fault("example.com/foo+530d903a+"), NoteKeyError::Length(0));
    }

    #[test]
    fn refuses_keys_that_sign_in_another_way() {
        let witness = "witness.example/a+42b1a916+BKCapfR6Z1mAL/lV+NwtKhSlyZ0jvpf4ZBJ/+Tg0VaTw";
        assert_eq!(
            fault(witness),
            NoteKeyError::Type {
                found: 0x04,
                wanted: 0x01
            }
        );
    }

    #[test]
    fn refuses_a_key_of_small_order_even_with_the_right_id() {
        let mut identity = [0; 32];
        identity[0] = 1;
        let name = KeyName::new("weak.example").unwrap();
        let public = PublicKey::from_bytes(identity);
        let id = hex::encode(key_id(&name, NOTE, &public));
        let key = BASE64.encode([&[NOTE], &identity[..]].concat());
        assert_eq!(
            fault(&format!("{name}+{id}+{key}")),
            NoteKeyError::Key(KeyError::Torsion)
        );
    }

    #[test]
    fn every_flipped_bit_of_a_vkey_is_refused() {
        for bit in 0..VKEY.len() * 8 {
            let mut bytes = VKEY.as_bytes().to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            if let Ok(text) = std::str::from_utf8(&bytes) {
                assert!(text.parse::<NoteKey>().is_err(), "{text}");
            }
        }
    }
}
