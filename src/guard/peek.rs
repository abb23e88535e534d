//! Whether what stands in base64 is worth decoding, told from its digits.
//!
//! A run is decoded from each of its first four digits on, which makes three bytes of each digit: by far
//! the most that a scan has to look at, and nearly all of it is noise. So the digits are asked first. What `wrapped` looks for in
//! decoded bytes begins with the literal of a shape, with an escape that stands for one of the
//! literal's first bytes, or is wrapped again and so goes on for a while in the alphabet of base64. None of the
//! three can be there without being seen here; what is seen here is then looked for in earnest.

use super::digits::{BASE64, STRETCH};
use super::shape;
use super::window;

/// What begins an escape.
const MARKS: &[u8] = b"%\\";

/// Digits that stand together in a second wrapping.
const AGAIN: usize = STRETCH;

/// So many bytes are sixteen digits, so that a look at five digits in twelve has three whole bytes of them.
const EVERY: usize = 12;

/// Bytes of a literal before an escape that stands for its third.
const BEFORE: usize = 2;

/// For each three digits in a row, a bit: whether a literal or an escape may begin in them.
static BEGINNINGS: [u64; 1 << 12] = {
    let mut bits = [0; 1 << 12];
    let mut number = 0;
    while let Some((literal, fold)) = shape::literal(number) {
        let first = u32::from_be_bytes([0, literal[0], literal[1], literal[2]]);
        // Bit 5 of an ASCII letter is its case.
        let mut cases = 0;
        while cases < 8 {
            let (mut bytes, mut place) = (first, 0);
            while fold && place < 3 {
                if literal[place].is_ascii_alphabetic() && cases >> place & 1 == 1 {
                    bytes ^= 0x20 << (16 - 8 * place);
                }
                place += 1;
            }
            // The first three digits that these bytes alone decide, at each of the places that a byte can have.
            let mut unknown = 0;
            while unknown < 3 {
                let digits = bytes >> [6, 2, 4][unknown] & 0x3ffff;
                bits[(digits >> 6) as usize] |= 1 << (digits & 63);
                unknown += 1;
            }
            cases += 1;
        }
        number += 1;
    }
    let mut number = 0;
    while number < MARKS.len() * 256 * 16 {
        let (mark, next) = (MARKS[number >> 12] as usize, number >> 4 & 0xff);
        let others = number & 0xf;
        let places = [
            mark << 10 | next << 2 | others & 3,
            (others & 3) << 16 | mark << 8 | next,
            others << 14 | mark << 6 | next >> 2,
        ];
        let mut place = 0;
        while may_follow(MARKS[number >> 12], next as u8) && place < places.len() {
            bits[places[place] >> 6] |= 1 << (places[place] & 63);
            place += 1;
        }
        number += 1;
    }
    bits
};

/// Whether an escape that stands for one of a literal's first bytes may go on so. These are visible characters, but for
/// those of keys in DER, which take an escape of several.
const fn may_follow(mark: u8, next: u8) -> bool {
    match mark {
        b'%' => next.is_ascii_hexdigit(),
        _ => next.is_ascii_graphic(),
    }
}

/// From which of the first four digits of a run on decoding is worth it, a bit for each.
pub(super) fn worth(run: &[u8]) -> u8 {
    let (mut worth, mut last) = (0, 0_u32);
    let mut until = EVERY - 1;
    for (at, &digit) in run.iter().enumerate() {
        last = last << 6 | u32::from(BASE64.value(digit).unwrap_or_default());
        let begins = BEGINNINGS[(last >> 6 & 0xfff) as usize] >> (last & 63) & 1 == 1;
        if begins && let Some(at) = at.checked_sub(2) {
            worth |= beginnings(run, at, worth);
        }
        if at == until {
            until += EVERY;
            worth |= wrapped_again(run, at, last, worth);
        }
        if worth == 0b1111 {
            break;
        }
    }
    worth
}

/// From which digits on decoding shows a beginning about the digit `at`, but for those that are `known`.
fn beginnings(run: &[u8], at: usize, known: u8) -> u8 {
    // A literal's bytes may begin up to four bits before the digits that they decide.
    let starts = (at * 6).saturating_sub(4)..=at * 6 + 4;
    let begin = starts.step_by(2).filter(|&start| {
        let bytes = |place: usize| {
            let bit = (start + 8 * place).checked_sub(8 * BEFORE);
            bit.and_then(|bit| byte(run, bit)).unwrap_or_default()
        };
        known >> phase(start) & 1 == 0
            && (MARKS.contains(&bytes(BEFORE))
                || shape::three_begin(&[BEFORE, BEFORE + 1, BEFORE + 2].map(bytes)))
            && is_beginning(&std::array::from_fn(bytes))
    });
    begin.fold(0, |worth, start| worth | 1 << phase(start))
}

/// Whether a literal may begin behind the first bytes, or an escape that stands for one of its first three.
fn is_beginning(bytes: &[u8; BEFORE + 3 * 6]) -> bool {
    let (before, rest) = bytes.split_at(BEFORE);
    let begins = |reading: &mut dyn Iterator<Item = window::Piece<'_>>| {
        let mut bytes = [0; 5];
        let read = reading.flat_map(|(piece, _)| piece);
        for (room, byte) in bytes.iter_mut().zip(before.iter().chain(read)) {
            *room = *byte;
        }
        bytes.windows(3).any(shape::three_begin)
    };
    match rest {
        [b'%', ..] => begins(&mut window::percent_decoded(rest)),
        [b'\\', ..] => begins(&mut window::unescaped(rest)),
        _ => shape::may_begin(rest, MARKS),
    }
}

/// From which digits on decoding shows twelve digits again, three of them in the five digits that end with the
/// one at `at` and are the last bits of `last`, but for those that are `known`.
fn wrapped_again(run: &[u8], at: usize, last: u32, known: u8) -> u8 {
    let is_digit = |byte: u8| BASE64.value(byte).is_some();
    let mut worth = 0;
    for skipped in [0, 2, 4, 6] {
        let here = |place: usize| is_digit((last >> (22 - skipped - 8 * place)) as u8);
        let start = (at - 4) * 6 + skipped;
        if !(here(0) & here(1) & here(2)) || known >> phase(start) & 1 == 1 {
            continue;
        }
        let holds = |bit: usize| byte(run, bit).is_some_and(is_digit);
        let before = (1..AGAIN).take_while(|place| start.checked_sub(8 * place).is_some_and(holds));
        let after = (0..AGAIN).take_while(|place| holds(start + 8 * place));
        if before.count() + after.count() >= AGAIN {
            worth |= 1 << phase(start);
        }
    }
    worth
}

/// The byte that begins at a bit of the run, whose digits have six each.
fn byte(run: &[u8], bit: usize) -> Option<u8> {
    let [high, low] = [0, 1].map(|digit| {
        run.get(bit / 6 + digit)
            .and_then(|digit| BASE64.value(*digit))
    });
    let pair = u16::from(high?) << 6 | u16::from(low?);
    Some((pair >> (4 - bit % 6)) as u8)
}

/// From which of the first digits on a byte begins at this bit: six bits a digit and eight a byte.
const fn phase(bit: usize) -> usize {
    bit / 2 * 3 % 4
}
