//! A ledger told as a story, exported, and packs that somebody changed, or made up with every key of the
//! host that exports.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use rawzip::CompressionMethod;
use rawzip::ZipArchiveWriter;
use rotation_ledger::event::PackExported;
use rotation_ledger::export::Export;
use rotation_ledger::export::ExportedPack;
use rotation_ledger::export::payload;
use rotation_ledger::facts;
use rotation_ledger::facts::SecretRow;
use rotation_ledger::hash::Blake3Digest;
use rotation_ledger::hash::LeafHash;
use rotation_ledger::hash::Sha256Digest;
use rotation_ledger::key::SecretKey;
use rotation_ledger::ledger::LedgerPlace;
use rotation_ledger::ledger::proofs::LedgerProofs;
use rotation_ledger::pack::Bag;
use rotation_ledger::pack::PackFiles;
use rotation_ledger::pack::PackPart;
use rotation_ledger::pack::Selection;
use rotation_ledger::pack::SelectionForm;
use rotation_ledger::pack::draw_list;
use rotation_ledger::pack::ends;
use rotation_ledger::pack::read_zip;
use rotation_ledger::pack::write_zip;
use rotation_ledger::pack_verify;
use rotation_ledger::pack_verify::DecodedPack;
use rotation_ledger::pack_verify::PackQuestion;
use rotation_ledger::pack_verify::UnverifiedPack;
use rotation_ledger::rule::Finding;
use rotation_ledger::rule::Verdict;
use rotation_ledger::statement::Attachment;
use rotation_ledger::sys::keyfile;
use rotation_ledger::sys::world::World;
use rotation_ledger::text::Line;
use rotation_ledger::trust::Trust;
use rotation_ledger::verify;
use rotation_ledger::verify::LogPiece;
use rotation_ledger::verify::Report;
use rotation_ledger::verify::VerifyQuestion;
use serde_json::json;

use super::folder::Folder;
use super::second::told;
use super::story::Quiet;
use super::story::Story;
use super::story::id;
use super::story::key_of;
use super::story::log_line;
use super::story::sealing_key;

pub(crate) const OUTPUT: &[u8] = b"login passed\nold one refused\n";

/// A story with packs of it.
pub(crate) struct Shelf {
    pub(crate) story: Story,
    key: SecretKey,
    state: tempfile::TempDir,
    /// The ledger as it was written last.
    pub(crate) folder: Option<Folder>,
    /// What witnesses cosigned.
    pub(crate) cosigned: Option<Vec<u8>>,
    /// The checkpoint that gives a sample its seed.
    pub(crate) seed: Option<String>,
}

/// The key that signs the packs of a shelf.
pub(crate) fn pack_key() -> SecretKey {
    key_of("the pack key")
}

pub(crate) fn everything() -> PackPart {
    PackPart::Everything
}

pub(crate) fn rotation(name: &str) -> PackPart {
    PackPart::Rotation(id(name))
}

/// Two rotations of one secret, one of another with an attached file, and three secrets untouched.
pub(crate) fn busy() -> Story {
    let mut story = Story::new();
    for (rotation, secret) in [("r-1", "db/orders"), ("r-2", "sign/bundles")] {
        let script = match secret {
            "db/orders" => story.standard(rotation, secret),
            _ => story.single_run(rotation, secret),
        };
        story.play(script);
    }
    story.attach = vec![Attachment {
        blake3: Blake3Digest::of(OUTPUT),
        sha256: Sha256Digest::of(OUTPUT),
        length: OUTPUT.len() as u64,
        media_type: id("text/plain"),
        name: Line::new("refused.txt").unwrap(),
    }];
    story.say(
        "olga",
        "evidence.attached",
        json!({ "rotation": "r-1", "description": "what the tool printed" }),
    );
    let script = story.standard("r-3", "db/orders");
    story.play(script);
    story
}

/// Another ledger of the same name and the same people, with a rotation of the same name.
pub(crate) fn elsewhere() -> Story {
    let mut story = Story::empty();
    story.at("2026-01-06T09:00:00Z");
    story.create();
    for (who, role) in [
        ("sue", "security_owner"),
        ("pia", "platform_owner"),
        ("olga", "operator"),
        ("otto", "operator"),
        ("ada", "auditor"),
    ] {
        story.enrol(who, "human", &[role]);
    }
    story.register("db/orders", json!({}));
    let script = story.standard("r-1", "db/orders");
    story.play(script);
    story
}

impl Shelf {
    pub(crate) fn new(story: Story) -> Self {
        Self::signing(story, pack_key())
    }

