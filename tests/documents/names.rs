//! What the documents name is there: files and folders, commands and their flags, environment variables, events,
//! rules, rooms, and the places that links lead to.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use rotation_ledger::event::VOCABULARY;
use rotation_ledger::rule::RULES;

use crate::blocks::blocks;

/// What stands between backticks outside of blocks, with its line.
fn spans(document: &str) -> Vec<(usize, String)> {
    let mut spans = Vec::new();
    let mut inside = false;
    for (line, text) in document.lines().enumerate() {
        if text.starts_with("```") {
            inside = !inside;
        } else if !inside {
            let quoted = text.split('`').skip(1).step_by(2);
            spans.extend(quoted.map(|span| (line + 1, span.to_owned())));
        }
    }
    spans
}

/// All documents, by name.
fn documents() -> BTreeMap<String, String> {
    let names = crate::documents().into_iter();
    names
        .map(|name| (name.clone(), crate::read(&name)))
        .collect()
}

/// The words of a text that are made of the characters of a name.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let inside = |letter: char| letter.is_ascii_alphanumeric() || "_-./".contains(letter);
    text.split(move |letter| !inside(letter))
        .map(|word| word.trim_end_matches('.'))
        .filter(|word| !word.is_empty())
}

#[test]
fn every_path_that_is_named_exists() {
    let tops = [".cargo", ".ci", "docs", "fuzz", "src", "tests"];
    let mut missing = Vec::new();
    for (name, text) in documents() {
        for word in words(&text).filter(|word| !word.starts_with("..")) {
            let top = word.split('/').next().unwrap();
            let of_the_tree = tops.contains(&top) && word.contains('/');
            let a_document = word.ends_with(".md") && !word.contains('/') && word != "VERIFY.md";
            let found = crate::path(word).exists() || crate::path("docs").join(word).exists();
            if (of_the_tree || a_document) && !found {
                missing.push(format!("{name}: {word}"));
            }
        }
        for elsewhere in ["/work/", "../shared", "shared/", "DESIGN.md", "SOP.md"] {
            assert!(
                !text.contains(elsewhere),
                "{name} names {elsewhere}, which is elsewhere"
            );
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn what_the_bench_of_peers_writes_has_its_place() {
    let bench = crate::read("tests/peers/run");
    let named = bench
        .lines()
        .find_map(|line| line.strip_prefix("MARKERS = "));
    let markers: Vec<_> = named.unwrap().split('"').skip(1).step_by(2).collect();
    let document = crate::read("docs/PERFORMANCE.md");
    let found = |marker: &&str| document.lines().position(|line| line == *marker);
    let lines: Vec<_> = markers
        .iter()
        .map(|marker| found(marker).unwrap())
        .collect();
    assert!(
        lines.len() == 2 && lines.is_sorted(),
        "{markers:?}: {lines:?}"
    );
}

#[test]
fn every_test_and_bench_that_is_named_is_in_the_manifest() {
    let manifest = crate::read("Cargo.toml");
    for (name, text) in documents() {
        let commands = text.lines().filter(|line| line.contains("cargo "));
        let all: Vec<_> = commands.flat_map(words).collect();
        for pair in all
            .windows(2)
            .filter(|pair| ["--test", "--bench"].contains(&pair[0]))
        {
            let declared = manifest.contains(&format!("name = {:?}", pair[1]));
            let found = crate::path("tests").join(pair[1]).join("main.rs").exists();
            assert!(declared || found, "{name}: {} {}", pair[0], pair[1]);
        }
    }
}

#[test]
fn every_link_leads_somewhere() {
    let documents = documents();
    for (name, text) in &documents {
        for link in text.split("](").skip(1) {
            let target = link.split(')').next().unwrap();
            if target.contains("://") {
                continue;
            }
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let beside = Path::new(name).parent().unwrap().join(file);
            let file = match file {
                "" => name.clone(),
                _ => beside
                    .to_str()
                    .unwrap()
                    .trim_start_matches("docs/../")
                    .to_owned(),
            };
            assert!(crate::path(&file).exists(), "{name}: {target}");
            let headings = documents.get(&file).map(|text| anchors(text));
            let there = headings.is_none_or(|anchors| anchors.contains(heading));
            assert!(heading.is_empty() || there, "{name}: {target}");
        }
    }
}

/// The headings of a document as links name them.
fn anchors(document: &str) -> BTreeSet<String> {
    let headings = document.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|heading| {
            let text = heading.trim_start_matches('#').trim().to_lowercase();
            let kept = text
                .chars()
                .filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
            kept.collect::<String>().replace(' ', "-")
        })
        .collect()
}

#[test]
fn every_command_that_is_named_is_one_with_its_flags() {
    let mut helps = BTreeMap::new();
    for (name, text) in documents() {
        for (line, span) in spans(&text) {
            if let Some(said) = span.strip_prefix("ledger ") {
                let fault = misnamed(said, &mut helps);
                assert_eq!(fault, None, "{name}:{line}: `{span}`");
            }
        }
        for block in blocks(&text).iter().filter(|block| block.language == "sh") {
            for said in block
                .text
                .lines()
                .filter_map(|line| line.strip_prefix("ledger "))
            {
                let fault = misnamed(said, &mut helps);
                assert_eq!(fault, None, "{name}:{}: ledger {said}", block.line);
            }
        }
    }
}

/// The first word of a command line that the program's help does not know.
fn misnamed(said: &str, helps: &mut BTreeMap<String, String>) -> Option<String> {
    let said = said.split(" #").next().unwrap();
    let said = said.split(" -- ").next().unwrap();
    let mut command = String::new();
    for word in said.split(' ') {
        let is_name = word
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || b"-._".contains(&byte));
        if word.is_empty() || word.starts_with('-') || !is_name {
            break;
        }
        let help = help(&command, helps);
        if help.contains("Commands:") || help.contains("\nEvents") {
            if !help
                .lines()
                .any(|line| line.trim_start().split(' ').next() == Some(word))
            {
                return Some(word.to_owned());
            }
            command = format!("{command} {word}").trim().to_owned();
        }
    }
    let flags = words(said).filter(|word| word.starts_with("--"));
    let help = help(&command, helps);
    flags
        .map(str::to_owned)
        .find(|flag| !words(&help).any(|word| word == flag))
}

/// The help of a command, asked for once.
fn help(command: &str, helps: &mut BTreeMap<String, String>) -> String {
    let ask = || {
        let words = command.split(' ').filter(|word| !word.is_empty());
        let mut ledger = Command::new(env!("CARGO_BIN_EXE_ledger"));
        let output = ledger.args(words).arg("--help").output().unwrap();
        assert!(output.status.success(), "ledger {command} --help");
        String::from_utf8(output.stdout).unwrap()
    };
    helps.entry(command.to_owned()).or_insert_with(ask).clone()
}

#[test]
fn every_environment_variable_that_is_named_is_read_somewhere() {
    let code = sources(&["src", "tests", ".ci"]);
    for (name, text) in documents() {
        let variables =
            words(&text).filter(|word| word.starts_with("LEDGER_") || *word == "UPDATE_DOCS");
        for variable in variables {
            assert!(code.contains(variable), "{name}: {variable}");
        }
    }
}

/// The text of every source file and script below these folders, but for this one.
fn sources(folders: &[&str]) -> String {
    let mut text = String::new();
    let mut open: Vec<_> = folders.iter().map(|folder| crate::path(folder)).collect();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            let inside = std::fs::read_dir(&path).unwrap();
            open.extend(inside.map(|file| file.unwrap().path()));
        } else if !path.ends_with("documents/names.rs") {
            text.push_str(&String::from_utf8_lossy(&std::fs::read(path).unwrap()));
        }
    }
    text
}

