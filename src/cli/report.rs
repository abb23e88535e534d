//! A verification's report for people: what was read, then a line for each finding, then what was not checked.
//! The verdicts and one word come last, where the eye is when a screen has filled.

use std::path::Path;

use crate::pack::PackPart;
use crate::rule::{Finding, Rule};
use crate::text::Id;
use crate::time::Timestamp;
use crate::verify::{Conclusion, Report, VerdictLine};

use super::exit::Exit;
use super::layout::{columns, counted, word, wrapped};
use super::ui::Ui;

/// Findings of one rule that are listed one by one; more are counted.
const LISTED: usize = 5;
/// Of those that are counted, so many are named.
const FIRST: usize = 3;

/// How a report is laid out.
pub(crate) struct Layout<'a> {
    /// Who prints it.
    pub(crate) ui: &'a Ui,
    /// Whether as talk, beside a result.
    pub(crate) on_stderr: bool,
    /// What was verified, where it was named by itself.
    pub(crate) named: Option<&'a Path>,
    /// What else is named as the ledger.
    pub(crate) ledger: Option<&'a Path>,
}

impl Layout<'_> {
    fn paint(&self, word: &str, width: usize) -> String {
        self.ui.verdict_word(word, width, self.on_stderr)
    }

    fn columns(&self) -> Option<usize> {
        self.ui.columns(self.on_stderr)
    }
}

/// The report as text.
pub(crate) fn render(report: &Report, conclusion: Conclusion, layout: &Layout<'_>) -> String {
    let mut head = String::new();
    heading(report, &mut head);
    let mut text = wrapped(&head, layout.columns());
    findings(report, layout, &mut text);
    let mut rest = String::new();
    if report.outside > 0 {
        let findings = counted(report.outside, "finding");
        rest += &format!("elsewhere: {findings} outside what was asked for\n");
    }
    rest.extend(report.notes.iter().map(|note| format!("note: {note}\n")));
    rest += match report.not_checked.is_empty() {
        true => "not checked: nothing\n",
        false => "not checked\n",
    };
    let items = report.not_checked.iter();
    rest.extend(items.map(|item| format!("  \u{b7} {item}\n")));
    rest.push('\n');
    for line in &report.verdicts {
        verdict(line, layout, &mut rest);
    }
    last_line(report, conclusion, layout, &mut rest);
    text + &wrapped(&rest, layout.columns())
}

fn heading(report: &Report, text: &mut String) {
    let origin = report.origin.as_ref();
    let origin = origin.map_or("unknown", |origin| origin.as_str());
    let entries = match report.size {
        0 => "no entries".to_owned(),
        size if report.elsewhere > 0 => {
            format!("entries 0 to {}, {}", size - 1, at_hand(report))
        }
        size => format!("entries 0 to {}", size - 1),
    };
    text.push_str(&format!("ledger     {origin}   {entries}\n"));
    if let Some(id) = &report.ledger {
        text.push_str(&format!("id         {id}\n"));
    }
    text.push_str(&format!("head       {}\n", report.head));
    text.push_str(&format!("root       {}\n", report.root));
    let policy = match report.policy_version {
        0 => "the SOP's own".to_owned(),
        version => format!("version {version}"),
    };
    let as_of = report.as_of.to_seconds();
    text.push_str(&format!("policy     {policy}   as of {as_of}\n"));
    match &report.part {
        PackPart::Everything => {}
        PackPart::Range(from, to) => {
            let (from, to) = (bound(*from, "the beginning"), bound(*to, "the end"));
            text.push_str(&format!("requested  {from} to {to}\n"));
        }
        part => text.push_str(&format!("requested  {part}\n")),
    }
    if let Some((first, last)) = report.recorded {
        let (first, last) = (first.to_seconds(), last.to_seconds());
        text.push_str(&format!("found      {first} to {last}\n"));
    }
    text.push('\n');
}

fn bound(time: Option<Timestamp>, open: &str) -> String {
    time.map_or_else(|| open.to_owned(), Timestamp::to_seconds)
}

fn verdict(line: &VerdictLine, layout: &Layout<'_>, text: &mut String) {
    let counts = line.counts.iter();
    let counts = counts.map(|count| format!("{}/{} {}", count.good, count.total, count.what));
    let mut facts: Vec<String> = counts.collect();
    if line.failing > 0 {
        facts.push(counted(line.failing, "finding"));
    }
    if line.waived > 0 {
        facts.push(format!("{} waived", line.waived));
    }
    if line.accepted > 0 {
        facts.push(format!("{} accepted", line.accepted));
    }
    facts.extend(line.note.clone());
    let word = layout.paint(line.status.word(), 11);
    let (verdict, facts) = (line.verdict.word(), facts.join(" \u{b7} "));
    let row = format!("  {verdict:12}  {word}  {facts}");
    text.push_str(&format!("{}\n", row.trim_end()));
}

