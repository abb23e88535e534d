//! How results are laid out for people.

/// Rows under a heading, columns two spaces apart, the last one ragged.
pub(crate) fn table(heading: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = heading.iter().map(|word| word.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let heading: Vec<String> = heading.iter().map(|&word| word.to_owned()).collect();
    let mut text = String::new();
    for row in std::iter::once(&heading).chain(rows) {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(&format!("{cell:width$}  "));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
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
        let rows = vec![
            vec!["db/orders".to_owned(), "12".to_owned()],
            vec!["é".to_owned(), String::new()],
        ];
        assert_eq!(
            table(&["secret", "days"], &rows),
            "secret     days\ndb/orders  12\né\n"
        );
    }

    #[test]
    fn one_and_more_are_told_apart() {
        assert_eq!(counted(1, "entry"), "1 entry");
        assert_eq!(counted(0, "entry"), "0 entries");
        assert_eq!(counted(2, "finding"), "2 findings");
    }
}
