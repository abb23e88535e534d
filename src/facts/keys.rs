//! Public keys for other people's programs: PEM for openssl, a line for ssh-keygen, and whose they
//! are. They come from the entries, and a reader who trusts nobody gets them by another road.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use crate::key::PublicKey;
use crate::pack::{NAMESPACE, PackFiles, Selection, public_line};
use crate::register::Register;

/// SubjectPublicKeyInfo of an Ed25519 key up to the key itself (RFC 8410).
const SPKI: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

/// The keys of a pack, by their path in it, and a row for each.
pub(super) fn files(
    register: &Register,
    selection: &Selection,
    origin: &str,
) -> (PackFiles, Vec<Value>) {
    let mut files = PackFiles::new();
    let mut rows = Vec::new();
    let mut add = |file: String, key: &PublicKey, row: Value| {
        files.insert(format!("keys/{file}"), pem(key).into_bytes());
        let mut row = row;
        row["file"] = json!(file);
        row["key"] = json!(key);
        rows.push(row);
    };
    let keyring = &register.charter.keyring;
    let mut actors: Vec<_> = keyring.actors().collect();
    actors.sort_by_key(|(key, actor)| (actor.enrolled, **key));
    for (key, actor) in actors {
        add(
            format!("actor-{:09}.pem", actor.enrolled),
            key,
            json!({
                "holder": actor.id, "name": actor.name, "kind": actor.kind.word(),
                "roles": actor.roles.iter().map(|role| role.word()).collect::<Vec<_>>(),
                "since_entry": actor.enrolled,
                "revoked_by_entry": actor.revoked.as_ref().map(|revoked| revoked.sequence),
            }),
        );
    }
    for seal in keyring.seals() {
        add(
            format!("sealing-{:09}.pem", seal.entry),
            &seal.key,
            json!({ "holder": "ledger", "name": "seals checkpoints", "since_entry": seal.entry }),
        );
    }
    add(
        "pack.pem".to_owned(),
        &selection.key,
        json!({ "holder": "ledger", "name": "signs this pack" }),
    );
    let signers = format!(
        "{origin} namespaces=\"{NAMESPACE}\" {}\n",
        public_line(&selection.key)
    );
    files.insert("keys/allowed_signers".to_owned(), signers.into_bytes());
    (files, rows)
}

fn pem(key: &PublicKey) -> String {
    let body = pem_body(key);
    format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n")
}

fn pem_body(key: &PublicKey) -> String {
    BASE64.encode([SPKI.as_slice(), key.as_bytes()].concat())
}

/// The pack key in a trust file, as remarks there: the text of a pack has openssl and ssh-keygen begin from these
/// lines, so that the one file that came by another road serves them too.
#[must_use]
pub fn trust_lines(key: &PublicKey) -> String {
    let (pem, ssh) = (pem_body(key), public_line(key));
    format!("# pack key pem {pem}\n# pack key ssh {ssh}\n")
}
