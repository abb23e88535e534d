//! The public keys of notes, and the text form in which people exchange them.

use std::fmt;
use std::ops::Deref;
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
/// The type byte of keys that sign a tree and a time, by ML-DSA-44: a witness's or a log's.
pub const ML_DSA_44: u8 = 0x06;

/// A "verifier key" of the specification, of whatever type: a name, a key id, and a public key behind the
/// byte that says what it signs, and how. Whether the key can be used is for whoever knows its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vkey {
    name: KeyName,
    id: [u8; KEY_ID_BYTES],
    kind: u8,
    public: Vec<u8>,
}

/// A key that signs the text of notes by Ed25519.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteKey {
    vkey: Vkey,
    public: PublicKey,
    verifier: Verifier,
}

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
    /// More or fewer bytes than a key of its type has.
    #[error("a public key of this type is {wanted} bytes long; the vkey has {found}")]
    Length {
        /// Bytes found.
        found: usize,
        /// Bytes of such a key.
        wanted: usize,
    },
    /// No point, or one that cannot be trusted to sign.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl Vkey {
    /// The key `public` of a type under the name `name`. Its id is the first four bytes of
    /// SHA-256(name ‖ 0x0A ‖ type ‖ public key): an identifier on purpose so short that nobody takes it
    /// for a commitment.
    #[must_use]
    pub fn of(name: KeyName, kind: u8, public: &[u8]) -> Self {
        Self {
            id: key_id(name.as_str(), kind, public),
            name,
            kind,
            public: public.to_vec(),
        }
    }

    /// The name under which it signs.
    #[must_use]
    pub const fn name(&self) -> &KeyName {
        &self.name
    }

    /// The key id that its signature lines carry.
    #[must_use]
    pub const fn id(&self) -> [u8; KEY_ID_BYTES] {
        self.id
    }

    /// The type byte.
    #[must_use]
    pub const fn kind(&self) -> u8 {
        self.kind
    }

    /// The public key, behind its type.
    #[must_use]
    pub fn key_bytes(&self) -> &[u8] {
        &self.public
    }

    /// The public key as the array that its type has, where the id on paper is that of name and key: it
    /// guards against a mistyped key. Types that nobody here knows may make their ids in another way.
    ///
    /// # Errors
    /// Another length, or another key's id.
    pub fn exact<const LENGTH: usize>(&self) -> Result<[u8; LENGTH], NoteKeyError> {
        let found = self.public.len();
        let public = <[u8; LENGTH]>::try_from(&self.public[..]);
        let public = public.map_err(|_| NoteKeyError::Length {
            found,
            wanted: LENGTH,
        })?;
        match key_id(self.name.as_str(), self.kind, &public) == self.id {
            true => Ok(public),
            false => Err(NoteKeyError::KeyId),
        }
    }
}

pub(super) fn key_id(name: &str, kind: u8, public: &[u8]) -> [u8; KEY_ID_BYTES] {
    let mut hasher = Sha256::new();
    hasher.update(name);
    hasher.update([b'\n', kind]);
    hasher.update(public);
    let [a, b, c, d, ..] = <[u8; 32]>::from(hasher.finalize());
    [a, b, c, d]
}

impl fmt::Display for Vkey {
    /// `name+key id in hex+base64(type ‖ public key)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let typed = [&[self.kind], &self.public[..]].concat();
        let (id, key) = (hex::encode(self.id), BASE64.encode(typed));
        write!(f, "{}+{id}+{key}", self.name)
    }
}

impl FromStr for Vkey {
    type Err = NoteKeyError;

    fn from_str(text: &str) -> Result<Self, NoteKeyError> {
        // Base64 may hold a `+` too, so only the first two separate.
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(stated), Some(key)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(NoteKeyError::Shape);
        };
        let name = KeyName::new(name)?;
        let typed = BASE64.decode(key).map_err(|_| NoteKeyError::Base64)?;
        let Some((&kind, public)) = typed.split_first() else {
            return Err(NoteKeyError::Length {
                found: 0,
                wanted: 32,
            });
        };
        let mut id = [0; KEY_ID_BYTES];
        let decoded = hex::decode_to_slice(stated, &mut id);
        if decoded.is_err() || hex::encode(id) != stated {
            return Err(NoteKeyError::KeyId);
        }
        Ok(Self {
            name,
            id,
            kind,
            public: public.to_vec(),
        })
    }
}

impl NoteKey {
    /// The key `public` under the name `name`.
    ///
    /// # Errors
    /// Where the public key cannot be admitted (see [`PublicKey::admit`]).
    pub fn new(name: impl Into<KeyName>, public: PublicKey) -> Result<Self, KeyError> {
        let verifier = public.admit()?;
        let vkey = Vkey::of(name.into(), NOTE, public.as_bytes());
        Ok(Self {
            vkey,
            public,
            verifier,
        })
    }

    /// The public half of `secret` under the name `name`.
    #[must_use]
    pub fn of(name: impl Into<KeyName>, secret: &SecretKey) -> Self {
        let public = secret.public();
        Self {
            vkey: Vkey::of(name.into(), NOTE, public.as_bytes()),
            public,
            verifier: secret.verifier(),
        }
    }

    /// The Ed25519 public key.
    #[must_use]
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Whether the key made `signature` over `message`.
    pub(crate) fn accepts(&self, message: &[u8], signature: &Signature) -> bool {
        self.verifier.accepts(message, signature)
    }
}

impl Deref for NoteKey {
    type Target = Vkey;

    fn deref(&self) -> &Vkey {
        &self.vkey
    }
}

impl TryFrom<Vkey> for NoteKey {
    type Error = NoteKeyError;

    fn try_from(vkey: Vkey) -> Result<Self, NoteKeyError> {
        match vkey.kind {
            NOTE => {
                let public = PublicKey::from_bytes(vkey.exact()?);
                Ok(Self::new(vkey.name, public)?)
            }
            found => Err(NoteKeyError::Type {
                found,
                wanted: NOTE,
            }),
        }
    }
}

impl fmt::Display for NoteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.vkey.fmt(f)
    }
}

impl FromStr for NoteKey {
    type Err = NoteKeyError;

    fn from_str(text: &str) -> Result<Self, NoteKeyError> {
        text.parse::<Vkey>()?.try_into()
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
        assert_eq!(
            fault(&VKEY[..VKEY.len() - 4]),
            NoteKeyError::Length {
                found: 29,
                wanted: 32
            }
        );
        let none = NoteKeyError::Length {
            found: 0,
            wanted: 32,
        };
        assert_eq!(fault("example.com/foo+530d903a+"), none);
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
        let vkey = Vkey::of(name, NOTE, &identity);
        assert_eq!(
            fault(&vkey.to_string()),
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
