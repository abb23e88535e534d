//! The pages of `ledger serve`, as browsers and other programs get them.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::net::TcpStream;
use std::process::Command;

use serde_json::Value;

use crate::serve_faults::certificate;
use crate::support::browser::Browser;
use crate::support::html::{is_well_formed_served, text};
use crate::support::program::{Program, draft};
use crate::support::served::{Answer, Served, answer};

/// As a browser asks.
fn get(served: &Served<'_>, path: &str) -> Answer {
    // The last header takes what follows a head.
    let head = format!("GET {path} HTTP/1.1\r\nAccept: text/html,*/*;q=0.8\r\nX:");
    served.try_send(&head, b"").unwrap()
}

fn page(served: &Served<'_>, path: &str) -> String {
    let answer = served.get(path);
    assert_eq!(answer.status, 200, "{path}");
    assert!(
        answer
            .head
            .contains("content-type: text/html; charset=utf-8")
    );
    assert!(
        answer
            .head
            .contains("content-security-policy: default-src 'none'")
    );
    assert!(answer.head.contains("cache-control: no-store"));
    let page = String::from_utf8(answer.body).unwrap();
    is_well_formed_served(&page);
    page
}

/// Every link of a page to another page.
fn links(page: &str) -> Vec<String> {
    let links = page.split("href=\"/").skip(1);
    let links = links.map(|link| format!("/{}", link.split('"').next().unwrap()));
    links.collect()
}

