//! Shapes that take more than a literal and a length to know.
//!
//! Each function is given the text and the place of the rule's literal, and answers where the find
//! begins. None looks further than a fixed distance, or further than a stretch that no second
//! literal can make it read again: that keeps 64 MiB of hostile text linear.

use super::alphabet::Alphabet;
use super::digits;
use super::placeholder::{is_aws_id, is_filler, is_placeholder, is_pointer, is_state};
use super::sieve::loose_length;

/// The longest user name or password looked for in a URL, and the longest value anywhere.
pub(super) const REACH: usize = 256;

/// How far from an access key id its secret part is looked for, on either side.
const PAIR_REACH: usize = 200;

fn from(text: &[u8], at: usize) -> &[u8] {
    text.get(at..).unwrap_or_default()
}

fn upto(text: &[u8], length: usize) -> &[u8] {
    text.get(..length).unwrap_or(text)
}

/// The stretch at the beginning of `text` whose bytes satisfy `holds`, and what follows.
fn stretch(text: &[u8], holds: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let end = text
        .iter()
        .position(|&byte| !holds(byte))
        .unwrap_or(text.len());
    text.split_at(end)
}

/// A value as it stands behind a name: up to white space, a quote or a separator.
pub(super) fn value(text: &[u8]) -> &[u8] {
    stretch(upto(text, REACH), |byte| {
        !byte.is_ascii_whitespace() && !byte.is_ascii_control() && !b"\"'`,;&\\".contains(&byte)
    })
    .0
}

/// The literal says it all.
#[expect(
    clippy::unnecessary_wraps,
    reason = "the type that every rule's function has"
)]
pub(super) fn present(_: &[u8], at: usize) -> Option<usize> {
    Some(at)
}

/// RFC 7468 and its kin: the label on the BEGIN line ends in PRIVATE KEY, for PGP in BLOCK after it.
pub(super) fn private_pem(text: &[u8], at: usize) -> Option<usize> {
    let label = upto(from(text, at + b"-----BEGIN ".len()), 48);
    let end = label.windows(5).position(|bytes| bytes == b"-----")?;
    let label = label.get(..end)?;
    (label.ends_with(b"PRIVATE KEY") || label.ends_with(b"PRIVATE KEY BLOCK")).then_some(at)
}

/// RFC 7517: the member `d` of a key object, 32 bytes or more in base64url.
pub(super) fn private_jwk(text: &[u8], at: usize) -> Option<usize> {
    let value = quoted_member(from(text, at + b"\"d\"".len()))?;
    let (digits, rest) = stretch(upto(value, 1024), |byte| {
        Alphabet::Token.holds(byte) && byte != b'.'
    });
    (digits.len() >= 42 && matches!(rest, [b'"', ..]) && !is_filler(digits)).then_some(at)
}

/// The key file of a service account holds a PEM in a JSON string.
pub(super) fn service_account(text: &[u8], at: usize) -> Option<usize> {
    let value = quoted_member(from(text, at + b"\"private_key\"".len()))?;
    value.starts_with(b"-----BEGIN ").then_some(at)
}

/// After a member's name: a colon, and the inside of the string that follows.
fn quoted_member(text: &[u8]) -> Option<&[u8]> {
    let blank = |byte: u8| byte.is_ascii_whitespace();
    let text = stretch(upto(text, 1100), blank).1.strip_prefix(b":")?;
    stretch(text, blank).1.strip_prefix(b"\"")
}

/// PKCS #8 (RFC 5958), PKCS #1 (RFC 8017) and SEC 1 (RFC 5915) without their armour: a SEQUENCE
/// whose version INTEGER, the literal, is followed by what only a private key has there.
pub(super) fn private_der(text: &[u8], at: usize) -> Option<usize> {
    let before = text.get(..at)?;
    let start = match before {
        [.., 0x30, 0x82, _, _] => at.checked_sub(4)?,
        [.., 0x30, 0x81, _] => at.checked_sub(3)?,
        [.., 0x30, length] if *length < 0x80 => at.checked_sub(2)?,
        _ => return None,
    };
    let is_private = matches!(
        upto(from(text, at), 7),
        // An AlgorithmIdentifier that begins with its OBJECT IDENTIFIER and one of the arcs of keys.
        [0x02, 0x01, 0x00 | 0x01, 0x30, _, 0x06, 0x03 | 0x07 | 0x09, ..]
            // A PFX (RFC 7292), whose passphrase may be weak.
            | [0x02, 0x01, 0x03, 0x30, 0x82, ..]
            // A modulus of 128 bytes or more.
            | [0x02, 0x01, 0x00, 0x02, 0x81 | 0x82, ..]
            // The OCTET STRING of a P-256, P-384 or P-521 key.
            | [0x02, 0x01, 0x01, 0x04, 0x20 | 0x30 | 0x42, ..]
    );
    is_private.then_some(start)
}

