//! Whatever parses as a note, a checkpoint or a vkey formats to the very text it came from.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rotation_ledger::checkpoint::Checkpoint;
use rotation_ledger::note::NoteKey;
use rotation_ledger::note::SignedNote;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(note) = SignedNote::parse(bytes) {
        assert_eq!(note.to_string().as_bytes(), bytes);
        let _ = Checkpoint::parse(note.text());
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(key) = text.parse::<NoteKey>() {
        assert_eq!(key.to_string(), text);
    }
});
