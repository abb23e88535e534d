//! Evidence as bytes: packs, which are one BagIt bag in one zip, both with one form (FORMAT.md, "Evidence
//! pack"), and attestations.
//!
//! | file | knows |
//! |---|---|
//! | `zip` | the one zip that files make, and everything that another one can be |
//! | `bag` | what a bag lists, what is signed, and what can be wrong with that |
//! | `again` | packs that were zipped again by another program, or unzipped, and what systems leave beside files |
//! | `sshsig` | signatures for `ssh-keygen -Y verify` |
//! | `dsse` | statements in envelopes, for programs that collect attestations |
//! | `draw` | a sample that can be drawn again |
//! | `selection` | what the record of an export says: the line of what a pack was made of, and where secrets end |
//!
//! What stands in the files, and whether it is true, is for others.

mod again;
mod bag;
mod draw;
mod dsse;
mod selection;
mod sshsig;
mod zip;

pub use again::is_litter;
pub use bag::{Bag, BagFault, MANIFEST, SIGNATURE, SSH_SIGNATURE};
pub use draw::{Draw, DrawSeed, first_cosigned, list as draw_list, listed as draw_listed};
pub use dsse::{IN_TOTO, bundle as in_toto_bundle, pre_authentication_encoding};
pub use selection::{PackPart, Selection, SelectionError, SelectionForm, ends};
pub use sshsig::{NAMESPACE, public_line};
pub use zip::{
    PackFiles, ZIP_LIMIT, ZipError, check_name, read as read_zip, write as write_zip,
    write_each as write_each_in_zip,
};
