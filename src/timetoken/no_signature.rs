//! A browser has no `ring`: there nobody's token counts for anything, which is said.

use super::fault::SignatureFault;

/// Certificates below which a reader believes time-stamping authorities; here there are none.
#[derive(Debug, Clone)]
pub enum TsaAuthorities {}

impl TsaAuthorities {
    /// Reads certificates, of which none would be used.
    ///
    /// # Errors
    /// Always.
    pub fn parse(_: &[u8]) -> Result<Self, String> {
        Err("nothing here checks who signed a time token".to_owned())
    }
}

/// Whether an authority signed the token in a response, which is not told here.
///
/// # Errors
/// Always.
pub fn check_signature(_: &[u8], _: Option<&TsaAuthorities>) -> Result<(), SignatureFault> {
    let why = "it was built without RSA and ECDSA".to_owned();
    Err(SignatureFault::Unsupported(why))
}
