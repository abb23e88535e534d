//! Holds checkpoints against the entries: the one in the folder, the one kept outside, and anchors.

use std::collections::BTreeMap;

use crate::checkpoint;
use crate::checkpoint::Checkpoint;
use crate::hash::NodeHash;
use crate::keyring::Seal;
use crate::note::NoteKey;
use crate::note::Origin;
use crate::note::SignedNote;
use crate::rule;
use crate::rule::Finding;
use crate::text::Id;

/// Who kept a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeper {
    /// The ledger's own folder: it must be the newest, and it feeds the integrity verdict.
    Folder,
    /// This host, outside the folder.
    Outside,
    /// Somebody else.
    Anchor,
}

/// A checkpoint to hold against the entries.
#[derive(Debug, Clone)]
pub struct Kept {
    /// Who kept it.
    pub keeper: Keeper,
    /// What to call it in findings: a file name.
    pub name: String,
    /// The bytes; none where the file should be there and is not.
    pub bytes: Option<Vec<u8>>,
}

/// What came of holding checkpoints against the entries.
#[derive(Debug, Default)]
pub(super) struct Compared {
    pub(super) findings: Vec<Finding>,
    /// Those that cannot be compared, since entries before them are damaged.
    pub(super) untold: Vec<String>,
    /// Anchors and kept checkpoints that the ledger extends.
    pub(super) extended: u64,
    /// Those that were given.
    pub(super) given: u64,
    /// The size that the best extended one covers.
    pub(super) anchored: Option<u64>,
    /// Whether somebody other than this host kept one of them.
    pub(super) by_others: bool,
    /// The size of the folder's own checkpoint, where it holds.
    pub(super) sealed: Option<u64>,
}

impl Kept {
    /// The size it states, before anybody checked its signature.
    #[must_use]
    pub fn stated_size(&self) -> Option<u64> {
        self.stated().map(|stated| stated.size)
    }

    /// What it states, before anybody checked its signature: enough to know which roots to keep.
    pub(super) fn stated(&self) -> Option<Checkpoint> {
        let note = SignedNote::parse(self.bytes.as_deref()?).ok()?;
        Checkpoint::parse(note.text()).ok()
    }
}

/// Holds each checkpoint against the roots that the entries gave, under the sealing keys that the
/// entries name.
pub(super) fn compare(
    kept: &[Kept],
    roots: &BTreeMap<u64, NodeHash>,
    size: u64,
    origin: Option<&Id>,
    seals: &[Seal],
    interrupted: bool,
) -> Compared {
    let mut compared = Compared::default();
    for one in kept {
        if interrupted {
            compared.given += u64::from(one.keeper != Keeper::Folder);
            compared.untold.push(one.name.clone());
            continue;
        }
        let judged = judge(one, roots, size, origin, seals);
        if one.keeper != Keeper::Folder {
            compared.given += 1;
        }
        match judged {
            Ok(covered) => {
                if one.keeper == Keeper::Folder {
                    compared.sealed = Some(covered);
                } else {
                    compared.extended += 1;
                    compared.anchored = compared.anchored.max(Some(covered));
                    compared.by_others |= one.keeper == Keeper::Anchor;
                }
            }
            Err(Some(finding)) => compared.findings.push(*finding),
            Err(None) => compared.untold.push(one.name.clone()),
        }
    }
    compared
}

/// The size that a kept checkpoint proves; what stands against it, or nothing where that cannot be
/// told.
fn judge(
    kept: &Kept,
    roots: &BTreeMap<u64, NodeHash>,
    size: u64,
    origin: Option<&Id>,
    seals: &[Seal],
) -> Result<u64, Option<Box<Finding>>> {
    let own = kept.keeper == Keeper::Folder;
    let fault = |rule, expected: String, found: String| {
        let found = format!("{}: {found}", kept.name);
        Some(Box::new(Finding::new(rule, expected, found)))
    };
    let not_ours = if own { rule::I05 } else { rule::N03 };
    let Some(bytes) = kept.bytes.as_deref() else {
        return Err(fault(
            not_ours,
            "a checkpoint".to_owned(),
            "the file is missing".to_owned(),
        ));
    };
    let Some(origin) = origin.and_then(|origin| Origin::new(origin.as_str()).ok()) else {
        return Err(fault(
            not_ours,
            "entry 0 to name the ledger".to_owned(),
            "it does not".to_owned(),
        ));
    };
    let mut refusal = "no sealing key is known".to_owned();
    let mut opened = None;
    for seal in seals.iter().rev() {
        let Ok(key) = NoteKey::new(origin.clone(), seal.key) else {
            continue;
        };
        match checkpoint::open(bytes, &key) {
            Ok(signed) => {
                opened = Some((signed.checkpoint().clone(), seal));
                break;
            }
            Err(why) => refusal = why.to_string(),
        }
    }
    let Some((stated, seal)) = opened else {
        return Err(fault(
            not_ours,
            format!("a checkpoint of {} by its sealing key", origin.as_str()),
            refusal,
        ));
    };
    if stated.origin != origin {
        return Err(fault(
            not_ours,
            origin.as_str().to_owned(),
            stated.origin.as_str().to_owned(),
        ));
    }
    // Entry 0 names the first key, so that a checkpoint of nothing is nobody's.
    let then = seals.iter().rfind(|then| then.entry < stated.size);
    if then.is_none_or(|then| then.key != seal.key) {
        let rule = if own { rule::I06 } else { rule::N08 };
        let expected = then.map_or_else(
            || "at least entry 0".to_owned(),
            |then| {
                format!(
                    "{}, the sealing key at {} entries",
                    then.key.short(),
                    stated.size
                )
            },
        );
        let found = format!(
            "sealed by {}, named by entry {}",
            seal.key.short(),
            seal.entry
        );
        return Err(fault(rule, expected, found));
    }
    if stated.size > size {
        let rule = if own { rule::I05 } else { rule::N01 };
        return Err(fault(
            rule,
            format!("{} entries", stated.size),
            format!("the ledger has {size}"),
        ));
    }
    match roots.get(&stated.size) {
        Some(root) if *root == stated.root => Ok(stated.size),
        Some(root) => {
            let rule = if own { rule::I05 } else { rule::N02 };
            Err(fault(
                rule,
                format!("root {} at size {}", stated.root, stated.size),
                format!("the entries give {root}"),
            ))
        }
        // Entries before it cannot be read, which is held against the ledger by itself.
        None => Err(None),
    }
}
