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

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const SHA256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
const TST_INFO: &[u8] = &[
    0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x04,
];

/// One value: tag, length, content.
fn value(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
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

fn number(content: &[u8]) -> Vec<u8> {
    value(2, &[content])
}

fn object(content: &[u8]) -> Vec<u8> {
    value(6, &[content])
}

/// A granted response over `data`, of a whole second.
pub fn response(data: &[u8], time: Timestamp) -> Vec<u8> {
    let digest = Sha256Digest::of(data);
    let imprint = value(
        SEQUENCE,
        &[
            &value(SEQUENCE, &[&object(SHA256)]),
            &value(4, &[digest.as_bytes()]),
        ],
    );
    let digits: String = time
        .to_seconds()
        .chars()
        .filter(char::is_ascii_digit)
        .collect();
    let info = value(
        SEQUENCE,
        &[
            &number(&[1]),
            &object(&[0x2a, 3, 4]),
            &imprint,
            &number(&[9]),
            &value(0x18, &[format!("{digits}Z").as_bytes()]),
        ],
    );
    let content = value(
        SEQUENCE,
        &[&object(TST_INFO), &value(0xa0, &[&value(4, &[&info])])],
    );
    let signed = value(
        SEQUENCE,
        &[
            &number(&[3]),
            &value(SET, &[]),
            &content,
            &value(SET, &[&value(SEQUENCE, &[])]),
        ],
    );
    let token = value(SEQUENCE, &[&object(SIGNED_DATA), &value(0xa0, &[&signed])]);
    value(SEQUENCE, &[&value(SEQUENCE, &[&number(&[0])]), &token])
}
