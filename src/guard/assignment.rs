//! A name such as `password` with a value behind it, in free text.
//!
//! How much the value must look like one depends on the name and on what joins the two: behind
//! `password=` anything counts, in "the secret is …" only what no word or name explains, because
//! `token: revoked` and `secret: payments-db` are what a ledger of rotations is full of.

use super::kind::{RawHit, SecretKind};
use super::placeholder::{is_aws_id, is_placeholder, is_pointer, is_state};
use super::sieve::{Sieve, stands_at};
use super::structure::{REACH, value};

/// What a name promises about the value behind it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum NamePromise {
    /// People choose it, so a plain word may be one.
    Password,
    /// A machine made it, so a name of words and numbers is none.
    Key,
    /// The name is as often used of the thing as of its value: a UUID may be its version.
    Thing,
}

const NAMES: &[(&str, NamePromise)] = &[
    ("password", NamePromise::Password),
    ("passwd", NamePromise::Password),
    ("passphrase", NamePromise::Password),
    ("passcode", NamePromise::Password),
    ("pwd", NamePromise::Password),
    ("_pass", NamePromise::Password),
    ("api_key", NamePromise::Key),
    ("api-key", NamePromise::Key),
    ("api key", NamePromise::Key),
    ("apikey", NamePromise::Key),
    ("secret_key", NamePromise::Key),
    ("secret-key", NamePromise::Key),
    ("secret key", NamePromise::Key),
    ("secretkey", NamePromise::Key),
    ("access_key", NamePromise::Key),
    ("accesskey", NamePromise::Key),
    ("private_key", NamePromise::Key),
    ("encryption_key", NamePromise::Key),
    ("signing_key", NamePromise::Key),
    ("client_secret", NamePromise::Key),
    ("client-secret", NamePromise::Key),
    ("clientsecret", NamePromise::Key),
    ("shared_secret", NamePromise::Key),
    ("secret_value", NamePromise::Key),
    ("secretstring", NamePromise::Key),
    ("secretbinary", NamePromise::Key),
    ("access_token", NamePromise::Key),
    ("accesstoken", NamePromise::Key),
    ("auth_token", NamePromise::Key),
    ("authtoken", NamePromise::Key),
    ("refresh_token", NamePromise::Key),
    ("id_token", NamePromise::Key),
    ("identified by", NamePromise::Password),
    ("secret", NamePromise::Thing),
    ("token", NamePromise::Thing),
];

static SIEVE: Sieve = {
    let mut sieve = Sieve::empty();
    let mut number = 0;
    while number < NAMES.len() {
        sieve = sieve.with(number, NAMES[number].0.as_bytes(), true);
        number += 1;
    }
    sieve
};

/// How the value is joined to the name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Join {
    /// `=`, `:=`, `=>`, a command line's `--name value`, or SQL's quoted value.
    Sign,
    /// `:`
    Colon,
    /// "is", "was changed to" and so on.
    Words,
}

/// The first assignment of what looks like a real value; the find begins at the name.
pub(super) fn find(text: &[u8]) -> Option<RawHit> {
    SIEVE.find(text, |number, at| {
        let &(name, promise) = NAMES.get(number)?;
        if !stands_at(text, at, name.as_bytes(), true) {
            return None;
        }
        let before = text.get(..at)?;
        // `…:secret:name` is a part of an ARN or of another colon-separated reference.
        if promise == NamePromise::Thing && before.ends_with(b":") {
            return None;
        }
        let rest = text.get(at + name.len()..)?;
        let rest = rest.get(..REACH * 2).unwrap_or(rest);
        let (join, rest) = joined(before, rest)?;
        gives_away(promise, join, rest).then_some(RawHit::plain(SecretKind::PasswordAssignment, at))
    })
}

fn skip<'t>(text: &'t [u8], bytes: &[u8]) -> &'t [u8] {
    let end = text.iter().position(|byte| !bytes.contains(byte));
    text.get(end.unwrap_or(text.len())..).unwrap_or_default()
}

