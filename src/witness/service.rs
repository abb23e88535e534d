//! The witness at work: decides about what it is asked, and remembers before it answers.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::checkpoint::{Checkpoint, CosignerKey, cosign};
use crate::key::SecretKey;
use crate::note::{KeyName, NoteKey};
use crate::proof::SealSuccession;
use crate::sys::lock::{LockError, WriteLock};
use crate::sys::world::World;

use super::decide::{CosignRefusal, CosignableCheckpoint, KnownLog, decide, origin_of};
use super::error::WitnessError;
use super::folder::{FollowedKey, LogState, WitnessFolder, name_of};
use super::request::AddCheckpoint;

/// Where a witness takes up a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FollowFrom {
    /// Nothing was cosigned yet. Refused where something was, or where a state is there.
    New,
    /// From a checkpoint that this witness has cosigned: after its state was lost.
    From(Vec<u8>),
    /// As if nothing had been cosigned, whatever was: gives up what the witness stood for.
    Forget,
}

/// One log that a witness follows.
#[derive(Debug)]
pub struct FollowedLog {
    /// Its origin.
    pub origin: String,
    /// The keys that may sign for it.
    pub keys: Vec<NoteKey>,
    /// What was last cosigned and when, in seconds since 1970; or why that cannot be told.
    pub last: Result<Option<(Checkpoint, u64)>, WitnessError>,
}

/// The answer to a request.
#[derive(Debug)]
pub struct WitnessAnswer {
    /// The cosigned checkpoint and the cosignature's line, or why there is none.
    pub outcome: Result<(Checkpoint, String), CosignRefusal>,
    /// Where the request was kept as evidence against the log.
    pub kept: Option<PathBuf>,
    /// Why evidence was not kept.
    pub notice: Option<String>,
}

/// A witness at work. Every call takes the folder's lock for as long as it works on it.
#[derive(Debug)]
pub struct Witness {
    world: World,
    folder: WitnessFolder,
    key: SecretKey,
    cosigner: CosignerKey,
}

impl Witness {
    /// Makes the folder of a witness whose key lies in it already ([`KEY_FILE`]).
    ///
    /// # Errors
    /// There is a witness in it, or the disk's refusal.
    pub fn create(
        world: World,
        dir: &Path,
        name: impl Into<KeyName>,
        key: SecretKey,
    ) -> Result<Self, WitnessError> {
        let cosigner = CosignerKey::new(name, key.public())?;
        let folder = WitnessFolder::create(world.disk.clone(), dir, &cosigner)?;
        Ok(Self {
            world,
            folder,
            key,
            cosigner,
        })
    }

    /// Opens a witness's folder with its key.
    ///
    /// # Errors
    /// No witness, another key, or the disk's refusal.
    pub fn open(world: World, dir: &Path, key: SecretKey) -> Result<Self, WitnessError> {
        let folder = WitnessFolder::open(world.disk.clone(), dir)?;
        let cosigner = folder.cosigner()?;
        if CosignerKey::of(cosigner.name().clone(), &key) != cosigner {
            return Err(WitnessError::OtherKey(cosigner.to_string()));
        }
        Ok(Self {
            world,
            folder,
            key,
            cosigner,
        })
    }

    /// The witness's public key, by which others know its cosignatures.
    #[must_use]
    pub const fn cosigner(&self) -> &CosignerKey {
        &self.cosigner
    }

    /// Follows a log from now on, or takes one more key for a log that is followed.
    ///
    /// # Errors
    /// The key is known already, the beginning is not possible, or the disk's refusal.
    pub fn add_log(
        &self,
        followed: impl Into<FollowedKey>,
        beginning: &FollowFrom,
        wait: Duration,
    ) -> Result<(), WitnessError> {
        let followed = followed.into();
        let origin = followed.origin.as_str();
        let _lock = self.lock(wait)?;
        let logs = self.folder.logs()?;
        let is_new_key = !logs.contains(&followed);
        if !is_new_key && *beginning == FollowFrom::New {
            return Err(WitnessError::Followed(followed.origin));
        }
        let begun = logs.iter().any(|log| log.origin == origin);
        let state = match beginning {
            FollowFrom::New if begun => None,
            FollowFrom::New => {
                // A log that was taken out of the list by hand, and its state not: go on from it.
                match self.folder.state(origin, &self.cosigner) {
                    Ok(_) => None,
                    Err(_) if self.folder.has_no_state(origin)? => {
                        Some(LogState::Nothing(origin.to_owned()))
                    }
                    Err(fault) => return Err(fault),
                }
            }
            FollowFrom::Forget => Some(LogState::Nothing(origin.to_owned())),
            FollowFrom::From(note) => {
                let state = LogState::parse(note, origin, &self.cosigner)
                    .map_err(WitnessError::Beginning)?;
                // What still stands is not to be taken back by an older copy.
                if let (
                    Ok(LogState::Cosigned {
                        checkpoint: stands, ..
                    }),
                    LogState::Cosigned { checkpoint, .. },
                ) = (self.folder.state(origin, &self.cosigner), &state)
                    && stands.size > checkpoint.size
                {
                    let why = format!("size {} was cosigned since", stands.size);
                    return Err(WitnessError::Beginning(why));
                }
                Some(state)
            }
        };
        // The state first: a log in the list without one counts as lost.
        if let Some(state) = state {
            self.folder.keep(origin, &state)?;
        }
        if is_new_key {
            self.folder.set_logs(&[logs, vec![followed]].concat())?;
        }
        Ok(())
    }

