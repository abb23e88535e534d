//! Tokens inside base64, hexadecimal, percent-encoding or escapes, and those inside one another.
//!
//! Only shapes are looked for in what comes out: decoded text that merely looks random is what
//! certificates, digests and signatures decode to. A run is decoded from each of its first digits
//! on, because a path or a name glued to its front would shift all that follows.

use zeroize::Zeroizing;

use super::digits::{BASE64, Digits, HEX};
use super::kind::{Decoding, PassedOver, RawHit};
use super::{peek, shape, window};

/// Wrappings inside one another that are opened.
const LEVELS: u8 = 2;

/// No token that is looked for needs more digits than this to be known, but for a very long JWT.
const OVERLAP: usize = 8 * 1024;

/// The first token that opening up to two wrappings brings to light. The offset is that of the
/// outer wrapping's first digit of the token.
pub(super) fn find(text: &[u8], but: PassedOver) -> Option<RawHit> {
    find_within(text, LEVELS, but)
}

fn find_within(text: &[u8], levels: u8, but: PassedOver) -> Option<RawHit> {
    let levels = levels.checked_sub(1)?;
    let open = |bytes: &[u8]| shape::find(bytes, but).or_else(|| find_within(bytes, levels, but));
    find_in_digits(text, &BASE64, open)
        .or_else(|| find_in_digits(text, &HEX, open))
        .or_else(|| find_behind(text, Decoding::Percent, open))
        .or_else(|| find_behind(text, Decoding::Escape, open))
}

/// The first that `look` finds behind one wrapping of this kind.
pub(super) fn find_behind(
    text: &[u8],
    via: Decoding,
    look: impl Fn(&[u8]) -> Option<RawHit>,
) -> Option<RawHit> {
    window::reread(text, via, OVERLAP, look).map(|found| found.wrapped(via))
}

fn find_in_digits(
    text: &[u8],
    digits: &Digits,
    open: impl Fn(&[u8]) -> Option<RawHit>,
) -> Option<RawHit> {
    let mut at = 0;
    let mut room = Zeroizing::default();
    while let Some(start) = digits.next_stretch(text, at) {
        let (length, count) = digits.run(text.get(start..)?);
        let run = text.get(start..start + length)?;
        at = start + length.max(1);
        if count < digits.least || !digits.may_hold_text(run) {
            continue;
        }
        let reading = window::without(run, window::is_blank);
        let found = window::through(reading, count, OVERLAP, |run| {
            let worth = match digits.via {
                Decoding::Base64 => peek::worth(run),
                _ => !0,
            };
            let mut phases = (0..digits.period).filter(|phase| worth >> phase & 1 == 1);
            phases.find_map(|skipped| {
                let found = open(digits.decode(run.get(skipped..)?, &mut room))?;
                Some((found, skipped + found.at * 8 / digits.bits))
            })
        });
        if let Some((found, at)) = found {
            return Some(RawHit {
                at: start + at,
                ..found.wrapped(digits.via)
            });
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    fn encoded(bytes: &[u8]) -> Vec<u8> {
        let bit = |bit: usize| {
            bytes
                .get(bit / 8)
                .is_some_and(|byte| byte >> (7 - bit % 8) & 1 == 1)
        };
        let digit = |digit: usize| {
            (0..6).fold(0, |value, at| value << 1 | usize::from(bit(digit * 6 + at)))
        };
        (0..(bytes.len() * 8).div_ceil(6))
            .map(|at| DIGITS[digit(at)])
            .collect()
    }

    /// [`find_in_digits`] without asking the digits first, and bit by bit.
    fn opened(text: &[u8], levels: u8) -> bool {
        let value = |byte: &u8| BASE64.value(*byte);
        let runs = text
            .split(|byte| value(byte).is_none())
            .filter(|run| run.len() >= 16);
        runs.filter(|run| BASE64.may_hold_text(run)).any(|run| {
            (0..4).any(|skipped| {
                let values = run.iter().skip(skipped).filter_map(value);
                let bits: Vec<_> = values
                    .flat_map(|value| (0..6).rev().map(move |bit| value >> bit & 1))
                    .collect();
                let bytes = bits
                    .chunks_exact(8)
                    .map(|bits| bits.iter().fold(0, |byte, bit| byte << 1 | bit));
                let bytes: Vec<u8> = bytes.collect();
                let open = |bytes: &[u8]| shape::find(bytes, PassedOver::default()).is_some();
                let escaped = |via| {
                    find_behind(&bytes, via, |bytes| {
                        shape::find(bytes, PassedOver::default())
                    })
                };
                open(&bytes)
                    || levels > 0
                        && (opened(&bytes, levels - 1)
                            || find_in_digits(&bytes, &HEX, |bytes| {
                                shape::find(bytes, PassedOver::default())
                            })
                            .is_some()
                            || escaped(Decoding::Percent).is_some()
                            || escaped(Decoding::Escape).is_some())
            })
        })
    }

    /// What is given away by its shape, put together so that nobody finds it in this file.
    fn token() -> impl Strategy<Value = Vec<u8>> {
        let text = |parts: [&str; 2]| Just(parts.concat().into_bytes());
        prop_oneof![
            text(["gh", "p_q7Rk2ZpX9vLm4TsW8bNc3Hd6Yf1q7Rk2ZpX9vLm"]),
            text([";pw", "d=Tr0ub4dor;"]),
            text(["a://b:", "hunter2@c"]),
            text([":*", ":db:app:hunter2"]),
            text(["-----BEGIN ", "PRIVATE KEY-----"]),
            Just(vec![0x30, 0x82, 4, 0xbe, 2, 1, 0, 0x30, 13, 6, 9, 42]),
        ]
    }

    fn wrapped(bytes: Vec<u8>, how: (u8, usize)) -> Vec<u8> {
        let escape = |byte: u8, at: usize| match (how.0, at % (how.1 + 1)) {
            (1, 0) => format!("%{byte:02X}").into_bytes(),
            (2, 0) => format!("\\u{byte:04x}").into_bytes(),
            (3, 0) => format!("\\x{byte:02x}").into_bytes(),
            (4, 0) if byte.is_ascii_punctuation() => vec![b'\\', byte],
            (5, _) => format!("{byte:02x}").into_bytes(),
            _ => vec![byte],
        };
        match how.0 {
            0 => encoded(&bytes),
            _ => bytes
                .iter()
                .enumerate()
                .flat_map(|(at, byte)| escape(*byte, at))
                .collect(),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn what_digits_are_asked_for_is_what_decoding_all_of_them_shows(
            token in token(),
            inner in (0_u8..8, 0_usize..4),
            around in [prop::collection::vec(any::<u8>(), 0..40), prop::collection::vec(any::<u8>(), 0..40)],
            shift in "[A-Za-z0-9+/]{0,5}",
            is_planted in any::<bool>(),
        ) {
            let [mut text, after] = around;
            if is_planted {
                text.extend(wrapped(token, inner));
            }
            text.extend(after);
            let mut run = shift.into_bytes();
            run.extend(encoded(&text));
            let found = find_in_digits(&run, &BASE64, |bytes| {
                let but = PassedOver::default();
                shape::find(bytes, but).or_else(|| find_within(bytes, 1, but))
            });
            prop_assert_eq!(found.is_some(), opened(&run, 1));
        }
    }
}
