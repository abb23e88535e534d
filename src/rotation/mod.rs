//! One rotation, as its entries tell it: a pure fold, used by `append` to warn and by `verify` to
//! find.
//!
//! | file | knows |
//! |---|---|
//! | `frame` | who says an entry and when, and what a rotation is judged by besides its own entries |
//! | `facts` | what its entries state: approval, replacement, revocation, how it ended |
//! | `state` | the rotation as a whole, and where it stands |
//! | `fold` | which event goes where, and what it is held against whatever it says |
//! | `prepare` | approval, preconditions, replacement, dual-run, validation (SOP 3, 5; 6, Steps 2 and 3) |
//! | `switch` | cutover, health, revocation and its proof (SOP 6, Steps 4 and 5) |
//! | `ending` | completed, confirmed, rolled back, aborted (SOP 6, Step 6; 3) |
//! | `judge` | what a rotation or incident owes at an instant |
//! | `next` | what the SOP asks for next, and who may say it |
//! | `known` | what need not be typed of an event about it |
//! | `entry` | the entry that is being taken, and what it breaks |

mod ending;
mod entry;
mod facts;
mod fold;
mod frame;
mod judge;
mod known;
mod next;
mod prepare;
mod state;
mod switch;

pub use facts::{
    Approval, Completion, DualRun, FailedStep, HealthCheck, Preconditions, Replacement,
    RevokedVersion, RotationEnd,
};
pub use frame::{EntryFrame, EntryMoment, Incident, RotationSetting};
pub use known::{KnownFields, asked_for, campaign_ticket};
pub use next::{ChecklistItem, ItemStanding, NextStep};
pub use state::{Rotation, RotationState};
