//! What a pack has of a ledger, decoded, and fed to the verification that judges ledgers.

use crate::entry::StoredEntry;
use crate::facts::{Dossier, FactsForm};
use crate::pack::PackPart;
use crate::rule::Finding;
use crate::time::Timestamp;
use crate::timetoken::TsaAuthorities;
use crate::verify::{self, Report, Surroundings, TokenOnFile, VerifyQuestion};

use super::attached::AttachmentWatcher;
use super::contents::UnverifiedPack;
use super::reach::Reach;
use super::record::ExportRecord;
use super::sample::SampleBasis;

/// What a pack has of a ledger: its entries, decoded, and the one of them that records the export. Nothing of it
/// is verified.
#[derive(Debug)]
pub struct DecodedPack {
    pub(super) contents: UnverifiedPack,
    pub(super) record: Option<ExportRecord>,
    /// Why the last entry records no export.
    pub(super) no_record: Option<Finding>,
    /// Those that can be read, in their order.
    entries: Vec<StoredEntry>,
}

impl DecodedPack {
    /// Decodes what a pack has.
    #[must_use]
    pub fn of(contents: UnverifiedPack) -> Self {
        let (record, no_record) = ExportRecord::of(&contents);
        let entries = contents.entries.iter();
        let stored =
            |(sequence, bytes): (&u64, &Vec<u8>)| StoredEntry::of(*sequence, bytes.clone()).ok();
        Self {
            record,
            no_record,
            entries: entries.filter_map(stored).collect(),
            contents,
        }
    }

    /// What it has, as it was.
    #[must_use]
    pub const fn contents(&self) -> &UnverifiedPack {
        &self.contents
    }

    /// When the export was recorded.
    pub(super) fn exported(&self) -> Timestamp {
        let record = self.record.as_ref();
        record.map_or(Timestamp::from_micros(0), |record| {
            record.stored.entry.recorded
        })
    }

    /// The verification as of the export, without anything that only some readers have: what the documents of
    /// the pack rest on. With `keep_said` it keeps what was said about rotations, for a page.
    #[must_use]
    pub fn as_exported(&self, keep_said: bool) -> Report {
        self.exported_telling(keep_said, &|_| {})
    }

    /// The same, which tells how many entries are done.
    pub(super) fn exported_telling(&self, keep_said: bool, progress: &dyn Fn(u64)) -> Report {
        let question = VerifyQuestion {
            keep_said,
            ..VerifyQuestion::at(self.exported())
        };
        self.judge(question, None, Vec::new(), progress)
    }

    /// What documents are made of, out of a verification of this pack; none where no entry records the export.
    #[must_use]
    pub fn dossier<'a>(&'a self, report: &'a Report, form: FactsForm) -> Option<Dossier<'a>> {
        let record = self.record.as_ref()?;
        Some(Dossier {
            form,
            report,
            record: &record.stored,
            exported: &record.exported,
            selection: &record.selection,
            entries: &self.entries,
            population: &self.contents.population,
            attached: &self.contents.attachments,
        })
    }

    /// Judges it. `question` says as of when, for whom, and which checkpoints others kept; `findings` are what
    /// was found in the pack as a file; `progress` is told how many entries are done.
    pub(super) fn judge(
        &self,
        mut question: VerifyQuestion,
        authorities: Option<&TsaAuthorities>,
        findings: Vec<Finding>,
        progress: &dyn Fn(u64),
    ) -> Report {
        let contents = &self.contents;
        let mut around = Surroundings {
            findings,
            ..Surroundings::default()
        };
        let reach = Reach::of(contents, &mut around);
        question.stamps = TokenOnFile::of(contents.tokens.clone(), authorities);
        let (kept, untold) = reach.checkpoints(std::mem::take(&mut question.kept), &mut around);
        question.kept = kept;
        question.proven = reach.proven();
        let trust = question.trust.clone();
        let mut watcher = AttachmentWatcher::telling(progress);
        let folded = verify::fold(reach.pieces().into_iter(), question, &mut watcher);
        let record = self.record.as_ref();
        let withheld = record.is_some_and(|record| record.selection.without_attachments);
        let files = &contents.attachments;
        watcher.check(files, withheld, &folded.expunged(), &mut around);
        if let Some(record) = record {
            // An honest export of little is told from one of everything here and nowhere else.
            around.notes.push(format!(
                "selected for this pack: {} (entry {})",
                record.selection.part, record.stored.sequence
            ));
            let differences = record.differences(contents, &self.entries, folded.register());
            around.findings.extend(differences);
            if let PackPart::Sample(draw) = &record.selection.part {
                let recorded = (record.stored.sequence, record.stored.entry.recorded);
                let trust = trust.as_ref();
                let basis = SampleBasis {
                    draw,
                    contents,
                    trust,
                    recorded,
                };
                basis.judge(folded.register(), &mut around);
            }
        }
        around.not_checked.extend(reach.missing());
        around.notes.push(reach.end());
        let mut report = folded.conclude(around);
        // What others kept since says no more about a pack that another anchor covers.
        let is_covered = report
            .kept_by
            .others
            .is_some_and(|size| size >= report.size);
        match is_covered {
            true => report.notes.extend(untold),
            false => report.not_checked.extend(untold),
        }
        report
    }
}
