//! The attached files of a pack, held against the entries that name them.

use std::collections::{BTreeMap, HashSet};

use crate::hash::{Blake3Digest, Link, Sha256Digest};
use crate::merkle::Tile;
use crate::rule::{self, Finding};
use crate::statement::Attachment;
use crate::verify::{Observer, Surroundings, VerdictCount};

/// Notes the attached files that entries name, and tells how many entries are done.
pub(super) struct AttachmentWatcher<'p> {
    named: BTreeMap<Blake3Digest, (u64, Attachment)>,
    progress: &'p dyn Fn(u64),
}

impl<'p> AttachmentWatcher<'p> {
    pub(super) fn telling(progress: &'p dyn Fn(u64)) -> Self {
        Self {
            named: BTreeMap::new(),
            progress,
        }
    }

    /// Hashes each of the `files` again; those that were withheld or expunged are counted.
    pub(super) fn check(
        self,
        files: &BTreeMap<Blake3Digest, Vec<u8>>,
        withheld: bool,
        expunged: &HashSet<Blake3Digest>,
        around: &mut Surroundings,
    ) {
        let (mut good, mut kept_back, mut gone) = (0, 0, 0);
        for (digest, (sequence, attachment)) in &self.named {
            let fault = match files.get(digest) {
                None if withheld => {
                    kept_back += 1;
                    continue;
                }
                None if expunged.contains(digest) => {
                    gone += 1;
                    continue;
                }
                found => fault(found.map(Vec::as_slice), attachment),
            };
            let Some(fault) = fault else {
                good += 1;
                continue;
            };
            let (name, length) = (&attachment.name, attachment.length);
            let expected = format!("{name} ({length} bytes, blake3 {digest})");
            around
                .findings
                .push(Finding::new(rule::I09, expected, fault).at(*sequence));
        }
        for digest in files.keys() {
            if withheld || !self.named.contains_key(digest) {
                let found = format!("data/attachments/{digest}");
                let expected = "only files that entries name";
                around
                    .findings
                    .push(Finding::new(rule::P01, expected, found));
            }
        }
        if kept_back > 0 {
            around.not_checked.push(format!(
                "{kept_back} attached files that were withheld: only their digests are in the pack"
            ));
        }
        if gone > 0 {
            around.not_checked.push(format!(
                "{gone} attachments that were expunged: only their digests are left"
            ));
        }
        if !self.named.is_empty() {
            around.counts.push(VerdictCount {
                good,
                total: self.named.len() as u64,
                what: "attachments",
            });
        }
    }
}

/// What is wrong with the file that an entry names, if anything.
fn fault(found: Option<&[u8]>, attachment: &Attachment) -> Option<String> {
    let Some(bytes) = found else {
        return Some("missing".to_owned());
    };
    let (blake3, sha256) = (Blake3Digest::of(bytes), Sha256Digest::of(bytes));
    if blake3 != attachment.blake3 {
        Some(format!("blake3 {blake3}"))
    } else if bytes.len() as u64 != attachment.length {
        Some(format!("{} bytes", bytes.len()))
    } else if sha256 != attachment.sha256 {
        Some(format!("sha256 {sha256}"))
    } else {
        None
    }
}

impl Observer for AttachmentWatcher<'_> {
    fn tile(&mut self, _: &Tile, _: u64, _: u64) {}

    fn attachment(&mut self, sequence: u64, attachment: &Attachment) {
        let named = (sequence, attachment.clone());
        self.named.entry(attachment.blake3).or_insert(named);
    }

    fn entry(&mut self, _: u64, _: Link) {}

    fn progress(&mut self, done: u64) {
        (self.progress)(done);
    }

    fn interrupted(&self) -> bool {
        false
    }
}
