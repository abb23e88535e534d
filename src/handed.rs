//! What somebody hands over to be judged: a pack, zipped or not, a published copy of a ledger, or a receipt with its
//! entry; and beside it what came by another road, a trust file and checkpoints. Told apart by its bytes, for whoever has bytes and no disk.
//!
//! The two are handed over apart. What came with the evidence is never taken for what came by another road: a pack
//! could bring the trust file that vouches for it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde_json::{Value, json};

use crate::audit::Audit;
use crate::checkpoint;
use crate::documents;
use crate::facts;
use crate::hash::Sha256Digest;
use crate::ledger::{FolderKind, standing};
use crate::pack::{Bag, PackFiles, PackPart, ZipError};
use crate::pack_verify::{PackQuestion, PackReport, examine};
use crate::page;
use crate::proof::{self, TlogProof};
use crate::rule::Verdict;
use crate::store::blobs;
use crate::store::engine::FolderEngine;
use crate::sys::entropy::CountingEntropy;
use crate::sys::files::GivenFiles;
use crate::sys::world::World;
use crate::text::{Id, mangled};
use crate::time::{Clock, SaidTime, Timestamp};
use crate::trust::Trust;
use crate::verify::{CheckpointKeeper, Conclusion, ReceiptReport, Report, StoredCheckpoint};

/// The verdicts whose findings fail a verification where nothing else is said.
pub const FAIL_ON: [Verdict; 2] = [Verdict::Conformance, Verdict::Coverage];

/// Why something is not judged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotJudged {
    /// It is not the zip or the files of a pack.
    #[error("{name} is no whole evidence pack: {fault}")]
    NotWhole {
        /// What was handed over.
        name: String,
        /// Why not.
        fault: ZipError,
    },
    /// Another bag.
    #[error("{0} is a BagIt bag, and no evidence pack of a ledger")]
    OtherBag(String),
    /// Something is missing, or too much.
    #[error("{0}")]
    Unclear(String),
}

impl NotJudged {
    /// What that comes to.
    #[must_use]
    pub const fn conclusion(&self) -> Conclusion {
        match self {
            Self::NotWhole {
                fault: ZipError::NotAZip,
                ..
            }
            | Self::OtherBag(_)
            | Self::Unclear(_) => Conclusion::NotVerified,
            Self::NotWhole { .. } => Conclusion::Broken,
        }
    }
}

/// A pack, out of its zip or out of a folder's files.
///
/// # Errors
/// It is none.
pub fn pack(name: &str, bag: Result<Bag, ZipError>) -> Result<Bag, NotJudged> {
    let not_whole = |fault| NotJudged::NotWhole {
        name: name.to_owned(),
        fault,
    };
    let bag = bag.map_err(not_whole)?;
    match bag.is_pack() {
        true => Ok(bag),
        false => Err(NotJudged::OtherBag(name.to_owned())),
    }
}

/// The page about a pack, made anew of a verification that kept what was said.
#[must_use]
pub fn page_of_pack(examined: &PackReport) -> String {
    match examined.dossier() {
        Some(dossier) => page::page_of_pack(&dossier),
        None => page::page(&examined.report, &|_| None),
    }
}

/// The templates of these rotations, or why there is none.
#[must_use]
pub fn templates(
    report: &Report,
    rotations: &[Id],
) -> Vec<(Id, Result<String, facts::NoTemplate>)> {
    let made = |id: &Id| facts::template(report, id).map(|template| template.to_string());
    rotations.iter().map(|id| (id.clone(), made(id))).collect()
}

/// What is handed over, and what is asked.
#[derive(Debug)]
pub struct Handed {
    /// What is to be judged, by the paths under which it came.
    pub evidence: PackFiles,
    /// What the reader has by another road.
    pub own: PackFiles,
    /// The instant to judge at, as it was said; where nothing was, that of a pack's export.
    pub as_of: String,
}

/// Who is told how many of how many entries are done.
pub type Progress<'a> = &'a (dyn Fn(u64, u64) + Sync);

/// What is asked, and with what.
struct Asked<'a> {
    own: Own,
    as_of: Option<Timestamp>,
    now: Timestamp,
    progress: Progress<'a>,
}

/// What somebody has by another road, told apart.
#[derive(Default)]
struct Own {
    trust: Option<Trust>,
    anchors: Vec<StoredCheckpoint>,
}

