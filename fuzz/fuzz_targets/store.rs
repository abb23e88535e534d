//! No bytes of a tail or a bundle make the reader panic, and a bundle that decodes is whole.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rotation_ledger::merkle::Frontier;
use rotation_ledger::store::bundle;
use rotation_ledger::store::image::TailContents;

fuzz_target!(|bytes: &[u8]| {
    let _ = TailContents::parse(bytes);
    if let Ok(entries) = bundle::decode_partial(0, 256, bytes) {
        assert_eq!(entries.len(), bundle::BUNDLE_ENTRIES);
    }
    if let Ok(frontier) = Frontier::decode(bytes) {
        assert_eq!(frontier.encode(), bytes);
    }
});
