//! Evidence for people, out of what was verified and nothing else.
//!
//! | file | knows |
//! |---|---|
//! | `template` | the SOP's "Rotation Evidence" template (SOP 8) |
//! | `population` | every registered secret, with its age |
//! | `rotations` | what is said of each rotation |
//! | `attestation` | the same as in-toto Statements |
//! | `documents` | the files of a pack that follow from its entries, byte for byte |
//! | `tables` | rows as CSV and JSON |
//! | `by_hand` | how a pack is checked with other people's programs |
//! | `keys` | public keys as PEM, and whose they are |
//!
//! The documents are a function of what was verified: whoever has the entries of a pack makes them
//! again and compares, so that a report that was swapped is found without trusting anybody.

mod attestation;
mod by_hand;
mod documents;
mod keys;
mod population;
mod rotations;
mod tables;
mod template;

pub use attestation::statements;
pub use documents::Dossier;
pub use documents::FORM;
pub use documents::POPULATION;
pub use documents::SUMMARY;
pub use documents::documents;
pub use documents::form_of;
pub use population::Row;
pub use population::parse as parse_population;
pub use population::rows as population;
pub use template::NoTemplate;
pub use template::Template;
pub use template::completed;
pub use template::template;
