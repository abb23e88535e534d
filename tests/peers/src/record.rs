//! The record that every peer holds: a sequence number, the hash of the record before it, a text and the author's
//! signature over all three, 600 bytes. A peer that numbers, chains and signs by itself is given the text alone.

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};

use crate::Outcome;

pub const TEXT: usize = 496;
pub const SIZE: usize = 8 + 32 + TEXT + 64;

const WORDS: [&str; 16] = [
    "orders", "billing", "login", "window", "restart", "replica", "accepted", "refused",
    "consumer", "cutover", "before", "after", "observed", "healthy", "version", "service",
];

/// The author of every record.
pub fn author() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

/// The text of record `number`: the same bytes in every run, no two alike.
pub fn text(number: u64) -> String {
    let mut text = format!("request {number:010}");
    let mut state = number;
    while text.len() < TEXT {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        text.push(' ');
        text.push_str(WORDS[(state >> 60) as usize]);
    }
    text.truncate(TEXT);
    // No text ends with a space.
    text.replace_range(TEXT - 1.., ".");
    text
}

pub struct Record {
    pub sequence: u64,
    pub previous: [u8; 32],
    pub text: String,
    pub signature: [u8; 64],
}

impl Record {
    fn signed_bytes(sequence: u64, previous: &[u8; 32], text: &str) -> Vec<u8> {
        [
            &sequence.to_be_bytes(),
            previous.as_slice(),
            text.as_bytes(),
        ]
        .concat()
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = Self::signed_bytes(self.sequence, &self.previous, &self.text);
        bytes.extend(self.signature);
        bytes
    }

    pub fn parse(bytes: &[u8; SIZE]) -> Outcome<Self> {
        Ok(Self {
            sequence: u64::from_be_bytes(bytes[..8].try_into()?),
            previous: bytes[8..40].try_into()?,
            text: std::str::from_utf8(&bytes[40..40 + TEXT])?.to_owned(),
            signature: bytes[40 + TEXT..].try_into()?,
        })
    }
}

/// Where a chain of records ends, and who signs what comes next.
pub struct Chain {
    next: u64,
    link: [u8; 32],
    key: SigningKey,
}

impl Chain {
    pub fn new() -> Self {
        Self {
            next: 0,
            link: [0; 32],
            key: author(),
        }
    }

    pub fn add(&mut self, text: &str) -> Record {
        let signed = Record::signed_bytes(self.next, &self.link, text);
        let record = Record {
            sequence: self.next,
            previous: self.link,
            text: text.to_owned(),
            signature: self.key.sign(&signed).to_bytes(),
        };
        self.next += 1;
        self.link = Sha256::digest(record.bytes()).into();
        record
    }
}

/// Checks records from the first on: sequence, chain, and each signature strictly, on one thread.
pub struct Checker {
    next: u64,
    link: [u8; 32],
    key: VerifyingKey,
}

impl Checker {
    pub fn new() -> Self {
        Self {
            next: 0,
            link: [0; 32],
            key: author().verifying_key(),
        }
    }

    pub fn check(&mut self, record: &Record) -> Outcome {
        if record.sequence != self.next || record.previous != self.link {
            return Err(format!("record {} is not next", record.sequence).into());
        }
        let signed = Record::signed_bytes(record.sequence, &record.previous, &record.text);
        self.key
            .verify_strict(&signed, &Signature::from_bytes(&record.signature))?;
        self.next += 1;
        self.link = Sha256::digest(record.bytes()).into();
        Ok(())
    }

    /// How many were checked.
    pub fn checked(&self) -> u64 {
        self.next
    }
}
