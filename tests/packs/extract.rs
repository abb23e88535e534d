//! `ledger log`, `show` and `extract`: of a ledger, of a published copy of it and of a pack they say the same.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::process::Output;

use rotation_ledger::hash::Blake3Digest;
use rotation_ledger::pack::Bag;
use rotation_ledger::pack::PackPart;
use rotation_ledger::pack::read_zip;
use serde_json::Value;
use serde_json::json;

use crate::support::shelf::OUTPUT;
use crate::support::shelf::Shelf;
use crate::support::shelf::busy;
use crate::support::shelf::everything;
use crate::support::shelf::rotation;
use crate::support::story::Story;

/// A folder with a ledger, a published copy and packs of it, and nothing else of this host.
struct Desk(tempfile::TempDir);

impl Desk {
    fn of(story: Story, part: PackPart) -> Self {
        let mut shelf = Shelf::new(story);
        let zip = shelf.export(part).bytes;
        shelf.write();
        let desk = Self(tempfile::tempdir().unwrap());
        std::fs::write(desk.path("p.zip"), zip).unwrap();
        let ledger = shelf.folder.as_ref().unwrap().path("");
        let copied = Command::new("cp")
            .arg("-r")
            .arg(ledger)
            .arg(desk.path("prod"))
            .status();
        assert!(copied.unwrap().success());
        assert_eq!(
            desk.code("publish --ledger prod --to copy --with-attachments"),
            0
        );
        desk
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, words: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ledger"));
        command.args(words.split(' ')).current_dir(self.0.path());
        command.env_clear().env("LEDGER_STATE", self.path("state"));
        command.output().unwrap()
    }

    fn code(&self, words: &str) -> i32 {
        self.run(words).status.code().unwrap()
    }

    /// What is on stdout where it succeeds.
    fn said(&self, words: &str) -> String {
        let output = self.run(words);
        let trouble = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{words}: {trouble}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn refused(&self, words: &str, code: i32) -> String {
        let output = self.run(words);
        let trouble = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{words}: {trouble}");
        trouble
    }

    /// Every file below a folder, by its path.
    fn files(&self, name: &str) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        collect(&self.path(name), "", &mut files);
        files
    }
}

fn collect(dir: &Path, before: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    for found in std::fs::read_dir(dir).unwrap() {
        let found = found.unwrap();
        let name = format!("{before}{}", found.file_name().to_str().unwrap());
        match found.file_type().unwrap().is_dir() {
            true => collect(&found.path(), &format!("{name}/"), files),
            false => drop(files.insert(name, std::fs::read(found.path()).unwrap())),
        }
    }
}

#[test]
fn a_copy_and_a_pack_are_read_as_their_ledger_is() {
    let desk = Desk::of(busy(), everything());
    for words in [
        "log {}",
        "log {} --rotation r-1 --json",
        "show r-1 {}",
        "show r-1 {} --json",
        "show 9 {}",
        "log --ledger {}",
        "show r-2 --ledger {}",
    ] {
        let said = |what| desk.said(&words.replace("{}", what));
        let expected = said("prod");
        assert!(expected.lines().count() > 0, "{words}");
        for what in ["copy", "p.zip"] {
            assert_eq!(said(what), expected, "{words}: {what}");
        }
    }
    assert!(
        desk.refused("log p.zip --rotation r-9", 4)
            .contains("perhaps")
    );
    assert!(
        desk.refused("show r-9 p.zip", 4)
            .contains("no rotation `r-9`")
    );

    // Half a pack is none.
    let bytes = std::fs::read(desk.path("p.zip")).unwrap();
    std::fs::write(desk.path("half.zip"), &bytes[..bytes.len() / 2]).unwrap();
    desk.refused("log half.zip", 1);
}

#[test]
fn a_pack_of_a_part_shows_what_it_has() {
    let desk = Desk::of(busy(), rotation("r-1"));
    let log = desk.said("log p.zip");
    assert!(
        log.contains("rotation r-1") && !log.contains("sign/bundles"),
        "{log}"
    );
    assert_eq!(desk.said("show r-1 p.zip"), desk.said("show r-1 prod"));
}

