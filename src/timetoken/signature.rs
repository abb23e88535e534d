//! Whether an authority signed a token: the signature over what it states (RFC 5652), the certificate that
//! the signature names (RFC 3161, section 2.3), and the chain from there to one that the reader named.
//!
//! Anybody can make a key, a certificate for time stamping and a token of any time, so that a signature which
//! holds says nothing until the chain does. Whether a certificate was revoked is not asked. RSA of 2048 bits and
//! more (PKCS #1 1.5) and ECDSA on P-256 and P-384 are known here; SHA-512 with ECDSA, P-521 and RSA-PSS are not.

use std::time::Duration;

use der::asn1::{ObjectIdentifier, OctetString};
use der::{Any, Decode as _, Encode as _, Sequence, Tag, TagNumber, Tagged as _};
use ring::digest;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, TrustAnchor, UnixTime};
use webpki::ring as algorithms;
use webpki::{EndEntityCert, Error, KeyUsage};

use crate::time::Timestamp;

use super::fault::SignatureFault;
use super::token::{AlgorithmIdentifier, SHA256, SignedData, TST_INFO, TimeToken, no, signed_data};

const SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const RSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
const RSA_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.12");
const RSA_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.13");
const ECDSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const ECDSA_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");

const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
const CERTIFICATE_BY_SHA1: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.12");
const CERTIFICATE_BY_DIGEST: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47");

const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");
const TIME_STAMPING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.8");

/// Certificates below which a reader believes time-stamping authorities.
#[derive(Debug, Clone)]
pub struct TsaAuthorities(Vec<TrustAnchor<'static>>);

#[derive(Sequence)]
struct SignerInfo {
    version: u8,
    /// Which certificate is meant; not believed, for nobody signed it. The attributes name it too.
    signer: Any,
    digest: AlgorithmIdentifier,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    attributes: Option<Vec<Attribute>>,
    algorithm: AlgorithmIdentifier,
    signature: OctetString,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    unsigned: Option<Vec<Any>>,
}

#[derive(Sequence)]
struct Attribute {
    kind: ObjectIdentifier,
    values: Any,
}

/// RFC 2634 and RFC 5035: the first of the certificates is the signer's.
#[derive(Sequence)]
struct SigningCertificate {
    certificates: Vec<CertificateId>,
    #[asn1(optional = "true")]
    policies: Option<Any>,
}

#[derive(Sequence)]
struct CertificateId {
    #[asn1(optional = "true")]
    algorithm: Option<AlgorithmIdentifier>,
    digest: OctetString,
    #[asn1(optional = "true")]
    serial: Option<Any>,
}

#[derive(Sequence)]
struct Extension {
    kind: ObjectIdentifier,
    #[asn1(default = "no")]
    critical: bool,
    value: OctetString,
}

impl TsaAuthorities {
    /// Reads certificates in PEM, of roots as a rule.
    ///
    /// # Errors
    /// There is none, or one that cannot be read.
    pub fn parse(pem: &[u8]) -> Result<Self, String> {
        let mut anchors = Vec::new();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|fault| fault.to_string())?;
            let anchor = webpki::anchor_from_trusted_cert(&certificate);
            anchors.push(anchor.map_err(|fault| fault.to_string())?.to_owned());
        }
        match anchors.is_empty() {
            true => Err("there is no certificate in PEM in it".to_owned()),
            false => Ok(Self(anchors)),
        }
    }
}

