//! A verification's report for people: verdicts first, then findings, then what was not checked, then
//! one word.

use crate::pack::PackPart;
use crate::rule::{Finding, Rule};
use crate::text::Id;
use crate::time::Timestamp;
use crate::verify::{Conclusion, Report, VerdictLine};

use super::exit::Exit;
use super::hint::Hint as _;
use super::layout::{about, counted};

/// Findings of one rule that are listed one by one; the rest is counted.
const LISTED: usize = 20;

/// The report as text. `paint` pads a verdict's word and may colour it.
pub(crate) fn render(
    report: &Report,
    conclusion: Conclusion,
    paint: &dyn Fn(&str, usize) -> String,
) -> String {
    let mut text = String::new();
    heading(report, &mut text);
    for line in &report.verdicts {
        verdict(line, paint, &mut text);
    }
    findings(report, &mut text);
    if report.outside > 0 {
        let findings = counted(report.outside, "finding");
        text.push_str(&format!(
            "elsewhere: {findings} outside what was asked for\n"
        ));
    }
    for note in &report.notes {
        text.push_str(&format!("note: {note}\n"));
    }
    if report.not_checked.is_empty() {
        text.push_str("not checked: nothing\n");
    } else {
        text.push_str("not checked\n");
        for item in &report.not_checked {
            text.push_str(&format!("  \u{b7} {item}\n"));
        }
    }
    last_line(report, conclusion, paint, &mut text);
    text
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

fn verdict(line: &VerdictLine, paint: &dyn Fn(&str, usize) -> String, text: &mut String) {
    let mut facts: Vec<String> = line
        .counts
        .iter()
        .map(|count| format!("{}/{} {}", count.good, count.total, count.what))
        .collect();
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
    let word = paint(line.status.word(), 11);
    let (verdict, facts) = (line.verdict.word(), facts.join(" \u{b7} "));
    let row = format!("  {verdict:12}  {word}  {facts}");
    text.push_str(&format!("{}\n", row.trim_end()));
}

/// Grouped by rule in the order in which the verdicts are printed; in a group by sequence.
fn findings(report: &Report, text: &mut String) {
    text.push('\n');
    if report.findings.is_empty() {
        return;
    }
    let mut groups: Vec<(&Rule, Vec<&Finding>)> = Vec::new();
    for finding in &report.findings {
        let rule = finding.rule;
        match groups.iter_mut().find(|(of, _)| of.id == rule.id) {
            Some((_, group)) => group.push(finding),
            None => groups.push((rule, vec![finding])),
        }
    }
    for (rule, group) in &groups {
        text.push_str(&format!("  {}  {}\n", rule.id, rule.title));
        for finding in group.iter().take(LISTED) {
            one(finding, text);
        }
        if group.len() > LISTED {
            let more = group.len() - LISTED;
            text.push_str(&format!("        and {more} more; --json lists them\n"));
        }
        let next = rule.hint().unwrap_or_default();
        text.push_str(&format!("        next      {next}\n"));
    }
    let unlisted = report
        .findings_total
        .saturating_sub(report.findings.len() as u64);
    if unlisted > 0 {
        text.push_str(&format!("  and {unlisted} more findings\n"));
    }
    text.push('\n');
}

fn one(finding: &Finding, text: &mut String) {
    let id = |id: &Option<Id>| id.as_ref().map(Id::to_string);
    let names = [
        (
            "entry",
            finding.sequence.map(|sequence| sequence.to_string()),
        ),
        ("rotation", id(&finding.rotation)),
        ("secret", id(&finding.secret)),
    ];
    let about = match about(&names) {
        nothing if nothing.is_empty() => "the ledger".to_owned(),
        about => about,
    };
    // What can be accepted is named as it is accepted.
    match finding.rule.is_acceptable() {
        true => text.push_str(&format!("        {about}   {}\n", finding.fingerprint())),
        false => text.push_str(&format!("        {about}\n")),
    }
    if !finding.is_open() {
        text.push_str(&format!("        {}\n", finding.status));
    }
    text.push_str(&format!("        expected  {}\n", finding.expected));
    text.push_str(&format!("        found     {}\n", finding.found));
    for correction in &finding.corrections {
        text.push_str(&format!("        {correction}\n"));
    }
    for note in &finding.evidence {
        text.push_str("        evidence\n");
        for line in note.lines() {
            text.push_str(&format!("          {line}\n"));
        }
    }
}

/// How much of a ledger a pack has.
fn at_hand(report: &Report) -> String {
    let here = report.size.saturating_sub(report.elsewhere);
    format!("{here} of {} entries", report.size)
}

fn last_line(
    report: &Report,
    conclusion: Conclusion,
    paint: &dyn Fn(&str, usize) -> String,
    text: &mut String,
) {
    let failing: u64 = report.verdicts.iter().map(|line| line.failing).sum();
    let code = Exit::from(conclusion).code();
    let entries = match report.elsewhere {
        0 => counted(report.size, "entry"),
        _ => at_hand(report),
    };
    let (word, findings) = (paint(conclusion.word(), 0), counted(failing, "finding"));
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