#[test]
fn evidence_is_written_by_names_to_read_from_wherever_it_lies() {
    let desk = Desk::of(busy(), rotation("r-1"));
    for (what, to) in [("prod", "a"), ("copy", "b"), ("p.zip", "c")] {
        desk.said(&format!("extract {what} --rotation r-1 --to {to}"));
    }
    let files = desk.files("a");
    let names: Vec<&String> = files.keys().collect();
    assert_eq!(
        names,
        ["r-1/13-evidence.attached/refused.txt", "r-1/INDEX.txt"]
    );
    assert_eq!(files["r-1/13-evidence.attached/refused.txt"], OUTPUT);
    let index = String::from_utf8(files["r-1/INDEX.txt"].clone()).unwrap();
    for words in [
        "Rotation r-1 of db/orders.",
        "01-rotation.opened",
        "by olga",
        "refused.txt",
    ] {
        assert!(index.contains(words), "{words}: {index}");
    }
    assert_eq!(desk.files("b"), files);
    assert_eq!(desk.files("c"), files);
    // A pack that somebody unzipped is one, too.
    let bytes = std::fs::read(desk.path("p.zip")).unwrap();
    for (path, bytes) in read_zip(&bytes).unwrap() {
        let place = desk.path("unzipped").join(path);
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::write(place, bytes).unwrap();
    }
    desk.said("extract unzipped --rotation r-1 --to u");
    assert_eq!(desk.files("u"), files);
    assert_eq!(desk.said("log unzipped"), desk.said("log p.zip"));

    // Nothing is mixed with what is there, and an empty folder will do.
    assert!(
        desk.refused("extract p.zip --rotation r-1 --to a", 2)
            .contains("is not empty")
    );
    assert_eq!(desk.files("a"), files);
    std::fs::create_dir(desk.path("d")).unwrap();
    let told = desk.said("extract --ledger p.zip --rotation r-1 --to d --json");
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["schema"], "rotation-ledger/extract/1");
    assert_eq!(told["files"][0], "r-1/13-evidence.attached/refused.txt");
    assert_eq!(desk.files("d"), files);

    // A slip leaves nothing behind.
    assert!(
        desk.refused("extract prod --rotation r-9 --to e", 4)
            .contains("perhaps")
    );
    desk.refused("extract prod --rotation r-1 --to prod/e", 2);
    desk.refused("extract prod --rotation r-1 --to none/e", 2);
    for left in ["e", "prod/e", "none"] {
        assert!(!desk.path(left).exists(), "{left}");
    }
}

/// Whatever an author calls a file, it lies in its folder, and INDEX.txt has the name as it was given.
#[test]
fn no_name_leads_out_of_the_folder() {
    let long = "n".repeat(150) + ".json";
    let names = [
        "../../escape.txt",
        "/etc/passwd",
        "..",
        "CON",
        "nul.txt",
        ".hidden",
        "a\\b.txt",
        "same.txt",
        "SAME.txt",
        "same.txt",
        "<b>.html",
        &long,
    ];
    let mut story = Story::new();
    let script = story.standard("up/../down", "db/orders");
    story.play(script);
    for name in names {
        story.attach_file(OUTPUT, name, "text/plain");
    }
    let fields = json!({ "rotation": "up/../down", "description": "odd names" });
    story.say("olga", "evidence.attached", fields);
    let desk = Desk::of(story, everything());
    let before: Vec<_> = std::fs::read_dir(desk.0.path())
        .unwrap()
        .flatten()
        .collect();
    for (what, to) in [("prod", "a"), ("p.zip", "b")] {
        desk.said(&format!("extract {what} --rotation up/../down --to {to}"));
    }
    let after = std::fs::read_dir(desk.0.path()).unwrap().count();
    assert_eq!(after, before.len() + 2);
    let files = desk.files("a");
    assert_eq!(files.len(), names.len() + 1, "{files:?}");
    let index = String::from_utf8(files["up_.._down/INDEX.txt"].clone()).unwrap();
    for name in names {
        assert!(
            index.contains(&format!("named {name}, ")),
            "{name}: {index}"
        );
    }
    for path in files.keys().filter(|path| !path.ends_with("INDEX.txt")) {
        let name = path
            .strip_prefix("up_.._down/13-evidence.attached/")
            .unwrap();
        assert!(
            !name.starts_with('.') && !name.contains(['/', '\\', '<']),
            "{path}"
        );
    }
    assert_eq!(desk.files("b"), files);
}

