//! Refuses secret material before anything is signed or stored.
//!
//! Pure functions over bytes. [`scan_field`] looks at one text of a statement, [`scan_attachment`] at
//! a whole file, and [`KnownValue`] compares with the real value where the caller has it. What is
//! found is named by kind and place, never shown. To refuse, and to say in which field, is for
//! `append`; to read files is for the callers.
//!
//! Three layers, each looking only where it does not cry wolf:
//!
//! **The principle**: a value is judged by what it is made of, then by what stands before it, and by its
//! randomness last. What says itself what it is (a token's prefix, a digest as long as its algorithm's,
//! DER from end to end) is believed in every place; a name tells a key's id from the key, and
//! `password` from `etag`; only a value that neither explains is counted for its changes of letters.
//! So a service, a tool or a field that nobody listed goes the way of its kind, and the exceptions are
//! of kinds (`public`), never of products.
//!
//! 1. Shapes (`shape`, `structure`): tokens that their issuers made recognisable. Everywhere, also
//!    inside up to two wrappings (`wrapped`).
//! 2. Names with a value (`assignment`), options of programs (`command`), and long random values
//!    (`entropy`): in free text alone, since version ids and digests in fields of their own are random
//!    by nature. `placeholder` knows what stands for a secret without being one.
//! 3. The exact check (`known`).
//!
//! **No detector finds a bare short random value.** A password of twelve characters alone in a
//! summary looks like a ticket number, and 64 hexadecimal digits look like a digest; a value that
//! was compressed or encrypted looks like nothing. Only [`KnownValue`] finds the first two.

mod alphabet;
mod assignment;
mod command;
mod digits;
mod entropy;
mod kind;
mod known;
mod peek;
mod placeholder;
mod public;
mod redact;
mod shape;
mod sieve;
mod structure;
mod window;
mod wrapped;

use kind::RawHit;

pub use kind::{Decoding, PassedOver, SecretHit, SecretKind};
pub use known::{KnownValue, KnownValueError};
pub use redact::REDACTED;

/// What a field is for, which decides what may stand in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldClass {
    /// A name that things are found by.
    Id,
    /// A pointer to something elsewhere: a version, a key id, a ticket, a URL.
    Reference,
    /// One line of free text.
    Line,
    /// Free text of several lines.
    Prose,
}

impl FieldClass {
    const fn is_free_text(self) -> bool {
        matches!(self, Self::Line | Self::Prose)
    }
}

/// Looks for secret material in one field. References are not secrets: access key ids, version ids,
/// UUIDs, digests, ARNs, and URLs without a password pass in every class of field.
#[must_use]
pub fn scan_field(class: FieldClass, text: &str) -> Option<SecretHit> {
    PassedOver::default().scan_field(class, text)
}

/// Looks for secret material in an attachment, whatever bytes it has. Takes time in proportion to
/// the length, and memory that does not grow with it.
#[must_use]
pub fn scan_attachment(bytes: &[u8]) -> Option<SecretHit> {
    PassedOver::default().scan_attachment(bytes)
}

impl PassedOver {
    /// [`scan_field`] for all other kinds.
    #[must_use]
    pub fn scan_field(self, class: FieldClass, text: &str) -> Option<SecretHit> {
        let text = text.as_bytes();
        find(text, class.is_free_text(), self).map(|found| found.in_text(text))
    }

    /// [`scan_attachment`] for all other kinds.
    #[must_use]
    pub fn scan_attachment(self, bytes: &[u8]) -> Option<SecretHit> {
        let as_text = is_text(bytes);
        let look = |text: &[u8]| find(text, as_text, self);
        let in_utf16 = || wrapped::find_behind(bytes, Decoding::Utf16, look);
        let found = look(bytes).or_else(in_utf16);
        found.map(|found| found.in_text(bytes))
    }
}

fn find(text: &[u8], is_free_text: bool, but: PassedOver) -> Option<RawHit> {
    let shaped = shape::find(text, but).or_else(|| wrapped::find(text, but));
    if shaped.is_some() || !is_free_text {
        return shaped;
    }
    let unless_passed = |kind, look: fn(&[u8]) -> Option<RawHit>| match but.holds(kind) {
        true => None,
        false => look(text),
    };
    unless_passed(SecretKind::PasswordAssignment, assignment::find)
        .or_else(|| unless_passed(SecretKind::HighEntropy, entropy::find))
}

/// A copy of a text without what is found in it: a line `[redacted: KIND]` stands for the lines of each find. None
/// where lines are not what it is made of, or where no end of a find is known. `find` answers with what is to be
/// taken out.
pub fn redacted(text: &[u8], find: impl Fn(&[u8]) -> Option<SecretHit>) -> Option<Vec<u8>> {
    let is_of_lines = !text.contains(&0) && is_text(text);
    is_of_lines.then(|| redact::without(text, find))?
}

/// Whether every rule is applied, and not those of shapes alone: to text in UTF-8, UTF-16 or any other charset
/// that contains ASCII. What a compressed file holds is not looked at.
fn is_text(bytes: &[u8]) -> bool {
    const COMPRESSED: &[&[u8]] = &[
        b"\x1f\x8b",
        b"PK\x03\x04",
        b"\x28\xb5\x2f\xfd",
        b"\xfd7zXZ\0",
        b"BZh",
        b"7z\xbc\xaf\x27\x1c",
        b"%PDF-",
    ];
    // The byte order marks of UTF-16.
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return true;
    }
    if COMPRESSED.iter().any(|magic| bytes.starts_with(magic)) {
        return false;
    }
    // One control character in a hundred: a log with colours and a stray NUL is still text, while
    // compressed and machine code have ten times as many.
    // Without branches, and in pieces so short that a byte holds the count: many are counted at once.
    let is_control = |byte: u8| (byte < 0x20) & (byte.wrapping_sub(8) > 5) & (byte != 0x1b);
    let pieces = bytes.chunks(usize::from(u8::MAX));
    let controls = pieces.map(|piece| {
        let controls = piece.iter().map(|&byte| u8::from(is_control(byte)));
        usize::from(controls.fold(0, u8::wrapping_add))
    });
    controls.sum::<usize>() * 100 <= bytes.len()
}
