//! What a pack states, out of what was verified and nothing else.
//!
//! | file | knows |
//! |---|---|
//! | `template` | the SOP's "Rotation Evidence" template (SOP 8) |
//! | `population` | every registered secret, with its age |
//! | `rotations` | what is said of each rotation |
//! | `campaign` | how the rotations stand that were opened under one name |
//! | `attestation` | the same as in-toto Statements |
//! | `keys` | public keys as PEM, and whose they are |
//! | `dossier` | what all of it is made of |
//! | `documents` | the files of a pack that follow from its entries |
//! | `form` | the forms that they have had, and what in them is words |
//!
//! All of it is a function of what was verified: whoever has the entries of a pack makes it again and
//! compares, so that a document that was swapped is found without trusting anybody.

mod attestation;
mod campaign;
mod documents;
mod dossier;
mod form;
mod keys;
mod population;
mod rotations;
mod template;

pub use attestation::statements;
pub use campaign::{CAMPAIGN_COLUMNS, campaign, campaigns};
pub use documents::{POPULATION, PackFacts};
pub use dossier::Dossier;
pub use form::{FactsForm, RENDERINGS, SUMMARY, states_the_same};
pub use keys::trust_lines;
pub use population::{SecretRow, parse as parse_population, rows as population};
pub use template::{NoTemplate, Template, completed, template};
