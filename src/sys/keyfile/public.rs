//! The public half of a key as a file: one line that its owner sends to whoever enrols them.

use crate::key::{KeyError, PublicKey, Signature, Signer, SignerError};

const VERSION: &str = "ledger-key-v1";

/// A public key with its owner's signature, which shows that they hold the private half.
///
/// Holding one proves that the signature was verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKeyFile {
    key: PublicKey,
    possession: Signature,
}

/// What is wrong with a public key file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublicKeyFileError {
    /// Not the one line.
    #[error("a public key file is one line, `{VERSION} <public key> <signature>`")]
    Shape,
    /// A part of the line is not lower-case hex of the right length.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The signature is not by that key, or the key cannot be admitted.
    #[error("the signature in the public key file is not by its key {0}")]
    Possession(PublicKey),
}

impl PublicKeyFile {
    /// The public file of a private key.
    ///
    /// # Errors
    /// Who keeps the key did not sign.
    pub fn of(key: &dyn Signer) -> Result<Self, SignerError> {
        Ok(Self {
            key: key.public(),
            possession: key.prove_possession()?,
        })
    }

    /// A key with its owner's signature, where that holds.
    #[must_use]
    pub fn from_parts(key: PublicKey, possession: Signature) -> Option<Self> {
        let holds = key.possession_holds(&possession);
        holds.then_some(Self { key, possession })
    }

    /// The public key.
    #[must_use]
    pub const fn key(&self) -> &PublicKey {
        &self.key
    }

    /// The signature by which its owner shows to hold it.
    #[must_use]
    pub const fn possession(&self) -> &Signature {
        &self.possession
    }

    /// The line, with its line break.
    #[must_use]
    pub fn format(&self) -> String {
        format!("{VERSION} {} {}\n", self.key, self.possession)
    }

    /// Reads the line and verifies the signature in it.
    ///
    /// # Errors
    /// Where the text is anything but that one line, or the signature does not hold.
    pub fn parse(text: &str) -> Result<Self, PublicKeyFileError> {
        let line = text.strip_suffix('\n').ok_or(PublicKeyFileError::Shape)?;
        let (key, possession) = line
            .strip_prefix(VERSION)
            .and_then(|rest| rest.strip_prefix(' '))
            .and_then(|rest| rest.split_once(' '))
            .ok_or(PublicKeyFileError::Shape)?;
        let key: PublicKey = key.parse()?;
        let possession: Signature = possession.parse()?;
        Self::from_parts(key, possession).ok_or(PublicKeyFileError::Possession(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::SecretKey;

    fn line() -> String {
        PublicKeyFile::of(&SecretKey::from_seed(&[7; 32]))
            .unwrap()
            .format()
    }

    #[test]
    fn the_line_reads_back() {
        let file = PublicKeyFile::parse(&line()).unwrap();
        assert_eq!(file.format(), line());
        assert_eq!(*file.key(), SecretKey::from_seed(&[7; 32]).public());
        assert_eq!(line().len(), 14 + 64 + 1 + 128 + 1);
        assert!(line().starts_with(
            "ledger-key-v1 ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c "
        ));
    }

    #[test]
    fn every_flipped_bit_is_refused() {
        for bit in 0..line().len() * 8 {
            let mut bytes = line().into_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            if let Ok(text) = std::str::from_utf8(&bytes) {
                assert!(PublicKeyFile::parse(text).is_err(), "{text}");
            }
        }
    }

    #[test]
    fn anything_but_the_one_line_is_refused() {
        let line = line();
        for text in [
            String::new(),
            line.trim_end().to_owned(),
            format!("{line}\n"),
            format!(" {line}"),
            line.repeat(2),
            line.replace('\n', "\r\n"),
            line.replacen("v1 ", "v1  ", 1),
            line.replacen("v1", "v2", 1),
            line.replacen("\n", " comment\n", 1),
            line.to_uppercase(),
        ] {
            assert!(PublicKeyFile::parse(&text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_signature_must_be_by_the_key_beside_it() {
        let other = SecretKey::from_seed(&[8; 32]);
        let key = SecretKey::from_seed(&[7; 32]).public();
        let forged = format!("{VERSION} {key} {}\n", other.prove_possession());
        assert_eq!(
            PublicKeyFile::parse(&forged),
            Err(PublicKeyFileError::Possession(key))
        );
    }
}
