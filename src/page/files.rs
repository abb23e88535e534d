//! Attached files on a page: where each lies under a name to read, and how it begins where it is text.

use std::collections::BTreeMap;

use maud::{Markup, html};

use crate::rotation::Rotation;
use crate::statement::Attachment;

use super::markup::counted;
use super::matter::PageModel;
use super::names::{FolderNames, evidence_folders};

/// How much of a text is shown: a screen of it, so that whoever reads sees what it is.
const SHOWN_BYTES: usize = 4 << 10;
const SHOWN_LINES: usize = 60;
/// A longer file is not read to show how it begins.
const READ: u64 = 1 << 20;

/// Where the files of one rotation lie, by the entries that name them.
pub(super) struct RotationFiles(BTreeMap<u64, String>);

impl RotationFiles {
    pub(super) fn of(matter: &PageModel<'_>, rotation: &Rotation) -> Self {
        let top = FolderNames::default().give(rotation.id.as_str());
        let told = matter.told_of(rotation);
        let told = told.iter().map(|one| (one.sequence, &one.event));
        let mut folders = evidence_folders(rotation, told);
        for folder in folders.values_mut() {
            *folder = format!("attachments/{top}/{folder}");
        }
        Self(folders)
    }

    /// The files of an entry, each with its name, which leads to it, and its beginning.
    pub(super) fn of_entry(
        &self,
        matter: &PageModel<'_>,
        sequence: u64,
        files: &[Attachment],
    ) -> Markup {
        let mut names = FolderNames::default();
        let folder = self.0.get(&sequence).map_or("attachments", String::as_str);
        html! {
            @for file in files {
                @let name = names.give(file.name.as_str());
                @let path = format!("{folder}/{name}");
                dt { "file" }
                dd {
                    @match matter.leads_to(file, &path) {
                        Some(href) => a href=(href) download=(name) { (path) },
                        None => { (path) " (not here)" }
                    }
                    @if name != file.name.as_str() { ", named " (file.name.as_str()) }
                    ", " (file.media_type.as_str()) ", " (counted(file.length, "byte", "bytes")) ", sha256 "
                    span.hash { (file.sha256.to_string()) }
                    @if file.length <= READ { (beginning(matter.bytes_of(&file.blake3).as_deref())) }
                }
            }
        }
    }
}

/// How a text begins, and where it was cut; nothing of what is no text.
fn beginning(bytes: Option<&[u8]>) -> Markup {
    let Some((shown, is_whole)) = bytes.and_then(text_of) else {
        return html! {};
    };
    html! {
        pre.file tabindex="0" { (shown) }
        @if !is_whole { span.under { "Cut here, after " (counted(shown.len() as u64, "byte", "bytes")) "." } }
    }
}

fn text_of(bytes: &[u8]) -> Option<(&str, bool)> {
    let begin = bytes.get(..SHOWN_BYTES).unwrap_or(bytes);
    let text = match std::str::from_utf8(begin) {
        Ok(text) => text,
        // Only its last character is in two.
        Err(fault) if fault.error_len().is_none() => {
            std::str::from_utf8(begin.get(..fault.valid_up_to())?).ok()?
        }
        Err(_) => return None,
    };
    if text.contains('\0') || text.trim().is_empty() {
        return None;
    }
    let lines = text.split_inclusive('\n').take(SHOWN_LINES);
    let shown = text.get(..lines.map(str::len).sum())?;
    Some((shown, shown.len() == bytes.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_shown_as_far_as_it_may_be_and_never_half_a_character() {
        assert_eq!(text_of(b"one\r\ntwo\n"), Some(("one\r\ntwo\n", true)));
        let long = "é".repeat(SHOWN_BYTES);
        let odd = format!("x{long}");
        for text in [&long, &odd] {
            let (shown, is_whole) = text_of(text.as_bytes()).unwrap();
            assert!(!is_whole && shown.len() > SHOWN_BYTES - 2 && text.starts_with(shown));
        }
        let lines = "line\n".repeat(SHOWN_LINES + 1);
        assert_eq!(
            text_of(lines.as_bytes()).unwrap().0,
            "line\n".repeat(SHOWN_LINES)
        );
        for other in [&b"\x89PNG\r\n"[..], b"a\0b", b"", b" \n", b"\xff\xfe"] {
            assert_eq!(text_of(other), None);
        }
    }
}
