//! Bad input: each is refused with its own reason, and nothing is recorded.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::support::ledger::House;
use crate::support::ledger::NOW;
use crate::support::ledger::opened;
use crate::support::ledger::receipts;
use crate::support::ledger::refusal;
use crate::support::ledger::secret;
use crate::support::ledger::seen;
use rotation_ledger::append::AppendError;
use rotation_ledger::append::Submission;
use rotation_ledger::append::Writer;
use rotation_ledger::append::draft::Draft;
use rotation_ledger::append::draft::DraftError;
use rotation_ledger::event::Event;
use rotation_ledger::hash::LedgerId;
use rotation_ledger::key::SecretKey;
use rotation_ledger::key::Signature;
use rotation_ledger::ledger::Blame;
use rotation_ledger::statement::SignedStatement;
use rotation_ledger::statement::Statement;
use serde_json::Value;
use serde_json::json;

/// Every file in the ledger's folder with its bytes, except what only says who holds the lock.
fn everything(house: &House) -> BTreeSet<(String, Vec<u8>)> {
    fn walk(dir: &Path, found: &mut BTreeSet<(String, Vec<u8>)>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if !path.ends_with("lock") {
                found.insert((path.display().to_string(), fs::read(&path).unwrap()));
            }
        }
    }
    let mut found = BTreeSet::new();
    walk(&house.place.dir, &mut found);
    found
}

/// The same without the index: being asked, and opened for that, changes its files.
fn the_ledger(house: &House) -> BTreeSet<(String, Vec<u8>)> {
    let index = house.path("index").display().to_string();
    let mut found = everything(house);
    found.retain(|(path, _)| !path.starts_with(&index));
    found
}

/// Appends what must be refused, makes sure that no trace of it is left, and returns the reason.
fn refused(house: &House, writer: &mut Writer, submission: Submission) -> AppendError {
    let before = (writer.size(), the_ledger(house));
    let fault = refusal(writer.append(vec![submission.clone()]));
    let tried = writer.check(&submission).unwrap_err();
    assert_eq!(
        tried.to_string(),
        fault.to_string(),
        "the dry run says the same"
    );
    assert_eq!((writer.size(), the_ledger(house)), before, "{fault}");
    assert_eq!(fault.blame(), Blame::Refused, "{fault}");
    fault
}

/// The message with which a rule refuses what `key` says.
fn denied(
    house: &House,
    writer: &mut Writer,
    key: &SecretKey,
    draft: Value,
) -> (&'static str, String) {
    let submission = house.sign(writer.ledger(), key, draft);
    match refused(house, writer, submission) {
        AppendError::Denied(denial) => (denial.rule.id, denial.message),
        other => panic!("{other}"),
    }
}

#[test]
fn who_may_not_speak() {
    let house = House::furnished();
    let mut writer = house.open();
    let stranger = SecretKey::from_seed(&[9; 32]);
    let (rule, message) = denied(&house, &mut writer, &stranger, seen(1));
    assert_eq!(rule, "A-01");
    assert!(message.contains("not enrolled"), "{message}");

    let (rule, message) = denied(&house, &mut writer, &house.operator, secret("db/other"));
    assert_eq!(rule, "A-02");
    assert!(message.contains("olga is operator"), "{message}");

    let revoke = json!({"event": "actor.revoked", "actor": "olga", "reason": "left"});
    receipts(writer.append(vec![house.sign(writer.ledger(), &house.owner, revoke)]));
    let (rule, message) = denied(&house, &mut writer, &house.operator, seen(1));
    assert_eq!(rule, "A-01");
    assert!(message.contains("revoked by entry 4"), "{message}");
}

#[test]
fn a_service_needs_a_person() {
    let house = House::furnished();
    let mut writer = house.open();
    let robot = SecretKey::from_seed(&[8; 32]);
    let enrol = json!({
        "event": "actor.enrolled", "actor": "robot", "name": "Rotator", "kind": "service", "roles": ["operator"],
        "key": robot.public(), "possession": robot.prove_possession(),
    });
    receipts(writer.append(vec![house.sign(writer.ledger(), &house.owner, enrol)]));
    assert_eq!(denied(&house, &mut writer, &robot, seen(1)).0, "A-07");
    let mut draft = seen(1);
    draft["on_behalf_of"] = json!("nobody");
    assert_eq!(denied(&house, &mut writer, &robot, draft.clone()).0, "A-07");
    draft["on_behalf_of"] = json!("olga");
    receipts(writer.append(vec![house.sign(writer.ledger(), &robot, draft)]));
}

