//! Tokens inside base64, hexadecimal, percent-encoding or escapes, and those inside one another.
//!
//! Only shapes are looked for in what comes out: decoded text that merely looks random is what
//! certificates, digests and signatures decode to. A run is decoded from each of its first digits
//! on, because a path or a name glued to its front would shift all that follows.

use super::digits::{BASE64, Digits, HEX};
use super::kind::{Decoding, PassedOver, RawHit};
use super::{shape, window};

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
    while let Some(start) = digits.next_stretch(text, at) {
        let (length, count) = digits.run(text.get(start..)?);
        let run = text.get(start..start + length)?;
        at = start + length.max(1);
        if count < digits.least || !digits.may_hold_text(run) {
            continue;
        }
        let values = run
            .iter()
            .enumerate()
            .filter_map(|(place, &byte)| Some((digits.value(byte)?, start + place)));
        let found = window::through(values, count, OVERLAP, |values| {
            (0..digits.period).find_map(|skipped| {
                let bytes = digits.decode(values.get(skipped..)?);
                let found = open(&bytes)?;
                Some((found, skipped + found.at * 8 / digits.bits))
            })
        });
        if let Some((found, at)) = found {
            return Some(RawHit {
                at,
                ..found.wrapped(digits.via)
            });
        }
    }
    None
}
