//! A witness (C2SP tlog-witness v1.0.0): follows logs, and cosigns what extends what it saw before.
//!
//! | file | knows |
//! |---|---|
//! | `request` | the body of a request |
//! | `decide` | what is answered, out of what is known |
//! | `folder` | what is known, on disk |
//! | `succession` | which key comes after the one that is followed |
//!
//! The state of a log is its newest cosigned checkpoint, so it shows by its own signature whether it
//! is whole. It is written durably before the cosignature leaves, under a lock that is held from the
//! check to the write: a witness that is killed, raced or cut off from power never signs backwards.
//! A state that is lost or damaged is an error and never a first contact.

mod decide;
mod folder;
mod request;
mod succession;

use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

pub use decide::Accepted;
pub use decide::Contradiction;
pub use decide::Decision;
pub use decide::Evidence;
pub use decide::Known;
pub use decide::Refusal;
pub use decide::decide;
pub use folder::KEY_FILE;
pub use request::AddCheckpoint;
pub use request::REQUEST_LIMIT;
pub use request::RequestError;
pub use succession::SUCCESSION_LIMIT;
pub use succession::Succession;
pub use succession::SuccessionError;

use crate::checkpoint::Checkpoint;
use crate::checkpoint::CosignerKey;
use crate::checkpoint::cosign;
use crate::hash::Sha256Digest;
use crate::key::KeyError;
use crate::key::SecretKey;
use crate::note::KeyName;
use crate::note::NoteKey;
use crate::sys::disk::DiskError;
use crate::sys::lock::LockError;
use crate::sys::lock::WriteLock;
use crate::sys::world::World;

use folder::Folder;
use folder::State;

/// Why a witness cannot do its work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WitnessError {
    /// There is no witness in that folder.
    #[error("{} is no witness's folder: it has no file `vkey`", .0.display())]
    NoWitness(PathBuf),
    /// There is one already.
    #[error("{} is a witness's folder already", .0.display())]
    Exists(PathBuf),
    /// A file of the folder is not what was written.
    #[error("{}, line {line}: {why}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line; 1 where the file as a whole is meant.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// The private key is not that of the vkey.
    #[error("the key of the witness is not that of its vkey {0}")]
    OtherKey(String),
    /// The key cannot be admitted.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// What was cosigned last for a log is gone or damaged: cosigning anything could go backwards.
    #[error("what was last cosigned for `{origin}` cannot be told: {} {why}", path.display())]
    StateLost {
        /// The log.
        origin: KeyName,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A log that is followed already, with the same key.
    #[error("the log `{0}` is followed already, with that key")]
    Followed(KeyName),
    /// A checkpoint to begin from that this witness has not cosigned, or of another log.
    #[error("cannot begin from that checkpoint: {0}")]
    Beginning(String),
    /// The clock stands before 1970, and a cosignature's time must not be zero.
    #[error("the clock of this machine stands before 1970")]
    Clock,
    /// Another process holds the folder.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A file operation failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// Where a witness takes up a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Beginning {
    /// Nothing was cosigned yet. Refused where something was, or where a state is there.
    New,
    /// From a checkpoint that this witness has cosigned: after its state was lost.
    From(Vec<u8>),
    /// As if nothing had been cosigned, whatever was: gives up what the witness stood for.
    Forget,
}

/// One log that a witness follows.
#[derive(Debug)]
pub struct Followed {
    /// Its origin.
    pub origin: KeyName,
    /// The keys that may sign for it.
    pub keys: Vec<NoteKey>,
    /// What was last cosigned and when, in seconds since 1970; or why that cannot be told.
    pub last: Result<Option<(Checkpoint, u64)>, WitnessError>,
}

/// The answer to a request.
#[derive(Debug)]
pub struct Answer {
    /// The log, where it is followed here.
    pub origin: Option<KeyName>,
    /// The cosigned checkpoint and the cosignature's line, or why there is none.
    pub outcome: Result<(Checkpoint, String), Refusal>,
    /// Where the request was kept as evidence against the log.
    pub kept: Option<PathBuf>,
    /// Why evidence was not kept.
    pub notice: Option<String>,
}

