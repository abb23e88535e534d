//! Evidence as bytes: packs, which are one BagIt bag in one zip, both with one form (FORMAT.md, "Evidence
//! pack"), and attestations.
//!
//! | file | knows |
//! |---|---|
//! | `zip` | the one zip that files make, and everything that another one can be |
//! | `bag` | what a bag lists, what is signed, and what can be wrong with that |
//! | `sshsig` | signatures for `ssh-keygen -Y verify` |
//! | `dsse` | statements in envelopes, for programs that collect attestations |
//! | `selection` | what the record of an export says: the line of what a pack was made of, and where secrets end |
//!
//! What stands in the files, and whether it is true, is for others.

mod bag;
mod dsse;
mod selection;
mod sshsig;
mod zip;

pub use bag::Bag;
pub use bag::BagFault;
pub use bag::SIGNATURE;
pub use bag::SSH_SIGNATURE;
pub use bag::TAG_MANIFEST;
pub use dsse::IN_TOTO;
pub use dsse::bundle as in_toto_bundle;
pub use dsse::pre_authentication_encoding;
pub use selection::Form;
pub use selection::Part;
pub use selection::Selection;
pub use selection::SelectionError;
pub use selection::ends;
pub use sshsig::NAMESPACE;
pub use sshsig::public_line;
pub use zip::Files;
pub use zip::ZIP_LIMIT;
pub use zip::ZipError;
pub use zip::check_name;
pub use zip::read as read_zip;
pub use zip::write as write_zip;