#[test]
fn what_is_not_there_cannot_be_spoken_of() {
    let house = House::furnished();
    let mut writer = house.open();
    let mut unknown_secret = opened("rot-1");
    unknown_secret["secret"] = json!("db/unknown");
    let (rule, message) = denied(&house, &mut writer, &house.operator, unknown_secret);
    assert_eq!(rule, "C-01");
    assert!(message.contains("db/unknown"), "{message}");
    let step = json!({"event": "dual_run.not_supported", "rotation": "rot-9", "reason": "a", "mitigation": "b"});
    assert_eq!(denied(&house, &mut writer, &house.operator, step).0, "C-01");
    let taken = secret("db/orders");
    assert_eq!(
        denied(&house, &mut writer, &house.platform, taken).0,
        "C-02"
    );
}

#[test]
fn a_second_creation_is_refused() {
    let house = House::furnished();
    let mut writer = house.open();
    let created = json!({
        "event": "ledger.created", "origin": "ledger.example/two", "sealing_key": house.platform.public(),
        "actor": "ann", "name": "Ann", "key": house.owner.public(), "possession": house.owner.prove_possession(),
    });
    let (rule, message) = denied(&house, &mut writer, &house.owner, created);
    assert_eq!(rule, "I-10");
    assert!(message.contains("second ledger.created"), "{message}");
}

#[test]
fn only_prod_is_in_scope() {
    let mut draft = opened("rot-1");
    draft["environment"] = json!("staging");
    let fault = Draft::from_json(&draft.to_string()).unwrap_err();
    assert!(fault.to_string().contains("out of scope"), "{fault}");
    assert_eq!(fault.blame(), Blame::Refused);
}

#[test]
fn times_before_2000_and_over_five_minutes_ahead_are_refused() {
    let house = House::furnished();
    let mut writer = house.open();
    let at = |time: &str| {
        let mut draft = seen(1);
        draft["occurred_utc"] = json!(time);
        house.sign(writer_id(&house), &house.operator, draft)
    };
    for time in ["1999-12-31T23:59:59.999999Z", "2026-11-23T09:05:00.000001Z"] {
        let fault = refused(&house, &mut writer, at(time));
        assert!(matches!(fault, AppendError::Time { .. }), "{time}: {fault}");
    }
    for time in ["2000-01-01T00:00:00Z", NOW, "2026-11-23T09:05:00Z"] {
        receipts(writer.append(vec![at(time)]));
    }
}

fn writer_id(house: &House) -> LedgerId {
    let toml = fs::read_to_string(house.path("ledger.toml")).unwrap();
    let line = toml
        .lines()
        .find_map(|line| line.strip_prefix("ledger = "))
        .unwrap();
    line.trim_matches('"').parse().unwrap()
}

#[test]
fn a_signature_that_does_not_hold_is_refused() {
    let house = House::furnished();
    let mut writer = house.open();
    let good = house.seen(writer.ledger(), 1);
    let mut signature = *good.statement.signature().as_bytes();
    signature[0] ^= 1;
    let forged = |bytes: Vec<u8>, signature| {
        Submission::new(
            SignedStatement::from_parts(bytes, Signature::from_bytes(signature)),
            Vec::new(),
        )
    };
    let fault = refused(
        &house,
        &mut writer,
        forged(good.statement.bytes().to_vec(), signature),
    );
    assert!(matches!(fault, AppendError::BadSignature(_)), "{fault}");

    // The same words under another's signature.
    let mut statement = Statement::decode(good.statement.bytes()).unwrap();
    statement.author = house.owner.public();
    let other = statement.encode().unwrap();
    let fault = refused(
        &house,
        &mut writer,
        forged(other, *good.statement.signature().as_bytes()),
    );
    assert!(matches!(fault, AppendError::BadSignature(_)), "{fault}");

    // A key that no signature should count for: the point of order two, with a signature of zeros.
    let mut weak = [0xff; 32];
    weak[0] = 0xec;
    weak[31] = 0x7f;
    statement.author = rotation_ledger::key::PublicKey::from_bytes(weak);
    let fault = refused(
        &house,
        &mut writer,
        forged(statement.encode().unwrap(), [0; 64]),
    );
    assert!(matches!(fault, AppendError::BadSignature(_)), "{fault}");
}

