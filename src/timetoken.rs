//! Time tokens (RFC 3161): what a time-stamping authority signs about a digest.
//!
//! A request is made here and a response read, strictly in DER, by the `der` crate from the
//! structures that RFC 3161 and RFC 5652 give. What a token states (which digest, when, how accurately) is
//! read by [`TimeToken::parse`] and believed by nobody: it counts, for or against, once [`check_signature`]
//! found who signed it.

mod fault;
#[cfg_attr(target_family = "wasm", path = "timetoken/no_signature.rs")]
mod signature;
mod stored;
mod token;

pub use fault::SignatureFault;
pub use signature::{TsaAuthorities, check_signature};
pub use stored::{StoredToken, TIMESTAMPS, is_of_token, is_stamped};
pub use token::{
    NONCE_BYTES, RESPONSE_LIMIT, TimeRequest, TimeToken, TimeTokenError, TokenMismatch, TsaRefusal,
};
