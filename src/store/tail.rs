//! The bytes of the file `tail`: the entries that are not sealed into bundles yet.
//!
//! ```text
//! tail   = header · frame* · zeros
//! header = "rl-tail" 01 · base u64 · carry length u32 · carry · check [8]
//! frame  = "RLf" 01 · length u32 · sequence u64 · check [8] · entry
//! ```
//!
//! Integers are little-endian. `base` is the number of entries in bundles, a multiple of 256.
//! `carry` is opaque here: what the writer needs to know about those sealed entries. A check is
//! the first 8 bytes of BLAKE3 in derive-key mode over everything before it (header) or over
//! magic, length, sequence and entry (frame). It finds accidents; against an attacker stand the
//! hashes and signatures inside the entries.
//!
//! The zeros are written ahead of time, so that an append changes no file size and its fdatasync
//! has no metadata to commit. Every byte of the file is thereby covered: a header check, a frame
//! check, or it must be zero. [`TailRest`] says what follows the last whole frame.

use crate::store::bundle::{BUNDLE_ENTRIES, MAX_ENTRY};

/// The name of the file in the ledger's folder.
pub const TAIL_FILE: &str = "tail";

/// The longest `carry`; a Merkle frontier of 64 nodes and a link take 2,080 bytes.
pub const MAX_CARRY: usize = 16 * 1024;

/// The longest tail: far more than 256 entries and one batch, little enough to be read at once.
pub const MAX_TAIL: usize = 128 * 1024 * 1024;

const HEADER_MAGIC: [u8; 8] = *b"rl-tail\x01";
const FRAME_MAGIC: [u8; 4] = *b"RLf\x01";
const HEADER_CONTEXT: &str = "rotation-ledger 2026-11-23 tail header check v1";
const FRAME_CONTEXT: &str = "rotation-ledger 2026-11-23 tail frame check v1";
const CHECK_BYTES: usize = 8;
/// Magic, length and sequence: what the check covers besides the entry.
const FRAME_FIELDS: usize = 16;
const FRAME_OVERHEAD: usize = FRAME_FIELDS + CHECK_BYTES;

/// The unit in which an interrupted write reaches the disk or does not.
const SECTOR: usize = 512;
/// Fewer bytes than this, all alone among zeros, are not the remains of an interrupted write.
const FEWEST_OF_A_WRITE: usize = 16;
/// How many places that only look like a frame are tried after damage, so that a file made of
/// frame headers cannot keep a reader busy.
const MOST_CANDIDATES: usize = 4096;

/// The tail cannot be read at all: its header is damaged, or it is not a tail.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TailError {
    /// The file ends inside the header.
    #[error("the tail is cut short inside its header, at byte {0}")]
    CutShort(usize),
    /// The first bytes are not those of a tail.
    #[error("the tail does not begin with its magic bytes and format version 1")]
    NotATail,
    /// The header's bytes are not those that were written.
    #[error("the header of the tail does not match its check at byte {0}")]
    Damaged(usize),
}

/// What follows the last whole frame of a tail. Offsets and lengths are bytes of the file; the length runs to the
/// last byte that is not zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TailRest {
    /// Zeros only.
    Clean,
    /// The remains of a write: a frame begins there and does not hold, or its first sectors never
    /// reached the disk. After a power cut this is an append that was never acknowledged; that it
    /// is one, only a checkpoint can tell.
    Torn {
        /// Where the frame should begin.
        offset: usize,
        /// Bytes up to the last that is not zero.
        len: usize,
    },
    /// Bytes that no append leaves behind.
    Stray {
        /// Where the zeros should begin.
        offset: usize,
        /// Bytes up to the last that is not zero.
        len: usize,
    },
}

/// Where an entry lies in the tail's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameSlot {
    pub(crate) start: usize,
    pub(crate) len: usize,
}

impl FrameSlot {
    /// The entry's bytes in those of the tail.
    pub(crate) fn of(self, bytes: &[u8]) -> &[u8] {
        bytes
            .get(self.start..self.start + self.len)
            .unwrap_or_default()
    }

    /// Where the frame of this entry begins.
    pub(crate) const fn frame_start(self) -> usize {
        self.start - FRAME_OVERHEAD
    }
}

/// The layout of a tail's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TailLayout {
    pub(crate) base: u64,
    pub(crate) carry: Vec<u8>,
    /// The whole frames from the beginning, without a gap: entries `base`, `base + 1`, …
    pub(crate) slots: Vec<FrameSlot>,
    /// Where the last of them ends.
    pub(crate) end: usize,
    pub(crate) rest: TailRest,
}

