//! What stands in a private key file: an Ed25519 key in PKCS#8 (RFC 5958, RFC 8410), as PEM.
//!
//! Written in the form without the public key (v1), because OpenSSL 3.0 cannot read the other;
//! both are read. An encrypted file is PBES2 (RFC 8018) with scrypt and AES-256-CBC.
//! The key that somebody made with `ssh-keygen -t ed25519` is read as well (`openssh-key-v1`).

use std::io;

use pkcs8::der::Decode as _;
use pkcs8::der::asn1::OctetStringRef;
use pkcs8::der::pem::{PemLabel as _, decode_label};
use pkcs8::pkcs5::{self, pbes2, scrypt};
use pkcs8::spki::AlgorithmIdentifierRef;
use pkcs8::{
    EncryptedPrivateKeyInfoRef, LineEnding, ObjectIdentifier, PrivateKeyInfoRef, SecretDocument,
};
use zeroize::Zeroizing;

use crate::key::SecretKey;
use crate::sys::entropy::{Entropy as _, EntropyError, SystemEntropy};
use crate::sys::keyfile::passphrase::AskPassphrase;

const PLAIN_LABEL: &str = PrivateKeyInfoRef::PEM_LABEL;
const ENCRYPTED_LABEL: &str = EncryptedPrivateKeyInfoRef::PEM_LABEL;

const OPENSSH_LABEL: &str = "OPENSSH PRIVATE KEY";

const ED25519: AlgorithmIdentifierRef<'static> = AlgorithmIdentifierRef {
    oid: ObjectIdentifier::new_unwrap("1.3.101.112"),
    parameters: None,
};
/// The seed stands inside an octet string of its own: tag and length.
const SEED_HEADER: [u8; 2] = [0x04, 0x20];

/// scrypt with N = 2^14, r = 8, p = 5: as costly to guess as the usual N = 2^17, p = 1, but within
/// the 32 MiB that OpenSSL allows.
const SCRYPT_LOG_N: u8 = 14;
const SCRYPT_R: u32 = 8;
const SCRYPT_P: u32 = 5;

/// What a file may ask for before a wrong passphrase is even noticed: a minute at most.
const SCRYPT_BYTES_LIMIT: u64 = 1 << 30;
const PBKDF2_ITERATIONS_LIMIT: u32 = 10_000_000;
/// `ssh-keygen` takes 16 or 24, at some 10 ms each.
const BCRYPT_ROUNDS_LIMIT: u32 = 4_096;

