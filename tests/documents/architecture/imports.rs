//! Reads which paths a file of Rust names: enough of the language for that, and no more.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// A path as the source names it, and its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) line: usize,
    pub(crate) path: Vec<String>,
}

/// A word or a sign of the source, and its line.
type Token = (usize, String);

/// The paths that a source names: of an import one for each name at its end, of other code those of two
/// words or more. What comments and texts mention is no import.
pub(crate) fn paths(source: &str) -> Vec<Named> {
    let tokens = tokens(source);
    let mut found = Vec::new();
    let mut at = 0;
    while let Some((_, text)) = tokens.get(at) {
        at = match text.as_str() {
            "use" => tree(&tokens, at + 1, &[], &mut found),
            _ => expression(&tokens, at, &mut found),
        };
    }
    found
}

/// Reads one tree of an import, and answers where it ends.
fn tree(tokens: &[Token], mut at: usize, before: &[String], found: &mut Vec<Named>) -> usize {
    let mut path = before.to_vec();
    let line = tokens.get(at).map_or(0, |(line, _)| *line);
    while let Some((_, text)) = tokens.get(at) {
        match text.as_str() {
            "::" => at += 1,
            "{" => {
                at += 1;
                while tokens.get(at).is_some_and(|(_, text)| text != "}") {
                    at = tree(tokens, at, &path, found);
                    at += usize::from(tokens.get(at).is_some_and(|(_, text)| text == ","));
                }
                return at + 1;
            }
            "as" => at += 2,
            "self" if !path.is_empty() => at += 1,
            word if is_word(word) || word == "*" => {
                path.push(word.to_owned());
                at += 1;
            }
            _ => break,
        }
    }
    found.push(Named { line, path });
    // A sign that no import has must not be read for ever.
    at + usize::from(
        tokens
            .get(at)
            .is_some_and(|(_, text)| !matches!(text.as_str(), "," | "}")),
    )
}

/// Reads a path, or passes over what is none.
fn expression(tokens: &[Token], at: usize, found: &mut Vec<Named>) -> usize {
    let text = |at: usize| tokens.get(at).map_or("", |(_, text)| text.as_str());
    if !is_word(text(at)) {
        return at + 1;
    }
    let mut path = vec![text(at).to_owned()];
    let mut end = at + 1;
    while text(end) == "::" && is_word(text(end + 1)) {
        path.push(text(end + 1).to_owned());
        end += 2;
    }
    if path.len() > 1 {
        let line = tokens.get(at).map_or(0, |(line, _)| *line);
        found.push(Named { line, path });
    }
    end
}

fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// The words and signs of a source, without its comments and texts.
fn tokens(source: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let mut line = 1;
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            '"' => text_length(rest),
            'r' if raw_fence(rest).is_some() => raw_length(rest),
            // A character, where a lifetime would have no second quote.
            '\'' if rest.starts_with("'\\") => {
                3 + rest.get(3..).map_or(0, |rest| rest.find('\'').unwrap_or(0))
            }
            '\'' if rest.chars().nth(2) == Some('\'') => rest
                .char_indices()
                .nth(3)
                .map_or(rest.len(), |(end, _)| end),
            _ if is_word(rest) => rest
                .find(|c: char| !c.is_alphanumeric() && c != '_')
                .unwrap_or(rest.len()),
            ':' if rest.starts_with("::") => 2,
            _ => first.len_utf8(),
        };
        let (text, after) = rest.split_at(length);
        if is_word(text) || matches!(text, "::" | "{" | "}" | "," | "*" | ";") {
            found.push((line, text.to_owned()));
        } else if !text.trim().is_empty() && !text.starts_with('/') {
            // Whatever it is, it stands between two paths.
            found.push((line, ";".to_owned()));
        }
        line += text.matches('\n').count();
        rest = after;
    }
    found
}

fn text_length(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            '"' if !escaped => return at + 1,
            _ => escaped = c == '\\' && !escaped,
        }
    }
    rest.len()
}

/// What ends the raw text that begins here.
fn raw_fence(rest: &str) -> Option<String> {
    let after = rest.strip_prefix('r')?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    after
        .get(hashes..)?
        .starts_with('"')
        .then(|| format!("\"{}", "#".repeat(hashes)))
}

fn raw_length(rest: &str) -> usize {
    let fence = raw_fence(rest).unwrap_or_default();
    let begin = fence.len() + 1;
    let end = rest.get(begin..).and_then(|rest| rest.find(&fence));
    end.map_or(rest.len(), |end| begin + end + fence.len())
}

/// The module that a path leads to from `module`: the longest beginning of it that is a module of the
/// crate. `None` for what stands in another crate, or is the crate itself.
pub(crate) fn target(modules: &BTreeSet<String>, module: &str, path: &[String]) -> Option<String> {
    let mut place: Vec<&str> = module.split("::").collect();
    let mut words = path.iter().map(String::as_str).peekable();
    match words.peek() {
        Some(&"crate") => {
            words.next();
            place.clear();
        }
        Some(&("self" | "super")) => {
            while let Some(word) = words.next_if(|word| matches!(*word, "self" | "super")) {
                if word == "super" {
                    place.pop();
                }
            }
        }
        Some(child) if modules.contains(&format!("{module}::{child}")) => {}
        _ => return None,
    }
    place.extend(words);
    (1..=place.len())
        .rev()
        .map(|length| place[..length].join("::"))
        .find(|beginning| modules.contains(beginning))
}

/// Which module uses which others.
pub(crate) type Graph = BTreeMap<String, BTreeSet<String>>;

