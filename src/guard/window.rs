//! Other readings of the same bytes, made piece by piece so that memory stays small.
//!
//! A reading is an iterator of pieces, each with the offset that its first byte came from. [`through`]
//! gathers them into windows that overlap, so that nothing shorter than the overlap is cut in two. Only where
//! something is found does anybody ask where it came from, and then the reading is made once more.

use memchr::{memchr, memchr_iter};
use zeroize::Zeroizing;

use super::kind::{Decoding, RawHit};

/// Bytes looked at together.
const WINDOW: usize = 64 * 1024;

/// Encoded stretches of fewer bytes hold nothing that is looked for.
const LEAST: usize = 6;

/// Each byte, for pieces of one byte that an escape stands for.
static BYTES: [u8; 256] = {
    let mut bytes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        bytes[byte] = byte as u8;
        byte += 1;
    }
    bytes
};

/// Bytes that follow one another in a reading and in the text, and where the first of them came from.
pub(super) type Piece<'t> = (&'t [u8], usize);

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
        Decoding::Utf16 => utf16_stretches(text)
            .find_map(|found| seen(without(found.1, |byte| byte == 0), place(found), &look)),
        Decoding::Spaced => {
            let has_blanks = text.iter().any(|&byte| is_blank(byte));
            has_blanks.then(|| seen(without(text, is_blank), place((0, text)), &look))?
        }
        // Which digits are wrapping is another question.
        Decoding::Base64 | Decoding::Hex => None,
    }
}

/// Looks at a reading of about `size` bytes of what begins at `start`.
fn seen<'t>(
    reading: impl Iterator<Item = Piece<'t>> + Clone,
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

/// Hands a reading on in overlapping windows of 64 KiB until `look` answers with an offset into its
/// window, which is translated to where that byte came from. `size` is about how many bytes there are.
/// What was gathered is wiped.
pub(super) fn through<'t, T>(
    reading: impl Iterator<Item = Piece<'t>> + Clone,
    size: usize,
    overlap: usize,
    mut look: impl FnMut(&[u8]) -> Option<(T, usize)>,
) -> Option<(T, usize)> {
    let overlap = overlap.min(WINDOW);
    let full = WINDOW + overlap;
    let mut pieces = reading.clone();
    let (mut piece, first) = pieces.next()?;
    // What stands in the text as it is read need not be copied.
    if piece.len() == size && size <= full {
        return look(piece).map(|(found, at)| (found, first + at));
    }
    let mut window = Zeroizing::new(Vec::with_capacity(size.min(full)));
    let (mut before, mut kept) = (0, 0);
    loop {
        while window.len() < full && !piece.is_empty() {
            let (now, later) = piece.split_at(piece.len().min(full - window.len()));
            window.extend_from_slice(now);
            piece = match later {
                [] => pieces.next().unwrap_or_default().0,
                later => later,
            };
        }
        if window.len() == kept {
            return None;
        }
        if let Some((found, at)) = look(&window) {
            return Some((found, origin(reading, before + at)));
        }
        if window.len() < full {
            return None;
        }
        window.drain(..WINDOW);
        before += WINDOW;
        kept = window.len();
    }
}

/// Where the byte in this place of a reading came from.
fn origin<'t>(reading: impl Iterator<Item = Piece<'t>>, mut place: usize) -> usize {
    for (piece, at) in reading {
        if place < piece.len() {
            return at + place;
        }
        place -= piece.len();
    }
    0
}

/// Reads what begins with a mark: the byte it stands for, and how many bytes of the text it takes.
type ReadByte = fn(&[u8]) -> Option<(u8, usize)>;

/// The text as it stands up to each mark, and what is read there.
fn read_at(text: &[u8], mark: u8, read: ReadByte) -> impl Iterator<Item = Piece<'_>> + Clone {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = text.get(at..)?;
        let origin = at;
        let (piece, length) = match memchr(mark, rest).unwrap_or(rest.len()) {
            0 => {
                let (byte, length) = read(rest)?;
                (BYTES.get(usize::from(byte)..=usize::from(byte))?, length)
            }
            plain => (rest.get(..plain)?, plain),
        };
        at += length;
        Some((piece, origin))
    })
}

/// RFC 3986 section 2.1: `%XX` read as the byte it means.
pub(super) fn percent_decoded(text: &[u8]) -> impl Iterator<Item = Piece<'_>> + Clone {
    read_at(text, b'%', |rest| match rest {
        [_, high, low, ..] => match (digit(*high), digit(*low)) {
            (Some(high), Some(low)) => Some((high << 4 | low, 3)),
            _ => Some((b'%', 1)),
        },
        [byte, ..] => Some((*byte, 1)),
        [] => None,
    })
}

/// RFC 8259 section 7: escapes read as what they mean. Beyond U+00FF the low byte stands for the
/// character, since nothing that is looked for holds one.
pub(super) fn unescaped(text: &[u8]) -> impl Iterator<Item = Piece<'_>> + Clone {
    read_at(text, b'\\', |rest| match rest {
        [_, b'u', a, b, c, d, ..] => match (digit(*a), digit(*b), digit(*c), digit(*d)) {
            (Some(_), Some(_), Some(high), Some(low)) => Some((high << 4 | low, 6)),
            _ => Some((b'\\', 1)),
        },
        [_, b'x', high, low, ..] => match (digit(*high), digit(*low)) {
            (Some(high), Some(low)) => Some((high << 4 | low, 4)),
            _ => Some((b'\\', 1)),
        },
        [_, b'n', ..] => Some((b'\n', 2)),
        [_, b'r', ..] => Some((b'\r', 2)),
        [_, b't', ..] => Some((b'\t', 2)),
        [_, b'b', ..] => Some((8, 2)),
        [_, b'f', ..] => Some((12, 2)),
        [_, byte, ..] => Some((*byte, 2)),
        [byte] => Some((*byte, 1)),
        [] => None,
    })
}

/// The bytes that are kept of a text.
pub(super) fn without(
    text: &[u8],
    is_dropped: impl Fn(u8) -> bool + Clone,
) -> impl Iterator<Item = Piece<'_>> + Clone {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = text.get(at..)?;
        let start = rest.iter().position(|&byte| !is_dropped(byte))?;
        let kept = rest.get(start..)?;
        let end = kept.iter().position(|&byte| is_dropped(byte));
        let kept = kept.get(..end.unwrap_or(kept.len()))?;
        let origin = at + start;
        at = origin + kept.len();
        Some((kept, origin))
    })
}

/// The stretches of `text` without line breaks or other controls in which `mark` occurs, each with
/// its offset: where there are escapes to read. Shorter ones hold nothing that is looked for.
fn stretches_with(text: &[u8], mark: u8) -> impl Iterator<Item = (usize, &[u8])> {
    let ends = |byte: &u8| *byte < b' ' && *byte != b'\t';
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let rest = text.get(at..)?;
            let place = memchr(mark, rest)?;
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
            let follows = |nul: &usize| {
                let before = nul.checked_sub(1).and_then(|before| rest.get(before..));
                before.is_some_and(is_narrow)
            };
            let start = memchr_iter(0, rest).find(follows)? - 1;
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

fn is_narrow(text: &[u8]) -> bool {
    matches!(text, [b' '..=b'~' | b'\t' | b'\n' | b'\r', 0, ..])
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
