//! The numbers and switches that the SOP leaves to an organisation, with the SOP's own as default.

use bincode::{Decode, Encode};

use crate::event::{FourEyes, PolicySet, SecretClass, Sequencing};

/// The policy in force. A `policy.set` replaces all of it; before the first, the default holds.
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
        }
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
        }
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
