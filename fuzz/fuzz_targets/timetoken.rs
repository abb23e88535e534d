//! Whatever bytes come as a response: read or refused, and what is read holds together. What still counts as
//! signed states what was signed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rotation_ledger::time::Timestamp;
use rotation_ledger::timetoken::{TimeToken, TsaAuthorities, check_signature};

#[path = "../../tests/support/token.rs"]
mod token;

const SIGNED: [(&[u8], &[u8]); 2] = [
    (
        include_bytes!("../../tests/vectors/time/rsa.tsr"),
        include_bytes!("../../tests/vectors/time/rsa.pem"),
    ),
    (
        include_bytes!("../../tests/vectors/time/p256.tsr"),
        include_bytes!("../../tests/vectors/time/p256.pem"),
    ),
];

fuzz_target!(|bytes: &[u8]| {
    check(bytes);
    // Random bytes are hardly ever DER: a good response with a few others in it gets further.
    let now = Timestamp::from_micros(1_700_000_000_000_000);
    let mut edited = token::response(b"checkpoint", now);
    assert!(TimeToken::parse(&edited).is_ok());
    let most = 1 + bytes.len() % 4;
    for edit in bytes.chunks_exact(2).take(most) {
        let at = usize::from(edit[0]) % edited.len();
        edited[at] = edit[1];
    }
    check(&edited);
    for (signed, root) in SIGNED {
        signed_still(bytes, signed, root);
    }
});

/// Edits a token that a real authority signed, at any place, and has it checked by whoever believes that authority.
fn signed_still(bytes: &[u8], signed: &[u8], root: &[u8]) {
    let Ok(authorities) = TsaAuthorities::parse(root) else {
        panic!("a root is no root");
    };
    let mut edited = signed.to_vec();
    let most = 1 + bytes.len() % 4;
    for edit in bytes.chunks_exact(3).take(most) {
        let at = usize::from(u16::from_be_bytes([edit[0], edit[1]])) % edited.len();
        edited[at] = edit[2];
    }
    if check_signature(&edited, Some(&authorities)).is_ok() {
        assert_eq!(TimeToken::parse(&edited), TimeToken::parse(signed));
    }
    let _ = TsaAuthorities::parse(bytes);
}

fn check(bytes: &[u8]) {
    let _ = check_signature(bytes, None);
    if let Ok(token) = TimeToken::parse(bytes) {
        assert!(token.earliest() <= token.time && token.time <= token.latest());
        let longer = [bytes, &[0]].concat();
        assert!(TimeToken::parse(&longer).is_err());
    }
}
