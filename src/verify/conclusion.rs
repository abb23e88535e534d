//! What a verification comes to, in one word.

/// What a verification comes to, the better before the worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Conclusion {
    /// Everything that was asked for was checked and passed.
    Passed,
    /// Intact, with findings in conformance or coverage.
    Findings,
    /// It could not be verified, or there was nothing to verify.
    NotVerified,
    /// It was stopped before its end.
    Interrupted,
    /// Integrity, authority or anchoring is broken.
    Broken,
}

impl Conclusion {
    /// The number by which programs are told, and that one ends with.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::Findings => 3,
            Self::NotVerified => 4,
            Self::Interrupted => 130,
            Self::Broken => 1,
        }
    }

    /// What that is, for whoever reads it.
    #[must_use]
    pub const fn means(self) -> &'static str {
        match self {
            Self::Passed => "everything that was asked for was checked and passed",
            Self::Findings => "intact, with findings in conformance or coverage",
            Self::NotVerified => "it could not be verified, or there was nothing to verify",
            Self::Interrupted => "it was stopped before its end",
            Self::Broken => "integrity, authority or anchoring is broken",
        }
    }

    /// The word that a report ends with.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Passed => "PASSED",
            _ => "FAILED",
        }
    }
}
