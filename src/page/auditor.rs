//! The page in which a browser verifies a pack, as `docs/deploy/auditor-page.sh` makes it: carried along where the
//! program was built with it, and the same bytes as anybody builds.

/// The page; none where the program was built without it.
#[cfg(feature = "auditor-page")]
pub const AUDITOR_PAGE: Option<&str> = Some(include_str!(env!("LEDGER_AUDITOR_PAGE")));
/// The page; none where the program was built without it.
#[cfg(not(feature = "auditor-page"))]
pub const AUDITOR_PAGE: Option<&str> = None;

/// What a browser may do with it, as stands in its head: a server says the same.
#[must_use]
pub fn auditor_policy(page: &str) -> Option<&str> {
    let (_, after) = page.split_once(r#"http-equiv="Content-Security-Policy" content=""#)?;
    Some(after.split_once('"')?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_policy_is_found_where_it_stands_and_forbids_every_connection() {
        let policy = auditor_policy(include_str!("../auditor/page.html")).unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'sha256-"));
        for word in ["connect-src", "unsafe-inline", "'unsafe-eval'", "http", "*"] {
            assert!(!policy.contains(word), "{word}");
        }
    }
}
