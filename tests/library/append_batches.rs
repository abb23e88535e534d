//! Long batches: what is sealed, checked and placed side by side comes out as if done one by one.

use std::fs;
use std::time::Duration;

use crate::support::ledger::House;
use crate::support::ledger::receipts;
use crate::support::ledger::refusal;
use crate::support::ledger::secret;
use rotation_ledger::append::AppendError;
use rotation_ledger::append::Submission;
use rotation_ledger::append::Writer;
use rotation_ledger::ledger::EntryReader;
use rotation_ledger::ledger::LedgerError;
use rotation_ledger::ledger::proofs::LedgerProofs;
use rotation_ledger::register::Register;

fn batch(house: &House, writer: &Writer, range: std::ops::Range<usize>) -> Vec<Submission> {
    let ledger = writer.ledger();
    range.map(|n| house.seen(ledger, n)).collect()
}

fn reader(house: &House) -> EntryReader {
    EntryReader::open(&house.world, &house.place.dir, Duration::ZERO).unwrap()
}

fn replay(house: &House) -> Result<Register, LedgerError> {
    reader(house).replay()
}

#[test]
fn a_long_batch_stops_before_the_bad_one_while_the_last_commit_is_sealed() {
    let house = House::furnished();
    let mut writer = house.open();
    let before = writer.size();
    let filling = batch(&house, &writer, 0..600);
    receipts(writer.append(filling));
    let mut all = batch(&house, &writer, 600..1_300);
    all[500] = house.sign(writer.ledger(), &house.operator, secret("db/other"));
    let outcome = writer.append(all);
    assert_eq!(outcome.receipts.len(), 500);
    let first = before + 600;
    assert!(
        outcome
            .receipts
            .iter()
            .map(|receipt| receipt.sequence)
            .eq(first..first + 500)
    );
    let root = writer.root();
    assert!(
        outcome
            .receipts
            .iter()
            .all(|receipt| (receipt.size, receipt.root) == (first + 500, root))
    );
    assert!(matches!(refusal(outcome), AppendError::Denied(_)));
    assert_eq!(writer.close(), Vec::<String>::new());
    let reopened = house.open();
    assert_eq!((reopened.size(), reopened.root()), (first + 500, root));
}

#[test]
fn the_same_statement_twice_in_a_long_batch_is_one_entry() {
    let house = House::furnished();
    let mut writer = house.open();
    let before = writer.size();
    let mut all = batch(&house, &writer, 0..300);
    all.push(all[3].clone());
    let receipts = receipts(writer.append(all));
    assert_eq!(writer.size(), before + 300);
    assert_eq!(receipts[300].sequence, receipts[3].sequence);
}

#[test]
fn a_replay_is_what_the_writer_knows() {
    let house = House::furnished();
    let mut writer = house.open();
    for n in 0..3 {
        let some = batch(&house, &writer, n * 1_000..(n + 1) * 1_000);
        receipts(writer.append(some));
    }
    let known = writer.register().unwrap();
    writer.close();
    assert_eq!(replay(&house).unwrap(), known);
    // One that was read from before goes on from there, and finds nothing to build upon.
    let mut begun = reader(&house);
    begun.next().unwrap().unwrap();
    let fault = begun.replay().unwrap_err();
    assert!(matches!(fault, LedgerError::Entry { sequence: 1, .. }));
}

#[test]
fn a_replay_names_the_first_entry_that_it_cannot_read() {
    let house = House::furnished();
    let mut writer = house.open();
    let some = batch(&house, &writer, 0..900);
    receipts(writer.append(some));
    writer.close();
    fs::remove_file(house.place.dir.join("tile/entries/002")).unwrap();
    let fault = replay(&house).unwrap_err();
    assert!(matches!(fault, LedgerError::Entry { sequence: 512, .. }));
}

#[test]
fn the_receipt_of_a_new_entry_reads_no_tile() {
    let house = House::furnished();
    let mut writer = house.open();
    let some = batch(&house, &writer, 0..900);
    receipts(writer.append(some));
    writer.close();
    fs::remove_dir_all(house.place.dir.join("tile/0")).unwrap();
    let mut writer = house.open();
    let one = batch(&house, &writer, 900..901);
    let given = receipts(writer.append(one));
    assert_eq!(writer.prove(&given).unwrap().len(), 1);
    drop(writer);
    let proofs = LedgerProofs::open(&house.world, &house.place.dir, Duration::ZERO).unwrap();
    let newest = given[0].sequence;
    assert_eq!(proofs.receipt(newest).unwrap().0.index(), newest);
    assert!(proofs.receipt(3).is_err());
}
