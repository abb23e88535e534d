//! The index: keys and values that can be rebuilt from the log at any time, kept by sled.
//!
//! Nothing is lost with this folder, and nothing in it is believed. sled 0.34.7 is not durable in a
//! power cut, panics over damaged files, and opens a truncated one as an empty one. Therefore:
//!
//! - every call is guarded (`guard`): panics, hangs and errors come out as [`IndexError`];
//! - a batch is applied together with [`IndexPosition`], the size and last link of the log that it brings
//!   the index to, so that one that is behind can catch up and one that lies is found out;
//! - an index that cannot be opened, lost its marker, or was being written when the power failed is
//!   renamed aside, and a fresh one made, and why is said: the caller rebuilds it.
//!
//! sled is flushed on closing only; what a crash takes is applied again from the log. Its cost at
//! opening grows with its number of pages, not with the log: keep many small values together
//! ([`packed`]).

#[cfg(not(feature = "index"))]
mod absent;
#[cfg(feature = "index")]
mod db;
#[cfg(feature = "index")]
mod folder;
#[cfg(feature = "index")]
mod guard;
pub mod packed;
mod terms;

#[cfg(not(feature = "index"))]
pub use absent::Index;
#[cfg(not(feature = "index"))]
pub use absent::copy;
#[cfg(feature = "index")]
pub use db::Index;
#[cfg(feature = "index")]
pub use db::copy;
#[cfg(feature = "index")]
pub use folder::SET_ASIDE;
pub use terms::{
    DEFAULT_CACHE, INDEX, IndexChange, IndexError, IndexPair, IndexPosition, IndexTable,
};
