//! What a receipt proves by itself, without a ledger and without a network.

use std::fmt;

use serde_json::{Value, json};

use crate::checkpoint::CheckpointError;
use crate::entry::Entry;
use crate::hash::Link;
use crate::note::NoteError;
use crate::proof::{ReceiptCheckError, TlogProof};
use crate::statement::{Statement, signature_holds};
use crate::time::Timestamp;
use crate::trust::{DistrustError, JudgedCheckpoint, Trust};

use super::conclusion::Conclusion;

/// What a receipt proves: what its entry says, and who stands behind the checkpoint that holds it.
pub struct ReceiptReport {
    index: u64,
    link: Link,
    /// What the entry says, where its author signed it; nothing where it is an entry of another kind
    /// of log.
    said: Result<Option<SignedEntry>, String>,
    /// What the trust file makes of the checkpoint and the path to it; none without a trust file.
    proven: Option<Result<JudgedCheckpoint, ReceiptCheckError>>,
    /// Whether the trust file lists the key itself that sealed the checkpoint.
    listed: bool,
    demands: bool,
    remarks: Vec<String>,
}

/// An entry that its author signed.
struct SignedEntry {
    event: &'static str,
    author: String,
    occurred: String,
    recorded: String,
}

fn read(index: u64, bytes: &[u8]) -> Result<Option<SignedEntry>, String> {
    // Any log's receipts can be checked; whether these are the bytes meant is for the path to say.
    let Ok(entry) = Entry::decode(bytes) else {
        return Ok(None);
    };
    let statement = Statement::decode(&entry.statement).map_err(|fault| fault.to_string())?;
    if entry.sequence != index {
        return Err(format!(
            "the entry says that it is entry {}",
            entry.sequence
        ));
    }
    let author = statement
        .author
        .admit()
        .map_err(|fault| fault.to_string())?;
    if !signature_holds(&entry.statement, &author, &entry.signature) {
        return Err(format!("{} did not sign it", statement.author.short()));
    }
    Ok(Some(SignedEntry {
        event: statement.event.name(),
        author: statement.author.to_string(),
        occurred: statement.occurred.to_seconds(),
        recorded: entry.recorded.to_seconds(),
    }))
}

impl ReceiptReport {
    /// Checks a receipt with the entry's bytes at hand, as of an instant.
    #[must_use]
    pub fn of(proof: &TlogProof, entry: &[u8], trust: Option<&Trust>, as_of: Timestamp) -> Self {
        let latest = u64::try_from(as_of.micros() / 1_000_000).unwrap_or_default();
        let proven = trust.map(|trust| proof.check(entry, trust, latest));
        let sealed_by = proven
            .as_ref()
            .and_then(|proven| Some(&proven.as_ref().ok()?.log));
        let listed = sealed_by
            .zip(trust)
            .is_none_or(|(log, trust)| trust.lists(log));
        Self {
            index: proof.index(),
            link: Link::of(entry),
            said: read(proof.index(), entry),
            proven,
            listed,
            demands: trust.is_some_and(Trust::demands),
            remarks: trust.map(Trust::remarks).unwrap_or_default(),
        }
    }

    /// The entry that it is of.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// What it comes to. A receipt that nobody trusted stands behind proves nothing. `strict` counts what
    /// was not checked, and of a receipt alone there always is something.
    #[must_use]
    pub fn conclusion(&self, strict: bool) -> Conclusion {
        match (&self.proven, &self.said) {
            // Whose checkpoint it is cannot be told, and so nothing of it.
            (Some(Err(ReceiptCheckError::Checkpoint(fault))), _) if !fault.is_forged() => {
                Conclusion::NotVerified
            }
            (Some(Err(_)), _) | (_, Err(_)) => Conclusion::Broken,
            (None, _) => Conclusion::NotVerified,
            (Some(Ok(judged)), _) if judged.seen.could_be_quorum && !judged.seen.quorum => {
                Conclusion::NotVerified
            }
            (Some(Ok(judged)), _) if !judged.seen.quorum => Conclusion::Broken,
            (Some(Ok(_)), _) if strict => Conclusion::NotVerified,
            (Some(Ok(_)), _) => Conclusion::Passed,
        }
    }

