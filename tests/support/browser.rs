//! A headless Chromium, told what to do over a pipe (the DevTools protocol).
//!
//! `LEDGER_TEST_CHROMIUM` names one, as CI does; otherwise it is looked for on the path, and where there is none
//! the tests say so and prove nothing.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use base64::Engine as _;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Its pipes are the descriptors 3 and 4; one that hangs is ended.
const START: &str = r#"exec timeout 120 "$@" 3<&0 4>&1 </dev/null >/dev/null 2>&1"#;
const NAMES: &[&str] = &["chromium-headless-shell", "chromium", "google-chrome"];

/// A browser with one page, which runs no scripts until it is allowed to.
pub struct Browser {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    session: Option<String>,
    calls: u64,
    /// Whether a page came that nobody waited for.
    loaded: bool,
    _profile: TempDir,
}

impl Browser {
    /// Starts one.
    pub fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// Starts one with these words for it, too.
    pub fn start_with(words: &[&str]) -> Option<Self> {
        let named = std::env::var("LEDGER_TEST_CHROMIUM").ok();
        let Some(program) = named.or_else(found) else {
            eprintln!("left out: no Chromium is here, so pages in a browser prove nothing");
            return None;
        };
        let profile = tempfile::tempdir().unwrap();
        let mut child = Command::new("sh")
            .args(["-c", START, "sh", &program])
            .args(["--headless", "--no-sandbox", "--disable-gpu"])
            .args(["--disable-dev-shm-usage", "--remote-debugging-pipe"])
            .args([
                "--disable-background-networking",
                "--disable-component-update",
            ])
            .args(words)
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut browser = Self {
            input: child.stdin.take().unwrap(),
            output: BufReader::new(child.stdout.take().unwrap()),
            child,
            session: None,
            calls: 0,
            loaded: false,
            _profile: profile,
        };
        let target = browser.call("Target.createTarget", json!({ "url": "about:blank" }));
        let target = json!({ "targetId": target["targetId"], "flatten": true });
        let session = browser.call("Target.attachToTarget", target);
        browser.session = Some(session["sessionId"].as_str().unwrap().to_owned());
        browser.call("Page.enable", json!({}));
        browser.disable_scripts(true);
        Some(browser)
    }

    /// Lets pages run their scripts.
    pub fn allow_scripts(&mut self) {
        self.disable_scripts(false);
    }

    fn disable_scripts(&mut self, disabled: bool) {
        let disabled = json!({ "value": disabled });
        self.call("Emulation.setScriptExecutionDisabled", disabled);
    }

    /// Chooses files in the input that a selector names.
    pub fn choose(&mut self, selector: &str, files: &[&std::path::Path]) {
        let asked = json!({ "expression": format!("document.querySelector('{selector}')") });
        let found = self.call("Runtime.evaluate", asked);
        let object = &found["result"]["objectId"];
        self.call(
            "DOM.setFileInputFiles",
            json!({ "files": files, "objectId": object }),
        );
    }

