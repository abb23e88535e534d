//! What follows a commit: folders at once; witnesses and commands in rounds of their own, so that no append
//! waits for a network.

use super::destination::{AnchorError, Destination};
use super::round::{NewestCheckpoint, WitnessRound};
use super::settings::{AnchorSettings, AnchorSettingsError};
use crate::trust::Trust;

/// What is to be done after a commit, and what was heard since the one before.
#[derive(Debug)]
pub struct CommitPlan {
    /// The folders, which get the newest checkpoint at once.
    pub folders: Vec<Destination>,
    /// Witnesses that did not cosign when they were last asked in a round, where nobody heard it, and why.
    pub refusals: Vec<(String, String)>,
    /// Whether anybody is left for a round.
    pub wants_round: bool,
}

impl CommitPlan {
    /// Publishes to the folders; answers with what went wrong.
    #[must_use]
    pub fn publish(&self, newest: &NewestCheckpoint) -> Vec<AnchorError> {
        let publish = |folder: &Destination| folder.publish(newest.note(), newest.stated());
        let done = self.folders.iter().map(publish);
        done.filter_map(Result::err).collect()
    }
}

impl AnchorSettings {
    /// What a commit is followed by.
    ///
    /// # Errors
    /// The settings cannot be read.
    pub fn after_commit(&self) -> Result<CommitPlan, AnchorSettingsError> {
        let destinations = self.destinations()?;
        let (folders, commands): (Vec<_>, Vec<_>) = destinations.into_iter().partition(is_folder);
        let (trust, book) = (self.witnesses()?, self.book());
        let witnesses = trust.iter().flat_map(Trust::witnesses);
        let refusals = witnesses
            .filter_map(|witness| Some((witness.name.to_string(), book.refusal(witness)?)))
            .collect();
        Ok(CommitPlan {
            folders,
            refusals,
            wants_round: !commands.is_empty() || trust.is_some(),
        })
    }

    /// One round about the newest checkpoint: its witnesses are asked, and then it goes to folders, with the
    /// cosignatures that have come, and to commands. Whether anybody was given it.
    ///
    /// # Errors
    /// The settings cannot be read or written. A witness or a destination that fails is asked the next time.
    pub fn round(&self, newest: &NewestCheckpoint) -> Result<bool, AnchorSettingsError> {
        if let Some(trust) = self.witnesses()? {
            let round = WitnessRound {
                newest,
                settings: self,
                trust: &trust,
                by_hand: false,
            };
            round.ask();
        }
        self.hand_on(newest)
    }

    fn hand_on(&self, newest: &NewestCheckpoint) -> Result<bool, AnchorSettingsError> {
        let note = newest.with_cosignatures();
        let (folders, commands): (Vec<_>, Vec<_>) =
            self.destinations()?.into_iter().partition(is_folder);
        let give = |to: &Destination| to.publish(&note, newest.stated()).is_ok();
        let given = folders.iter().filter(|folder| give(folder)).count();
        if commands.is_empty() || self.handed()? == note.text() {
            return Ok(given > 0);
        }
        let handed = commands.iter().filter(|command| give(command)).count();
        // One that failed gets the next one; there is always a next one to come.
        if handed == commands.len() {
            self.set_handed(note.text())?;
        }
        Ok(given + handed > 0)
    }
}

const fn is_folder(destination: &Destination) -> bool {
    matches!(destination, Destination::Folder(_))
}
