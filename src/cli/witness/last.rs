//! What each witness of the ledger last cosigned, as this host remembers it.

use std::fmt;

use serde_json::Value;
use serde_json::json;

use crate::anchor::Book;
use crate::cli::context::Context;
use crate::cli::exit::Failure;
use crate::cli::ui::seconds;
use crate::note::NoteKey;

/// A witness, with the size and the time of its newest cosignature.
pub(crate) struct LastCosigned {
    name: String,
    last: Option<(u64, u64)>,
    /// What it said since, where it does not follow this ledger's key.
    refusal: Option<String>,
}

/// What the operator of a witness has to do so that it follows a ledger that is sealed by `key`, where
/// it does not follow successors by itself, or no key that it follows has named this one.
pub(crate) fn how_to_follow(key: &NoteKey) -> String {
    format!("next: on the witness's machine: ledger witness add-log --dir DIR --log {key}")
}

/// The witnesses that were chosen, in the order of the policy; none where none was.
pub(crate) fn last_cosigned(context: &Context) -> Result<Vec<LastCosigned>, Failure> {
    let (_, settings) = context.anchoring()?;
    let Some(trust) = settings.witnesses()? else {
        return Ok(Vec::new());
    };
    let book = Book::new(context.world.disk.clone(), settings.dir());
    let witnesses = trust.witnesses().iter();
    Ok(witnesses
        .map(|witness| LastCosigned {
            name: witness.name.to_string(),
            last: book
                .seen(witness)
                .map(|(_, stated, time)| (stated.size, time)),
            refusal: book.refusal(witness),
        })
        .collect())
}

impl LastCosigned {
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "name": self.name,
            "size": self.last.map(|(size, _)| size),
            "cosigned_utc": self.last.map(|(_, time)| seconds(time)),
            "fault": self.refusal,
        })
    }

    /// Whether it was asked since and does not follow this ledger's key.
    pub(crate) const fn is_unfollowed(&self) -> bool {
        self.refusal.is_some()
    }
}

impl fmt::Display for LastCosigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.last {
            Some((size, time)) => {
                write!(f, "{}   cosigned size {size}, {}", self.name, seconds(time))?;
            }
            None => write!(f, "{}   cosigned nothing yet", self.name)?,
        }
        match &self.refusal {
            Some(said) => write!(f, "; last {said}"),
            None => Ok(()),
        }
    }
}
