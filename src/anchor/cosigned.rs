//! What witnesses have signed: for each its newest, and the ledger's newest checkpoint with enough
//! of them.

use std::path::PathBuf;

use super::ask::{CosignError, WitnessCosignature};
use crate::checkpoint::Checkpoint;
use crate::hash::Sha256Digest;
use crate::ledger::COSIGNED_FILE;
use crate::note::{NOTE_LIMIT, SignedNote};
use crate::store::engine::{Engine as _, FolderEngine};
use crate::sys::disk::{DiskError, SMALL_FILE};
use crate::trust::{Trust, TrustedWitness};

const SEEN: &str = "seen";
const REFUSED: &str = "refused";
const EVIDENCE: &str = "evidence";
/// Of what witnesses have said to this ledger none is from the future: their clocks are not held
/// against them here, as an auditor holds them.
pub const WHENEVER: u64 = i64::MAX as u64;
/// Files of evidence, at most.
const MOST_EVIDENCE: usize = 64;

/// What each witness has last cosigned or refused, kept in files.
#[derive(Debug)]
pub struct CosignatureBook {
    engine: FolderEngine,
}

impl CosignatureBook {
    /// The book beside the settings.
    #[must_use]
    pub const fn new(engine: FolderEngine) -> Self {
        Self { engine }
    }

    /// The newest checkpoint that a witness has cosigned, and when; `None` where it never did, or
    /// where the file is not what was written: it can be had again.
    #[must_use]
    pub fn seen(&self, witness: &TrustedWitness) -> Option<(SignedNote, Checkpoint, u64)> {
        let note = note(&self.engine, &name(SEEN, witness))?;
        let checkpoint = Checkpoint::parse(note.text()).ok()?;
        let time = witness.key.cosigned(&note).ok()??;
        Some((note, checkpoint, time))
    }

    /// Remembers what a witness has cosigned.
    ///
    /// # Errors
    /// The disk's refusal.
    pub fn remember(&self, witness: &TrustedWitness, note: &SignedNote) -> Result<(), DiskError> {
        let text = note.to_string();
        self.engine.replace(&name(SEEN, witness), text.as_bytes())?;
        self.engine.remove(&name(REFUSED, witness))
    }

    /// Remembers a cosignature that came by hand and states `checkpoint`, unless the witness was seen to
    /// cosign more since.
    ///
    /// # Errors
    /// The disk's refusal.
    pub fn remember_newer(
        &self,
        witness: &TrustedWitness,
        note: &SignedNote,
        checkpoint: &Checkpoint,
    ) -> Result<(), DiskError> {
        match self.seen(witness) {
            Some((_, held, _)) if held.size > checkpoint.size => Ok(()),
            _ => self.remember(witness, note),
        }
    }

    /// What a witness said when it was last asked and did not follow this ledger, or not with this
    /// key; `None` where it has cosigned since.
    #[must_use]
    pub fn refusal(&self, witness: &TrustedWitness) -> Option<String> {
        let said = self
            .engine
            .get(&name(REFUSED, witness), SMALL_FILE)
            .ok()??;
        Some(String::from_utf8(said).ok()?.trim_end().to_owned())
    }

    /// Remembers it, for whoever looks when nobody waits for the answer.
    ///
    /// # Errors
    /// The disk's refusal.
    pub fn remember_refusal(&self, witness: &TrustedWitness, said: &str) -> Result<(), DiskError> {
        let said = format!("{said}\n");
        self.engine
            .replace(&name(REFUSED, witness), said.as_bytes())
    }

