//! Holds checkpoints against the entries: the one in the folder, the one kept outside, and anchors.

use std::collections::BTreeMap;

use crate::checkpoint::{self, Checkpoint};
use crate::hash::NodeHash;
use crate::keyring::SealingKey;
use crate::note::{self, KeyName, NoteError, NoteKey, SignedNote};
use crate::rule::{self, Finding};
use crate::text::mangled;
use crate::time::Timestamp;
use crate::trust::{Trust, TrustName};

/// Who kept a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckpointKeeper {
    /// The ledger's own folder: it must be the newest, and it feeds the integrity verdict.
    Folder,
    /// This host, outside the folder.
    Outside,
    /// Somebody else.
    Anchor,
    /// The ledger's own folder, where the newest one that witnesses saw is kept. It counts only by
    /// what the reader's trust file says of the witnesses.
    Cosigned,
    /// The ledger's own folder, beside a time token over it.
    Stamped,
}

/// A checkpoint that somebody kept, to hold against the entries.
#[derive(Debug, Clone)]
pub struct StoredCheckpoint {
    /// Who kept it.
    pub keeper: CheckpointKeeper,
    /// What to call it in findings: a file name.
    pub name: String,
    /// The bytes; none where the file should be there and is not.
    pub bytes: Option<Vec<u8>>,
}

/// How many entries the checkpoints cover that the ledger extends, by who kept them. Whoever rules this host can
/// bend what it keeps; what somebody else keeps they cannot.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct KeptBy {
    /// Kept by somebody else: handed over by the reader, or seen by as many witnesses as the reader demands.
    pub others: Option<u64>,
    /// Kept by this host, outside of the ledger's folder.
    pub this_host: Option<u64>,
}

/// What came of holding checkpoints against the entries.
#[derive(Debug, Default)]
pub(super) struct CheckpointComparison {
    pub(super) findings: Vec<Finding>,
    /// Those that cannot be compared, since entries before them are damaged.
    pub(super) untold: Vec<String>,
    /// What was given and says nothing, for or against, and why: it leaves a verification without its answer.
    pub(super) untellable: Vec<String>,
    /// Anchors and kept checkpoints that the ledger extends.
    pub(super) extended: u64,
    /// Those that were given.
    pub(super) given: u64,
    /// How far the best extended ones reach.
    pub(super) kept: KeptBy,
    /// Whether the reader's trust file lists a sealing key of the ledger.
    pub(super) trusted: bool,
    /// The entry of the newest sealing key that the trust file lists, where the ledger has newer
    /// ones.
    pub(super) newer_seals: Option<u64>,
    /// The size that enough of the trusted witnesses have seen, and who saw it when.
    pub(super) witnessed: Option<(u64, Vec<String>)>,
    /// The size of the folder's own checkpoint, where it holds.
    pub(super) sealed: Option<u64>,
}

impl StoredCheckpoint {
    /// The size it states, before anybody checked its signature.
    #[must_use]
    pub fn stated_size(&self) -> Option<u64> {
        self.stated().map(|stated| stated.size)
    }

    /// What it states, before anybody checked its signature: enough to know which roots to keep.
    pub(super) fn stated(&self) -> Option<Checkpoint> {
        checkpoint::stated(self.bytes.as_deref()?).ok()
    }
}

/// What the entries gave, to hold checkpoints against.
pub(super) struct LedgerRoots<'a> {
    /// Roots at the sizes that the checkpoints speak of.
    pub(super) roots: &'a BTreeMap<u64, NodeHash>,
    /// Entries.
    pub(super) size: u64,
    /// The name that entry 0 gives the ledger.
    pub(super) origin: Option<KeyName>,
    /// The sealing keys that the entries name.
    pub(super) seals: &'a [SealingKey],
    /// The instant to judge at: a cosignature from later counts for nothing.
    pub(super) as_of: Timestamp,
}

