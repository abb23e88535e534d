//! The closed sets of words that events draw from. The order is the stored tag.

use crate::event::field::choices;

choices! {
    /// What an actor may do (SOP 3).
    Role {
        /// Approves rotation windows, confirms completion.
        SecurityOwner = "security_owner",
        /// Coordinates services impacted by rotation.
        PlatformOwner = "platform_owner",
        /// Executes rotation steps and captures evidence.
        Operator = "operator",
        /// Reads, remarks and exports.
        Auditor = "auditor",
        /// The ledger itself, by its sealing key. Nobody can be enrolled as this.
        Ledger = "ledger",
    }

    /// Whether an actor is a person.
    ActorKind {
        /// A person.
        Human = "human",
        /// A program, which acts on behalf of a person.
        Service = "service",
    }

    /// Where a secret is used. Only one place is in scope (SOP 2), and the bytes can say no other.
    Environment {
        /// Production.
        Prod = "prod",
    }

    /// The SOP's five classes of secrets (SOP 2).
    SecretClass {
        /// API keys and service tokens.
        ApiKey = "api_key",
        /// Database credentials.
        DatabaseCredential = "database_credential",
        /// Encryption keys (data at rest key references).
        EncryptionKey = "encryption_key",
        /// Signing keys (bundle signing, tokens).
        SigningKey = "signing_key",
        /// Third-party integration secrets.
        ThirdParty = "third_party",
    }

    /// Why a secret is rotated (SOP 8, `rotation_reason`).
    Reason {
        /// Its time has come (SOP 4, Standard).
        Scheduled = "scheduled",
        /// It is suspect, or a policy was breached (SOP 4, Emergency).
        Emergency = "emergency",
    }

    /// When in a rotation something was validated.
    Phase {
        /// Before consumers were cut over.
        PreCutover = "pre_cutover",
        /// After consumers were cut over.
        PostCutover = "post_cutover",
        /// After the old version was restored.
        PostRollback = "post_rollback",
    }

    /// What came out of a validation.
    TestResult {
        /// It works.
        Pass = "pass",
        /// It does not.
        Fail = "fail",
        /// It could not be told.
        Inconclusive = "inconclusive",
    }

    /// Which of a rotation's two versions.
    Which {
        /// The version that was replaced.
        Old = "old",
        /// The replacement.
        New = "new",
    }

    /// How a version was revoked (SOP 6, Step 5).
    RevocationMethod {
        /// Withdrawn at the provider.
        Revoke = "revoke",
        /// Deleted from the secret store.
        Delete = "delete",
        /// Switched off, and could be switched on again.
        Disable = "disable",
        /// Destroyed for good.
        Destroy = "destroy",
        /// Replaced in place.
        Overwrite = "overwrite",
        /// Left to its end of life.
        Expire = "expire",
    }

    /// What came of using the old version after it was revoked.
    NegativeTest {
        /// The service refused it: the one result that proves it dead.
        AuthRejected = "auth_rejected",
        /// The service was not reached: nothing was learned.
        NetworkError = "network_error",
        /// It still works.
        StillValid = "still_valid",
        /// It could not be tried; then only an access log speaks.
        NotPossible = "not_possible",
    }

    /// How a rotation ended.
    Outcome {
        /// The new version is in use.
        Completed = "completed",
        /// The old version is in use again.
        RolledBack = "rolled_back",
        /// It was given up before the cutover.
        Aborted = "aborted",
    }

    /// A step of a rotation, as tools name it.
    Step {
        /// SOP 5.
        Preconditions = "preconditions",
        /// SOP 6, Step 2.
        Generate = "generate",
        /// SOP 6, Step 3.
        DualRun = "dual_run",
        /// SOP 6, Step 3.
        Validate = "validate",
        /// SOP 6, Step 4.
        Cutover = "cutover",
        /// SOP 6, Step 4.
        Health = "health",
        /// SOP 6, Step 5.
        Revoke = "revoke",
        /// SOP 6, Step 5.
        VerifyRevocation = "verify_revocation",
        /// SOP 6, Step 6.
        Evidence = "evidence",
        /// SOP 5, the rollback plan.
        Rollback = "rollback",
    }

    /// What became of the new version when a rotation did not end with it in use.
    Disposition {
        /// There was none yet.
        NoneGenerated = "none_generated",
        /// It was revoked.
        NewRevoked = "new_revoked",
        /// It is still valid.
        NewRetained = "new_retained",
    }

    /// What started an emergency (SOP 4).
    Trigger {
        /// Suspected compromise.
        SuspectedCompromise = "suspected_compromise",
        /// Policy breach.
        PolicyBreach = "policy_breach",
    }

    /// Why an attached file was removed.
    ExpungeReason {
        /// It held a secret, which must be rotated now.
        LeakedSecret = "leaked_secret",
        /// It held personal data.
        Privacy = "privacy",
        /// Its time was over.
        Retention = "retention",
    }

    /// What a ledger was recovered from.
    RecoveryKind {
        /// A write that was cut off before it was acknowledged.
        TornWrite = "torn_write",
        /// A checkpoint file that was lost or damaged, made again from the entries.
        LostCheckpoint = "lost_checkpoint",
        /// A ledger behind or beside the checkpoint kept outside it: a restored backup.
        Rollback = "rollback",
        /// A tail older than the bundles that continue it: an older copy laid over a newer folder.
        RolledForward = "rolled_forward",
    }

    /// Whether approver, confirmer and operator must be different people.
    FourEyes {
        /// They must.
        Required = "required",
        /// They need not; every report says so.
        Relaxed = "relaxed",
        /// They must, and two Security Owners name a new sealing key where the one before is lost.
        Strict = "strict",
    }

    /// What happens to an entry that breaks the SOP's order.
    Sequencing {
        /// It is recorded, and held against the ledger by `verify`.
        Record = "record",
        /// It is refused.
        Refuse = "refuse",
    }

    /// What whoever has a transport token may ask of a server.
    TokenScope {
        /// To read.
        Read = "read",
        /// To read, and to hand over signed statements.
        Append = "append",
    }
}

impl Step {
    /// The event that tells what came of the step; evidence has none of its own.
    #[must_use]
    pub const fn event(self) -> Option<&'static str> {
        match self {
            Self::Preconditions => Some("preconditions.confirmed"),
            Self::Generate => Some("replacement.generated"),
            Self::DualRun => Some("dual_run.started"),
            Self::Validate => Some("replacement.validated"),
            Self::Cutover => Some("cutover.completed"),
            Self::Health => Some("health.confirmed"),
            Self::Revoke => Some("secret.revoked"),
            Self::VerifyRevocation => Some("revocation.verified"),
            Self::Rollback => Some("rollback.completed"),
            Self::Evidence => None,
        }
    }
}
