//! Bytes in, bytes out: the log, the attachments and the index of a ledger's folder.
//!
//! Three narrow doors. [`log`] appends opaque entries durably and seals them into bundles; it is
//! the truth. [`blobs`] keeps attachments under their digest. [`index`] is rebuildable at any time
//! from the log, and trusted with nothing. [`image`] is the reader's side: what `verify` looks at,
//! without the writer. [`engine`] is the one door that another engine than the folder has to have. No room here knows what an entry means; that is for `append` and `verify`.

pub mod blobs;
pub mod bundle;
#[cfg(feature = "postgres")]
pub mod database;
pub mod engine;
pub mod image;
pub mod index;
pub mod log;
pub mod publish;
pub mod seal;
pub mod tail;
