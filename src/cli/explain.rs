//! `ledger explain`: what a rule asks, what a finding by it is about, and how it is mended.

use serde_json::{Value, json};

use crate::event::VOCABULARY;
use crate::rule::{self, Finding, RULES, Rule, Verdict};

use super::answer::{Answer, CommandResult};
use super::context::Context;
use super::exit::CommandError;
use super::hint::Hint as _;
use super::layout::{about, row, wrapped};
use super::report;
use super::verify::{self, Asked};

/// Explain a rule, or a finding of ledger verify and how it is mended
///
/// A rule needs no ledger. With a finding's fingerprint the ledger is verified, and what was expected and
/// what was found is shown; with a rule and a PATH, each finding by that rule.
///
///   ledger explain S-50
///   ledger explain S-13@41 --ledger prod
///   ledger explain S-13@41 r-41.zip --trust auditors.trust
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct ExplainArgs {
    /// A rule's id, or a finding's fingerprint RULE@ENTRY [default: all rules]
    #[arg(value_name = "RULE|FINGERPRINT")]
    named: Option<String>,
    #[command(flatten)]
    asked: Asked,
}

pub(crate) fn run(context: &mut Context, args: &ExplainArgs) -> CommandResult {
    context.ui.thing = "explain";
    let Some(named) = &args.named else {
        return Ok(all());
    };
    let named = named.to_ascii_uppercase();
    let (id, entry) = match named.split_once('@') {
        Some((id, entry)) => (id, Some(entry)),
        None => (named.as_str(), None),
    };
    let rule = rule::rule(id).ok_or_else(|| {
        let id: String = id.chars().take(16).collect();
        CommandError::usage(format!("there is no rule `{id}`"))
            .code("no-rule")
            .hint("ledger explain lists them all")
    })?;
    let mut findings = None;
    if entry.is_some() || args.asked.path.is_some() {
        let report = verify::whole(context, &args.asked)?;
        let mut found = report.findings;
        found.retain(|one| match entry {
            Some(_) => one.fingerprint() == named,
            None => one.rule == rule,
        });
        if found.is_empty() {
            let message = format!("nothing is held against the ledger as `{named}`");
            return Err(CommandError::not_verified(message)
                .code("no-finding")
                .hint("ledger verify lists what is; name the same --as-of, --anchor and --trust"));
        }
        findings = Some(found);
    }
    let told = |found: &Vec<Finding>| -> Value { found.iter().map(Finding::to_json).collect() };
    let told = findings.as_ref().map(told);
    let mut answer = Answer::new(json!({ "rules": [rule_json(rule)], "findings": told }));
    let columns = context.ui.columns(false);
    for finding in findings.iter().flatten() {
        let text = wrapped(&in_words(finding), columns);
        answer = answer.text(text).text(report::evidence(finding)).line("");
    }
    let first = findings.iter().flatten().next();
    Ok(answer.text(wrapped(&what_is_asked(rule, first), columns)))
}

/// Every rule, a line each.
fn all() -> Answer {
    let documents: Vec<_> = RULES.iter().map(|rule| rule_json(rule)).collect();
    let row = |rule: &&Rule| row![rule.id, rule.verdict.word(), rule.sop, rule.title];
    Answer::new(json!({ "rules": documents, "findings": null })).table(
        ["RULE", "VERDICT", "SOP", "WHAT IS WRONG"],
        RULES.iter().map(row),
    )
}

/// One finding, with what is not said in its line of a report.
fn in_words(finding: &Finding) -> String {
    let (rotation, secret) = (finding.rotation.as_ref(), finding.secret.as_ref());
    let names = [
        ("entry", finding.sequence.map(|at| at.to_string())),
        ("rotation", rotation.map(ToString::to_string)),
        ("secret", secret.map(ToString::to_string)),
    ];
    let about = match about(&names) {
        nothing if nothing.is_empty() => "the ledger".to_owned(),
        about => about,
    };
    let (name, status) = (finding.fingerprint(), &finding.status);
    let (expected, found) = (&finding.expected, &finding.found);
    let mut text = format!(
        "{name}  {about}\n  status    {status}\n  expected  {expected}\n  found     {found}\n"
    );
    for correction in &finding.corrections {
        text.push_str(&format!("  since     {correction}\n"));
    }
    text
}

/// What a rule asks, in the SOP's words where it is the SOP that asks, and what can be done about a finding by it.
fn what_is_asked(rule: &Rule, finding: Option<&Finding>) -> String {
    let (verdict, question) = (rule.verdict.word(), rule.verdict.question());
    let mut lines = vec![
        format!("{}  {}", rule.id, rule.title),
        format!("  verdict   {verdict}: {question}"),
    ];
    if rule.sop != "-" {
        lines.push(format!("  SOP       {}", rule.sop));
    }
    let serving = VOCABULARY.iter().filter(|spec| spec.sop == rule.sop);
    let mut quotes: Vec<_> = serving.map(|spec| spec.quote).collect();
    quotes.sort_unstable();
    quotes.dedup();
    let few = quotes.len() <= 3;
    // Where many events serve one step, none of their words is the rule's.
    quotes.retain(|_| few);
    let quoted = |quote: &&str| format!("            \u{201c}{quote}\u{201d}");
    lines.extend(quotes.iter().map(quoted));
    lines.extend(rule.hint().map(|hint| format!("  next      {hint}")));
    let entry = finding.and_then(|finding| finding.sequence);
    let entry = entry.map_or_else(|| "ENTRY".to_owned(), |entry| entry.to_string());
    let id = rule.id;
    lines.push(format!("  still     {}", what_is_left(rule)));
    let mut may = |done: &str| lines.push(format!("  or        {done}"));
    if rule.verdict.is_of_rotations() {
        let correct = format!("ledger append entry.corrected --entry {entry}");
        may(&format!("{correct}: it says something wrong"));
        may("ledger append exception.granted: it is covered for a time");
    }
    if rule.is_acceptable() {
        let accept = format!("ledger accept {id}@{entry} --reason WHY");
        may(&format!("{accept}: nobody can mend it any more"));
    } else if rule.verdict.is_of_rotations() {
        lines.push("  but       nobody can accept it for good".to_owned());
    }
    lines.join("\n") + "\n"
}

/// Whether anything takes a finding away.
fn what_is_left(rule: &Rule) -> &'static str {
    match rule.verdict {
        Verdict::Authority => "final: no entry takes it away, no exception or acceptance covers it",
        Verdict::Integrity | Verdict::Anchoring => {
            "no entry takes it away, no exception or acceptance covers it: only whole bytes from a copy do"
        }
        _ if rule.is_mended_late() => "recording what is missing mends it, however late",
        _ => "final: what was done stays done, and is waived or accepted",
    }
}

fn rule_json(rule: &Rule) -> Value {
    json!({
        "rule": rule.id,
        "verdict": rule.verdict.word(),
        "sop": rule.sop,
        "title": rule.title,
        "next": rule.hint,
        "mended_late": rule.is_mended_late(),
        "waivable": rule.verdict.is_of_rotations(),
        "acceptable": rule.is_acceptable(),
    })
}