/// Holds each checkpoint against the entries and, where there is a trust file, against that.
pub(super) fn compare(
    kept: &[StoredCheckpoint],
    given: &LedgerRoots<'_>,
    trust: Option<&Trust>,
    interrupted: bool,
) -> CheckpointComparison {
    let mut compared = CheckpointComparison::default();
    // What holds, with its size, to be asked who has seen it.
    let mut holding = Vec::new();
    let mut signed: BTreeMap<u64, (NodeHash, &StoredCheckpoint)> = BTreeMap::new();
    for one in kept {
        if let Some(why) = mistaken(one, given) {
            let name = &one.name;
            compared
                .untellable
                .push(format!("the checkpoint {name}: {why}"));
            continue;
        }
        let counts = matches!(
            one.keeper,
            CheckpointKeeper::Outside | CheckpointKeeper::Anchor
        );
        compared.given += u64::from(counts);
        if interrupted {
            compared.untold.push(one.name.clone());
            continue;
        }
        if let Ok((stated, _)) = opened(one, given) {
            let first = *signed.entry(stated.size).or_insert((stated.root, one));
            if first.0 != stated.root {
                let second = (stated.root, one);
                compared.findings.push(fork(stated.size, first, second));
            }
        }
        match judge(one, given) {
            Ok(covered) => {
                holding.push((covered, one));
                if one.keeper == CheckpointKeeper::Folder {
                    compared.sealed = Some(covered);
                } else if counts {
                    compared.extended += 1;
                    let kept = match one.keeper {
                        CheckpointKeeper::Anchor => &mut compared.kept.others,
                        _ => &mut compared.kept.this_host,
                    };
                    *kept = (*kept).max(Some(covered));
                }
            }
            Err(Some(finding)) => compared.findings.push(*finding),
            Err(None) => compared.untold.push(one.name.clone()),
        }
    }
    if let Some(trust) = trust.filter(|_| !interrupted) {
        holding.sort_by_key(|(covered, _)| std::cmp::Reverse(*covered));
        compare_with(trust, &holding, given, &mut compared);
    }
    compared
}

/// Whether the reader trusts who sealed the ledger, and how far the witnesses of their choice saw it.
fn compare_with(
    trust: &Trust,
    holding: &[(u64, &StoredCheckpoint)],
    given: &LedgerRoots<'_>,
    compared: &mut CheckpointComparison,
) {
    let is_listed = |seal: &SealingKey| {
        trust.logs().iter().any(|log| {
            *log.key.public() == seal.key && Some(log.key.name()) == given.origin.as_ref()
        })
    };
    let Some(listed) = given.seals.iter().rposition(is_listed) else {
        let seals = given.seals.iter().map(|seal| seal.key.short());
        let found = match seals.collect::<Vec<_>>() {
            none if none.is_empty() => "no sealing key is known".to_owned(),
            some => format!("sealed by {}", some.join(", ")),
        };
        let expected = format!("a log of the trust file ({})", trust.logs().len());
        let finding = Finding::new(rule::N04, expected, found);
        compared.findings.push(finding);
        return;
    };
    compared.trusted = true;
    // Whoever trusts a key can trust the one that it named as its successor, and so on. A key that
    // a person named in its place is known only from the ledger.
    let (_, later) = given.seals.split_at(listed + 1);
    let handed_on = later.iter().take_while(|seal| seal.handed_on);
    let mut trust = trust.clone();
    for (seal, origin) in handed_on.zip(given.origin.iter().cycle()) {
        if let Ok(key) = NoteKey::new(origin.clone(), seal.key) {
            trust = trust.trusting(key);
        }
    }
    if !later.is_empty() {
        compared.newer_seals = given.seals.get(listed).map(|seal| seal.entry);
    }
    if !trust.demands() {
        return;
    }
    match witnessed(&trust, holding, given.as_of) {
        Ok(witnessed) => {
            compared.kept.others = compared.kept.others.max(Some(witnessed.0));
            compared.witnessed = Some(witnessed);
        }
        Err(Refusal {
            found,
            untold: true,
        }) => compared.untellable.push(found),
        Err(Refusal { found, .. }) => {
            let expected = "the quorum of the trust file";
            let finding = Finding::new(rule::N05, expected, found);
            compared.findings.push(finding);
        }
    }
}

