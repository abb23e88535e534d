//! What people paste beside a rotation, row by row: what is harmless passes, what leaks is refused,
//! each alone, in a JSON string, in a line of a log and in an attachment.
//!
//! Every value is made up. Whatever has the shape of a live credential is put together at run time.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rotation_ledger::guard::{
    FieldClass, KnownValue, SecretHit, redacted, scan_attachment, scan_field,
};

use crate::guard::{BASE36, BASE62, BASE64, HEX, alnum, armour, aws_id, aws_secret, jwt, random};

type Row = (&'static str, String);

fn bytes(length: usize, seed: u64) -> Vec<u8> {
    let text = random(HEX, length * 2, seed);
    hex::decode(text).unwrap()
}

fn b64(length: usize, seed: u64) -> String {
    STANDARD.encode(bytes(length, seed))
}

fn b64url(length: usize, seed: u64) -> String {
    URL_SAFE_NO_PAD.encode(bytes(length, seed))
}

/// A SEQUENCE of so many bytes, as certificates, public keys and signatures are.
fn der(head: &[u8], length: usize, seed: u64) -> String {
    let body = [head, &bytes(length - head.len(), seed)].concat();
    let size = u16::try_from(body.len()).unwrap().to_be_bytes();
    let start = match body.len() {
        0..=127 => vec![0x30, size[1]],
        128..=255 => vec![0x30, 0x81, size[1]],
        _ => vec![0x30, 0x82, size[0], size[1]],
    };
    STANDARD.encode([start, body].concat())
}

/// The head of a certificate: another SEQUENCE, then its version in a context tag.
const CERTIFICATE: &[u8] = &[0x30, 0x82, 0x02, 0x00, 0xa0, 0x03, 0x02, 0x01, 0x02];

fn pem(label: &str, digits: &str) -> String {
    let lines: Vec<_> = digits
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    format!(
        "{}\n{}\n-----END {label}-----",
        armour(label),
        lines.join("\n")
    )
}

/// RFC 4253: a length and a name, and then the key.
fn ssh_blob(name: &str, seed: u64) -> String {
    let length = u32::try_from(name.len()).unwrap().to_be_bytes();
    STANDARD.encode(
        [
            &length[..],
            name.as_bytes(),
            &[0, 0, 0, 32],
            &bytes(32, seed),
        ]
        .concat(),
    )
}

fn hmac(seed: u64) -> String {
    format!("hmac-sha256:{}", random(HEX, 64, seed))
}

fn uuid(seed: u64) -> String {
    let digits = random(HEX, 32, seed);
    format!(
        "{}-{}-4{}-a{}-{}",
        &digits[..8],
        &digits[8..12],
        &digits[13..16],
        &digits[17..20],
        &digits[20..]
    )
}

fn harmless() -> Vec<Row> {
    let sha256 = random(HEX, 64, 21);
    let certificate = pem("CERTIFICATE", &der(CERTIFICATE, 700, 90));
    let kms = "arn:aws:kms:eu-west-1:123456789012:key";
    vec![
        // Vault and OpenBao
        ("a lease of a UUID", format!("database/creds/app/{}", uuid(1))),
        ("a lease of random letters", format!("lease database/creds/readonly/{} revoked", random(BASE62, 24, 2))),
        ("a lease in what vault prints", format!("Key                Value\n---                -----\nlease_id           database/creds/app/{}\nlease_duration     1h\nlease_renewable    true", random(BASE62, 24, 3))),
        ("an audit device's request", format!(r#"{{"time":"2026-01-05T10:15:30.123456Z","type":"request","auth":{{"client_token":"{}","accessor":"{}","display_name":"approle","policies":["default","rotator"],"token_policies":["default","rotator"],"entity_id":"{}","token_type":"service","token_ttl":3600,"token_issue_time":"2026-01-05T10:00:00Z"}},"request":{{"id":"{}","operation":"update","mount_point":"database/","client_token":"{}","client_token_accessor":"{}","namespace":{{"id":"root"}},"path":"database/rotate-role/app","remote_address":"10.0.12.34"}}}}"#, hmac(1), hmac(2), uuid(3), uuid(4), hmac(5), hmac(6))),
        ("an audit device's response", format!(r#"{{"type":"response","request":{{"id":"{}","path":"secret/data/prod/payments/db","data":{{"data":{{"password":"{}","api_key":"{}"}}}},"headers":{{"authorization":["{}"]}}}},"response":{{"auth":{{"client_token":"{}"}},"secret":{{"lease_id":"{}"}},"data":{{"created_time":"{}","secret_id":"{}","version":13}}}}}}"#, uuid(7), hmac(8), hmac(9), hmac(10), hmac(11), hmac(12), hmac(13), hmac(14))),
        ("an accessor", format!("token_accessor     {}", random(BASE62, 24, 6))),
        ("an accessor in JSON", format!(r#""accessor": "{}", "token_type": "service""#, random(BASE62, 24, 7))),
        ("a transit ciphertext", format!("ciphertext    vault:v1:{}", b64(60, 8))),
        ("vault status", format!("Seal Type       shamir\nInitialized     true\nSealed          false\nTotal Shares    5\nThreshold       3\nVersion         2.7.2\nCluster ID      {}\nHA Enabled      false", uuid(9))),
        ("vault kv metadata get", "======= Metadata =======\nKey                Value\ncreated_time       2026-01-05T10:15:30.123456789Z\ncustom_metadata    <nil>\ndestroyed          false\nversion            13".to_owned()),
        ("vault write", "Success! Data written to: database/rotate-role/payments-app".to_owned()),
        ("the static role of a database", r#"{"data":{"credential_type":"password","db_name":"payments","last_vault_rotation":"2026-01-05T10:15:30.123456789Z","rotation_period":86400,"username":"app_a"}}"#.to_owned()),
        // Amazon
        ("an access key id", aws_id()),
        ("an access key id and its state", format!(r#"{{"UserName":"payments","AccessKeyId":"{}","Status":"Inactive"}}"#, aws_id())),
        ("a KMS key", format!("{kms}/{}", uuid(10))),
        ("a KMS multi-region key", format!("KeyId: {kms}/mrk-{}", random(HEX, 32, 11))),
        ("aws kms describe-key", format!(r#"{{"KeyMetadata":{{"AWSAccountId":"123456789012","KeyId":"{}","Arn":"{kms}/{}","KeyState":"Enabled","KeyUsage":"ENCRYPT_DECRYPT","CurrentKeyMaterialId":"{}"}}}}"#, uuid(12), uuid(12), random(HEX, 64, 13))),
        ("an S3 request", format!("x-amz-id-2: {}\nx-amz-request-id: {}", b64(56, 14), random(b"ABCDEFGHJKMNPQRSTVWXYZ0123456789", 16, 15))),
        ("an S3 error", format!("<Error><Code>AccessDenied</Code><RequestId>{}</RequestId><HostId>{}</HostId></Error>", random(b"ABCDEFGHJKMNPQRSTVWXYZ0123456789", 16, 16), b64(56, 17))),
        ("an S3 version", format!(r#"{{"ETag":"\"{}\"","VersionId":"{}"}}"#, random(HEX, 32, 18), random(BASE62, 32, 19))),
        ("a CloudFront request", format!("x-amz-cf-id: {}", b64(40, 20))),
        ("a page of a list", format!(r#"{{"SecretList":[],"NextToken":"{}"}}"#, b64(90, 21))),
        ("aws secretsmanager rotate-secret", format!(r#"{{"ARN":"arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/payments/db-a1B2c3","Name":"prod/payments/db","VersionId":"{}","VersionStages":["AWSCURRENT"]}}"#, uuid(22))),
        ("aws sts get-caller-identity", format!(r#"{{"UserId":"AR{}:ops.anna","Account":"123456789012","Arn":"arn:aws:sts::123456789012:assumed-role/rotator/ops.anna"}}"#, "OAQ7EXAMPLE3NB2XYZ")),
        ("a CloudTrail record", format!(r#"{{"eventName":"PutSecretValue","requestID":"{}","eventID":"{}","requestParameters":{{"secretId":"prod/payments/db","clientRequestToken":"{}"}},"userIdentity":{{"accessKeyId":"{}"}}}}"#, uuid(23), uuid(24), uuid(25), aws_id())),
        ("a trace id", format!("X-Amzn-Trace-Id: Root=1-5759e988-{}", random(HEX, 24, 26))),
        // Keys that are for everybody
        ("a JWKS of RSA keys", format!(r#"{{"keys":[{{"kty":"RSA","use":"sig","alg":"RS256","kid":"{}","e":"AQAB","n":"{}"}}]}}"#, b64url(20, 27), b64url(256, 28))),
        ("a JWKS of P-256 keys", format!("{{\n  \"kty\": \"EC\",\n  \"crv\": \"P-256\",\n  \"x\": \"{}\",\n  \"y\": \"{}\",\n  \"kid\": \"{}\"\n}}", b64url(32, 29), b64url(32, 30), b64url(32, 31))),
        ("a JWKS with its certificate", format!(r#"{{"kty":"RSA","x5t":"{}","x5t#S256":"{}","x5c":["{}"]}}"#, b64url(20, 32), b64url(32, 33), der(CERTIFICATE, 600, 34))),
        ("an Ed25519 JWK", format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{}"}}"#, b64url(32, 35))),
        ("a thumbprint", format!("kid={} activated", b64url(32, 36))),
        ("a certificate", certificate.clone()),
        ("a public key", pem("PUBLIC KEY", &der(&[0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01], 89, 37))),
        ("a certificate without its armour", der(CERTIFICATE, 650, 38)),
        ("a certificate request", pem("CERTIFICATE REQUEST", &der(&[0x30, 0x82, 0x01, 0x0a, 0x02, 0x01, 0x00, 0x30, 0x31, 0x31], 500, 39))),
        ("the certificates of a kubeconfig", format!("    certificate-authority-data: {0}\n    server: https://10.0.12.34:6443\n    client-certificate-data: {0}", STANDARD.encode(&certificate))),
        ("a webhook's CA", format!("caBundle: {}", STANDARD.encode(&certificate))),
        ("an ECDSA signature", format!("cosign signature {}", der(&[0x02, 0x20], 68, 40))),
        ("a DKIM record", format!("v=DKIM1; k=rsa; p={}", der(&[0x30, 0x0d, 0x06, 0x09, 0x2a], 290, 41))),
        ("an OpenSSH public key", format!("ssh-ed25519 {} ops@bastion", ssh_blob("ssh-ed25519", 42))),
        ("an OpenSSH security key", format!("sk-ssh-ed25519@openssh.com {}", ssh_blob("sk-ssh-ed25519@openssh.com", 43))),
        ("an OpenSSH certificate", format!("ecdsa-sha2-nistp256-cert-v01@openssh.com {}", ssh_blob("ecdsa-sha2-nistp256-cert-v01@openssh.com", 44))),
        ("a host key", format!("bastion.petcare.example ecdsa-sha2-nistp256 {}", ssh_blob("ecdsa-sha2-nistp256", 45))),
        ("OpenSSH fingerprints", format!("256 SHA256:{} ops@bastion (ED25519)\n2048 MD5:{} old", &b64(32, 46)[..43], "9f:86:d0:81:88:4c:7d:65:9a:2f:ea:a0:c5:5a:d0:15")),
        ("a PGP public key", format!("{}\n\n{}\n={}\n-----END PGP PUBLIC KEY BLOCK-----", armour("PGP PUBLIC KEY BLOCK"), random(BASE64, 64, 47), random(BASE64, 4, 48))),
        ("a PGP fingerprint", "Key fingerprint = 9F86 D081 884C 7D65 9A2F  EAA0 C55A D015 A3BF 4F1B".to_owned()),
        ("an age recipient", format!("age1{}", random(b"qpzry9x8gf2tvdw0s3jn54khce6mua7l", 58, 49))),
        ("a WireGuard peer", format!("[Peer]\nPublicKey = {}\nAllowedIPs = 10.0.0.2/32", b64(32, 50))),
        // Digests
        ("a digest of SHA-256", format!("sha256:{sha256}")),
        ("a container image", format!("registry.example/payments/api@sha256:{sha256}")),
        ("an image and its id", format!("docker-pullable://registry.example/api:1.4.2@sha256:{sha256} containerd://{sha256}")),
        ("subresource integrity", format!("<script src=\"app.js\" integrity=\"sha384-{}\"></script>", b64(48, 51))),
        ("an npm lock file", format!("\"integrity\": \"sha512-{}\"", b64(64, 52))),
        ("a go.sum", format!("golang.org/x/crypto v0.31.0 h1:{}", b64(32, 53))),
        ("a digest header", format!("Digest: SHA-256={}\nContent-MD5: {}", b64(32, 54), b64(16, 55))),
        ("the hashes of an object", format!("x-goog-hash: crc32c={},md5={}", b64(4, 56), b64(16, 57))),
        ("sha256sum", format!("{sha256}  rotation-plan.md")),
        ("openssl dgst", format!("SHA2-256(app.tar.gz)= {sha256}")),
        ("the digest of a token", format!("token digest sha256:{sha256}, password hash: blake3:{sha256}")),
        ("an etag", format!("etag: W/\"{}\"\nETag: \"{}-12\"", b64(20, 58), random(HEX, 32, 59))),
        ("a commit", format!("commit {} (HEAD -> main, tag: v1.4.2)", random(HEX, 40, 60))),
        ("a Nix path", format!("/nix/store/{}-openssl-3.2.1", random(BASE36, 32, 61))),
        // Identifiers
        ("UUIDs", format!("{} and {}", uuid(62), uuid(63).to_uppercase())),
        ("a ULID", "01JC4Z8Q5V3N7K2M9X6T1R0BHW".to_owned()),
        ("a trace context", format!("traceparent: 00-{}-{}-01", random(HEX, 32, 64), random(HEX, 16, 65))),
        ("a request id", format!("request_id={} status=200", b64url(18, 66))),
        ("an insert id", format!(r#""insertId": "{}", "logName": "projects/petcare/logs/audit""#, random(BASE36, 28, 67))),
        ("a document", format!("runbook https://docs.google.com/document/d/{}/edit", random(BASE62, 44, 68))),
        // What tools print
        ("psql", "                 List of roles\n Role name |        Attributes\n-----------+--------------------------\n app_a     | Password valid until 2026-04-05 00:00:00+00\n app_b     | Cannot login\n(2 rows)".to_owned()),
        ("psql, masked", "  usename  |  passwd  | valuntil\n-----------+----------+----------\n app_a     | ******** | 2026-04-05\nALTER ROLE".to_owned()),
        ("a refused login", "psql: error: connection to server at \"db\" (10.0.12.34), port 5432 failed: FATAL:  password authentication failed for user \"app_a\"".to_owned()),
        ("kubectl get pods", "NAME                            READY   STATUS    RESTARTS   AGE\npayments-api-7d9f8b6c5d-x2x4z   1/1     Running   0          3m12s".to_owned()),
        ("kubectl get secrets", "NAME                     TYPE                                  DATA   AGE\npayments-db-7h2k9tm4bf   Opaque                                2      41d\ndefault-token-x7k2p      kubernetes.io/service-account-token   3      41d".to_owned()),
        ("kubectl describe secret", "Name:         payments-db\nType:  Opaque\n\nData\n====\npassword:  24 bytes\ntoken:     1534 bytes\nusername:  5 bytes".to_owned()),
        ("a pod that names its secret", "      secretKeyRef:\n        key: password\n        name: payments-db-7h2k9tm4bf\n      secret: default-token-x7k2p".to_owned()),
        ("an external secret", format!("status:\n  refreshTime: \"2026-01-05T10:15:30Z\"\n  syncedResourceVersion: 2-{}\n  conditions:\n  - reason: SecretSynced", random(HEX, 56, 69))),
        ("openssl x509", "        Serial Number:\n            03:a1:b2:c3:d4:e5:f6:07\n        Signature Algorithm: sha256WithRSAEncryption\n            Public Key Algorithm: id-ecPublicKey\n            X509v3 Subject Key Identifier:\n                5B:D1:36:8A:0C:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF".to_owned()),
        ("curl -v", "> GET /health HTTP/2\n> Host: payments.petcare.example\n> authorization: [redacted]\n> user-agent: curl/8.5.0\n< HTTP/2 200\n< strict-transport-security: max-age=31536000; includeSubDomains\n* TLSv1.3 (OUT), TLS handshake, Finished (20):".to_owned()),
        ("curl -u with a variable", "curl -u \"app:$PASSWORD\" https://payments.petcare.example/health".to_owned()),
        ("a password that is piped", "echo \"$PW\" | docker login -u ci --password-stdin; vault read -field=v x | docker login --password-stdin; htpasswd -B /etc/nginx/.htpasswd application".to_owned()),
        ("oracle without a password", "sqlplus / as sysdba @/opt/app/run.sql; sqlplus app@db.example @run/all.sql; sqlplus app/$PW@db; sqlplus /nolog; expdp app@db directory=/data/x@1".to_owned()),
        ("a response that is none", format!("response={} status=200", random(HEX, 32, 78))),
        ("a command without its password", "mysql -h db -u app -p -e 'select 1'; docker run -u 1000:1000 -p 8080:80 app; mkdir -p /srv/payments".to_owned()),
        ("options that name no secret", "--password-file /run/secrets/db --password-stdin --token-ttl 3600 --secret-id prod/payments/db".to_owned()),
        ("a policy of passwords", "password_length=24 password_policy=strong token_ttl=3600s secret_name=payments-db pass=14 fail=0".to_owned()),
        ("go test", "=== RUN   TestRotatePassword\n--- PASS: TestRotatePassword (0.00s)\nPASS\nok  \tpetcare.example/payments/rotation\t0.012s".to_owned()),
        ("a masked configuration", "DB_PASSWORD=******** API_KEY=${API_KEY} token: <redacted> secret: [REDACTED] password: (hidden)".to_owned()),
        (
            "options of other programs",
            "mysql --login-path=prod -e 'show grants' | grep -primary; docker run -u app:app api".to_owned(),
        ),
        (
            "a column of a table",
            " password | character varying(255) | | not null |\n token    | text | | |".to_owned(),
        ),
        (
            "terraform",
            "+ resource \"random_password\" \"db\" {\n  + bcrypt_hash = (sensitive value)\n  + result = (sensitive value)"
                .to_owned(),
        ),
        (
            "a variable that a pod is given",
            "- name: DB_PASSWORD\n  valueFrom:\n    secretKeyRef:\n      key: password".to_owned(),
        ),
        (
            "a signed request",
            format!("Authorization: AWS4-HMAC-SHA256 Credential={}/20260105/eu-west-1/s3/aws4_request, SignedHeaders=host, Signature={}", aws_id(), random(HEX, 64, 71)),
        ),
        ("a secret's version", format!("secret: {} token: projects/4829/secrets/feed/versions/12", uuid(70))),
    ]
}

fn leaking() -> Vec<Row> {
    let pw = "Kx7vQ2mT9pLz";
    let word = "pass";
    let basic = STANDARD.encode(format!("app:{pw}"));
    let vault = format!("hv{}{}", "s.", alnum(24));
    let pkcs8 = der(
        &[0x02, 0x01, 0x00, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48],
        600,
        1,
    );
    let key = pem("PRIVATE KEY", &pkcs8);
    vec![
        // On a command line
        (
            "curl -u",
            format!("curl -u app:{pw} https://payments.petcare.example/health"),
        ),
        (
            "curl -u of words",
            "curl -s -u user:password https://payments.petcare.example/health".to_owned(),
        ),
        (
            "curl --user",
            format!("curl -sS --user 'app:{pw}' -X POST https://api.example"),
        ),
        (
            "curl -u in one word",
            format!("curl -uapp:{pw} https://api.example"),
        ),
        (
            "curl --user=",
            format!("curl --user=app:{pw} https://api.example"),
        ),
        (
            "curl through a proxy",
            format!("curl --proxy-user ops:{pw} https://api.example"),
        ),
        (
            "curl with a bearer",
            format!(
                "curl -H 'Authorization: Bearer {}' https://api.example",
                alnum(32)
            ),
        ),
        (
            "curl with a short bearer",
            format!("curl -H \"Authorization: Bearer {pw}\" https://api.example"),
        ),
        (
            "curl with an API key",
            format!("curl -H 'X-Api-Key: {pw}' https://api.example"),
        ),
        (
            "curl with a Vault token",
            format!(
                "curl -H \"X-Vault-Token: s.{}\" http://vault:8200/v1/sys/health",
                alnum(24)
            ),
        ),
        ("--password", format!("tool rotate --password {pw}")),
        ("--password=", format!("tool rotate --new-password={pw}")),
        (
            "a flag of a token",
            format!("deploy --api-token {pw} --env prod"),
        ),
        (
            "mysql -p",
            format!("mysql -h db -u root -p{pw} -e 'select 1'"),
        ),
        (
            "mysqldump -p of a word",
            "mysqldump -uroot -phunter2 payments".to_owned(),
        ),
        ("sshpass", format!("sshpass -p {pw} ssh ops@bastion")),
        ("redis-cli", format!("redis-cli -h cache -a {pw} ping")),
        (
            "ldapsearch",
            format!("ldapsearch -x -D cn=admin,dc=petcare -w {pw} uid=app"),
        ),
        (
            "mongosh",
            format!("mongosh --host db -u app -p {pw} payments"),
        ),
        (
            "docker login",
            format!("docker login -u ci -p {pw} registry.example"),
        ),
        (
            "sqlplus",
            format!("sqlplus -s app/{pw}@db.example @run.sql"),
        ),
        (
            "rman",
            format!("rman target sys/{pw}@//db.example:1521/prod"),
        ),
        (
            "htpasswd",
            format!("htpasswd -bB -C 12 /etc/nginx/.htpasswd app {pw}"),
        ),
        ("htpasswd to stdout", format!("htpasswd -nb app {pw}")),
        (
            "echo to docker",
            format!("echo {pw} | docker login -u ci --{word}word-stdin registry.example"),
        ),
        (
            "printf to docker",
            format!("printf '{pw}' | docker login --{word}word-stdin"),
        ),
        (
            "a digest's response",
            format!(
                "Digest username=\"app\", realm=\"x\", nonce=\"7\", uri=\"/\", response=\"{}\"",
                random(HEX, 32, 77)
            ),
        ),
        (
            "openssl -passin",
            format!("openssl pkcs12 -in app.p12 -passin pass:{pw} -nodes"),
        ),
        (
            "keytool",
            format!("keytool -list -keystore app.jks -storepass {pw}"),
        ),
        (
            "sqlcmd",
            format!("sqlcmd -S db -U sa -P {pw} -Q 'select 1'"),
        ),
        (
            "curl in an array of words",
            format!("command: [\"curl\", \"-u\", \"app:{pw}\", \"https://api.example\"]"),
        ),
        (
            "curl over lines",
            format!("curl -sS \\\n  -u app:{pw} \\\n  https://api.example"),
        ),
        ("prose", format!("The new {word}word for app is {pw}")),
        (
            "prose in short",
            format!("login as app with {word}word {pw}"),
        ),
        (
            "another scheme",
            format!("Authorization: ApiKey {}", alnum(24)),
        ),
        (
            "a variable of a pod",
            format!("- name: DB_PASSWORD\n  value: {pw}"),
        ),
        // Variables and files
        (
            "PGPASSWORD",
            format!("PG{}={pw} psql -h db -U app -c 'select 1'", "PASSWORD"),
        ),
        ("DB_PASS", format!("DB_{}={pw}", word.to_uppercase())),
        (
            "an environment file",
            format!(
                "DB_USER=app\nDB_{}WORD={pw}\nDB_HOST=db",
                word.to_uppercase()
            ),
        ),
        ("a numbered password", format!("{word}word2={pw}")),
        (
            "SECRET_KEY_BASE",
            format!("SECRET_KEY_BASE={}", random(HEX, 128, 2)),
        ),
        ("YAML", format!("db:\n  user: app\n  {word}word: {pw}")),
        (
            "YAML of words",
            format!("{word}word: \"correct horse battery\""),
        ),
        (
            "a JSON member",
            format!(r#"{{"user":"app","{word}word":"{pw}"}}"#),
        ),
        (
            "a short JSON member",
            format!(r#"{{"user":"app","{word}":"{pw}"}}"#),
        ),
        ("a credential", format!("credentials: {pw}8")),
        ("a pre-shared key", format!("psk={pw}")),
        (
            ".netrc",
            format!("machine api.example login app {word}word {pw}"),
        ),
        (
            ".netrc over lines",
            format!("machine api.example\n  login app\n  {word}word {pw}"),
        ),
        (
            ".pgpass",
            format!("db.petcare.example:5432:payments:app:{pw}"),
        ),
        (
            ".npmrc",
            format!("//registry.npmjs.org/:_{}={}", "authToken", uuid(3)),
        ),
        (
            ".docker/config.json",
            format!(r#"{{"auths":{{"registry.example":{{"auth":"{basic}"}}}}}}"#),
        ),
        (
            "a Kubernetes secret",
            format!("kind: Secret\ndata:\n  {word}word: {}", STANDARD.encode(pw)),
        ),
        (
            "a kubeconfig's key",
            format!("    client-key-data: {}", STANDARD.encode(&key)),
        ),
        (
            "a kubeconfig's token",
            format!("users:\n- name: ci\n  user:\n    token: {}", alnum(40)),
        ),
        ("a tfvars file", format!("db_{word}word = \"{pw}\"")),
        (
            "a properties file",
            format!("spring.datasource.{word}word={pw}"),
        ),
        ("XML", format!("<{word}word>{pw}</{word}word>")),
        (
            "an XML attribute",
            format!("<add key=\"DbPassword\" value=\"{pw}\"/>"),
        ),
        (
            "a WireGuard interface",
            format!("[Interface]\nPrivateKey = {}", b64(32, 4)),
        ),
        (
            "SQL",
            format!("ALTER ROLE app_a WITH LOGIN PASSWORD '{pw}'"),
        ),
        ("MySQL", format!("CREATE USER app IDENTIFIED BY '{pw}'")),
        (
            "SQL of a word",
            "ALTER USER app WITH PASSWORD 'sunshine'".to_owned(),
        ),
        // What tools print
        (
            "vault read database/creds",
            format!(
                "lease_id           database/creds/app/{}\n{word}word           {pw}\nusername           v-app-x",
                uuid(5)
            ),
        ),
        (
            "vault kv get",
            format!("====== Data ======\nKey         Value\n---         -----\n{word}word    {pw}"),
        ),
        (
            "psql",
            format!(
                " usename | {word}word\n---------+----------\n app_a   | x\n {word}word | {pw}"
            ),
        ),
        (
            "vault operator init",
            format!("Unseal Key 1: {}\nInitial Root Token: {vault}", b64(33, 6)),
        ),
        (
            "a hash of PostgreSQL",
            format!(
                "SCRAM-SHA-256$4096:{}${}:{}",
                b64(16, 7),
                b64(32, 8),
                b64(32, 9)
            ),
        ),
        (
            "a hash of shadow",
            format!(
                "app:$6${}${}:19000:0:99999",
                random(BASE62, 16, 10),
                random(BASE62, 86, 11)
            ),
        ),
        (
            "a hash of bcrypt",
            format!("app:$2y$12${}", random(BASE62, 53, 12)),
        ),
        ("openssl rand -base64", b64(32, 13)),
        (
            "openssl pkey -text",
            format!(
                "ED25519 Private-Key:\npriv:\n    {}\npub:\n    aa:bb",
                "9d:61:b1:9d:ef:fd:5a:60:ba:84:4a:f4:92:ec:2c"
            ),
        ),
        (
            "openssl rsa -text",
            format!(
                "privateExponent:\n    {}",
                "00:9d:61:b1:9d:ef:fd:5a:60:ba:84:4a:f4:92:ec:2c"
            ),
        ),
        (
            "curl -v with a token",
            format!(
                "> GET / HTTP/2\n> authorization: Bearer {}\n> accept: */*",
                alnum(30)
            ),
        ),
        (
            "curl -v with basic",
            format!("> Authorization: Basic {basic}"),
        ),
        (
            "a session's cookie",
            format!("Cookie: sessionid={}; theme=dark", random(HEX, 32, 14)),
        ),
        (
            "a cookie that is set",
            format!(
                "< set-cookie: JSESSIONID={}; Path=/; HttpOnly",
                random(HEX, 32, 15).to_uppercase()
            ),
        ),
        (
            "aws iam create-access-key",
            format!(
                r#"{{"AccessKey":{{"AccessKeyId":"{}","Status":"Active","Secret{}":"{}"}}}}"#,
                aws_id(),
                "AccessKey",
                aws_secret()
            ),
        ),
        (
            "aws secretsmanager get-secret-value",
            format!(r#"{{"Name":"prod/db","SecretString":"{pw}","VersionStages":["AWSCURRENT"]}}"#),
        ),
        (
            "a secret string of JSON",
            format!(r#"{{"SecretString":"{{\"username\":\"app\",\"{word}word\":\"{pw}\"}}"}}"#),
        ),
        (
            "aws sts assume-role",
            format!(
                r#"{{"Credentials":{{"AccessKeyId":"{}","SecretAccessKey":"{}","SessionToken":"IQoJb3Jp{}{}"}}}}"#,
                aws_id().replace("AKIA", "ASIA"),
                aws_secret(),
                "Z2lu",
                alnum(200)
            ),
        ),
        // Tokens
        ("GitHub", format!("gh{}{}", "p_", alnum(36))),
        (
            "GitHub, fine-grained",
            format!("github_{}{}_{}", "pat_", alnum(22), alnum(59)),
        ),
        ("GitLab", format!("gl{}{}", "pat-", alnum(20))),
        ("Slack", format!("xo{}123456789012-{}", "xb-", alnum(24))),
        ("Stripe", format!("sk_{}_{}", "live", alnum(24))),
        ("npm", format!("np{}{}", "m_", alnum(36))),
        ("PyPI", format!("py{}{}", "pi-AgEIcHlwaS5vcmc", alnum(80))),
        ("Vault", vault.clone()),
        ("Vault before 1.10", format!("s.{}", alnum(24))),
        ("a signed JWT", jwt()),
        ("Google", format!("AI{}{}", "za", alnum(35))),
        (
            "OpenAI, of a prefix of later",
            format!("sk-live-{}", alnum(40)),
        ),
        (
            "a prefix nobody listed",
            format!("acme_{}_{}", "prod", alnum(32)),
        ),
        (
            "a webhook",
            format!(
                "https://hooks.slack{}/services/T0AB12CD/B0EF34GH/{}",
                ".com",
                alnum(24)
            ),
        ),
        // URLs and connection strings
        (
            "PostgreSQL's URL",
            format!("postgres://app:{pw}@db.internal:5432/payments"),
        ),
        ("a URL of words", "postgres://user:pw@host/db".to_owned()),
        ("Redis's URL", format!("rediss://:{pw}@cache:6380/0")),
        (
            "git's URL",
            format!("git clone https://ci:{pw}@git.example/payments.git"),
        ),
        (
            "JDBC",
            format!("jdbc:postgresql://db/pay?user=app&{word}word={pw}"),
        ),
        (
            "libpq",
            format!("host=db user=app {word}word={pw} dbname=payments"),
        ),
        (
            "ADO.NET",
            format!("Server=db;Database=pay;User Id=app;Pwd={pw};"),
        ),
        (
            "Azure storage",
            format!(
                "DefaultEndpointsProtocol=https;AccountName=petcare;Account{}={}",
                "Key",
                b64(64, 16)
            ),
        ),
        (
            "Azure service bus",
            format!(
                "Endpoint=sb://petcare.servicebus.windows.net/;SharedAccessKeyName=root;SharedAccess{}={}",
                "Key",
                b64(32, 17)
            ),
        ),
        (
            "a SAS",
            format!(
                "https://petcare.blob.core.windows.net/b?sv=2024-11-04&se=2026-01-06&si{}={}%3D",
                "g",
                &b64(32, 18).replace(['+', '/'], "x")[..43]
            ),
        ),
        (
            "a signed URL of S3",
            format!(
                "https://b.s3.amazonaws.com/k?X-Amz-Credential=x&X-Amz-Signa{}={}",
                "ture",
                random(HEX, 64, 19)
            ),
        ),
        // Private keys
        ("PKCS #8", key.clone()),
        (
            "OpenSSH",
            pem(
                "OPENSSH PRIVATE KEY",
                &STANDARD.encode([b"openssh-key-v1\0".as_slice(), &bytes(200, 20)].concat()),
            ),
        ),
        (
            "PGP",
            format!(
                "{}\n\n{}",
                armour("PGP PRIVATE KEY BLOCK"),
                random(BASE64, 64, 21)
            ),
        ),
        ("PKCS #8 without its armour", pkcs8),
        (
            "PKCS #12",
            der(
                &[0x02, 0x01, 0x03, 0x30, 0x82, 0x02, 0x00, 0x06, 0x09],
                700,
                22,
            ),
        ),
        (
            "a private JWK",
            format!(
                r#"{{"kty":"EC","crv":"P-256","x":"{}","d":"{}"}}"#,
                b64url(32, 23),
                b64url(32, 24)
            ),
        ),
        (
            "a symmetric JWK",
            format!(r#"{{"kty":"oct","alg":"HS256","k":"{}"}}"#, b64url(32, 25)),
        ),
        (
            "an age identity",
            format!(
                "AGE-SECRET-{}1{}",
                "KEY-",
                random(b"QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 58, 26)
            ),
        ),
        (
            "a TLS master key",
            format!("    Master-Key: {}", random(HEX, 96, 27).to_uppercase()),
        ),
    ]
}

/// The four places, and what the scan says of each.
fn scans(text: &str) -> [(&'static str, Option<SecretHit>); 4] {
    let string = serde_json::json!({"time": "2026-01-05T10:15:30Z", "stdout": text, "exit": 0});
    let file = format!("# rotation of payments-db\n\n{text}\n\ndone in 00:02:13\n");
    let log = format!("2026-01-05T10:15:30.123Z INFO rotate[312] step=cutover: {text}");
    [
        ("alone", scan_field(FieldClass::Prose, text)),
        (
            "in a JSON string",
            scan_field(FieldClass::Prose, &string.to_string()),
        ),
        ("in a line of a log", scan_field(FieldClass::Prose, &log)),
        ("in an attachment", scan_attachment(file.as_bytes())),
    ]
}

#[test]
fn harmless_shapes_pass() {
    let mut wrong = Vec::new();
    for (name, text) in harmless() {
        for (place, hit) in scans(&text) {
            wrong.extend(hit.map(|hit| format!("{name}, {place}: {hit}")));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn leaking_shapes_are_refused() {
    let mut wrong = Vec::new();
    for (name, text) in leaking() {
        for (place, hit) in scans(&text) {
            if hit.is_none() {
                wrong.push(format!("{name}, {place}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_leaks_is_taken_out_of_a_copy_with_its_lines() {
    for (name, text) in leaking() {
        let file = format!("# rotation of payments-db\n\n{text}\n\ndone in 00:02:13\n");
        let copy = redacted(file.as_bytes(), scan_attachment);
        let copy = String::from_utf8(copy.unwrap_or_else(|| panic!("{name}: no copy"))).unwrap();
        assert_eq!(scan_attachment(copy.as_bytes()), None, "{name}: {copy}");
        assert!(
            copy.starts_with("# rotation of payments-db\n\n"),
            "{name}: {copy}"
        );
        // A key has no end that could be trusted.
        let whole = copy.contains("[redacted: private-key]");
        assert!(
            whole || copy.ends_with("\n\ndone in 00:02:13\n"),
            "{name}: {copy}"
        );
        // What is left of it are names: nothing with letters and digits, but a name or two of the table.
        let left = copy
            .lines()
            .filter(|line| text.lines().any(|of| of == *line));
        for word in left.flat_map(str::split_whitespace) {
            let has = |class: fn(&u8) -> bool| word.bytes().any(|byte| class(&byte));
            let is_random = has(u8::is_ascii_digit)
                && has(u8::is_ascii_alphabetic)
                && word.len() >= 8
                && !word.contains("creds/app");
            assert!(!is_random, "{name}: {word} in {copy}");
        }
    }
}

#[test]
fn a_key_goes_with_its_body_however_it_is_wrapped() {
    let body: Vec<_> = (0..20).map(|line| b64(48, 100 + line)).collect();
    let end = format!("-----{} EC PRIVATE KEY-----", "END");
    let pem = format!("{}\n{}\n{end}\n", armour("EC PRIVATE KEY"), body.join("\n"));
    let wrapped: Vec<_> = STANDARD.encode(&pem).into_bytes();
    let wrapped: Vec<_> = wrapped
        .chunks(76)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    let value = KnownValue::new(pem.as_bytes()).unwrap();
    for (what, lines) in [
        ("plain", pem.clone()),
        ("in base64", wrapped.join("\n") + "\n"),
    ] {
        let file = format!("begin\n{lines}the end of it\n");
        let known = |text: &[u8]| value.found_in(text);
        for copy in [
            redacted(file.as_bytes(), scan_attachment),
            redacted(file.as_bytes(), known),
        ] {
            let copy = String::from_utf8(copy.unwrap()).unwrap();
            assert_eq!(copy.lines().count(), 3, "{what}: {copy}");
            assert!(copy.starts_with("begin\n[redacted: "), "{what}: {copy}");
            assert!(copy.ends_with("]\nthe end of it\n"), "{what}: {copy}");
        }
    }
    // Without its end, everything behind its beginning goes.
    let cut = format!("begin\n{}\n{}\nmore\n", armour("EC PRIVATE KEY"), body[0]);
    let copy = redacted(cut.as_bytes(), scan_attachment).unwrap();
    assert_eq!(copy, b"begin\n[redacted: private-key]\n");
}

#[test]
fn no_copy_is_made_where_lines_say_nothing() {
    let token = format!("gh{}{}", "p_", alnum(36));
    let utf16: Vec<u8> = token.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(scan_attachment(&utf16).is_some());
    assert_eq!(redacted(&utf16, scan_attachment), None);
    let many = format!("{token}\nfine\n").repeat(101);
    assert_eq!(redacted(many.as_bytes(), scan_attachment), None);
    assert_eq!(redacted(b"fine\n", scan_attachment).unwrap(), b"fine\n");
    // A value over more lines than are looked at together has no end that could be told.
    let long = (0..200).fold(String::new(), |text, line| {
        format!("{text}line {line} of it\n")
    });
    let value = KnownValue::new(long.as_bytes()).unwrap();
    assert_eq!(redacted(long.as_bytes(), |text| value.found_in(text)), None);
}

#[test]
fn the_document_counts_the_shapes() {
    let (harmless, leaking) = (harmless().len(), leaking().len());
    assert!(harmless >= 60 && leaking >= 60);
    let said = format!("{harmless} harmless and {leaking} leaking shapes");
    let document = std::fs::read_to_string("docs/SECURITY.md").unwrap();
    assert!(
        document.contains(&said),
        "docs/SECURITY.md is to say: {said}"
    );
}