/// `aws_secret_access_key = …`, `"SecretAccessKey": "…"`, `Secret access key: …`.
pub(super) fn aws_labelled(text: &[u8], at: usize) -> Option<usize> {
    let text = from(text, at);
    let rest = from(text, loose_length(text, b"secretaccesskey")?);
    let (between, rest) = stretch(upto(rest, 80), |byte| !is_aws_secret_byte(byte));
    (between.len() <= 12 && is_aws_secret(rest)).then_some(at)
}

/// An access key id alone is a reference; with forty characters of its secret part near it, on
/// either side, the pair is refused.
pub(super) fn aws_pair(text: &[u8], at: usize) -> Option<usize> {
    let id_end = at + 20;
    if !is_aws_id(text.get(at..id_end)?) {
        return None;
    }
    let after = upto(from(text, id_end), PAIR_REACH + 40);
    if let Some(offset) = find_aws_secret(after) {
        return Some(id_end + offset);
    }
    let start = at.saturating_sub(PAIR_REACH + 40);
    find_aws_secret(text.get(start..at)?).map(|offset| start + offset)
}

const fn is_aws_secret_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')
}

fn find_aws_secret(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    for run in text.split(|&byte| !is_aws_secret_byte(byte)) {
        // A separator of the alphabet itself, as in `id/secret`, belongs to the run: look behind it.
        let lead = run.len().saturating_sub(40);
        if matches!(run.len(), 40 | 41) && is_aws_secret(run.get(lead..)?) {
            return Some(at + lead);
        }
        at += run.len() + 1;
    }
    None
}

/// Exactly forty characters, with both cases and a digit among them: no digest is like that.
fn is_aws_secret(text: &[u8]) -> bool {
    let (run, _) = stretch(upto(text, 41), is_aws_secret_byte);
    run.len() == 40
        && run.iter().any(u8::is_ascii_uppercase)
        && run.iter().any(u8::is_ascii_lowercase)
        && run.iter().any(u8::is_ascii_digit)
}

/// What OpenSSL prints of a private key: lines of hexadecimal pairs under its part's name.
pub(super) fn printed_key(text: &[u8], at: usize) -> Option<usize> {
    let (_, rest) = stretch(upto(from(text, at), 64), |byte| byte != b':');
    let rest = stretch(rest.strip_prefix(b":")?, |byte| b" \t\r\n".contains(&byte)).1;
    let is_pair = |pair: &[u8]| matches!(pair, [a, b, b':'] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit());
    rest.get(..9)?.chunks_exact(3).all(is_pair).then_some(at)
}

/// Docker's configuration: `"auth"` with a name and a password in base64.
pub(super) fn docker_auth(text: &[u8], at: usize) -> Option<usize> {
    let digits = value(quoted_member(from(text, at + b"\"auth\"".len()))?);
    let pair = digits::unwrapped(digits);
    let is_text = pair.iter().all(|byte| (b' '..=b'~').contains(byte));
    (pair.len() >= 6 && is_text && pair.contains(&b':')).then_some(at)
}

/// libpq's password file: host, port, database and user before the password.
pub(super) fn pgpass(text: &[u8], at: usize) -> Option<usize> {
    let (_, rest) = text.get(at..)?.split_at_checked(1)?;
    let mut parts = value(rest).splitn(4, |&byte| byte == b':').skip(1);
    let (_database, _user) = (parts.next()?, parts.next()?);
    let password = parts.next()?;
    (password.len() >= 4 && !is_placeholder(password)).then_some(at)
}

/// A session's cookie lets in whoever has it.
pub(super) fn cookie(text: &[u8], at: usize) -> Option<usize> {
    let (_, rest) = stretch(from(text, at + b"cookie".len()), |byte| {
        b" \t\"'\\".contains(&byte)
    });
    let line = stretch(upto(rest.strip_prefix(b":")?, REACH * 2), |byte| {
        byte != b'\n'
    })
    .0;
    let mut pairs = line.split(|&byte| byte == b';');
    let is_token = |pair: &[u8]| {
        let at = pair
            .iter()
            .position(|&byte| byte == b'=')
            .unwrap_or(pair.len());
        let token = value(pair.get(at + 1..).unwrap_or_default());
        token.len() >= 16
            && token.iter().any(u8::is_ascii_digit)
            && !is_pointer(token)
            && !is_placeholder(token)
    };
    pairs.any(is_token).then_some(at)
}