impl Own {
    /// Takes what has a checkpoint's form for a checkpoint, and all else for the trust file: what cannot be read is
    /// refused, for it was meant to be heeded.
    fn among(files: &PackFiles) -> Result<Self, NotJudged> {
        let mut own = Self::default();
        for (name, bytes) in files {
            if checkpoint::stated(bytes).is_ok() {
                own.anchors.push(StoredCheckpoint {
                    keeper: CheckpointKeeper::Anchor,
                    name: name.clone(),
                    bytes: Some(bytes.clone()),
                });
                continue;
            }
            let unread =
                |fault| format!("{name} is neither a checkpoint nor a trust file: {fault}");
            let trust = Trust::parse(bytes).map_err(|fault| NotJudged::Unclear(unread(fault)))?;
            if own.trust.replace(trust).is_some() {
                let why = format!("{name} is a second trust file, and only one can be heeded");
                return Err(NotJudged::Unclear(why));
            }
        }
        Ok(own)
    }
}

impl Handed {
    /// Nothing yet.
    #[must_use]
    pub const fn nothing() -> Self {
        Self {
            evidence: PackFiles::new(),
            own: PackFiles::new(),
            as_of: String::new(),
        }
    }

    /// Judges it at `now` where nothing else says when. Answers with what programs are told of a verification, what
    /// people read of it, and the templates of what it shows to be completed.
    #[must_use]
    pub fn judged(&self, now: Timestamp, progress: Progress<'_>) -> Value {
        let judged = self.tried(now, progress);
        let (conclusion, mut answer) = judged.unwrap_or_else(|fault| {
            let conclusion = fault.conclusion();
            let error = json!({ "message": fault.to_string(), "exit_code": conclusion.code() });
            (conclusion, json!({ "error": error }))
        });
        answer["now"] = json!(now);
        answer["word"] = json!(conclusion.word());
        answer["means"] = json!(conclusion.means());
        // Where they could not even be read, that is said.
        answer["trusted"] = json!(Own::among(&self.own).is_ok_and(|own| own.trust.is_some()));
        answer["evidence"] = digests(&self.evidence);
        answer["own"] = digests(&self.own);
        answer
    }

    fn tried(
        &self,
        now: Timestamp,
        progress: Progress<'_>,
    ) -> Result<(Conclusion, Value), NotJudged> {
        let own = Own::among(&self.own)?;
        let as_of = match self.as_of.trim() {
            "" => None,
            said => {
                let unread = |why| NotJudged::Unclear(format!("the instant to judge at {why}"));
                Some(said.parse::<SaidTime>().map_err(unread)?.before(now))
            }
        };
        let asked = Asked {
            own,
            as_of,
            now,
            progress,
        };
        let proofs = self.evidence.iter();
        let proofs = proofs.filter(|(_, bytes)| bytes.starts_with(proof::HEADER.as_bytes()));
        let proofs: Vec<_> = proofs.take(2).collect();
        match proofs.as_slice() {
            [(name, bytes)] if self.evidence.len() <= 2 => self.receipt(name, bytes, &asked),
            _ => match self.copy() {
                Some(dir) => self.ledger(dir, asked),
                None => self.pack(asked),
            },
        }
    }

    /// The folder of a published copy, where that is what was handed over. As on a disk, a folder with anything of a
    /// ledger in it is judged as one: else a pack that somebody put there would pass in its place.
    fn copy(&self) -> Option<&str> {
        let folder = |path: &'_ String| path.split_once('/').map(|(folder, _)| folder.len());
        let dir = self
            .evidence
            .keys()
            .find_map(|path| path.get(..folder(path)?))?;
        let has = |name: &str| {
            self.evidence
                .keys()
                .any(|path| path.starts_with(&format!("{dir}/{name}")))
        };
        (has("tile/") || has("tail")).then_some(dir)
    }

