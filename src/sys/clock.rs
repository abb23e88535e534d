//! The system's clock.

use std::time::SystemTime;

use crate::time::{Clock, Timestamp};

/// The clock of the machine. It may step backwards; whoever needs order looks at the entries.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        from_system(SystemTime::now())
    }
}

/// The instant in whole microseconds, rounded towards the epoch; the nearest representable one
/// for a clock set beyond any calendar.
fn from_system(time: SystemTime) -> Timestamp {
    let micros = match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
        Err(before) => {
            i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |micros| -micros)
        }
    };
    Timestamp::from_micros(micros)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn instants_on_both_sides_of_the_epoch_are_exact() {
        let span = Duration::new(1, 2_000);
        let after = from_system(SystemTime::UNIX_EPOCH + span);
        let before = from_system(SystemTime::UNIX_EPOCH - span);
        assert_eq!(after.micros(), 1_000_002);
        assert_eq!(before.micros(), -1_000_002);
    }

    #[test]
    fn the_present_is_later_than_this_program() {
        assert!(SystemClock.now() > Timestamp::YEAR_2000.plus_days(25 * 365));
    }
}
