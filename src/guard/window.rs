//! Other readings of the same bytes, made piece by piece so that memory stays small.
//!
//! Each reading is an iterator of bytes with the offset that each came from. [`through`] gathers
//! them into windows that overlap, so that nothing shorter than the overlap is cut in two.

use zeroize::Zeroizing;

use super::kind::{Decoding, RawHit};

/// Bytes looked at together.
const WINDOW: usize = 64 * 1024;

/// Encoded stretches of fewer bytes hold nothing that is looked for.
const LEAST: usize = 6;

/// Line breaks and their escapes as they stand inside wrapped base64.
pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// Looks at `text` as it reads behind one wrapping, wherever it is wrapped so. The find begins where its
/// first byte stands in `text`.
pub(super) fn reread(
    text: &[u8],
    via: Decoding,
    overlap: usize,
    look: impl Fn(&[u8]) -> Option<RawHit>,
) -> Option<RawHit> {
    let place = |(start, text): (usize, &[u8])| (start, text.len(), overlap);
    match via {
        Decoding::Percent => stretches_with(text, b'%')
            .find_map(|found| seen(percent_decoded(found.1), place(found), &look)),
        Decoding::Escape => stretches_with(text, b'\\')
            .find_map(|found| seen(unescaped(found.1), place(found), &look)),
        Decoding::Utf16 => {
            utf16_stretches(text).find_map(|found| seen(narrowed(found.1), place(found), &look))
        }
        Decoding::Spaced => {
            let has_blanks = text.iter().any(|&byte| is_blank(byte));
            has_blanks.then(|| seen(unspaced(text), place((0, text)), &look))?
        }
        // Which digits are wrapping is another question.
        Decoding::Base64 | Decoding::Hex => None,
    }
}

/// Looks at a reading of about `size` bytes of what begins at `start`.
fn seen(
    reading: impl Iterator<Item = (u8, usize)>,
    (start, size, overlap): (usize, usize, usize),
    look: impl Fn(&[u8]) -> Option<RawHit>,
) -> Option<RawHit> {
    let found = through(reading, size, overlap, |bytes| {
        look(bytes).map(|found| (found, found.at))
    });
    found.map(|(found, at)| RawHit {
        at: start + at,
        ..found
    })
}

/// Hands `bytes` on in overlapping windows of 64 KiB until `look` answers with an offset into its
/// window, which is translated to where that byte came from. `size` is about how many there are.
/// What was gathered is wiped.
pub(super) fn through<T>(
    bytes: impl Iterator<Item = (u8, usize)>,
    size: usize,
    overlap: usize,
    mut look: impl FnMut(&[u8]) -> Option<(T, usize)>,
) -> Option<(T, usize)> {
    let overlap = overlap.min(WINDOW);
    let room = size.min(WINDOW + overlap);
    let mut window = Zeroizing::new(Vec::with_capacity(room));
    let mut origins = Vec::with_capacity(room);
    let mut fresh = 0;
    for (byte, origin) in bytes {
        window.push(byte);
        origins.push(origin);
        fresh += 1;
        if window.len() == WINDOW + overlap {
            if let Some((found, at)) = look(&window) {
                return Some((found, origins.get(at).copied().unwrap_or_default()));
            }
            window.drain(..WINDOW);
            origins.drain(..WINDOW);
            fresh = 0;
        }
    }
    if fresh == 0 {
        return None;
    }
    look(&window).map(|(found, at)| (found, origins.get(at).copied().unwrap_or_default()))
}

/// Reads on from `at`: the byte there, and how many bytes of the text it took.
type ReadByte = fn(&[u8]) -> Option<(u8, usize)>;

fn steps(text: &[u8], step: ReadByte) -> impl Iterator<Item = (u8, usize)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let origin = at;
        let (byte, length) = step(text.get(at..)?)?;
        at += length;
        Some((byte, origin))
    })
}

