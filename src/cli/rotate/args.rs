//! The flags of `ledger rotate`.

use std::path::PathBuf;

use clap::ArgGroup;

use crate::text::Id;

/// Rotate a secret by its playbook, as far as nobody has to speak
///
/// Opens the rotation, or goes on with the one that is open; runs each step's command of the playbook,
/// records it as `ledger run` does, and stops with 7 where a person has to speak (ledger next shows the
/// command to paste) and with 6 where it is to be tried later. Say the same again to go on: what is
/// recorded as done is not done twice, and a step whose end nobody saw is looked at first. Where a step
/// fails, it goes back by the playbook.
///
/// The playbook is the one in the folder --playbooks that names the secret, or else its class.
///
///   ledger rotate db/orders --dry-run
///   ledger rotate db/orders
///   ledger rotate db/orders --sign-off --field no_window="dual-run, no downtime"
///   ledger rotate db/orders --emergency --why "password in a public log"
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, group = ArgGroup::new("after"))]
pub(crate) struct RotateArgs {
    /// The secret
    #[arg(value_name = "SECRET")]
    pub(super) secret: Id,
    /// The playbook
    #[arg(long, value_name = "FILE")]
    pub(super) playbook: Option<PathBuf>,
    /// The folder of playbooks
    #[arg(long, value_name = "DIR", default_value = "playbooks")]
    #[arg(env = "LEDGER_PLAYBOOKS", hide_env_values = true)]
    pub(super) playbooks: PathBuf,
    /// The rotation to go on with, or the id of the new one [default: the one that waits for something]
    #[arg(long, value_name = "ID")]
    pub(super) rotation: Option<Id>,
    /// Declare an incident and rotate at once: the old version is revoked first (SOP 7)
    #[arg(long, requires = "why")]
    pub(super) emergency: bool,
    /// What is known of the incident, in one line
    #[arg(long, value_name = "TEXT", requires = "emergency")]
    pub(super) why: Option<String>,
    /// Say the people's part that waits for you as well: approval, preconditions, runbook, report,
    /// confirmation
    #[arg(long)]
    pub(super) sign_off: bool,
    /// A field of what is said, of every event that has it or of one; repeat for more
    #[arg(long, value_name = "[EVENT.]NAME=VALUE")]
    pub(super) field: Vec<String>,
    /// Do the step that failed again
    #[arg(long, group = "after")]
    pub(super) retry: bool,
    /// Go back to the old version
    #[arg(long, group = "after")]
    pub(super) roll_back: bool,
    /// Show the plan with every command and what is missing, and do nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// The person for whom a service rotates
    #[arg(long, value_name = "ACTOR")]
    #[arg(env = "LEDGER_ON_BEHALF_OF", hide_env_values = true)]
    pub(super) on_behalf_of: Option<Id>,
}
