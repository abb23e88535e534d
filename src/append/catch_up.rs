//! How a writer takes in what others put into the log since it looked.
//!
//! Nothing that another writer put is believed: it has to continue the entries that this one knows, and
//! each is checked like one that no checkpoint covers, before anything is placed behind it or signed over it.

use std::collections::BTreeMap;

use crate::append::error::AppendError;
use crate::append::fold::damaged_bundle;
use crate::append::look::{chain, damaged_log, sealed_edge, walk};
use crate::append::writer::Writer;
use crate::store::engine::entries_from;
use crate::store::tail::TailRest;

impl Writer {
    /// Opens the log again and takes in the entries that others put, forgetting what was placed and not
    /// written. After an error the log is given up.
    ///
    /// # Errors
    /// The log cannot be opened, or does not go on from what this writer knows.
    pub(super) fn catch_up(&mut self) -> Result<(), AppendError> {
        let done = self.try_to_catch_up();
        if done.is_err() {
            self.log.give_up();
        }
        done
    }

    fn try_to_catch_up(&mut self) -> Result<(), AppendError> {
        let (log, rest) = self.engine.open_log().map_err(damaged_log)?;
        let mut edge = self.edge.clone();
        for bytes in entries_from(&*self.engine, &*log, edge.size()) {
            chain(&mut edge, &bytes.map_err(damaged_bundle)?)?;
        }
        let sealed = sealed_edge(&*log)?;
        if rest != TailRest::Clean || walk(&*log, &sealed, &mut BTreeMap::new())? != edge {
            return Err(AppendError::DamagedLog(
                "it does not go on from what was appended to it".to_owned(),
            ));
        }
        self.log = log;
        self.sealed = sealed;
        // The edge stays where it was until what stands behind it is checked.
        self.reload_memory()?;
        self.edge = edge;
        self.adopt_next_key();
        if self.log.is_given_up() {
            return Err(AppendError::GivenUp);
        }
        Ok(())
    }
}
