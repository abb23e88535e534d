//! Evidence packs: changed on their way, signed anew, cut and mended with the key that signs them, made of
//! other ledgers, and made by an exporter who lies. What a pack alone shows, and what takes the ledger.

use rotation_ledger::event::PackExported;
use rotation_ledger::facts::SecretRow;
use rotation_ledger::pack::PackFiles;
use serde_json::Value;

use crate::attacks::auditor::Scene;
use crate::attacks::auditor::head_of;
use crate::attacks::auditor::honest;
use crate::attacks::auditor::ledger;
use crate::attacks::auditor::told;
use crate::support::shelf::Lie;
use crate::support::shelf::Shelf;
use crate::support::shelf::changed;
use crate::support::shelf::drop_entry;
use crate::support::shelf::elsewhere;
use crate::support::shelf::entry;
use crate::support::shelf::everything;
use crate::support::shelf::files;
use crate::support::shelf::forged;
use crate::support::shelf::pack_key;
use crate::support::shelf::receipt;
use crate::support::shelf::rotation;
use crate::support::shelf::zipped;
use crate::support::story::Story;
use crate::support::story::id;
use crate::support::story::key_of;
use crate::support::story::log_line;
use crate::support::story::sealing_key;

/// A rotation of each of two secrets, three secrets that nobody rotated, and somebody whose key was revoked
/// between the two.
fn two() -> Story {
    let mut story = honest();
    story.say(
        "sam",
        "actor.revoked",
        serde_json::json!({ "actor": "robo", "reason": "retired" }),
    );
    let script = story.single_run("r-2", "sign/bundles");
    story.play(script);
    story
}

/// The entries that a pack of the first rotation has: all about its secret, which entry 8 registers, and all
/// about none. Entry 24 revokes the key, and the other rotation follows it.
const fn belongs(at: u64) -> bool {
    at == 8 || at <= 24 && !(at >= 7 && at < 12)
}

fn pack() -> Vec<u8> {
    Shelf::new(two()).export(rotation("r-1")).bytes
}

/// What `ledger verify PACK.zip` says to an auditor who has the ledger's trust file, or none.
fn seen_by(pack: &[u8], trust: Option<&str>) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(path("pack.zip"), pack).unwrap();
    let (zip, file, state) = (path("pack.zip"), path("trust"), folder.path().join("state"));
    let mut words = vec!["verify", zip.as_str(), "--json"];
    if let Some(trust) = trust {
        std::fs::write(&file, trust).unwrap();
        words.extend(["--trust", &file]);
    }
    told(&ledger(folder.path(), &state, &words))
}

fn trust() -> String {
    log_line(&sealing_key()) + "quorum none\n"
}

fn seen(pack: &[u8]) -> String {
    seen_by(pack, Some(&trust()))
}

/// What they see when whoever holds the pack key had their way with the payload, and signed it anew.
fn resealed(change: impl FnOnce(&mut PackFiles)) -> String {
    seen(&forged(&pack(), &pack_key(), change))
}

fn edit(path: &'static str) -> impl FnOnce(&mut PackFiles) {
    move |payload| payload.get_mut(path).unwrap().push(b'\n')
}

/// What `ledger verify` of the ledger itself says.
fn ledger_of(shelf: &Shelf) -> String {
    Scene::of(&shelf.story, &head_of(&shelf.story)).seen()
}

/// What the pack of a lie shows, and then the ledger.
fn both(lie: &Lie<'_>) -> (String, String) {
    let mut shelf = Shelf::new(two());
    let pack = shelf.lie(lie);
    (seen(&pack), ledger_of(&shelf))
}

/// An export of the first rotation without any lie yet.
fn honestly() -> Lie<'static> {
    Lie {
        part: rotation("r-1"),
        keep: &belongs,
        rows: &|_| {},
        said: &|_| {},
    }
}

fn counting(said: &dyn Fn(&mut PackExported)) -> (String, String) {
    both(&Lie { said, ..honestly() })
}

fn without(what: &'static str) -> (String, String) {
    let at = two().first(what);
    both(&Lie {
        keep: &|place| belongs(place) && place != at,
        ..honestly()
    })
}

fn dropping(rows: &dyn Fn(&mut Vec<SecretRow>)) -> (String, String) {
    both(&Lie { rows, ..honestly() })
}

/// A secret that is overdue is said to be in time, in a row whose entries are not in the pack.
fn embellished() -> (Shelf, Vec<u8>) {
    let mut story = two();
    story.wait_days(70);
    let mut shelf = Shelf::new(story);
    let pack = shelf.lie(&Lie {
        rows: &|rows| {
            let row = rows.iter_mut().find(|row| row.secret == id("vendor/mail"));
            let row = row.unwrap();
            assert_eq!(row.state, "overdue");
            row.state = "in time".to_owned();
        },
        ..honestly()
    });
    (shelf, pack)
}

