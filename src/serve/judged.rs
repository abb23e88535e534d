//! The last verification of the whole ledger, and for how long it counts.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::verify::Report;

/// How long a verification counts where nothing is recorded: what time alone changes, and what happens to
/// stored bytes, is seen after so long.
const FRESH: Duration = Duration::from_secs(600);
/// After each verification pages have none made for so many times as long as it took, so that those who look
/// at a large ledger that grows all the time leave the machine to those who write.
const REST: u32 = 9;
/// One that took less disturbs nobody.
const SHORT: Duration = Duration::from_secs(1);

/// A verification, and when it was made.
pub(super) struct Judged {
    pub(super) report: Report,
    pub(super) ended: Instant,
    pub(super) took: Duration,
}

impl Judged {
    /// Whether it says how a ledger of so many entries stands at `now`.
    pub(super) fn covers(&self, entries: u64, now: Instant) -> bool {
        self.report.size >= entries && now.saturating_duration_since(self.ended) < FRESH
    }

    /// Whether pages are not to have it made again yet.
    pub(super) fn rests(&self, now: Instant) -> bool {
        self.took > SHORT && now.saturating_duration_since(self.ended) < self.took * REST
    }
}

/// The last one, where there is one.
#[derive(Default)]
pub(super) struct LastJudged(Mutex<Option<Arc<Judged>>>);

impl LastJudged {
    pub(super) fn get(&self) -> Option<Arc<Judged>> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(super) fn set(&self, judged: Arc<Judged>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(judged);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::Link;
    use crate::merkle::Tile;
    use crate::statement::Attachment;
    use crate::verify::{self, LogPiece, Observer, Surroundings, VerifyQuestion};

    struct Nobody;
    impl Observer for Nobody {
        fn tile(&mut self, _: &Tile, _: u64, _: u64) {}
        fn attachment(&mut self, _: u64, _: &Attachment) {}
        fn entry(&mut self, _: u64, _: Link) {}
        fn progress(&mut self, _: u64) {}
        fn interrupted(&self) -> bool {
            false
        }
    }

    #[test]
    fn a_verification_counts_until_something_is_recorded_or_it_is_old() {
        let nothing = std::iter::empty::<LogPiece>();
        let question = VerifyQuestion::at(crate::time::Timestamp::YEAR_2000);
        let report = verify::fold(nothing, question, &mut Nobody);
        let report = report.conclude(Surroundings::default());
        let (ended, took) = (Instant::now(), Duration::from_secs(3));
        let mut judged = Judged {
            report,
            ended,
            took,
        };
        assert!(judged.covers(0, ended) && !judged.covers(1, ended));
        assert!(!judged.covers(0, ended + FRESH));
        assert!(judged.rests(ended + took) && !judged.rests(ended + took * REST));
        judged.took = SHORT;
        assert!(!judged.rests(ended));
    }
}
