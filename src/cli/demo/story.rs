//! The story that `ledger demo` plays, as `story.json` tells it: who says what, and how many minutes
//! after the step before. Each step is a draft as `ledger append --json` takes it, but for its times.

use serde::Deserialize;
use serde_json::Value;

use crate::time::Timestamp;

const STORY: &str = include_str!("story.json");
/// Stands for the time of the step that carries it.
const NOW: &str = "now";
/// With minutes behind it, for example `begin+90m`, stands for a time before or after the story began.
const BEGIN: &str = "begin";
const MINUTE: i64 = 60_000_000;

/// One step: minutes since the step before, who says it, what, and a file that shows it.
#[derive(Deserialize)]
pub(super) struct DemoStep {
    pub(super) minutes: i64,
    pub(super) who: String,
    pub(super) draft: Value,
    #[serde(default)]
    pub(super) shown_by: Option<(String, String)>,
}

/// A chapter: its title and its steps.
#[derive(Deserialize)]
pub(super) struct DemoChapter {
    pub(super) title: String,
    pub(super) steps: Vec<DemoStep>,
}

/// The actors besides the founder: key, name, role.
pub(super) const ACTORS: &[(&str, &str, &str)] = &[
    ("pia", "Pia Platform", "platform_owner"),
    ("olga", "Olga Operator", "operator"),
    ("otto", "Otto Operator", "operator"),
];

/// What follows on the enrolments.
pub(super) fn chapters() -> Result<Vec<DemoChapter>, serde_json::Error> {
    serde_json::from_str(STORY)
}

/// The draft with its times filled in, for a story that began at `begin` and has come to `now`.
pub(super) fn dated(mut draft: Value, begin: Timestamp, now: Timestamp) -> Value {
    let fields = draft.as_object_mut();
    for value in fields.into_iter().flat_map(|fields| fields.values_mut()) {
        let minutes = |text: &str| {
            let minutes = text.strip_prefix(BEGIN)?.strip_suffix('m')?;
            minutes.parse::<i64>().ok()
        };
        let time = match value.as_str() {
            Some(NOW) => Some(now),
            text => text
                .and_then(minutes)
                .map(|minutes| Timestamp::from_micros(begin.micros() + minutes * MINUTE)),
        };
        if let Some(time) = time {
            *value = Value::from(time.to_string());
        }
    }
    draft
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_story_can_be_read_and_its_times_are_filled_in() {
        let told = chapters().unwrap();
        assert!(told.iter().all(|chapter| !chapter.steps.is_empty()));
        let at = |seconds| Timestamp::from_unix_seconds(seconds);
        let draft =
            json!({ "event": "x", "a": "now", "b": "begin+2m", "c": "begin-1m", "d": "beginning" });
        let expected = json!({
            "event": "x", "a": at(900).to_string(), "b": at(720).to_string(),
            "c": at(540).to_string(), "d": "beginning",
        });
        assert_eq!(dated(draft, at(600), at(900)), expected);
    }
}