#[test]
fn every_event_and_rule_that_is_named_is_one() {
    let events: BTreeSet<_> = VOCABULARY.iter().map(|spec| spec.name).collect();
    let subjects: BTreeSet<_> = events
        .iter()
        .map(|name| name.split('.').next().unwrap())
        .collect();
    let files = [
        "md", "json", "csv", "rs", "py", "pem", "toml", "txt", "zip", "html", "trust", "sh",
    ];
    for (name, text) in documents() {
        for (line, span) in spans(&text) {
            let Some((subject, what)) = span.split_once('.') else {
                continue;
            };
            let is_event = subjects.contains(subject)
                && what
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
                && !files.contains(&what);
            assert!(
                !is_event || events.contains(&*span),
                "{name}:{line}: {span}"
            );
        }
        for word in words(&text) {
            let (verdict, number) = word.split_once('-').unwrap_or_default();
            let is_rule = verdict.len() == 1
                && "ACINPSTW".contains(verdict)
                && number.len() == 2
                && number.bytes().all(|byte| byte.is_ascii_digit());
            assert!(
                !is_rule || RULES.iter().any(|rule| rule.id == word),
                "{name}: {word}"
            );
        }
    }
}

#[test]
fn every_room_and_item_of_the_code_that_is_named_is_there() {
    let code = sources(&["src"]);
    for (name, text) in documents() {
        for (line, span) in spans(&text) {
            let Some((room, inside)) = span.split_once("::") else {
                continue;
            };
            let room = crate::path("src").join(room);
            assert!(
                room.is_dir() || room.with_extension("rs").is_file(),
                "{name}:{line}: {span}"
            );
            for item in inside.split("::") {
                assert!(code.contains(item), "{name}:{line}: {span}");
            }
        }
    }
}
