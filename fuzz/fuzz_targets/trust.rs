//! Trust files and receipts: any bytes are read in one way or refused, and what was read is written
//! back as it was.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rotation_ledger::proof::TlogProof;
use rotation_ledger::trust::Trust;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(trust) = Trust::parse(bytes) {
        let _ = trust.judge(bytes, u64::MAX);
    }
    if let Ok(proof) = TlogProof::parse(bytes) {
        assert_eq!(proof.to_string().as_bytes(), bytes);
        if let Ok(trust) = Trust::parse(b"quorum none\n") {
            assert!(proof.check(bytes, &trust, u64::MAX).is_err());
        }
    }
});
