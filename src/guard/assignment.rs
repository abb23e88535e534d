//! A name such as `password` with a value behind it, in free text.
//!
//! How much the value must look like one depends on the name and on what joins the two: behind
//! `password=` anything counts, in "the secret is …" only what no word or name explains, because
//! `token: revoked` and `secret: payments-db` are what a ledger of rotations is full of.

use super::command::{LINE, PROGRAMS};
use super::kind::{RawHit, SecretKind};
use super::placeholder::{is_aws_id, is_generated_name, is_placeholder, is_pointer, is_state};
use super::public::{is_digest, is_place};
use super::sieve::{Sieve, loose_length, stands_at};
use super::structure::{REACH, value};

/// What a name promises about the value behind it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum NamePromise {
    /// People choose it, so a plain word may be one.
    Password,
    /// A machine made it, so a name of words and numbers is none.
    Key,
    /// It is a part of words too, so it must begin one, and what follows must be joined to it.
    Short,
    /// The name is as often used of the thing as of its value: a UUID may be its version.
    Thing,
}

use NamePromise::{Key, Password, Short, Thing};

/// Names without their separators: `api_key`, `api-key` and `apiKey` are one.
#[rustfmt::skip]
const NAMES: &[(&str, NamePromise)] = &[
    ("password", Password), ("passwd", Password), ("passphrase", Password), ("passcode", Password),
    ("pwd", Password), ("storepass", Password), ("identifiedby", Password), ("pass", Short),
    ("psk", Short), ("apikey", Key), ("secretkey", Key), ("accesskey", Key), ("privatekey", Key),
    ("encryptionkey", Key), ("signingkey", Key), ("masterkey", Key), ("authkey", Key),
    ("hmackey", Key), ("sessionkey", Key), ("sharedkey", Key), ("clientsecret", Key),
    ("sharedsecret", Key), ("secretvalue", Key), ("secretstring", Key), ("secretbinary", Key),
    ("accesstoken", Key), ("authtoken", Key), ("refreshtoken", Key), ("credential", Thing),
    ("credentials", Thing), ("secret", Thing), ("token", Thing),
];

/// What may follow a name and leave it one.
const SUFFIXES: &str = "base base64 b64 hex data value new old prod";

