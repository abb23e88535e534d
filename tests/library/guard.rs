//! What the guard refuses, what it lets pass, and that it never shows what it found.
//!
//! Every secret here is made up and put together at run time, so that scanners of repositories
//! have nothing to find in this file.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use rotation_ledger::guard::Decoding;
use rotation_ledger::guard::FieldClass;
use rotation_ledger::guard::KnownValue;
use rotation_ledger::guard::KnownValueError;
use rotation_ledger::guard::SecretHit;
use rotation_ledger::guard::SecretKind;
use rotation_ledger::guard::scan_attachment;
use rotation_ledger::guard::scan_field;

const CLASSES: [FieldClass; 4] = [
    FieldClass::Id,
    FieldClass::Reference,
    FieldClass::Line,
    FieldClass::Prose,
];

pub(crate) const BASE62: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
pub(crate) const BASE64: &[u8] =
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
pub(crate) const BASE36: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
pub(crate) const HEX: &[u8] = b"0123456789abcdef";

/// Random-looking characters, the same for the same seed.
pub(crate) fn random(alphabet: &[u8], length: usize, seed: u64) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let place = (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize;
            char::from(alphabet[place % alphabet.len()])
        })
        .collect()
}

pub(crate) fn alnum(length: usize) -> String {
    random(BASE62, length, length as u64 + 7)
}

pub(crate) fn armour(label: &str) -> String {
    format!("-----{} {label}-----", "BEGIN")
}

pub(crate) fn aws_id() -> String {
    format!("AK{}", "IAQ7EXAMPLE3NB2XYZ")
}

pub(crate) fn aws_secret() -> String {
    format!("{}/{}+{}", alnum(14), alnum(12), alnum(12))
}

