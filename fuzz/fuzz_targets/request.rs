//! Whatever parses as a request to a witness formats to the very bytes it came from, and is decided
//! about without a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rotation_ledger::witness::AddCheckpoint;
use rotation_ledger::witness::KnownLog;
use rotation_ledger::proof::SealSuccession;
use rotation_ledger::witness::decide;

const LOG: &str = "ledger.example/prod-rotations+6c85216d+AdBKsjJ0K7SrOhNovUYV5ObQIkq3GgFrr4UgozLJd4c3";

fuzz_target!(|bytes: &[u8]| {
    let Ok(key) = LOG.parse() else { return };
    if let Ok(succession) = SealSuccession::parse(bytes) {
        assert_eq!(succession.format().as_bytes(), bytes);
        let _ = succession.lead_on(std::slice::from_ref(&key));
    }
    let Ok(request) = AddCheckpoint::parse(bytes) else { return };
    assert_eq!(request.format().as_bytes(), bytes);
    let known = KnownLog {
        keys: vec![key],
        last: None,
    };
    let _ = decide(&request, Some(&known));
});