#[test]
fn a_bad_signature_is_found_in_a_large_batch_too() {
    let house = House::furnished();
    let mut writer = house.open();
    let ledger = writer.ledger();
    let mut batch: Vec<_> = (0..40).map(|n| house.seen(ledger, n)).collect();
    let other = batch[1].statement.signature().to_owned();
    batch[33].statement = SignedStatement::from_parts(batch[33].statement.bytes().to_vec(), other);
    let outcome = writer.append(batch);
    assert_eq!(outcome.receipts.len(), 33);
    assert!(matches!(refusal(outcome), AppendError::BadSignature(_)));
}

#[test]
fn a_statement_for_another_ledger_is_refused() {
    let house = House::furnished();
    let mut writer = house.open();
    let foreign = house.seen(LedgerId::from_bytes([7; 32]), 1);
    assert!(matches!(
        refused(&house, &mut writer, foreign),
        AppendError::OtherLedger
    ));
}

#[test]
fn bytes_that_are_no_statement_are_refused() {
    let house = House::furnished();
    let mut writer = house.open();
    let good = house.seen(writer.ledger(), 1).statement;
    let with = |bytes: Vec<u8>| {
        Submission::new(
            SignedStatement::from_parts(bytes, *good.signature()),
            Vec::new(),
        )
    };
    let mut longer = good.bytes().to_vec();
    longer.push(0);
    let mut newer = good.bytes().to_vec();
    newer[0] = 2;
    let invalid_utf8 = {
        let mut bytes = good.bytes().to_vec();
        let at = bytes.windows(5).position(|w| w == b"vault").unwrap();
        bytes[at] = 0xff;
        bytes
    };
    for bytes in [
        Vec::new(),
        good.bytes()[..50].to_vec(),
        longer,
        newer,
        invalid_utf8,
    ] {
        let fault = refused(&house, &mut writer, with(bytes));
        assert!(matches!(fault, AppendError::Malformed(_)), "{fault}");
    }
}

#[test]
fn text_over_its_limit_or_with_control_characters_makes_no_draft() {
    for (field, value) in [
        ("observed", "x".repeat(1025)),
        ("observed", "a\nb".to_owned()),
        ("observed", "a\u{1b}[2Jb".to_owned()),
        ("record", "r".repeat(513)),
    ] {
        let mut draft = seen(1);
        draft[field] = json!(value);
        let fault = Draft::from_json(&draft.to_string()).unwrap_err();
        assert!(fault.to_string().contains(&format!("`{field}`")), "{fault}");
    }
}

#[test]
fn an_entry_of_more_than_65535_bytes_is_refused() {
    let house = House::furnished();
    let mut writer = house.open();
    // Its statement just fits; the entry around it does not.
    let items = |count: usize| {
        let remediation: Vec<_> = (0..count)
            .map(|n| format!("{n:03}{}", "x".repeat(600)))
            .collect();
        json!({
            "event": "post_incident.reported", "incident": "inc-1", "report": "wiki/1", "timeline": "none",
            "remediation": remediation,
        })
    };
    let largest = (90..120)
        .map(|count| Draft::from_json(&items(count).to_string()).unwrap())
        .map(|draft| draft.sign(writer.ledger(), &house.owner, &house.world, Vec::new(), &[]))
        .take_while(Result::is_ok)
        .last()
        .unwrap()
        .unwrap();
    let fill = 65_535 - largest.statement.bytes().len();
    let draft = Draft::from_json(&items(90).to_string()).unwrap();
    let Event::PostIncidentReported(mut reported) = draft.event.clone() else {
        panic!()
    };
    reported.timeline = rotation_ledger::text::Prose::new("y".repeat(8000)).unwrap();
    let declared = json!({
        "event": "incident.declared", "incident": "inc-1", "secret": "db/orders", "trigger": "policy_breach",
        "detected": NOW, "summary": "s",
    });
    receipts(writer.append(vec![house.sign(writer.ledger(), &house.operator, declared)]));
    assert!(fill < 700, "{fill}");
    let mut statement = Statement::decode(largest.statement.bytes()).unwrap();
    let Event::PostIncidentReported(ref mut reported) = statement.event else {
        panic!()
    };
    let room = 65_535 - largest.statement.bytes().len();
    reported.timeline = rotation_ledger::text::Prose::new("y".repeat(4 + room)).unwrap();
    assert_eq!(statement.encode().unwrap().len(), 65_535);
    let submission = Submission::new(statement.sign(&house.owner).unwrap(), Vec::new());
    let before = writer.size();
    let fault = refusal(writer.append(vec![submission]));
    assert!(matches!(fault, AppendError::Malformed(_)), "{fault}");
    assert_eq!(writer.size(), before);
}