/// A line for each, in the order in which the verdicts are printed, then by sequence; for each rule where that
/// would be many.
fn findings(report: &Report, layout: &Layout<'_>, text: &mut String) {
    let Some(first) = report.findings.first() else {
        return;
    };
    let mut groups: Vec<(&Rule, Vec<&Finding>)> = Vec::new();
    for finding in &report.findings {
        let rule = finding.rule;
        match groups.iter_mut().find(|(of, _)| of.id == rule.id) {
            Some((_, group)) => group.push(finding),
            None => groups.push((rule, vec![finding])),
        }
    }
    let rows = groups.iter().flat_map(|(rule, group)| rows(rule, group));
    let lines = columns(&rows.collect::<Vec<_>>()).into_iter();
    text.push_str("findings\n");
    text.extend(lines.map(|line| wrapped(&format!("  {line}\n"), layout.columns())));
    let listed = report.findings.len() as u64;
    let unlisted = report.findings_total.saturating_sub(listed);
    if unlisted > 0 {
        text.push_str(&format!("  and {unlisted} more findings\n"));
    }
    text.extend(report.findings.iter().map(evidence));
    // A rule alone would be explained without its findings.
    let ledger = layout.ledger.filter(|_| first.sequence.is_none());
    let path = layout.named.or(ledger);
    let path = path.map(|path| word(&path.display().to_string()));
    let words = [Some(first.fingerprint()), path];
    let words: Vec<_> = words.into_iter().flatten().collect();
    let next = format!(
        "what is asked, what was found, how it is mended: ledger explain {}\n",
        words.join(" ")
    );
    text.push_str(&wrapped(&next, layout.columns()));
    text.push('\n');
}

/// What proves a finding to anybody: signed notes, so their lines are as they are.
pub(crate) fn evidence(finding: &Finding) -> String {
    let mut text = String::new();
    for note in &finding.evidence {
        text += &format!("  {}  evidence\n", finding.fingerprint());
        text.extend(note.lines().map(|line| format!("          {line}\n")));
    }
    text
}

fn rows(rule: &Rule, group: &[&Finding]) -> Vec<Vec<String>> {
    if group.len() <= LISTED {
        return group.iter().map(|finding| row(finding)).collect();
    }
    let settled = group.iter().filter(|finding| !finding.is_open()).count();
    let first = group.iter().take(FIRST).map(|finding| {
        let about = about(finding).map(|id| format!(" {id}"));
        finding.fingerprint() + &about.unwrap_or_default()
    });
    let first = first.collect::<Vec<_>>().join(", ");
    let mut what = vec![rule.title.to_owned()];
    what.extend((settled > 0).then(|| format!("{settled} waived or accepted")));
    what.push(format!("{first} and more, which --json lists"));
    let times = format!("{} times", group.len());
    vec![vec![rule.id.to_owned(), times, what.join(" \u{b7} ")]]
}

fn about(finding: &Finding) -> Option<&Id> {
    finding.rotation.as_ref().or(finding.secret.as_ref())
}

/// What a finding is called, what it is about, and what is wrong.
fn row(finding: &Finding) -> Vec<String> {
    let mut what = vec![finding.rule.title.to_owned()];
    if !finding.is_open() {
        what.push(finding.status.to_string());
    }
    what.extend(finding.corrections.iter().map(ToString::to_string));
    vec![
        finding.fingerprint(),
        about(finding).map_or_else(|| "-".to_owned(), Id::to_string),
        what.join(" \u{b7} "),
    ]
}

/// How much of a ledger a pack has.
fn at_hand(report: &Report) -> String {
    let here = report.size.saturating_sub(report.elsewhere);
    format!("{here} of {} entries", report.size)
}

fn last_line(report: &Report, conclusion: Conclusion, layout: &Layout<'_>, text: &mut String) {
    let failing: u64 = report.verdicts.iter().map(|line| line.failing).sum();
    let code = Exit::from(conclusion).code();
    let entries = match report.elsewhere {
        0 => counted(report.size, "entry"),
        _ => at_hand(report),
    };
    let word = layout.paint(conclusion.word(), 0);
    let findings = counted(failing, "finding");
    let why = if conclusion == Conclusion::Passed {
        format!("{entries}, {findings}")
    } else if report.interrupted {
        format!("interrupted after {entries}")
    } else if failing > 0 {
        let failing = report.verdicts.iter().filter(|line| line.failing > 0);
        let verdicts: Vec<_> = failing.map(|line| line.verdict.word()).collect();
        format!("{findings} in {}", verdicts.join(", "))
    } else if report.is_empty() {
        "there was nothing to verify".to_owned()
    } else {
        "not everything that was asked for could be checked".to_owned()
    };
    text.push_str(&format!("{word}  {why} (exit {code})\n"));
}
