//! Instants in UTC, and the door through which the present comes in.
//!
//! An instant is signed as microseconds since 1970-01-01T00:00:00Z (FORMAT.md, "Integers"); its
//! text form is RFC 3339 with `Z`. Nothing here reads a clock: [`Clock`] is handed in.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use bincode::{Decode, Encode};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const MICROS_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// An instant in UTC, in microseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct Timestamp(i64);

/// What is wrong with a text that should be an instant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a time: write it as 2026-01-31T09:00:00Z, or with an offset in place of the Z"
)]
pub struct TimeError(String);

impl Timestamp {
    /// 2000-01-01T00:00:00Z: no rotation was recorded by this program before it.
    pub const YEAR_2000: Self = Self(946_684_800 * MICROS_PER_SECOND);

    /// The instant `micros` microseconds after the Unix epoch.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// The instant `seconds` seconds after the Unix epoch, as cosignatures state it; the largest
    /// representable instant where that overflows.
    #[must_use]
    pub fn from_unix_seconds(seconds: u64) -> Self {
        let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
        Self(seconds.saturating_mul(MICROS_PER_SECOND))
    }

    /// Reads RFC 3339 with any offset, for what other programs print: the offset says what is meant.
    ///
    /// # Errors
    /// Another form.
    pub fn with_offset(text: &str) -> Result<Self, TimeError> {
        let parsed = DateTime::parse_from_rfc3339(text);
        let parsed = parsed.map_err(|_| TimeError(text.chars().take(40).collect()))?;
        Ok(Self(parsed.timestamp_micros()))
    }

    /// Microseconds since the Unix epoch.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Milliseconds since the Unix epoch; zero for instants before it (UUIDv7 needs this).
    #[must_use]
    pub fn unix_millis(self) -> u64 {
        u64::try_from(self.0 / 1_000).unwrap_or(0)
    }

    /// This instant plus `span`; the largest representable instant where that overflows.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(micros))
    }

    /// This instant plus a number of days of 86,400 seconds.
    #[must_use]
    pub const fn plus_days(self, days: u32) -> Self {
        Self(
            self.0
                .saturating_add((days as i64).saturating_mul(SECONDS_PER_DAY * MICROS_PER_SECOND)),
        )
    }

    /// Whole days from `earlier` to this instant, rounded down; negative if `earlier` is later.
    #[must_use]
    pub const fn days_since(self, earlier: Self) -> i64 {
        self.0
            .saturating_sub(earlier.0)
            .div_euclid(SECONDS_PER_DAY * MICROS_PER_SECOND)
    }

    /// How long from here to a later instant, in the two largest units.
    #[must_use]
    pub fn span_to(self, later: Self) -> String {
        const UNITS: [(i64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
        let seconds = later.0.saturating_sub(self.0).max(0) / MICROS_PER_SECOND;
        let largest = UNITS.iter().position(|(unit, _)| seconds >= *unit);
        let Some(largest) = largest else {
            return "0 s".to_owned();
        };
        let mut rest = seconds;
        let mut words = Vec::new();
        for (unit, word) in UNITS.iter().skip(largest).take(2) {
            let many = rest / unit;
            rest %= unit;
            if many > 0 {
                words.push(format!("{many} {word}"));
            }
        }
        words.join(" ")
    }

    /// RFC 3339 with whole seconds and `Z`, as the SOP's template prints times.
    #[must_use]
    pub fn to_seconds(self) -> String {
        self.rfc3339(SecondsFormat::Secs)
    }

    /// Its seconds in digits alone, 20260131090000, as ids carry them.
    #[must_use]
    pub fn to_digits(self) -> String {
        self.to_seconds().replace(['-', ':', 'T', 'Z'], "")
    }

    fn rfc3339(self, precision: SecondsFormat) -> String {
        DateTime::<Utc>::from_timestamp_micros(self.0).map_or_else(
            || format!("{}us", self.0),
            |t| t.to_rfc3339_opts(precision, true),
        )
    }
}

/// Reads a span of time: a whole number and `s`, `m`, `h` or `d`.
///
/// # Errors
/// What was expected instead.
pub fn parse_span(text: &str) -> Result<Duration, String> {
    let fault = || "needs a whole number and a unit, for example 30s, 5m, 2h or 14d".to_owned();
    let unit = match text.chars().last().ok_or_else(fault)? {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(fault()),
    };
    let digits = text.get(..text.len() - 1).ok_or_else(fault)?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(fault());
    }
    let seconds = digits
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(unit));
    seconds.map(Duration::from_secs).ok_or_else(fault)
}

impl fmt::Display for Timestamp {
    /// RFC 3339 with `Z`; microseconds only where there are any.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let precision = if self.0 % MICROS_PER_SECOND == 0 {
            SecondsFormat::Secs
        } else {
            SecondsFormat::Micros
        };
        f.write_str(&self.rfc3339(precision))
    }
}

impl FromStr for Timestamp {
    type Err = TimeError;

