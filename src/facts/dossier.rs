//! What the documents of a pack are made of.

use std::collections::BTreeMap;

use crate::entry::StoredEntry;
use crate::event::PackExported;
use crate::hash::Blake3Digest;
use crate::pack::Selection;
use crate::text::Id;
use crate::verify::Report;

use super::form::FactsForm;
use super::population::SecretRow;

/// Everything that the documents of a pack are made of.
pub struct Dossier<'a> {
    /// The form of the documents.
    pub form: FactsForm,
    /// The verification of the pack's entries, as of when it was exported.
    pub report: &'a Report,
    /// The entry that records the export.
    pub record: &'a StoredEntry,
    /// What that entry says.
    pub exported: &'a PackExported,
    /// What was selected.
    pub selection: &'a Selection,
    /// The entries, the record among them, in their order.
    pub entries: &'a [StoredEntry],
    /// Every registered secret.
    pub population: &'a [SecretRow],
    /// The attached files that are in the pack.
    pub attached: &'a BTreeMap<Blake3Digest, Vec<u8>>,
}

impl<'a> Dossier<'a> {
    /// The name in the ledger's checkpoints.
    #[must_use]
    pub fn origin(&self) -> &'a str {
        self.report.origin.as_ref().map_or("", Id::as_str)
    }
}