    /// The logs that are followed, in the order in which they were added.
    ///
    /// # Errors
    /// The list cannot be read. A state that cannot is told with its log.
    pub fn logs(&self) -> Result<Vec<FollowedLog>, WitnessError> {
        let mut followed: Vec<FollowedLog> = Vec::new();
        for FollowedKey { key, origin } in self.folder.logs()? {
            if let Some(known) = followed.iter_mut().find(|log| log.origin == origin) {
                known.keys.push(key);
                continue;
            }
            let state = self.folder.state(&origin, &self.cosigner);
            followed.push(FollowedLog {
                origin,
                keys: vec![key],
                last: state.map(LogState::into_last),
            });
        }
        Ok(followed)
    }

    /// Answers an `add-checkpoint` request. A cosignature is returned only after it would survive a
    /// power cut that this witness has given it.
    ///
    /// # Errors
    /// The state cannot be told or kept; nothing was cosigned then.
    pub fn add_checkpoint(
        &self,
        body: &[u8],
        wait: Duration,
    ) -> Result<WitnessAnswer, WitnessError> {
        let request = match AddCheckpoint::parse(body) {
            Ok(request) => request,
            Err(fault) => return Ok(WitnessAnswer::refused(fault.into())),
        };
        // Held over check and write: two requests at once could otherwise both pass the check.
        let _lock = self.lock(wait)?;
        let origin = origin_of(&request);
        let logs = self.folder.logs()?.into_iter();
        let its = logs.filter(|followed| Some(followed.origin.as_str()) == origin);
        let keys: Vec<_> = its.map(|followed| followed.key).collect();
        let state = match origin {
            Some(origin) if !keys.is_empty() => Some(self.folder.state(origin, &self.cosigner)?),
            _ => None,
        };
        let known = state.as_ref().map(|state| KnownLog {
            keys,
            last: state.checkpoint().cloned(),
        });
        let decision = decide(&request, known.as_ref());
        let accepted = match decision.outcome {
            Ok(accepted) => accepted,
            Err(refusal) => {
                let mut answer = WitnessAnswer::refused(refusal);
                if let (Some(evidence), Some(state)) = (decision.evidence, &state) {
                    match self.folder.keep_evidence(evidence, state, body) {
                        Ok(kept) => answer.kept = kept,
                        // The answer stays what it is: evidence is a service, not a condition.
                        Err(fault) => answer.notice = Some(fault.to_string()),
                    }
                }
                return Ok(answer);
            }
        };
        let line = self.remember(&accepted, &request)?;
        Ok(WitnessAnswer {
            outcome: Ok((accepted.checkpoint, line)),
            kept: None,
            notice: None,
        })
    }

    /// Signs and makes it durable. Whoever gets the line back can rely on that.
    fn remember(
        &self,
        accepted: &CosignableCheckpoint,
        request: &AddCheckpoint,
    ) -> Result<String, WitnessError> {
        let seconds = self.world.clock.now().micros() / 1_000_000;
        let time = u64::try_from(seconds).ok().filter(|time| *time > 0);
        let time = time.ok_or(WitnessError::Clock)?;
        let line = cosign(&accepted.text, time, self.cosigner.name(), &self.key);
        let note = request.note.only(&accepted.signed_by);
        let state = LogState::Cosigned {
            checkpoint: accepted.checkpoint.clone(),
            time,
            note: format!("{note}{line}"),
        };
        self.folder.keep(&accepted.checkpoint.origin, &state)?;
        Ok(line)
    }

    /// Goes on to follow a log by the key that the one followed so far has named, and answers with the
    /// keys that it follows then.
    ///
    /// # Errors
    /// The list cannot be read or written. What is no succession from a followed key is refused.
    pub fn add_successor(
        &self,
        body: &[u8],
        wait: Duration,
    ) -> Result<Result<Vec<NoteKey>, CosignRefusal>, WitnessError> {
        let succession = match SealSuccession::parse(body) {
            Ok(succession) => succession,
            Err(fault) => return Ok(Err(CosignRefusal::Malformed(fault.to_string()))),
        };
        let _lock = self.lock(wait)?;
        let logs = self.folder.logs()?.into_iter();
        let (its, mut logs): (Vec<_>, Vec<_>) =
            logs.partition(|followed| followed.origin == succession.origin.as_str());
        if its.is_empty() {
            return Ok(Err(CosignRefusal::UnknownOrigin));
        }
        let its: Vec<_> = its.into_iter().map(|followed| followed.key).collect();
        let Some(keys) = succession.lead_on(&its) else {
            return Ok(Err(CosignRefusal::NoSuccessor(succession.origin)));
        };
        logs.extend(keys.iter().map(FollowedKey::from));
        self.folder.set_logs(&logs)?;
        Ok(Ok(keys))
    }

    /// The newest checkpoint that was cosigned for the log whose origin has this SHA-256, with the
    /// log's signature and this witness's; `None` where there is none.
    ///
    /// # Errors
    /// The state cannot be told.
    pub fn latest(&self, origin: &str) -> Result<Option<String>, WitnessError> {
        // Not locked: the file is replaced as a whole.
        for followed in self.folder.logs()? {
            if name_of(&followed.origin) == origin {
                return Ok(match self.folder.state(&followed.origin, &self.cosigner)? {
                    LogState::Cosigned { note, .. } => Some(note),
                    LogState::Nothing(_) => None,
                });
            }
        }
        Ok(None)
    }

    fn lock(&self, wait: Duration) -> Result<WriteLock, LockError> {
        let now = self.world.clock.now();
        WriteLock::acquire(self.folder.dir(), wait, "answering as a witness", now)
    }
}

impl WitnessAnswer {
    fn refused(refusal: CosignRefusal) -> Self {
        Self {
            outcome: Err(refusal),
            kept: None,
            notice: None,
        }
    }
}
