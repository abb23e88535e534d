//! The auditor's page in a browser, as `docs/deploy/auditor-page.sh` builds it: `LEDGER_TEST_AUDITOR_PAGE` names it,
//! otherwise this says so and proves nothing. That it says the same as the program of every pack is for
//! `tests/auditor/same.mjs`; here is what somebody sees of it, and that nothing leaves it.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rotation_ledger::hash::{Blake3Digest, Sha256Digest};
use rotation_ledger::pack::PackFiles;
use rotation_ledger::statement::Attachment;
use rotation_ledger::sys::disk::copy_folder;
use rotation_ledger::text::Line;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::browser::Browser;
use crate::support::eventful::eventful;
use crate::support::generate;
use crate::support::program::Program;
use crate::support::shelf::OUTPUT;
use crate::support::shelf::Shelf;
use crate::support::shelf::busy;
use crate::support::shelf::changed;
use crate::support::shelf::drop_entry;
use crate::support::shelf::everything;
use crate::support::shelf::files;
use crate::support::shelf::forged;
use crate::support::shelf::keep;
use crate::support::shelf::pack_key;
use crate::support::shelf::rotation;
use crate::support::shelf::zipped;
use crate::support::story::id;
use crate::support::story::key_of;
use crate::support::story::log_line;
use crate::support::story::sealing_key;

/// The page, opened from a disk in a browser whose every connection would go to a proxy that counts them.
struct Desk {
    browser: Browser,
    folder: TempDir,
    asked: Arc<AtomicUsize>,
}

