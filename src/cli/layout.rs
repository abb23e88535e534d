//! How results are laid out for people.

use std::fmt::Display;

/// The cells of a row, out of whatever can be shown.
macro_rules! row {
    ($($cell:expr),* $(,)?) => { [$($cell.to_string()),*] };
}
pub(crate) use row;

/// What there is, or a dash.
pub(crate) fn dash(said: Option<impl Display>) -> String {
    said.map_or_else(|| "-".to_owned(), |said| said.to_string())
}

/// Rows under a heading.
pub(crate) fn table<const N: usize>(
    heading: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let rows: Vec<_> = [heading.map(str::to_owned)]
        .into_iter()
        .chain(rows)
        .collect();
    columns(&rows).join("\n") + "\n"
}

/// Rows with their columns two spaces apart, the last one ragged.
pub(crate) fn columns(rows: &[impl AsRef<[String]>]) -> Vec<String> {
    let rows: Vec<&[String]> = rows.iter().map(AsRef::as_ref).collect();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        let wide = cells.map(|cell| shown(cell).count());
        wide.max().unwrap_or_default()
    };
    let many = rows.iter().map(|row| row.len()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..many).map(width).collect();
    let line = |row: &&[String]| {
        let padded = row.iter().zip(&widths).map(|(cell, width)| {
            let blanks = width.saturating_sub(shown(cell).count());
            format!("{cell}{}", " ".repeat(blanks))
        });
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// The letters of a text that are seen on a screen: what only colours it is not.
fn shown(text: &str) -> impl Iterator<Item = char> {
    let mut colours = false;
    text.chars().filter(move |&letter| {
        let hidden = colours || letter == '\u{1b}';
        colours = hidden && letter != 'm';
        !hidden
    })
}

/// The same text in lines no wider than a screen, where words allow it. What is carried over hangs below the
/// last column of its line.
pub(crate) fn wrapped(text: &str, screen: Option<usize>) -> String {
    let Some(screen) = screen else {
        return text.to_owned();
    };
    let mut all = String::new();
    for line in text.lines() {
        let hang = hang(line, screen);
        let (mut out, mut taken) = (String::new(), 0);
        for (place, word) in line.split(' ').enumerate() {
            let wide = shown(word).count();
            if wide > 0 && taken > hang && taken + 1 + wide > screen {
                all.push_str(out.trim_end());
                all.push('\n');
                (out, taken) = (" ".repeat(hang), hang);
            } else if place > 0 {
                out.push(' ');
                taken += 1;
            }
            out.push_str(word);
            taken += wide;
        }
        all.push_str(out.trim_end());
        all.push('\n');
    }
    all
}

/// Where the last column of a line begins, if that leaves room; else a little further in than the line.
fn hang(line: &str, screen: usize) -> usize {
    let begins = line.len() - line.trim_start().len();
    let (mut hang, mut blanks) = (begins + 2, 0);
    for (column, letter) in shown(line).enumerate() {
        if letter != ' ' && blanks > 1 && (begins + 1..=screen / 2).contains(&column) {
            hang = column;
        }
        blanks = if letter == ' ' { blanks + 1 } else { 0 };
    }
    hang
}

/// A number with what it counts, one or more.
pub(crate) fn counted(number: u64, what: &str) -> String {
    match (number, what.strip_suffix('y')) {
        (1, _) => format!("1 {what}"),
        (_, Some(stem)) => format!("{number} {stem}ies"),
        (_, None) => format!("{number} {what}s"),
    }
}

/// A word as a shell reads it, whatever is in it.
pub(crate) fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// A word of a command line to be pasted: as it is, where a shell reads it so.
pub(crate) fn word(word: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "_-./:".contains(letter);
    match word.chars().all(is_plain) {
        true => word.to_owned(),
        false => quoted(word),
    }
}

/// What something is about: each name there is, with the word before it.
pub(crate) fn about(names: &[(&str, Option<String>)]) -> String {
    let named = |(word, name): &(&str, Option<String>)| Some(format!("{word} {}", name.as_ref()?));
    let all: Vec<String> = names.iter().filter_map(named).collect();
    all.join("   ")
}

/// An instant in seconds since 1970, as it is shown everywhere.
pub(crate) fn seconds(time: u64) -> String {
    crate::time::Timestamp::from_unix_seconds(time).to_seconds()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_lines_end_without_blanks() {
        let rows = vec![row!["db/orders", 12], row!["é", ""]];
        assert_eq!(
            table(["secret", "days"], rows),
            "secret     days\ndb/orders  12\né\n"
        );
    }

    #[test]
    fn lines_are_broken_at_words_below_their_last_column() {
        let text = "  integrity     PASS         5/5 entries and more that is said\nshort\n";
        let hung = format!("{:29}said", "");
        let broken = text.replace(" said", &format!("\n{hung}"));
        assert_eq!(wrapped(text, Some(60)), broken);
        assert_eq!(wrapped(text, None), text);
        let unbroken = "0123456789".repeat(9);
        assert_eq!(wrapped(&unbroken, Some(20)), format!("{unbroken}\n"));
        let coloured = "  \u{1b}[1mword\u{1b}[0m  one two";
        assert_eq!(wrapped(coloured, Some(17)), format!("{coloured}\n"));
    }

    #[test]
    fn one_and_more_are_told_apart() {
        assert_eq!(counted(1, "entry"), "1 entry");
        assert_eq!(counted(0, "entry"), "0 entries");
        assert_eq!(counted(2, "finding"), "2 findings");
    }
}