/// What joins the name that ends where `rest` begins to the value after it.
fn joined<'t>(before: &[u8], rest: &'t [u8]) -> Option<(Join, &'t [u8])> {
    let gap = skip(rest, b" \t");
    let closed = skip(skip(rest, b"\"'`\\])"), b" \t");
    match closed {
        [b':', b'=', after @ ..] | [b'=', b'>' | b'=', after @ ..] | [b'=', after @ ..] => {
            return Some((Join::Sign, after));
        }
        [b':', after @ ..] if !after.starts_with(b":") => return Some((Join::Colon, after)),
        _ => {}
    }
    if gap.len() == rest.len() {
        return None;
    }
    let option = before
        .iter()
        .rev()
        .take(24)
        .take_while(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte));
    if option.clone().count() > 1 && option.clone().last() == Some(&b'-') && before.contains(&b'-')
        || before.ends_with(b"--")
    {
        return Some((Join::Sign, gap));
    }
    if gap.starts_with(b"'") {
        return Some((Join::Sign, gap));
    }
    after_words(gap).map(|after| (Join::Words, after))
}

/// Behind "is", "was set to", "changed to" and the like.
fn after_words(text: &[u8]) -> Option<&[u8]> {
    const WORDS: &[&[u8]] = &[
        b"is", b"was", b"are", b"be", b"now", b"still", b"set", b"reset", b"changed", b"rotated",
        b"to", b"from", b"value",
    ];
    let mut rest = text;
    loop {
        let end = rest.iter().position(|byte| !byte.is_ascii_alphabetic())?;
        let (word, after) = rest.split_at_checked(end)?;
        let joins = WORDS.iter().any(|join| word.eq_ignore_ascii_case(join));
        if !joins {
            return (rest.len() < text.len()).then_some(rest);
        }
        rest = skip(after, b" \t:");
    }
}

/// Whether what stands behind the join is a value rather than a word about one.
fn gives_away(promise: NamePromise, join: Join, rest: &[u8]) -> bool {
    let near = skip(rest, b" \t");
    let (found, after, quoted) = match near {
        [b'\\', quote @ (b'"' | b'\''), inside @ ..]
        | [quote @ (b'"' | b'\'' | b'`'), inside @ ..] => {
            let is_end = |byte: &u8| byte == quote || matches!(byte, b'\\' | b'\n');
            let end = inside.iter().position(is_end).unwrap_or(inside.len());
            let (found, after) = inside.split_at(end);
            (found, after, true)
        }
        bare => {
            let found = value(bare);
            let after = bare.get(found.len()..).unwrap_or_default();
            let found = match found {
                [head @ .., b'.' | b')' | b']' | b'}'] => head,
                all => all,
            };
            (found, after, false)
        }
    };
    // `password= user=app`: the value is empty, and what follows the blank is the next name.
    if near.len() < rest.len() && !quoted && begins_with_name(found) {
        return false;
    }
    if found.len() < 4 || is_placeholder(found) || is_state(found) || is_aws_id(found) {
        return false;
    }
    if found.iter().all(u8::is_ascii_digit) && found.len() < 6 {
        return false;
    }
    match (promise, join) {
        (NamePromise::Password, Join::Sign) => !(found.starts_with(b"/") && is_pointer(found)),
        // A sentence may go on after `password: the`; a value ends its line or its quotes.
        (NamePromise::Password, Join::Colon) if found.iter().all(u8::is_ascii_alphabetic) => {
            found.len() >= 6 && (quoted || ends_line(after))
        }
        (NamePromise::Thing, _) => found.len() >= 8 && !is_pointer(found) && !is_uuid(found),
        _ => found.len() >= 6 && !is_pointer(found),
    }
}

fn begins_with_name(text: &[u8]) -> bool {
    let end = text
        .iter()
        .position(|byte| !(byte.is_ascii_alphabetic() || *byte == b'_'));
    end.is_some_and(|end| end > 0 && text.get(end) == Some(&b'='))
}

fn ends_line(after: &[u8]) -> bool {
    matches!(skip(after, b" \t\r"), [] | [b'\n' | b',' | b';' | b'&', ..])
}

/// RFC 9562: 8-4-4-4-12 hexadecimal digits.
pub(super) fn is_uuid(text: &[u8]) -> bool {
    text.len() == 36
        && text.iter().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}
