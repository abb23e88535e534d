//! Anchors: the newest checkpoint where the ledger's host cannot rewrite it.
//!
//! | file | knows |
//! |---|---|
//! | `choose` | which witnesses were chosen, by a policy or one by one |
//! | `settings` | where checkpoints go and whom to ask, as the ledger's operator chose |
//! | `destination` | folders and commands that take checkpoints |
//! | `ask` | the dialogue with one witness |
//! | `round` | all witnesses asked about the newest checkpoint, and what that comes to |
//! | `accept` | what a witness signed without a network |
//! | `commit` | what follows a commit, at once and in rounds |
//! | `last` | what each witness last cosigned |
//! | `cosigned` | what witnesses have signed, and the newest checkpoint with enough of it |
//!
//! Nothing here holds up an append or fails one: it happens after the receipts, and what goes wrong
//! is a notice.

mod accept;
mod ask;
mod choose;
mod commit;
mod cosigned;
mod destination;
mod last;
mod round;
mod settings;

pub use accept::{AcceptError, AcceptedLines};
pub use ask::{CosignError, CosignQuestion, WitnessCosignature, ask};
pub use choose::ChoiceError;
pub use commit::CommitPlan;
pub use cosigned::{CosignatureBook, WHENEVER};
pub use destination::{AnchorError, AnchorOutcome, Destination};
pub use last::LastCosigned;
pub use round::{NewestCheckpoint, RoundConclusion, WitnessAnswers, WitnessRound};
pub use settings::{AnchorSettings, AnchorSettingsError};