    /// Whether everything holds but for cosignatures that the trust file demands: they may still come.
    #[must_use]
    pub fn lacks_witnesses(&self) -> bool {
        self.said.is_ok() && matches!(&self.proven, Some(Ok(judged)) if !judged.seen.quorum)
    }

    fn not_checked(&self) -> Vec<String> {
        let mut block = self.remarks.clone();
        match &self.proven {
            None => {
                block.push("who stands behind the checkpoint: no trust file was given".to_owned())
            }
            // Another key under the listed name is what an older trust file sees.
            Some(Err(ReceiptCheckError::Checkpoint(DistrustError::Checkpoint(
                CheckpointError::Note(NoteError::OtherKey(other)),
            )))) => block.push(format!(
                "whether a listed key of {} named the one that sealed this: the receipt carries no such entry; one made anew may, and the ledger or a pack of it tells in any case",
                other.name
            )),
            Some(Ok(judged)) if !self.demands => {
                let log = judged.log.name();
                block.push(format!(
                    "whether {log} showed others another history: the trust file demands no witness"
                ));
            }
            Some(_) => {}
        }
        block.push(match &self.said {
            Ok(None) => "what the entry says, and who says it: it is of another kind of log",
            _ => "whether the author held the role, and what other entries say: that takes the ledger",
        }
        .to_owned());
        block.push("whether the log still extends this checkpoint: that takes the log".to_owned());
        block
    }

    /// The report for programs.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let judged = self.proven.as_ref().and_then(|proven| proven.as_ref().ok());
        let stated = judged.map(|judged| judged.checkpoint.checkpoint());
        let witnesses: Option<Vec<_>> = judged.map(|judged| {
            let all = judged.seen.witnesses.iter();
            all.map(|(name, time)| {
                json!({
                    "name": name.to_string(),
                    "cosigned_utc": time.map(seconds),
                    "fault": judged.seen.fault(name).map(ToString::to_string),
                })
            })
            .collect()
        });
        let said = self.said.as_ref().ok().and_then(Option::as_ref);
        json!({
            "sequence": self.index,
            "link": self.link,
            "event": said.map(|said| said.event),
            "author": said.map(|said| &said.author),
            "occurred_utc": said.map(|said| &said.occurred),
            "recorded_utc": said.map(|said| &said.recorded),
            "entry_error": self.said.as_ref().err(),
            "origin": stated.map(|stated| stated.origin.as_str()),
            "size": stated.map(|stated| stated.size),
            "root": stated.map(|stated| stated.root),
            "log": judged.map(|judged| judged.log.to_string()),
            "log_listed": judged.map(|_| self.listed),
            "witnesses": witnesses,
            "quorum": judged.map(|judged| judged.seen.quorum),
            "proof_error": self.proven.as_ref().and_then(|proven| Some(proven.as_ref().err()?.to_string())),
            "not_checked": self.not_checked(),
        })
    }
}

