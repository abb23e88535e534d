//! Statements in DSSE envelopes (Dead Simple Signing Envelope, protocol v1), by Ed25519 keys.
//!
//! ```text
//! signed   = "DSSEv1" SP len(type) SP type SP len(payload) SP payload
//! envelope = {"payload": base64, "payloadType": type, "signatures": [{"keyid": hex, "sig": base64}]}
//! ```
//!
//! Lengths are decimal, in bytes. `keyid` is the public key in hex: a hint by which a verifier finds
//! the key that it has, and nothing more.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use crate::key::SecretKey;

/// What the payload of an attestation is.
pub const IN_TOTO: &str = "application/vnd.in-toto+json";

/// What is signed of a payload: its type is in it, so that one is never taken for another.
#[must_use]
pub fn pre_authentication_encoding(kind: &str, payload: &[u8]) -> Vec<u8> {
    let mut signed = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len()).into_bytes();
    signed.extend_from_slice(payload);
    signed
}

/// in-toto Statements as a bundle: an envelope a line (in-toto Attestation Framework, bundle).
#[must_use]
pub fn bundle(statements: &[Value], key: &SecretKey) -> Vec<u8> {
    let mut lines = String::new();
    for statement in statements {
        lines.push_str(&envelope(statement, key).to_string());
        lines.push('\n');
    }
    lines.into_bytes()
}

fn envelope(statement: &Value, key: &SecretKey) -> Value {
    let payload = statement.to_string();
    let signed = pre_authentication_encoding(IN_TOTO, payload.as_bytes());
    json!({
        "payload": BASE64.encode(&payload),
        "payloadType": IN_TOTO,
        "signatures": [{
            "keyid": key.public(),
            "sig": BASE64.encode(key.sign(&signed).as_bytes()),
        }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_is_what_the_protocol_says() {
        // The example of the protocol's own document.
        let signed = pre_authentication_encoding("http://example.com/HelloWorld", b"hello world");
        let expected = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world";
        assert_eq!(signed, expected);
    }
}