    /// The same on a host with another pack key.
    pub(crate) fn signing(story: Story, key: SecretKey) -> Self {
        let state = tempfile::tempdir().unwrap();
        keyfile::write_new(&state.path().join("pack.pem"), &key, None).unwrap();
        Self {
            story,
            key,
            state,
            folder: None,
            cosigned: None,
            seed: None,
        }
    }

    /// Writes the ledger as it is now.
    pub(crate) fn write(&mut self) {
        let folder = Folder::of(&self.story);
        folder.attach(OUTPUT);
        if let Some(cosigned) = &self.cosigned {
            std::fs::write(folder.path("cosigned"), cosigned).unwrap();
        }
        for stamp in &self.story.stamps {
            std::fs::create_dir_all(folder.path("timestamps")).unwrap();
            std::fs::write(folder.path(&stamp.name), &stamp.response).unwrap();
            let checkpoint = stamp.checkpoint.as_ref().unwrap();
            std::fs::write(folder.path(&stamp.checkpoint_name), checkpoint).unwrap();
        }
        self.folder = Some(folder);
    }

    pub(crate) fn with<T>(&self, work: impl FnOnce(&Export<'_>) -> T) -> T {
        let export = Export {
            world: &World::system(),
            place: &LedgerPlace::new(
                self.folder.as_ref().unwrap().path(""),
                self.state.path().to_owned(),
            ),
            wait: Duration::from_secs(1),
        };
        work(&export)
    }

    pub(crate) fn state(&self, name: &str) -> PathBuf {
        self.state.path().join(name)
    }

    /// What would be recorded of an export now.
    pub(crate) fn said(&mut self, part: PackPart, without_attachments: bool) -> PackExported {
        self.said_as(part, without_attachments, SelectionForm::Pack)
    }

    /// The same of an export in this form.
    pub(crate) fn said_as(
        &mut self,
        part: PackPart,
        without_attachments: bool,
        form: SelectionForm,
    ) -> PackExported {
        self.write();
        let selection = Selection {
            part,
            without_attachments,
            form,
            key: self.key.public(),
        };
        let now = self.story.now;
        self.with(|export| export.record(&export.entries()?, &selection, None, now))
            .unwrap()
    }

    /// Records an export and keeps what it rests on.
    pub(crate) fn record(&mut self, said: PackExported) -> u64 {
        let said = json!({
            "selection": said.selection, "size": said.size, "entries": said.entries,
            "rotations": said.rotations, "secrets": said.secrets, "ends_sha256": said.ends_sha256,
        });
        let sequence = self.story.say("ada", "pack.exported", said);
        self.write();
        let checkpoint = self
            .story
            .checkpoint_of(self.story.entries.len(), &sealing_key());
        let checkpoint = String::from_utf8(checkpoint).unwrap();
        self.with(|export| export.keep(sequence, &checkpoint, self.seed.as_deref()))
            .unwrap();
        sequence
    }

    /// Exports, from the record to the zip.
    pub(crate) fn export(&mut self, part: PackPart) -> ExportedPack {
        let said = self.said(part, false);
        let sequence = self.record(said);
        self.with(|export| export.pack(sequence)).unwrap()
    }
}

/// A pack by somebody who exports and lies: who holds the pack key, the sealing key and an author's key.
/// What follows from the lie follows; what does not is as it would be.
pub(crate) struct Lie<'l> {
    /// What is said to be selected.
    pub(crate) part: PackPart,
    /// Which of the entries before the record are in the pack.
    pub(crate) keep: &'l dyn Fn(u64) -> bool,
    /// What becomes of the population.
    pub(crate) rows: &'l dyn Fn(&mut Vec<SecretRow>),
    /// What becomes of the record at last.
    pub(crate) said: &'l dyn Fn(&mut PackExported),
}