/// RFC 3986 section 2.1: `%XX` read as the byte it means.
fn percent_decoded(text: &[u8]) -> impl Iterator<Item = (u8, usize)> {
    steps(text, |rest| match rest {
        [b'%', high, low, ..] => match (digit(*high), digit(*low)) {
            (Some(high), Some(low)) => Some((high << 4 | low, 3)),
            _ => Some((b'%', 1)),
        },
        [byte, ..] => Some((*byte, 1)),
        [] => None,
    })
}

/// RFC 8259 section 7: escapes read as what they mean. Beyond U+00FF the low byte stands for the
/// character, since nothing that is looked for holds one.
fn unescaped(text: &[u8]) -> impl Iterator<Item = (u8, usize)> {
    steps(text, |rest| match rest {
        [b'\\', b'u', a, b, c, d, ..] => match (digit(*a), digit(*b), digit(*c), digit(*d)) {
            (Some(_), Some(_), Some(high), Some(low)) => Some((high << 4 | low, 6)),
            _ => Some((b'\\', 1)),
        },
        [b'\\', b'x', high, low, ..] => match (digit(*high), digit(*low)) {
            (Some(high), Some(low)) => Some((high << 4 | low, 4)),
            _ => Some((b'\\', 1)),
        },
        [b'\\', b'n', ..] => Some((b'\n', 2)),
        [b'\\', b'r', ..] => Some((b'\r', 2)),
        [b'\\', b't', ..] => Some((b'\t', 2)),
        [b'\\', b'b', ..] => Some((8, 2)),
        [b'\\', b'f', ..] => Some((12, 2)),
        [b'\\', byte, ..] => Some((*byte, 2)),
        [byte, ..] => Some((*byte, 1)),
        [] => None,
    })
}

/// The bytes without their white space.
fn unspaced(text: &[u8]) -> impl Iterator<Item = (u8, usize)> {
    let bytes = text.iter().copied().enumerate();
    bytes.filter_map(|(at, byte)| (!is_blank(byte)).then_some((byte, at)))
}

/// The stretches of `text` without line breaks or other controls in which `mark` occurs, each with
/// its offset: where there are escapes to read. Shorter ones hold nothing that is looked for.
fn stretches_with(text: &[u8], mark: u8) -> impl Iterator<Item = (usize, &[u8])> {
    let ends = |byte: &u8| *byte < b' ' && *byte != b'\t';
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let rest = text.get(at..)?;
            let place = rest.iter().position(|&byte| byte == mark)?;
            let (before, after) = rest.split_at(place);
            let start = before.iter().rposition(ends).map_or(0, |end| end + 1);
            let end = place + after.iter().position(ends).unwrap_or(after.len());
            let found = (at + start, rest.get(start..end)?);
            at += end;
            if end - start >= LEAST {
                return Some(found);
            }
        }
    })
}

/// The stretches of `text` that are ASCII in UTF-16 of either byte order, each with its offset.
fn utf16_stretches(text: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let rest = text.get(at..)?;
            let start = rest.windows(2).position(is_narrow)?;
            let rest = rest.get(start..)?;
            let pairs = rest
                .chunks_exact(2)
                .take_while(|pair| is_narrow(pair))
                .count();
            // In the big-endian order the last character has its NUL before it.
            let end = (pairs * 2 + 1).min(rest.len());
            let found = (at + start, rest.get(..end)?);
            at += start + pairs * 2;
            if pairs >= LEAST {
                return Some(found);
            }
        }
    })
}

fn is_narrow(pair: &[u8]) -> bool {
    matches!(pair, [b' '..=b'~' | b'\t' | b'\n' | b'\r', 0])
}

/// The bytes without NULs: what a stretch of [`utf16_stretches`] says.
fn narrowed(text: &[u8]) -> impl Iterator<Item = (u8, usize)> {
    let bytes = text.iter().copied().enumerate();
    bytes.filter_map(|(at, byte)| (byte != 0).then_some((byte, at)))
}

/// The value of a hexadecimal digit.
const fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}