/// Why the trusted witnesses are not as many as are demanded.
struct Refusal {
    found: String,
    /// Whether they may be: lines are there that cannot be judged.
    untold: bool,
}

/// The size that enough of the trusted witnesses have seen, and who saw it when; or what is missing at the
/// newest checkpoint that says most about it.
fn witnessed(
    trust: &Trust,
    holding: &[(u64, &StoredCheckpoint)],
    as_of: Timestamp,
) -> Result<(u64, Vec<String>), Refusal> {
    let latest = u64::try_from(as_of.micros() / 1_000_000).unwrap_or_default();
    let mut refusal = Refusal {
        found: "no checkpoint that holds".to_owned(),
        untold: false,
    };
    // The newest one that anybody cosigned says most about who is missing.
    let mut says_most = false;
    for (covered, one) in holding {
        let seen = match trust.judge(one.bytes.as_deref().unwrap_or_default(), latest) {
            Ok(judged) => judged.seen,
            Err(fault) if !says_most => {
                refusal.found = format!("{}: {fault}", one.name);
                continue;
            }
            Err(_) => continue,
        };
        if seen.quorum {
            let seen = seen.cosigners();
            let seen = seen.map(|(name, time)| format!("{name} at {}", seconds(time)));
            return Ok((*covered, seen.collect()));
        }
        if says_most {
            continue;
        }
        let missing = seen.missing().map(|name| {
            let last = last_there(trust, holding, name, latest);
            match seen.fault(name) {
                Some(fault) => format!("{name} ({last}; {fault})"),
                None => format!("{name} ({last})"),
            }
        });
        let missing = missing.collect::<Vec<_>>().join(", ");
        refusal.found = format!("{} at {covered} entries: nothing by {missing}", one.name);
        refusal.untold = seen.could_be_quorum;
        says_most = refusal.untold || seen.cosigners().next().is_some();
    }
    Err(refusal)
}

/// The newest time at which a witness that is missing was there, in all that holds: whether it was
/// left out just now or never asked is the first question of whoever looks for it.
fn last_there(
    trust: &Trust,
    holding: &[(u64, &StoredCheckpoint)],
    name: &TrustName,
    latest: u64,
) -> String {
    let times = holding.iter().filter_map(|(covered, one)| {
        let note = SignedNote::parse(one.bytes.as_deref()?).ok()?;
        let seen = trust.witnessed(&note, latest);
        let mut cosigners = seen.cosigners();
        let (_, time) = cosigners.find(|(one, _)| *one == name)?;
        Some((time, *covered))
    });
    match times.max() {
        Some((time, covered)) => format!("last at {}, {covered} entries", seconds(time)),
        None => "never".to_owned(),
    }
}

fn seconds(time: u64) -> String {
    Timestamp::from_unix_seconds(time).to_seconds()
}

/// Why what somebody handed over says nothing about the ledger: it is no checkpoint, or not one of this ledger, or
/// it was changed on its way. Nobody has signed it as it is, so it accuses nobody.
fn mistaken(one: &StoredCheckpoint, given: &LedgerRoots<'_>) -> Option<String> {
    let bytes = one.bytes.as_deref()?;
    let origin = given.origin.as_ref()?;
    if one.keeper != CheckpointKeeper::Anchor {
        return None;
    }
    match checkpoint::stated(bytes) {
        Err(fault) => Some(mangled(bytes).map_or_else(|| fault.to_string(), str::to_owned)),
        Ok(stated) if stated.origin != origin.as_str() => {
            Some(format!("it is of `{}`, another log", stated.origin))
        }
        Ok(_) => {
            let seals = given.seals.iter();
            let keys = seals.filter_map(|seal| NoteKey::new(origin.clone(), seal.key).ok());
            match note::open(bytes, &keys.collect::<Vec<_>>()) {
                Err(fault @ NoteError::BadSignature { .. }) => Some(fault.to_string()),
                _ => None,
            }
        }
    }
}