fn check(context: &'static str, parts: &[&[u8]]) -> [u8; CHECK_BYTES] {
    thread_local! {
        // Deriving a context key costs more than the check of a small frame.
        static FRAME: blake3::Hasher = blake3::Hasher::new_derive_key(FRAME_CONTEXT);
    }
    let mut hasher = if context == FRAME_CONTEXT {
        FRAME.with(blake3::Hasher::clone)
    } else {
        blake3::Hasher::new_derive_key(context)
    };
    for part in parts {
        hasher.update(part);
    }
    let mut short = [0; CHECK_BYTES];
    hasher.finalize_xof().fill(&mut short);
    short
}

/// The bytes of a header; `None` if `carry` is longer than [`MAX_CARRY`].
pub(crate) fn encode_header(base: u64, carry: &[u8]) -> Option<Vec<u8>> {
    let length = u32::try_from(carry.len())
        .ok()
        .filter(|_| carry.len() <= MAX_CARRY)?;
    let mut bytes = HEADER_MAGIC.to_vec();
    bytes.extend(base.to_le_bytes());
    bytes.extend(length.to_le_bytes());
    bytes.extend(carry);
    let check = check(HEADER_CONTEXT, &[&bytes]);
    bytes.extend(check);
    Some(bytes)
}

/// Adds the frame of an entry to `bytes` and says where the entry lies in them; `None` if it is
/// empty or longer than [`MAX_ENTRY`].
pub(crate) fn encode_frame(bytes: &mut Vec<u8>, sequence: u64, entry: &[u8]) -> Option<FrameSlot> {
    let length = u32::try_from(entry.len())
        .ok()
        .filter(|_| (1..=MAX_ENTRY).contains(&entry.len()))?;
    let mut fields = [0; FRAME_FIELDS];
    let (magic, numbers) = fields.split_at_mut(FRAME_MAGIC.len());
    magic.copy_from_slice(&FRAME_MAGIC);
    let (length_field, sequence_field) = numbers.split_at_mut(4);
    length_field.copy_from_slice(&length.to_le_bytes());
    sequence_field.copy_from_slice(&sequence.to_le_bytes());
    bytes.extend(fields);
    bytes.extend(check(FRAME_CONTEXT, &[&fields, entry]));
    let slot = FrameSlot {
        start: bytes.len(),
        len: entry.len(),
    };
    bytes.extend(entry);
    Some(slot)
}

/// The sequence and place of the whole frame at `offset`, if there is one.
fn decode_frame(bytes: &[u8], offset: usize) -> Option<(u64, FrameSlot)> {
    let (fields, after) = bytes.get(offset..)?.split_first_chunk::<FRAME_FIELDS>()?;
    let (magic, numbers) = fields.split_first_chunk::<4>()?;
    let (length, sequence) = numbers.split_first_chunk::<4>()?;
    let (written, after) = after.split_first_chunk::<CHECK_BYTES>()?;
    let len = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    if *magic != FRAME_MAGIC || !(1..=MAX_ENTRY).contains(&len) {
        return None;
    }
    let entry = after.get(..len)?;
    if *written != check(FRAME_CONTEXT, &[fields, entry]) {
        return None;
    }
    let start = offset + FRAME_OVERHEAD;
    // A log that has an entry behind this one has no size.
    let sequence = u64::from_le_bytes(*sequence.first_chunk()?);
    (sequence < u64::MAX).then_some((sequence, FrameSlot { start, len }))
}

fn decode_header(bytes: &[u8]) -> Result<(u64, Vec<u8>, usize), TailError> {
    let cut_short = || TailError::CutShort(bytes.len());
    let (magic, rest) = bytes.split_first_chunk::<8>().ok_or_else(cut_short)?;
    if *magic != HEADER_MAGIC {
        return Err(TailError::NotATail);
    }
    let (base, rest) = rest.split_first_chunk().ok_or_else(cut_short)?;
    let (length, rest) = rest.split_first_chunk().ok_or_else(cut_short)?;
    let fields = bytes.len() - rest.len();
    let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
    if length > MAX_CARRY {
        return Err(TailError::Damaged(fields));
    }
    let (carry, rest) = rest.split_at_checked(length).ok_or_else(cut_short)?;
    let written = rest.first_chunk::<CHECK_BYTES>().ok_or_else(cut_short)?;
    let at = fields + length;
    let base = u64::from_le_bytes(*base);
    let covered = bytes.get(..at).unwrap_or_default();
    if *written != check(HEADER_CONTEXT, &[covered]) || base % BUNDLE_ENTRIES as u64 != 0 {
        return Err(TailError::Damaged(at));
    }
    Ok((base, carry.to_vec(), at + CHECK_BYTES))
}

