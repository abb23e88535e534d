//! Which bytes of a long file are changed: all of them, or one of each stretch, drawn by a seed.
//!
//! `LEDGER_TEST_FLIPS=all` takes every byte, which takes minutes; `LEDGER_TEST_FLIPS=8` takes eight times as many
//! as usual. `LEDGER_TEST_SEED` is the seed; a failing test prints it, so that it fails again.

use std::ops::Range;

fn asked(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// One place out of each `few` that follow one another, or more as `LEDGER_TEST_FLIPS` asks.
pub(crate) fn some(range: Range<usize>, few: usize) -> impl Iterator<Item = usize> {
    let all = std::env::var("LEDGER_TEST_FLIPS").is_ok_and(|asked| asked == "all");
    let more = asked("LEDGER_TEST_FLIPS").unwrap_or(1).max(1) as usize;
    let stretch = if all { 1 } else { few.div_ceil(more) };
    let seed = asked("LEDGER_TEST_SEED").unwrap_or(0);
    if stretch > 1 {
        println!("one place of each {stretch} in {range:?}, LEDGER_TEST_SEED={seed}");
    }
    let end = range.end;
    range.step_by(stretch).map(move |first| {
        let length = stretch.min(end - first);
        let drawn = blake3::hash(&[seed.to_le_bytes(), (first as u64).to_le_bytes()].concat());
        let [low, high, ..] = *drawn.as_bytes();
        first + usize::from(u16::from_le_bytes([low, high])) % length
    })
}
