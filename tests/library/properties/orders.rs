//! Any events in any order by anybody: nothing panics, and the same bytes give the same report.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use rotation_ledger::event::VOCABULARY;
use rotation_ledger::facts;
use rotation_ledger::text::Line;
use serde_json::Value;
use serde_json::json;

use crate::support::samples;
use crate::support::story::Story;
use crate::support::story::id;

const SPEAKERS: &[&str] = &[
    "sam",
    "sue",
    "pia",
    "olga",
    "otto",
    "ada",
    "robo",
    "eve",
    "the seal of the ledger",
];

/// Few names, so that events meet: some are there from the beginning, some nobody knows.
fn names(field: &str) -> &'static [&'static str] {
    match field {
        "secret" => &["db/orders", "api/billing", "db/other"],
        "rotation" => &["r1", "r2"],
        "incident" => &["inc-1", "inc-2"],
        "actor" | "requested_by" => &["olga", "sam", "newcomer"],
        _ => &["some"],
    }
}

proptest! {
    #![proptest_config(crate::properties::cases(150))]

    #[test]
    fn no_order_of_events_panics_and_reports_are_the_same_twice(
        words in vec((any::<Index>(), any::<Index>(), any::<[u8; 8]>(), 0..3_i64), 1..40),
    ) {
        let mut story = Story::new();
        for (event, who, salt, gap) in words {
            let spec = &VOCABULARY[event.index(VOCABULARY.len())];
            let mut fields = if salt[0] % 2 == 0 { samples::filled(spec) } else { samples::bare(spec) };
            for field in ["secret", "rotation", "incident", "actor", "requested_by"] {
                let pool = names(field);
                if let Some(value) = fields.get_mut(field) {
                    *value = json!(pool[usize::from(salt[1]) % pool.len()]);
                }
            }
            if let Some(Value::Array(rules)) = fields.get_mut("rules") {
                *rules = vec![json!("S-13"), json!("C-30")];
            }
            for time in ["effective", "tested_at", "window_start", "planned_end", "detected", "from", "to"] {
                if let Some(value) = fields.get_mut(time) {
                    *value = json!(format!("@{}", i64::from(salt[2]) - 128));
                }
            }
            if let Some(expires) = fields.get_mut("expires") {
                *expires = json!(format!("@{}", i64::from(salt[3]) * 1_000));
            }
            story.wait(gap * i64::from(salt[4]) * 60);
            story.force(SPEAKERS[who.index(SPEAKERS.len())], spec.name, Value::Object(fields.into_iter().collect()));
        }
        let report = story.verify();
        prop_assert_eq!(report.to_json(), story.verify().to_json());
        if let Some(register) = report.register() {
            prop_assert_eq!(register.get(), &story.register);
            for rotation in register.get().rotations.keys() {
                if let Ok(template) = facts::template(&report, rotation) {
                    prop_assert_eq!(template.to_string().lines().count(), 10);
                }
            }
        }
    }

    #[test]
    fn no_text_forges_a_line_of_the_template(summary in "(\\PC|[\\n\\r\\t\\u{85}\\u{2028}]){1,200}", services in vec("[a-z:/#-]{1,128}", 1..9)) {
        let Ok(summary) = Line::new(summary) else {
            return Ok(());
        };
        let mut story = Story::new();
        let told = json!({ "validation_summary": summary, "impacted_services": services });
        let script = story.standard("r", "db/orders").with("rotation.completed", told);
        story.play(script);
        let text = facts::template(&story.verify(), &id("r")).unwrap().to_string();
        let names: Vec<_> = text.lines().map(|line| line.split(':').next().unwrap().to_owned()).collect();
        let wanted = [
            "Rotation Evidence",
            "- secret_id",
            "- environment",
            "- rotated_by",
            "- rotation_reason",
            "- started_utc",
            "- completed_utc",
            "- impacted_services",
            "- validation_summary",
            "- revoke_confirmed",
        ];
        prop_assert_eq!(names, wanted);
        let printed = text.lines().nth(7).unwrap().strip_prefix("- impacted_services: ").unwrap();
        let read: Vec<_> = printed.split(", ").collect();
        prop_assert_eq!(read, services, "a list reads back from the template");
    }
}
