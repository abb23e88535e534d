//! What the program takes from the machine it runs on: disk, lock, clock, random bytes, key files.
//!
//! Everything here can be replaced by a simulation in tests, so that a power cut at any write can
//! be played through and time stands still. What the bytes mean is left to `store`.

pub mod clock;
pub mod disk;
pub mod entropy;
pub mod files;
#[cfg(not(target_family = "wasm"))]
pub mod keyfile;
pub mod lock;
pub mod world;
