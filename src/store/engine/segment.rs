//! A segment, and how it meets what stands in the log.

use crate::hash::Link;
use crate::store::bundle::BundleError;
use crate::store::log::LogAppendError;
use crate::sys::disk::DiskError;

/// Entries that go into the log together, and what they are to stand behind.
#[derive(Debug, Clone, Copy)]
pub struct Segment<'a> {
    /// The place of the first.
    pub position: u64,
    /// The link of the entry before it; zeros where there is none.
    pub previous: Link,
    /// The entries.
    pub entries: &'a [Vec<u8>],
}

/// What became of a segment.
#[derive(Debug)]
pub enum SegmentOutcome {
    /// It stands in its place durably, by this call or by one before.
    Stored,
    /// Other entries stand in the log from `from` on: these, as far as the segment would have reached.
    /// Nothing was written; a writer catches up with them and puts what it has behind them.
    Occupied {
        /// The first place where the log is not what its writer believed.
        from: u64,
        /// What stands there.
        entries: Vec<Vec<u8>>,
    },
    /// Nobody can say. Putting the same segment again settles it, reading does not.
    Unknown(DiskError),
}

/// Why a segment was not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SegmentError {
    /// It would leave a gap.
    #[error("the log ends at entry {size}, before entry {position}")]
    Gap {
        /// Where the segment begins.
        position: u64,
        /// How many entries there are.
        size: u64,
    },
    /// Entries that stand in the log cannot be read.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The log refused the entries.
    #[error(transparent)]
    Refused(#[from] LogAppendError),
}

/// How a segment meets what stands in the log.
#[derive(Debug)]
pub(in crate::store) enum Meeting {
    /// The log goes on with these of its entries.
    Continues(usize),
    /// Nothing is to be written.
    Settled(SegmentOutcome),
}

impl Segment<'_> {
    /// The first place that has to be looked at: the entry before the segment tells whether it continues it.
    pub(in crate::store) const fn from(&self) -> u64 {
        self.position.saturating_sub(1)
    }

    /// How the segment meets a log of `size` entries, of which `standing` are those from
    /// [`Segment::from`] on, as far as the segment would reach.
    pub(in crate::store) fn meet(
        &self,
        size: u64,
        mut standing: Vec<Vec<u8>>,
    ) -> Result<Meeting, SegmentError> {
        let position = self.position;
        if size < position {
            return Err(SegmentError::Gap { position, size });
        }
        let occupied = |from, entries| Meeting::Settled(SegmentOutcome::Occupied { from, entries });
        let before = position > self.from();
        let link = match standing.first() {
            Some(entry) if before => Link::of(entry),
            _ => Link::ZERO,
        };
        if link != self.previous {
            return Ok(occupied(self.from(), standing));
        }
        let there = standing.split_off(usize::from(before).min(standing.len()));
        if !there
            .iter()
            .zip(self.entries)
            .all(|(one, other)| one == other)
        {
            return Ok(occupied(position, there));
        }
        Ok(if there.len() < self.entries.len() {
            Meeting::Continues(there.len())
        } else {
            Meeting::Settled(SegmentOutcome::Stored)
        })
    }
}
