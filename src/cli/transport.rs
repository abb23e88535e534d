//! The token that a server over TCP is sent.

use std::path::Path;

use zeroize::Zeroizing;

use crate::sys::keyfile::{self, KeyFileError};

use super::exit::CommandError;
use super::options::Globals;

/// How every token begins, so that whoever looks for secrets finds one that lies about.
pub(crate) const PREFIX: &str = "ledger_token_";

/// The token that a server is sent: from the file that was named, or from the environment.
pub(crate) fn to_send(globals: &Globals) -> Result<Option<Zeroizing<String>>, CommandError> {
    if let Some(file) = &globals.token_file {
        return read(file).map(Some);
    }
    match std::env::var("LEDGER_TOKEN").map(Zeroizing::new) {
        Ok(token) if token.is_empty() => Ok(None),
        Ok(token) => checked(token.as_bytes(), "LEDGER_TOKEN").map(Some),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(_) => Err(no_token("LEDGER_TOKEN")),
    }
}

/// The token in a file, which nobody else may be able to read.
pub(crate) fn read(file: &Path) -> Result<Zeroizing<String>, CommandError> {
    let text = keyfile::read_secret(file).map_err(|fault| match fault {
        KeyFileError::Missing(_) => {
            CommandError::usage(format!("there is no token file `{}`", file.display()))
        }
        fault => fault.into(),
    })?;
    checked(&text, &format!("`{}`", file.display()))
}

/// What is no token is not sent to anybody: it could be a key.
fn checked(text: &[u8], whence: &str) -> Result<Zeroizing<String>, CommandError> {
    let text = std::str::from_utf8(text).unwrap_or_default().trim();
    let digits = text.strip_prefix(PREFIX).unwrap_or_default();
    match hex::decode(digits).map(Zeroizing::new) {
        Ok(bytes) if bytes.len() == 32 => Ok(Zeroizing::new(text.to_owned())),
        _ => Err(no_token(whence)),
    }
}

fn no_token(whence: &str) -> CommandError {
    let message = format!("{whence} holds no token, which is {PREFIX} and 64 digits");
    CommandError::usage(message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::{FieldClass, SecretKind, scan_attachment, scan_field};

    #[test]
    fn a_token_is_taken_as_it_is_made_and_nothing_else_is() {
        let token = format!("{PREFIX}{}", hex::encode([0xa7; 32]));
        assert_eq!(
            *checked(format!("{token}\n").as_bytes(), "x").unwrap(),
            token
        );
        for text in [
            "",
            PREFIX,
            &token[1..],
            &token[..token.len() - 1],
            &format!("{token} {token}"),
        ] {
            let fault = checked(text.as_bytes(), "x").unwrap_err();
            assert!(!fault.message.contains("a7"), "{}", fault.message);
        }
    }

    #[test]
    fn a_token_that_lies_in_a_text_is_found() {
        let token = format!("{PREFIX}{}", hex::encode(blake3::hash(b"x").as_bytes()));
        let kind = Some(SecretKind::ServiceToken);
        assert_eq!(scan_field(FieldClass::Id, &token).map(|hit| hit.kind), kind);
        let log = format!("curl -H 'X: {token}' https://ledger.example");
        assert_eq!(scan_attachment(log.as_bytes()).map(|hit| hit.kind), kind);
    }
}
