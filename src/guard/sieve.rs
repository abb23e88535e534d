//! Finds the places where any of many literals may begin, in one pass over the bytes.
//!
//! For each of the first three bytes of a literal, a table says which literals have that byte
//! there; the three rows and-ed together leave the few that are worth a closer look. The tables
//! of fixed rules are made at compile time, so a process that scans ten short fields pays nothing
//! to start, and the scan is linear whatever the bytes are.

use zeroize::Zeroize;

/// As many literals as a mask has bits.
pub(super) const CAPACITY: usize = 128;

/// The first three bytes of up to [`CAPACITY`] literals.
pub(super) struct Sieve {
    masks: [[u128; 256]; 3],
}

impl Sieve {
    /// A sieve that lets nothing through.
    pub(super) const fn empty() -> Self {
        Self {
            masks: [[0; 256]; 3],
        }
    }

    /// The same sieve, letting literal number `number` through as well.
    pub(super) const fn with(mut self, number: usize, literal: &[u8], fold: bool) -> Self {
        self.let_through(number, literal, fold);
        self
    }

    /// Lets literal number `number`, of three bytes or more, through; `fold` ignores ASCII case.
    /// In a constant, a literal that is too short or a number beyond the capacity fails the build.
    pub(super) const fn let_through(&mut self, number: usize, literal: &[u8], fold: bool) {
        let bit = 1u128 << number;
        let mut place = 0;
        while place < 3 {
            let byte = literal[place];
            self.masks[place][byte as usize] |= bit;
            if fold {
                self.masks[place][byte.to_ascii_lowercase() as usize] |= bit;
                self.masks[place][byte.to_ascii_uppercase() as usize] |= bit;
            }
            place += 1;
        }
    }

    /// Calls `check(number, at)` for each literal that may begin at `at`, from left to right, until
    /// it answers.
    pub(super) fn find<T>(
        &self,
        text: &[u8],
        mut check: impl FnMut(usize, usize) -> Option<T>,
    ) -> Option<T> {
        let [first, second, third] = &self.masks;
        for (at, bytes) in text.windows(3).enumerate() {
            let &[a, b, c] = bytes else { continue };
            let mut mask = first[a as usize] & second[b as usize] & third[c as usize];
            while mask != 0 {
                if let Some(found) = check(mask.trailing_zeros() as usize, at) {
                    return Some(found);
                }
                mask &= mask - 1;
            }
        }
        None
    }
}

impl Zeroize for Sieve {
    fn zeroize(&mut self) {
        for row in &mut self.masks {
            row.zeroize();
        }
    }
}

/// Whether `text` has `literal` at `at`.
pub(super) fn stands_at(text: &[u8], at: usize, literal: &[u8], fold: bool) -> bool {
    at.checked_add(literal.len())
        .and_then(|end| text.get(at..end))
        .is_some_and(|found| {
            if fold {
                found.eq_ignore_ascii_case(literal)
            } else {
                found == literal
            }
        })
}

/// How many bytes at the beginning of `text` are `name`, with or without separators in it.
pub(super) fn loose_length(text: &[u8], name: &[u8]) -> Option<usize> {
    let mut length = 0;
    for wanted in name {
        if length > 0 && matches!(text.get(length)?, b'_' | b'-' | b'.' | b' ') {
            length += 1;
        }
        if !text.get(length)?.eq_ignore_ascii_case(wanted) {
            return None;
        }
        length += 1;
    }
    Some(length)
}
