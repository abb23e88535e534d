//! Pages taken apart: sections, tables, texts, and whether a page is well formed and asks for nothing.

use std::collections::BTreeSet;

/// Elements of HTML that have no end tag.
const VOID: &[&str] = &["meta", "br", "hr"];

/// What stands between the tags of an element with this id.
pub fn section<'a>(page: &'a str, name: &str) -> &'a str {
    let (_, after) = page
        .split_once(&format!(" id=\"{name}\">"))
        .unwrap_or_else(|| panic!("no {name}"));
    after.split("</section>").next().unwrap()
}

/// The text of some markup: without tags, escapes undone, white space collapsed.
pub fn text(markup: &str) -> String {
    let mut text = String::new();
    for part in markup.split('<') {
        let shown = part.split_once('>').map_or(part, |(_, shown)| shown);
        text.push_str(shown);
        text.push(' ');
    }
    let plain = text
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&amp;", "&");
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The rows of the first table after a caption that begins with these words, cell by cell.
pub fn rows(markup: &str, caption: &str) -> Vec<Vec<String>> {
    let (_, after) = markup
        .split_once(&format!("<caption>{caption}"))
        .unwrap_or_else(|| panic!("no table {caption}"));
    let table = after.split("</table>").next().unwrap();
    let (_, body) = table.split_once("<tbody").unwrap();
    let row = |row: &str| {
        let row = row.replace("<th", "<td").replace("</th>", "</td>");
        let cells = row.split("<td").skip(1);
        cells
            .map(|cell| text(&format!("<td{}", cell.split("</td>").next().unwrap())))
            .collect()
    };
    body.split("<tr>").skip(1).map(row).collect()
}

/// Tags are balanced, ids are used once, what is named is there, and nothing is run or fetched.
pub fn is_well_formed(page: &str) {
    is_well_formed_with(page, &["#", "attachments/"]);
}

/// The same of a page that a server shows: it also leads to others of the server's own.
pub fn is_well_formed_served(page: &str) {
    is_well_formed_with(page, &["#", "/"]);
    assert!(!page.contains("href=\"//"));
}

fn is_well_formed_with(page: &str, links: &[&str]) {
    let mut open: Vec<&str> = Vec::new();
    let (mut ids, mut named) = (BTreeSet::new(), BTreeSet::new());
    assert!(page.starts_with("<!DOCTYPE html><html lang=\"en\">"));
    for part in page.split('<').skip(2) {
        let (tag, _) = part.split_once('>').unwrap();
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "{tag}");
            continue;
        }
        let name = tag.split(' ').next().unwrap();
        assert!(
            ![
                "script", "link", "img", "iframe", "object", "base", "use", "image"
            ]
            .contains(&name),
            "{tag}"
        );
        let quotes: Vec<&str> = tag.split('"').collect();
        assert!(quotes.len() % 2 == 1, "{tag}");
        for attribute in quotes.chunks(2).filter(|pair| pair.len() == 2) {
            let (attribute, value) = (attribute[0].trim().trim_end_matches('='), attribute[1]);
            let attribute = attribute.rsplit(' ').next().unwrap();
            assert!(
                !attribute.starts_with("on") && !["style", "src"].contains(&attribute),
                "{tag}"
            );
            let leads = links.iter().any(|begin| value.starts_with(begin));
            assert!(attribute != "href" || leads, "{tag}");
            match attribute {
                "id" => assert!(ids.insert(value), "{value} is used twice"),
                "href" => named.extend(value.strip_prefix('#')),
                "aria-labelledby" | "aria-describedby" => named.extend(value.split(' ')),
                _ => {}
            }
        }
        if !VOID.contains(&name) {
            open.push(name);
        }
    }
    assert_eq!(open, Vec::<&str>::new());
    assert!(named.is_subset(&ids), "{named:?} {ids:?}");
}
