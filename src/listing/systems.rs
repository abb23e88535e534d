//! What secret stores print of their secrets: names, times and marks. What an inventory needs and no store knows comes
//! from tags, labels, annotations or custom metadata called `rotation-ledger/FIELD`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::text::Line;
use crate::time::Timestamp;

use super::listed::{Fields, Listing};
use super::table::unread;

const MARK: &str = "rotation-ledger/";

/// What a store says of a secret, by the inventory's fields.
#[derive(Default)]
struct Marks(Vec<(String, Value)>);

impl Marks {
    fn say(&mut self, field: &str, value: impl Into<Value>) {
        self.0.push((field.to_owned(), value.into()));
    }

    /// Takes a tag, where it is one of ours.
    fn mark(&mut self, key: &str, value: impl Into<Value>) {
        if let Some(field) = key.strip_prefix(MARK) {
            self.say(&field.replace('-', "_"), value);
        }
    }

    fn fields(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(field, value)| (field.as_str(), value))
    }
}

/// `aws secretsmanager list-secrets`. Neither its schedule nor `LastChangedDate` is taken: the one is no limit, and the
/// other moves with every tag.
pub(super) fn aws(listing: &mut Listing, list: &Value) {
    let secrets = list["SecretList"].as_array();
    for (place, secret) in (1..).zip(secrets.into_iter().flatten()) {
        if !secret["DeletedDate"].is_null() {
            listing.skip("to be deleted");
            continue;
        }
        let mut said = Marks::default();
        said.say("store", secret["ARN"].clone());
        let description = secret["Description"].as_str();
        said.say("name", description.filter(|text| Line::new(text).is_ok()));
        said.say("last_rotated", instant(&secret["LastRotatedDate"]));
        let versions = secret["SecretVersionsToStages"].as_object();
        let is_current = |(_, stages): &(_, &Value)| {
            let stages = stages.as_array();
            stages.is_some_and(|all| all.contains(&"AWSCURRENT".into()))
        };
        let current = versions.into_iter().flatten().find(is_current);
        said.say("version", current.map(|(version, _)| version.as_str()));
        for tag in secret["Tags"].as_array().into_iter().flatten() {
            let key = tag["Key"].as_str().unwrap_or_default();
            said.mark(key, tag["Value"].clone());
        }
        let name = secret["Name"].as_str().unwrap_or_default();
        listing.take(format!("item {place}"), name, said.fields());
    }
}

/// A time as stores print it: with an offset, or in seconds.
fn instant(value: &Value) -> Option<String> {
    let time = match value {
        Value::String(text) => Timestamp::with_offset(text).ok()?,
        value => Timestamp::from_unix_seconds(value.as_f64()? as u64),
    };
    Some(time.to_seconds())
}

/// `vault list -format=json`, or an object with what `vault kv metadata get -format=json` prints of each name.
pub(super) fn vault(listing: &mut Listing, list: &Value) {
    let none = Value::Null;
    let named = list.as_array().into_iter().flatten();
    let named = named.map(|name| (name.as_str().unwrap_or_default(), &none));
    let described = list.as_object().into_iter().flatten();
    let described = described.map(|(name, answer)| (name.as_str(), &answer["data"]));
    for (place, (name, metadata)) in (1..).zip(named.chain(described)) {
        if name.ends_with('/') {
            listing.skip("folders, to be listed by themselves");
            continue;
        }
        let mut said = Marks::default();
        let version = metadata["current_version"].as_u64();
        let version = version.map(|number| number.to_string());
        let versions = &metadata["versions"];
        let created = version
            .as_ref()
            .map(|number| &versions[number]["created_time"]);
        said.say("last_rotated", created.and_then(instant));
        said.say("version", version);
        let marks = metadata["custom_metadata"].as_object();
        for (key, value) in marks.into_iter().flatten() {
            said.mark(key, value.clone());
        }
        let usual = listing.take(format!("item {place}"), name, said.fields());
        stored(usual, "vault:");
    }
}

/// Where it lies, as far as the list tells.
fn stored(usual: &mut Fields, scheme: &str) {
    let name = usual.get("name").and_then(Value::as_str);
    let name = name.unwrap_or_default();
    usual.insert("store".to_owned(), Value::from(format!("{scheme}{name}")));
}

#[derive(Deserialize)]
struct KubernetesList {
    items: Vec<KubernetesSecret>,
}

/// Without `data` and `stringData`: they are passed over unread.
#[derive(Deserialize)]
struct KubernetesSecret {
    metadata: KubernetesMetadata,
    r#type: Option<String>,
}

#[derive(Deserialize)]
struct KubernetesMetadata {
    name: String,
    namespace: String,
    labels: Option<BTreeMap<String, Value>>,
    annotations: Option<BTreeMap<String, Value>>,
}

/// `kubectl get secrets -A -o json`. When a value was made is not in it: a secret that is changed keeps its birthday.
pub(super) fn kubernetes(listing: &mut Listing, bytes: &[u8]) -> Result<(), String> {
    let list: KubernetesList = serde_json::from_slice(bytes).map_err(|fault| unread(&fault))?;
    for (place, secret) in (1..).zip(list.items) {
        match secret.r#type.as_deref() {
            Some("kubernetes.io/service-account-token") => {
                listing.skip("tokens of service accounts")
            }
            Some("bootstrap.kubernetes.io/token") => listing.skip("tokens of joining nodes"),
            Some("helm.sh/release.v1") => listing.skip("releases of Helm"),
            _ => {
                let of = secret.metadata;
                let mut said = Marks::default();
                for (key, value) in of.labels.into_iter().chain(of.annotations).flatten() {
                    said.mark(&key, value);
                }
                let name = format!("{}/{}", of.namespace, of.name);
                let usual = listing.take(format!("item {place}"), &name, said.fields());
                stored(usual, "k8s:");
            }
        }
    }
    Ok(())
}
