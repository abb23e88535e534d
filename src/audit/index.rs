//! The index held against the entries. It is not trusted for anything here; but a writer looks
//! things up in it, so one that lies is found (I-16), and one that is behind, missing or damaged is
//! told apart: that costs a rebuild and no more.

use std::path::Path;
use std::time::Duration;

use crate::hash::Link;
use crate::ledger::schema;
use crate::ledger::warm::EdgeCache;
use crate::rule::{self, Finding};
use crate::store::engine::FolderEngine;
use crate::store::index::{INDEX, Index, IndexError, IndexPosition, copy};
use crate::sys::lock::{LockError, ReadLock};
use crate::text::Id;
use crate::verify::VerifiedFold;

/// The copy is read once, from its first key to its last: pages that were passed are not asked for
/// again.
const CACHE: u64 = 4 * 1024 * 1024;

/// A copy of the index: sled has no opening that only reads, and evidence is not to be touched.
pub(super) struct IndexCopy {
    index: Index,
    applied: IndexPosition,
    /// The link of the last entry that the index knows, as the entries give it.
    link: Option<Link>,
    /// Removed last, after the index is closed.
    _folder: tempfile::TempDir,
}

/// What there is of an index.
pub(super) enum IndexState {
    /// One that can be held against the entries.
    Copy(Box<IndexCopy>),
    /// None that can, and what to say about it.
    Note(String),
    /// None, as it should be: a copy needs none.
    Nothing,
}

impl IndexState {
    /// How many entries the index knows, where there is one.
    pub(super) const fn size(&self) -> Option<u64> {
        match self {
            Self::Copy(copy) => Some(copy.applied.size),
            Self::Note(_) | Self::Nothing => None,
        }
    }
}

/// How long a writer is waited for. One that appends is done by then; one that serves never is.
const PATIENCE: Duration = Duration::from_millis(200);

/// Copies the index of the ledger in `dir` while no writer is at work, and opens the copy.
pub(super) fn find(dir: &Path, wait: Duration) -> Result<IndexState, LockError> {
    let lock = match ReadLock::acquire(dir, wait.min(PATIENCE)) {
        Err(held @ (LockError::Held { .. } | LockError::NotOurs(_))) => {
            return Ok(IndexState::Note(format!(
                "the index was not compared: {held}"
            )));
        }
        lock => lock?,
    };
    let Ok(folder) = tempfile::tempdir() else {
        return Ok(IndexState::Note(
            "the index was not compared: there is no temporary folder to copy it to".to_owned(),
        ));
    };
    let to = folder.path().join(INDEX);
    let copied = copy(&dir.join(INDEX), &to);
    drop(lock);
    let opened = copied.and_then(|there| if there { open(folder, &to) } else { Ok(None) });
    Ok(match opened {
        Ok(Some(copy)) => IndexState::Copy(Box::new(copy)),
        Ok(None) => IndexState::Note("there is no index; the next append makes one".to_owned()),
        Err(fault) => IndexState::Note(format!(
            "the index cannot be read ({fault}); the next append makes it again"
        )),
    })
}

fn open(folder: tempfile::TempDir, at: &Path) -> Result<Option<IndexCopy>, IndexError> {
    let Some(index) = Index::open_existing(at, CACHE)? else {
        return Ok(None);
    };
    let applied = index.applied()?;
    Ok(Some(IndexCopy {
        index,
        applied,
        link: None,
        _folder: folder,
    }))
}

/// Holds what the last writer left beside the index against the entries, where it is of their end.
pub(super) fn warm_difference(folder: &FolderEngine, folded: &VerifiedFold) -> Option<Finding> {
    let warm = EdgeCache::read(folder).filter(|warm| (warm.size, warm.link) == folded.end())?;
    let (warm, all) = (warm.into_register(), folded.register());
    let same = warm.charter == all.charter
        && warm
            .secrets
            .iter()
            .all(|(id, part)| all.secrets.get(id) == Some(part))
        && warm
            .rotations
            .iter()
            .all(|(id, part)| all.rotations.get(id) == Some(part))
        && warm
            .incidents
            .iter()
            .all(|(id, part)| all.incidents.get(id) == Some(part));
    (!same).then(|| {
        Finding::new(
            rule::I16,
            "index.warm as the entries give it",
            "other parts",
        )
    })
}

