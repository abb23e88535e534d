//! Whatever decodes as an entry or a statement encodes to the very bytes it came from.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rotation_ledger::entry::Entry;
use rotation_ledger::statement::Statement;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(entry) = Entry::decode(bytes) {
        assert_eq!(entry.encode().expect("it was stored"), bytes);
    }
    if let Ok(statement) = Statement::decode(bytes) {
        assert_eq!(statement.encode().expect("it was stored"), bytes);
    }
});