    /// Brings the cosigned checkpoint in `places` up to date: the newest of which a quorum has signed,
    /// or, while there never was one, the newest that anybody has signed. Answers with it.
    ///
    /// One that has its quorum is not given up for a newer one that has not: what it proves would be
    /// lost until the last witness is back.
    ///
    /// # Errors
    /// The disk's refusal.
    pub fn bring_up(
        &self,
        trust: &Trust,
        places: &[FolderEngine],
    ) -> Result<Option<SignedNote>, DiskError> {
        // What was said last comes first, and of each witness the first line stays.
        let witnesses = trust.witnesses().iter();
        let seen = witnesses.filter_map(|witness| Some(self.seen(witness)?.0));
        let held = places.iter().filter_map(|place| note(place, COSIGNED_FILE));
        let found: Vec<SignedNote> = seen.chain(held).collect();
        let best = best(trust, &found);
        let Some(best) = best else { return Ok(None) };
        let text = best.to_string();
        let written =
            places
                .iter()
                .map(|place| match place.get(COSIGNED_FILE, NOTE_LIMIT as u64) {
                    Ok(Some(held)) if held == text.as_bytes() => Ok(()),
                    _ => place.replace(COSIGNED_FILE, text.as_bytes()),
                });
        written.fold(Ok(()), Result::and)?;
        Ok(Some(best))
    }

    /// Keeps what a witness answered, as far as it is worth keeping; answers with the evidence, where
    /// the two disagree.
    ///
    /// # Errors
    /// The disk's refusal.
    pub fn keep(
        &self,
        witness: &TrustedWitness,
        answer: &Result<WitnessCosignature, CosignError>,
    ) -> Result<Option<PathBuf>, DiskError> {
        match answer {
            Ok(cosigned) => self.remember(witness, &cosigned.note)?,
            Err(CosignError::Disagrees {
                status,
                words,
                request,
            }) => return self.keep_evidence(witness, request, &format!("{status} {words}")),
            Err(trouble) if trouble.is_unfollowed() => {
                self.remember_refusal(witness, &trouble.to_string())?;
            }
            Err(_) => {}
        }
        Ok(None)
    }

    /// Keeps a request that a witness refused and what it answered, as evidence of what the two
    /// disagree about; `None` where there is enough.
    ///
    /// # Errors
    /// The disk's refusal.
    pub fn keep_evidence(
        &self,
        witness: &TrustedWitness,
        request: &str,
        answer: &str,
    ) -> Result<Option<PathBuf>, DiskError> {
        let digest = Sha256Digest::of(request.as_bytes()).to_string();
        let stem = format!("{EVIDENCE}/{}", digest.get(..16).unwrap_or(&digest));
        let name = format!("{stem}.request");
        let held = self.engine.list(&format!("{EVIDENCE}/"))?;
        if !held.contains(&name) {
            if held.len() >= 2 * MOST_EVIDENCE {
                return Ok(None);
            }
            let said = format!("{} {}\n{answer}\n", witness.name, witness.key);
            self.engine
                .replace(&format!("{stem}.answer"), said.as_bytes())?;
            self.engine.replace(&name, request.as_bytes())?;
        }
        Ok(Some(self.engine.place(&name)))
    }
}

fn name(folder: &str, witness: &TrustedWitness) -> String {
    let key = Sha256Digest::of(witness.key.to_string().as_bytes());
    format!("{folder}/{key}")
}

fn note(engine: &FolderEngine, name: &str) -> Option<SignedNote> {
    SignedNote::parse(&engine.get(name, NOTE_LIMIT as u64).ok()??).ok()
}