impl Shelf {
    /// Records the lie, and makes the pack that goes with it.
    pub(crate) fn lie(&mut self, lie: &Lie<'_>) -> Vec<u8> {
        let before = self.story.entries.len() as u64;
        let kept: Vec<u64> = (0..before).filter(|at| (lie.keep)(*at)).collect();
        // What the entries that are left amount to is what anybody can make of them.
        let mut pieces = Vec::new();
        let mut next = 0;
        for at in &kept {
            if *at != next {
                pieces.push(LogPiece::Elsewhere { count: at - next });
            }
            pieces.push(LogPiece::Entries(vec![
                self.story.entries[*at as usize].clone(),
            ]));
            next = at + 1;
        }
        let now = self.story.now;
        let question = VerifyQuestion {
            proven: Some(Default::default()),
            ..VerifyQuestion::at(now)
        };
        let folded = verify::fold(pieces.into_iter(), question, &mut Quiet);
        let known = facts::population(folded.register(), now, &|_| true);
        let selected = verify::select(folded.register(), &lie.part, now);
        let mut rows = facts::population(&self.story.register, now, &|_| false);
        for row in &mut rows {
            if let Some(known) = known.iter().find(|known| known.secret == row.secret) {
                row.clone_from(known);
            }
        }
        (lie.rows)(&mut rows);
        let selection = Selection {
            part: lie.part.clone(),
            without_attachments: true,
            form: SelectionForm::Pack,
            key: pack_key().public(),
        };
        let last = rows.iter().map(|row| (&row.secret, row.last_entry));
        let mut said = PackExported {
            selection: Line::new(selection.to_string()).unwrap(),
            recipient: None,
            size: before,
            entries: kept.len() as u64 + 1,
            rotations: selected.rotations.len() as u64,
            secrets: selected.secrets.len() as u64,
            ends_sha256: Sha256Digest::of(ends(last).as_bytes()),
        };
        (lie.said)(&mut said);
        let record = self.record(said);
        let checkpoint = self
            .story
            .checkpoint_of(record as usize + 1, &sealing_key());
        let mut contents = UnverifiedPack {
            checkpoint: checkpoint.clone(),
            population: rows,
            drawn_from: match &lie.part {
                PackPart::Sample(draw) => Some(draw_list(draw.listed.iter()).into_bytes()),
                _ => None,
            },
            seed: self.seed.clone().map(String::into_bytes),
            ..UnverifiedPack::default()
        };
        for at in kept.into_iter().chain([record]) {
            let bytes = self.story.entries[at as usize].clone();
            contents.entries.insert(at, bytes);
        }
        let leaves = contents.entries.iter();
        let leaves: Vec<_> = leaves
            .map(|(at, bytes)| (*at, LeafHash::of(bytes)))
            .collect();
        let dir = self.folder.as_ref().unwrap().path("");
        let proofs = LedgerProofs::open(&World::system(), &dir, Duration::from_secs(1)).unwrap();
        let checkpoint = String::from_utf8(checkpoint).unwrap();
        for receipt in proofs.receipts(&leaves, &checkpoint).unwrap() {
            contents.receipts.insert(receipt.index(), receipt);
        }
        let pack = DecodedPack::of(contents);
        let report = pack.as_exported(true);
        let (payload, info) = payload(&pack, &report).unwrap_or_else(|| {
            // Where nothing follows from the rest, the population in the form that it has among documents.
            let rows = &pack.contents().population;
            let rows = json!({ "schema": "rotation-ledger/pack-population/1", "secrets": rows });
            let mut payload = pack.contents().files();
            payload.insert(
                facts::POPULATION.to_owned(),
                format!("{rows:#}\n").into_bytes(),
            );
            (payload, Vec::new())
        });
        Bag::sealed("pack", &payload, &info, &pack_key())
            .to_zip()
            .unwrap()
    }
}

/// The file of an entry in a pack's payload.
pub(crate) fn entry(sequence: u64) -> String {
    format!("ledger/entries/{sequence:09}.bin")
}

/// The file of its receipt.
pub(crate) fn receipt(sequence: u64) -> String {
    format!("ledger/receipts/{sequence:09}.tlog-proof")
}

/// Takes an entry out.
pub(crate) fn drop_entry(payload: &mut PackFiles, sequence: u64) {
    payload.remove(&entry(sequence)).unwrap();
    payload.remove(&receipt(sequence)).unwrap();
}

/// What an auditor has who knows the ledger's key.
pub(crate) fn trust() -> Trust {
    let file = log_line(&sealing_key()) + "quorum none\n";
    Trust::parse(file.as_bytes()).unwrap()
}

/// Judges a pack as an auditor does who knows the ledger's key.
pub(crate) fn judge(zip: &[u8]) -> Report {
    judge_signed_by(&pack_key(), zip)
}

/// The same where a key signs the packs that is not the usual one.
pub(crate) fn judge_signed_by(key: &SecretKey, zip: &[u8]) -> Report {
    let asked = PackQuestion {
        trust: Some(trust()),
        ..PackQuestion::default()
    };
    let report = pack_verify::examine(&Bag::from_zip(zip).unwrap(), asked).report;
    agree(zip, key, &report);
    report
}

/// Keeps a pack in the folder `LEDGER_TEST_PACKS`, where that is set: of each it is compared what the auditor's page
/// says, and what the program does (`tests/auditor/same.mjs`).
pub(crate) fn keep(zip: &[u8]) {
    let Some(folder) = std::env::var_os("LEDGER_TEST_PACKS").map(PathBuf::from) else {
        return;
    };
    let digest = Sha256Digest::of(zip).to_string();
    std::fs::write(folder.join(format!("{}.zip", &digest[..16])), zip).unwrap();
    let trust = log_line(&sealing_key()) + "quorum none\n";
    std::fs::write(folder.join("auditor.trust"), trust).unwrap();
}