impl Desk {
    fn open() -> Option<Self> {
        let Some(page) = std::env::var_os("LEDGER_TEST_AUDITOR_PAGE") else {
            eprintln!("left out: the auditor's page, for LEDGER_TEST_AUDITOR_PAGE names none");
            return None;
        };
        let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = proxy.local_addr().unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        std::thread::spawn(move || {
            for _ in proxy.incoming() {
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        let proxy = format!("--proxy-server={address}");
        let mut browser = Browser::start_with(&[&proxy, "--proxy-bypass-list=<-loopback>"])?;
        browser.allow_scripts();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("auditor.trust"), trust(&sealing_key())).unwrap();
        fs::write(folder.path().join("other.trust"), trust(&key_of("mallory"))).unwrap();
        browser.go(&format!("file://{}", page.display()));
        // What the browser itself looks for at its start is not the page's.
        asked.store(0, Ordering::SeqCst);
        Some(Self {
            browser,
            folder,
            asked,
        })
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    fn trust_file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Begins anew with this evidence, and what is beside it.
    fn hand_over(&mut self, evidence: &[&Path], own: &[&Path]) {
        self.browser.click("#clear");
        self.browser.choose("#evidence input", evidence);
        if !own.is_empty() {
            self.browser.choose("#own input", own);
        }
    }

    /// Has a pack judged; what the page says then.
    fn verify(&mut self, pack: &[u8], trust: Option<&str>) -> String {
        let pack = self.file("pack.zip", pack);
        let own: Vec<_> = trust
            .map(|name| self.trust_file(name))
            .into_iter()
            .collect();
        let own: Vec<_> = own.iter().map(PathBuf::as_path).collect();
        self.hand_over(&[&pack], &own);
        self.press_verify()
    }

    fn press_verify(&mut self) -> String {
        self.browser.click("#verify");
        self.wait_for("document.getElementById('stop').disabled");
        self.said("result")
    }

    fn wait_for(&mut self, condition: &str) {
        let began = Instant::now();
        while self.browser.ask(condition) != true {
            assert!(began.elapsed() < Duration::from_secs(60), "{condition}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn said(&mut self, id: &str) -> String {
        let said = self.ask(&format!("document.getElementById('{id}').innerText"));
        said.as_str().unwrap().to_owned()
    }

    /// The text of the report in its frame.
    fn report(&mut self) -> String {
        self.wait_for("!!document.querySelector('#report').contentDocument?.querySelector('main')");
        let said = self.ask("document.querySelector('#report').contentDocument.body.innerText");
        said.as_str().unwrap().to_owned()
    }

    fn ask(&mut self, expression: &str) -> Value {
        self.browser.ask(expression)
    }

    /// Nothing went out, and nothing stays here.
    fn has_kept_to_itself(&mut self) {
        assert_eq!(
            self.asked.load(Ordering::SeqCst),
            0,
            "something was asked of a network"
        );
        let resources = "performance.getEntriesByType('resource').filter(one => !one.name.startsWith('blob:')).length";
        assert_eq!(self.ask(resources), 0);
        assert_eq!(
            self.ask("document.cookie + Object.keys(localStorage) + Object.keys(sessionStorage)"),
            ""
        );
        let databases = "indexedDB.databases().then(all => all.length)";
        assert_eq!(self.browser.ask_later(databases), 0);
        assert_eq!(
            self.browser
                .ask_later("self.caches ? caches.keys().then(all => all.length) : 0"),
            0
        );
    }
}

fn trust(key: &rotation_ledger::key::SecretKey) -> String {
    log_line(key) + "quorum none\n"
}

#[test]
fn it_shows_what_a_pack_is_worth_and_to_whom() {
    let pack = Shelf::new(busy()).export(everything()).bytes;
    let Some(mut desk) = Desk::open() else { return };
    let said = desk.verify(&pack, Some("auditor.trust"));
    assert!(
        said.starts_with("PASSED: everything that was asked for"),
        "{said}"
    );
    let digest = Sha256Digest::of(&pack);
    assert!(said.contains(&format!("SHA-256 {digest}")), "{said}");
    assert!(!said.contains("No trust file was given"), "{said}");
    let report = desk.report();
    assert!(
        report.contains("Rotation of production secrets"),
        "{report}"
    );
    assert!(report.contains("What was not checked"), "{report}");
    // The template is copied as it is.
    desk.ask("document.querySelector('details').open = true");
    desk.browser.click("details button");
    assert_eq!(desk.said("status"), "The template of r-1 was copied");
    let copied = desk.ask("getSelection().toString()");
    assert!(
        copied.as_str().unwrap().starts_with("Rotation Evidence"),
        "{copied}"
    );

    let said = desk.verify(&pack, None);
    assert!(
        said.starts_with("FAILED: it could not be verified"),
        "{said}"
    );
    assert!(said.contains("No trust file was given."), "{said}");
    let said = desk.verify(&pack, Some("other.trust"));
    assert!(
        said.starts_with("FAILED: integrity, authority or anchoring"),
        "{said}"
    );
    assert!(desk.report().contains("N-04"));
    desk.has_kept_to_itself();
}

#[test]
fn a_changed_byte_of_every_file_is_found() {
    let pack = Shelf::new(busy()).export(rotation("r-1")).bytes;
    let (_, inside) = files(&pack);
    let flip = |files: &mut PackFiles, path: &str| {
        let bytes = files.get_mut(path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    };
    let mut spoilt = Vec::new();
    for path in inside.keys() {
        spoilt.push(changed(&pack, |files| flip(files, path)));
        if let Some(path) = path.strip_prefix("data/") {
            spoilt.push(forged(&pack, &pack_key(), |files| flip(files, path)));
        }
    }
    spoilt.iter().for_each(|pack| keep(pack));
    let Some(mut desk) = Desk::open() else { return };
    // One of each class: of the zip, of a list, of an entry, of a receipt, of a document, an entry left out.
    let mut zip = pack.clone();
    let middle = zip.len() / 2;
    zip[middle] ^= 1;
    let classes = [
        (zip, "is no whole evidence pack"),
        (
            changed(&pack, |files| flip(files, "manifest-sha256.txt")),
            "P-01",
        ),
        (
            forged(&pack, &pack_key(), |files| {
                flip(files, "ledger/entries/000000003.bin")
            }),
            "I-",
        ),
        (
            forged(&pack, &pack_key(), |files| {
                flip(files, "ledger/receipts/000000003.tlog-proof")
            }),
            "P-0",
        ),
        (
            forged(&pack, &pack_key(), |files| flip(files, "rotations.json")),
            "P-05",
        ),
        (
            forged(&pack, &key_of("mallory"), |files| {
                flip(files, "report.html")
            }),
            "P-02",
        ),
        (
            forged(&pack, &pack_key(), |files| drop_entry(files, 3)),
            "P-04",
        ),
    ];
    for (pack, rule) in classes {
        let said = desk.verify(&pack, Some("auditor.trust"));
        assert!(
            said.starts_with("FAILED: integrity, authority or anchoring"),
            "{rule}: {said}"
        );
        let named = said.contains(rule) || desk.report().contains(rule);
        assert!(named, "{rule}: {said}");
    }
    desk.has_kept_to_itself();
}

/// Texts that would be markup, in every place that somebody else writes, and files that are none.
#[test]
fn a_pack_that_is_made_to_attack_it_does_nothing_but_fail_by_name() {
    const EVIL: &str = "</pre></iframe><script>top.hit=1</script><img src=http://127.0.0.1/x onerror=top.hit=1>\u{202e}";
    let mut story = busy();
    story.attach = vec![Attachment {
        blake3: Blake3Digest::of(OUTPUT),
        sha256: Sha256Digest::of(OUTPUT),
        length: OUTPUT.len() as u64,
        media_type: id("text/plain"),
        name: Line::new(EVIL.replace('\u{202e}', "")).unwrap(),
    }];
    let said = EVIL.replace('\u{202e}', "");
    story.say(
        "olga",
        "evidence.attached",
        json!({ "rotation": "r-1", "description": said }),
    );
    let mut shelf = Shelf::new(story);
    let pack = shelf.export(everything()).bytes;
    keep(&pack);
    let with = |path: &str, bytes: Vec<u8>| {
        forged(&pack, &pack_key(), |files| {
            drop(files.insert(path.to_owned(), bytes.clone()))
        })
    };
    let deep = || "[".repeat(300_000).into_bytes();
    let (_, inside) = files(&pack);
    let mut bomb: Vec<_> = inside
        .clone()
        .into_iter()
        .map(|(path, bytes)| (format!("pack/{path}"), bytes))
        .collect();
    bomb.push(("pack/data/zeros".to_owned(), vec![0; 80 << 20]));
    let hostile = [
        with("report.html", EVIL.as_bytes().to_vec()),
        with("secrets.json", deep()),
        with("pack.json", deep()),
        with("ledger/checkpoint", EVIL.as_bytes().to_vec()),
        with("ledger/entries/000000003.bin", vec![0xff; 1 << 20]),
        with("ledger/entries/999999999.bin", vec![0; 65_535]),
        with("ledger/consistency/000000003.txt", deep()),
        zipped(&bomb),
        Vec::new(),
        b"PK\x05\x06".to_vec(),
        vec![b'P'; 3 << 20],
        EVIL.as_bytes().to_vec(),
    ];
    hostile.iter().for_each(|pack| keep(pack));
    let Some(mut desk) = Desk::open() else { return };
    let name = "<img src=x onerror=top.hit=1>.zip";
    let named = desk.file(name, &pack);
    desk.hand_over(&[&named], &[&desk.trust_file("auditor.trust")]);
    let said = desk.press_verify();
    assert!(said.starts_with("PASSED") && said.contains(name), "{said}");
    assert!(desk.report().contains("<script>top.hit=1</script>"));
    let elements = "document.querySelector('#report').contentDocument.querySelectorAll('script, img, iframe, object, embed, link, base, form').length";
    assert_eq!(desk.ask(elements), 0);
    for (number, pack) in hostile.iter().enumerate() {
        let said = desk.verify(pack, Some("auditor.trust"));
        // Words of a pack are nobody's but its signer's.
        let expected = if number == 0 { "PASSED" } else { "FAILED" };
        assert!(said.starts_with(expected), "{number}: {said}");
        assert!(!desk.said("status").contains("stopped"), "{number}");
    }
    // What is to be heeded and cannot be is refused, not passed over.
    let (pack, odd) = (
        desk.file("pack.zip", &pack),
        desk.file("odd.trust", EVIL.as_bytes()),
    );
    desk.hand_over(&[&pack], &[&odd]);
    let said = desk.press_verify();
    assert!(
        said.contains("odd.trust is neither a checkpoint nor a trust file"),
        "{said}"
    );
    assert_eq!(
        desk.ask("String([window.hit, document.title, document.scripts.length, frames.length])"),
        ",Verify rotation evidence,2,1"
    );
    desk.has_kept_to_itself();
}

#[test]
fn it_takes_what_is_dropped_and_looks_well() {
    let pack = Shelf::new(eventful()).export(everything()).bytes;
    keep(&pack);
    let Some(mut desk) = Desk::open() else { return };
    let zip = desk.file("evidence.zip", &pack);
    let trust = desk.trust_file("auditor.trust");
    for (width, scheme) in [
        (390, "dark"),
        (1_280, "light"),
        (390, "light"),
        (1_280, "dark"),
    ] {
        desk.browser.look(width, scheme);
        desk.browser.click("#clear");
        desk.browser
            .picture(&format!("auditor-empty-{width}-{scheme}.png"));
        desk.browser.drop_files("#evidence", &[&zip]);
        desk.wait_for("document.querySelectorAll('#evidence li').length === 1");
        if width == 1_280 {
            desk.browser.drop_files("#own", &[&trust]);
            desk.wait_for("document.querySelectorAll('#own li').length === 1");
        }
        let said = desk.press_verify();
        assert_eq!(
            said.contains("No trust file was given"),
            width == 390,
            "{said}"
        );
        desk.report();
        desk.browser
            .picture(&format!("auditor-{width}-{scheme}.png"));
        let wide = desk.ask("document.documentElement.scrollWidth");
        assert!(
            wide.as_u64().unwrap() <= u64::from(width),
            "{wide} wide on {width}"
        );
        let heights = "(f => [f.contentDocument.documentElement.scrollHeight, f.clientHeight])(document.querySelector('#report'))";
        let heights = desk.ask(heights);
        assert!(
            heights[0].as_u64() <= heights[1].as_u64(),
            "{width}: of the report and its frame {heights}"
        );
    }
    // What is printed of the page itself is a cover; the report prints as it always does.
    assert_eq!(desk.browser.sheets(), 1);
    // The folder that a pack was unzipped into.
    let (_, inside) = files(&pack);
    for (path, bytes) in inside {
        let path = desk.folder.path().join("unzipped").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    desk.browser.click("#clear");
    let unzipped = desk.folder.path().join("unzipped");
    desk.browser
        .choose("#evidence input[webkitdirectory]", &[&unzipped]);
    desk.wait_for("document.querySelectorAll('#evidence li').length > 1");
    let said = desk.press_verify();
    assert!(
        said.starts_with("FAILED: it could not be verified"),
        "{said}"
    );
    assert!(said.contains("unzipped/bagit.txt"), "{said}");
    desk.browser.click("#clear");
    desk.browser.drop_files("#evidence", &[&unzipped]);
    desk.wait_for("document.querySelectorAll('#evidence li').length > 1");
    let said = desk.press_verify();
    assert!(said.contains("unzipped/bagit.txt"), "{said}");
    desk.has_kept_to_itself();
}

/// By keyboard alone, and what a reader of screens is told.
#[test]
fn it_is_used_without_a_mouse() {
    let pack = Shelf::new(busy()).export(rotation("r-1")).bytes;
    let Some(mut desk) = Desk::open() else { return };
    let zip = desk.file("pack.zip", &pack);
    desk.hand_over(&[&zip], &[&desk.trust_file("auditor.trust")]);
    desk.ask("document.activeElement.blur()");
    let focus = "(e => e.id || e.getAttribute('aria-describedby'))(document.activeElement)";
    let mut order = Vec::new();
    // The first leads from the last element to what stands around the page.
    desk.browser.press("Tab", 9, "");
    for _ in 0..5 {
        desk.browser.press("Tab", 9, "");
        order.push(desk.ask(focus).as_str().unwrap_or_default().to_owned());
    }
    assert_eq!(
        order,
        [
            "evidence-help",
            "evidence-help",
            "own-help",
            "as-of",
            "verify"
        ]
    );
    assert_ne!(
        desk.ask("getComputedStyle(document.activeElement).outlineStyle"),
        "none"
    );
    desk.browser.press("Enter", 13, "\r");
    desk.wait_for("!document.getElementById('result').hidden");
    assert_eq!(
        desk.ask("document.activeElement.id"),
        "result-title",
        "the focus goes to what was found"
    );
    let unnamed = "[...document.querySelectorAll('input, button, iframe, progress, section')].filter(e => !(e.labels?.length || e.textContent.trim() || e.title || e.ariaLabel || e.getAttribute('aria-labelledby'))).length";
    assert_eq!(desk.ask(unnamed), 0, "everything has a name");
    assert_eq!(
        desk.ask("document.getElementById('status').ariaLive"),
        "polite"
    );
}

/// A published copy is judged as well, from the folder that whoever is audited handed over.
#[test]
fn a_published_copy_is_judged_too() {
    let program = Program::prepared();
    assert_eq!(program.code("publish --to copy"), 0);
    let trust = program.output("trust show").stdout;
    fs::write(program.path("copies.trust"), &trust).unwrap();
    if let Some(packs) = std::env::var_os("LEDGER_TEST_PACKS").map(PathBuf::from) {
        fs::write(packs.join("copies.trust"), &trust).unwrap();
        for (name, path, change) in [
            ("whole", "checkpoint", None),
            ("other-entries", "tile/entries/000.p/5", Some(40)),
            ("other-tile", "tile/0/000.p/5", Some(3)),
            ("other-checkpoint", "checkpoint", Some(60)),
            ("stray", "tile/0/stray", Some(0)),
            ("litter", ".DS_Store", Some(0)),
            ("less", "tile/0/000.p/5", None),
        ] {
            let to = packs.join(format!("copy-{name}"));
            let _ = fs::remove_dir_all(&to);
            copy_folder(&program.path("copy"), &to).unwrap();
            let path = to.join(path);
            let mut bytes = fs::read(&path).unwrap_or_else(|_| vec![0]);
            match change {
                Some(at) => bytes[at] ^= 1,
                None if name == "less" => fs::remove_file(&path).unwrap(),
                None => {}
            }
            if change.is_some() {
                let _ = fs::remove_file(&path);
                fs::write(path, bytes).unwrap();
            }
        }
    }
    let Some(mut desk) = Desk::open() else { return };
    let trust = program.path("copies.trust");
    desk.browser.click("#clear");
    desk.browser.choose("#own input", &[&trust]);
    let copy = program.path("copy");
    let folder = "#evidence input[webkitdirectory]";
    desk.browser.choose(folder, &[&copy]);
    desk.wait_for("document.querySelectorAll('#evidence li').length > 1");
    let said = desk.press_verify();
    assert!(said.starts_with("PASSED"), "{said}");
    assert!(
        desk.report()
            .contains("For this page every stored byte was read")
    );
    // A receipt says what it says on a terminal.
    let receipt = program.output("prove 4 --entry-out entry-4.bin").stdout;
    fs::write(program.path("entry-4.tlog-proof"), receipt).unwrap();
    let verify = "verify entry-4.tlog-proof --entry entry-4.bin --trust copies.trust";
    let told = String::from_utf8(program.output(verify).stdout).unwrap();
    let [receipt, entry] = ["entry-4.tlog-proof", "entry-4.bin"].map(|name| program.path(name));
    desk.hand_over(&[&receipt, &entry], &[&trust]);
    assert!(desk.press_verify().starts_with("PASSED"));
    let shown = desk.ask("document.querySelector('#said pre').textContent");
    let shown = shown.as_str().unwrap().trim();
    assert!(
        shown.len() > 100 && told.starts_with(shown),
        "{shown} {told}"
    );
    desk.hand_over(&[&receipt], &[&trust]);
    let said = desk.press_verify();
    assert!(
        said.contains("checked with the entry that it is of"),
        "{said}"
    );
    let ledger = program.path("prod");
    desk.browser.click("#clear");
    desk.browser.choose(folder, &[&ledger]);
    desk.wait_for("document.querySelectorAll('#evidence li').length > 1");
    let said = desk.press_verify();
    assert!(said.contains("is a ledger's own folder"), "{said}");
    desk.has_kept_to_itself();
}

/// 1,000 rotations: the page has an answer, can be stopped on the way, and is used again after that.
#[test]
fn a_large_pack_is_judged_and_can_be_stopped() {
    let packs = std::env::var_os("LEDGER_TEST_PACKS").map(PathBuf::from);
    if packs.is_none() && std::env::var_os("LEDGER_TEST_AUDITOR_PAGE").is_none() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let (zip, trust) = thousand(home.path());
    if let Some(packs) = packs {
        fs::copy(&zip, packs.join("thousand.zip")).unwrap();
        fs::copy(&trust, packs.join("thousand.trust")).unwrap();
        fs::copy(&trust, packs.join("copy-thousand.trust")).unwrap();
        copy_folder(&home.path().join("copy"), &packs.join("copy-thousand")).unwrap();
    }
    let Some(mut desk) = Desk::open() else { return };
    desk.hand_over(&[&zip], &[&trust]);
    desk.browser.click("#verify");
    desk.wait_for("document.getElementById('status').textContent === 'Verifying'");
    desk.wait_for("document.getElementById('progress').value > 0");
    desk.browser.click("#stop");
    assert_eq!(desk.said("status"), "Stopped; nothing was judged.");
    assert_eq!(desk.ask("document.getElementById('result').hidden"), true);
    let began = Instant::now();
    let said = desk.press_verify();
    eprintln!("1,000 rotations in the page: {:?}", began.elapsed());
    assert!(said.starts_with("FAILED: intact, with findings"), "{said}");
    assert_eq!(
        desk.ask("document.querySelectorAll('details').length"),
        1_000
    );
    desk.has_kept_to_itself();
}

fn thousand(home: &Path) -> (PathBuf, PathBuf) {
    let world = generate::world();
    let (_, mut writer) = generate::found(&world, home, 1_000);
    generate::rotate(&world, &mut writer, u64::MAX, 1_000, 0..1_000);
    writer.close();
    let key = home.join("sam.pem");
    rotation_ledger::sys::keyfile::write_new(&key, &generate::cast().sam, None).unwrap();
    let ledger = |words: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ledger"));
        command.args(words.split(' ')).current_dir(home);
        let done = command
            .args(["--ledger", "ledger", "--state", "state"])
            .output()
            .unwrap();
        assert!(done.status.success(), "{done:?}");
        done.stdout
    };
    ledger("export --key sam.pem --out thousand.zip");
    ledger("publish --to copy");
    fs::write(home.join("thousand.trust"), ledger("trust show")).unwrap();
    (home.join("thousand.zip"), home.join("thousand.trust"))
}