/// `xoxb-…` and its many siblings.
pub(super) fn slack_token(text: &[u8], at: usize) -> Option<usize> {
    let [letter, mark, rest @ ..] = from(text, at + b"xox".len()) else {
        return None;
    };
    let body = rest.get(..20)?;
    (letter.is_ascii_lowercase()
        && matches!(mark, b'-' | b'.')
        && body
            .iter()
            .all(|&byte| Alphabet::Token.holds(byte) || byte == b'%')
        && body.iter().any(u8::is_ascii_digit)
        && !is_filler(body))
    .then_some(at)
}

/// The path of a Slack webhook is its only secret.
pub(super) fn slack_webhook(text: &[u8], at: usize) -> Option<usize> {
    let path = upto(from(text, at + b"hooks.slack.com/".len()), 160);
    let path = [b"services/".as_slice(), b"workflows/", b"triggers/"]
        .iter()
        .find_map(|head| path.strip_prefix(*head))?;
    let (path, _) = stretch(path, |byte| byte.is_ascii_alphanumeric() || byte == b'/');
    let last = path.rsplit(|&byte| byte == b'/').next()?;
    (path.contains(&b'/') && last.len() >= 16 && !is_filler(last)).then_some(at)
}

/// Three characters, a version digit, `Q~`, and 31 or more.
pub(super) fn azure_client_secret(text: &[u8], at: usize) -> Option<usize> {
    let start = at.checked_sub(3)?;
    let holds = |byte: &u8| Alphabet::Token.holds(*byte) || *byte == b'~';
    let whole =
        text.get(start..at)?.iter().all(holds) && from(text, at + 3).get(..31)?.iter().all(holds);
    whole.then_some(start)
}

/// The signature in the query of a shared access signature: 32 bytes in base64, percent-encoded.
pub(super) fn azure_sas(text: &[u8], at: usize) -> Option<usize> {
    if !matches!(text.get(..at)?, [.., b'?' | b'&' | b';' | b' ']) {
        return None;
    }
    let (digits, _) = stretch(upto(from(text, at + b"sig=".len()), 160), |byte| {
        Alphabet::Base64.holds(byte) || byte == b'%'
    });
    (digits.len() >= 43 && !is_filler(digits)).then_some(at)
}

/// `SG.`, 22 characters, a dot, 43 characters.
pub(super) fn sendgrid(text: &[u8], at: usize) -> Option<usize> {
    let body = from(text, at + 3).get(..66)?;
    let dot = body.get(22) == Some(&b'.');
    let holds = |byte: &u8| Alphabet::Token.holds(*byte) && *byte != b'.';
    (dot && body.iter().filter(|byte| holds(byte)).count() == 65).then_some(at)
}

/// RFC 7519 in the compact form of RFC 7515: header and claims both begin as a JSON object does. The
/// literal is the dot between them, so that each part is read once per dot and no more.
pub(super) fn jwt(text: &[u8], at: usize) -> Option<usize> {
    let holds = |byte: u8| Alphabet::Token.holds(byte) && byte != b'.';
    let before = text.get(..at)?;
    let header = before.iter().rev().take_while(|&&byte| holds(byte)).count();
    let start = at.checked_sub(header)?;
    let header = text.get(start..at)?;
    let offset = header.windows(3).position(|bytes| bytes == b"eyJ")?;
    let (claims, rest) = stretch(from(text, at + 1), holds);
    let signature = rest.strip_prefix(b".")?.get(..16)?;
    (header.len() - offset >= 10 && claims.len() >= 10 && signature.iter().all(|&byte| holds(byte)))
        .then_some(start + offset)
}

