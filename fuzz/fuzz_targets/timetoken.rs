//! Whatever bytes come as a response: read or refused, and what is read holds together.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rotation_ledger::timetoken::TimeToken;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(token) = TimeToken::parse(bytes) {
        assert!(token.earliest() <= token.time && token.time <= token.latest());
        let longer = [bytes, &[0]].concat();
        assert!(TimeToken::parse(&longer).is_err());
    }
});
