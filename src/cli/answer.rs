//! What a command answers: the same facts as text for people and as one document for programs. It is
//! printed in one place, [`Ui::answer`](super::ui::Ui::answer).

use serde::Serialize;
use serde_json::{Value, json};

use super::exit::{CommandError, Exit};
use super::layout::table;

/// What a command comes to.
pub(crate) type CommandResult = Result<Answer, CommandError>;

/// What a command answers.
#[derive(Debug)]
pub(crate) struct Answer {
    /// How to end.
    pub(crate) exit: Exit,
    /// The result for programs; where there is none they get the text.
    pub(crate) document: Option<Value>,
    /// The result for people.
    pub(crate) text: String,
    /// Whether it has a table: then its lines are broken at words where a screen is narrow.
    pub(crate) has_table: bool,
    /// What is said about it on stderr, in this order.
    pub(crate) talk: Vec<Talk>,
}

/// A line about a result.
#[derive(Debug)]
pub(crate) enum Talk {
    /// For people, who need not read it.
    Say(String),
    /// For people, also when it is to be quiet.
    Tell(String),
    /// For people and for whoever runs a program; nobody has to read it.
    Note(String),
    /// For people and for whoever runs a program.
    Warn(String),
}

impl Answer {
    /// An answer with its document for programs, and no text yet.
    pub(crate) fn new(document: Value) -> Self {
        Self {
            document: Some(document),
            ..Self::plain(String::new())
        }
    }

    /// A text that is the same for people and programs.
    pub(crate) const fn plain(text: String) -> Self {
        Self {
            exit: Exit::Passed,
            document: None,
            text,
            has_table: false,
            talk: Vec::new(),
        }
    }

    /// Ends otherwise than with 0.
    pub(crate) fn exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    /// The same, and says so in its document.
    pub(crate) fn ending(mut self, exit: Exit) -> Self {
        self.add("exit_code", exit.code());
        self.exit(exit)
    }

    /// Adds a member to the document.
    pub(crate) fn add(&mut self, name: &str, value: impl Serialize) {
        if let Some(document) = &mut self.document {
            document[name] = json!(value);
        }
    }

    /// Adds to the text.
    pub(crate) fn text(mut self, text: impl AsRef<str>) -> Self {
        self.text.push_str(text.as_ref());
        self
    }

    /// Adds a line to the text.
    pub(crate) fn line(self, text: impl AsRef<str>) -> Self {
        self.text(text).text("\n")
    }

    /// Adds lines to the text.
    pub(crate) fn lines(self, lines: impl IntoIterator<Item = String>) -> Self {
        lines.into_iter().fold(self, Self::line)
    }

    /// Adds rows under a heading to the text.
    pub(crate) fn table<const N: usize>(
        mut self,
        heading: [&str; N],
        rows: impl IntoIterator<Item = [String; N]>,
    ) -> Self {
        self.has_table = true;
        self.text(table(heading, rows))
    }

    /// Adds rows under a heading to the text, or says in a line that there is `nothing`.
    pub(crate) fn table_or<const N: usize>(
        self,
        nothing: &str,
        heading: [&str; N],
        rows: impl IntoIterator<Item = [String; N]>,
    ) -> Self {
        let mut rows = rows.into_iter().peekable();
        match rows.peek() {
            None => self.line(nothing),
            Some(_) => self.table(heading, rows),
        }
    }

    /// Says something about it, to people.
    pub(crate) fn say(mut self, text: impl Into<String>) -> Self {
        self.talk.push(Talk::Say(text.into()));
        self
    }

    /// Says something about it, to people, also when it is to be quiet.
    pub(crate) fn tell(mut self, text: impl Into<String>) -> Self {
        self.talk.push(Talk::Tell(text.into()));
        self
    }

    /// Warns of something, people and whoever runs a program.
    pub(crate) fn warn(mut self, text: impl Into<String>) -> Self {
        self.talk.push(Talk::Warn(text.into()));
        self
    }

    /// Says something about it, to people and to whoever runs a program.
    pub(crate) fn note(mut self, text: impl Into<String>) -> Self {
        self.talk.push(Talk::Note(text.into()));
        self
    }
}

/// The items of a list in a document.
pub(crate) fn items(list: &Value) -> impl Iterator<Item = &Value> + Clone {
    list.as_array().into_iter().flatten()
}

/// A text in a document.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Everything is said already.
impl From<Exit> for Answer {
    fn from(exit: Exit) -> Self {
        Self::plain(String::new()).exit(exit)
    }
}
