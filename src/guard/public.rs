//! What is random by design and secret to nobody: digests, public keys, identifiers.
//!
//! Three things tell: what it is made of (DER, an SSH key, a digest of its algorithm's very
//! length), the path of words that it ends, and the name that it stands behind.

use super::alphabet::Alphabet;
use super::digits;
use super::placeholder::{is_aws_id, is_name};

/// What digests are named by, and how many bytes they have. `h1` is the sum of a Go module.
#[rustfmt::skip]
const DIGESTS: &[(&str, usize)] = &[
    ("md5", 16), ("sha1", 20), ("sha224", 28), ("sha256", 32), ("sha-256", 32), ("sha384", 48),
    ("sha512", 64), ("sha-512", 64), ("blake3", 32), ("h1", 32),
];

/// How names end whose values everybody may know. `vault:v1:` begins a ciphertext of Transit.
const NAMES: &str = "
    etag accessor digest checksum fingerprint thumbprint signature ciphertext nonce publickey
    public_key public-key pubkey requestid x5t x5t#s256 vault:v1
";

/// What may stand between a name and its value, a weak etag's `W/` among it.
const JOINS: &[u8] = b" \t:=>|\"'\\[(W/";

/// Whether `run`, which stands behind `before`, is public however random it looks.
pub(super) fn is_public(before: &[u8], run: &[u8]) -> bool {
    let split_run = run.iter().position(|&byte| byte == b'-');
    let in_run = split_run.and_then(|at| Some((run.get(..at)?, run.get(at + 1..)?)));
    is_encoded(run)
        || ends_path(run)
        || is_identifier(run)
        || in_run.is_some_and(|(name, digits)| is_of_digest(name, digits))
        || name_before(before).is_some_and(|name| {
            is_of_digest(name, run) || names_public(name) || is_member_of_jwk(before, name)
        })
}

/// Whether `value` is a digest behind its name: `sha256:…`, `hmac-sha256:…`.
pub(super) fn is_digest(value: &[u8]) -> bool {
    let colon = value.iter().rposition(|&byte| byte == b':');
    colon.is_some_and(|at| {
        let (name, digits) = value.split_at(at);
        is_of_digest(name, digits.get(1..).unwrap_or_default())
    })
}

fn is_of_digest(name: &[u8], digits: &[u8]) -> bool {
    let in_hex = digits.iter().all(|&byte| Alphabet::Hex.holds(byte));
    DIGESTS.iter().any(|&(algorithm, bytes)| {
        let length = if in_hex {
            bytes * 2
        } else {
            (bytes * 8).div_ceil(6)
        };
        ends_with(name, algorithm.as_bytes()) && digits.len() == length
    })
}

/// The name that ends `before`, with what joins it to a value after it.
fn name_before(before: &[u8]) -> Option<&[u8]> {
    let joined = before.iter().rev().take_while(|byte| JOINS.contains(byte));
    let (name, join) = before.split_at_checked(before.len() - joined.count())?;
    let is_joined = join.iter().any(|byte| b":=>|".contains(byte)) || join.len() > 1;
    is_joined.then_some(name)
}

fn names_public(name: &[u8]) -> bool {
    // `x-amz-id-2` is an id too, while whoever has the id of a session is in it.
    let id = name.strip_suffix(b"-2").unwrap_or(name);
    let is_id = match id {
        [start @ .., b'i' | b'I', b'd' | b'D'] => {
            let start = start.strip_suffix(b"k").unwrap_or(start);
            let is_camel = id.ends_with(b"Id") || id.ends_with(b"ID");
            is_camel || !start.last().is_some_and(u8::is_ascii_alphanumeric)
        }
        _ => false,
    };
    let is_session = ["session_id", "session-id", "sessionid"]
        .iter()
        .any(|session| ends_with(id, session.as_bytes()));
    let token = name.split_at_checked(name.len().saturating_sub(b"token".len()));
    (is_id && !is_session)
        || NAMES
            .split_ascii_whitespace()
            .any(|public| ends_with(name, public.as_bytes()))
        || token.is_some_and(|(start, end)| end.eq_ignore_ascii_case(b"token") && is_place(start))
}