/// Reads the layout of a tail: its header, its whole frames without a gap, and what follows them.
pub(crate) fn decode(bytes: &[u8]) -> Result<TailLayout, TailError> {
    let (base, carry, mut end) = decode_header(bytes)?;
    let mut slots = Vec::new();
    while let Some((sequence, slot)) = decode_frame(bytes, end) {
        if sequence != base.saturating_add(slots.len() as u64) {
            break;
        }
        end = slot.start + slot.len;
        slots.push(slot);
    }
    let rest = classify(bytes, end);
    Ok(TailLayout {
        base,
        carry,
        slots,
        end,
        rest,
    })
}

/// Where the first byte stands that is not zero. Most of a tail is zeros, and every opening looks at
/// all of them: many at once.
fn first_not_zero(bytes: &[u8]) -> Option<usize> {
    const AT_ONCE: usize = 64;
    let (chunks, _) = bytes.as_chunks::<AT_ONCE>();
    let zeros = chunks.iter().take_while(|chunk| **chunk == [0; AT_ONCE]);
    let from = zeros.count() * AT_ONCE;
    let rest = bytes.get(from..).unwrap_or_default();
    rest.iter().position(|b| *b != 0).map(|at| from + at)
}

fn classify(bytes: &[u8], offset: usize) -> TailRest {
    let rest = bytes.get(offset..).unwrap_or_default();
    let Some(first) = first_not_zero(rest) else {
        return TailRest::Clean;
    };
    let len = rest
        .iter()
        .rposition(|b| *b != 0)
        .map_or(0, |last| last + 1);
    // The frame's first sector may be the one that is lost; then what is left begins at a later one.
    let to_next_sector = SECTOR - offset % SECTOR;
    let arrived = to_next_sector.min(FRAME_MAGIC.len()).min(len);
    let frame_begins = FRAME_MAGIC.starts_with(rest.get(..arrived).unwrap_or_default());
    let first_sector_lost =
        first >= to_next_sector && rest.iter().filter(|b| **b != 0).count() >= FEWEST_OF_A_WRITE;
    if frame_begins || first_sector_lost {
        TailRest::Torn { offset, len }
    } else {
        TailRest::Stray { offset, len }
    }
}