    /// Shows pages on a screen of this width, light or dark.
    pub fn look(&mut self, width: u32, scheme: &str) {
        let screen =
            json!({ "width": width, "height": 780, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.call("Emulation.setDeviceMetricsOverride", screen);
        let feature = json!({ "name": "prefers-color-scheme", "value": scheme });
        self.call(
            "Emulation.setEmulatedMedia",
            json!({ "features": [feature] }),
        );
    }

    /// Goes to an address, as somebody who types it.
    pub fn go(&mut self, url: &str) {
        self.loaded = false;
        let gone = self.call(
            "Page.navigate",
            json!({ "url": url, "transitionType": "typed" }),
        );
        assert_eq!(gone["errorText"], Value::Null, "{url}");
        self.await_load();
    }

    /// Waits for the page that is on its way.
    pub fn await_load(&mut self) {
        while !std::mem::take(&mut self.loaded) {
            self.message();
        }
    }

    /// What an expression about the page comes to.
    pub fn ask(&mut self, expression: &str) -> Value {
        let asked = json!({ "expression": expression, "returnByValue": true });
        let answered = self.call("Runtime.evaluate", asked);
        assert_eq!(answered["exceptionDetails"], Value::Null, "{expression}");
        answered["result"]["value"].clone()
    }

    /// Drops files into the middle of the first element that a selector names.
    pub fn drop_files(&mut self, selector: &str, files: &[&std::path::Path]) {
        let place = self.place(selector);
        let data = json!({ "items": [], "files": files, "dragOperationsMask": 1 });
        for kind in ["dragEnter", "dragOver", "drop"] {
            let dragged = json!({ "type": kind, "x": place[0], "y": place[1], "data": data });
            self.call("Input.dispatchDragEvent", dragged);
        }
    }

    /// The middle of the first element that a selector names, once it is on the screen.
    fn place(&mut self, selector: &str) -> Value {
        self.ask(&format!(
            "(e => {{ e.scrollIntoView({{block: 'center'}}); let r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2] }})(document.querySelector('{selector}'))"
        ))
    }

    /// What an expression about the page comes to, some time later.
    pub fn ask_later(&mut self, expression: &str) -> Value {
        let asked =
            json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answered = self.call("Runtime.evaluate", asked);
        assert_eq!(answered["exceptionDetails"], Value::Null, "{expression}");
        answered["result"]["value"].clone()
    }

    /// Presses a key.
    pub fn press(&mut self, key: &str, code: u32, text: &str) {
        for kind in ["keyDown", "keyUp"] {
            let pressed =
                json!({ "type": kind, "key": key, "windowsVirtualKeyCode": code, "text": text });
            self.call("Input.dispatchKeyEvent", pressed);
        }
    }

    /// Clicks into the middle of the first element that a selector names.
    pub fn click(&mut self, selector: &str) {
        let place = self.place(selector);
        for kind in ["mousePressed", "mouseReleased"] {
            let clicked = json!({ "type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1 });
            self.call("Input.dispatchMouseEvent", clicked);
        }
    }

    /// The whole page as a picture, kept in the folder `LEDGER_TEST_PICTURES` where that is set.
    pub fn picture(&mut self, name: &str) {
        let asked = json!({ "captureBeyondViewport": true });
        let taken = self.call("Page.captureScreenshot", asked);
        let taken =
            base64::engine::general_purpose::STANDARD.decode(taken["data"].as_str().unwrap());
        let taken = taken.unwrap();
        assert!(taken.starts_with(b"\x89PNG"));
        if let Some(folder) = std::env::var_os("LEDGER_TEST_PICTURES") {
            std::fs::write(std::path::Path::new(&folder).join(name), taken).unwrap();
        }
    }

    /// How many sheets of A4 the page takes.
    pub fn sheets(&mut self) -> usize {
        let printed = self.call("Page.printToPDF", json!({ "preferCSSPageSize": true }));
        let printed = printed["data"].as_str().unwrap();
        let printed = base64::engine::general_purpose::STANDARD
            .decode(printed)
            .unwrap();
        let begins = |bytes: &&[u8]| *bytes == b"/Type /Page\n";
        printed.windows(12).filter(begins).count()
    }

    fn call(&mut self, method: &str, params: Value) -> Value {
        self.calls += 1;
        let mut message = json!({ "id": self.calls, "method": method, "params": params });
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.input.write_all(&bytes).unwrap();
        loop {
            let answered = self.message();
            if answered["id"] == self.calls {
                assert_eq!(answered["error"], Value::Null, "{method}");
                return answered["result"].clone();
            }
        }
    }

    fn message(&mut self) -> Value {
        let mut bytes = Vec::new();
        self.output.read_until(0, &mut bytes).unwrap();
        assert_eq!(bytes.pop(), Some(0), "the browser is gone");
        let message: Value = serde_json::from_slice(&bytes).unwrap();
        self.loaded |= message["method"] == "Page.loadEventFired";
        message
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It ends when its pipe does.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn found() -> Option<String> {
    let path = std::env::var_os("PATH")?;
    let named = NAMES.iter().find(|name| {
        let mut folders = std::env::split_paths(&path);
        folders.any(|folder| folder.join(name).exists())
    });
    named.map(|name| (*name).to_owned())
}
