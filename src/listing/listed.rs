//! A row as a list tells it, and what cannot be taken of a list. No value is echoed: it may be a secret.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde_json::Value;

use crate::event::EventSpec;

/// Fields of an event by their names.
pub type Fields = BTreeMap<String, Value>;

/// Who printed a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListForm {
    /// A table with the event's fields as its columns.
    Csv,
    /// An array of objects with the event's fields.
    Json,
    /// AWS Secrets Manager.
    Aws,
    /// Vault or OpenBao.
    Vault,
    /// Kubernetes.
    Kubernetes,
}

impl FromStr for ListForm {
    type Err = &'static str;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Ok(match word {
            "csv" => Self::Csv,
            "json" => Self::Json,
            "aws" => Self::Aws,
            "vault" => Self::Vault,
            "kubernetes" => Self::Kubernetes,
            _ => return Err("needs one of: csv, json, aws, vault, kubernetes"),
        })
    }
}

/// What a list says of one thing.
#[derive(Debug)]
pub struct ListedRow {
    /// Where in the list.
    pub place: String,
    /// What it says.
    pub said: Fields,
    /// What stands for something new unless somebody says otherwise.
    pub usual: Fields,
}

/// What was read of a list.
#[derive(Debug)]
pub struct Listing {
    /// What it lists, in its order.
    pub rows: Vec<ListedRow>,
    /// What no ledger holds and was passed over, and how many of each.
    pub skipped: BTreeMap<&'static str, u64>,
    /// What cannot be taken, and where.
    pub faults: Vec<String>,
    pub(super) spec: &'static EventSpec,
    pub(super) prefix: String,
}

impl Listing {
    pub(super) fn skip(&mut self, what: &'static str) {
        *self.skipped.entry(what).or_default() += 1;
    }

    /// Takes a row whose secret has this name in the list. A word that is empty says nothing.
    pub(super) fn take<'w>(
        &mut self,
        place: String,
        name: &str,
        words: impl IntoIterator<Item = (&'w str, &'w Value)>,
    ) -> &mut Fields {
        let (mut said, mut usual) = (Fields::new(), Fields::new());
        let secret = Value::from(format!("{}{name}", self.prefix));
        let mut say = |field: &str, value: &Value| match parse(self.spec, field, value) {
            Ok(Some(value)) => drop(said.insert(field.to_owned(), value)),
            Ok(None) => {}
            Err(fault) => self.faults.push(format!("{place}: `{field}` {fault}")),
        };
        for (field, value) in words {
            say(field, value);
        }
        match name.is_empty() {
            true => self.faults.push(format!("{place}: it has no name")),
            false => say("secret", &secret),
        }
        usual.insert("name".to_owned(), secret);
        let last = self.rows.len();
        self.rows.push(ListedRow { place, said, usual });
        &mut self.rows[last].usual
    }
}

/// The value of a field as an event has it. Lists of ids are parted by commas, semicolons or blanks: an id has none of
/// them.
fn parse(spec: &EventSpec, name: &str, value: &Value) -> Result<Option<Value>, String> {
    let field = spec.field(name).ok_or("is not known here")?;
    let value = match value {
        Value::Null => return Ok(None),
        Value::String(word) if word.trim().is_empty() => return Ok(None),
        Value::String(words) if field.many => {
            let words = words.split([',', ';', ' ']);
            words.filter(|word| !word.is_empty()).collect()
        }
        Value::String(word) => field.kind.parse(word.trim())?,
        value => value.clone(),
    };
    field.check_form(&value)?;
    Ok(Some(value))
}