    /// Reads RFC 3339 with any offset, which says what it is in UTC, or a bare date, which means its midnight
    /// there. A time without an offset is refused, so that a local one cannot slip in as UTC.
    fn from_str(text: &str) -> Result<Self, TimeError> {
        let fault = || TimeError(text.chars().take(40).collect());
        let full = if text.len() == 10 {
            format!("{text}T00:00:00Z")
        } else {
            text.to_owned()
        };
        let parsed = DateTime::parse_from_rfc3339(&full).map_err(|_| fault())?;
        Ok(Self(parsed.timestamp_micros()))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// An instant as people say it, before anybody says what the present is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SaidTime {
    /// As it is stored, or a day alone.
    Utc(Timestamp),
    /// With an offset.
    Elsewhere(Timestamp),
    /// The present.
    Now,
    /// The midnight, in UTC, at which yesterday began.
    Yesterday,
    /// So far from the present.
    Span(Duration),
}

impl SaidTime {
    /// The instant that is meant; a span leads back from `now`.
    #[must_use]
    pub fn before(self, now: Timestamp) -> Timestamp {
        let day = SECONDS_PER_DAY * MICROS_PER_SECOND;
        match self {
            Self::Utc(at) | Self::Elsewhere(at) => at,
            Self::Now => now,
            Self::Yesterday => Timestamp((now.0.div_euclid(day) - 1).saturating_mul(day)),
            Self::Span(span) => {
                let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
                Timestamp(now.0.saturating_sub(micros))
            }
        }
    }

    /// The instant that is meant; a span leads on from `now`.
    #[must_use]
    pub fn after(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Span(span) => now.plus(span),
            other => other.before(now),
        }
    }
}

impl FromStr for SaidTime {
    type Err = String;

    /// Reads `now`, `yesterday`, a span such as `90d`, or what [`Timestamp`] reads. The text is not echoed:
    /// it may be a secret in the wrong place.
    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.parse()) {
            ("now", _) => Ok(Self::Now),
            ("yesterday", _) => Ok(Self::Yesterday),
            (_, Ok(at)) if text.ends_with('Z') || text.len() == 10 => Ok(Self::Utc(at)),
            (_, Ok(at)) => Ok(Self::Elsewhere(at)),
            _ => parse_span(text).map(Self::Span).map_err(|_| {
                "needs a time as 2026-01-31T09:00:00Z or 2026-01-31T10:00:00+01:00, a day, a span as 90d, `now` or `yesterday`".to_owned()
            }),
        }
    }
}

/// Where the present comes from. The shipped program uses the system clock; tests stop it.
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> Timestamp;

    /// Whether somebody looked at it and says that it is right, however odd it seems.
    fn is_vouched_for(&self) -> bool {
        false
    }

    /// Why it is not believed, where the newest entry was recorded at `newest` and nobody vouches for it.
    fn doubt(&self, newest: Option<Timestamp>) -> Option<ClockDoubt> {
        ClockDoubt::of(self.now(), newest).filter(|_| !self.is_vouched_for())
    }
}

/// A clock that somebody looked at.
pub struct VouchedClock(pub Arc<dyn Clock>);

impl Clock for VouchedClock {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    fn is_vouched_for(&self) -> bool {
        true
    }
}

/// Why a clock is not believed. One that is ahead would freeze a ledger's time, which never goes back, and one that is
/// behind finds nothing overdue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClockDoubt {
    /// It is before the newest entry.
    #[error(
        "the clock of this host says {}, and the newest entry was recorded at {}, which is later",
        now.to_seconds(), newest.to_seconds()
    )]
    Behind {
        /// What it says.
        now: Timestamp,
        /// When the newest entry was recorded.
        newest: Timestamp,
    },
    /// It is long after the newest entry.
    #[error(
        "the clock of this host says {}, and the newest entry was recorded at {}, {} days before",
        now.to_seconds(), newest.to_seconds(), now.days_since(*newest)
    )]
    Ahead {
        /// What it says.
        now: Timestamp,
        /// When the newest entry was recorded.
        newest: Timestamp,
    },
    /// It is before there were ledgers.
    #[error("the clock of this host says {}, when there were no ledgers yet", .0.to_seconds())]
    Early(Timestamp),
}

impl ClockDoubt {
    /// How far a clock may go back before it is doubted: a machine that slept or was moved sets its own right.
    const BEHIND_DAYS: u32 = 1;
    /// How long a ledger may rest before that the clock is ahead is likelier.
    const AHEAD_DAYS: u32 = 366;
    /// 2025-01-01T00:00:00Z: no ledger is older than this program.
    const EARLIEST: Timestamp = Timestamp(1_735_689_600 * MICROS_PER_SECOND);

    /// Whether `now` can be, where the newest entry was recorded at `newest`; without one, where there is no entry.
    #[must_use]
    pub fn of(now: Timestamp, newest: Option<Timestamp>) -> Option<Self> {
        match newest {
            None => (now < Self::EARLIEST).then_some(Self::Early(now)),
            Some(newest) if now.plus_days(Self::BEHIND_DAYS) < newest => {
                Some(Self::Behind { now, newest })
            }
            Some(newest) if newest.plus_days(Self::AHEAD_DAYS) < now => {
                Some(Self::Ahead { now, newest })
            }
            Some(_) => None,
        }
    }
}