/// RFC 3986 section 3.2.1: `scheme://user:password@host`. A password with an unencoded `/` counts;
/// a port with a path behind it does not.
pub(super) fn url_password(text: &[u8], at: usize) -> Option<usize> {
    let scheme = text.get(..at)?.last()?;
    let holds = |byte: u8| byte.is_ascii_graphic() && !b"\"'`<>,".contains(&byte);
    let (user, rest) = stretch(upto(from(text, at + 3), REACH), |byte| {
        holds(byte) && !b":/@?#[\\".contains(&byte)
    });
    let (password, rest) = stretch(upto(rest.strip_prefix(b":")?, REACH), |byte| {
        holds(byte) && byte != b'@'
    });
    let host = rest.strip_prefix(b"@")?.first()?;
    let digits = stretch(password, |byte| byte.is_ascii_digit()).1;
    let is_port = matches!(digits, [b'/' | b'?' | b'#' | b',', ..]);
    let is_other_url = password.windows(3).any(|bytes| bytes == b"://");
    (scheme.is_ascii_alphanumeric()
        && (host.is_ascii_alphanumeric() || b"[$%{".contains(host))
        && !is_port
        && !is_other_url
        && !is_placeholder(password))
    .then_some(at + 3 + user.len() + 1)
}

/// A password, token or key in a URL's query or in a connection string of `;` or `&` parts.
pub(super) fn query_password(text: &[u8], at: usize) -> Option<usize> {
    const NAMES: &str = "password pwd token access_token auth_token private_token api_key apikey \
        api-key secret_key";
    let back = upto_back(text.get(..at)?, 16);
    let name_start = back.iter().rposition(|byte| b"?&;".contains(byte))? + 1;
    let start = at - back.len() + name_start;
    let (name, rest) = stretch(upto(from(text, start), 32), |byte| byte != b'=');
    let name = name.trim_ascii();
    let secret = value(rest.strip_prefix(b"=")?);
    let names_something = !name.to_ascii_lowercase().ends_with(b"word")
        && !name.eq_ignore_ascii_case(b"pwd")
        && is_pointer(secret);
    (NAMES
        .split(' ')
        .any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
        && secret.len() >= 4
        && !names_something
        && !is_placeholder(secret)
        && !is_state(secret))
    .then_some(start)
}

fn upto_back(text: &[u8], length: usize) -> &[u8] {
    text.get(text.len().saturating_sub(length)..)
        .unwrap_or(text)
}

/// RFC 9110 section 11.6.2: `Authorization: Bearer …`, `Basic …`, or another scheme.
pub(super) fn authorization(text: &[u8], at: usize) -> Option<usize> {
    let blank = |byte: u8| b" \t\"'\\".contains(&byte);
    let rest = upto(from(text, at + b"authorization".len()), REACH * 2);
    let [b':' | b'=', rest @ ..] = stretch(rest, blank).1 else {
        return None;
    };
    let (scheme, rest) = stretch(stretch(rest, blank).1, |byte| byte.is_ascii_alphabetic());
    let known = [b"bearer".as_slice(), b"basic", b"token"]
        .iter()
        .any(|name| scheme.eq_ignore_ascii_case(name));
    let credentials = value(rest.trim_ascii_start());
    // Behind the name of another scheme stands a word as often.
    let is_random = credentials.iter().any(u8::is_ascii_digit) && !is_pointer(credentials);
    (matches!(rest, [b' ' | b'\t', ..])
        && (known && credentials.len() >= 6 || credentials.len() >= 12 && is_random)
        && !is_placeholder(credentials))
    .then_some(at)
}

/// RFC 7616: with the nonce beside it, guesses of the password can be tried against it.
pub(super) fn digest_response(text: &[u8], at: usize) -> Option<usize> {
    let rest = stretch(from(text, at + b"response=".len()), |byte| {
        b"\"\\".contains(&byte)
    })
    .1;
    let digits = stretch(upto(rest, REACH), |byte| byte.is_ascii_hexdigit()).0;
    let near = |bytes: &[u8]| bytes.windows(6).any(|bytes| bytes == b"nonce=");
    let is_near = near(upto_back(text.get(..at)?, REACH)) || near(upto(rest, REACH));
    (digits.len() >= 32 && !is_filler(digits) && is_near).then_some(at)
}

/// RFC 6750 without its header's name. Shorter ones, and those without a digit, are words.
pub(super) fn bearer(text: &[u8], at: usize) -> Option<usize> {
    let token = value(from(text, at + b"bearer ".len()));
    (token.len() >= 16
        && token
            .iter()
            .all(|&byte| Alphabet::Base64.holds(byte) || b".~".contains(&byte))
        && token.iter().any(u8::is_ascii_digit)
        && !is_filler(token))
    .then_some(at)
}
