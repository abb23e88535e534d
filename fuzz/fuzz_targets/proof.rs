//! No hashes are taken for a proof of what they do not prove, and none make the checks panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rotation_ledger::hash::LeafHash;
use rotation_ledger::hash::NodeHash;
use rotation_ledger::merkle::ConsistencyProof;
use rotation_ledger::merkle::INCLUSION_LIMIT;
use rotation_ledger::merkle::InclusionProof;
use rotation_ledger::merkle::ProofError;

fuzz_target!(|input: (u64, u64, Vec<[u8; 32]>)| {
    let (first, size, hashes) = input;
    let hashes: Vec<NodeHash> = hashes.into_iter().map(NodeHash::from_bytes).collect();
    let leaf = LeafHash::of(b"entry");
    let root = NodeHash::from_bytes([7; 32]);

    let proof = InclusionProof::from_hashes(hashes.clone());
    match proof.check(first, leaf, size, root) {
        Ok(()) => panic!("a root was found by chance"),
        Err(ProofError::Length { needed, .. }) => assert!(needed <= INCLUSION_LIMIT),
        Err(_) => {}
    }
    // One hash more than an inclusion proof: where the earlier tree ends inside a subtree. (Requests to
    // a witness may hold 63, CONSISTENCY_LIMIT: the sizes there stay below 2^63.)
    let proof = ConsistencyProof::from_hashes(hashes);
    match proof.check((first, NodeHash::empty()), (size, root)) {
        Ok(()) => panic!("two roots were found by chance"),
        Err(ProofError::Length { needed, .. }) => assert!(needed <= INCLUSION_LIMIT + 1),
        Err(_) => {}
    }
});
