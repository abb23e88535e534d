//! Who signed a time token is left to openssl: the command that checks it, printed or run.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::timetoken::{RESPONSE_LIMIT, SignatureCheck, StoredToken, TimeToken};

use super::exit::{CommandError, Exit};
use super::files::read_bounded;

/// As of the token's own time: what openssl checks by default is whether the chain is valid today,
/// which ends with the authority's certificate.
pub(super) fn verify_command(dir: &Path, stored: &StoredToken, token: &TimeToken) -> String {
    let quoted = |path: String| {
        let path = dir.join(path).display().to_string();
        format!("'{}'", path.replace('\'', r"'\''"))
    };
    format!(
        "openssl ts -verify -data {} -in {} -attime {} -CAfile tsa-ca.pem",
        quoted(stored.checkpoint_path()),
        quoted(stored.response_path()),
        seconds(token)
    )
}

/// Has openssl check that an authority below the certificates in `ca` signed a token, as of the token's
/// own time. The bytes at hand are what it is given, whatever the files say by now.
fn check_signature(stored: &StoredToken, ca: &Path) -> Result<(), String> {
    let token = TimeToken::parse(&stored.response).map_err(|fault| fault.to_string())?;
    let mut openssl = Command::new("openssl")
        .args(["ts", "-verify", "-in", "/dev/stdin"])
        .args(["-digest", &token.imprint.to_string()])
        .args(["-attime", &seconds(&token).to_string()])
        .arg("-CAfile")
        .arg(ca)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|fault| format!("openssl cannot be run: {fault}"))?;
    if let Some(mut stdin) = openssl.stdin.take() {
        // Where it stopped reading it says why.
        let _ = stdin.write_all(&stored.response);
    }
    let output = openssl
        .wait_with_output()
        .map_err(|fault| format!("openssl cannot be run: {fault}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(complaint(&String::from_utf8_lossy(&output.stderr)))
}

/// What openssl says last: `ID:error:CODE:LIBRARY:FUNCTION:REASON:FILE:LINE:DETAIL`.
fn complaint(said: &str) -> String {
    let last = said.lines().rfind(|line| line.contains(":error:"));
    let fields: Vec<&str> = last.unwrap_or_default().splitn(9, ':').collect();
    let parts = [fields.get(5), fields.get(8)].into_iter().flatten();
    let parts: Vec<&str> = parts
        .map(|part| part.trim().trim_start_matches("Verify error:"))
        .filter(|part| !part.is_empty())
        .collect();
    if parts.is_empty() {
        return "openssl does not verify it".to_owned();
    }
    format!("openssl does not verify it: {}", parts.join(", "))
}

/// Has openssl check who signed time tokens, where certificates to check against were named.
pub(super) fn checker(ca: Option<&Path>) -> Result<Option<Box<SignatureCheck<'_>>>, CommandError> {
    let Some(ca) = ca else { return Ok(None) };
    check_authority(ca)?;
    Ok(Some(Box::new(move |token| check_signature(token, ca))))
}

/// Refuses what openssl could not check anything against.
fn check_authority(ca: &Path) -> Result<(), CommandError> {
    let bytes = read_bounded(ca, RESPONSE_LIMIT)?;
    if !String::from_utf8_lossy(&bytes).contains("CERTIFICATE-----") {
        return Err(
            CommandError::usage(format!("{} holds no certificate in PEM", ca.display()))
                .hint("--tsa-ca takes the root certificates of the time-stamping authority"),
        );
    }
    let runs = Command::new("openssl").arg("version").output();
    match runs.map(|output| output.status.success()) {
        Ok(true) => Ok(()),
        _ => Err(CommandError::new(
            Exit::NotVerified,
            "openssl cannot be run, so that nobody checks who signed the time tokens",
        )
        .hint("install it, or leave out --tsa-ca; ledger timestamp --verify-command prints what to run elsewhere")),
    }
}

fn seconds(token: &TimeToken) -> i64 {
    token.time.micros().div_euclid(1_000_000)
}

#[cfg(test)]
mod tests {
    use super::complaint;

    #[test]
    fn the_last_complaint_is_told_without_its_numbers() {
        let said = "Using configuration from x\n\
            40:error:17800064:time stamp routines:ts_verify_cert:certificate verify error:../ts.c:190:Verify error:unable to get local issuer certificate\n";
        assert_eq!(
            complaint(said),
            "openssl does not verify it: certificate verify error, unable to get local issuer certificate"
        );
        for odd in ["", "40:error:1", "no colons"] {
            assert_eq!(complaint(odd), "openssl does not verify it");
        }
    }
}
