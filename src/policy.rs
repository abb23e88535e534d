//! The numbers and switches that the SOP leaves to an organisation, with the SOP's own as default.

use bincode::{Decode, Encode};

use serde_json::{Value, json};

use crate::event::{FourEyes, PolicySet, SecretClass, Sequencing};
use crate::text::Reference;

/// The policy in force. A `policy.set` replaces all of it but the namespaces, which `namespaces.set` replaces;
/// before the first, the default holds.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Policy {
    /// How often it was set: 0 is the default.
    pub version: u32,
    /// The most days a secret may be in use (SOP 4: 90).
    pub max_age_days: u32,
    /// The same by class, in the order of the class's tags, where it differs.
    pub class_max_age_days: [Option<u32>; 5],
    /// Whether approver, confirmer and operator must differ.
    pub four_eyes: FourEyes,
    /// Whether an entry out of order is recorded or refused.
    pub sequencing: Sequencing,
    /// Hours after which an emergency's approval is late.
    pub emergency_approval_hours: u32,
    /// Minutes within which a suspect secret is to be revoked.
    pub emergency_revoke_minutes: u32,
    /// Days within which a post-incident report is to be filed.
    pub report_days: u32,
    /// Days a rotation may stay open.
    pub open_days: u32,
    /// Days within which the end of a rotation is to be confirmed.
    pub confirm_days: u32,
    /// Hours by which an entry may be recorded after what it tells.
    pub late_hours: u32,
    /// Days an attestation of the inventory stays good.
    pub attestation_days: u32,
    /// The most days an exception may last.
    pub exception_days: u32,
    /// The namespaces that are prod ones; without any, it is told by their words.
    pub namespaces: Option<Vec<Reference>>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            version: 0,
            max_age_days: 90,
            class_max_age_days: [None; 5],
            four_eyes: FourEyes::Required,
            sequencing: Sequencing::Record,
            emergency_approval_hours: 72,
            emergency_revoke_minutes: 60,
            report_days: 14,
            open_days: 14,
            confirm_days: 7,
            late_hours: 72,
            attestation_days: 35,
            exception_days: 90,
            namespaces: None,
        }
    }
}

/// Whether `named` is this name, or has a star at its end and the name begins so.
#[must_use]
pub fn is_named(named: &Reference, name: &str) -> bool {
    match named.as_str().strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => named.as_str() == name,
    }
}

impl Policy {
    /// The policy that follows this one when `set` is recorded.
    #[must_use]
    pub fn after(&self, set: &PolicySet) -> Self {
        let default = Self::default();
        Self {
            version: self.version.saturating_add(1),
            max_age_days: set.max_age_days.unwrap_or(default.max_age_days),
            class_max_age_days: [
                set.max_age_api_key,
                set.max_age_database_credential,
                set.max_age_encryption_key,
                set.max_age_signing_key,
                set.max_age_third_party,
            ],
            four_eyes: set.four_eyes.unwrap_or(default.four_eyes),
            sequencing: set.sequencing.unwrap_or(default.sequencing),
            emergency_approval_hours: set
                .emergency_approval_hours
                .unwrap_or(default.emergency_approval_hours),
            emergency_revoke_minutes: set
                .emergency_revoke_minutes
                .unwrap_or(default.emergency_revoke_minutes),
            report_days: set.report_days.unwrap_or(default.report_days),
            open_days: set.open_days.unwrap_or(default.open_days),
            confirm_days: set.confirm_days.unwrap_or(default.confirm_days),
            late_hours: set.late_hours.unwrap_or(default.late_hours),
            attestation_days: set.attestation_days.unwrap_or(default.attestation_days),
            exception_days: set.exception_days.unwrap_or(default.exception_days),
            namespaces: self.namespaces.clone(),
        }
    }

    /// Whether a replacement may be stored there (SOP 6, Step 2).
    #[must_use]
    pub fn is_prod(&self, namespace: &Reference) -> bool {
        // `prod`, `kv/prod/db`, `PROD-secrets`.
        let says_prod = || {
            let mut words = namespace
                .as_str()
                .split(|c: char| !c.is_ascii_alphanumeric());
            words.any(|word| ["prod", "production"].contains(&&*word.to_ascii_lowercase()))
        };
        self.namespaces.as_ref().map_or_else(says_prod, |named| {
            named
                .iter()
                .any(|named| is_named(named, namespace.as_str()))
        })
    }

    /// What it says, by the names of the fields that say it.
    #[must_use]
    pub fn values(&self) -> Vec<(&'static str, Value)> {
        let [api_key, database, encryption, signing, third_party] = self.class_max_age_days;
        vec![
            ("max_age_days", json!(self.max_age_days)),
            ("max_age_api_key", json!(api_key)),
            ("max_age_database_credential", json!(database)),
            ("max_age_encryption_key", json!(encryption)),
            ("max_age_signing_key", json!(signing)),
            ("max_age_third_party", json!(third_party)),
            ("four_eyes", json!(self.four_eyes)),
            ("sequencing", json!(self.sequencing)),
            (
                "emergency_approval_hours",
                json!(self.emergency_approval_hours),
            ),
            (
                "emergency_revoke_minutes",
                json!(self.emergency_revoke_minutes),
            ),
            ("report_days", json!(self.report_days)),
            ("open_days", json!(self.open_days)),
            ("confirm_days", json!(self.confirm_days)),
            ("late_hours", json!(self.late_hours)),
            ("attestation_days", json!(self.attestation_days)),
            ("exception_days", json!(self.exception_days)),
            ("namespaces", json!(self.namespaces)),
        ]
    }

    /// The most days a secret of this class may be in use.
    #[must_use]
    pub const fn max_age(&self, class: SecretClass) -> u32 {
        let [api_key, database, encryption, signing, third_party] = self.class_max_age_days;
        let own = match class {
            SecretClass::ApiKey => api_key,
            SecretClass::DatabaseCredential => database,
            SecretClass::EncryptionKey => encryption,
            SecretClass::SigningKey => signing,
            SecretClass::ThirdParty => third_party,
        };
        match own {
            Some(days) => days,
            None => self.max_age_days,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_is_a_prod_one_by_what_was_set_and_else_by_its_words() {
        let live = ["vault:live", "kv/live/*"];
        for (named, namespace, is_prod) in [
            (None, "kv/prod/db", true),
            (None, "PROD-secrets", true),
            (None, "kv/live/db", false),
            (None, "kv/nonprod/db", false),
            (Some(&live[..]), "kv/live/db", true),
            (Some(&live[..]), "vault:live", true),
            (Some(&live[..]), "vault:live/db", false),
            (Some(&live[..]), "kv/prod/db", false),
            (Some(&[][..]), "kv/prod/db", false),
        ] {
            let named = named.map(|named| named.iter().map(|name| name.parse().unwrap()).collect());
            let policy = Policy {
                namespaces: named,
                ..Policy::default()
            };
            // Setting the numbers leaves the namespaces as they are.
            let set: PolicySet = serde_json::from_value(json!({ "reason": "r" })).unwrap();
            for policy in [policy.after(&set), policy] {
                assert_eq!(
                    policy.is_prod(&namespace.parse().unwrap()),
                    is_prod,
                    "{namespace}"
                );
            }
        }
    }
}