pub(crate) fn jwt() -> String {
    let part = |json: &str| URL_SAFE_NO_PAD.encode(json);
    format!(
        "{}.{}.{}",
        part(r#"{"alg":"HS256","typ":"JWT"}"#),
        part(r#"{"sub":"payments","iat":1767225600}"#),
        alnum(43)
    )
}

fn google_key() -> String {
    format!("AI{}{}", "za", alnum(35))
}

fn github_token() -> String {
    format!("gh{}{}", "p_", alnum(36))
}

/// Tokens that are known by their shape, wherever they stand.
fn tokens() -> Vec<(SecretKind, String)> {
    let pem = format!("{}\nMIIEvQIBADANBg\n", armour("PRIVATE KEY"));
    let uri = format!("postgres://app:{}@db.internal:5432/payments", "s3cr3t");
    vec![
        (SecretKind::PrivateKey, pem),
        (SecretKind::PrivateKey, armour("RSA PRIVATE KEY")),
        (SecretKind::PrivateKey, armour("EC PRIVATE KEY")),
        (SecretKind::PrivateKey, armour("OPENSSH PRIVATE KEY")),
        (SecretKind::PrivateKey, armour("ENCRYPTED PRIVATE KEY")),
        (SecretKind::PrivateKey, armour("PGP PRIVATE KEY BLOCK")),
        (
            SecretKind::PrivateKey,
            format!("PuTTY-User-Key-{}3: ssh-ed25519", "File-"),
        ),
        (
            SecretKind::PrivateKey,
            format!("PRIVATE+{}example.com/log+530d903a+A{}", "KEY+", alnum(43)),
        ),
        (
            SecretKind::PrivateKey,
            format!("AGE-SECRET-{}1{}", "KEY-", alnum(58).to_uppercase()),
        ),
        (
            SecretKind::PrivateKey,
            format!(r#"{{"kty":"OKP","d": "{}"}}"#, alnum(43)),
        ),
        (
            SecretKind::AwsSecretAccessKey,
            format!("aws_secret_access_{} = {}", "key", aws_secret()),
        ),
        (
            SecretKind::AwsSecretAccessKey,
            format!(r#""SecretAccess{}": "{}""#, "Key", aws_secret()),
        ),
        (
            SecretKind::AwsSecretAccessKey,
            format!("{}:{}", aws_id(), aws_secret()),
        ),
        (
            SecretKind::AwsSecretAccessKey,
            format!("{},{}", aws_secret(), aws_id()),
        ),
        (
            SecretKind::AwsSessionToken,
            format!("IQoJb3Jp{}{}", "Z2lu", alnum(300)),
        ),
        (SecretKind::GcpApiKey, google_key()),
        (SecretKind::GoogleOauth, format!("ya{}{}", "29.", alnum(60))),
        (
            SecretKind::GoogleOauth,
            format!("GOC{}{}", "SPX-", alnum(28)),
        ),
        (
            SecretKind::GcpServiceAccountKey,
            format!(
                r#"{{"private_{}": "{}\nMII"}}"#,
                "key",
                armour("PRIVATE KEY")
            ),
        ),
        (SecretKind::GithubToken, github_token()),
        (SecretKind::GithubToken, format!("gh{}{}", "s_", alnum(36))),
        (
            SecretKind::GithubToken,
            format!("github_{}{}_{}", "pat_", alnum(22), alnum(59)),
        ),
        (
            SecretKind::GitlabToken,
            format!("gl{}{}", "pat-", alnum(20)),
        ),
        (SecretKind::GitlabToken, format!("gl{}{}", "rt-", alnum(20))),
        (
            SecretKind::SlackToken,
            format!("xo{}123456789012-{}", "xb-", alnum(24)),
        ),
        (
            SecretKind::SlackToken,
            format!("xo{}123456789012-{}", "xp-", alnum(24)),
        ),
        (
            SecretKind::SlackWebhook,
            format!(
                "https://hooks.slack{}/services/T0AB12CD/B0EF34GH/{}",
                ".com",
                alnum(24)
            ),
        ),
        (
            SecretKind::StripeKey,
            format!("sk_{}_{}", "live", alnum(24)),
        ),
        (
            SecretKind::StripeKey,
            format!("rk_{}_{}", "test", alnum(24)),
        ),
        (SecretKind::StripeKey, format!("wh{}{}", "sec_", alnum(32))),
        (SecretKind::NpmToken, format!("np{}{}", "m_", alnum(36))),
        (
            SecretKind::PypiToken,
            format!("py{}{}", "pi-AgEIcHlwaS5vcmc", alnum(80)),
        ),
        (SecretKind::VaultToken, format!("hv{}{}", "s.", alnum(24))),
        (SecretKind::VaultToken, format!("hv{}{}", "b.", alnum(100))),
        (
            SecretKind::AzureAccountKey,
            format!("AccountName=petcare;Account{}={}==", "Key", alnum(86)),
        ),
        (
            SecretKind::AzureClientSecret,
            format!("aB3{}{}", "8Q~", alnum(34)),
        ),
        (
            SecretKind::SignedUrl,
            format!(
                "https://a.blob.core.windows.net/b?sv=2024&si{}={}%3D",
                "g",
                alnum(43)
            ),
        ),
        (
            SecretKind::SignedUrl,
            format!(
                "https://b.s3.amazonaws.com/k?X-Amz-Signa{}={}",
                "ture",
                random(HEX, 64, 3)
            ),
        ),
        (
            SecretKind::ServiceToken,
            format!("SG{}{}.{}", ".", alnum(22), alnum(43)),
        ),
        (
            SecretKind::ServiceToken,
            format!("sk-a{}{}", "nt-api03-", alnum(80)),
        ),
        (
            SecretKind::ServiceToken,
            format!("dop_{}{}", "v1_", random(HEX, 64, 5)),
        ),
        (
            SecretKind::ServiceToken,
            format!("ledger_{}{}", "token_", random(HEX, 64, 6)),
        ),
        (SecretKind::Jwt, jwt()),
        (SecretKind::UrlPassword, uri),
        (
            SecretKind::UrlPassword,
            format!("redis://:{}@cache:6379/0", "hunter2"),
        ),
        (
            SecretKind::UrlPassword,
            format!("https://ci:{}@git.example/r.git", "pa/ss"),
        ),
        (
            SecretKind::UrlPassword,
            format!("jdbc:postgresql://db/pay?user=app&pass{}=hunter2", "word"),
        ),
        (
            SecretKind::UrlPassword,
            format!("Server=db;User=app;Pwd={};", "hunter2"),
        ),
        (
            SecretKind::AuthorizationHeader,
            format!("Authorization: {} {}", "Bearer", alnum(30)),
        ),
        (
            SecretKind::AuthorizationHeader,
            format!("\"authorization\": \"{} {}\"", "Basic", alnum(12)),
        ),
        (
            SecretKind::AuthorizationHeader,
            format!("sent {} {}", "bearer", alnum(40)),
        ),
    ]
}

/// Values that only free text is searched for.
fn free_text() -> Vec<(SecretKind, String)> {
    let assigned = [
        "password=hunter2",
        "DB_PASSWORD: 'correct horse'",
        "the password is hunter2.",
        "New password was changed to Tr0ub4dor&3 at noon",
        "Password: sunshine",
        "pwd=abcd",
        "export MYSQL_PWD=hunter2",
        "api_key: 8f3kd02ls9",
        "X-Api-Key: 8f3kd02ls9",
        "apikey => \"a1b2c3d4e5f6\"",
        "config[\"password\"] = \"hunter2\"",
        "{\\\"password\\\": \\\"hunter2\\\"}",
        "{\"client_secret\":\"0b51c1ea-7c0c-4d9a-9a53-1d4a1e3c7f10\"}",
        "token: 3kd92ls0aq",
        "secret = k3n9dk20s1",
        "mysql --password hunter2 -h db",
        "ALTER USER app IDENTIFIED BY 'hunter2'",
        "ALTER ROLE app WITH PASSWORD 'hunter2'",
        "passphrase: \"correcthorse\"",
        "_authToken=0123456789abcdef0123456789abcdef",
    ];
    let mut all: Vec<_> = assigned
        .iter()
        .map(|text| (SecretKind::PasswordAssignment, (*text).to_owned()))
        .collect();
    for text in [
        format!("generated {} for payments", alnum(24)),
        format!("value: {}", random(BASE62, 32, 11)),
        format!("{}=", random(BASE64, 43, 4)),
        format!("old={} new=unset", random(BASE62, 20, 10)),
        format!("kept under {} for now", random(BASE36, 32, 2)),
        format!("https://pay.example/hook?k={}", random(BASE62, 32, 12)),
    ] {
        all.push((SecretKind::HighEntropy, text));
    }
    all
}

fn assert_shows_nothing(hit: SecretHit, text: &str) {
    let shown = format!("{hit} {hit:?}");
    let characters: Vec<char> = text.chars().collect();
    for window in characters.windows(6) {
        let piece: String = window.iter().collect();
        let is_random =
            piece.chars().any(|c| c.is_ascii_digit()) && piece.chars().any(char::is_alphabetic);
        assert!(!is_random || !shown.contains(&piece), "{shown}");
    }
}

#[test]
fn a_token_is_refused_in_every_class_of_field() {
    for (kind, token) in tokens() {
        for class in CLASSES {
            let hit = scan_field(class, &token)
                .unwrap_or_else(|| panic!("{kind:?} in {class:?}: {token}"));
            assert_eq!(hit.kind, kind, "{token}");
            assert_eq!(hit.via, None, "{token}");
            assert_shows_nothing(hit, &token);
        }
        let file = format!("first line\n  and then {token} followed\n");
        let scanned = scan_attachment(file.as_bytes());
        assert_eq!(
            scanned.map(|hit| (hit.kind, hit.line)),
            Some((kind, 2)),
            "{token}"
        );
    }
}

#[test]
fn assignments_and_random_values_are_refused_in_free_text_only() {
    for (kind, text) in free_text() {
        for class in [FieldClass::Line, FieldClass::Prose] {
            let hit = scan_field(class, &text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(hit.kind, kind, "{text}");
            assert_shows_nothing(hit, &text);
        }
        for class in [FieldClass::Id, FieldClass::Reference] {
            if !text.contains('?') {
                assert_eq!(scan_field(class, &text), None, "{text}");
            }
        }
        assert_eq!(
            scan_attachment(text.as_bytes()).map(|hit| hit.kind),
            Some(kind),
            "{text}"
        );
    }
}

#[test]
fn every_kind_is_raised_by_some_test() {
    let mut raised: Vec<SecretKind> = tokens()
        .into_iter()
        .chain(free_text())
        .map(|(kind, _)| kind)
        .collect();
    raised.push(SecretKind::KnownValue);
    for kind in SecretKind::ALL {
        assert!(raised.contains(kind), "{kind}");
    }
}

#[test]
fn wrapping_hides_no_token() {
    for (kind, token) in tokens() {
        let folded = |width: usize| {
            let digits = STANDARD.encode(format!("some text before it, {token}"));
            let lines: Vec<_> = digits
                .as_bytes()
                .chunks(width)
                .map(|line| std::str::from_utf8(line).unwrap())
                .collect();
            lines.join("\n    ")
        };
        let percent = token.bytes().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "%{byte:02X}");
            text
        });
        let cases = [
            (Decoding::Base64, STANDARD.encode(&token)),
            (Decoding::Base64, STANDARD_NO_PAD.encode(&token)),
            (Decoding::Base64, URL_SAFE_NO_PAD.encode(&token)),
            (
                Decoding::Base64,
                format!("path/to/{}", STANDARD.encode(&token)),
            ),
            (Decoding::Base64, STANDARD.encode(STANDARD.encode(&token))),
            (Decoding::Base64, STANDARD.encode(hex::encode(&token))),
            (Decoding::Base64, folded(64)),
            (Decoding::Base64, folded(76).replace("\n    ", "\r\n")),
            (Decoding::Hex, hex::encode(&token)),
            (Decoding::Hex, hex::encode_upper(&token)),
            (Decoding::Percent, percent),
        ];
        for (via, text) in cases {
            let text = format!("output: {text} (end)");
            for hit in [
                scan_field(FieldClass::Reference, &text),
                scan_attachment(text.as_bytes()),
            ] {
                let hit = hit.unwrap_or_else(|| panic!("{kind:?} {via:?}: {text}"));
                assert_eq!((hit.kind, hit.via), (kind, Some(via)), "{token}: {text}");
                assert_shows_nothing(hit, &text);
            }
        }
    }
}

#[test]
fn a_private_key_without_its_armour_is_still_one() {
    let pkcs8: Vec<u8> = [
        &[
            0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22,
            0x04, 0x20,
        ][..],
        &[7; 32],
    ]
    .concat();
    let sec1 = [&[0x30, 0x77, 0x02, 0x01, 0x01, 0x04, 0x20][..], &[9; 32]].concat();
    let pkcs1 = [
        &[
            0x30, 0x82, 0x04, 0xa4, 0x02, 0x01, 0x00, 0x02, 0x82, 0x01, 0x01, 0x00,
        ][..],
        &[9; 32],
    ]
    .concat();
    for der in [pkcs8, sec1, pkcs1] {
        assert_eq!(
            scan_attachment(&der).map(|hit| hit.kind),
            Some(SecretKind::PrivateKey)
        );
        let hit = scan_field(FieldClass::Reference, &STANDARD.encode(&der)).unwrap();
        assert_eq!(
            (hit.kind, hit.via),
            (SecretKind::PrivateKey, Some(Decoding::Base64))
        );
    }
    // A certificate request begins alike, with a name where a key has its algorithm.
    let request = [
        &[
            0x30, 0x82, 0x01, 0x0a, 0x02, 0x01, 0x00, 0x30, 0x31, 0x31, 0x0b, 0x30,
        ][..],
        &[9; 32],
    ]
    .concat();
    assert_eq!(scan_attachment(&request), None);
}

#[test]
fn near_misses_pass() {
    let short =
        |prefix: &str, rest: &str, length: usize| format!("{prefix}{rest}{}", alnum(length));
    for text in [
        short("gh", "p_", 12),
        short("AI", "za", 14),
        short("sk_", "live_", 8),
        short("np", "m_", 15),
        short("hv", "s.", 9),
        short("gl", "pat-", 9),
        format!("gh{}{}", "p_", "x".repeat(36)),
        format!("gl{}payments-service-account", "pat-"),
        format!("sk_{}_{}", "live", "*".repeat(24)),
        format!("xo{}{}", "xb-", "payments-bot-for-releases"),
        "https://hooks.slack.com/services/T000/B000/redacted".to_owned(),
        armour("PUBLIC KEY"),
        armour("CERTIFICATE"),
        "https://git@example.com:8443/team/repo".to_owned(),
        "https://grafana:3000/d/abc?from=now&contact=a@b".to_owned(),
        "http://localhost:8080/icons/logo@2x.png".to_owned(),
        "postgres://app:***@db/payments and postgres://app:$PGPASS@db/p".to_owned(),
        "postgres://app:${DB_PASSWORD}@db/p, redis://:<password>@cache, amqp://u:{{ pw }}@mq"
            .to_owned(),
        "https://app.example/?token=redacted&api_key=unset".to_owned(),
        "Authorization: Bearer <redacted>, Authorization: Basic ***".to_owned(),
        "the bearer token was rotated".to_owned(),
        "aws_secret_access_key = (see vault)".to_owned(),
    ] {
        for class in CLASSES {
            assert_eq!(scan_field(class, &text), None, "{class:?}: {text}");
        }
        let wrapped = STANDARD.encode(&text);
        assert_eq!(scan_field(FieldClass::Reference, &wrapped), None, "{text}");
    }
}

#[test]
fn a_web_token_without_a_signature_is_no_credential() {
    let part = |json: &str| URL_SAFE_NO_PAD.encode(json);
    let text = format!(
        "{}.{}",
        part(r#"{"alg":"none"}"#),
        part(r#"{"sub":"payments"}"#)
    );
    assert_eq!(scan_field(FieldClass::Reference, &text), None);
    assert_eq!(scan_field(FieldClass::Reference, &format!("{text}.")), None);
}

#[test]
fn a_key_id_passes_and_its_secret_part_beside_it_does_not() {
    for class in CLASSES {
        assert_eq!(scan_field(class, &aws_id()), None);
        assert_eq!(scan_field(class, &aws_id().replace("AKIA", "ASIA")), None);
        assert_eq!(
            scan_field(class, &format!("{}/{}", aws_id(), aws_secret())).map(|hit| hit.kind),
            Some(SecretKind::AwsSecretAccessKey)
        );
    }
    let output = format!(
        "{{\"AccessKeyId\": \"{}\", \"Status\": \"Active\",\n \"Secret{}\": \"{}\"}}",
        aws_id(),
        "",
        aws_secret()
    );
    assert_eq!(
        scan_attachment(output.as_bytes()).map(|hit| (hit.kind, hit.line)),
        Some((SecretKind::AwsSecretAccessKey, 2))
    );
    // Forty hexadecimal digits beside it are a commit, not its secret.
    let commit = format!("{} deployed with {}", aws_id(), random(HEX, 40, 1));
    assert_eq!(scan_field(FieldClass::Prose, &commit), None);
}

#[test]
fn what_a_clean_ledger_is_full_of_passes() {
    let sha256 = random(HEX, 64, 21);
    let certificate: String = (0..12)
        .map(|line| random(BASE64, 64, 40 + line) + "\n")
        .collect();
    let texts = [
        // References
        "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/payments/db-a1B2c3".to_owned(),
        "arn:aws:kms:eu-west-1:123456789012:key/0b51c1ea-7c0c-4d9a-9a53-1d4a1e3c7f10".to_owned(),
        "arn:aws:iam::123456789012:role/aws-service-role/rds.amazonaws.com/AWSServiceRoleForRDS".to_owned(),
        "projects/482910457731/secrets/payments-db-password/versions/12".to_owned(),
        "https://petcare-prod.vault.azure.net/secrets/payments-db/6f1e2d3c4b5a69788796a5b4c3d2e1f0".to_owned(),
        "vault:secret/data/prod/payments/db#v12".to_owned(),
        "secret/data/prod/payments/db-credentials".to_owned(),
        "0b51c1ea-7c0c-4d9a-9a53-1d4a1e3c7f10".to_owned(),
        "019a3c5e-5f7b-7d2e-8c41-aa5b6c7d8e9f and 01JC4Z8Q5V3N7K2M9X6T1R0BHW".to_owned(),
        random(HEX, 32, 1),
        random(HEX, 40, 2),
        sha256.clone(),
        random(HEX, 128, 4),
        format!("sha256:{sha256}"),
        format!("registry.example/payments@sha256:{sha256}"),
        format!("SHA256:{}", random(BASE64, 43, 31)),
        format!("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA{} ops@bastion", random(BASE64, 43, 32)),
        "CHG-2026-004711, SEC-1234, JIRA:PETCARE-998, INC0012345".to_owned(),
        "https://docs.google.com/document/d/1aB2cD3eF4gH5iJ6kL7mN8oP9qR0sT1uV2wX3yZ4aB5c/edit".to_owned(),
        "https://grafana.example/d/x1Yz/payments?from=2026-01-01&to=2026-01-02&var-env=prod".to_owned(),
        "s3://petcare-audit/prod/2026/01/05/rotation-evidence.json".to_owned(),
        "/var/lib/rotation/plans/payments-db-rollback-v2.md".to_owned(),
        // Lines and lists
        "payments-api, payments-worker, checkout-frontend, ledger-exporter, appointments-api-v2".to_owned(),
        "payments-api-7d9f8b6c5d-x2x4z 2/2 Running, notification-dispatcher-6bb8d4f7c9-q8w2n".to_owned(),
        "ip-10-0-12-34.eu-west-1.compute.internal db-prod-01.payments.svc.cluster.local".to_owned(),
        "internal-payments-ingress-1234567890.eu-west-1.elb.amazonaws.com".to_owned(),
        "generated with openssl-3.2.1 at 2026-01-05T10:15:30.123456Z (v1.24.0-rc.2+build.20260105)".to_owned(),
        "PaymentsDb2024Q3RotationRunbookExecutor finished in 1234567 ms".to_owned(),
        "com.petcare.payments.security.RotationEvidenceCollectorV2Test passed".to_owned(),
        "commit 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b on release/2026.01".to_owned(),
        // Talk about secrets that shows none
        "The password is rotated every 90 days; the old token was revoked.".to_owned(),
        "password: rotated, secret: payments-db, token: revoked, api_key: partner-feed-v2".to_owned(),
        "password=*** pwd=xxxxxx api_key: <redacted> token=[REDACTED] secret: ${DB_SECRET}".to_owned(),
        "PASSWORD=$DB_PASSWORD TOKEN={{ vault_token }} password: \"\" password= passwd=%PASSWORD%".to_owned(),
        "password: null, \"token\": true, secret: 12, password => ****".to_owned(),
        "secret: 0b51c1ea-7c0c-4d9a-9a53-1d4a1e3c7f10 is the version now in use".to_owned(),
        "secret_id: db/payments/primary, secret_class: signing_key, token_type: bearer".to_owned(),
        "The password is set to expire in 90 days and the secret is stored in vault:secret/prod".to_owned(),
        "Password authentication failed for the old credential, as expected".to_owned(),
        "access_key_id: the new one is in the reference field; access key rotated".to_owned(),
        "passwords: 4, secrets: 12, tokens: 0 checks_pass=12".to_owned(),
        "api_key=arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/feed".to_owned(),
        // What this ledger itself gives out
        format!(
            "c2sp.org/tlog-proof@v1\nindex 41\n{0}=\n{0}=\n\nledger.example/prod\n48\n{0}=\n\n\u{2014} ledger.example/prod {1}=\n",
            random(BASE64, 43, 51),
            random(BASE64, 91, 52)
        ),
        format!("trusts ledger.example/prod+530d903a+A{}", random(BASE64, 43, 53)),
        // Outputs
        "{\"service\":\"payments-api\",\"status\":\"UP\",\"components\":{\"db\":{\"status\":\"UP\",\"details\":{\"database\":\"PostgreSQL\",\"validationQuery\":\"isValid()\"}}},\"traceId\":\"4bf92f3577b34da6a3ce929d0e0e4736\",\"spanId\":\"00f067aa0ba902b7\"}".to_owned(),
        format!("Certificate:\n    Data:\n        Serial Number:\n            03:a1:b2:c3:d4:e5:f6:07\n        Signature Algorithm: sha256WithRSAEncryption\n        Issuer: C = US, O = Let's Encrypt, CN = R11\nsubject=CN = payments.petcare.example\nserial=03A1B2C3D4E5F60718293A4B5C6D7E8F9012\nnotAfter=Apr  5 10:15:30 2026 GMT\nSHA256 Fingerprint=9F:86:D0:81:88:4C:7D:65:9A\n{}\n{certificate}{}\nVerify return code: 0 (ok)", armour("CERTIFICATE"), "-----END CERTIFICATE-----"),
        "PING payments-db (10.0.12.34): 56 data bytes, 0% loss; 100% of checks passed".to_owned(),
        "tests run: 48, passed: 48, failed: 0, skipped: 0\nEXIT=0 duration=00:02:13.431".to_owned(),
        "- secret_id: payments-db\n- environment: prod\n- rotated_by: ops.anna\n- rotation_reason: scheduled\n- started_utc: 2026-01-05T10:00:00Z\n- completed_utc: 2026-01-05T10:42:00Z\n- impacted_services: payments-api, payments-worker\n- validation_summary: login with the new password works, the old one is refused\n- revoke_confirmed: yes".to_owned(),
    ];
    for text in texts {
        assert_eq!(scan_field(FieldClass::Prose, &text), None, "{text}");
        assert_eq!(scan_field(FieldClass::Reference, &text), None, "{text}");
        assert_eq!(scan_attachment(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn random_values_are_mostly_found_and_names_are_not() {
    for (alphabet, length, least) in [
        (BASE62, 20, 90),
        (BASE62, 32, 98),
        (BASE64, 43, 98),
        (BASE36, 20, 75),
        (BASE36, 32, 90),
    ] {
        let found = (0..500)
            .filter(|&seed| {
                let text = format!("it was {} before", random(alphabet, length, seed + 1));
                scan_field(FieldClass::Line, &text).is_some()
            })
            .count();
        println!(
            "{} of 500 with {} letters, {length} long",
            found,
            alphabet.len()
        );
        assert!(
            found * 100 >= 500 * least,
            "{found} of 500, {} letters, {length} long",
            alphabet.len()
        );
    }
}

#[test]
fn a_hit_reads_well_and_says_where() {
    let text = format!("deployed with {}", github_token());
    let hit = scan_field(FieldClass::Line, &text).unwrap();
    assert_eq!(hit.to_string(), "what looks like a GitHub token (byte 14)");
    let text = format!("one\ntwo {}", STANDARD.encode(github_token()));
    let hit = scan_field(FieldClass::Prose, &text).unwrap();
    assert_eq!(
        hit.to_string(),
        "what looks like a GitHub token in base64 (line 2, byte 8)"
    );
}

#[test]
fn attachments_that_are_no_text_are_searched_for_shapes() {
    let noise: Vec<u8> = (0..4000u32).map(|n| (n * n % 251) as u8).collect();
    assert_eq!(scan_attachment(&noise), None);
    let planted = [&noise[..], github_token().as_bytes(), &noise[..]].concat();
    let hit = scan_attachment(&planted).unwrap();
    assert_eq!((hit.kind, hit.at), (SecretKind::GithubToken, noise.len()));

    // Names and random values are looked for in text alone.
    let worded = [&noise[..], b" and behind it the password=hunter2"].concat();
    assert_eq!(scan_attachment(&worded), None);
    let zipped = b"\x1f\x8b\x08 password=hunter2";
    assert_eq!(scan_attachment(zipped), None);
    assert_eq!(
        scan_attachment(b"caf\xe9: password=hunter2").map(|hit| hit.kind),
        Some(SecretKind::PasswordAssignment)
    );
}

#[test]
fn utf_16_is_read_as_the_text_it_is() {
    let text = format!("ok\r\npassword=hunter2 {}", github_token());
    let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    for bytes in [
        [b"\xff\xfe".as_slice(), &little].concat(),
        [b"\xfe\xff".as_slice(), &big].concat(),
        little,
    ] {
        let hit = scan_attachment(&bytes).unwrap();
        assert_eq!(
            (hit.kind, hit.via, hit.line),
            (SecretKind::GithubToken, Some(Decoding::Utf16), 2)
        );
        assert!(hit.at >= 2 * "ok\r\npassword=hunter2 ".len());
    }
    let bytes: Vec<u8> = "\u{feff}password=hunter2"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    assert_eq!(
        scan_attachment(&bytes).map(|hit| hit.kind),
        Some(SecretKind::PasswordAssignment)
    );
}

#[test]
fn a_line_of_many_windows_hides_nothing_at_their_edges() {
    let token = github_token();
    // The decoded window is 64 KiB of digits; plant across its edges at every alignment.
    for before in (49_100..49_160).chain(98_260..98_310) {
        let plain = format!("{}{token}{}", "y ".repeat(before / 2), " z".repeat(30_000));
        let hit = scan_attachment(STANDARD.encode(&plain).as_bytes());
        assert_eq!(
            hit.map(|hit| (hit.kind, hit.line)),
            Some((SecretKind::GithubToken, 1)),
            "{before}"
        );
        let at = hit.unwrap().at;
        assert!(at.abs_diff(before / 2 * 2 * 4 / 3) <= 4, "{at}, {before}");
    }
}

#[test]
fn a_known_value_is_found_in_every_form() {
    let secret = "p@ss \"w/rd\"+ü\\7";
    let known = KnownValue::new(format!("{secret}\r\n").as_bytes()).unwrap();
    let percent = |text: &str| {
        text.bytes().fold(String::new(), |mut out, byte| {
            match byte.is_ascii_alphanumeric() {
                true => out.push(char::from(byte)),
                false => write!(out, "%{byte:02x}").unwrap(),
            }
            out
        })
    };
    let mut texts = vec![
        (None, secret.to_owned()),
        (Some(Decoding::Hex), hex::encode(secret)),
        (Some(Decoding::Hex), hex::encode_upper(secret)),
        (Some(Decoding::Percent), percent(secret)),
        (
            Some(Decoding::Escape),
            serde_json::to_string(secret).unwrap(),
        ),
        (
            Some(Decoding::Escape),
            "p@ss \\u0022w\\/rd\\\"+\\u00fc\\\\7".replace("\\u00fc", "ü"),
        ),
    ];
    for before in ["", "a", "ab", "abc", "abcd"] {
        let plain = format!("{before}{secret} and more");
        texts.push((Some(Decoding::Base64), STANDARD.encode(&plain)));
        texts.push((Some(Decoding::Base64), URL_SAFE_NO_PAD.encode(&plain)));
        let broken: String = STANDARD
            .encode(&plain)
            .chars()
            .flat_map(|c| [c, '\n'])
            .collect();
        texts.push((Some(Decoding::Base64), broken));
    }
    for (via, text) in texts {
        let text = format!("line one\nvalue={text};");
        let hit = known
            .found_in(text.as_bytes())
            .unwrap_or_else(|| panic!("{text}"));
        assert_eq!((hit.kind, hit.via), (SecretKind::KnownValue, via), "{text}");
        // Digits that the value shares with what comes before it are not looked for.
        assert!((2..9).contains(&hit.line), "{hit:?}");
    }
    let wide: Vec<u8> = "is hunter2!"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let ascii = KnownValue::new(b"hunter2!").unwrap();
    assert_eq!(
        ascii.found_in(&wide).and_then(|hit| hit.via),
        Some(Decoding::Utf16)
    );

    for clean in [
        "",
        "p@ss",
        "p@ss \"w/rd\"+ü\\8",
        &hex::encode(&secret[1..]),
        &STANDARD.encode(&secret[..9]),
    ] {
        assert_eq!(known.found_in(clean.as_bytes()), None, "{clean}");
    }
    let hit = known.found_in(secret.as_bytes()).unwrap();
    assert_eq!(hit.to_string(), "the secret value itself (byte 0)");
    assert_eq!(format!("{known:?}"), "KnownValue(..)");
}

#[test]
fn a_known_key_is_found_however_its_lines_are_broken() {
    let key = format!("{}\n{}\n{}\n", armour("PRIVATE KEY"), alnum(64), alnum(22));
    let known = KnownValue::new(key.as_bytes()).unwrap();
    let other = key.replace('\n', "\r\n    ");
    assert_eq!(
        known.found_in(other.as_bytes()).map(|hit| hit.via),
        Some(Some(Decoding::Spaced))
    );
    let escaped = serde_json::to_string(&key).unwrap();
    assert_eq!(
        known.found_in(escaped.as_bytes()).map(|hit| hit.via),
        Some(Some(Decoding::Escape))
    );
}

#[test]
fn a_value_too_short_to_mean_anything_is_refused() {
    assert_eq!(
        KnownValue::new(b"12345\n").unwrap_err(),
        KnownValueError::TooShort { length: 5 }
    );
    assert!(KnownValue::new(b"123456\n").is_ok());
    assert!(KnownValue::new(b"").is_err());
}

#[test]
fn hostile_repetition_takes_no_more_than_its_length() {
    // Each of these makes a rule begin again and again; one that read to the end each time would
    // need hours.
    let pieces = [
        "eyJ".to_owned(),
        ".eyJ".to_owned(),
        "://".to_owned(),
        "://a:".to_owned(),
        "-----BEGIN ".to_owned(),
        "pwd=".to_owned(),
        "password is ".to_owned(),
        aws_id(),
        "%2".to_owned(),
        "%41".to_owned(),
        "\\u0041".to_owned(),
        "QUFB".to_owned(),
        "aa\n".to_owned(),
        "AKIA".to_owned(),
        "\0a".to_owned(),
    ];
    for piece in pieces {
        let text = piece.repeat((1 << 20) / piece.len());
        // Quadratic work would take hours here: that it ends at all is the test.
        let _ = scan_attachment(text.as_bytes());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600), text in "\\PC{0,200}") {
        let _ = scan_attachment(&bytes);
        for class in CLASSES {
            let _ = scan_field(class, &text);
        }
        if let Ok(known) = KnownValue::new(&bytes) {
            prop_assert!(known.found_in(&bytes).is_some());
            prop_assert!(known.found_in(text.as_bytes()).is_none());
        }
    }

    #[test]
    fn a_token_planted_in_noise_is_found(
        before in proptest::collection::vec(any::<u8>(), 0..300),
        after in proptest::collection::vec(any::<u8>(), 0..300),
        wrap in 0..4,
    ) {
        let token = format!("github_{}{}", "pat_", alnum(60));
        let inner = match wrap {
            0 => token,
            1 => STANDARD.encode(token),
            2 => hex::encode(token),
            _ => URL_SAFE_NO_PAD.encode(STANDARD.encode(token)),
        };
        let text = [&before[..], inner.as_bytes(), &after[..]].concat();
        prop_assert!(scan_attachment(&text).is_some());
    }
}
