//! A stored ledger as both its writer and its verifier know it: which files it has, how its log and its tree
//! are read, and what the index means. Nothing here appends, and nothing judges.
//!
//! | file | knows |
//! |---|---|
//! | `layout` | where a ledger is, and the names of its files |
//! | `folder`, `standing` | what a folder is before anything in it is opened |
//! | `identity` | which ledger a folder has |
//! | `edge` | the right end of chain and tree |
//! | `ahead` | bundles beyond what the tail knows of |
//! | `head` | the newest checkpoint, in the folder and outside it |
//! | `pieces`, `reader`, `prefix` | the entries in their order, and what the first of them amount to |
//! | `view` | what a reader made of the entries before, and of those since |
//! | `survey` | what entries amount to while they go by, for whoever copies them |
//! | `tree`, `proofs` | proofs, made from tiles and tail |
//! | `vkeys` | the keys that sealed it, as others name them |
//! | `published` | each file of a static copy, as the newest checkpoint has it |
//! | `schema`, `warm` | what stands in the index and beside it |
//! | `marks` | when it was last backed up, verified and anchored |
//! | `error` | why a ledger is not opened or cannot be read |

mod error;
mod identity;
mod layout;
mod prefix;
mod published;
mod reader;
mod view;
mod vkeys;

pub(crate) mod ahead;
pub(crate) mod edge;
pub(crate) mod folder;
pub(crate) mod head;
pub mod marks;
pub(crate) mod pieces;
pub mod proofs;
pub(crate) mod schema;
pub(crate) mod standing;
pub(crate) mod survey;
pub mod tree;
pub(crate) mod warm;

pub use ahead::BundlesAheadError;
pub use error::{Blame, LedgerError, OpenError};
pub use identity::LedgerIdentity;
pub(crate) use layout::HEAD_FILE;
pub use layout::{
    BACKUP_FILE, BACKUP_KEY, CHECKPOINT_FILE, COPY_COSIGNED, COSIGNED_FILE, CREATING, HINT_FILE,
    LedgerPlace, RESTORING, SET_ASIDE,
};
pub use prefix::ProvenPrefix;
pub use reader::EntryReader;
pub use standing::{FolderKind, NEXT_CHECKPOINT, standing};
pub use view::{LedgerView, PolicyInForce};
pub use vkeys::sealing_vkeys;
