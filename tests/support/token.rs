//! Responses of a time-stamping authority that nobody signed: enough for what does not check the
//! signature. The DER is made byte by byte, so that the reader of it is not its own witness.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "helpers of several test programs"
)]

use rotation_ledger::hash::Sha256Digest;
use rotation_ledger::time::Timestamp;

pub const SHA256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
pub const TST_INFO: &[u8] = &[
    0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x04,
];

/// One value: tag, length, content.
pub fn value(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let mut bytes = vec![tag];
    match content.len() {
        short @ 0..128 => bytes.push(short as u8),
        middle @ 128..256 => bytes.extend([0x81, middle as u8]),
        long => {
            bytes.push(0x82);
            bytes.extend(u16::try_from(long).unwrap().to_be_bytes());
        }
    }
    bytes.extend(content);
    bytes
}

pub fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    value(0x30, parts)
}

pub fn set(parts: &[&[u8]]) -> Vec<u8> {
    value(0x31, parts)
}

pub fn number(content: &[u8]) -> Vec<u8> {
    value(2, &[content])
}

pub fn octets(content: &[u8]) -> Vec<u8> {
    value(4, &[content])
}

pub fn object(content: &[u8]) -> Vec<u8> {
    value(6, &[content])
}

/// The digest of `data` as requests and tokens have it.
pub fn imprint(data: &[u8]) -> Vec<u8> {
    let digest = Sha256Digest::of(data);
    sequence(&[&sequence(&[&object(SHA256)]), &octets(digest.as_bytes())])
}

/// What a token states of a digest, at a whole second; with the nonce of a request, where there was one.
pub fn info(imprint: &[u8], nonce: &[u8], time: Timestamp) -> Vec<u8> {
    let digits: String = time
        .to_seconds()
        .chars()
        .filter(char::is_ascii_digit)
        .collect();
    sequence(&[
        &number(&[1]),
        &object(&[0x2a, 3, 4]),
        imprint,
        &number(&[9]),
        &value(0x18, &[format!("{digits}Z").as_bytes()]),
        nonce,
    ])
}

/// A granted response: what is stated, the certificates (none, or tagged), and who signed.
pub fn granted(info: &[u8], certificates: &[u8], signers: &[u8]) -> Vec<u8> {
    let content = sequence(&[&object(TST_INFO), &value(0xa0, &[&octets(info)])]);
    let signed = sequence(&[
        &number(&[3]),
        &set(&[&sequence(&[&object(SHA256)])]),
        &content,
        certificates,
        &set(&[signers]),
    ]);
    let token = sequence(&[&object(SIGNED_DATA), &value(0xa0, &[&signed])]);
    sequence(&[&sequence(&[&number(&[0])]), &token])
}

/// A granted response over `data`, of a whole second.
pub fn response(data: &[u8], time: Timestamp) -> Vec<u8> {
    let info = info(&imprint(data), &[], time);
    granted(&info, &[], &sequence(&[]))
}
