//! What each witness of the ledger last cosigned, as this host remembers it.

use std::fmt;

use serde_json::{Value, json};

use crate::time::Timestamp;

use super::settings::{AnchorSettings, AnchorSettingsError};

/// A witness, with the size and the time of its newest cosignature.
pub struct LastCosigned {
    name: String,
    last: Option<(u64, Timestamp)>,
    /// What it said since, where it does not follow this ledger's key.
    refusal: Option<String>,
}

impl AnchorSettings {
    /// The witnesses that were chosen, in the order of the policy; none where none was.
    ///
    /// # Errors
    /// The settings cannot be used.
    pub fn last_cosigned(&self) -> Result<Vec<LastCosigned>, AnchorSettingsError> {
        let Some(trust) = self.witnesses()? else {
            return Ok(Vec::new());
        };
        let book = self.book();
        let witnesses = trust.witnesses().iter();
        Ok(witnesses
            .map(|witness| LastCosigned {
                name: witness.name.to_string(),
                last: book
                    .seen(witness)
                    .map(|(_, stated, time)| (stated.size, Timestamp::from_unix_seconds(time))),
                refusal: book.refusal(witness),
            })
            .collect())
    }
}

impl LastCosigned {
    /// The line for programs.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "name": self.name,
            "size": self.last.map(|(size, _)| size),
            "cosigned_utc": self.last.map(|(_, time)| time.to_seconds()),
            "fault": self.refusal,
        })
    }

    /// Its name in the policy.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many entries it last cosigned, and when, by its own clock.
    #[must_use]
    pub const fn cosigned(&self) -> Option<(u64, Timestamp)> {
        self.last
    }

    /// Whether it was asked since and does not follow this ledger's key.
    #[must_use]
    pub const fn is_unfollowed(&self) -> bool {
        self.refusal.is_some()
    }
}

impl fmt::Display for LastCosigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.last {
            Some((size, time)) => {
                let time = time.to_seconds();
                write!(f, "{}   cosigned size {size}, {time}", self.name)?;
            }
            None => write!(f, "{}   cosigned nothing yet", self.name)?,
        }
        match &self.refusal {
            Some(said) => write!(f, "; last {said}"),
            None => Ok(()),
        }
    }
}