#[test]
fn attachments_that_are_not_what_the_statement_names_are_refused() {
    let house = House::furnished();
    let mut writer = house.open();
    let draft =
        json!({"event": "evidence.attached", "secret": "db/orders", "description": "output"});
    let good = house.sign_with(
        writer.ledger(),
        &house.operator,
        draft.clone(),
        &[b"it works"],
    );
    for (files, expected) in [
        (vec![], "1 attachments; 0 files"),
        (
            vec![b"it works".to_vec(), b"more".to_vec()],
            "1 attachments; 2 files",
        ),
        (vec![b"it worked".to_vec()], "is not the file"),
        (vec![b"it workS".to_vec()], "is not the file"),
        (vec![Vec::new()], "is empty"),
    ] {
        let fault = refused(
            &house,
            &mut writer,
            Submission::new(good.statement.clone(), files),
        );
        assert!(fault.to_string().contains(expected), "{fault}");
    }
    let bare = Draft::from_json(&draft.to_string()).unwrap();
    let fault = bare
        .sign(
            writer.ledger(),
            &house.operator,
            &house.world,
            Vec::new(),
            &[],
        )
        .unwrap_err();
    assert!(matches!(fault, DraftError::NoEvidence));
    receipts(writer.append(vec![good]));
}

#[test]
fn evidence_without_a_file_is_refused_whoever_signed_it() {
    let house = House::furnished();
    let mut writer = house.open();
    let draft =
        json!({"event": "evidence.attached", "secret": "db/orders", "description": "output"});
    let signed = house.sign_with(writer.ledger(), &house.operator, draft, &[b"it works"]);
    let mut statement = Statement::decode(signed.statement.bytes()).unwrap();
    statement.attachments.clear();
    let bare = Submission::new(statement.sign(&house.operator).unwrap(), Vec::new());
    assert!(matches!(
        refused(&house, &mut writer, bare),
        AppendError::NoEvidence
    ));
}

#[test]
fn a_list_that_names_something_twice_is_refused() {
    let house = House::furnished();
    let mut writer = house.open();
    let mut draft = opened("rot-1");
    draft["consumers"] = json!(["api", "web", "api"]);
    let submission = house.sign(writer.ledger(), &house.operator, draft);
    let fault = refused(&house, &mut writer, submission);
    assert!(
        matches!(
            fault,
            AppendError::Twice {
                field: "consumers",
                ..
            }
        ),
        "{fault}"
    );
}

#[test]
fn a_remark_must_name_its_entry_by_its_link() {
    let house = House::furnished();
    let mut writer = house.open();
    let ledger = writer.ledger();
    let receipt = receipts(writer.append(vec![house.seen(ledger, 1)])).remove(0);
    let remark = |entry: u64, link| json!({"event": "entry.annotated", "entry": entry, "link": link, "note": "see"});
    let wrong = remark(receipt.sequence - 1, receipt.link);
    assert_eq!(
        denied(&house, &mut writer, &house.operator, wrong).0,
        "I-11"
    );
    let ahead = remark(receipt.sequence + 1, receipt.link);
    assert_eq!(
        denied(&house, &mut writer, &house.operator, ahead).0,
        "I-11"
    );
    let right = remark(receipt.sequence, receipt.link);
    receipts(writer.append(vec![house.sign(ledger, &house.operator, right)]));
}

#[test]
fn a_policy_of_order_refuses_what_breaks_it() {
    let house = House::furnished();
    let mut writer = house.open();
    let ledger = writer.ledger();
    let generated = json!({
        "event": "replacement.generated", "rotation": "rot-1", "new_version": "v2", "generator": "vault/kv",
        "store": "vault:kv/orders", "namespace": "prod/orders",
    });
    let policy =
        json!({"event": "policy.set", "reason": "enforce the order", "sequencing": "refuse"});
    receipts(writer.append(vec![
        house.sign(ledger, &house.owner, policy),
        house.sign(ledger, &house.operator, opened("rot-1")),
    ]));
    let early = house.sign(ledger, &house.operator, generated);
    let AppendError::OutOfOrder(findings) = refused(&house, &mut writer, early.clone()) else {
        panic!()
    };
    assert!(
        findings.iter().any(|finding| finding.rule.id == "S-13"),
        "{findings:?}"
    );
    // With the default policy the same is recorded, and held against it.
    let policy = json!({"event": "policy.set", "reason": "record it", "sequencing": "record"});
    receipts(writer.append(vec![house.sign(ledger, &house.owner, policy)]));
    let recorded = receipts(writer.append(vec![early])).remove(0);
    assert_eq!(recorded.findings.len(), findings.len());
}

