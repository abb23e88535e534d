//! When something that an operator should do was last done with a ledger: small marks in the state folder of this
//! host, for whoever watches. Nothing is trusted from them, and nothing fails because one cannot be written.

use std::path::PathBuf;

use crate::store::publish;
use crate::sys::disk::{Disk, DiskError};
use crate::sys::world::World;
use crate::time::Timestamp;

use super::layout::LedgerPlace;

const FOLDER: &str = "marks";

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// A checkpoint was given to somebody else, or a copy published.
    Anchor,
    /// The ledger was copied to where it can be restored from.
    Backup,
    /// Every stored byte was read again, and holds.
    Verification,
}

impl Mark {
    fn path(self, place: &LedgerPlace) -> PathBuf {
        place.state.join(FOLDER).join(match self {
            Self::Anchor => "anchor",
            Self::Backup => "backup",
            Self::Verification => "verification",
        })
    }
}

/// Notes that it was done `at` that time, of the first `size` entries. Not where this host keeps nothing of the
/// ledger: that is not begun with a mark.
pub fn note(world: &World, place: &LedgerPlace, mark: Mark, size: u64, at: Timestamp) {
    let write = || -> Result<(), DiskError> {
        if world.disk.metadata(&place.head())?.is_some() {
            world.disk.create_dir(&place.state.join(FOLDER))?;
            // Without a sync: an append is followed by one, and what a power cut takes is noted again.
            publish::in_place(
                &*world.disk,
                &mark.path(place),
                format!("{size} {at}\n").as_bytes(),
            )?;
        }
        Ok(())
    };
    let _ = write();
}

/// How many entries it was last done of, and when; nothing where it never was, or where nobody can tell.
#[must_use]
pub fn read(disk: &dyn Disk, place: &LedgerPlace, mark: Mark) -> Option<(u64, Timestamp)> {
    let text = String::from_utf8(disk.read(&mark.path(place)).ok()?).ok()?;
    let (size, at) = text.strip_suffix('\n')?.split_once(' ')?;
    Some((size.parse().ok()?, at.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_of_a_ledger_that_is_known_here_and_the_newest_counts() {
        let folder = tempfile::tempdir().unwrap();
        let (world, state) = (World::system(), folder.path().join("state"));
        let place = LedgerPlace::new(folder.path().join("prod"), state.clone());
        let at: Timestamp = "2026-11-23T09:00:00.000001Z".parse().unwrap();
        let last = |mark| read(&*world.disk, &place, mark);
        note(&world, &place, Mark::Backup, 7, at);
        assert!(!state.exists());
        std::fs::create_dir(&state).unwrap();
        std::fs::write(place.head(), "").unwrap();
        note(&world, &place, Mark::Backup, 1_000, at);
        note(&world, &place, Mark::Backup, 7, at);
        assert_eq!(last(Mark::Backup), Some((7, at)));
        assert_eq!(last(Mark::Anchor), None);
        for spoiled in ["", "7", "7 \n", "x 2026-11-23\n", "7 2026-11-23T09:00:00"] {
            std::fs::write(Mark::Backup.path(&place), spoiled).unwrap();
            assert_eq!(last(Mark::Backup), None, "{spoiled:?}");
        }
    }
}
