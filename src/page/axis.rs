//! Where an instant stands in the drawing of a rotation. Most of a rotation happens within minutes,
//! and then somebody sleeps: a long pause is drawn as a short one, and says how long it was.

use crate::time::Timestamp;

/// A pause is drawn short where it takes more than this part of the whole, in percent.
const LONG: i64 = 40;
/// And lasts longer than this.
const LEAST: i64 = 30 * 60 * 1_000_000;
/// At most so many are: the longest.
const PAUSES: usize = 2;
/// The width of a pause, and the least of what lies between two.
const PAUSE_WIDTH: f64 = 58.0;
const PIECE_WIDTH: f64 = 16.0;

/// A part of the axis: time that is drawn to scale, or a pause.
#[derive(Debug)]
pub(super) struct AxisPiece {
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) is_pause: bool,
}

impl AxisPiece {
    fn micros(&self) -> i64 {
        self.to.micros().saturating_sub(self.from.micros())
    }

    /// How long it lasts.
    pub(super) fn span(&self) -> String {
        self.from.span_to(self.to)
    }
}

/// The axis of one rotation, from its first instant to its last.
#[derive(Debug)]
pub(super) struct Axis {
    pub(super) pieces: Vec<AxisPiece>,
}

impl Axis {
    /// An axis through all `instants`, from `left` to `right`; one that stands still where there is
    /// one instant only, and none where there is none.
    pub(super) fn over(mut instants: Vec<Timestamp>, left: f64, right: f64) -> Option<Self> {
        instants.sort_unstable();
        instants.dedup();
        let (first, last) = (*instants.first()?, *instants.last()?);
        let whole = last.micros().saturating_sub(first.micros());
        let mut gaps: Vec<(i64, Timestamp, Timestamp)> = instants
            .windows(2)
            .filter_map(|pair| match pair {
                [from, to] => Some((to.micros().saturating_sub(from.micros()), *from, *to)),
                _ => None,
            })
            .filter(|(gap, ..)| *gap > LEAST && *gap > whole / 100 * LONG)
            .collect();
        gaps.sort_unstable_by_key(|(gap, from, _)| (-gap, *from));
        gaps.truncate(PAUSES);
        gaps.sort_unstable_by_key(|(_, from, _)| *from);
        let piece = |from, to, is_pause| AxisPiece {
            from,
            to,
            left,
            right,
            is_pause,
        };
        let mut pieces = Vec::new();
        let mut begin = first;
        for (_, from, to) in gaps {
            pieces.push(piece(begin, from, false));
            pieces.push(piece(from, to, true));
            begin = to;
        }
        pieces.push(piece(begin, last, false));
        let mut axis = Self { pieces };
        axis.lay_out(left, right);
        Some(axis)
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "times that are drawn to a tenth of a point"
    )]
    fn lay_out(&mut self, left: f64, right: f64) {
        let drawn = |pieces: &[AxisPiece]| -> i64 {
            let to_scale = pieces.iter().filter(|piece| !piece.is_pause);
            to_scale.map(AxisPiece::micros).fold(0, i64::saturating_add)
        };
        let least = |piece: &AxisPiece| match piece.is_pause {
            true => PAUSE_WIDTH,
            false => PIECE_WIDTH,
        };
        let whole = drawn(&self.pieces).max(1) as f64;
        let taken: f64 = self.pieces.iter().map(least).sum();
        let spare = (right - left - taken).max(0.0);
        let mut x = left;
        for piece in &mut self.pieces {
            let share = match piece.is_pause {
                true => 0.0,
                false => spare * piece.micros() as f64 / whole,
            };
            piece.left = x;
            x += least(piece) + share;
            piece.right = x;
        }
        // One piece that stands still has nothing to share the width by.
        if let Some(last) = self.pieces.last_mut() {
            last.right = right;
        }
    }

    /// Where an instant stands; at an end where it lies beyond it.
    #[expect(
        clippy::cast_precision_loss,
        reason = "times that are drawn to a tenth of a point"
    )]
    pub(super) fn x(&self, instant: Timestamp) -> f64 {
        let mut x = self.pieces.first().map_or(0.0, |piece| piece.left);
        for piece in &self.pieces {
            if instant < piece.from {
                break;
            }
            if instant >= piece.to {
                x = piece.right;
                // The last instant of time that stands still is its middle.
                if piece.micros() == 0 {
                    x = f64::midpoint(piece.left, piece.right);
                }
                continue;
            }
            let past = instant.micros().saturating_sub(piece.from.micros());
            let share = past as f64 / piece.micros().max(1) as f64;
            return piece.left + (piece.right - piece.left) * share;
        }
        x
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minutes(after: &[i64]) -> Vec<Timestamp> {
        let begin = Timestamp::YEAR_2000.micros();
        let at = |minutes: &i64| Timestamp::from_micros(begin + minutes * 60_000_000);
        after.iter().map(at).collect()
    }

    #[test]
    fn what_comes_later_stands_further_right() {
        for after in [
            &[0, 10, 20, 60][..],
            &[0, 5, 1_440, 1_450, 9_000, 9_010],
            &[0, 0, 100_000],
            &[0, 1_440],
        ] {
            let instants = minutes(after);
            let axis = Axis::over(instants.clone(), 100.0, 500.0).unwrap();
            let places: Vec<f64> = instants.iter().map(|instant| axis.x(*instant)).collect();
            assert!(places.is_sorted(), "{after:?}: {places:?}");
            assert!(places.iter().all(|x| (100.0..=500.0).contains(x)));
            assert!(places.last() > places.first());
        }
    }

    #[test]
    fn a_night_is_drawn_short_and_says_how_long_it_was() {
        let axis = Axis::over(minutes(&[0, 30, 60, 1_500, 1_520]), 0.0, 400.0).unwrap();
        let pauses: Vec<_> = axis.pieces.iter().filter(|piece| piece.is_pause).collect();
        assert_eq!(pauses.len(), 1);
        assert_eq!(pauses[0].span(), "1 d");
        assert!(pauses[0].right - pauses[0].left < 60.0);
    }

    #[test]
    fn one_instant_or_none_or_the_ends_of_time_are_no_fault() {
        assert!(Axis::over(Vec::new(), 0.0, 1.0).is_none());
        let alone = Axis::over(minutes(&[3]), 100.0, 300.0).unwrap();
        assert_eq!(alone.x(minutes(&[3])[0]), 200.0);
        let ends = [i64::MIN, 0, i64::MAX].map(Timestamp::from_micros);
        let axis = Axis::over(ends.to_vec(), 0.0, 100.0).unwrap();
        assert!(ends.iter().all(|end| axis.x(*end).is_finite()));
    }
}
