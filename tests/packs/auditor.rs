//! The auditor's page in a browser, as `docs/deploy/auditor-page.sh` builds it: `LEDGER_TEST_AUDITOR_PAGE` names it,
//! otherwise this says so and proves nothing. That it says the same as the program of every pack is for
//! `tests/auditor/same.mjs`; here is what somebody sees of it, and that nothing leaves it.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rotation_ledger::pack::PackFiles;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::browser::Browser;
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
    let digest = rotation_ledger::hash::Sha256Digest::of(&pack);
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