/// The whole frames that can still be found after damage at `from`, with their sequences: entries
/// beyond the one that is damaged, for a reader who wants to know what is left.
pub(crate) fn find_later(bytes: &[u8], from: usize, after: u64) -> Vec<(u64, FrameSlot)> {
    let mut found = Vec::new();
    let mut at = from;
    let mut last = after;
    let mut candidates = 0;
    while let Some(step) = bytes.get(at..).and_then(|rest| {
        rest.windows(FRAME_MAGIC.len())
            .position(|w| w == FRAME_MAGIC)
    }) {
        at += step;
        match decode_frame(bytes, at) {
            Some((sequence, slot)) if sequence > last || (found.is_empty() && sequence == last) => {
                at = slot.start + slot.len;
                last = sequence;
                found.push((sequence, slot));
            }
            _ => {
                at += 1;
                candidates += 1;
                if candidates == MOST_CANDIDATES {
                    break;
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tail(entries: &[&[u8]], zeros: usize) -> Vec<u8> {
        let mut bytes = encode_header(512, b"carried").unwrap();
        for (i, entry) in entries.iter().enumerate() {
            encode_frame(&mut bytes, 512 + i as u64, entry).unwrap();
        }
        bytes.resize(bytes.len() + zeros, 0);
        bytes
    }

    fn entries(bytes: &[u8]) -> Vec<Vec<u8>> {
        let layout = decode(bytes).unwrap();
        layout.slots.iter().map(|s| s.of(bytes).to_vec()).collect()
    }

    #[test]
    fn a_tail_reads_back() {
        let bytes = tail(&[b"one", b"two"], 100);
        let layout = decode(&bytes).unwrap();
        assert_eq!(
            (layout.base, layout.carry.as_slice()),
            (512, &b"carried"[..])
        );
        assert_eq!(layout.rest, TailRest::Clean);
        assert_eq!(entries(&bytes), [b"one", b"two"]);
    }

    #[test]
    fn limits_hold_where_bytes_are_made() {
        let mut bytes = Vec::new();
        assert!(encode_frame(&mut bytes, 0, b"").is_none());
        assert!(encode_frame(&mut bytes, 0, &[1; MAX_ENTRY]).is_some());
        assert!(encode_frame(&mut bytes, 0, &[1; MAX_ENTRY + 1]).is_none());
        assert!(encode_header(0, &[0; MAX_CARRY + 1]).is_none());
    }

    #[test]
    fn every_bit_of_every_byte_is_covered() {
        let bytes = tail(&[b"one", b"two", b"three"], 700);
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << bit;
                let noticed =
                    decode(&flipped).map_or(true, |layout| layout.rest != TailRest::Clean);
                assert!(noticed, "bit {bit} of byte {at}");
            }
        }
    }

    #[test]
    fn a_write_cut_anywhere_is_torn_and_nothing_else_is() {
        let whole = tail(&[b"one"], 0);
        let mut next = Vec::new();
        encode_frame(&mut next, 513, &[0xAB; 1500]).unwrap();
        for cut in 1..next.len() {
            let mut bytes = [&whole, &next[..cut]].concat();
            bytes.resize(8192, 0);
            let rest = decode(&bytes).unwrap().rest;
            assert!(
                matches!(rest, TailRest::Torn { .. }),
                "cut at {cut}: {rest:?}"
            );
        }
        let mut lost_sector = [whole.as_slice(), &next].concat();
        lost_sector[whole.len()..SECTOR].fill(0);
        let rest = decode(&lost_sector).unwrap().rest;
        assert!(matches!(rest, TailRest::Torn { offset, .. } if offset == whole.len()));

        for at in [whole.len(), whole.len() + 3, SECTOR, 5000] {
            let mut bytes = whole.clone();
            bytes.resize(8192, 0);
            bytes[at] = 1;
            let rest = decode(&bytes).unwrap().rest;
            assert!(
                matches!(rest, TailRest::Stray { .. }),
                "byte {at}: {rest:?}"
            );
        }
    }

    #[test]
    fn a_frame_out_of_sequence_is_not_taken() {
        let mut bytes = tail(&[b"one"], 0);
        encode_frame(&mut bytes, 514, b"three").unwrap();
        assert_eq!(entries(&bytes), [b"one"]);
        assert!(matches!(
            decode(&bytes).unwrap().rest,
            TailRest::Torn { .. }
        ));
    }

    #[test]
    fn no_entry_has_the_place_after_which_a_log_has_no_size() {
        let base = u64::MAX - 255;
        let mut bytes = encode_header(base, b"").unwrap();
        for sequence in (base..u64::MAX).chain([u64::MAX, u64::MAX]) {
            encode_frame(&mut bytes, sequence, b"entry").unwrap();
        }
        let layout = decode(&bytes).unwrap();
        assert_eq!(layout.slots.len(), 255);
        assert!(matches!(layout.rest, TailRest::Torn { .. }));
        assert_eq!(find_later(&bytes, layout.end, u64::MAX), []);
    }

    #[test]
    fn what_follows_damage_is_found_again() {
        let mut bytes = tail(&[b"one", b"two", b"three"], 50);
        let second = decode(&bytes).unwrap().slots[1].start;
        bytes[second] ^= 1;
        let layout = decode(&bytes).unwrap();
        assert_eq!(layout.slots.len(), 1);
        let later = find_later(&bytes, layout.end, 513);
        assert_eq!(later.len(), 1);
        assert_eq!((later[0].0, later[0].1.of(&bytes)), (514, &b"three"[..]));
    }

    #[test]
    fn what_is_not_a_tail_is_named() {
        assert_eq!(decode(b""), Err(TailError::CutShort(0)));
        assert_eq!(decode(b"not a tail at all"), Err(TailError::NotATail));
        let mut future = tail(&[], 0);
        future[7] = 2;
        assert_eq!(decode(&future), Err(TailError::NotATail));
        let huge = [&HEADER_MAGIC[..], &[0; 8], &[0xFF; 4], &[0; 64]].concat();
        assert!(matches!(decode(&huge), Err(TailError::Damaged(_))));
    }
}