impl IndexCopy {
    /// Takes an entry that goes by.
    pub(super) const fn see(&mut self, sequence: u64, link: Link) {
        if sequence < self.applied.size {
            self.link = Some(link);
        }
    }

    /// Holds the index against what was folded. The answer is at most one finding: one lie is
    /// reason enough to make the index again.
    pub(super) fn compare(self, folded: &VerifiedFold) -> Result<Option<Finding>, IndexError> {
        let (size, _) = folded.end();
        let lie =
            |expected: &str, found: String| Ok(Some(Finding::new(rule::I16, expected, found)));
        if self.applied.size > size {
            return lie(
                &format!("at most {size} entries"),
                format!("{} entries", self.applied.size),
            );
        }
        if self.applied.size > 0 && self.link != Some(self.applied.link) {
            return lie(
                "the link of the last entry it knows",
                self.applied.link.to_string(),
            );
        }
        if self.applied.size > 0 && schema::charter(&self.index)?.as_ref() != folded.charter_then()
        {
            return lie(
                "keyring and policy as the entries give them",
                "others".to_owned(),
            );
        }
        Ok(match self.first_difference(folded)? {
            Some(what) => lie("as the entries give it", what)?,
            None => None,
        })
    }

    fn first_difference(&self, folded: &VerifiedFold) -> Result<Option<String>, IndexError> {
        let register = folded.register();
        let applied = self.applied.size;
        let mut difference = None;
        let mut differs = |what: &str, id: &Id| {
            difference.get_or_insert_with(|| format!("{what} {id}"));
        };
        // What a later entry touched is newer than the index, and rightly differs.
        let untouched = |secret: &Id| {
            register
                .secrets
                .get(secret)
                .is_some_and(|known| known.thread <= applied)
        };
        let mut counted = [0; 3];
        let [secrets, rotations, incidents] = &mut counted;
        schema::each_secret(&self.index, &mut |id, secret| {
            *secrets += 1;
            let known = register.secrets.get(&id);
            if known.is_none_or(|known| known.thread <= applied && *known != secret) {
                differs("secret", &id);
            }
        })?;
        schema::each_rotation(&self.index, &mut |id, rotation| {
            *rotations += 1;
            let known = register.rotations.get(&id);
            if known.is_none_or(|known| untouched(&known.secret) && **known != rotation) {
                differs("rotation", &id);
            }
        })?;
        schema::each_incident(&self.index, &mut |id, incident| {
            *incidents += 1;
            let known = register.incidents.get(&id);
            if known.is_none_or(|known| untouched(&known.secret) && *known != incident) {
                differs("incident", &id);
            }
        })?;
        let expected = [
            register
                .secrets
                .values()
                .filter(|known| known.secret.registered < applied)
                .count(),
            register
                .rotations
                .values()
                .filter(|known| known.opened.sequence < applied)
                .count(),
            register
                .incidents
                .values()
                .filter(|known| known.declared.sequence < applied)
                .count(),
        ];
        if difference.is_none() && counted != expected {
            difference = Some("a secret, rotation or incident that is missing".to_owned());
        }
        Ok(difference.or(self.event_difference(folded.event_ids())?))
    }

    fn event_difference(&self, ids: &[([u8; 16], u64)]) -> Result<Option<String>, IndexError> {
        let known = |(_, sequence): &&([u8; 16], u64)| *sequence < self.applied.size;
        let mut expected = ids.iter().filter(known);
        let mut same = true;
        // Both run in the order of the ids, so that one walk compares all of them.
        schema::each_event(&self.index, &mut |id, sequence| {
            same &= expected.next() == Some(&(id, sequence))
        })?;
        let same = same && expected.next().is_none();
        Ok((!same).then(|| "event ids".to_owned()))
    }
}