    fn ledger(&self, dir: &str, asked: Asked<'_>) -> Result<(Conclusion, Value), NotJudged> {
        let mut files = self.evidence.clone();
        let anchors = asked.own.anchors.into_iter().map(|anchor| {
            let path = PathBuf::from(&anchor.name);
            files.insert(anchor.name, anchor.bytes.unwrap_or_default());
            path
        });
        let anchors = anchors.collect();
        let world = World {
            disk: Arc::new(GivenFiles(files)),
            clock: Arc::new(Stopped(asked.now)),
            // Where something is judged nothing is drawn.
            entropy: Arc::new(CountingEntropy::default()),
        };
        let dir = Path::new(dir);
        if standing(&world, dir).is_ok_and(|kind| kind == FolderKind::Ledger) {
            let why = format!(
                "{} is a ledger's own folder, which only its host judges whole: hand over a published copy",
                dir.display()
            );
            return Err(NotJudged::Unclear(why));
        }
        let audit = Audit {
            world: &world,
            dir,
            head: None,
            anchors,
            verified: None,
            trust: asked.own.trust,
            authorities: None,
            as_of: asked.as_of,
            part: PackPart::Everything,
            wait: Duration::ZERO,
            progress: asked.progress,
            interrupted: &AtomicBool::new(false),
        };
        let report = audit.run_and_keep_said();
        let report = report.map_err(|fault| NotJudged::Unclear(fault.to_string()))?;
        let files = blobs::reader(FolderEngine::at(&world, dir));
        let page = page::page(&report, &files);
        Ok(answer(&report, report.conclusion(false, &FAIL_ON), page))
    }

    fn pack(&self, asked: Asked<'_>) -> Result<(Conclusion, Value), NotJudged> {
        let bag = match self.evidence.first_key_value() {
            None => return Err(NotJudged::Unclear("there is nothing to verify".to_owned())),
            Some((name, bytes)) if self.evidence.len() == 1 => pack(name, Bag::from_any_zip(bytes)),
            Some((name, _)) => {
                let name = name.split('/').next().unwrap_or_default();
                pack(
                    name,
                    Bag::among(self.evidence.clone()).ok_or(ZipError::Empty),
                )
            }
        }?;
        let examined = examine(
            &bag,
            PackQuestion {
                as_of: asked.as_of,
                trust: asked.own.trust,
                anchors: asked.own.anchors,
                keep_said: true,
                progress: Some(asked.progress),
                ..PackQuestion::default()
            },
        );
        let conclusion = examined.conclusion(false, &FAIL_ON);
        Ok(answer(
            &examined.report,
            conclusion,
            page_of_pack(&examined),
        ))
    }

    fn receipt(
        &self,
        name: &str,
        bytes: &[u8],
        asked: &Asked<'_>,
    ) -> Result<(Conclusion, Value), NotJudged> {
        let proof = TlogProof::parse(bytes).map_err(|fault| {
            let cause = mangled(bytes).map_or_else(|| fault.to_string(), str::to_owned);
            NotJudged::Unclear(format!("{name} is no receipt: {cause}"))
        })?;
        let entry = self.evidence.iter().find(|(other, _)| *other != name);
        let Some((_, entry)) = entry else {
            let why = format!("{name} is a receipt, which is checked with the entry that it is of");
            return Err(NotJudged::Unclear(why));
        };
        let as_of = asked.as_of.unwrap_or(asked.now);
        let report = ReceiptReport::of(&proof, entry, asked.own.trust.as_ref(), as_of);
        let conclusion = report.conclusion(false);
        let answer = json!({
            "document": documents::concluded(report.to_json(), conclusion),
            "text": report.to_string(),
        });
        Ok((conclusion, answer))
    }
}

/// What is told of a verification.
fn answer(report: &Report, conclusion: Conclusion, page: String) -> (Conclusion, Value) {
    let completed: Vec<_> = facts::completed(report).into_iter().cloned().collect();
    let made = templates(report, &completed).into_iter();
    let made = made.filter_map(|(id, made)| Some(documents::template(&id, Ok(&made.ok()?))));
    let answer = json!({
        "document": documents::concluded(report.to_json(), conclusion),
        "page": page,
        "templates": made.collect::<Vec<_>>(),
    });
    (conclusion, answer)
}

/// The instant that whoever handed it over says it is.
struct Stopped(Timestamp);

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        self.0
    }
}

/// Which files, how long, with which digest.
fn digests(files: &PackFiles) -> Value {
    let each = files.iter().map(|(name, bytes)| {
        json!({ "name": name, "bytes": bytes.len(), "sha256": Sha256Digest::of(bytes) })
    });
    each.collect()
}
