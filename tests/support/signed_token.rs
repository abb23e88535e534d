//! An authority that signs whatever it is told, at whatever time, and as wrongly as it is told: `openssl ts` knows
//! the present alone, and does nothing wrong. The DER is made byte by byte, the signatures by `ring`.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "helpers of several test programs"
)]

use ring::digest;
use ring::rand::SystemRandom;
use ring::signature::ECDSA_P256_SHA256_ASN1_SIGNING;
use ring::signature::EcdsaKeyPair;
use ring::signature::KeyPair as _;
use rotation_ledger::time::Timestamp;
use rotation_ledger::timetoken::TsaAuthorities;

use super::token::SHA256;
use super::token::TST_INFO;
use super::token::granted;
use super::token::imprint;
use super::token::info;
use super::token::number;
use super::token::object;
use super::token::octets;
use super::token::sequence;
use super::token::set;
use super::token::value;

const ECDSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
const EC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
const COMMON_NAME: &[u8] = &[0x55, 4, 3];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];
const CONTENT_TYPE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 3];
const MESSAGE_DIGEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 4];
const SIGNING_CERTIFICATE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 0x10, 2, 0x0c];
const SIGNING_CERTIFICATE_V2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 0x10, 2, 0x2f];
/// The content of an object: what a certificate of an authority is for.
pub const TIME_STAMPING: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 8];
/// What a certificate of a web server is for.
pub const SERVER: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 1];
const TRUE: &[u8] = &[1, 1, 0xff];

/// A root, and an authority below it.
pub struct SignedAuthority {
    root: EcdsaKeyPair,
    root_certificate: Vec<u8>,
    key: EcdsaKeyPair,
    certificate: Vec<u8>,
}

/// What is signed, before it is bent.
pub struct Signing {
    /// What the signature says it is of.
    pub content_type: Vec<u8>,
    /// The digest that is signed.
    pub digest: Vec<u8>,
    /// The certificate that the signature names, and whether by SHA-1.
    pub names: (Vec<u8>, bool),
    /// The certificates in the token.
    pub carried: Vec<Vec<u8>>,
    /// The attributes that are in the token and were not signed, in place of those that were.
    pub swapped: Option<Vec<u8>>,
    /// What the signature is made with.
    pub algorithm: Vec<u8>,
}

fn new_key() -> EcdsaKeyPair {
    let random = SystemRandom::new();
    let form = &ECDSA_P256_SHA256_ASN1_SIGNING;
    let bytes = EcdsaKeyPair::generate_pkcs8(form, &random).unwrap();
    EcdsaKeyPair::from_pkcs8(form, bytes.as_ref(), &random).unwrap()
}

fn sign(key: &EcdsaKeyPair, bytes: &[u8]) -> Vec<u8> {
    let signature = key.sign(&SystemRandom::new(), bytes).unwrap();
    signature.as_ref().to_vec()
}

fn sha(algorithm: &'static digest::Algorithm, bytes: &[u8]) -> Vec<u8> {
    digest::digest(algorithm, bytes).as_ref().to_vec()
}

fn name(words: &str) -> Vec<u8> {
    let one = sequence(&[&object(COMMON_NAME), &value(0x0c, &[words.as_bytes()])]);
    sequence(&[&set(&[&one])])
}

fn certificate(
    (issuer, by): (&str, &EcdsaKeyPair),
    (subject, key): (&str, &EcdsaKeyPair),
    extensions: &[&[u8]],
) -> Vec<u8> {
    let algorithm = sequence(&[&object(ECDSA_SHA256)]);
    let kind = sequence(&[&object(EC_KEY), &object(P256)]);
    let public = value(3, &[&[0], key.public_key().as_ref()]);
    let time = |words: &str| value(0x17, &[words.as_bytes()]);
    let stated = sequence(&[
        &value(0xa0, &[&number(&[2])]),
        &number(&[7]),
        &algorithm,
        &name(issuer),
        &sequence(&[&time("200101000000Z"), &time("491231235959Z")]),
        &name(subject),
        &sequence(&[&kind, &public]),
        &value(0xa3, &[&sequence(extensions)]),
    ]);
    let signature = value(3, &[&[0], &sign(by, &stated)]);
    sequence(&[&stated, &algorithm, &signature])
}

fn usage(purposes: &[&[u8]], critical: bool) -> Vec<u8> {
    let purposes: Vec<_> = purposes.iter().map(|one| object(one)).collect();
    let purposes: Vec<_> = purposes.iter().map(Vec::as_slice).collect();
    let critical = if critical { TRUE } else { &[] };
    sequence(&[
        &object(EXTENDED_KEY_USAGE),
        critical,
        &octets(&sequence(&purposes)),
    ])
}

