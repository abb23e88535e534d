//! What only a person can know, asked for where one sits at a terminal.

use crate::cli::exit::CommandError;
use crate::cli::ui::Ui;
use crate::event::EventSpec;
use crate::time::Timestamp;

use super::flags::{to_say, unsaid};
use super::naming::long_name;
use super::read::{Fields, take};

/// Asks for what is unsaid, where somebody can be asked; an empty answer says nothing.
///
/// # Errors
/// Nobody answers any more.
pub(crate) fn ask(
    ui: &mut Ui,
    spec: &'static EventSpec,
    said: &mut Fields,
    now: Timestamp,
) -> Result<(), CommandError> {
    if !ui.can_ask() {
        return Ok(());
    }
    let fields: Vec<_> = unsaid(spec, said).collect();
    for field in fields {
        let help = field.help.trim();
        let name = long_name(field);
        loop {
            let (event, form) = (spec.name, to_say(field));
            let answer = ui.ask(&format!("{event}: {help}\n  {name} ({form}): "));
            let answer = answer.map_err(CommandError::usage)?;
            if answer.is_empty() {
                break;
            }
            match take(said, field, &answer, now) {
                Ok(()) => break,
                Err(fault) => ui.talk(&format!("  {name} {fault}")),
            }
        }
    }
    Ok(())
}