/// What the server answers over TCP.
fn tcp(served: &Served<'_>, request: &str, headers: &str) -> Answer {
    let mut stream = TcpStream::connect(&served.addresses[1]).unwrap();
    let head = format!("{request} HTTP/1.1\r\nHost: l\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    answer(&mut stream).unwrap()
}

/// The path of a link that `ledger open` prints.
fn link(served: &Served<'_>) -> String {
    let opened = served.program.json("open --ledger unix:ledger.sock --json");
    let url = opened["url"].as_str().unwrap();
    let base = format!("http://{}", served.addresses[1]);
    let path = url.strip_prefix(&base).unwrap_or_else(|| panic!("{url}"));
    assert!(path.starts_with("/open/") && path.len() == 70, "{path}");
    path.to_owned()
}

/// The cookie that an answer sets, as it is sent.
fn cookie(answer: &Answer) -> String {
    assert_eq!(answer.status, 303, "{}", answer.head);
    assert!(
        answer.head.contains("\r\nlocation: /\r\n"),
        "{}",
        answer.head
    );
    let (_, set) = answer.head.split_once("set-cookie: ").unwrap();
    let (cookie, rest) = set.split_once(';').unwrap();
    assert!(rest.contains(" HttpOnly; SameSite=Strict"), "{rest}");
    format!("Cookie: {cookie}\r\n")
}

#[test]
fn each_page_leads_to_others_and_shows_what_was_recorded_a_moment_ago() {
    let program = Program::prepared();
    let register = "secret register --key alice.pem --secret a/b#c --name A&B<script> --class api_key --store vault:kv/a --owner <i>A --consumers api --dual-run no";
    assert_eq!(program.code(register), 0);
    let served = Served::start(&program, "");
    let home = page(&served, "/");
    assert!(home.contains("href=\"/rotations/r-1\"") && home.contains("A&amp;B&lt;script&gt;"));
    assert!(text(&home).contains("rotation.approved , by: security owner"));
    let mut seen = BTreeSet::new();
    let mut open = links(&home);
    while let Some(link) = open.pop() {
        if seen.insert(link.clone()) {
            open.extend(links(&page(&served, &link)));
        }
    }
    let expected = [
        "/",
        "/report",
        "/rotations/r-1",
        "/secrets/a%2Fb%23c",
        "/secrets/db%2Forders",
    ];
    assert_eq!(Vec::from_iter(&seen), expected);
    // A slash may be typed.
    assert_eq!(
        page(&served, "/secrets/db/orders"),
        page(&served, "/secrets/db%2Forders")
    );
    let before = text(&page(&served, "/rotations/r-1"));
    assert_eq!(served.post(&served.signed(&draft(7))).status, 201);
    let after = text(&page(&served, "/rotations/r-1"));
    assert!(
        !before.contains("attempt 7") && after.contains("attempt 7"),
        "{after}"
    );
    for (path, status) in [
        ("/rotations/r-9", 404),
        ("/secrets/nobody", 404),
        ("/nowhere", 404),
        ("/rotations/%20", 400),
    ] {
        let tool = served.get(path);
        assert_eq!(
            (tool.status, tool.code().is_empty()),
            (status, false),
            "{path}"
        );
        let browser = get(&served, path);
        assert_eq!(browser.status, status, "{path}");
        is_well_formed_served(std::str::from_utf8(&browser.body).unwrap());
    }
    let posted = served.try_send("POST /", b"").unwrap();
    assert_eq!(posted.status, 405);
}

#[test]
fn evidence_and_pages_share_one_verification_while_nothing_is_recorded() {
    let program = Program::prepared();
    assert_eq!(program.code("demo --dir demo"), 0);
    let served = Served::start(&program, "--ledger demo/ledger --state demo/state");
    // Nothing has been verified yet, and all of these wait for one verification.
    let instants: BTreeSet<String> = std::thread::scope(|scope| {
        let views: Vec<_> = (0..8).map(|_| scope.spawn(|| page(&served, "/"))).collect();
        let instant = |page: String| {
            let (_, at) = page.split_once("datetime=\"").unwrap();
            at.split('"').next().unwrap().to_owned()
        };
        let pages = views.into_iter().map(|view| view.join().unwrap());
        pages.map(instant).collect()
    });
    assert_eq!(instants.len(), 1, "{instants:?}");
    let listed = served.get("/v1/rotations").json();
    let ended = |one: &&Value| one["state"] == "completed" || one["ended_by_entry"].is_u64();
    let rotation = listed["rotations"].as_array().unwrap().iter().find(ended);
    let rotation = rotation.unwrap()["rotation"].as_str().unwrap();
    let evidence = || {
        served
            .get(&format!("/v1/rotations/{rotation}/evidence"))
            .json()
    };
    let first = evidence();
    let template = first["template"].as_str().unwrap();
    let page = page(&served, &format!("/rotations/{rotation}"));
    assert!(page.contains(&format!(
        "<pre class=\"copy\" tabindex=\"0\">{template}</pre>"
    )));
    let as_of = first["as_of"].as_str().unwrap();
    assert!(page.contains(&format!("datetime=\"{as_of}\"")), "{as_of}");
    assert_eq!(evidence(), first);
    assert_eq!(first["entries"], served.get("/readyz").json()["entries"]);
}

/// What may be read by whoever was let in.
const READ: [&str; 5] = [
    "/",
    "/report",
    "/rotations/r-1",
    "/v1/status",
    "/checkpoint",
];

#[test]
fn a_link_opens_once_and_its_cookie_reads_and_never_writes() {
    let program = Program::prepared();
    let served = Served::start(&program, "--listen 127.0.0.1:0");
    let html = "Accept: text/html\r\n";
    for path in READ {
        let refused = tcp(&served, &format!("GET {path}"), "");
        assert_eq!(
            (refused.status, refused.code().is_empty()),
            (401, false),
            "{path}"
        );
        let page = tcp(&served, &format!("GET {path}"), html);
        assert_eq!(page.status, 401);
        let page = String::from_utf8(page.body).unwrap();
        assert!(page.contains("<pre>ledger open --ledger"), "{page}");
        is_well_formed_served(&page);
    }
    let link = link(&served);
    let first = tcp(&served, &format!("GET {link}"), html);
    assert!(!first.head.contains("Secure"), "{}", first.head);
    let cookie = cookie(&first);
    for used in [&link, "/open/00", &format!("{link}0")] {
        let again = tcp(&served, &format!("GET {used}"), html);
        assert!(
            again.status == 401 && !again.head.contains("set-cookie"),
            "{used}"
        );
    }
    for path in READ {
        let answer = tcp(&served, &format!("GET {path}"), &cookie);
        assert_eq!(answer.status, 200, "{path}");
    }
    let (name, secret) = cookie.trim().split_once('=').unwrap();
    for wrong in [
        format!("{name}=\r\n"),
        format!("{name}={}\r\n", "0".repeat(64)),
        format!("{name}x={secret}\r\n"),
    ] {
        assert_eq!(tcp(&served, "GET /", &wrong).status, 401, "{wrong}");
    }
    // Another site can have a browser send something, and nothing comes of it.
    for post in [
        "POST /v1/statements",
        "POST /v1/sessions",
        "PUT /v1/attachments/00",
        "DELETE /",
    ] {
        let length = format!("{cookie}Content-Length: 0\r\n");
        assert_eq!(tcp(&served, post, &length).status, 401, "{post}");
    }
    drop(served);
    assert_eq!(program.events().len(), 5);
    let log = std::fs::read_to_string(program.path("serve.log")).unwrap();
    assert!(log.contains("\"path\":\"/open/…\""), "{log}");
    assert!(!log.contains(&link[6..]) && !log.contains(secret), "{log}");
}

#[test]
fn a_session_ends_with_the_token_that_began_it() {
    let program = Program::prepared();
    let served = Served::start(&program, "--listen 127.0.0.1:0");
    let token = served.issue("kiosk", "read", "1d");
    let url = format!("http://{}", served.addresses[1]);
    let opened = program.json(&format!(
        "open --ledger {url} --token-file kiosk.token --json"
    ));
    let path = opened["url"].as_str().unwrap().strip_prefix(&url).unwrap();
    let cookie = cookie(&tcp(&served, &format!("GET {path}"), ""));
    assert_eq!(tcp(&served, "GET /", &cookie).status, 200);
    let link = served.ask("POST /v1/sessions", Some(&token), b"").json();
    assert_eq!(link["addresses"][0], url);
    assert!(served.alice("token revoke kiosk").status.success());
    // Another token of its name changes nothing.
    std::fs::remove_file(program.path("kiosk.token")).unwrap();
    served.issue("kiosk", "read", "1d");
    let ended = tcp(&served, "GET /", &cookie);
    assert_eq!((ended.status, &*ended.code()), (401, "revoked-token"));
    let opened = tcp(
        &served,
        &format!("GET {}", link["path"].as_str().unwrap()),
        "",
    );
    assert_eq!(tcp(&served, "GET /", &self::cookie(&opened)).status, 401);
    let refused = program.output(&format!("open --ledger {url}"));
    assert_eq!(refused.status.code(), Some(5));
}

#[test]
fn over_tls_the_cookie_goes_over_tls_alone() {
    let program = Program::prepared();
    certificate(&program, "ca", None);
    certificate(&program, "server", Some("ca"));
    let served = Served::start(
        &program,
        "--listen 127.0.0.1:0 --tls-cert server.pem --tls-key server.key",
    );
    let opened = program.json("open --ledger unix:ledger.sock --json");
    let url = opened["url"].as_str().unwrap();
    assert!(
        url.starts_with(&format!("https://{}/open/", served.addresses[1])),
        "{url}"
    );
    let curl = |words: &[&str]| {
        let said = Command::new("curl")
            .current_dir(program.root())
            .args(["-s", "-i", "--cacert", "ca.pem", "-c", "jar", "-b", "jar"])
            .args(words)
            .output()
            .unwrap();
        String::from_utf8(said.stdout).unwrap()
    };
    assert!(curl(&[url]).contains("SameSite=Strict; Secure"));
    let home = format!("https://{}/", served.addresses[1]);
    assert!(curl(&[&home]).contains("200 OK"));
    assert!(curl(&["-d", "{}", &format!("{home}v1/statements")]).contains("401 Unauthorized"));
}

#[test]
fn where_no_browser_gets_in_it_is_said_what_would_help() {
    let program = Program::prepared();
    let folder = program.output("open");
    assert_eq!(folder.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&folder.stderr).contains("hint: name who serves it"));
    let _served = Served::start(&program, "");
    let socket = program.output("open --ledger unix:ledger.sock");
    assert_eq!(socket.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&socket.stderr).contains("no TCP address"));
    let gone = program.output("open --ledger unix:nobody.sock");
    assert_eq!(gone.status.code(), Some(6));
}

