//! Long random values in free text, known by nothing but their look.
//!
//! Random letters and digits change between upper case, lower case and digits far more often than
//! words and names do: about 0.6 of the time in base64, 0.4 in lower-case base36, under 0.3 in
//! `PaymentsDb2024Rotation`. Hexadecimal is never judged here, since digests, UUIDs and serial
//! numbers look the same as keys do; nor is the path of a URL.

use super::kind::{RawHit, SecretKind};
use super::public;

/// Fewer characters than this are names.
const LEAST: usize = 20;

/// The first long random value, outside certificates and public keys.
pub(super) fn find(text: &[u8]) -> Option<RawHit> {
    let mut start = 0;
    let mut in_public_block = false;
    let mut in_note = false;
    for line in text.split(|&byte| byte == b'\n') {
        let is_hash = in_note && is_hash_line(line);
        in_note = is_hash || opens_hashes(line);
        let is_public = is_hash || line.starts_with("\u{2014} ".as_bytes());
        // Armour may stand on lines of its own or, in a JSON string, all on one.
        let mut at = 0;
        while !is_public && let Some(rest) = line.get(at..) {
            let mark = if in_public_block {
                b"-----END "
            } else {
                b"-----BEGIN ".as_slice()
            };
            let end = place_of(rest, mark);
            let judged = rest.get(..end.unwrap_or(rest.len()))?;
            if !in_public_block && let Some(offset) = find_in_line(judged) {
                let kind = SecretKind::HighEntropy;
                return Some(RawHit::plain(kind, start + at + offset));
            }
            let Some(end) = end else { break };
            in_public_block = !in_public_block;
            at += end + mark.len();
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

fn place_of(line: &[u8], mark: &[u8]) -> Option<usize> {
    // The first byte alone settles nearly every place, without a call for each.
    line.windows(mark.len())
        .position(|bytes| bytes.first() == mark.first() && bytes == mark)
}

fn find_in_line(line: &[u8]) -> Option<usize> {
    let mut start = 0;
    for word in line.split(|byte| ends_word(*byte)) {
        if word.len() >= LEAST {
            // The letter of an escape such as `\n` is none of the word's.
            let is_escape = start > 0 && line.get(start - 1) == Some(&b'\\');
            let escaped = usize::from(is_escape && matches!(word, [b'n' | b'r' | b't', ..]));
            let judged = after_url_path(word).max(escaped);
            if let Some(offset) = find_in_word(line, start + judged, word.get(judged..)?) {
                return Some(offset);
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
    if place_of(word, b"://").is_none() {
        return 0;
    }
    let query = word.iter().position(|&byte| byte == b'?');
    query.map_or(word.len(), |at| at + 1)
}

fn find_in_word(line: &[u8], mut start: usize, word: &[u8]) -> Option<usize> {
    for run in word.split(|byte| !(byte.is_ascii_alphanumeric() || b"+/_.~-".contains(byte))) {
        if run.len() >= LEAST && is_random(run) && !public::is_public(line.get(..start)?, run) {
            return Some(start);
        }
        start += run.len() + 1;
    }
    None
}

/// Whether the run is random on the whole, or holds a random stretch that is long enough alone. The
/// suffix of a pod's name is random too, but most of the name is not.
fn is_random(run: &[u8]) -> bool {
    // A Vault token of before 1.10.
    if let Some(token) = run.strip_prefix(b"s.")
        && token.len() == 24
    {
        return token.iter().all(u8::is_ascii_alphanumeric) && token.iter().any(u8::is_ascii_digit);
    }
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
