//! The JSON Schemas of `docs/schema`, and documents held against them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use jsonschema::{Registry, Validator};
use serde_json::Value;

/// What other schemas refer to; no document is of it.
pub const PARTS: &str = "parts";

/// A schema as it is written, and what holds documents against it.
pub struct Schema {
    pub text: Value,
    validator: Validator,
}

/// All schemas, by the name of their documents.
pub static SCHEMAS: LazyLock<BTreeMap<String, Schema>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schema");
    let read = |file: std::fs::DirEntry| {
        let text: Value = serde_json::from_slice(&std::fs::read(file.path()).unwrap()).unwrap();
        let name = file.file_name().into_string().unwrap();
        (name.strip_suffix(".json").unwrap().to_owned(), text)
    };
    let files = std::fs::read_dir(folder).unwrap();
    let texts: BTreeMap<String, Value> = files.map(|file| read(file.unwrap())).collect();
    let registry = Registry::new()
        .add("json-schema:///parts.json", texts[PARTS].clone())
        .unwrap()
        .prepare()
        .unwrap();
    let built = texts.into_iter().filter(|(name, _)| name != PARTS);
    let built = built.map(|(name, text)| {
        let options = jsonschema::options().with_registry(&registry);
        let validator = options.build(&text);
        let validator = validator.unwrap_or_else(|fault| panic!("{name}: {fault}"));
        (name, Schema { text, validator })
    });
    built.collect()
});

/// What a document is called: `status` of `rotation-ledger/status/1`, and `error` of one that only says why
/// there is none.
pub fn name(document: &Value) -> &str {
    let named = document["schema"].as_str().unwrap_or_default();
    match named.split('/').nth(1).unwrap_or_default() {
        name if document.get("error").is_none() || document.get("spooled").is_some() => name,
        _ => "error",
    }
}

/// Why a document does not follow a schema.
pub fn fault(name: &str, document: &Value) -> Option<String> {
    let Some(schema) = SCHEMAS.get(name) else {
        return Some("there is no schema of it".to_owned());
    };
    let mut faults = schema.validator.iter_errors(document);
    faults
        .next()
        .map(|fault| format!("{}: {fault}", fault.instance_path()))
}

/// Insists that a document follows its schema.
pub fn hold(document: &Value) {
    assert_eq!(fault(name(document), document), None, "{document}");
}

/// The same for each document of ours in what was printed; of very many for the first.
pub fn hold_printed(printed: &[u8]) {
    let lines = printed.split(|byte| *byte == b'\n');
    for line in lines
        .filter(|line| line.starts_with(b"{\"schema\":\"rotation-ledger/"))
        .take(50)
    {
        // What was cut off is no document.
        if let Ok(document) = serde_json::from_slice(line) {
            hold(&document);
        }
    }
}