/// Chromium, without scripts: on a phone and on a desk, in the dark and in the light, by keyboard.
#[test]
fn a_browser_shows_them_on_a_phone_in_the_dark_and_by_keyboard() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let program = Program::prepared();
    assert_eq!(program.code("demo --dir demo"), 0);
    let long = "secret register --ledger demo/ledger --state demo/state --key demo/keys/sam.pem --secret a-secret-with-a-name/that-goes/on-and-on/and-on-without-an-end --name A&B<script>alert(1)</script> --class api_key --store vault:kv/a --owner team --consumers a-consumer-with-a-name-that-is-much-too-long-for-any-phone-of-these-days --dual-run no";
    assert_eq!(program.code(long), 0);
    let open = "append rotation.opened --ledger demo/ledger --state demo/state --key demo/keys/olga.pem --rotation r-next --secret a-secret-with-a-name/that-goes/on-and-on/and-on-without-an-end --reason scheduled --consumers a-consumer-with-a-name-that-is-much-too-long-for-any-phone-of-these-days";
    assert_eq!(program.code(open), 0);
    let served = Served::start(
        &program,
        "--listen 127.0.0.1:0 --ledger demo/ledger --state demo/state",
    );
    let base = format!("http://{}", served.addresses[1]);
    browser.look(360, "dark");
    browser.go(&format!("{base}/"));
    browser.picture("way-in.png");
    let said = browser.ask("document.body.innerText");
    assert!(said.as_str().unwrap().contains("ledger open"), "{said}");
    browser.go(&format!("{base}{}", link(&served)));
    assert_eq!(browser.ask("location.pathname"), "/", "the link has led on");
    assert_eq!(
        browser.ask("document.cookie"),
        "",
        "no script would see the cookie"
    );
    let listed = served.get("/v1/rotations").json();
    let ended = |one: &&Value| one["ended_by_entry"].is_u64();
    let rotation = listed["rotations"].as_array().unwrap().iter().find(ended);
    let rotation = rotation.unwrap()["rotation"].as_str().unwrap().to_owned();
    let secret = "/secrets/a-secret-with-a-name/that-goes/on-and-on/and-on-without-an-end";
    let pages = [
        "/".to_owned(),
        "/report".to_owned(),
        format!("/rotations/{rotation}"),
        "/rotations/r-next".to_owned(),
        secret.to_owned(),
        "/nowhere".to_owned(),
    ];
    for (width, scheme, behind) in [
        (360, "dark", "rgb(17, 22, 28)"),
        (1_280, "light", "rgb(255, 255, 255)"),
    ] {
        browser.look(width, scheme);
        for (number, path) in pages.iter().enumerate() {
            browser.go(&format!("{base}{path}"));
            browser.picture(&format!("page-{number}-{width}-{scheme}.png"));
            let colour = browser.ask("getComputedStyle(document.documentElement).backgroundColor");
            assert_eq!(colour, behind, "{path}: the style counts, and its colours");
            let wide = browser.ask("document.documentElement.scrollWidth");
            assert!(
                wide.as_u64().unwrap() <= u64::from(width),
                "{path} is {wide} wide on {width}"
            );
            let fetched = browser.ask("performance.getEntriesByType('resource').length");
            assert_eq!(fetched, 0, "{path} fetches something");
            assert_eq!(
                browser.ask("document.querySelectorAll('h1').length"),
                1,
                "{path}"
            );
        }
    }
    by_keyboard(&mut browser, &base, &rotation);
}

