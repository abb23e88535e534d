//! Flags and commands are named by the command line, and on the paper that the room `page` writes for
//! people. A library that named them would be wrong behind any other face.

use crate::architecture::modules;

/// The rooms that may.
const FACES: &[&str] = &["cli", "page", "serve"];

/// The commands of the program, as its help lists them.
fn commands() -> Vec<String> {
    let program = std::process::Command::new(env!("CARGO_BIN_EXE_ledger"));
    let help = { program }.arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let listed = listed.take_while(|line| !line.is_empty());
    let names = listed.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    names
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The texts of a source, with the lines they begin in; those of comments and of the module of tests at its end are none.
fn texts(source: &str) -> Vec<(usize, &str)> {
    let end = source.find("#[cfg(test)]\nmod tests {");
    let source = &source[..end.unwrap_or(source.len())];
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(rest) = source.get(at..).filter(|rest| !rest.is_empty()) {
        let raw = rest
            .strip_prefix('r')
            .map(|rest| rest.trim_start_matches('#'));
        let is_raw = raw.is_some_and(|raw| raw.starts_with('"'));
        at += if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if is_raw && !source[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            let hashes = rest.len() - raw.unwrap().len() - 1;
            let close = format!("\"{}", "#".repeat(hashes));
            let begin = hashes + 2;
            let length = rest[begin..].find(&close).unwrap();
            found.push((at, &rest[begin..begin + length]));
            begin + length + close.len()
        } else if let Some(inside) = rest.strip_prefix('"') {
            let length = closed(inside, '"');
            found.push((at, &inside[..length]));
            length + 2
        } else if rest.starts_with("'\\") {
            closed(&rest[1..], '\'') + 2
        } else if rest.starts_with("'\"'") {
            3
        } else {
            rest.chars().next().unwrap().len_utf8()
        };
    }
    let line = |(at, text)| (source[..at].matches('\n').count() + 1, text);
    found.into_iter().map(line).collect()
}

/// Where a text ends that may escape its own end.
fn closed(text: &str, end: char) -> usize {
    let mut is_escaped = false;
    let is_end = |c: char| {
        let is_end = c == end && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        is_end
    };
    text.find(is_end).unwrap()
}

/// The flag or the command that a text names.
fn named<'t>(text: &'t str, commands: &[String]) -> Option<&'t str> {
    let mut words = text.split(|c: char| c.is_whitespace() || "`\"'(),:;".contains(c));
    let is_flag = |word: &&str| {
        let flag = word.strip_prefix("--");
        flag.is_some_and(|flag| flag.starts_with(|c: char| c.is_ascii_lowercase()))
    };
    if let Some(flag) = words.clone().find(is_flag) {
        return Some(flag);
    }
    while let Some(word) = words.next() {
        let next = words.clone().next();
        if word == "ledger"
            && let Some(next) = next.filter(|next| commands.iter().any(|name| name == next))
        {
            return Some(next);
        }
    }
    None
}

#[test]
fn only_faces_name_flags_and_commands() {
    let commands = commands();
    assert!(commands.len() > 20, "{commands:?}");
    for (module, source) in modules() {
        if FACES.contains(&module.split("::").next().unwrap()) {
            continue;
        }
        for (line, text) in texts(&source) {
            let named = named(text, &commands);
            assert_eq!(named, None, "src/{module}, line {line}: {text:?}");
        }
    }
}

#[test]
fn what_a_text_names_is_seen() {
    let commands = ["verify".to_owned()];
    let source = r###"
        // "--comment" and `ledger verify`
        let quote = '"'; let lifetime: &'static str = "no flag -- here"; let quote = '\'';
        say("a \" and --flag"); say(r#"see "ledger verify""#); say("the ledger verifies");
    "###;
    let seen: Vec<_> = texts(source)
        .iter()
        .filter_map(|(line, text)| Some((*line, named(text, &commands)?)))
        .collect();
    assert_eq!(seen, [(4, "--flag"), (4, "verify")]);
}