/// The guard runs before anything is signed, and again where the signature was made elsewhere.
#[test]
fn secret_material_leaves_no_trace() {
    let house = House::furnished();
    let mut writer = house.open();
    let token = concat!("ghp_", "16C7e42F292c6912E7710c838347Ae178B4a");
    let mut planted = seen(1);
    planted["observed"] = json!(format!("used {token}"));
    let draft = Draft::from_json(&planted.to_string()).unwrap();
    let before = everything(&house);
    let fault = draft
        .clone()
        .sign(
            writer.ledger(),
            &house.operator,
            &house.world,
            Vec::new(),
            &[],
        )
        .unwrap_err();
    assert!(
        fault.to_string().contains("`observed`") && fault.to_string().contains("GitHub token"),
        "{fault}"
    );
    assert_eq!(everything(&house), before);

    let honest = house.seen(writer.ledger(), 1);
    let mut statement = Statement::decode(honest.statement.bytes()).unwrap();
    statement.event = draft.event;
    let signed_elsewhere = Submission::new(statement.sign(&house.operator).unwrap(), Vec::new());
    // In the place of one that was looked through, it is none.
    let mut swapped = honest.clone();
    swapped.statement = signed_elsewhere.statement.clone();
    let fault = refused(&house, &mut writer, swapped);
    assert!(matches!(fault, AppendError::Secret(_)), "{fault}");
    let fault = refused(&house, &mut writer, signed_elsewhere);
    assert!(matches!(fault, AppendError::Secret(_)), "{fault}");
    let said = fault.to_string();
    assert!(
        said.contains("`observed`") && !said.contains(token),
        "{said}"
    );
    let stored = everything(&house);
    assert!(
        stored
            .iter()
            .all(|(_, bytes)| !bytes.windows(token.len()).any(|w| w == token.as_bytes()))
    );
}

/// It holds for a writer that opens anew, for statements signed elsewhere, and not a moment longer than it says.
#[test]
fn what_a_security_owner_lets_pass_passes_there_until_its_end() {
    let house = House::furnished();
    let mut writer = house.open();
    let ledger = writer.ledger();
    let random = "job q7Rk2ZpX9vLm4TsW8bNc3Hd6Yf1";
    let mut said = seen(1);
    said["observed"] = json!(random);
    let elsewhere = |n: usize| {
        let honest = house.seen(ledger, n);
        let mut statement = Statement::decode(honest.statement.bytes()).unwrap();
        statement.event = Draft::from_json(&said.to_string()).unwrap().event;
        let (statement, files) = (statement.sign(&house.operator).unwrap(), Vec::new());
        Submission::new(statement, files)
    };
    let is_found = |fault: AppendError| assert!(matches!(fault, AppendError::Secret(_)), "{fault}");
    is_found(refused(&house, &mut writer, elsewhere(1)));

    let exception = |kind: &str, place: &str, expires: &str| {
        let draft = json!({"event": "scan.exception", "kind": kind, "place": place, "reason": "ids of jobs", "expires": expires});
        house.sign(ledger, &house.owner, draft)
    };
    for kind in ["known-value", "long-words"] {
        let fault = refused(
            &house,
            &mut writer,
            exception(kind, "field:observed", "2099-01-01T00:00:00Z"),
        );
        assert!(matches!(fault, AppendError::NotExceptable(_)), "{fault}");
    }
    let ended = exception("high-entropy", "field:observed", NOW);
    assert!(matches!(
        refused(&house, &mut writer, ended),
        AppendError::Denied(_)
    ));
    // Another kind and another place are no help.
    let later = "2027-01-01T00:00:00Z";
    for other in [
        exception("jwt", "field:obs*", later),
        exception("high-entropy", "field:observe", later),
    ] {
        receipts(writer.append(vec![other]));
        is_found(refused(&house, &mut writer, elsewhere(1)));
    }
    let granted = receipts(writer.append(vec![exception("high-entropy", "field:obs*", later)]));
    assert!(granted[0].findings.is_empty());
    receipts(writer.append(vec![elsewhere(1)]));
    writer.close();
    let mut writer = house.open();
    receipts(writer.append(vec![elsewhere(2)]));
    house.clock.set(later);
    is_found(refused(&house, &mut writer, elsewhere(3)));
    // Ninety days are the most, as for any exception.
    let long = receipts(writer.append(vec![exception(
        "high-entropy",
        "field:obs*",
        "2027-04-02T00:00:00Z",
    )]));
    assert_eq!(long[0].findings[0].rule.id, "W-02");
}