/// Whether the token in a response is one that an authority signed, and one of those that the reader named.
///
/// # Errors
/// It is not, or nobody can tell.
pub fn check_signature(
    response: &[u8],
    authorities: Option<&TsaAuthorities>,
) -> Result<(), SignatureFault> {
    let (mut signed, content) = signed_data(response).map_err(unsound)?;
    let token = TimeToken::stated_in(&content).map_err(unsound)?;
    let certificates = signed.certificates.take().unwrap_or_default();
    let certificates = certificates.iter().map(|one| Ok(one.to_der()?.into()));
    let certificates: Vec<CertificateDer<'_>> =
        certificates.collect::<Result<_, _>>().map_err(malformed)?;
    let certificate = signed_by(&signed, &content, &certificates)?;
    let authorities = authorities.ok_or(SignatureFault::Unnamed)?;
    // Below the reader's certificates at the time that is stated: the authority's own ends some day.
    certificate
        .verify_for_usage(
            webpki::ALL_VERIFICATION_ALGS,
            &authorities.0,
            &certificates,
            unix_time(token.time),
            // Of the authority's own certificate it was asked already; those above it may say nothing.
            KeyUsage::required_if_present(TIME_STAMPING.as_bytes()),
            None,
            None,
        )
        .map(|_| ())
        .map_err(|fault| match fault {
            Error::UnsupportedSignatureAlgorithmContext(_)
            | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => not_read(fault),
            fault => SignatureFault::Stranger(fault.to_string()),
        })
}

/// The certificate whose key signed what the token states.
fn signed_by<'c>(
    signed: &SignedData,
    content: &OctetString,
    certificates: &'c [CertificateDer<'c>],
) -> Result<EndEntityCert<'c>, SignatureFault> {
    // RFC 3161 has one signature, so that more than one is bytes left over.
    let signer = SignerInfo::from_der(signed.signers.value()).map_err(malformed)?;
    let attributes = signer.attributes.as_deref().unwrap_or_default();
    let kind = one(attributes, &CONTENT_TYPE)?.ok_or_else(|| unsound("it does not say what of"))?;
    if kind.decode_as() != Ok(TST_INFO) {
        return Err(unsound("it is of something else"));
    }
    let stated = one(attributes, &MESSAGE_DIGEST)?;
    let stated: Option<OctetString> = stated.and_then(|value| value.decode_as().ok());
    let digest = hash(&signer.digest.algorithm)?;
    let is_over = |stated: OctetString| stated.as_bytes() == digest_of(digest, content.as_bytes());
    if !stated.is_some_and(is_over) {
        return Err(unsound("it is over another time or digest"));
    }
    let own = certificate_named(attributes, certificates)?;
    if is_for_time_alone(own).map_err(malformed)? != Some(true) {
        return Err(unsound(
            "its certificate is not for time stamping alone, as RFC 3161 demands",
        ));
    }
    // What is signed is the set of attributes, under the tag that a set has outside of this structure.
    let parts: Result<Vec<_>, _> = attributes.iter().map(Attribute::to_der).collect();
    let set = parts.and_then(|parts| Any::new(Tag::Set, parts.concat())?.to_der());
    let set = set.map_err(malformed)?;
    let certificate = EndEntityCert::try_from(own).map_err(not_read)?;
    for algorithm in algorithms_of(&signer)? {
        match certificate.verify_signature(algorithm, &set, signer.signature.as_bytes()) {
            Ok(()) => return Ok(certificate),
            // On another curve.
            Err(Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_)) => {}
            Err(_) => return Err(unsound("its certificate's key did not make it")),
        }
    }
    Err(unsupported("a kind of key".to_owned()))
}

/// The one value of the attribute of this kind.
fn one(attributes: &[Attribute], kind: &ObjectIdentifier) -> Result<Option<Any>, SignatureFault> {
    let mut found = attributes.iter().filter(|one| one.kind == *kind);
    match (found.next(), found.next()) {
        (None, _) => Ok(None),
        (Some(one), None) if one.values.tag() == Tag::Set => Any::from_der(one.values.value())
            .map(Some)
            .map_err(malformed),
        _ => Err(unsound("an attribute has several values")),
    }
}

