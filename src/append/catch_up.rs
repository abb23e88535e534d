//! How a writer takes in what others put into the log since it looked.
//!
//! Nothing that another writer put is believed: it has to continue the entries that this one knows, and
//! each is checked like one that no checkpoint covers, before anything is placed behind it or signed over it.

use std::collections::BTreeMap;

use crate::append::error::AppendError;
use crate::append::fold::damaged_bundle;
use crate::append::look::{chain, damaged_log, sealed_edge, walk};
use crate::append::writer::Writer;
use crate::hash::NodeHash;
use crate::ledger::edge::Edge;
use crate::store::bundle::BUNDLE_ENTRIES;
use crate::store::engine::{EngineLog, read_bundle};
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
        let damaged = |fault: &str| AppendError::DamagedLog {
            fault: fault.to_owned(),
        };
        if rest != TailRest::Clean {
            return Err(damaged("a write to it was cut off"));
        }
        let sealed = sealed_edge(&*log)?;
        let known = self.known_in(&*log)?;
        let mut roots = BTreeMap::from([(known.size(), NodeHash::empty())]);
        let edge = walk(&*log, &sealed, &mut roots)?;
        if edge.size() < known.size() || roots.get(&known.size()) != Some(&known.root()) {
            return Err(damaged("it does not go on from what was appended to it"));
        }
        self.log = log;
        self.sealed = sealed;
        // The edge stays where it was until what stands behind it is checked.
        self.reload_memory()?;
        self.edge = edge;
        self.adopt_next_key();
        Ok(())
    }

    /// The edge of what this writer knows, moved on to the end of the bundles where that is behind it.
    fn known_in(&self, log: &dyn EngineLog) -> Result<Edge, AppendError> {
        let width = BUNDLE_ENTRIES as u64;
        let mut known = self.edge.clone();
        for n in self.size() / width..log.base() / width {
            let bundle = read_bundle(&*self.engine, n).map_err(damaged_bundle)?;
            let unknown = known.size() % width;
            for bytes in bundle.iter().skip(unknown as usize) {
                chain(&mut known, bytes)?;
            }
        }
        Ok(known)
    }
}
