//! A rotation by a playbook: as far as nobody has to speak, each step once whatever kills whoever runs it, and back where
//! a step fails.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Output;
use std::thread;
use std::time::Duration;

use crate::support::program::Program;
use crate::support::served::Served;

/// Does what it is asked to by noting it, and dies, fails or hangs where a test says so.
const STEP: &str = r#"what="$LEDGER_STEP $LEDGER_CONSUMERS"
end() { if [ "${KILL:-}" = "$1 $LEDGER_STEP" ] && [ ! -e killed ]; then touch killed; kill -9 $PPID; sleep "${LINGER:-0}"; fi; }
if [ "$1" = look ]; then grep -qxF "$what" did || exit 1; else
  if [ "${KILL:-}" = "before $LEDGER_STEP" ] && [ ! -e killed ]; then end before; exit 1; fi
  if [ "${FAIL:-}" = "$LEDGER_STEP" ]; then exit 3; fi
  if [ "${HANG:-}" = "$LEDGER_STEP" ]; then sleep 60 & wait; fi
  if [ "$1" = undo ]; then echo "undo of $2" >> did; else echo "$what" >> did; fi
  end after
fi
if [ "$LEDGER_STEP" = generate ]; then echo "new_version=v8" > "$LEDGER_FIELDS"; fi
echo "shown by $LEDGER_STEP""#;

const STEPS: [(&str, &str); 7] = [
    ("generate", "generator = 'openssl'\nnamespace = 'prod'"),
    ("dual_run", ""),
    ("validate", "summary = 'it logs in'"),
    ("cutover", ""),
    ("health", "summary = 'all green'"),
    ("revoke", "method = 'delete'"),
    ("verify_revocation", "test = 'auth_rejected'"),
];

/// What Alice knows and nobody else does.
const SIGN_OFF: &str = "rotate db/orders --sign-off --key alice.pem --field no_window=none --field inventory=wiki/1 --field rollback_plan=wiki/2 --field maintenance_window=none --field access_logging=wiki/3";
const ROTATE: &str = "rotate db/orders --key olga.pem";

/// A ledger whose rotation r-1 is approved and ready, and a playbook for it, with more in each step.
fn ready(more: &str) -> Program {
    let program = Program::prepared();
    write_playbook(&program, more);
    assert_eq!(program.code(ROTATE), 7);
    assert_eq!(program.code(SIGN_OFF), 7);
    program
}

fn write_playbook(program: &Program, more: &str) {
    fs::create_dir_all(program.path("playbooks")).unwrap();
    fs::write(program.path("playbooks/step.sh"), STEP).unwrap();
    let mut text = "name = 'A story'\nsecrets = ['db/orders']\n".to_owned();
    for (step, fields) in STEPS {
        let each = if step == "cutover" {
            "each_consumer = true\n"
        } else {
            ""
        };
        text.push_str(&format!(
            "[step.{step}]\nrun = ['sh', '-eu', 'step.sh', 'run']\nshows = 'shown by'\n{each}{more}\n[step.{step}.fields]\n{fields}\n"
        ));
    }
    text.push_str("[step.rollback]\nrun = ['true']\nfields.summary = 'it logs in'\n");
    fs::write(program.path("playbooks/orders.toml"), text).unwrap();
}

const LOOKS: &str = "done = ['sh', '-eu', 'step.sh', 'look']";
const UNDOES: &str = "undo = ['sh', '-eu', 'step.sh', 'undo', 'it']";

fn with(program: &Program, variable: &str, value: &str) -> Output {
    program
        .ledger(ROTATE)
        .env(variable, value)
        .output()
        .unwrap()
}

/// Goes on until nothing runs any more.
fn settled(program: &Program) -> i32 {
    loop {
        match program.code(ROTATE) {
            6 => thread::sleep(Duration::from_millis(20)),
            code => return code,
        }
    }
}

