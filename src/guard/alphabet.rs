//! The alphabets that tokens are written in.

/// An alphabet that tokens are written in.
#[derive(Clone, Copy)]
pub(super) enum Alphabet {
    /// Letters and digits.
    Alnum,
    /// Letters, digits, `_`, `-` and `.`: also the alphabet of names, so a body of lower-case words
    /// alone is no token.
    Token,
    /// Hexadecimal digits.
    Hex,
    /// Both base64 alphabets, with padding.
    Base64,
}

impl Alphabet {
    pub(super) const fn holds(self, byte: u8) -> bool {
        match self {
            Self::Alnum => byte.is_ascii_alphanumeric(),
            Self::Token => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'),
            Self::Hex => byte.is_ascii_hexdigit(),
            Self::Base64 => {
                byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'_' | b'-' | b'=')
            }
        }
    }
}