impl SignedAuthority {
    pub fn new() -> Self {
        let (root, key) = (new_key(), new_key());
        let is_ca = octets(&sequence(&[TRUE]));
        let is_ca = sequence(&[&object(BASIC_CONSTRAINTS), TRUE, &is_ca]);
        let root_certificate = certificate(("Root", &root), ("Root", &root), &[&is_ca]);
        let mut authority = Self {
            root,
            root_certificate,
            key,
            certificate: Vec::new(),
        };
        authority.certificate = authority.certified(&[TIME_STAMPING], true);
        authority
    }

    /// Another certificate of the authority's key, for these purposes.
    pub fn certified(&self, purposes: &[&[u8]], critical: bool) -> Vec<u8> {
        let usage = usage(purposes, critical);
        certificate(("Root", &self.root), ("Time", &self.key), &[&usage])
    }

    /// The root as readers name it.
    pub fn pem(&self) -> String {
        use base64::Engine as _;
        let text = base64::engine::general_purpose::STANDARD.encode(&self.root_certificate);
        let lines: Vec<_> = text.as_bytes().chunks(64).collect();
        let text = String::from_utf8(lines.join(&b'\n')).unwrap();
        format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
    }

    pub fn authorities(&self) -> TsaAuthorities {
        TsaAuthorities::parse(self.pem().as_bytes()).unwrap()
    }

    /// A token over `data`, as it should be.
    pub fn response(&self, data: &[u8], time: Timestamp) -> Vec<u8> {
        self.bent(data, time, |_| {})
    }

    /// A token over `data`, signed as `bend` says.
    pub fn bent(&self, data: &[u8], time: Timestamp, bend: impl FnOnce(&mut Signing)) -> Vec<u8> {
        self.signed(&info(&imprint(data), &[], time), bend)
    }

    /// The answer to a request of the ledger's own, of any time.
    pub fn answer(&self, request: &[u8], time: Timestamp) -> Vec<u8> {
        self.signed(&answered(request, time), |_| {})
    }

    fn signed(&self, info: &[u8], bend: impl FnOnce(&mut Signing)) -> Vec<u8> {
        let mut signing = Signing {
            content_type: object(TST_INFO),
            digest: sha(&digest::SHA256, info),
            names: (self.certificate.clone(), false),
            carried: vec![self.certificate.clone()],
            swapped: None,
            algorithm: object(ECDSA_SHA256),
        };
        bend(&mut signing);
        let attribute = |kind: &[u8], value: &[u8]| sequence(&[&object(kind), &set(&[value])]);
        let (named, by_sha1) = &signing.names;
        let (kind, algorithm) = match by_sha1 {
            true => (SIGNING_CERTIFICATE, &digest::SHA1_FOR_LEGACY_USE_ONLY),
            false => (SIGNING_CERTIFICATE_V2, &digest::SHA256),
        };
        let named = sequence(&[&sequence(&[&octets(&sha(algorithm, named))])]);
        let attributes = [
            attribute(CONTENT_TYPE, &signing.content_type),
            attribute(MESSAGE_DIGEST, &octets(&signing.digest)),
            attribute(kind, &sequence(&[&named])),
        ]
        .concat();
        let signature = sign(&self.key, &set(&[&attributes]));
        let signer = sequence(&[
            &number(&[1]),
            &sequence(&[&name("Root"), &number(&[7])]),
            &sequence(&[&object(SHA256)]),
            &value(0xa0, &[signing.swapped.as_ref().unwrap_or(&attributes)]),
            &sequence(&[&signing.algorithm]),
            &octets(&signature),
        ]);
        let carried = value(0xa0, &[&signing.carried.concat()]);
        let carried = if signing.carried.is_empty() {
            Vec::new()
        } else {
            carried
        };
        granted(info, &carried, &signer)
    }
}

/// What somebody on the way answers to a request: it echoes digest and nonce, and nobody signed it.
pub fn unsigned_answer(request: &[u8], time: Timestamp) -> Vec<u8> {
    granted(&answered(request, time), &[], &sequence(&[]))
}

/// The digest and the nonce of a request, stated at a time: version, imprint, nonce, `TRUE`.
fn answered(request: &[u8], time: Timestamp) -> Vec<u8> {
    let imprint_ends = 5 + 2 + usize::from(request[6]);
    let nonce_ends = request.len() - TRUE.len();
    info(
        &request[5..imprint_ends],
        &request[imprint_ends..nonce_ends],
        time,
    )
}
