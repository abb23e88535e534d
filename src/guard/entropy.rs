//! Long random values in free text, known by nothing but their look.
//!
//! Random letters and digits change between upper case, lower case and digits far more often than
//! words and names do: about 0.6 of the time in base64, 0.4 in lower-case base36, under 0.3 in
//! `PaymentsDb2024Rotation`. Hexadecimal is never judged here, since digests, UUIDs and serial
//! numbers look the same as keys do; nor is the path of a URL.

use memchr::{memchr, memchr_iter, memmem};

use super::kind::{RawHit, SecretKind};
use super::public;
use super::sieve::next_stretch;

/// Fewer characters than this are names.
const LEAST: usize = 20;

/// The first long random value, outside certificates and public keys.
pub(super) fn find(text: &[u8]) -> Option<RawHit> {
    let mut start = 0;
    let mut armour = Armour::default();
    let mut in_note = false;
    while let Some(rest) = text.get(start..) {
        let end = start + memchr(b'\n', rest).unwrap_or(rest.len());
        let line = text.get(start..end)?;
        let is_hash = in_note && is_hash_line(line);
        in_note = is_hash || opens_hashes(line);
        let is_public = is_hash || line.starts_with("\u{2014} ".as_bytes());
        // Armour may stand on lines of its own or, in a JSON string, all on one.
        let mut judged = (!is_public).then_some(start);
        while let Some(at) = judged {
            let mark = armour.mark_from(text, at).min(end);
            if !armour.is_open
                && let Some(offset) = find_in_line(text.get(at..mark)?)
            {
                return Some(RawHit::plain(SecretKind::HighEntropy, at + offset));
            }
            judged = (mark < end).then(|| mark + armour.pass());
        }
        start = end + 1;
    }
    None
}

/// The lines that open and close certificates and public keys.
#[derive(Default)]
struct Armour {
    is_open: bool,
    /// Where the next of them was seen.
    ahead: Option<usize>,
}

impl Armour {
    const fn mark(&self) -> &'static [u8] {
        match self.is_open {
            true => b"-----END ",
            false => b"-----BEGIN ",
        }
    }

    /// Where the next mark is, from a place on that is behind the one asked for before; the end of the text where there
    /// is none. Each stretch of the text is looked through once.
    fn mark_from(&mut self, text: &[u8], at: usize) -> usize {
        if let Some(ahead) = self.ahead.filter(|ahead| *ahead >= at) {
            return ahead;
        }
        let rest = text.get(at..).unwrap_or_default();
        let mark = memmem::find(rest, self.mark()).map_or(text.len(), |place| at + place);
        self.ahead = Some(mark);
        mark
    }

    /// Goes behind a mark, which has this length.
    const fn pass(&mut self) -> usize {
        let length = self.mark().len();
        (self.is_open, self.ahead) = (!self.is_open, None);
        length
    }
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

fn find_in_line(line: &[u8]) -> Option<usize> {
    let is_in_word = |byte| !ENDS_WORD[usize::from(byte)];
    words(line, is_in_word).find_map(|(start, word)| {
        // The letter of an escape such as `\n` is none of the word's.
        let is_escape = start > 0 && line.get(start - 1) == Some(&b'\\');
        let escaped = usize::from(is_escape && matches!(word, [b'n' | b'r' | b't', ..]));
        let judged = after_url_path(word).max(escaped);
        find_in_word(line, start + judged, word.get(judged..)?)
    })
}

/// The stretches of at least [`LEAST`] bytes that all satisfy `holds`, each with its offset.
fn words(text: &[u8], holds: impl Fn(u8) -> bool) -> impl Iterator<Item = (usize, &[u8])> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = next_stretch(text, at, LEAST, &holds)?;
        let rest = text.get(start..)?;
        let end = rest.iter().position(|&byte| !holds(byte));
        let word = rest.get(..end.unwrap_or(rest.len()))?;
        at = start + word.len();
        Some((start, word))
    })
}

static ENDS_WORD: [bool; 256] = {
    let mut ends = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        ends[byte] = ends_word(byte as u8);
        byte += 1;
    }
    ends
};

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
    let is_url = |colon| {
        word.get(colon..)
            .is_some_and(|rest| rest.starts_with(b"://"))
    };
    if !memchr_iter(b':', word).any(is_url) {
        return 0;
    }
    let query = word.iter().position(|&byte| byte == b'?');
    query.map_or(word.len(), |at| at + 1)
}

fn find_in_word(line: &[u8], start: usize, word: &[u8]) -> Option<usize> {
    let holds = |byte: u8| byte.is_ascii_alphanumeric() || b"+/_.~-".contains(&byte);
    words(word, holds).find_map(|(at, run)| {
        let at = start + at;
        (is_random(run) && !public::is_public(line.get(..at)?, run)).then_some(at)
    })
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
    for segment in run.split(|byte| CLASSES[usize::from(*byte)] == 0) {
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

/// A bit for each class of letters and digits, and one more for what is no hexadecimal digit.
static CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 128 {
        let number = byte as u8;
        classes[byte] = number.is_ascii_digit() as u8
            | (number.is_ascii_lowercase() as u8) << 1
            | (number.is_ascii_uppercase() as u8) << 2
            | ((number.is_ascii_alphanumeric() && !number.is_ascii_hexdigit()) as u8) << 3;
        byte += 1;
    }
    classes
};

fn changes_often(segment: &[u8]) -> bool {
    let class = |byte: &u8| CLASSES[usize::from(*byte)];
    let (mut seen, mut changes) = (0, 0);
    let mut last = segment.first().map_or(0, class);
    for byte in segment {
        let class = class(byte);
        seen |= class;
        changes += usize::from((class ^ last) & 7 != 0);
        last = class;
    }
    let hundredths = changes * 100 / (segment.len() - 1).max(1);
    match seen {
        0b1111 => hundredths >= 38,
        0b1110 => hundredths >= 45,
        0b1001 | 0b1011 | 0b1101 => hundredths >= 25,
        // Nothing but hexadecimal digits, or letters of one case.
        _ => false,
    }
}