impl fmt::Display for ReceiptReport {
    /// The report for people, up to its last line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.said {
            Ok(None) => writeln!(f, "entry      {}  of another kind of log", self.index)?,
            Ok(Some(said)) => {
                writeln!(f, "entry      {}  {}", self.index, said.event)?;
                writeln!(f, "link       {}", self.link)?;
                writeln!(f, "author     {}", said.author)?;
                writeln!(f, "occurred   {}", said.occurred)?;
                writeln!(f, "recorded   {}", said.recorded)?;
            }
            Err(fault) => writeln!(f, "entry      {}  FAIL  {fault}", self.index)?,
        }
        match &self.proven {
            None => {}
            Some(Err(ReceiptCheckError::Checkpoint(fault))) if !fault.is_forged() => {
                writeln!(f, "inclusion  NOT CHECKED  {fault}")?;
            }
            Some(Err(fault)) => writeln!(f, "inclusion  FAIL  {fault}")?,
            Some(Ok(judged)) => {
                let stated = judged.checkpoint.checkpoint();
                writeln!(
                    f,
                    "inclusion  PASS  among {} entries of {}",
                    stated.size, stated.origin
                )?;
                writeln!(f, "root       {}", stated.root)?;
                writeln!(f, "log        {}", judged.log)?;
                if !self.listed {
                    writeln!(
                        f,
                        "           not in the trust file; named by one that is, in entries that the receipt carries"
                    )?;
                }
                for (name, time) in &judged.seen.witnesses {
                    match (time, judged.seen.fault(name)) {
                        (Some(time), _) => writeln!(f, "witness    {name}  {}", seconds(*time))?,
                        (None, Some(fault)) => writeln!(f, "witness    {name}  nothing: {fault}")?,
                        (None, None) => writeln!(f, "witness    {name}  nothing")?,
                    }
                }
                let word = match (judged.seen.quorum, judged.seen.could_be_quorum) {
                    (true, _) => "PASS",
                    (false, true) => "NOT CHECKED",
                    (false, false) => "FAIL",
                };
                let what = if self.demands { "" } else { "  none demanded" };
                writeln!(f, "quorum     {word}{what}")?;
            }
        }
        writeln!(f, "\nnot checked")?;
        for line in self.not_checked() {
            writeln!(f, "  \u{b7} {line}")?;
        }
        Ok(())
    }
}

fn seconds(time: u64) -> String {
    Timestamp::from_unix_seconds(time).to_seconds()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vectors() -> Value {
        serde_json::from_str(include_str!("../../tests/vectors/tlog.json")).unwrap()
    }

    /// Another party's log, entry and witnesses: the specifications are all that is shared.
    #[test]
    fn a_receipt_of_any_log_is_checked() {
        let vectors = vectors();
        let text = vectors["tlog_proof_leaf40"].as_str().unwrap();
        let policy = vectors["policy"].as_str().unwrap();
        let proof = TlogProof::parse(text.as_bytes()).unwrap();
        assert_eq!(proof.to_string(), text);
        let trust = Trust::parse(policy.as_bytes()).unwrap();
        let as_of = Timestamp::from_unix_seconds(1_800_000_000);
        let conclusion = |proof: &TlogProof, entry: &[u8], trust: Option<&Trust>, strict| {
            ReceiptReport::of(proof, entry, trust, as_of).conclusion(strict)
        };
        let trusted = Some(&trust);
        assert_eq!(
            conclusion(&proof, b"leaf-40", trusted, false),
            Conclusion::Passed
        );
        assert_eq!(
            conclusion(&proof, b"leaf-40", trusted, true),
            Conclusion::NotVerified
        );
        assert_eq!(
            conclusion(&proof, b"leaf-40", None, false),
            Conclusion::NotVerified
        );
        assert_eq!(
            conclusion(&proof, b"leaf-41", trusted, false),
            Conclusion::Broken
        );
        for (from, to) in [
            ("index 40\n", "index 41\n"),
            ("\n70\n", "\n69\n"),
            ("rotations\n70", "other\n70"),
        ] {
            let bad = TlogProof::parse(text.replacen(from, to, 1).as_bytes()).unwrap();
            assert_ne!(bad, proof);
            assert_eq!(
                conclusion(&bad, b"leaf-40", trusted, false),
                Conclusion::Broken,
                "{to}"
            );
        }
        // One witness is missing, and one that cosigned twice does not stand in for it.
        let lines: Vec<&str> = text.lines().collect();
        let (first, alone) = (lines[lines.len() - 2], lines[..lines.len() - 1].join("\n"));
        for bad in [format!("{alone}\n"), format!("{alone}\n{first}\n")] {
            let bad = TlogProof::parse(bad.as_bytes()).unwrap();
            assert_eq!(
                conclusion(&bad, b"leaf-40", trusted, false),
                Conclusion::Broken
            );
        }
    }
}
