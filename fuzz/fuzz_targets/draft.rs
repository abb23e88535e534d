//! No text makes the parser of drafts, key files or public key files panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rotation_ledger::append::draft::Draft;
use rotation_ledger::sys::keyfile::PublicKeyFile;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = Draft::from_json(text);
    if let Ok(file) = PublicKeyFile::parse(text) {
        assert_eq!(file.format(), text);
    }
});