#[test]
fn what_is_not_there_is_said_and_other_bytes_are_not_written() {
    let desk = Desk::of(busy(), everything());
    let stored = desk.files("prod/attachments").into_keys().next().unwrap();
    let stored = desk.path("prod/attachments").join(stored);
    std::fs::remove_file(&stored).unwrap();
    assert!(
        desk.refused("extract prod --rotation r-1 --to a", 4)
            .contains("1 attached file not here")
    );
    let index = String::from_utf8(desk.files("a")["r-1/INDEX.txt"].clone()).unwrap();
    assert!(
        index.contains("(not here: only its digests are)"),
        "{index}"
    );
    std::fs::write(&stored, "other bytes").unwrap();
    desk.refused("extract prod --rotation r-1 --to b", 1);
    assert!(!desk.path("b").exists());
}

#[test]
fn templates_go_into_a_file_each_and_the_report_is_printed_as_usual() {
    let desk = Desk::of(busy(), everything());
    let plain = desk.run("verify prod --fail-on none --as-of 2026-02-01");
    let written = desk.run("verify prod --fail-on none --as-of 2026-02-01 --all --out t");
    assert_eq!(written.stdout, plain.stdout);
    assert_eq!(written.status, plain.status);
    let files = desk.files("t");
    assert_eq!(
        files.keys().collect::<Vec<_>>(),
        ["r-1.txt", "r-2.txt", "r-3.txt"]
    );
    let one = desk.said("verify prod --fail-on none --as-of 2026-02-01 --rotation r-2");
    assert_eq!(String::from_utf8(files["r-2.txt"].clone()).unwrap(), one);
    desk.refused("verify prod --all --out t", 2);
    assert_eq!(desk.files("t"), files);
    desk.refused("verify prod --out u", 2);
    desk.refused("verify prod --all --out prod/t", 2);
}

/// The page of a pack tells what was asked for of it, and leads to the files where they lie.
#[test]
fn the_page_of_a_pack_tells_the_rotation_that_was_asked_for() {
    let desk = Desk::of(busy(), everything());
    let page = |words: &str| {
        let code = desk.code(&format!("verify {words} --fail-on none --html page.html"));
        assert!([0, 4].contains(&code), "{code}");
        let page = std::fs::read_to_string(desk.path("page.html")).unwrap();
        std::fs::remove_file(desk.path("page.html")).unwrap();
        page
    };
    let whole = page("p.zip");
    assert_eq!(whole.matches("<article").count(), 3);
    let path = "attachments/r-1/13-evidence.attached/refused.txt";
    let link = format!("<a href=\"{path}\" download=\"refused.txt\">{path}</a>");
    for what in ["p.zip", "prod"] {
        let one = page(&format!("{what} --rotation r-1"));
        assert_eq!(one.matches("<article").count(), 1, "{what}");
        assert!(one.contains("Rotation r-1 of db/orders completed; approved; old secret shown dead; confirmed; no finding against it."));
        assert!(one.contains("This page tells a part of it:"));
        assert!(one.contains(&link), "{what}");
        assert!(
            one.contains("login passed\nold one refused\n</pre>"),
            "{what}"
        );
    }
    let inside = Bag::from_zip(&std::fs::read(desk.path("p.zip")).unwrap()).unwrap();
    let inside = std::str::from_utf8(inside.get("report.html").unwrap()).unwrap();
    let member = format!("attachments/{}", Blake3Digest::of(OUTPUT));
    let link = format!("<a href=\"{member}\" download=\"refused.txt\">{path}</a>");
    assert!(inside.contains(&link));
}
