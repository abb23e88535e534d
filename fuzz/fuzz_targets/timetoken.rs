//! Whatever bytes come as a response: read or refused, and what is read holds together.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rotation_ledger::time::Timestamp;
use rotation_ledger::timetoken::TimeToken;

#[path = "../../tests/support/token.rs"]
mod token;

fuzz_target!(|bytes: &[u8]| {
    check(bytes);
    // Random bytes are hardly ever DER: a good response with a few others in it gets further.
    let now = Timestamp::from_micros(1_700_000_000_000_000);
    let mut edited = token::response(b"checkpoint", now);
    assert!(TimeToken::parse(&edited).is_ok());
    let most = 1 + bytes.len() % 4;
    for edit in bytes.chunks_exact(2).take(most) {
        let at = usize::from(edit[0]) % edited.len();
        edited[at] = edit[1];
    }
    check(&edited);
});

fn check(bytes: &[u8]) {
    if let Ok(token) = TimeToken::parse(bytes) {
        assert!(token.earliest() <= token.time && token.time <= token.latest());
        let longer = [bytes, &[0]].concat();
        assert!(TimeToken::parse(&longer).is_err());
    }
}
