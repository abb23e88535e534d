//! Evidence packs out of a ledger: what goes in, and what is kept so that a pack can be made again.
//!
//! | file | knows |
//! |---|---|
//! | `host` | the ledger, and the key that signs packs |
//! | `kept` | what a pack rested on that the ledger itself may lose |
//! | `assemble` | what of a ledger a pack has |
//! | `make` | the bytes of a pack, and what its record says |
//! | `sample` | what a sample was drawn from, and what it left out |
//! | `error` | why there is none |
//!
//! A pack is made of the ledger as it was when its `pack.exported` was recorded, and of nothing else, so
//! that it can be made again byte for byte. What goes in is verified like a stranger's pack, and the zip is read again
//! before it gets its name: nothing is believed for having been made here.

mod assemble;
mod error;
mod host;
mod kept;
mod make;
mod sample;

pub use error::ExportError;
pub use host::{Export, PACK_KEY};
pub use make::{ExportedPack, payload};
pub use sample::{DrawnRotation, DrawnSample, cosigned_seed, draw};
