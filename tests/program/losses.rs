//! What is lost, what each command says to it, and what mends it: each ends in a receipt, a finding that is named or a
//! refusal that names the command which helps, and that command ends in a ledger that verifies.

use std::fs;
use std::path::Path;

use crate::support::ledger::copy;
use crate::support::losses::{ASKED, SAID, comes_to};
use crate::support::program::Program;
use crate::support::program::draft;

const NEW_KEY: &str = "recover --new-sealing-key --key alice.pem --reason lost";
const ACCEPTED: &str =
    "restore --from b --from prod --to new --accept-loss --key alice.pem --reason lost";
const BOTH: &str = "restore --from b --from prod --to new";

/// One loss: what is done to the files, what the commands come to (`append`, `verify`, `status`, `export`, `serve`), what
/// mends it, and how many of the newest entries are lost for good.
struct Loss {
    what: &'static str,
    strike: fn(&Program),
    codes: [i32; 5],
    mend: &'static [&'static str],
    /// Where the ledger is then.
    at: &'static str,
    lost: u64,
}

fn gone(path: &Path) {
    let there = fs::symlink_metadata(path).unwrap();
    match there.is_dir() {
        true => fs::remove_dir_all(path).unwrap(),
        false => fs::remove_file(path).unwrap(),
    }
}

const LOSSES: &[Loss] = &[
    Loss {
        what: "the folder",
        strike: |program| gone(&program.path("prod")),
        codes: [4, 4, 4, 4, 4],
        mend: &["restore --from b --to new --accept-loss --key alice.pem --reason lost"],
        at: "new",
        lost: 2,
    },
    Loss {
        what: "the state folder",
        strike: |program| gone(&program.path("state")),
        codes: [5, 3, 0, 5, 5],
        mend: &[NEW_KEY],
        at: "prod",
        lost: 0,
    },
    Loss {
        what: "the head outside",
        strike: |program| gone(&program.path("state/head")),
        codes: [0, 3, 0, 0, 0],
        mend: &[],
        at: "prod",
        lost: 0,
    },
    Loss {
        what: "the checkpoint",
        strike: |program| gone(&program.path("prod/checkpoint")),
        codes: [0, 1, 0, 1, 0],
        mend: &[SAID],
        at: "prod",
        lost: 0,
    },
    Loss {
        what: "the tail",
        strike: |program| gone(&program.path("prod/tail")),
        codes: [1, 1, 1, 1, 1],
        mend: &[ACCEPTED],
        at: "new",
        lost: 2,
    },
    Loss {
        what: "the index",
        strike: |program| {
            gone(&program.path("prod/index"));
            gone(&program.path("prod/index.warm"));
        },
        codes: [0, 3, 0, 0, 0],
        mend: &[],
        at: "prod",
        lost: 0,
    },
    Loss {
        what: "one bundle",
        strike: |program| gone(&program.path("prod/tile/entries/001")),
        codes: [0, 1, 1, 1, 0],
        mend: &[BOTH],
        at: "new",
        lost: 0,
    },
    Loss {
        what: "the attachments",
        strike: |program| gone(&program.path("prod/attachments")),
        codes: [0, 1, 0, 1, 0],
        mend: &[BOTH],
        at: "new",
        lost: 0,
    },
    Loss {
        what: "the sealing key",
        strike: |program| gone(&program.path("state/sealing.pem")),
        codes: [5, 3, 0, 5, 5],
        mend: &[NEW_KEY],
        at: "prod",
        lost: 0,
    },
    Loss {
        what: "nothing: an old copy was laid over the folder",
        strike: |program| copy(&program.path("old"), &program.path("prod")),
        codes: [1, 1, 0, 4, 1],
        mend: &[ACCEPTED],
        at: "new",
        lost: 2,
    },
];

/// Some 600 entries with an attachment, an old copy of the folder, a backup, and two entries since.
fn furnished() -> (Program, u64) {
    let program = Program::prepared();
    fs::write(program.path("proof.txt"), "login ok\n").unwrap();
    let attach = "append evidence.attached --key olga.pem --rotation r-1 --description seen --attach proof.txt";
    assert_eq!(program.code(attach), 0, "{attach}");
    copy(&program.path("prod"), &program.path("old"));
    let drafts: String = (0..600).map(draft).collect();
    fs::write(program.path("drafts"), drafts).unwrap();
    assert_eq!(program.code("append --key olga.pem --json drafts"), 0);
    assert_eq!(program.code("backup --to b"), 0);
    for _ in 0..2 {
        assert_eq!(program.code(SAID), 0);
    }
    let size = program.json("status --json")["entries"].as_u64().unwrap();
    (program, size)
}

#[test]
fn every_loss_is_named_and_mended_by_what_is_said_to_it() {
    let (furnished, size) = furnished();
    for loss in LOSSES {
        let root = tempfile::tempdir().unwrap();
        let struck = || {
            let folder = tempfile::tempdir_in(root.path()).unwrap().keep();
            copy(furnished.root(), &folder);
            let program = Program::at(&folder);
            (loss.strike)(&program);
            program
        };
        let mut codes = Vec::new();
        for words in ASKED {
            codes.push(comes_to(&struck(), words, loss.what));
        }
        assert_eq!(codes, loss.codes, "{}", loss.what);
        let program = struck();
        for words in loss.mend {
            let output = program.output(words);
            assert!(
                output.status.success(),
                "{}: {words}: {output:?}",
                loss.what
            );
        }
        let at = format!("--ledger {}", loss.at);
        assert_eq!(program.code(&format!("{SAID} {at}")), 0, "{}", loss.what);
        let report = program.json(&format!("verify {} --fail-on none --json", loss.at));
        let entries = report["found"]["entries"].as_u64().unwrap_or_default();
        assert!(entries > size - loss.lost, "{}: {report:#}", loss.what);
        let failed = report["findings"].as_array().unwrap().iter();
        let failed =
            failed.filter(|one| one["verdict"] == "integrity" || one["verdict"] == "anchoring");
        assert_eq!(failed.count(), 0, "{}: {report:#}", loss.what);
    }
}