static SIEVE: Sieve = {
    let mut sieve = Sieve::empty();
    let mut number = 0;
    while number < NAMES.len() {
        sieve = sieve.with(number, NAMES[number].0.as_bytes(), true);
        number += 1;
    }
    while number < NAMES.len() + PROGRAMS.len() {
        let program = &PROGRAMS[number - NAMES.len()];
        sieve = sieve.with(number, program.0.as_bytes(), false);
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
    /// The next column of a table.
    Column,
    /// The next word.
    Next,
}

/// The first assignment of what looks like a real value; the find begins at the name.
pub(super) fn find(text: &[u8]) -> Option<RawHit> {
    SIEVE.find(text, |number, at| {
        let found = || Some(RawHit::plain(SecretKind::PasswordAssignment, at));
        let before = text.get(..at)?;
        let Some(&(name, promise)) = NAMES.get(number) else {
            let program = PROGRAMS.get(number - NAMES.len())?;
            let is_program = stands_at(text, at, program.0.as_bytes(), false);
            let begins = begins_word(before, false) && !before.ends_with(b"-");
            let rest = text.get(at + program.0.len()..)?;
            return (is_program && begins && program.gives_away(rest)).then(found)?;
        };
        let end = at + loose_length(text.get(at..)?, name.as_bytes())?;
        let is_camel = text.get(at)?.is_ascii_uppercase();
        if promise == Short && !begins_word(before, is_camel) {
            return None;
        }
        // `…:secret:name` is a part of an ARN or of another colon-separated reference.
        if promise == Thing && (before.ends_with(b":") || is_place(before)) {
            return None;
        }
        let rest = text.get(end..)?;
        if rest.starts_with(b"-stdin") {
            return is_fed(before).then(found)?;
        }
        let rest = rest.get(..REACH * 2).unwrap_or(rest);
        let (join, rest) = joined(before, after_suffix(rest))?;
        let is_joined = join == Join::Sign || join == Join::Colon && end_of_quotes(text, end);
        (promise != Short || is_joined)
            .then(|| gives_away(promise, join, rest))?
            .then(found)?
    })
}

/// Whether a program that reads a password from its input gets one by its letters: `echo … | login --`.
fn is_fed(before: &[u8]) -> bool {
    let before = before.get(before.len().saturating_sub(LINE)..);
    let line = before.and_then(|before| before.rsplit(|byte| b"\n;&".contains(byte)).next());
    let mut piped = line.unwrap_or_default().rsplitn(2, |&byte| byte == b'|');
    let Some(source) = piped.next().and(piped.next()) else {
        return false;
    };
    let mut words = source.split(|byte| b" \"'\\".contains(byte));
    let says = |word: &[u8]| word == b"echo" || word == b"printf";
    words.any(says)
        && words.any(|word| word.len() >= 4 && !word.starts_with(b"-") && !is_placeholder(word))
}

/// Whether what follows `before` is no later part of a word. The letter of an escape is none of it.
fn begins_word(before: &[u8], is_camel: bool) -> bool {
    matches!(before, [] | [.., b'\\', b'n' | b't' | b'r'])
        || is_camel && before.last().is_some_and(u8::is_ascii_lowercase)
        || !before.last().is_some_and(u8::is_ascii_alphanumeric)
}

fn end_of_quotes(text: &[u8], end: usize) -> bool {
    matches!(text.get(end), Some(b'"' | b'\'' | b'\\'))
}

/// Behind `_base`, `2` and the like.
fn after_suffix(rest: &[u8]) -> &[u8] {
    let after = skip(rest, b"0123456789");
    let [b'_' | b'-' | b'.', word @ ..] = after else {
        return after;
    };
    let end = word.iter().position(|byte| !byte.is_ascii_alphanumeric());
    let (word, after) = word.split_at(end.unwrap_or(word.len()));
    let mut suffixes = SUFFIXES.split(' ');
    let is_suffix = suffixes.any(|suffix| word.eq_ignore_ascii_case(suffix.as_bytes()));
    if is_suffix { after } else { rest }
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
        [b'>', inside @ ..] if before.ends_with(b"<") => {
            let end = inside.windows(2).position(|bytes| bytes == b"</")?;
            return Some((Join::Sign, inside.get(..end)?));
        }
        [b'|', after @ ..] => return Some((Join::Column, after)),
        _ => {}
    }
    // A list of names with their values: `name="password" value="…"`, in JSON and in YAML too.
    let listed = skip(rest, b"\"'`\\, \t\r\n");
    let listed = match listed {
        [b'n', after @ ..] if rest.starts_with(b"\\") => skip(after, b" "),
        all => all,
    };
    if let Some((b"value" | b"Value", after)) = listed.split_at_checked(5)
        && let [b':' | b'=', after @ ..] = skip(after, b"\"'\\ ")
    {
        return Some((Join::Sign, after));
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
        || before.ends_with(b" -")
    {
        return Some((Join::Sign, gap));
    }
    if gap.starts_with(b"'") || follows_login(before) {
        return Some((Join::Sign, gap));
    }
    if rest.len() - gap.len() > 1 || rest.starts_with(b"\t") {
        return Some((Join::Column, gap));
    }
    if gap.starts_with(b"\"") {
        return Some((Join::Words, gap));
    }
    Some(after_words(gap).map_or((Join::Next, gap), |after| (Join::Words, after)))
}

/// A line of `.netrc`: `login app password …`.
fn follows_login(before: &[u8]) -> bool {
    let near = before
        .get(before.len().saturating_sub(REACH)..)
        .unwrap_or(before);
    let mut words = near
        .rsplit(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty());
    words.nth(1) == Some(b"login")
}

/// Behind "is", "was set to", "changed to" and the like.
fn after_words(text: &[u8]) -> Option<&[u8]> {
    const WORDS: &[&[u8]] = &[
        b"is", b"was", b"are", b"be", b"now", b"still", b"set", b"reset", b"changed", b"rotated",
        b"to", b"from", b"value",
    ];
    let mut rest = text;
    // "for the user app is": whose it is.
    if let [b'f', b'o', b'r', b' ', whose @ ..] = rest {
        let near = whose.get(..64).unwrap_or(whose);
        rest = whose.get(near.windows(4).position(|bytes| bytes == b" is ")? + 1..)?;
    }
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
    let near = skip(skip(rest, b" \t"), b"\\");
    let (found, after, quoted) = match near {
        [quote @ (b'"' | b'\'' | b'`'), inside @ ..] => {
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
    let is_empty = near.len() < rest.len() && !quoted && begins_with_name(found);
    let is_number = found.iter().all(u8::is_ascii_digit) && found.len() < 6;
    let is_none = is_placeholder(found) || is_state(found) || is_aws_id(found);
    if found.len() < 4 || is_empty || is_number || is_none || is_digest(found) {
        return false;
    }
    let is_unnamed = || !is_pointer(found) && !is_uuid(found) && !is_generated_name(found);
    let has = |class: fn(&u8) -> bool| found.iter().any(class);
    match (promise, join) {
        (_, Join::Column) => found.len() >= 8 && has(u8::is_ascii_digit) && is_unnamed(),
        // Prose goes on behind the name, so only what is like no word of it counts.
        (Password, Join::Next) => {
            let mixed = has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase);
            let is_term = found.iter().any(|byte| b"=:/(".contains(byte));
            found.len() >= 8 && mixed && has(u8::is_ascii_digit) && !is_term && is_unnamed()
        }
        (_, Join::Next) => false,
        (Password | Short, Join::Sign) => !(found.starts_with(b"/") && is_pointer(found)),
        // A sentence may go on after `password: the`; a value ends its line or its quotes.
        (Password, Join::Colon) if found.iter().all(u8::is_ascii_alphabetic) => {
            found.len() >= 6 && (quoted || ends_line(after))
        }
        (Thing, _) => found.len() >= 8 && is_unnamed(),
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
