//! The pages of `ledger serve`, as browsers and other programs get them.

use serde_json::Value;

use crate::support::browser::Browser;
use crate::support::html::{is_well_formed_served, text};
use crate::support::program::{Program, draft};
use crate::support::served::{Answer, Served};

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

#[test]
fn each_page_leads_to_others_and_shows_what_was_recorded_a_moment_ago() {
    let program = Program::prepared();
    let register = "secret register --key alice.pem --secret a/b#c --name A&B<script> --class api_key --store vault:kv/a --owner <i>A --consumers api --dual-run no";
    assert_eq!(program.code(register), 0);
    let served = Served::start(&program, "");
    let home = page(&served, "/");
    assert!(home.contains("href=\"/rotations/r-1\"") && home.contains("A&amp;B&lt;script&gt;"));
    assert!(text(&home).contains("rotation.approved , by: security owner"));
    let mut seen = std::collections::BTreeSet::new();
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
    let token = "token issue browser --scope read --expires 1d --ledger demo/ledger --state demo/state --key demo/keys/sam.pem --out browser.token";
    assert_eq!(program.code(token), 0);
    let token = std::fs::read_to_string(program.path("browser.token")).unwrap();
    browser.carry("Authorization", &format!("Bearer {}", token.trim()));
    let served = Served::start(
        &program,
        "--listen 127.0.0.1:0 --ledger demo/ledger --state demo/state",
    );
    let base = format!("http://{}", served.addresses[1]);
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