/// The best of some cosigned checkpoints: with a quorum rather than without, then the largest. Lines
/// over the same text are put together.
fn best(trust: &Trust, notes: &[SignedNote]) -> Option<SignedNote> {
    let mut merged: Vec<SignedNote> = Vec::new();
    for note in notes {
        let same = merged.iter_mut().find_map(|held| {
            let both = held.merged_with(note)?;
            Some((held, both))
        });
        match same {
            Some((held, both)) => *held = both,
            None => merged.push(note.clone()),
        }
    }
    let ranked = merged.into_iter().filter_map(|note| {
        let size = Checkpoint::parse(note.text()).ok()?.size;
        let seen = trust.witnessed(&note, WHENEVER);
        let cosigners = seen.cosigners().count();
        (cosigners > 0).then_some(((seen.quorum, size, cosigners), note))
    });
    ranked.max_by_key(|(rank, _)| *rank).map(|(_, note)| note)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::{self, CosignerKey};
    use crate::hash::NodeHash;
    use crate::key::SecretKey;
    use crate::note::KeyName;
    use crate::sys::disk::RealDisk;
    use std::path::Path;
    use std::sync::Arc;

    fn name(seed: u8) -> KeyName {
        KeyName::new(format!("witness.example/{seed}")).unwrap()
    }

    fn key(seed: u8) -> SecretKey {
        SecretKey::from_seed(&[seed; 32])
    }

    fn trust() -> Trust {
        let vkey = |seed| CosignerKey::new(name(seed), key(seed).public()).unwrap();
        let text = format!(
            "witness a {}\nwitness b {}\ngroup both all a b\nquorum both\n",
            vkey(2),
            vkey(3)
        );
        Trust::parse(text.as_bytes()).unwrap()
    }

    /// A checkpoint of `size`, cosigned by these.
    fn note(size: u64, by: &[u8]) -> SignedNote {
        note_at(size, by, 5)
    }

    fn note_at(size: u64, by: &[u8], time: u64) -> SignedNote {
        let stated = Checkpoint {
            origin: "ledger.example/prod".to_owned(),
            size,
            root: NodeHash::from_bytes([7; 32]),
        };
        let mut note = checkpoint::sign(&stated, &key(1));
        for seed in by {
            let line = checkpoint::cosign(&stated.format(), time, &name(*seed), &key(*seed));
            note.push_str(&line);
        }
        SignedNote::parse(note.as_bytes()).unwrap()
    }

    #[test]
    fn lines_over_one_text_add_up_and_a_quorum_is_not_given_up_for_less() {
        let best = |notes: &[SignedNote]| best(&trust(), notes);
        assert_eq!(best(&[]), None);
        assert_eq!(best(&[note(5, &[])]), None);
        assert_eq!(
            best(&[note(5, &[2]), note(5, &[3])]),
            Some(note(5, &[2, 3]))
        );
        assert_eq!(best(&[note(5, &[2]), note(6, &[3])]), Some(note(6, &[3])));
        let quorum = note(5, &[2, 3]);
        assert_eq!(best(&[quorum.clone(), note(6, &[2])]), Some(quorum));
        let newer = [note(5, &[2, 3]), note(6, &[2]), note(6, &[3])];
        assert_eq!(best(&newer), Some(note(6, &[2, 3])));
    }

    #[test]
    fn the_files_follow_what_was_seen_and_never_go_back() {
        let dir = tempfile::tempdir().unwrap();
        let folder = |path: &Path| FolderEngine::new(Arc::new(RealDisk), path);
        let book = CosignatureBook::new(folder(dir.path()));
        let files = [dir.path().to_owned(), dir.path().join("state")];
        let files = files.map(|path| folder(&path));
        let trust = trust();
        let [a, b] = trust.witnesses() else { panic!() };
        assert_eq!(book.bring_up(&trust, &files).unwrap(), None);
        book.remember(a, &note(5, &[2])).unwrap();
        book.remember(b, &note(5, &[3])).unwrap();
        let both = Some(note(5, &[2, 3]));
        assert_eq!(book.bring_up(&trust, &files).unwrap(), both);
        book.remember(a, &note(6, &[2])).unwrap();
        let both = Some(note(5, &[3, 2]));
        assert_eq!(book.bring_up(&trust, &files).unwrap(), both);
        assert_eq!(
            book.seen(a).map(|(_, stated, time)| (stated.size, time)),
            Some((6, 5))
        );
        for file in &files {
            let held = file.get(COSIGNED_FILE, 1_000).unwrap().unwrap();
            assert_eq!(SignedNote::parse(&held).ok(), both);
        }
        // Asked again, a witness has one line, with the newer time.
        book.remember(a, &note_at(7, &[2], 8)).unwrap();
        book.remember(b, &note_at(7, &[3], 8)).unwrap();
        book.bring_up(&trust, &files).unwrap();
        book.remember(a, &note_at(7, &[2], 9)).unwrap();
        let again = book.bring_up(&trust, &files).unwrap().unwrap();
        let expected = note_at(7, &[2], 9).merged_with(&note_at(7, &[3], 8));
        assert_eq!(Some(again), expected);
    }
}