/// What was printed.
fn printed(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What the steps did, each as often as it did it.
fn did(program: &Program) -> Vec<String> {
    let text = fs::read_to_string(program.path("playbooks/did")).unwrap();
    text.lines().map(|line| line.trim().to_owned()).collect()
}

const ALL: [&str; 8] = [
    "generate",
    "dual_run",
    "validate",
    "cutover api",
    "cutover worker",
    "health",
    "revoke",
    "verify_revocation",
];

fn is_confirmed_without_finding(program: &Program, told: &str) {
    assert_eq!(program.code(SIGN_OFF), 0, "{told}");
    let report = program.json("verify --rotation r-1 --json");
    assert_eq!(
        report["findings"].as_array().unwrap().len(),
        0,
        "{told}: {report:#}"
    );
    let own = |name: &str| {
        program
            .events()
            .iter()
            .filter(|event| *event == name)
            .count()
    };
    for (event, count) in [
        ("replacement.generated", 1),
        ("cutover.completed", 2),
        ("secret.revoked", 1),
    ] {
        assert_eq!(own(event), count, "{told}: {event}");
    }
}

#[test]
fn four_calls_by_two_people_rotate_a_secret() {
    let program = ready("");
    let waits = program.json(&format!("{ROTATE} --dry-run --json"));
    assert_eq!(waits["missing"].as_array().unwrap().len(), 0, "{waits:#}");
    let ran = program.json(&format!("{ROTATE} --json"));
    assert_eq!(ran["outcome"], "stopped", "{ran:#}");
    assert_eq!(ran["ran"].as_array().unwrap().len(), 9);
    assert_eq!(did(&program), ALL);
    is_confirmed_without_finding(&program, "whole");
    // Nothing waits any more, so the next one is another rotation.
    assert_eq!(program.code(ROTATE), 7);
    assert_eq!(program.events().last().unwrap(), "rotation.opened");
}

#[test]
fn the_same_goes_over_a_server_which_knows_what_need_not_be_typed() {
    let program = Program::prepared();
    write_playbook(&program, "");
    let served = Served::start(&program, "");
    let code = |words: &str| served.reader(words).status().unwrap().code();
    assert_eq!(code(ROTATE), Some(7));
    assert_eq!(code(SIGN_OFF), Some(7));
    assert_eq!(code(ROTATE), Some(7));
    assert_eq!(code(SIGN_OFF), Some(0));
    assert_eq!(did(&program), ALL);
    let opened = "append rotation.opened --key olga.pem --rotation r-5 --secret db/orders --reason scheduled";
    let opened = served.reader(opened).output().unwrap();
    let said = printed(&opened.stderr);
    assert!(
        said.contains("from the ledger: --consumers api,worker"),
        "{said}"
    );
}

#[test]
fn whoever_is_killed_goes_on_and_no_step_is_done_twice() {
    for moment in ["before", "after"] {
        for (step, _) in STEPS {
            let kill = format!("{moment} {step}");
            let program = ready(LOOKS);
            let ended = with(&program, "KILL", &kill).status;
            assert_eq!(ended.signal(), Some(9), "{kill}");
            assert_eq!(settled(&program), 7, "{kill}");
            assert_eq!(did(&program), ALL, "{kill}");
            is_confirmed_without_finding(&program, &kill);
        }
    }
}

#[test]
fn a_step_that_outlives_its_recorder_is_waited_for() {
    let program = ready(LOOKS);
    let killed = program
        .ledger(ROTATE)
        .env("KILL", "after validate")
        .env("LINGER", "2")
        .status();
    assert_eq!(killed.unwrap().signal(), Some(9));
    let busy = program.output(ROTATE);
    assert_eq!(busy.status.code(), Some(6));
    let said = printed(&busy.stderr);
    assert!(
        said.contains("a step of r-1 is still running on this machine"),
        "{said}"
    );
    assert_eq!(settled(&program), 7);
    assert_eq!(did(&program), ALL);
}

#[test]
fn an_end_that_nobody_saw_and_nobody_can_look_for_is_for_a_person() {
    let program = ready("");
    assert_eq!(
        with(&program, "KILL", "after revoke").status.signal(),
        Some(9)
    );
    assert_eq!(settled(&program), 7);
    let stopped = program.output(ROTATE);
    let said = printed(&stopped.stdout);
    assert!(
        said.contains("revoke failed or its end was not seen"),
        "{said}"
    );
    assert_eq!(
        did(&program)
            .iter()
            .filter(|step| *step == "revoke")
            .count(),
        1
    );
    assert_eq!(program.code(&format!("{ROTATE} --retry")), 7);
    is_confirmed_without_finding(&program, "retried");
}

#[test]
fn a_step_that_fails_is_taken_back_by_the_playbook() {
    // Before the cutover it is given up, after it rolled back; the new version is revoked either way.
    let undo = "undo of it";
    for (step, outcome, undone) in [
        ("generate", "aborted", 1),
        ("validate", "aborted", 2),
        ("cutover", "rolled_back", 3),
        ("health", "rolled_back", 3),
    ] {
        let program = ready(UNDOES);
        let ran = with(&program, "FAIL", step);
        assert_eq!(ran.status.code(), Some(7), "{step}: {ran:?}");
        let back = did(&program).iter().filter(|done| *done == undo).count();
        assert_eq!(back, undone, "{step}");
        let confirmed = program.json(&format!("{SIGN_OFF} --json"));
        assert_eq!(confirmed["outcome"], "done", "{step}: {confirmed:#}");
        let last = program.json("show r-1 --json");
        let last = last["entries"].as_array().unwrap().last().unwrap().clone();
        assert_eq!(last["fields"]["outcome"], outcome, "{step}");
        let report = program.json("verify --rotation r-1 --json");
        assert_eq!(
            report["findings"].as_array().unwrap().len(),
            0,
            "{step}: {report:#}"
        );
    }
}

#[test]
fn there_is_no_way_back_from_a_revocation() {
    let program = ready(UNDOES);
    let ran = with(&program, "FAIL", "verify_revocation");
    assert_eq!(ran.status.code(), Some(7));
    let said = printed(&ran.stdout);
    assert!(said.contains("no way back from here"), "{said}");
    assert_eq!(program.code(&format!("{ROTATE} --roll-back")), 7);
    assert!(!did(&program).contains(&"undo of it".to_owned()));
    assert_eq!(program.code(&format!("{ROTATE} --retry")), 7);
    is_confirmed_without_finding(&program, "mended");
}

#[test]
fn a_step_ends_with_its_time_and_counts_only_with_its_proof() {
    let program = ready("timeout = '1s'");
    let ran = with(&program, "HANG", "validate");
    let said = printed(&ran.stdout);
    assert!(said.contains("the tool was ended after 1 s"), "{said}");
    let program = ready("");
    let playbook = program.path("playbooks/orders.toml");
    let text = fs::read_to_string(&playbook).unwrap();
    let asks = text.replacen("shows = 'shown by'", "shows = 'something else'", 1);
    fs::write(&playbook, &asks).unwrap();
    let ran = program.output(ROTATE);
    let said = printed(&ran.stdout);
    assert!(
        said.contains("its output does not show `something else`"),
        "{said}"
    );
    assert!(
        !program
            .events()
            .contains(&"replacement.generated".to_owned())
    );
}

#[test]
fn a_step_that_says_of_itself_that_it_is_not_done_is_not_run_for_ever() {
    let program = ready("");
    let playbook = program.path("playbooks/orders.toml");
    let text = fs::read_to_string(&playbook).unwrap();
    let says = text.replacen(
        "summary = 'it logs in'",
        "summary = 'perhaps'\nresult = 'inconclusive'",
        1,
    );
    fs::write(&playbook, &says).unwrap();
    let ran = program.output(ROTATE);
    assert_eq!(ran.status.code(), Some(7));
    let said = printed(&ran.stdout);
    assert!(
        said.contains("validate was recorded, and by what was recorded it is not done"),
        "{said}"
    );
    assert_eq!(
        did(&program)
            .iter()
            .filter(|step| *step == "validate")
            .count(),
        1
    );
    let other = program.output(&format!("{ROTATE} --rotation r-2"));
    assert_eq!(other.status.code(), Some(5));
}

#[test]
fn a_step_waits_for_its_time_and_for_its_approval() {
    let program = ready("");
    let playbook = program.path("playbooks/orders.toml");
    let text = fs::read_to_string(&playbook).unwrap();
    let waits = text.replace("[step.revoke]", "[step.revoke]\nwait = '30d'");
    fs::write(&playbook, &waits).unwrap();
    let ran = program.output(ROTATE);
    assert_eq!(ran.status.code(), Some(6));
    let said = printed(&ran.stdout);
    assert!(said.contains("not before "), "{said}");
    assert_eq!(did(&program).last().unwrap(), "health");
    // An emergency waits for nothing but what the playbook says it waits for.
    let program = Program::prepared();
    write_playbook(&program, "");
    let text = text.replace("[step.cutover]", "[step.cutover]\napproval = true");
    fs::write(program.path("playbooks/orders.toml"), text).unwrap();
    let mut declared = program.ledger(&format!("{ROTATE} --emergency --rotation r-9"));
    let ran = declared.args(["--why", "a leak"]).output().unwrap();
    assert_eq!(ran.status.code(), Some(7));
    let said = printed(&ran.stdout);
    assert!(
        said.contains("cutover waits for a Security Owner's approval"),
        "{said}"
    );
    assert_eq!(did(&program), ["revoke", "generate", "validate"]);
}

#[test]
fn a_playbook_says_all_that_is_wrong_with_it() {
    let program = Program::prepared();
    let wrong = "name = 'x'\nclasses = ['password']\nneeds = ['LEDGER_X']\n[step.fly]\nrun = ['true']\n[step.revoke]\nrun = []\ntimeout = 'soon'\n[step.revoke.fields]\nmethd = 'delete'\n";
    fs::write(program.path("wrong.toml"), wrong).unwrap();
    let checked = program.output("playbook check wrong.toml");
    assert_eq!(checked.status.code(), Some(2));
    let said = printed(&checked.stdout);
    for fault in [
        "classes: `password` needs one of",
        "variables that begin with LEDGER_ are set by the ledger",
        "step.fly: there is no such step",
        "step.revoke.run: it names no program",
        "step.revoke.timeout: it needs a whole number and a unit",
        "step.revoke.fields.methd: secret.revoked has no such field",
    ] {
        assert!(said.contains(fault), "{fault}: {said}");
    }
    fs::write(program.path("leaks.toml"), "password = 'hunter2-hunter2'\n").unwrap();
    let checked = program.output("playbook check leaks.toml");
    let said = printed(&checked.stdout);
    assert!(said.contains("leaks.toml holds"), "{said}");
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o666);
    fs::set_permissions(program.path("leaks.toml"), open).unwrap();
    let checked = program.output("playbook check leaks.toml");
    let said = printed(&checked.stdout);
    assert!(
        said.contains("leaks.toml can be written by anybody"),
        "{said}"
    );
    let none = program.output(ROTATE);
    assert_eq!(none.status.code(), Some(2));
    write_playbook(&program, "");
    fs::copy(
        program.path("playbooks/orders.toml"),
        program.path("playbooks/twin.toml"),
    )
    .unwrap();
    let twice = program.output(ROTATE);
    let said = printed(&twice.stderr);
    assert!(
        said.contains("more than one playbook is for `db/orders`"),
        "{said}"
    );
}
