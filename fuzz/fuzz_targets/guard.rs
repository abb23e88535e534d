//! The guard neither panics nor hangs, and a private key planted in whatever text is found.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rotation_ledger::guard;
use rotation_ledger::guard::FieldClass;

fuzz_target!(|bytes: &[u8]| {
    let _ = guard::scan_attachment(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for class in [FieldClass::Id, FieldClass::Reference, FieldClass::Line, FieldClass::Prose] {
        let _ = guard::scan_field(class, text);
    }
    let planted = format!("{text}\n-----BEGIN {} KEY-----\n", "PRIVATE");
    assert!(guard::scan_attachment(planted.as_bytes()).is_some());
});