/// What the same program says that exports the whole.
fn population_in_a_whole_pack(shelf: &mut Shelf) -> String {
    let whole = shelf.export(everything()).bytes;
    let (_, inside) = files(&whole);
    let document: Value = serde_json::from_slice(&inside["data/secrets.json"]).unwrap();
    let rows = document["secrets"].as_array().unwrap();
    let row = rows.iter().find(|row| row["secret"] == "vendor/mail");
    format!("its row says {}", row.unwrap()["state"].as_str().unwrap())
}

attacks! {
    on_its_way: 27, "change a pack on its way", "hold the pack in their hands", {
        "a byte of the zip", "refused: pack.zip is no whole evidence pack: the bytes of `pack-67a50b5b-37/data/ledger/entries/000000020.bin` are damaged: their checksum is another · exit 1", || {
            let mut pack = pack();
            let stored = files(&pack).1["data/ledger/entries/000000020.bin"].clone();
            let at = pack.windows(stored.len()).position(|bytes| bytes == stored).unwrap();
            pack[at + stored.len() / 2] ^= 1;
            seen(&pack)
        };
        "cut short", "refused: pack.zip is no whole evidence pack: the zip is cut short · exit 1", || {
            let pack = pack();
            let said = seen(&pack[..pack.len() / 2]);
            // Where that is depends on how long the documents are.
            let (what, at) = said.split_once(": it ends at byte ").unwrap();
            format!("{what} · {}", at.rsplit(" · ").next().unwrap())
        };
        "the report in it says more", "integrity: P-01, P-01 · exit 1", || {
            seen(&changed(&pack(), |files| files.get_mut("data/report.html").unwrap().extend(b"<p>all is well</p>")))
        };
        "a file that nothing lists", "integrity: P-01 · exit 1", || {
            seen(&changed(&pack(), |files| { files.insert("NOTE.txt".to_owned(), b"see here".to_vec()); }))
        };
        "zipped again by another program, with a changed entry", "integrity: I-08 at 15, P-03 at 15, I-02 at 16, I-15 at 16, 2 more · exit 1", || {
            let (top, mut inside) = files(&pack());
            inside.get_mut(&format!("data/{}", entry(15))).unwrap().push(0);
            let named: Vec<_> = inside.into_iter().map(|(path, bytes)| (format!("{top}/{path}"), bytes)).collect();
            seen(&zipped(&named))
        };
        "a template of the same rotation, of another pack of this ledger; the lists made anew", "integrity: P-01, P-01, P-02, P-02, 1 more · exit 1", || {
            let mut story = two();
            story.wait_days(1);
            let script = story.standard("r-3", "db/orders");
            story.play(script);
            let theirs = Shelf::new(story).export(rotation("r-3")).bytes;
            let other = files(&theirs).1["data/evidence/r-3.txt"].clone();
            let signatures = files(&pack()).1;
            let forged = forged(&pack(), &pack_key(), |payload| { payload.insert("evidence/r-1.txt".to_owned(), other); });
            // Without the key the signatures stay those of the lists before.
            seen(&changed(&forged, |files| for name in ["manifest-sha256.txt.sig", "manifest-sha256.txt.sshsig"] {
                files.insert(name.to_owned(), signatures[name].clone());
            }))
        };
        "an older pack in its place, which is as good as it was", "not checked: whether entries were cut off at the end; whether the holder of the sealing key rewrote everything; 16 entries that are not in the pack, and that none about no secret was left out; the rows of 4 secrets in secrets.json whose entries are not in the pack · exit 0", || {
            let mut shelf = Shelf::new(two());
            let older = shelf.export(rotation("r-1")).bytes;
            shelf.export(rotation("r-1"));
            seen(&older)
        };
    }
    signed_anew: 28, "sign a pack with a key of their own", "hold the pack in their hands", {
        "all lists made anew, and nothing else", "integrity: P-02, P-02 · exit 1", || seen(&forged(&pack(), &key_of("mallory"), |_| {}));
        "and their key in place of the exporter's, in keys/ as well", "integrity: P-02, P-02, P-05, P-05 · exit 1", || {
            let mine = files(&mallorys()).1;
            seen(&forged(&pack(), &key_of("mallory"), |payload| for name in ["keys/pack.pem", "keys/allowed_signers", "keys/keys.csv"] {
                payload.insert(name.to_owned(), mine[&format!("data/{name}")].clone());
            }))
        };
        "and a trust file in the pack that names their log", "integrity: P-01, P-02, P-02 · exit 1", || {
            seen(&forged(&pack(), &key_of("mallory"), |payload| {
                payload.insert("ledger/auditors.trust".to_owned(), log_line(&key_of("mallory")).into_bytes());
            }))
        };
    }
    documents: 29, "say other things in a pack than its entries do", "hold the pack key", {
        "the report, which is words", "not checked: whether entries were cut off at the end; whether the holder of the sealing key rewrote everything; 16 entries that are not in the pack, and that none about no secret was left out; the rows of 4 secrets in secrets.json whose entries are not in the pack · exit 0", || resealed(edit("report.html"));
        "the template", "integrity: P-05 · exit 1", || resealed(edit("evidence/r-1.txt"));
        "rotations.csv, which is words", "not checked: whether entries were cut off at the end; whether the holder of the sealing key rewrote everything; 16 entries that are not in the pack, and that none about no secret was left out; the rows of 4 secrets in secrets.json whose entries are not in the pack · exit 0", || resealed(edit("rotations.csv"));
        "rotations.json", "integrity: P-05 · exit 1", || resealed(edit("rotations.json"));
        "the findings", "integrity: P-05 · exit 1", || resealed(edit("findings.json"));
        "what an auditor is told to type, which is words", "not checked: whether entries were cut off at the end; whether the holder of the sealing key rewrote everything; 16 entries that are not in the pack, and that none about no secret was left out; the rows of 4 secrets in secrets.json whose entries are not in the pack · exit 0", || resealed(edit("VERIFY.md"));
        "a template of a rotation that there never was", "integrity: P-01 · exit 1", || resealed(|payload| {
            payload.insert("evidence/r-9.txt".to_owned(), payload["evidence/r-1.txt"].clone());
        });
    }
    cherry_picked: 30, "leave entries out of a pack, or put more in", "hold the pack key", {
        "one in the middle of the rotation", "integrity: I-15 at 16, P-04 at 37, P-05 · exit 1", || resealed(|payload| drop_entry(payload, 15));
        "the last of the rotation", "integrity: P-04 at 37, P-05 · exit 1", || resealed(|payload| drop_entry(payload, 23));
        "that a key was revoked", "integrity: P-04 at 37 · exit 1", || resealed(|payload| drop_entry(payload, 24));
        "the record of the export", "integrity: I-05, P-04, P-04 · exit 1", || {
            let mut shelf = Shelf::new(two());
            let pack = shelf.export(rotation("r-1")).bytes;
            let record = shelf.story.last("pack.exported");
            seen(&forged(&pack, &pack_key(), |payload| drop_entry(payload, record)))
        };
        "the record of an export of less, of the same ledger", "integrity: P-04 at 7, P-04 at 9, P-04 at 10, P-04 at 11, 15 more · exit 1", || {
            let mut shelf = Shelf::new(two());
            let all = shelf.export(everything()).bytes;
            let less = shelf.export(rotation("r-1")).bytes;
            let record = shelf.story.last("pack.exported");
            let from = files(&less).1;
            seen(&forged(&all, &pack_key(), |payload| for path in [entry(record), receipt(record)] {
                payload.insert(path.clone(), from[&format!("data/{path}")].clone());
            }))
        };
        "a secret out of the population", "integrity: P-04 at 37 · exit 1", || resealed(|payload| {
            let mut document: Value = serde_json::from_slice(&payload["secrets.json"]).unwrap();
            document["secrets"].as_array_mut().unwrap().retain(|row| row["secret"] != "vendor/mail");
            payload.insert("secrets.json".to_owned(), format!("{document:#}\n").into_bytes());
        });
    }
    foreign: 31, "make a pack of another ledger pass for one of this", "make a ledger of one's own, hold the pack key", {
        "an entry of it, with its receipt", "integrity: I-02 at 2, I-12 at 2, P-03 at 2, I-02 at 3, 1 more · exit 1", || {
            let from = files(&Shelf::new(elsewhere()).export(rotation("r-1")).bytes).1;
            resealed(|payload| for path in [entry(2), receipt(2)] {
                payload.insert(path.clone(), from[&format!("data/{path}")].clone());
            })
        };
        "its checkpoint", "integrity: P-03 at 0, P-03 at 1, P-03 at 2, P-03 at 3, 19 more · exit 1", || {
            let from = files(&Shelf::new(elsewhere()).export(rotation("r-1")).bytes).1;
            resealed(|payload| { payload.insert("ledger/checkpoint".to_owned(), from["data/ledger/checkpoint"].clone()); })
        };
        "all of it, sealed by another key under the same name; the auditor has nothing", "not checked: whether entries were cut off at the end; whether the holder of the sealing key rewrote everything; keys are known only from the ledger itself; 16 entries that are not in the pack, and that none about no secret was left out; the rows of 4 secrets in secrets.json whose entries are not in the pack · exit 4", || {
            seen_by(&pack(), None)
        };
        "all of it; the auditor has the ledger's trust file", "anchoring: N-04 · exit 1", || {
            seen_by(&pack(), Some(&(log_line(&key_of("the true seal")) + "quorum none\n")))
        };
    }
    lying: 32, "lie when exporting", "hold the pack key, the sealing key and an author's key", {
        "records that it had fewer entries; the pack", "integrity: P-04 at 37 · exit 1", || counting(&|said| said.size -= 1).0;
        "the same; the ledger", "coverage: C-09 at 37 · exit 3", || counting(&|said| said.size -= 1).1;
        "records that fewer entries are in it; the pack", "integrity: P-04 at 37 · exit 1", || counting(&|said| said.entries -= 1).0;
        "the same; the ledger", "coverage: C-09 at 37 · exit 3", || counting(&|said| said.entries -= 1).1;
        "records more rotations than there are; the pack", "integrity: P-04 at 37 · exit 1", || counting(&|said| said.rotations += 1).0;
        "the same; the ledger", "coverage: C-09 at 37 · exit 3", || counting(&|said| said.rotations += 1).1;
        "leaves out one in the middle, and counts so; the pack", "integrity: I-15 at 18 · exit 1", || without("replacement.validated").0;
        "leaves out the last of the rotation, and records so; the pack, which cannot tell", "not checked: whether entries were cut off at the end; whether the holder of the sealing key rewrote everything; 17 entries that are not in the pack, and that none about no secret was left out; the rows of 4 secrets in secrets.json whose entries are not in the pack · exit 0", || without("rotation.confirmed").0;
        "the same; the ledger", "coverage: C-09 at 37 · exit 3", || without("rotation.confirmed").1;
        "leaves out that a key was revoked, and counts so; the pack, which cannot tell", "not checked: whether entries were cut off at the end; whether the holder of the sealing key rewrote everything; 17 entries that are not in the pack, and that none about no secret was left out; the rows of 4 secrets in secrets.json whose entries are not in the pack · exit 0", || without("actor.revoked").0;
        "the same; the ledger", "coverage: C-09 at 37 · exit 3", || without("actor.revoked").1;
        "leaves a secret that is not in the pack out of its population; the pack, which cannot tell", "not checked: whether entries were cut off at the end; whether the holder of the sealing key rewrote everything; 16 entries that are not in the pack, and that none about no secret was left out; the rows of 3 secrets in secrets.json whose entries are not in the pack · exit 0", || dropping(&|rows| rows.retain(|row| row.secret != id("vendor/mail"))).0;
        "the same; the ledger", "coverage: C-09 at 37 · exit 3", || dropping(&|rows| rows.retain(|row| row.secret != id("vendor/mail"))).1;
        "says in time of a secret that is overdue and not in the pack; the pack, which cannot tell", "not checked: whether entries were cut off at the end; whether the holder of the sealing key rewrote everything; 16 entries that are not in the pack, and that none about no secret was left out; the rows of 4 secrets in secrets.json whose entries are not in the pack · exit 0", || seen(&embellished().1);
        "the same; the ledger itself", "coverage: C-30 at 7, C-30 at 9, C-30 at 11 · exit 3", || ledger_of(&embellished().0);
        "the same; a pack of everything, where each row follows from entries", "its row says overdue", || population_in_a_whole_pack(&mut embellished().0);
        "exports one rotation to somebody who asked for all; the pack says what was selected", "told: selected for this pack: rotation r-1 (entry 37) · exit 0", selected;
    }
}

/// What a pack says of its selection.
fn selected() -> String {
    let folder = tempfile::tempdir().unwrap();
    let (zip, file) = (folder.path().join("pack.zip"), folder.path().join("trust"));
    std::fs::write(&zip, pack()).unwrap();
    std::fs::write(&file, trust()).unwrap();
    let (zip, file) = (zip.display().to_string(), file.display().to_string());
    let words = ["verify", &zip, "--json", "--trust", &file];
    let output = ledger(folder.path(), &folder.path().join("state"), &words);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let notes = report["notes"].as_array().unwrap();
    let mut notes = notes.iter().filter_map(Value::as_str);
    let note = notes.find(|note| note.starts_with("selected for this pack"));
    format!(
        "told: {} · exit {}",
        note.unwrap_or("nothing"),
        output.status.code().unwrap()
    )
}

/// A pack of a ledger of the same name, by somebody who signs packs with a key of their own.
fn mallorys() -> Vec<u8> {
    Shelf::signing(two(), key_of("mallory"))
        .export(rotation("r-1"))
        .bytes
}