/// The graph of the modules whose sources are given. What tests use is no part of it.
pub(crate) fn graph(sources: &BTreeMap<String, String>) -> Graph {
    let modules: BTreeSet<String> = sources.keys().cloned().collect();
    let edges = sources.iter().map(|(module, source)| {
        let code = source.split("#[cfg(test)]\nmod tests {").next();
        let used = paths(code.unwrap_or_default());
        let used = used
            .iter()
            .filter_map(|named| target(&modules, module, &named.path));
        (module.clone(), used.filter(|used| used != module).collect())
    });
    edges.collect()
}

/// The modules that stand in a circle, or between two; none where there is no circle.
pub(crate) fn circle(graph: &Graph) -> BTreeSet<String> {
    let mut left = graph.clone();
    loop {
        let used: BTreeSet<String> = left.values().flatten().cloned().collect();
        let before = left.len();
        let names: BTreeSet<String> = left.keys().cloned().collect();
        left.retain(|name, uses| used.contains(name) && !uses.is_disjoint(&names));
        if left.len() == before {
            return names;
        }
        let names: BTreeSet<String> = left.keys().cloned().collect();
        for uses in left.values_mut() {
            uses.retain(|used| names.contains(used));
        }
    }
}

fn named(source: &str) -> Vec<String> {
    let named = paths(source).into_iter();
    named.map(|named| named.path.join("::")).collect()
}

#[test]
fn imports_are_found_however_they_are_grouped() {
    assert_eq!(named("use crate::hash::Link;"), ["crate::hash::Link"]);
    assert_eq!(
        named("pub(crate) use crate::{\n    hash::{self, Link, NodeHash as Node},\n    text,\n};"),
        [
            "crate::hash",
            "crate::hash::Link",
            "crate::hash::NodeHash",
            "crate::text"
        ]
    );
    assert_eq!(named("use super::super::key::*;"), ["super::super::key::*"]);
    assert_eq!(
        named("use std::io::Read as _;\nuse x;"),
        ["std::io::Read", "x"]
    );
    let nested = "use a::{b::{c, d::{e}}, f};";
    assert_eq!(named(nested), ["a::b::c", "a::b::d::e", "a::f"]);
}

#[test]
fn paths_are_found_wherever_they_stand_and_nothing_else() {
    assert_eq!(
        named("let x = crate::store::tail::decode(crate::text::new::<u8>());"),
        ["crate::store::tail::decode", "crate::text::new"]
    );
    assert_eq!(named("impl From<super::A> for B<'_> {}"), ["super::A"]);
    assert_eq!(
        named("$crate::event::Role, 'x': for<'a> a::b"),
        ["crate::event::Role", "a::b"]
    );
    for nothing in [
        "/// See [`crate::verify`].",
        "/* crate::verify */",
        "let text = \"crate::verify \\\" crate::verify\";",
        "let text = r#\"crate::\"verify\"#;",
        "let c = '\"'; let d = '\\''; let e = '\\u{1f}';",
        "pub(crate) use choices;",
    ] {
        let found = named(nothing);
        assert!(
            found.iter().all(|path| !path.contains("verify")),
            "{nothing}: {found:?}"
        );
    }
    let found = paths("// a\n\nlet x = \"\n\";\nuse crate::a;\n");
    assert_eq!(found.first().map(|named| named.line), Some(5));
}

#[test]
fn a_path_leads_to_the_deepest_module_that_it_names() {
    let modules = ["a", "a::b", "a::b::c", "d"].map(str::to_owned).into();
    let to = |module: &str, path: &str| {
        let path: Vec<String> = path.split("::").map(str::to_owned).collect();
        target(&modules, module, &path)
    };
    assert_eq!(to("d", "crate::a::b::Type").as_deref(), Some("a::b"));
    assert_eq!(to("a::b::c", "super::super::Type").as_deref(), Some("a"));
    assert_eq!(to("a::b::c", "super::function").as_deref(), Some("a::b"));
    assert_eq!(to("a", "b::c::Type").as_deref(), Some("a::b::c"));
    assert_eq!(to("a", "self::b::Type").as_deref(), Some("a::b"));
    assert_eq!(to("a", "std::fmt"), None);
    assert_eq!(to("d", "crate::Type"), None);
}

#[test]
fn a_planted_circle_is_found() {
    let files = |files: &[(&str, &str)]| {
        let files = files
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        graph(&files.collect())
    };
    let clean = [
        (
            "a",
            "mod b;\nmod c;\npub use b::B;\n#[cfg(test)]\nmod tests {\n    use super::*;\n}",
        ),
        (
            "a::b",
            "use super::c::C;\n#[cfg(test)]\nmod tests {\n    use crate::d::D;\n}",
        ),
        ("a::c", "// use super::b::B;"),
        ("d", "use crate::a::B;"),
    ];
    assert_eq!(circle(&files(&clean)), BTreeSet::new());
    // A child that asks its parent, siblings that ask each other, and one that spells it out.
    for (at, planted) in [
        (2, "use super::B;"),
        (2, "use super::{b::B};"),
        (2, "fn f() { crate::a::b::f() }"),
        (1, "use crate::d::D;"),
    ] {
        let mut with = clean;
        with[at].1 = planted;
        assert!(!circle(&files(&with)).is_empty(), "{planted}");
    }
    let mut with = clean;
    with[2].1 = "use super::b::B;";
    let circle = circle(&files(&with));
    assert_eq!(circle, ["a::b", "a::c"].map(str::to_owned).into());
}
