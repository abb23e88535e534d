//! Long random values in free text, known by nothing but their look.
//!
//! Random letters and digits change between upper case, lower case and digits far more often than
//! words and names do: about 0.6 of the time in base64, 0.4 in lower-case base36, under 0.3 in
//! `PaymentsDb2024Rotation`. Hexadecimal is never judged here, since digests, UUIDs and serial
//! numbers look the same as keys do; nor is the path of a URL.

use super::kind::{RawHit, SecretKind};
use super::placeholder::is_aws_id;

/// Fewer characters than this are names.
const LEAST: usize = 20;

/// The first long random value, outside certificates and public keys.
pub(super) fn find(text: &[u8]) -> Option<RawHit> {
    let mut start = 0;
    let mut in_public_block = false;
    let mut in_note = false;
    for line in text.split(|&byte| byte == b'\n') {
        if has(line, b"-----BEGIN ") {
            in_public_block = true;
        }
        let is_hash = in_note && is_hash_line(line);
        in_note = is_hash || opens_hashes(line);
        let is_public = in_public_block || is_hash || line.starts_with("\u{2014} ".as_bytes());
        if !is_public && let Some(offset) = find_in_line(line) {
            return Some(RawHit::plain(SecretKind::HighEntropy, start + offset));
        }
        if has(line, b"-----END ") {
            in_public_block = false;
        }
        start += line.len() + 1;
    }
    None
}

/// The line before the root hash of a checkpoint, or before the hashes of a proof (C2SP
/// tlog-checkpoint and tlog-proof): a size or an index. A ledger's own receipts are evidence too. Its
/// signature lines begin with an em dash (C2SP signed-note).
fn opens_hashes(line: &[u8]) -> bool {
    let number = line.strip_prefix(b"index ").unwrap_or(line);
    !number.is_empty() && number.iter().all(u8::is_ascii_digit)
}

fn is_hash_line(line: &[u8]) -> bool {
    line.len() == 44 && line.ends_with(b"=")
}

fn has(line: &[u8], mark: &[u8]) -> bool {
    // The first byte alone settles nearly every place, without a call for each.
    line.windows(mark.len())
        .any(|bytes| bytes.first() == mark.first() && bytes == mark)
}

fn find_in_line(line: &[u8]) -> Option<usize> {
    let mut start = 0;
    for word in line.split(|byte| ends_word(*byte)) {
        if word.len() >= LEAST {
            let judged = after_url_path(word);
            if let Some(offset) = find_in_word(word.get(judged..)?) {
                return Some(start + judged + offset);
            }
        }
        start += word.len() + 1;
    }
    None
}

const fn ends_word(byte: u8) -> bool {
    byte.is_ascii_whitespace()
        || matches!(
            byte,
            b'"' | b'\'' | b'`' | b'<' | b'>' | b'(' | b')' | b',' | b';'
        )
        || matches!(byte, b'[' | b']' | b'{' | b'}' | b'\\' | b'|')
}

/// Where judging begins: behind the `?` of a URL, at the beginning of anything else.
fn after_url_path(word: &[u8]) -> usize {
    if !has(word, b"://") {
        return 0;
    }
    let query = word.iter().position(|&byte| byte == b'?');
    query.map_or(word.len(), |at| at + 1)
}

fn find_in_word(word: &[u8]) -> Option<usize> {
    let mut start = 0;
    for run in word.split(|byte| !(byte.is_ascii_alphanumeric() || b"+/_.~-".contains(byte))) {
        let before = word.get(..start)?;
        if run.len() >= LEAST && !is_public(before, run) && is_random(run) {
            return Some(start);
        }
        start += run.len() + 1;
    }
    None
}

/// Fingerprints, public keys and identifiers that are random by design and secret to nobody.
fn is_public(before: &[u8], run: &[u8]) -> bool {
    // OpenSSH fingerprints and subresource integrity: the digest's name, then its base64.
    let fingerprint = [
        (b"SHA256:".as_slice(), 43),
        (b"SHA384:", 64),
        (b"SHA512:", 86),
    ]
    .iter()
    .any(|(name, length)| before.ends_with(name) && run.len() == *length);
    let integrity = [
        (b"sha256-".as_slice(), 50),
        (b"sha384-", 71),
        (b"sha512-", 93),
    ]
    .iter()
    .any(|(name, length)| run.starts_with(name) && run.len() == *length);
    // RFC 4253 section 6.6 in base64: a length, then `ssh-ed25519`, `ssh-rsa` or `ecdsa-…`.
    let public_key = [b"AAAAC3NzaC1".as_slice(), b"AAAAB3NzaC1", b"AAAAE2VjZHNh"]
        .iter()
        .any(|head| run.starts_with(head));
    // A ULID of this century.
    let ulid = run.len() == 26
        && run.starts_with(b"01")
        && run
            .iter()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    // C2SP signed-note verifier keys: name, key id, then an algorithm and 32 bytes.
    let verifier_key = run
        .rsplit(|&byte| byte == b'+')
        .nth(1)
        .is_some_and(|id| id.len() == 8 && id.iter().all(u8::is_ascii_hexdigit));
    fingerprint || integrity || public_key || ulid || verifier_key || is_aws_id(run)
}

/// Whether the run is random on the whole, or holds a random stretch that is long enough alone. The
/// suffix of a pod's name is random too, but most of the name is not.
fn is_random(run: &[u8]) -> bool {
    let (mut random, mut longest, mut short, mut all) = (0, 0, 0, 0);
    for segment in run.split(|byte| !byte.is_ascii_alphanumeric()) {
        all += segment.len();
        if segment.len() <= 3 {
            short += segment.len();
        } else if changes_often(segment) {
            random += segment.len();
            longest = longest.max(segment.len());
        }
    }
    longest >= LEAST || (random >= 14 && (random + short) * 4 >= all * 3)
}

fn changes_often(segment: &[u8]) -> bool {
    if segment.iter().all(u8::is_ascii_hexdigit) {
        return false;
    }
    let class = |byte: &u8| match byte {
        b'0'..=b'9' => 0,
        b'a'..=b'z' => 1,
        _ => 2,
    };
    let has = |wanted: u8| segment.iter().any(|byte| class(byte) == wanted);
    let pairs = segment.iter().zip(segment.iter().skip(1));
    let changes = pairs.filter(|(a, b)| class(a) != class(b)).count();
    let hundredths = changes * 100 / (segment.len() - 1).max(1);
    match (has(0), has(1), has(2)) {
        (true, true, true) => hundredths >= 38,
        (false, true, true) => hundredths >= 45,
        (true, _, _) => hundredths >= 25,
        _ => false,
    }
}
