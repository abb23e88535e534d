//! No stored bytes make the verifier panic, and none but an untouched ledger pass.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rotation_ledger::hash::Link;
use rotation_ledger::merkle::Tile;
use rotation_ledger::statement::Attachment;
use rotation_ledger::time::Timestamp;
use rotation_ledger::verify;
use rotation_ledger::verify::Observer;
use rotation_ledger::verify::LogPiece;
use rotation_ledger::verify::VerifyQuestion;
use rotation_ledger::verify::Surroundings;

struct Nobody;

impl Observer for Nobody {
    fn tile(&mut self, _: &Tile, _: u64, _: u64) {}
    fn attachment(&mut self, _: u64, _: &Attachment) {}
    fn entry(&mut self, _: u64, _: Link) {}
    fn progress(&mut self, _: u64) {}
    fn interrupted(&self) -> bool {
        false
    }
}

fuzz_target!(|entries: Vec<Vec<u8>>| {
    let pieces = vec![LogPiece::Entries(entries)].into_iter();
    let question = VerifyQuestion::at(Timestamp::YEAR_2000);
    let report = verify::fold(pieces, question, &mut Nobody).conclude(Surroundings::default());
    // Nobody without a key makes an entry 0 that verifies.
    assert!(report.register().is_none());
});
