//! Finds the places where any of many literals may begin, in one pass over the bytes.
//!
//! For each of the first three bytes of a literal, a table says which literals have that byte
//! there; the three rows and-ed together leave the few that are worth a closer look. Before them a
//! smaller table of groups of literals, four bytes deep, settles nearly every place with one look.
//! The tables of fixed rules are made at compile time, so a process that scans ten short fields pays
//! nothing to start, and the scan is linear whatever the bytes are.

use zeroize::Zeroize;

/// As many literals as a mask has bits.
pub(super) const CAPACITY: usize = 128;

/// Bits that a group of literals has for each of its four bytes; they stand side by side in a word.
const GROUPS: usize = 16;

/// What may stand between the letters of a name that is written loosely.
const SEPARATORS: &[u8] = b"_-. ";

/// The beginnings of up to [`CAPACITY`] literals.
pub(super) struct Sieve {
    masks: [[u128; 256]; 3],
    /// A clear bit where a group has no literal with this byte in this place is set, so that words shifted and or-ed
    /// keep a bit clear where four bytes in a row fit.
    groups: [u64; 256],
}

impl Sieve {
    /// A sieve that lets nothing through.
    pub(super) const fn empty() -> Self {
        Self {
            masks: [[0; 256]; 3],
            groups: [u64::MAX; 256],
        }
    }

    /// The same sieve, letting literal number `number` through as well.
    pub(super) const fn with(mut self, number: usize, literal: &[u8], fold: bool) -> Self {
        self.let_through(number, literal, fold);
        self
    }

    /// Lets literal number `number`, of three bytes or more, through; `fold` ignores ASCII case, and lets
    /// a separator stand before the fourth letter. In a constant, a literal that is too short or a number beyond
    /// the capacity fails the build.
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
        let mut byte = 0;
        while byte < 256 {
            let mut place = 0;
            while place < 4 {
                let fits = match place {
                    3 => literal.len() < 4 || may_be(byte as u8, literal[3], fold, SEPARATORS),
                    _ => self.masks[place][byte] & bit != 0,
                };
                if fits {
                    self.groups[byte] &= !(1 << (place * GROUPS + number * GROUPS / CAPACITY));
                }
                place += 1;
            }
            byte += 1;
        }
    }

    /// Calls `check(number, at)` for each literal that may begin at `at`, from left to right, until
    /// it answers.
    pub(super) fn find<T>(
        &self,
        text: &[u8],
        mut check: impl FnMut(usize, usize) -> Option<T>,
    ) -> Option<T> {
        let mut closer = |at: usize| {
            let mut mask = self.beginning(text.get(at..)?);
            while mask != 0 {
                if let Some(found) = check(mask.trailing_zeros() as usize, at) {
                    return Some(found);
                }
                mask &= mask - 1;
            }
            None
        };
        let mut last = u64::MAX;
        for (end, &byte) in text.iter().enumerate() {
            last = last << GROUPS | self.groups[byte as usize];
            if last >> (3 * GROUPS) != 0xffff
                && let Some(found) = closer(end - 3)
            {
                return Some(found);
            }
        }
        // Three bytes are a literal too, with nothing behind them.
        closer(text.len().checked_sub(3)?)
    }

    /// The literals whose first three bytes `text` begins with, a bit for each.
    pub(super) fn beginning(&self, text: &[u8]) -> u128 {
        let [first, second, third] = &self.masks;
        match *text {
            [a, b, c, ..] => first[a as usize] & second[b as usize] & third[c as usize],
            _ => 0,
        }
    }
}

const fn may_be(byte: u8, wanted: u8, fold: bool, separators: &[u8]) -> bool {
    let mut place = 0;
    while fold && place < separators.len() {
        if separators[place] == byte {
            return true;
        }
        place += 1;
    }
    byte == wanted || fold && byte.eq_ignore_ascii_case(&wanted)
}

impl Zeroize for Sieve {
    fn zeroize(&mut self) {
        for row in &mut self.masks {
            row.zeroize();
        }
        self.groups.zeroize();
    }
}

/// Where the next stretch of at least `least` bytes that all satisfy `holds` begins, from `at` on. Looking at
/// every so many bytes is enough not to miss one.
pub(super) fn next_stretch(
    text: &[u8],
    mut at: usize,
    least: usize,
    holds: impl Fn(u8) -> bool,
) -> Option<usize> {
    loop {
        let stretch = text.get(at..at + least)?;
        match stretch.iter().rposition(|&byte| !holds(byte)) {
            None => return Some(at),
            Some(other) => at += other + 1,
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
        if length > 0 && SEPARATORS.contains(text.get(length)?) {
            length += 1;
        }
        if !text.get(length)?.eq_ignore_ascii_case(wanted) {
            return None;
        }
        length += 1;
    }
    Some(length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LITERALS: [(&str, bool); 6] = [
        ("hf_", false),
        (":*:", false),
        ("sk_live_", false),
        ("apikey", true),
        ("pass", true),
        ("pwd", true),
    ];

    proptest! {
        /// Held against a look at each literal in each place.
        #[test]
        fn no_literal_is_passed_over(text in "[hf_:*skliveapkyA PKYwd-]{0,40}(apikey|API_KEY|api key|pass|hf_|sk_live_)[a-z]{0,3}") {
            let sieve = LITERALS.iter().enumerate().fold(Sieve::empty(), |sieve, (number, (literal, fold))| {
                // As far apart as literals of different groups are.
                sieve.with(number * 20, literal.as_bytes(), *fold)
            });
            let mut found = Vec::new();
            let _ = sieve.find(text.as_bytes(), |number, at| {
                found.push((at, number / 20));
                None::<()>
            });
            let all = (0..text.len()).flat_map(|at| (0..LITERALS.len()).map(move |number| (at, number)));
            let stands = |&(at, number): &(usize, usize)| {
                let (literal, fold) = LITERALS[number];
                let rest = &text.as_bytes()[at..];
                let begins = literal.bytes().zip(rest).take(3).all(|(a, b)| a == *b || fold && a.eq_ignore_ascii_case(b));
                let is_loose = fold && begins && loose_length(rest, literal.as_bytes()).is_some();
                is_loose || stands_at(text.as_bytes(), at, literal.as_bytes(), fold)
            };
            let standing: Vec<_> = all.filter(stands).collect();
            prop_assert!(!standing.is_empty());
            prop_assert!(standing.iter().all(|place| found.contains(place)), "{:?} in {:?}", standing, found);
            prop_assert!(found.is_sorted());
        }
    }
}
