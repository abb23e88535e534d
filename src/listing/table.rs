//! Lists that have an event's own fields: CSV with a heading, or JSON.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::event::EventSpec;

use super::listed::Listing;

/// Names under which others keep what must never come in here.
const VALUES: &str =
    "value secret_value secret_string password passwd passphrase plaintext token private_key data";

/// The field that a column or member is.
fn field(spec: &EventSpec, heading: &str) -> Result<&'static str, String> {
    let name = heading.trim().to_lowercase().replace(['-', ' '], "_");
    if VALUES.split(' ').any(|kept| kept == name) {
        return Err(format!(
            "`{name}` would hold values of secrets: none is taken, and none should lie in a list; take it out"
        ));
    }
    spec.field(&name).map(|field| field.name).ok_or_else(|| {
        let known: Vec<_> = spec.fields.iter().map(|field| field.name).collect();
        let (name, known) = (name.chars().take(64).collect::<String>(), known.join(", "));
        format!("`{name}` is not known here; these are: {known}")
    })
}

pub(super) fn csv(listing: &mut Listing, bytes: &[u8]) -> Result<(), String> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let heading = lines.next().unwrap_or_default();
    // As spreadsheets write it where the comma is in numbers.
    let delimiter = match heading.contains(&b';') && !heading.contains(&b',') {
        true => b';',
        false => b',',
    };
    let mut reader = csv::ReaderBuilder::new();
    let mut reader = reader.delimiter(delimiter).from_reader(bytes);
    let heading = reader.headers().map_err(|fault| fault.to_string())?;
    let columns = heading.iter().map(|name| field(listing.spec, name));
    let columns: Result<Vec<_>, _> = columns.collect();
    let columns = columns.map_err(|fault| format!("line 1: {fault}"))?;
    if !columns.contains(&"secret") {
        return Err("line 1: no column is called `secret`".to_owned());
    }
    for record in reader.records() {
        let record = record.map_err(|fault| fault.to_string())?;
        let line = record.position().map_or(0, csv::Position::line);
        let cells = columns.iter().copied().zip(record.iter().map(Value::from));
        if record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        row(listing, format!("line {line}"), cells.collect());
    }
    Ok(())
}

pub(super) fn json(listing: &mut Listing, list: &Value) {
    let objects = list.as_array().into_iter().flatten();
    for (place, object) in (1..).zip(objects.filter_map(Value::as_object)) {
        let (place, spec) = (format!("item {place}"), listing.spec);
        let named = object.iter();
        let named = named.map(|(name, value)| Ok((field(spec, name)?, value.clone())));
        match named.collect() {
            Ok(fields) => row(listing, place, fields),
            Err::<_, String>(fault) => listing.faults.push(format!("{place}: {fault}")),
        }
    }
}

/// Why a text is not the JSON that it should be. The parser's own words may echo what it found.
pub(super) fn unread(fault: &serde_json::Error) -> String {
    let (line, column) = (fault.line(), fault.column());
    format!("line {line}, column {column}: not the JSON that it should be")
}

fn row(listing: &mut Listing, place: String, mut fields: BTreeMap<&'static str, Value>) {
    // Another environment is not in the SOP's scope, and no fault of a list of everything.
    let environment = fields.remove("environment").unwrap_or_default();
    if !matches!(environment.as_str(), None | Some("" | "prod")) {
        return listing.skip("outside of prod");
    }
    let name = fields.remove("secret").unwrap_or_default();
    let name = name.as_str().unwrap_or_default().trim();
    let fields = fields.iter().map(|(name, value)| (*name, value));
    listing.take(place, name, fields);
}
