//! A copy of a text without what was found in it, for evidence that cannot be had otherwise.
//!
//! A find has a beginning and rarely an end: a key's body stands on lines of its own, and a value may go on
//! behind what gave it away. So whole lines are taken out: from the one where the find begins, as far as it
//! takes for these lines alone to give the same find, and over what looks like the rest of it. Then the copy is
//! looked through again, until nothing is found. Nothing of what was taken out is kept, nor its digest, which
//! could be tried against guesses.

use super::kind::{SecretHit, SecretKind};

/// How the line begins that stands for a find; the kind follows, and a bracket.
pub const REDACTED: &str = "[redacted: ";

/// More places than this are no slip of a tool.
const MOST: usize = 100;
/// Lines within which a find must be whole.
const SPAN: usize = 128;

/// The copy; none where no end of a find is known.
pub(super) fn without(text: &[u8], find: impl Fn(&[u8]) -> Option<SecretHit>) -> Option<Vec<u8>> {
    let mut copy = text.to_vec();
    for _ in 0..MOST {
        let Some(hit) = find(&copy) else {
            return Some(copy);
        };
        let (from, to) = lines_of(&copy, hit, &find)?;
        let line = format!("{REDACTED}{}]\n", hit.kind.word()).into_bytes();
        if copy.get(from..to) == Some(&line[..]) {
            return None;
        }
        copy.splice(from..to, line);
    }
    None
}

/// The lines that a find takes, from the beginning of its first.
fn lines_of(
    text: &[u8],
    hit: SecretHit,
    find: &impl Fn(&[u8]) -> Option<SecretHit>,
) -> Option<(usize, usize)> {
    let before = text.get(..hit.at)?;
    let from = before.iter().rposition(|&byte| byte == b'\n');
    let from = from.map_or(0, |at| at + 1);
    let rest = text.get(from..)?;
    let lines = rest.split_inclusive(|&byte| byte == b'\n');
    let mut ends = lines.scan(0, |end, line| {
        *end += line.len();
        Some((*end, line))
    });
    let is_whole = |end: usize| {
        let again = rest.get(..end).and_then(find);
        again.is_some_and(|again| again.kind == hit.kind && from + again.at == hit.at)
    };
    let whole = ends.clone().take(SPAN).find(|(end, _)| is_whole(*end));
    let whole = match (whole, hit.kind) {
        (Some((end, _)), _) => end,
        // What was compared goes on somewhere, and nothing says where.
        (None, SecretKind::KnownValue) => return None,
        // What gives it away stands before its line.
        (None, _) => ends.clone().next()?.0,
    };
    if hit.kind == SecretKind::PrivateKey && hit.via.is_none() {
        let marks: [&[u8]; 2] = [b"-----END ", b"---- END "];
        let is_end = |line: &[u8]| line.windows(9).any(|bytes| marks.contains(&bytes));
        let end = ends.find(|(end, line)| *end >= whole && is_end(line));
        return Some((from, end.map_or(text.len(), |(end, _)| from + end)));
    }
    let follows = ends.skip_while(|(end, _)| *end <= whole);
    let rest = follows.take_while(|(_, line)| is_rest(line)).last();
    Some((from, from + rest.map_or(whole, |(end, _)| end)))
}

/// Whether a line is one run of digits and letters, as base64 is broken, and no plain word.
fn is_rest(line: &[u8]) -> bool {
    let run = line.trim_ascii();
    let has = |class: fn(&u8) -> bool| run.iter().any(class);
    let is_mixed = has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase);
    run.len() >= 4
        && run
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+/=_-%\\\"',".contains(byte))
        && (is_mixed || has(u8::is_ascii_digit) || run.ends_with(b"="))
}