/// Insists that the second verifier of packs, where it is asked for, says the same: it fails a pack for
/// what is wrong with its bytes, its signatures or its entries, and not for its documents.
fn agree(zip: &[u8], key: &SecretKey, report: &Report) {
    keep(zip);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pack.zip");
    std::fs::write(&path, zip).unwrap();
    let vkey = log_line(&sealing_key());
    let vkey = vkey.trim().trim_start_matches("log ");
    let question = format!("pack {} {} {vkey}", path.display(), key.public());
    let Some(theirs) = told(&question) else {
        return;
    };
    let is_its_own = |one: &&Finding| match one.rule.id {
        "P-05" => false,
        // Which documents there are is not its own either.
        "P-01" => {
            one.expected != "only files that a pack has"
                || !one.found.starts_with("data/")
                || one.found.starts_with("data/ledger/")
        }
        rule => rule.starts_with("P-") || one.rule.verdict == Verdict::Integrity,
    };
    let found: Vec<_> = report.findings.iter().filter(is_its_own).collect();
    let expected = if found.is_empty() { "PASS " } else { "FAIL " };
    assert!(
        theirs.starts_with(expected),
        "{theirs}, and ours: {found:?}"
    );
}

/// What is held against a pack: rule and entry, each once.
pub(crate) fn found(zip: &[u8]) -> Vec<(&'static str, Option<u64>)> {
    let report = judge(zip);
    let findings = report.findings.iter();
    let mut found: Vec<_> = findings.map(|one| (one.rule.id, one.sequence)).collect();
    found.dedup();
    found
}

/// The rules that are held against a pack.
pub(crate) fn rules(zip: &[u8]) -> Vec<&'static str> {
    let mut rules: Vec<_> = found(zip).into_iter().map(|(rule, _)| rule).collect();
    rules.dedup();
    rules
}

/// The files of a zip below its one folder, and that folder.
pub(crate) fn files(zip: &[u8]) -> (String, PackFiles) {
    let all = read_zip(zip).unwrap();
    let top = all
        .keys()
        .next()
        .unwrap()
        .split_once('/')
        .unwrap()
        .0
        .to_owned();
    let inside =
        |(name, bytes): (String, Vec<u8>)| (name.split_once('/').unwrap().1.to_owned(), bytes);
    (top, all.into_iter().map(inside).collect())
}

/// The zip after somebody changed its files, and nothing else.
pub(crate) fn changed(zip: &[u8], change: impl FnOnce(&mut PackFiles)) -> Vec<u8> {
    let (top, mut inside) = files(zip);
    change(&mut inside);
    let named = inside
        .into_iter()
        .map(|(path, bytes)| (format!("{top}/{path}"), bytes))
        .collect();
    write_zip(&named).unwrap()
}

/// The files of a pack as another program zips them: compressed, folders listed, the last first.
pub(crate) fn zipped(named: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut zip = Vec::new();
    let mut archive = ZipArchiveWriter::new(&mut zip);
    archive.new_dir("pack/").create().unwrap();
    for (name, bytes) in named {
        let (mut entry, config) = archive
            .new_file(name.as_str())
            .compression_method(CompressionMethod::DEFLATE)
            .start()
            .unwrap();
        let packed = miniz_oxide::deflate::compress_to_vec(bytes, 6);
        entry.write_all(&packed).unwrap();
        let mut whole = config.wrap(std::io::sink());
        whole.write_all(bytes).unwrap();
        let (_, descriptor) = whole.finish().unwrap();
        entry.finish(descriptor).unwrap();
    }
    archive.finish().unwrap();
    zip
}

/// The same by somebody who also has a key to sign with: all lists are made anew.
pub(crate) fn forged(zip: &[u8], key: &SecretKey, change: impl FnOnce(&mut PackFiles)) -> Vec<u8> {
    let (top, inside) = files(zip);
    let info = String::from_utf8(inside["bag-info.txt"].clone()).unwrap();
    let info: Vec<(&'static str, String)> = info
        .lines()
        .map(|line| line.split_once(": ").unwrap())
        .filter(|(name, _)| *name != "Payload-Oxum")
        .map(|(name, value)| (&*name.to_owned().leak(), value.to_owned()))
        .collect();
    let payload =
        |(path, bytes): (String, Vec<u8>)| Some((path.strip_prefix("data/")?.to_owned(), bytes));
    let mut payload: PackFiles = inside.into_iter().filter_map(payload).collect();
    change(&mut payload);
    Bag::sealed(&top, &payload, &info, key).to_zip().unwrap()
}