/// A clock that stands still, for tests and for judging "as of" an instant.
#[derive(Debug, Clone, Copy)]
pub struct StoppedClock(pub Timestamp);

impl Clock for StoppedClock {
    fn now(&self) -> Timestamp {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_two_units_at_most() {
        let begin = Timestamp::YEAR_2000;
        let after = |seconds: i64| Timestamp::from_micros(begin.micros() + seconds * 1_000_000);
        for (seconds, words) in [
            (-5, "0 s"),
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (5_400, "1 h 30 min"),
            (90_061, "1 d 1 h"),
            (864_000, "10 d"),
        ] {
            assert_eq!(begin.span_to(after(seconds)), words);
        }
    }

    #[test]
    fn spans_have_a_unit() {
        assert_eq!(parse_span("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(parse_span("14d"), Ok(Duration::from_secs(14 * 86_400)));
        for text in [
            "",
            "s",
            "30",
            "-1s",
            "+1s",
            "1.5h",
            "99999999999999999999d",
            "1é",
            "1w",
        ] {
            assert!(parse_span(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn text_form_reads_back() {
        for text in [
            "2026-11-23T09:00:00Z",
            "2026-11-23T09:00:00.000001Z",
            "1999-12-31T23:59:59Z",
        ] {
            let instant: Timestamp = text.parse().unwrap();
            assert_eq!(instant.to_string(), text);
        }
        assert_eq!(
            "2026-11-23".parse::<Timestamp>().unwrap().to_string(),
            "2026-11-23T00:00:00Z"
        );
    }

    #[test]
    fn refuses_what_is_no_instant() {
        for text in [
            "",
            "yesterday",
            "2026-11-23T09:00:00",
            "2026-11-23T09:00:00+25:00",
            "2026-13-01T00:00:00Z",
        ] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_people_say_is_an_instant_in_utc_once_the_present_is_known() {
        let now: Timestamp = "2026-03-01T00:30:00Z".parse().unwrap();
        for (said, before, after) in [
            ("2026-01-31T09:00:00Z", "2026-01-31T09:00:00Z", None),
            ("2026-01-31T00:30:00+01:00", "2026-01-30T23:30:00Z", None),
            ("2026-01-31T20:00:00-05:30", "2026-02-01T01:30:00Z", None),
            ("2026-01-31", "2026-01-31T00:00:00Z", None),
            ("now", "2026-03-01T00:30:00Z", None),
            ("yesterday", "2026-02-28T00:00:00Z", None),
            ("2h", "2026-02-28T22:30:00Z", Some("2026-03-01T02:30:00Z")),
            ("90d", "2025-12-01T00:30:00Z", Some("2026-05-30T00:30:00Z")),
        ] {
            let time: SaidTime = said.parse().unwrap();
            assert_eq!(time.before(now).to_string(), before, "{said}");
            assert_eq!(
                time.after(now).to_string(),
                after.unwrap_or(before),
                "{said}"
            );
        }
        for text in ["", "tomorrow", "Yesterday", "-2h", "2026-01-31T09:00", "1w"] {
            assert!(text.parse::<SaidTime>().is_err(), "{text}");
        }
        let long = SaidTime::Span(Duration::MAX);
        assert_eq!(long.before(now), Timestamp(now.0 - i64::MAX));
    }

    #[test]
    fn days_are_rounded_down() {
        let day = Timestamp::YEAR_2000.plus_days(90);
        assert_eq!(day.days_since(Timestamp::YEAR_2000), 90);
        assert_eq!(
            Timestamp::from_micros(day.micros() - 1).days_since(Timestamp::YEAR_2000),
            89
        );
        assert_eq!(Timestamp::YEAR_2000.days_since(day), -90);
    }

    #[test]
    fn extreme_instants_neither_panic_nor_wrap() {
        for micros in [i64::MIN, i64::MAX] {
            let t = Timestamp::from_micros(micros);
            let _ = (
                t.to_string(),
                t.to_seconds(),
                t.plus_days(u32::MAX),
                t.unix_millis(),
            );
            let _ = t.days_since(Timestamp::from_micros(-micros.saturating_add(1)));
        }
    }

    #[test]
    fn a_clock_is_doubted_where_it_went_back_or_far_ahead() {
        let day = |day: u32| ClockDoubt::EARLIEST.plus_days(day);
        let doubt = |now, newest| ClockDoubt::of(day(now), Some(day(newest)));
        for (now, newest) in [(100, 100), (99, 100), (100, 99), (466, 100)] {
            assert_eq!(doubt(now, newest), None, "{now} {newest}");
        }
        assert!(matches!(doubt(98, 100), Some(ClockDoubt::Behind { .. })));
        assert!(matches!(doubt(467, 100), Some(ClockDoubt::Ahead { .. })));
        let epoch = Timestamp::from_micros(0);
        assert_eq!(ClockDoubt::of(epoch, None), Some(ClockDoubt::Early(epoch)));
        assert_eq!(ClockDoubt::of(day(40_000), None), None);
    }
}
