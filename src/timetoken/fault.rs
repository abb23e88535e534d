//! Why a token does not count.

/// Why a token counts for nothing, whatever it states.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureFault {
    /// Anybody can have made it.
    #[error("its signature does not hold: {0}")]
    Unsound(String),
    /// Somebody signed it, and the reader named no authority.
    #[error("no certificate of the authority was given")]
    Unnamed,
    /// Somebody signed it that none of the authorities that the reader named vouches for.
    #[error("the authority is below none of the certificates that were given: {0}")]
    Stranger(String),
    /// It is signed in a way that this program does not know.
    #[error("this program cannot check how it is signed: {0}")]
    Unsupported(String),
}

impl SignatureFault {
    /// Whether it is known that the token says nothing, and not merely unknown what it says.
    #[must_use]
    pub const fn is_refusal(&self) -> bool {
        matches!(self, Self::Unsound(_) | Self::Stranger(_))
    }
}
