//! The digits of base64 and of hexadecimal, and what they stand for.

use zeroize::Zeroizing;

use super::kind::Decoding;
use super::sieve::next_stretch;
use super::window;

/// Digits that stand together on some line of any wrapped token.
pub(super) const STRETCH: usize = 12;

/// An alphabet of digits, each of so many bits.
pub(super) struct Digits {
    pub(super) via: Decoding,
    /// The value of a byte as a digit, or 64 and more.
    values: [u8; 256],
    pub(super) bits: usize,
    /// After how many digits the bytes fall into step again.
    pub(super) period: usize,
    /// Fewer digits cannot hold a token.
    pub(super) least: usize,
}

pub(super) static BASE64: Digits = {
    let mut values = [0xff; 256];
    let mut value = 0;
    while value < 26 {
        values[(b'A' + value) as usize] = value;
        values[(b'a' + value) as usize] = value + 26;
        if value < 10 {
            values[(b'0' + value) as usize] = value + 52;
        }
        value += 1;
    }
    values[b'+' as usize] = 62;
    values[b'-' as usize] = 62;
    values[b'/' as usize] = 63;
    values[b'_' as usize] = 63;
    Digits {
        via: Decoding::Base64,
        values,
        bits: 6,
        period: 4,
        least: 16,
    }
};

pub(super) static HEX: Digits = {
    let mut values = [0xff; 256];
    let mut value = 0;
    while value < 16 {
        let digit = b"0123456789abcdef"[value as usize];
        values[digit as usize] = value;
        values[digit.to_ascii_uppercase() as usize] = value;
        value += 1;
    }
    Digits {
        via: Decoding::Hex,
        values,
        bits: 4,
        period: 2,
        least: 22,
    }
};

/// What a run of base64 digits stands for, up to the first byte that is none.
pub(super) fn unwrapped(run: &[u8]) -> Zeroizing<Vec<u8>> {
    let is_other = |byte: &u8| BASE64.value(*byte).is_none();
    let end = run.iter().position(is_other).unwrap_or(run.len());
    let mut bytes = Zeroizing::default();
    BASE64.decode(run.get(..end).unwrap_or(run), &mut bytes);
    bytes
}

impl Digits {
    pub(super) fn value(&self, byte: u8) -> Option<u8> {
        let value = self.values[byte as usize];
        (value < 64).then_some(value)
    }

    /// Where the next stretch of at least [`STRETCH`] digits begins, from `at` on.
    pub(super) fn next_stretch(&self, text: &[u8], at: usize) -> Option<usize> {
        next_stretch(text, at, STRETCH, |byte| self.value(byte).is_some())
    }

    /// How many bytes the run of digits at the beginning of `text` takes, and how many of them are
    /// digits. Line breaks, with the indentation after them, are part of the run.
    pub(super) fn run(&self, text: &[u8]) -> (usize, usize) {
        let (mut length, mut count) = (0, 0);
        loop {
            let rest = text.get(length..).unwrap_or_default();
            let stretch = rest
                .iter()
                .take_while(|&&byte| self.value(byte).is_some())
                .count();
            length += stretch;
            count += stretch;
            let rest = rest.get(stretch..).unwrap_or_default();
            let gap = rest
                .iter()
                .take_while(|&&byte| window::is_blank(byte))
                .count();
            let breaks = matches!(rest, [b'\n', ..] | [b'\r', b'\n', ..]);
            let goes_on = rest
                .get(gap)
                .is_some_and(|&byte| self.value(byte).is_some());
            if !breaks || !goes_on {
                return (length, count);
            }
            length += gap;
        }
    }

    /// Base64 of anything has capitals among other characters; `payments-api-production` has none.
    pub(super) fn may_hold_text(&self, run: &[u8]) -> bool {
        self.bits != 6
            || (run.iter().any(u8::is_ascii_uppercase)
                && run.iter().any(|byte| !byte.is_ascii_uppercase()))
    }

    /// What a run that holds nothing but digits stands for, in `room`, which is wiped where it does not suffice.
    pub(super) fn decode<'r>(&self, run: &[u8], room: &'r mut Zeroizing<Vec<u8>>) -> &'r [u8] {
        let length = run.len() * self.bits / 8;
        if room.len() < length {
            *room = Zeroizing::new(vec![0; length]);
        }
        let bytes = room.get_mut(..length).unwrap_or_default();
        let value = |digit: &u8| self.values[*digit as usize];
        let groups = run.chunks(self.period);
        for (bytes, digits) in bytes.chunks_mut(self.period * self.bits / 8).zip(groups) {
            match (bytes, digits) {
                ([x, y, z], [a, b, c, d]) => {
                    let [a, b, c, d] = [a, b, c, d].map(value);
                    (*x, *y, *z) = (a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d);
                }
                ([x, y], [a, b, c]) => {
                    let [a, b, c] = [a, b, c].map(value);
                    (*x, *y) = (a << 2 | b >> 4, b << 4 | c >> 2);
                }
                ([x], [a, b]) => *x = value(a) << (8 - self.bits) | value(b) >> (2 * self.bits - 8),
                _ => {}
            }
        }
        bytes
    }
}
