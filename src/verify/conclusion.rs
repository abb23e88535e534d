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
    /// The word that a report ends with.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Passed => "PASSED",
            _ => "FAILED",
        }
    }
}