/// Two signed checkpoints of one size are all that anybody needs to see that the ledger was forked.
fn fork(
    size: u64,
    one: (NodeHash, &StoredCheckpoint),
    other: (NodeHash, &StoredCheckpoint),
) -> Finding {
    let said = |(root, kept): (NodeHash, &StoredCheckpoint)| {
        format!("{}: root {root} at {size}", kept.name)
    };
    let notes = [one.1, other.1].map(|kept| {
        let bytes = kept.bytes.as_deref().unwrap_or_default();
        String::from_utf8_lossy(bytes).into_owned()
    });
    Finding::new(rule::N06, said(one), said(other)).with_evidence(notes.to_vec())
}

/// A checkpoint that a sealing key of the ledger signed, whatever the entries say to it, and the key.
fn opened<'g>(
    kept: &StoredCheckpoint,
    given: &LedgerRoots<'g>,
) -> Result<(Checkpoint, &'g SealingKey), String> {
    let bytes = kept.bytes.as_deref().ok_or("the file is missing")?;
    let origin = given.origin.as_ref().ok_or("entry 0 names no ledger")?;
    let mut refusal = "no sealing key is known".to_owned();
    for seal in given.seals.iter().rev() {
        let Ok(key) = NoteKey::new(origin.clone(), seal.key) else {
            continue;
        };
        match checkpoint::open(bytes, &key) {
            Ok(signed) => return Ok((signed.checkpoint().clone(), seal)),
            Err(why) => refusal = why.to_string(),
        }
    }
    Err(refusal)
}

/// The size that a kept checkpoint proves; what stands against it, or nothing where that cannot be
/// told.
pub(super) fn judge(
    kept: &StoredCheckpoint,
    given: &LedgerRoots<'_>,
) -> Result<u64, Option<Box<Finding>>> {
    let own = kept.keeper == CheckpointKeeper::Folder;
    // What the ledger's own checkpoint gets wrong is held against its integrity.
    let fault = |of_others, own_rule, expected: String, found: String| {
        let rule = if own { own_rule } else { of_others };
        let found = format!("{}: {found}", kept.name);
        Some(Box::new(Finding::new(rule, expected, found)))
    };
    let behind = |stated: &Checkpoint| {
        let found = match given.size {
            0 => "the ledger has none".to_owned(),
            size => format!("the ledger has {size}"),
        };
        fault(rule::N01, rule::I05, counted(stated.size), found)
    };
    // Without entry 0 nobody knows whose the others are. That is held against the ledger by itself and
    // by its own checkpoint; what others kept tells no more than whether something is missing.
    if let Some(stated) = kept.stated().filter(|_| !own && given.origin.is_none()) {
        let is_behind = stated.size > given.size;
        return Err(is_behind.then(|| behind(&stated)).flatten());
    }
    let (stated, seal) = opened(kept, given).map_err(|refusal| {
        let name = given.origin.as_ref().map_or("the ledger", KeyName::as_str);
        let expected = format!("a checkpoint of {name} by its sealing key");
        fault(rule::N03, rule::I05, expected, refusal)
    })?;
    let size = stated.size;
    // Entry 0 names the first key, so that a checkpoint of nothing is nobody's.
    let then = given.seals.iter().rfind(|then| then.entry < size);
    if then.is_none_or(|then| then.key != seal.key) {
        let expected = then.map_or("at least entry 0".to_owned(), |then| {
            format!("{}, the sealing key at {size} entries", then.key.short())
        });
        let (key, entry) = (seal.key.short(), seal.entry);
        let found = format!("sealed by {key}, named by entry {entry}");
        return Err(fault(rule::N08, rule::I06, expected, found));
    }
    if size > given.size {
        return Err(behind(&stated));
    }
    match given.roots.get(&size) {
        Some(root) if *root == stated.root => Ok(size),
        Some(root) => {
            let expected = format!("root {} at size {size}", stated.root);
            let found = format!("the entries give {root}");
            Err(fault(rule::N02, rule::I05, expected, found))
        }
        // Entries before it cannot be read, which is held against the ledger by itself.
        None => Err(None),
    }
}

fn counted(entries: u64) -> String {
    match entries {
        1 => "1 entry".to_owned(),
        many => format!("{many} entries"),
    }
}
