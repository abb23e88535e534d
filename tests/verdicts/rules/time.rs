//! N-10 to N-13: time tokens, and clocks that they contradict.

use rotation_ledger::time::Timestamp;
use rotation_ledger::verify::Conclusion;
use rotation_ledger::verify::TokenOnFile;
use rotation_ledger::verify::brackets;
use serde_json::json;

use crate::support::story::Story;
use crate::support::story::sealing_key;
use crate::support::token::response;

/// Has the ledger as it is now stamped at `time`.
fn stamp(story: &mut Story, time: Timestamp) {
    let checkpoint = story.checkpoint_of(story.entries.len(), &sealing_key());
    let stem = format!("timestamps/{}-0", story.entries.len());
    story.stamps.push(TokenOnFile {
        name: format!("{stem}.tsr"),
        response: response(&checkpoint, time),
        checkpoint_name: format!("{stem}.checkpoint"),
        checkpoint: Some(checkpoint),
        signed: None,
    });
}

fn minutes(time: Timestamp, minutes: i64) -> Timestamp {
    Timestamp::from_micros(time.micros() + minutes * 60_000_000)
}

/// Attaches the token that was had last, so that the entry is not older than it.
fn name_last_token(story: &mut Story) -> u64 {
    let token = story.stamps.last().unwrap().response.clone();
    story.name_token(&token)
}

rule_tests! {
    N10 {
        raises: |story| {
            let now = story.now;
            stamp(story, now);
            // Of another ledger, or of none.
            story.stamps[0].checkpoint = Some(b"something else".to_vec());
            None
        },
        spares: |story| {
            let now = story.now;
            stamp(story, now);
        }
    }
    N11 {
        raises: |story| {
            let before = story.now;
            story.wait(60);
            let at = story.register("db/late", json!({}));
            story.wait(60);
            story.register("db/later", json!({}));
            stamp(story, minutes(before, 10));
            at
        },
        spares: |story| {
            // As far apart as clocks may be.
            let at = minutes(story.now, -5);
            stamp(story, at);
            story.wait(60);
            story.register("db/later", json!({}));
        }
    }
    N12 {
        raises: |story| {
            let ahead = minutes(story.now, 30);
            stamp(story, ahead);
            let at = name_last_token(story);
            story.register("db/next", json!({}));
            at
        },
        spares: |story| {
            // Had later than the entries that follow its checkpoint: they do not name it.
            let ahead = minutes(story.now, 30);
            stamp(story, ahead);
            story.register("db/next", json!({}));
            story.wait(30);
            name_last_token(story);
        }
    }
    N13 {
        raises: |story| {
            let now = story.now;
            stamp(story, now);
            story.stamps[0].signed = Some(Err("openssl does not verify it".to_owned()));
            None
        },
        spares: |story| {
            let now = story.now;
            stamp(story, now);
            story.stamps[0].signed = Some(Ok(()));
        }
    }
}

#[test]
fn what_does_not_fit_brackets_nothing() {
    let mut story = Story::new();
    let now = story.now;
    stamp(&mut story, now);
    stamp(&mut story, minutes(now, 1));
    let whole = story.stamps[1].response.clone();
    for bad in [
        None,
        Some(Vec::new()),
        Some(whole[..whole.len() - 1].to_vec()),
        Some([whole.as_slice(), b"x"].concat()),
        Some(response(b"another", now)),
    ] {
        match bad {
            Some(bytes) => story.stamps[1].response = bytes,
            None => story.stamps[1].checkpoint = None,
        }
        let report = story.verify();
        assert_eq!(story.findings(), [("N-10", None)]);
        assert_eq!(report.stamped.len(), 1);
        assert_eq!(report.conclusion(false, &[]), Conclusion::Broken);
        stamp(&mut story, now);
        story.stamps.swap_remove(1);
    }
}

/// Each stamped checkpoint is held against the entries and its seal like any that is kept.
#[test]
fn a_token_over_a_checkpoint_that_the_ledger_contradicts() {
    let stamped = |checkpoint: Vec<u8>| {
        let mut story = Story::new();
        let now = story.now;
        story.stamps.push(TokenOnFile {
            name: "token".to_owned(),
            response: response(&checkpoint, now),
            checkpoint_name: "checkpoint".to_owned(),
            checkpoint: Some(checkpoint),
            signed: None,
        });
        story.findings()
    };
    let mut longer = Story::new();
    longer.register("db/more", json!({}));
    let all = longer.entries.len();
    assert_eq!(
        stamped(longer.checkpoint_of(all, &sealing_key())),
        [("N-01", None)]
    );
    let mut other = Story::founded();
    other.register("db/other", json!({}));
    let root = other.checkpoint_of(other.entries.len(), &sealing_key());
    assert_eq!(stamped(root), [("N-02", None)]);
    let mallory = crate::support::story::key_of("mallory");
    assert_eq!(
        stamped(Story::new().checkpoint_of(5, &mallory)),
        [("N-03", None)]
    );
}

#[test]
fn entries_are_bracketed_and_the_age_is_told() {
    let mut story = Story::new();
    let first = story.entries.len() as u64;
    let begun = story.now;
    stamp(&mut story, begun);
    story.wait_days(3);
    story.register("db/next", json!({}));
    let second = story.entries.len() as u64;
    let later = story.now;
    stamp(&mut story, later);
    let at = name_last_token(&mut story);
    story.wait_days(4);
    let report = story.verify();
    assert_eq!(report.findings, []);
    let ranges: Vec<_> = brackets(&report.stamped)
        .iter()
        .map(|(from, to, one)| (*from, *to, one.not_after))
        .collect();
    assert_eq!(ranges, [(0, first - 1, begun), (first, second - 1, later)]);
    assert_eq!(report.stamped[1].named_by, Some(at));
    for told in [
        format!(
            "entries 0 to {}: not after {begun} by the time token timestamps/{first}-0.tsr",
            first - 1
        ),
        format!("entry {first}: not after {later} by the time token timestamps/{second}-0.tsr"),
        format!(
            "entries from {at} on: not before {later}, since entry {at} names timestamps/{second}-0.tsr"
        ),
        format!(
            "the newest time by another clock is {later}, 4 days old as of {}",
            story.now.to_seconds()
        ),
    ] {
        assert!(
            report.notes.contains(&told),
            "{told:?} in {:#?}",
            report.notes
        );
    }
    let told = "who signed the 2 time tokens: no certificate of their authority was given";
    assert!(
        report.not_checked.iter().any(|one| one == told),
        "{:?}",
        report.not_checked
    );
    for stamp in &mut story.stamps {
        stamp.signed = Some(Ok(()));
    }
    let left = story.verify().not_checked;
    assert!(
        !left.iter().any(|one| one.contains("who signed")),
        "{left:?}"
    );
}
