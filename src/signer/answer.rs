//! A signature is believed once it verifies.

use crate::key::{PublicKey, Signature, SignerError};

/// The same signature, where it is by `key` over `message`.
///
/// # Errors
/// It is not, so that whoever appended it would be told that their own statement is forged.
pub(super) fn checked(
    signer: &str,
    key: &PublicKey,
    message: &[u8],
    signature: Signature,
) -> Result<Signature, SignerError> {
    let holds = key
        .admit()
        .is_ok_and(|verifier| verifier.accepts(message, &signature));
    if holds {
        return Ok(signature);
    }
    Err(fault(
        signer,
        format!("answered with something that is no signature by the key {key}"),
    ))
}

/// What a signer did not do.
pub(super) fn fault(signer: &str, why: impl Into<String>) -> SignerError {
    SignerError {
        signer: signer.to_owned(),
        why: why.into(),
    }
}