/// The certificate that the signed attributes name: one that was put in its place with the same key is another.
fn certificate_named<'c>(
    attributes: &[Attribute],
    certificates: &'c [CertificateDer<'c>],
) -> Result<&'c CertificateDer<'c>, SignatureFault> {
    let (value, usual) = match one(attributes, &CERTIFICATE_BY_DIGEST)? {
        Some(value) => (Some(value), &digest::SHA256),
        None => (
            one(attributes, &CERTIFICATE_BY_SHA1)?,
            &digest::SHA1_FOR_LEGACY_USE_ONLY,
        ),
    };
    let value = value.ok_or_else(|| unsound("it names no certificate"))?;
    let named: SigningCertificate = value.decode_as().map_err(malformed)?;
    let named = named.certificates.first();
    let named = named.ok_or_else(|| unsound("it names no certificate"))?;
    let algorithm = named.algorithm.as_ref();
    let algorithm = algorithm.map_or(Ok(usual), |named| hash(&named.algorithm))?;
    let is_named = |one: &&CertificateDer<'_>| digest_of(algorithm, one) == named.digest.as_bytes();
    let found = certificates.iter().find(is_named);
    found.ok_or_else(|| unsound("the certificate that it names is not in the token"))
}

/// Whether a certificate is for time stamping and nothing else, and says that this is not to be passed over;
/// nothing where it does not say what it is for.
fn is_for_time_alone(certificate: &[u8]) -> Result<Option<bool>, der::Error> {
    let parts = Vec::<Any>::from_der(certificate)?;
    let stated = parts.first().map(Any::decode_as::<Vec<Any>>).transpose()?;
    let tag = Tag::ContextSpecific {
        constructed: true,
        number: TagNumber(3),
    };
    let last = stated.unwrap_or_default().pop();
    let Some(last) = last.filter(|last| last.tag() == tag) else {
        return Ok(None);
    };
    for extension in Vec::<Extension>::from_der(last.value())? {
        if extension.kind == EXTENDED_KEY_USAGE {
            let purposes = Vec::<ObjectIdentifier>::from_der(extension.value.as_bytes())?;
            return Ok(Some(extension.critical && purposes == [TIME_STAMPING]));
        }
    }
    Ok(None)
}

fn hash(named: &ObjectIdentifier) -> Result<&'static digest::Algorithm, SignatureFault> {
    match *named {
        SHA256 => Ok(&digest::SHA256),
        SHA384 => Ok(&digest::SHA384),
        SHA512 => Ok(&digest::SHA512),
        other => Err(unsupported(format!("the digest {other}"))),
    }
}

fn digest_of(algorithm: &'static digest::Algorithm, bytes: &[u8]) -> Vec<u8> {
    digest::digest(algorithm, bytes).as_ref().to_vec()
}

/// The algorithms that a signature can be of, by what it says: not which curve, which the key says.
fn algorithms_of(
    signer: &SignerInfo,
) -> Result<Vec<&'static dyn SignatureVerificationAlgorithm>, SignatureFault> {
    Ok(
        match (signer.algorithm.algorithm, signer.digest.algorithm) {
            (RSA_SHA256, _) | (RSA, SHA256) => vec![algorithms::RSA_PKCS1_2048_8192_SHA256],
            (RSA_SHA384, _) | (RSA, SHA384) => vec![algorithms::RSA_PKCS1_2048_8192_SHA384],
            (RSA_SHA512, _) | (RSA, SHA512) => vec![algorithms::RSA_PKCS1_2048_8192_SHA512],
            (ECDSA_SHA256, _) => vec![algorithms::ECDSA_P256_SHA256, algorithms::ECDSA_P384_SHA256],
            (ECDSA_SHA384, _) => vec![algorithms::ECDSA_P256_SHA384, algorithms::ECDSA_P384_SHA384],
            (other, _) => return Err(unsupported(format!("the algorithm {other}"))),
        },
    )
}

/// In whole seconds, as certificates are; before 1970 none was valid.
fn unix_time(time: Timestamp) -> UnixTime {
    let seconds = time.micros().div_euclid(1_000_000);
    UnixTime::since_unix_epoch(Duration::from_secs(seconds.try_into().unwrap_or_default()))
}

fn unsound(why: impl ToString) -> SignatureFault {
    SignatureFault::Unsound(why.to_string())
}

const fn unsupported(why: String) -> SignatureFault {
    SignatureFault::Unsupported(why)
}

fn malformed(why: der::Error) -> SignatureFault {
    unsound(format!("it is not what RFC 5652 says: {why}"))
}

fn not_read(why: Error) -> SignatureFault {
    unsupported(format!("the certificate: {why}"))
}
