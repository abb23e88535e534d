//! What was said afterwards about entries that something is held against: corrections, and acceptances.
//!
//! Neither takes a finding away. A correction is shown beside it; an accepted one counts no more, where it was
//! accepted by somebody who neither wrote the entry nor carried out the rotation.

use std::collections::{BTreeMap, HashMap};

use crate::event::{Event, FindingAccepted, FourEyes};
use crate::keyring::Author;
use crate::register::Register;
use crate::rule::{self, Correction, Finding, FindingStatus};
use crate::text::Id;

use super::authors::EntryAuthors;

/// What was said afterwards, by the entry that it is about.
#[derive(Debug, Default)]
pub(super) struct Afterwards {
    corrections: BTreeMap<u64, Vec<Correction>>,
    acceptances: Vec<Acceptance>,
}

#[derive(Debug)]
struct Acceptance {
    sequence: u64,
    by: Id,
    said: FindingAccepted,
}

impl Afterwards {
    /// Remembers what an entry says about another that is at hand.
    pub(super) fn note(&mut self, sequence: u64, event: &Event, author: &Author) {
        match event {
            Event::EntryCorrected(said) => {
                let corrections = self.corrections.entry(said.entry).or_default();
                corrections.push(Correction {
                    entry: sequence,
                    field: said.field.clone(),
                    correct: said.correct.clone(),
                });
            }
            Event::FindingAccepted(said) => self.acceptances.push(Acceptance {
                sequence,
                by: author.person.clone(),
                said: said.clone(),
            }),
            _ => {}
        }
    }

    /// Says of each finding whether it was accepted, and what was corrected; adds what stands against who
    /// accepted. Answers with the acceptances that accept nothing.
    pub(super) fn settle(
        self,
        found: &mut Vec<Finding>,
        register: &Register,
        authors: &EntryAuthors,
    ) -> Vec<String> {
        let mut places: HashMap<(&'static str, u64), Vec<usize>> = HashMap::new();
        for (at, finding) in found.iter_mut().enumerate() {
            if let Some(entry) = finding.sequence {
                let corrected = self.corrections.get(&entry).cloned();
                finding.corrections = corrected.unwrap_or_default();
                places.entry((finding.rule.id, entry)).or_default().push(at);
            }
        }
        let mut idle = Vec::new();
        for one in &self.acceptances {
            let rule = rule::rule(one.said.rule.as_str()).filter(|rule| rule.is_acceptable());
            let key = rule.map(|rule| (rule.id, one.said.entry));
            let Some(targets) = key.and_then(|key| places.get(&key)) else {
                idle.push(one.accepts_nothing("nothing is held there by that rule"));
                continue;
            };
            if !self.rests_on_a_correction(one) {
                idle.push(one.accepts_nothing("it refers to no correction of that entry"));
                continue;
            }
            let targets: Vec<usize> = targets.clone();
            let theirs = |at: &usize| one.is_about_their_own(found.get(*at), register, authors);
            if targets.iter().any(theirs) {
                let finding = one.by_the_wrong_person();
                places.insert((finding.rule.id, one.sequence), vec![found.len()]);
                found.push(finding);
                continue;
            }
            for at in targets {
                if let Some(finding) = found.get_mut(at).filter(|finding| finding.is_open()) {
                    finding.status = one.status();
                }
            }
        }
        idle
    }

    fn rests_on_a_correction(&self, one: &Acceptance) -> bool {
        let corrections = self.corrections.get(&one.said.entry);
        one.said.correction.is_none_or(|correction| {
            corrections.is_some_and(|all| all.iter().any(|known| known.entry == correction))
        })
    }
}

impl Acceptance {
    fn status(&self) -> FindingStatus {
        FindingStatus::Accepted {
            entry: self.sequence,
            by: self.by.clone(),
            reason: self.said.reason.clone(),
        }
    }

    /// Whether whoever accepted wrote the entry, or carried out the rotation.
    fn is_about_their_own(
        &self,
        finding: Option<&Finding>,
        register: &Register,
        authors: &EntryAuthors,
    ) -> bool {
        if register.charter.policy.four_eyes == FourEyes::Relaxed {
            return false;
        }
        let rotation = finding.and_then(|finding| finding.rotation.as_ref());
        let rotation = rotation.and_then(|id| register.rotations.get(id));
        authors.person_of(self.said.entry) == Some(&self.by)
            || rotation.is_some_and(|rotation| rotation.operators.contains(&self.by))
    }

    fn by_the_wrong_person(&self) -> Finding {
        let expected = "somebody who neither wrote the entry nor carried out the rotation";
        Finding::new(rule::A09, expected, self.by.as_str()).at(self.sequence)
    }

    fn accepts_nothing(&self, why: &str) -> String {
        let (sequence, rule, entry) = (self.sequence, &self.said.rule, self.said.entry);
        format!("entry {sequence} accepts {rule}@{entry}, which changes nothing: {why}")
    }
}
