//! What stands where a secret would stand and is none: masks, variables, references, states.

/// Words that say what became of a value instead of being one.
#[rustfmt::skip]
const STATES: &[&str] = &[
    "none", "null", "nil", "undefined", "empty", "true", "false", "unset", "unknown",
    "unchanged", "changed", "rotated", "revoked", "expired", "valid", "invalid", "updated",
    "deleted", "disabled", "enabled", "active", "inactive", "accepted", "rejected", "denied",
    "missing", "present", "required", "optional", "configured", "generated", "created",
    "stored", "loaded", "verified", "failed", "passed", "success", "successful", "pending",
    "string", "secret", "healthy", "refused", "removed", "retired", "works", "okay",
    "supported", "unsupported", "encrypted", "hidden", "masked", "same", "done", "good",
    "wrong", "correct", "incorrect", "matched", "authentication", "policy",
];

/// Words that mark a blank to be filled in, anywhere in it.
const MARKS: &[&[u8]] = &[
    b"redacted",
    b"masked",
    b"placeholder",
    b"censored",
    b"scrubbed",
];

/// Schemes of pointers into secret stores.
const POINTERS: &[&[u8]] = &[
    b"arn:", b"vault:", b"ref+", b"env:", b"file:", b"ssm:", b"urn:",
];

/// Bytes that only fill a place: `xxxx`, `****`, `0000`, `....`.
pub(super) fn is_filler(bytes: &[u8]) -> bool {
    let Some((&first, rest)) = bytes.split_first() else {
        return true;
    };
    b"xX*.0#_-?".contains(&first) && rest.iter().all(|&byte| byte == first)
}

/// Whether `value` stands for a secret without being one: empty, masked, or a template's variable.
pub(super) fn is_placeholder(value: &[u8]) -> bool {
    is_filler(value)
        || value
            .iter()
            .all(|byte| b"*.-_#?".contains(byte) || !byte.is_ascii())
        || is_variable(value)
        || MARKS.iter().any(|mark| contains_folded(value, mark))
}

/// Whether `value` is a state such as `rotated` or `null`.
pub(super) fn is_state(value: &[u8]) -> bool {
    STATES
        .iter()
        .any(|state| value.eq_ignore_ascii_case(state.as_bytes()))
}

/// `$NAME`, `${…}`, `$(…)`, `{{…}}`, `{name}`, `<…>`, `[…]`, `(…)`, `%NAME%`, `%s`.
fn is_variable(value: &[u8]) -> bool {
    let is_name = |bytes: &[u8]| {
        !bytes.is_empty()
            && bytes
                .iter()
                .all(|byte| byte.is_ascii_alphabetic() || *byte == b'_')
    };
    match value {
        [b'$', b'{' | b'(', ..] | [b'{', b'{', ..] | [b'%', b's' | b'v' | b'('] => true,
        [b'$', name @ ..] | [b'%', name @ .., b'%'] | [b'{', name @ .., b'}'] => {
            name.iter()
                .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
                && name.iter().filter(|byte| byte.is_ascii_digit()).count() < 2
        }
        [b'<', name @ .., b'>'] | [b'[', name @ .., b']'] | [b'(', name @ ..] => name
            .split(|byte| b" -_.".contains(byte))
            .all(|word| word.is_empty() || is_name(word)),
        _ => false,
    }
}

/// Whether `value` points at something instead of being it: an ARN, a store's path, an access key
/// id, or a name made of words and numbers.
pub(super) fn is_pointer(value: &[u8]) -> bool {
    has_scheme(value)
        || is_date(value)
        || value.windows(3).any(|bytes| bytes == b"://")
        || is_aws_id(value.split(|&byte| byte == b'/').next().unwrap_or(value))
        || is_name(value)
}

/// Whether `value` begins as a pointer into a store does.
pub(super) fn has_scheme(value: &[u8]) -> bool {
    POINTERS.iter().any(|scheme| {
        let head = value.get(..scheme.len());
        head.is_some_and(|head| head.eq_ignore_ascii_case(scheme))
    })
}

/// `2026-01-05`, with or without a time.
fn is_date(value: &[u8]) -> bool {
    value.get(..10).is_some_and(|date| {
        date.iter().enumerate().all(|(place, byte)| match place {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        })
    })
}

/// Whether `value` is a name of two or more words and what Kubernetes adds to it.
pub(super) fn is_generated_name(value: &[u8]) -> bool {
    let end = value.iter().rposition(|&byte| byte == b'-').unwrap_or(0);
    let (name, suffix) = value.split_at(end);
    name.contains(&b'-')
        && matches!(suffix.len(), 6..=11)
        && suffix
            .iter()
            .skip(1)
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        && is_name(name)
}

/// Names are words and numbers joined by marks, as in `prod/payments/db-2024-v12`. Segments of up
/// to three characters may mix, and AWS adds six random characters to the last word of a path.
pub(super) fn is_name(value: &[u8]) -> bool {
    let is_path = value.contains(&b'/');
    let value = match value {
        [head @ .., b'-', a, b, c, d, e, f]
            if is_path
                && [a, b, c, d, e, f]
                    .iter()
                    .all(|byte| byte.is_ascii_alphanumeric()) =>
        {
            head
        }
        all => all,
    };
    value.split(|byte| b"/-_.:#@+".contains(byte)).all(|word| {
        let digits = word.strip_prefix(b"v").unwrap_or(word);
        word.len() <= 3
            || word.iter().all(u8::is_ascii_alphabetic)
            || digits.iter().all(u8::is_ascii_digit)
    })
}

/// An identifier of AWS IAM: four letters that say of what, then upper-case letters and digits. It
/// is a reference, and the natural version of a key.
pub(super) fn is_aws_id(value: &[u8]) -> bool {
    const OF: &[&[u8]] = &[
        b"AKIA", b"ASIA", b"AROA", b"AIDA", b"AGPA", b"AIPA", b"ANPA", b"ANVA", b"APKA", b"ASCA",
        b"ABIA", b"ACCA",
    ];
    matches!(value.len(), 16..=24)
        && OF.iter().any(|prefix| value.starts_with(prefix))
        && value
            .iter()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

fn contains_folded(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len())
        .any(|window| window.eq_ignore_ascii_case(word))
}
