//! The digits of base64 and of hexadecimal, and what they stand for.

use zeroize::Zeroizing;

use super::kind::Decoding;
use super::window;

/// Digits that stand together on some line of any wrapped token.
const STRETCH: usize = 12;

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
    let values = run.iter().map_while(|&byte| BASE64.value(byte));
    BASE64.decode(&Zeroizing::new(values.collect::<Vec<_>>()))
}

impl Digits {
    pub(super) fn value(&self, byte: u8) -> Option<u8> {
        let value = self.values[byte as usize];
        (value < 64).then_some(value)
    }

    /// Where the next stretch of at least [`STRETCH`] digits begins, from `at` on. Looking at every
    /// [`STRETCH`]th byte is enough not to miss one.
    pub(super) fn next_stretch(&self, text: &[u8], mut at: usize) -> Option<usize> {
        loop {
            let stretch = text.get(at..at + STRETCH)?;
            match stretch.iter().rposition(|&byte| self.value(byte).is_none()) {
                None => return Some(at),
                Some(other) => at += other + 1,
            }
        }
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

    pub(super) fn decode(&self, values: &[u8]) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(values.len() * self.bits / 8));
        let mut groups = values.chunks_exact(self.period);
        if self.bits == 6 {
            for group in groups.by_ref() {
                if let &[a, b, c, d] = group {
                    bytes.extend([a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d]);
                }
            }
        } else {
            for group in groups.by_ref() {
                if let &[high, low] = group {
                    bytes.push(high << 4 | low);
                }
            }
        }
        match *groups.remainder() {
            [a, b] => bytes.push(a << 2 | b >> 4),
            [a, b, c] => bytes.extend([a << 2 | b >> 4, b << 4 | c >> 2]),
            _ => {}
        }
        bytes
    }
}
