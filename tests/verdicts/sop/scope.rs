//! SOP 2, Scope: PROD only, and five classes of secrets.

use rotation_ledger::event::SecretClass;
use serde_json::json;

use crate::sop::finds_nothing;
use crate::sop::parse;
use crate::sop::standard;
use crate::support::story::Story;

/// "Applies to PROD-only credentials and keys"
#[test]
fn sop_2_prod_only() {
    for environment in ["staging", "PROD", "production", ""] {
        let mut fields = Story::registration("db/x");
        fields["environment"] = json!(environment);
        let refusal = parse("secret.registered", &fields).unwrap_err();
        assert!(refusal.contains("out of scope"), "{refusal}");
        let mut fields = standard(&Story::new()).0.remove(0).fields;
        fields["environment"] = json!(environment);
        assert!(parse("rotation.opened", &fields).is_err());
    }
}

#[track_caller]
fn takes_class(class: SecretClass) {
    let mut story = Story::founded();
    story.register(
        "new/secret",
        json!({ "class": class.word(), "dual_run": false }),
    );
    let script = story.single_run("r", "new/secret");
    story.play(script);
    finds_nothing(&story);
    assert_eq!(story.register.secrets["new/secret"].secret.class, class);
}

/// "API keys and service tokens"
#[test]
fn sop_2_api_keys_and_service_tokens() {
    takes_class(SecretClass::ApiKey);
}

/// "Database credentials"
#[test]
fn sop_2_database_credentials() {
    takes_class(SecretClass::DatabaseCredential);
}

/// "Encryption keys (data at rest key references)"
#[test]
fn sop_2_encryption_keys() {
    takes_class(SecretClass::EncryptionKey);
}

/// "Signing keys (bundle signing, tokens)"
#[test]
fn sop_2_signing_keys() {
    takes_class(SecretClass::SigningKey);
}

/// "Third-party integration secrets"
#[test]
fn sop_2_third_party_integration_secrets() {
    takes_class(SecretClass::ThirdParty);
}

#[test]
fn sop_2_there_is_no_sixth_class() {
    let mut fields = Story::registration("db/x");
    fields["class"] = json!("password");
    assert!(parse("secret.registered", &fields).is_err());
    assert_eq!(SecretClass::WORDS.len(), 5);
}
