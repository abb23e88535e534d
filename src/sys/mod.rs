//! The machine below the ledger: the disk and the writer's lock.
//!
//! Everything here can be replaced by a simulation in tests, so that a power cut at any write can
//! be played through. What the bytes mean is left to `store`.

pub mod disk;
pub mod lock;