/// A witness at work. Every call takes the folder's lock for as long as it works on it.
#[derive(Debug)]
pub struct Witness {
    world: World,
    folder: Folder,
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
        let folder = Folder::create(world.disk.clone(), dir, &cosigner)?;
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
        let folder = Folder::open(world.disk.clone(), dir)?;
        let cosigner = folder.cosigner()?;
        if key.public() != *cosigner.public() {
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
        key: &NoteKey,
        beginning: &Beginning,
        wait: Duration,
    ) -> Result<(), WitnessError> {
        let _lock = self.lock(wait)?;
        let logs = self.folder.logs()?;
        let is_new_key = !logs.contains(key);
        if !is_new_key && *beginning == Beginning::New {
            return Err(WitnessError::Followed(key.name().clone()));
        }
        let begun = logs.iter().any(|log| log.name() == key.name());
        let state = match beginning {
            Beginning::New if begun => None,
            Beginning::New => {
                // A log that was taken out of the list by hand, and its state not: go on from it.
                match self.folder.state(key.name(), &self.cosigner) {
                    Ok(_) => None,
                    Err(_) if self.folder.has_no_state(key.name())? => {
                        Some(State::Nothing(key.name().clone()))
                    }
                    Err(fault) => return Err(fault),
                }
            }
            Beginning::Forget => Some(State::Nothing(key.name().clone())),
            Beginning::From(note) => {
                let state = State::parse(note, key.name(), &self.cosigner)
                    .map_err(WitnessError::Beginning)?;
                // What still stands is not to be taken back by an older copy.
                if let (
                    Ok(State::Cosigned {
                        checkpoint: stands, ..
                    }),
                    State::Cosigned { checkpoint, .. },
                ) = (self.folder.state(key.name(), &self.cosigner), &state)
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
            self.folder.keep(key.name(), &state)?;
        }
        if is_new_key {
            self.folder
                .set_logs(&[&logs[..], std::slice::from_ref(key)].concat())?;
        }
        Ok(())
    }

    /// The logs that are followed, in the order in which they were added.
    ///
    /// # Errors
    /// The list cannot be read. A state that cannot is told with its log.
    pub fn logs(&self) -> Result<Vec<Followed>, WitnessError> {
        let mut followed: Vec<Followed> = Vec::new();
        for key in self.folder.logs()? {
            if let Some(known) = followed.iter_mut().find(|log| log.origin == *key.name()) {
                known.keys.push(key);
                continue;
            }
            let state = self.folder.state(key.name(), &self.cosigner);
            followed.push(Followed {
                origin: key.name().clone(),
                keys: vec![key],
                last: state.map(State::into_last),
            });
        }
        Ok(followed)
    }

    /// Answers an `add-checkpoint` request. A cosignature is returned only after it would survive a
    /// power cut that this witness has given it.
    ///
    /// # Errors
    /// The state cannot be told or kept; nothing was cosigned then.
    pub fn add_checkpoint(&self, body: &[u8], wait: Duration) -> Result<Answer, WitnessError> {
        let request = match AddCheckpoint::parse(body) {
            Ok(request) => request,
            Err(fault) => return Ok(Answer::refused(None, fault.into())),
        };
        // Held over check and write: two requests at once could otherwise both pass the check.
        let _lock = self.lock(wait)?;
        let mut keys = self.folder.logs()?;
        let origin = decide::origin_of(&request);
        keys.retain(|key| Some(key.name()) == origin.as_ref());
        let state = match &origin {
            Some(origin) if !keys.is_empty() => Some(self.folder.state(origin, &self.cosigner)?),
            _ => None,
        };
        let known = state.as_ref().map(|state| Known {
            keys,
            last: state.checkpoint().cloned(),
        });
        let decision = decide(&request, known.as_ref());
        let accepted = match decision.outcome {
            Ok(accepted) => accepted,
            Err(refusal) => {
                let mut answer = Answer::refused(decision.origin, refusal);
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
        Ok(Answer {
            origin: decision.origin,
            outcome: Ok((accepted.checkpoint, line)),
            kept: None,
            notice: None,
        })
    }

    /// Signs and makes it durable. Whoever gets the line back can rely on that.
    fn remember(
        &self,
        accepted: &Accepted,
        request: &AddCheckpoint,
    ) -> Result<String, WitnessError> {
        let seconds = self.world.clock.now().micros() / 1_000_000;
        let time = u64::try_from(seconds).ok().filter(|time| *time > 0);
        let time = time.ok_or(WitnessError::Clock)?;
        let line = cosign(&accepted.text, time, self.cosigner.name(), &self.key);
        let note = request.note.only(&accepted.signed_by);
        let state = State::Cosigned {
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
    ) -> Result<Result<Vec<NoteKey>, Refusal>, WitnessError> {
        let succession = match Succession::parse(body) {
            Ok(succession) => succession,
            Err(fault) => return Ok(Err(Refusal::Malformed(fault.to_string()))),
        };
        let _lock = self.lock(wait)?;
        let logs = self.folder.logs()?;
        if logs.iter().all(|key| *key.name() != succession.origin) {
            return Ok(Err(Refusal::UnknownOrigin));
        }
        let Some(mut keys) = succession.lead_on(&logs) else {
            return Ok(Err(Refusal::NoSuccessor(succession.origin)));
        };
        self.folder.set_logs(&keys)?;
        keys.retain(|key| *key.name() == succession.origin);
        Ok(Ok(keys))
    }

    /// The newest checkpoint that was cosigned for the log whose origin has this SHA-256, with the
    /// log's signature and this witness's; `None` where there is none.
    ///
    /// # Errors
    /// The state cannot be told.
    pub fn latest(&self, origin: &str) -> Result<Option<String>, WitnessError> {
        // Not locked: the file is replaced as a whole.
        for key in self.folder.logs()? {
            if name_of(key.name()) == origin {
                return Ok(match self.folder.state(key.name(), &self.cosigner)? {
                    State::Cosigned { note, .. } => Some(note),
                    State::Nothing(_) => None,
                });
            }
        }
        Ok(None)
    }

    fn lock(&self, wait: Duration) -> Result<WriteLock, LockError> {
        let now = self.world.clock.now();
        WriteLock::acquire(self.folder.dir(), wait, "ledger witness", now)
    }
}

impl Answer {
    fn refused(origin: Option<KeyName>, refusal: Refusal) -> Self {
        Self {
            origin,
            outcome: Err(refusal),
            kept: None,
            notice: None,
        }
    }
}

/// The name of a log in urls and files: the SHA-256 of its origin, in lower-case hex.
#[must_use]
pub fn name_of(origin: &KeyName) -> String {
    Sha256Digest::of(origin.as_str().as_bytes()).to_string()
}
