//! Tables of a key accept what the strict rule accepts, and nothing else.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rotation_ledger::bulk::{SignedMessage, hold};
use rotation_ledger::key::{SecretKey, Signature};

fuzz_target!(|input: (Vec<u8>, [u8; 64], bool)| {
    let (message, noise, is_bent) = input;
    let key = SecretKey::from_seed(&[7; 32]);
    let honest = key.sign(&message);
    let mut bytes = noise;
    if is_bent {
        bytes = *honest.as_bytes();
        bytes.iter_mut().zip(noise).for_each(|(byte, noise)| *byte ^= noise);
    }
    let bent = Signature::from_bytes(bytes);
    let of = |signature| SignedMessage { key: key.public(), message: &message, signature };
    let strict = key.verifier().accepts(&message, &bent);
    // After some of these the key has its table.
    let group: Vec<_> = [&honest, &bent].into_iter().cycle().take(64).map(of).collect();
    let wanted: Vec<_> = [true, strict].into_iter().cycle().take(64).collect();
    assert_eq!(hold(&group), wanted);
});
