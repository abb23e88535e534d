use super::*;
use crate::store::engine::{FolderEngine, read_bundle};
use crate::sys::disk::RealDisk;

fn entry(i: usize) -> Vec<u8> {
    format!("entry {i}").into_bytes()
}

fn new_log(dir: &Path) -> Log {
    Log::create(Arc::new(RealDisk), dir, b"genesis").unwrap()
}

fn reopen(dir: &Path) -> (Log, TailRest) {
    Log::open(Arc::new(RealDisk), dir).unwrap()
}

#[test]
fn appended_entries_are_there_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = new_log(dir.path());
    log.append(0, &[entry(0)]).unwrap();
    log.append(1, &[entry(1), entry(2)]).unwrap();
    log.append(3, &[] as &[&[u8]]).unwrap();
    drop(log);
    let (log, rest) = reopen(dir.path());
    assert_eq!(rest, TailRest::Clean);
    assert_eq!(
        (log.size(), log.base(), log.carry()),
        (3, 0, &b"genesis"[..])
    );
    let stored: Vec<_> = log.tail().map(<[u8]>::to_vec).collect();
    assert_eq!(stored, [entry(0), entry(1), entry(2)]);
}

#[test]
fn an_append_on_another_size_is_a_conflict() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = new_log(dir.path());
    log.append(0, &[entry(0)]).unwrap();
    let refusal = log.append(0, &[entry(1)]).unwrap_err();
    assert!(matches!(
        refusal,
        LogAppendError::Conflict {
            expected: 0,
            actual: 1
        }
    ));
    assert_eq!(log.size(), 1);
}

#[test]
fn a_batch_with_a_bad_entry_records_none() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = new_log(dir.path());
    for bad in [vec![], vec![0; MAX_ENTRY + 1]] {
        let refusal = log.append(0, &[entry(0), bad]).unwrap_err();
        assert!(matches!(
            refusal,
            LogAppendError::BadLength { index: 1, .. }
        ));
    }
    log.append(0, &[vec![7; MAX_ENTRY]]).unwrap();
    assert_eq!(reopen(dir.path()).0.size(), 1);
}

#[test]
fn a_batch_longer_than_the_zeros_ahead_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = new_log(dir.path());
    let batch: Vec<_> = (0..20).map(|i| vec![i; MAX_ENTRY]).collect();
    log.append(0, &batch).unwrap();
    let (log, rest) = reopen(dir.path());
    assert_eq!(rest, TailRest::Clean);
    assert!(log.tail().eq(batch.iter().map(Vec::as_slice)));
}

#[test]
fn rereading_goes_to_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = new_log(dir.path());
    log.append(0, &[entry(0), entry(1), entry(2)]).unwrap();
    assert_eq!(log.reread(1..3).unwrap(), [entry(1), entry(2)]);
    assert!(log.reread(3..3).unwrap().is_empty());
    assert!(matches!(log.reread(2..4), Err(RereadError::NotInTail(3))));

    let path = dir.path().join(TAIL_FILE);
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.windows(7).position(|w| w == b"entry 1").unwrap();
    bytes[at] = b'E';
    std::fs::write(&path, bytes).unwrap();
    assert!(matches!(log.reread(0..3), Err(RereadError::Differs(1))));
}

#[test]
fn a_rest_must_be_dropped_before_the_next_append() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = new_log(dir.path());
    log.append(0, &[entry(0)]).unwrap();
    let end = log.bytes.len();
    drop(log);
    let path = dir.path().join(TAIL_FILE);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[end..end + 6].copy_from_slice(b"RLf\x01\x20\x01");
    std::fs::write(&path, bytes).unwrap();

    let (mut log, rest) = reopen(dir.path());
    assert_eq!(
        rest,
        TailRest::Torn {
            offset: end,
            len: 6
        }
    );
    assert!(matches!(
        log.append(1, &[entry(1)]),
        Err(LogAppendError::RestNotDropped)
    ));
    assert!(matches!(
        log.seal(&[], b""),
        Err(crate::store::seal::SealError::NotInOrder)
    ));
    assert_eq!(log.drop_rest().unwrap(), b"RLf\x01\x20\x01");
    log.append(1, &[entry(1)]).unwrap();
    let (log, rest) = reopen(dir.path());
    assert_eq!((log.size(), rest), (2, TailRest::Clean));
}

#[test]
fn sealing_moves_whole_groups_and_keeps_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = new_log(dir.path());
    let all: Vec<_> = (0..520).map(entry).collect();
    log.append(0, &all).unwrap();
    assert_eq!(log.sealable(), 512);
    let tile = ("tile/0/000".to_owned(), b"hashes".to_vec());
    log.seal(&[tile], b"frontier").unwrap();
    assert_eq!(
        (log.size(), log.base(), log.carry()),
        (520, 512, &b"frontier"[..])
    );
    assert_eq!(
        std::fs::read(dir.path().join("tile/0/000")).unwrap(),
        b"hashes"
    );
    let folder = FolderEngine::new(Arc::new(RealDisk), dir.path());
    let mut stored = read_bundle(&folder, 0).unwrap();
    stored.extend(read_bundle(&folder, 1).unwrap());
    stored.extend(log.tail().map(<[u8]>::to_vec));
    assert_eq!(stored, all);

    log.append(520, &[entry(520)]).unwrap();
    let (log, rest) = reopen(dir.path());
    assert_eq!((log.size(), log.base(), rest), (521, 512, TailRest::Clean));
}

#[test]
fn a_bundle_with_other_bytes_stops_the_sealing_and_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = new_log(dir.path());
    let all: Vec<_> = (0..256).map(entry).collect();
    log.append(0, &all).unwrap();
    std::fs::create_dir_all(dir.path().join("tile/entries")).unwrap();
    std::fs::write(dir.path().join("tile/entries/000"), b"other").unwrap();
    let refusal = log.seal(&[], b"").unwrap_err();
    assert!(
        refusal
            .to_string()
            .contains("tile/entries/000 exists with other content")
    );
    assert!(matches!(
        log.append(256, &[entry(256)]),
        Err(LogAppendError::GivenUp)
    ));
    assert_eq!(reopen(dir.path()).0.size(), 256);
}

#[test]
fn a_folder_that_lost_its_log_is_not_a_new_one() {
    let dir = tempfile::tempdir().unwrap();
    let missing = Log::open(Arc::new(RealDisk), dir.path()).unwrap_err();
    assert!(matches!(missing, LogOpenError::NoLog(_)));
    let nowhere = Log::open(Arc::new(RealDisk), &dir.path().join("nowhere")).unwrap_err();
    assert!(matches!(nowhere, LogOpenError::NoLog(_)));
    std::fs::create_dir(dir.path().join("tile")).unwrap();
    let refusal = Log::create(Arc::new(RealDisk), dir.path(), b"").unwrap_err();
    assert!(matches!(refusal, LogOpenError::Exists(_)));
}