/// Whether a name that begins so and ends in `token` is that of a place in a list, or tells repeated
/// requests from new ones.
pub(super) fn is_place(start: &[u8]) -> bool {
    let start = match start {
        [start @ .., b'_' | b'-'] => start,
        all => all,
    };
    let places = [b"next".as_slice(), b"page", b"continuation", b"request"];
    places.iter().any(|place| ends_with(start, place))
}

/// RFC 7518 section 6: what a public key is made of. A private one has `d`, a shape of its own.
fn is_member_of_jwk(before: &[u8], name: &[u8]) -> bool {
    let is_quoted = before
        .get(name.len())
        .is_some_and(|byte| b"\"\\".contains(byte));
    is_quoted && matches!(name, [.., b'"', b'n' | b'x' | b'y'])
}

/// Base64 of what says itself what it is: DER from its first byte to its last (certificates, public
/// keys, signatures), an SSH public key, a PEM. Private keys among these were found by their shape.
fn is_encoded(run: &[u8]) -> bool {
    /// What a PEM begins with, in base64.
    const ARMOUR: &[u8] = b"LS0tLS1CRUdJTi";
    /// PKCS #5, which only encrypted keys begin with.
    const ENCRYPTED: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05];
    if run.starts_with(ARMOUR) {
        return true;
    }
    let bytes = digits::unwrapped(run);
    match *bytes.as_slice() {
        // RFC 4253 section 6.6: the length of a name, and the name.
        [0, 0, 0, length @ 7..=64, ref name @ ..] => name
            .get(..usize::from(length))
            .is_some_and(|name| name.iter().all(u8::is_ascii_graphic) && name.contains(&b'-')),
        [0x30, 0x82, high, low, ref inside @ ..] => {
            let head = inside.get(..24).unwrap_or(inside);
            inside.len() == usize::from(u16::from_be_bytes([high, low]))
                && !head.windows(ENCRYPTED.len()).any(|oid| oid == ENCRYPTED)
        }
        [0x30, 0x81, length, ref inside @ ..] | [0x30, length, ref inside @ ..] => {
            inside.len() == usize::from(length)
        }
        _ => false,
    }
}

/// The end of a path of words names something: a lease, a file of a store.
fn ends_path(run: &[u8]) -> bool {
    let end = run.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
    let path = run.get(..end).unwrap_or_default();
    let segments = path.split(|&byte| byte == b'/');
    let words = segments.filter(|word| word.len() > 2).count();
    let is_lower = !path.iter().any(u8::is_ascii_uppercase);
    words >= 2 && path.len() >= 9 && is_lower && is_name(path)
}

fn is_identifier(run: &[u8]) -> bool {
    let all = |of: fn(&u8) -> bool| run.iter().all(of);
    // A ULID of this century.
    let ulid = run.len() == 26
        && run.starts_with(b"01")
        && all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    let age_recipient = run.len() == 62 && run.starts_with(b"age1");
    // C2SP signed-note verifier keys: name, key id, then an algorithm and 32 bytes.
    let verifier_key = run
        .rsplit(|&byte| byte == b'+')
        .nth(1)
        .is_some_and(|id| id.len() == 8 && id.iter().all(u8::is_ascii_hexdigit));
    // A signed request names its key as the beginning of a path.
    let aws_id = run
        .split(|&byte| byte == b'/')
        .next()
        .is_some_and(is_aws_id);
    ulid || age_recipient || verifier_key || aws_id
}

fn ends_with(text: &[u8], end: &[u8]) -> bool {
    let start = text.len().saturating_sub(end.len());
    text.get(start..)
        .is_some_and(|tail| tail.eq_ignore_ascii_case(end))
}