/// What is wrong with the content of a private key file. None of it is ever shown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PemError {
    /// No PEM block, or one cut short.
    #[error("is not a whole PEM file")]
    NotPem,
    /// PEM of something else.
    #[error(
        "holds a `{0}`; a `{PLAIN_LABEL}` or `{ENCRYPTED_LABEL}` in PKCS#8, or an `{OPENSSH_LABEL}`, is needed"
    )]
    Label(String),
    /// The right label, but not the structure it announces.
    #[error("is cut short or damaged: it is no private key in PKCS#8")]
    Damaged,
    /// The key is for another algorithm.
    #[error("holds a key of the algorithm {0}; Ed25519 (1.3.101.112) is needed")]
    NotEd25519(String),
    /// The public key in the file is not that of the private key in it.
    #[error("holds a public key that is not its private key's")]
    OtherPublicKey,
    /// Encrypted, but not by a scheme that is read here.
    #[error("is encrypted in a way that is not supported: PBES2 with AES-CBC is")]
    UnsupportedEncryption,
    /// Trying a passphrase would take too long or too much memory.
    #[error("asks for an absurd amount of work to try a passphrase")]
    Exorbitant,
    /// Encrypted, and nobody gave a passphrase.
    #[error("is encrypted, and no passphrase was given")]
    NoPassphrase,
    /// Encrypted with another passphrase, or damaged where only decryption would show it.
    #[error("does not open with this passphrase")]
    WrongPassphrase,
    /// A passphrase of no characters protects nothing.
    #[error("cannot be encrypted with an empty passphrase")]
    EmptyPassphrase,
    /// The passphrase could not be asked for.
    #[error("is encrypted, and the passphrase could not be read: {0}")]
    Passphrase(#[source] io::Error),
    /// No random bytes for the encryption.
    #[error("cannot be encrypted: {0}")]
    Entropy(#[from] EntropyError),
    /// The key could not be put into its structure, which no key causes.
    #[error("cannot be encoded: {0}")]
    Encoding(pkcs8::Error),
}

/// The PEM text of `key`, encrypted if there is a passphrase.
pub(super) fn encode(
    key: &SecretKey,
    passphrase: Option<&str>,
) -> Result<Zeroizing<String>, PemError> {
    let seed = Zeroizing::new(key.to_seed());
    let mut octets = Zeroizing::new([0; SEED_HEADER.len() + 32]);
    for (octet, byte) in octets.iter_mut().zip(SEED_HEADER.iter().chain(seed.iter())) {
        *octet = *byte;
    }
    let encode = || {
        let octets = OctetStringRef::new(&octets[..])?;
        SecretDocument::encode_msg(&PrivateKeyInfoRef::new(ED25519, octets))
    };
    let document = encode().map_err(|fault| PemError::Encoding(fault.into()))?;
    let (document, label) = match passphrase {
        None => (document, PLAIN_LABEL),
        Some("") => return Err(PemError::EmptyPassphrase),
        Some(passphrase) => (encrypt(&document, passphrase)?, ENCRYPTED_LABEL),
    };
    document
        .to_pem(label, LineEnding::LF)
        .map_err(|fault| PemError::Encoding(fault.into()))
}

fn encrypt(document: &SecretDocument, passphrase: &str) -> Result<SecretDocument, PemError> {
    let mut salt = [0; 16];
    let mut iv = [0; 16];
    SystemEntropy.fill(&mut salt)?;
    SystemEntropy.fill(&mut iv)?;
    let encrypted = || -> Result<SecretDocument, pkcs8::Error> {
        let cost = scrypt::Params::new(SCRYPT_LOG_N, SCRYPT_R, SCRYPT_P)
            .map_err(|_| pkcs8::Error::ParametersMalformed)?;
        let scheme = pbes2::Parameters::generate_scrypt_aes256cbc(cost, &salt, iv)?;
        document
            .decode_msg::<PrivateKeyInfoRef<'_>>()?
            .encrypt_with_params(scheme, passphrase)
    };
    encrypted().map_err(PemError::Encoding)
}

/// Reads what [`encode`] or OpenSSL wrote. `passphrase` is asked only if it is needed.
pub(super) fn decode(pem: &[u8], passphrase: AskPassphrase<'_>) -> Result<SecretKey, PemError> {
    let pem = std::str::from_utf8(pem).map_err(|_| PemError::NotPem)?;
    let label = decode_label(pem.as_bytes()).map_err(|_| PemError::NotPem)?;
    if label == OPENSSH_LABEL {
        return decode_openssh(pem, passphrase);
    }
    if label != PLAIN_LABEL && label != ENCRYPTED_LABEL {
        return Err(PemError::Label(label.to_owned()));
    }
    let (_, document) = SecretDocument::from_pem(pem).map_err(|_| PemError::Damaged)?;
    if label == PLAIN_LABEL {
        return decode_info(
            PrivateKeyInfoRef::from_der(document.as_bytes()).map_err(|_| PemError::Damaged)?,
        );
    }
    let encrypted = EncryptedPrivateKeyInfoRef::from_der(document.as_bytes())
        .map_err(|_| PemError::UnsupportedEncryption)?;
    refuse_exorbitant(&encrypted.encryption_algorithm)?;
    let passphrase = passphrase()
        .map_err(PemError::Passphrase)?
        .ok_or(PemError::NoPassphrase)?;
    let document = decrypt(&encrypted, &passphrase)?;
    // The wrong passphrase gives noise, which by chance may end like a whole message; it does not
    // pass for a private key.
    decode_info(PrivateKeyInfoRef::from_der(&document).map_err(|_| PemError::WrongPassphrase)?)
}

fn decode_openssh(pem: &str, passphrase: AskPassphrase<'_>) -> Result<SecretKey, PemError> {
    let mut key = ssh_key::PrivateKey::from_openssh(pem).map_err(|fault| match fault {
        ssh_key::Error::AlgorithmUnknown => PemError::NotEd25519("of another kind".to_owned()),
        _ => PemError::Damaged,
    })?;
    if key.algorithm() != ssh_key::Algorithm::Ed25519 {
        let algorithm = key.algorithm().to_string();
        return Err(PemError::NotEd25519(algorithm));
    }
    if key.is_encrypted() {
        if let ssh_key::Kdf::Bcrypt { rounds, .. } = key.kdf()
            && *rounds > BCRYPT_ROUNDS_LIMIT
        {
            return Err(PemError::Exorbitant);
        }
        let passphrase = passphrase()
            .map_err(PemError::Passphrase)?
            .ok_or(PemError::NoPassphrase)?;
        key = key
            .decrypt(passphrase.as_bytes())
            .map_err(|_| PemError::WrongPassphrase)?;
    }
    let pair = key.key_data().ed25519().ok_or(PemError::Damaged)?;
    let seed = Zeroizing::new(pair.private.to_bytes());
    let secret = SecretKey::from_seed(&seed);
    if secret.public().as_bytes() != &pair.public.0 {
        return Err(PemError::OtherPublicKey);
    }
    Ok(secret)
}

fn decrypt(
    encrypted: &EncryptedPrivateKeyInfoRef<'_>,
    passphrase: &str,
) -> Result<Zeroizing<Vec<u8>>, PemError> {
    encrypted
        .encryption_algorithm
        .decrypt(passphrase, encrypted.encrypted_data.as_bytes())
        .map(Zeroizing::new)
        .map_err(|fault| match fault {
            pkcs5::Error::DecryptFailed => PemError::WrongPassphrase,
            _ => PemError::UnsupportedEncryption,
        })
}

/// A file from elsewhere names its own price; this keeps it from taking all memory or all day.
fn refuse_exorbitant(scheme: &pkcs5::EncryptionScheme) -> Result<(), PemError> {
    let pkcs5::EncryptionScheme::Pbes2(parameters) = scheme else {
        return Err(PemError::UnsupportedEncryption);
    };
    let affordable = match &parameters.kdf {
        pbes2::Kdf::Pbkdf2(cost) => (1..=PBKDF2_ITERATIONS_LIMIT).contains(&cost.iteration_count),
        pbes2::Kdf::Scrypt(cost) => {
            let bytes = 128u64
                .saturating_mul(cost.cost_parameter)
                .saturating_mul(cost.block_size.into())
                .saturating_mul(cost.parallelization.into());
            // Zero is refused here because the library would panic on it.
            (1..=SCRYPT_BYTES_LIMIT).contains(&bytes)
        }
        _ => return Err(PemError::UnsupportedEncryption),
    };
    if affordable {
        Ok(())
    } else {
        Err(PemError::Exorbitant)
    }
}

fn decode_info(info: PrivateKeyInfoRef<'_>) -> Result<SecretKey, PemError> {
    if info.algorithm.oid != ED25519.oid {
        return Err(PemError::NotEd25519(info.algorithm.oid.to_string()));
    }
    if info.algorithm.parameters.is_some() {
        return Err(PemError::Damaged);
    }
    let seed = info
        .private_key
        .as_bytes()
        .strip_prefix(&SEED_HEADER)
        .and_then(|seed| <&[u8; 32]>::try_from(seed).ok())
        .ok_or(PemError::Damaged)?;
    let key = SecretKey::from_seed(seed);
    match info.public_key {
        Some(public) if public.as_bytes() != Some(&key.public().as_bytes()[..]) => {
            Err(PemError::OtherPublicKey)
        }
        _ => Ok(key),
    }
}

#[cfg(test)]
mod tests;