fn by_keyboard(browser: &mut Browser, base: &str, rotation: &str) {
    browser.look(360, "light");
    browser.go(&format!("{base}/"));
    let focus = "document.activeElement.getAttribute('href') || document.activeElement.getAttribute('aria-label')";
    let mut order = Vec::new();
    for _ in 0..6 {
        browser.press("Tab", 9, "");
        order.push(browser.ask(focus).as_str().unwrap_or_default().to_owned());
    }
    assert_eq!(
        order[..5],
        [
            "/",
            "/report",
            "#not-checked",
            "What is next",
            "/rotations/r-next"
        ]
    );
    let ring = browser.ask("getComputedStyle(document.activeElement).outlineStyle");
    assert_ne!(ring, "none", "what has the focus is seen");
    browser.press("Tab", 9, "");
    browser.go(&format!("{base}/"));
    for _ in 0..5 {
        browser.press("Tab", 9, "");
    }
    browser.press("Enter", 13, "\r");
    browser.await_load();
    assert_eq!(browser.ask("location.pathname"), "/rotations/r-next");
    // One press selects the template, as it is pasted.
    browser.go(&format!("{base}/rotations/{rotation}"));
    browser.click("pre.copy");
    let selected = browser.ask("getSelection().toString()");
    let lines: Vec<_> = selected.as_str().unwrap().lines().collect();
    assert_eq!((lines[0], lines.len()), ("Rotation Evidence", 10));
}
