//! N-11 and N-12: clocks that time tokens contradict, and tokens that say nothing.

use rotation_ledger::time::Timestamp;
use rotation_ledger::timetoken::SignatureFault;
use rotation_ledger::verify::Conclusion;
use rotation_ledger::verify::Report;
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
        signed: Ok(()),
    });
}

fn unsound() -> SignatureFault {
    SignatureFault::Unsound("its certificate's key did not make it".to_owned())
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
}

/// What a report has to say of tokens that say nothing.
fn silent(report: &Report) -> Vec<&str> {
    let notes = report.notes.iter().map(String::as_str);
    notes.filter(|note| note.contains("say")).collect()
}

#[test]
fn what_does_not_fit_brackets_nothing_and_accuses_nobody() {
    let mut story = Story::new();
    let now = story.now;
    stamp(&mut story, now);
    stamp(&mut story, minutes(now, 1));
    let whole = story.stamps[1].response.clone();
    for (bad, why) in [
        (None, "the checkpoint is missing"),
        (Some(Vec::new()), "not what RFC 3161 says"),
        (
            Some(whole[..whole.len() - 1].to_vec()),
            "not what RFC 3161 says",
        ),
        (
            Some([whole.as_slice(), b"x"].concat()),
            "not what RFC 3161 says",
        ),
        (Some(response(b"another", now)), "it is over "),
    ] {
        match bad {
            Some(bytes) => story.stamps[1].response = bytes,
            None => story.stamps[1].checkpoint = None,
        }
        let report = story.verify();
        assert_eq!(story.findings(), []);
        assert_eq!(report.stamped.len(), 1);
        assert_eq!(report.conclusion(false, &[]), Conclusion::Passed);
        let name = format!("the time token {} says nothing: ", story.stamps[1].name);
        let [said] = silent(&report)[..] else {
            panic!("one of {:?}", report.notes);
        };
        assert!(said.starts_with(&name) && said.contains(why), "{said}");
        stamp(&mut story, now);
        story.stamps.swap_remove(1);
    }
}

/// Of any time, over any number of entries, whatever names it: what nobody the reader trusts signed is as if it
/// were not there. A good one beside it counts.
#[test]
fn a_token_that_no_trusted_authority_signed_accuses_nobody_and_proves_nothing() {
    let long_ago: Timestamp = "2020-01-01T00:00:00Z".parse().unwrap();
    let far_ahead: Timestamp = "2099-01-01T00:00:00Z".parse().unwrap();
    for (fault, checked) in [
        (SignatureFault::Unnamed, false),
        (
            SignatureFault::Unsupported("the digest 1.2.3".to_owned()),
            false,
        ),
        (unsound(), true),
        (SignatureFault::Stranger("UnknownIssuer".to_owned()), true),
    ] {
        let mut story = Story::new();
        stamp(&mut story, long_ago);
        stamp(&mut story, far_ahead);
        name_last_token(&mut story);
        story.register("db/next", json!({}));
        for stamp in &mut story.stamps {
            stamp.signed = Err(fault.clone());
        }
        let report = story.verify();
        assert_eq!(report.findings, [], "{fault}");
        assert_eq!(report.conclusion(false, &[]), Conclusion::Passed);
        assert!(brackets(&report.stamped).is_empty());
        let unchecked = report
            .not_checked
            .iter()
            .find(|one| one.contains("who signed"));
        if checked {
            assert_eq!(unchecked, None);
            assert_eq!(silent(&report).len(), 2, "{:?}", report.notes);
            assert!(silent(&report)[0].ends_with(&format!("says nothing: {fault}")));
        } else {
            let told = format!("who signed the 2 time tokens: {fault}");
            assert_eq!(unchecked, Some(&told));
            assert_eq!(silent(&report), [""; 0]);
        }
        assert!(
            !report
                .notes
                .iter()
                .any(|note| note.contains("not after") || note.contains("another clock"))
        );

        let now = story.now;
        stamp(&mut story, now);
        let report = story.verify();
        assert_eq!(report.findings, [], "{fault}");
        let whole = story.entries.len() as u64;
        let ranges = brackets(&report.stamped);
        assert_eq!((ranges[0].0, ranges[0].1, ranges.len()), (0, whole - 1, 1));
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
            // The sealing key's word counts, whoever stamped it.
            signed: Err(unsound()),
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
    // It is nobody's, and lies beside the log.
    assert_eq!(stamped(Story::new().checkpoint_of(5, &mallory)), []);
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
}
