//! What a token states, and how it is asked for: RFC 3161 in DER.

use std::fmt;
use std::time::Duration;

use chrono::NaiveDateTime;
use der::asn1::{BitString, Int, ObjectIdentifier, OctetString};
use der::{Any, Decode as _, Encode as _, Sequence, Tag, Tagged as _};

use crate::hash::Sha256Digest;
use crate::time::Timestamp;

/// Responses are read no further: real ones, with all certificates of a chain, have a few KiB.
pub const RESPONSE_LIMIT: usize = 1 << 20;

/// Bytes of a nonce.
pub const NONCE_BYTES: usize = 8;

pub(super) const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
pub(super) const TST_INFO: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");

/// What is shown of an authority's own words.
const WORDS: usize = 200;

/// Why a request cannot be made, or a response is not a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TimeTokenError {
    /// More bytes than any response has.
    #[error("the response has {0} bytes; the limit is {RESPONSE_LIMIT}")]
    TooLong(usize),
    /// Not DER, cut short, with bytes left over, or not the structure that it should be.
    #[error("{what} is not what RFC 3161 says: {why}")]
    Malformed {
        /// Which part.
        what: &'static str,
        /// Why, in the words of the decoder.
        why: String,
    },
    /// The authority refused.
    #[error("the authority refused: {0}")]
    Refused(TsaRefusal),
    /// Granted, and no token in it.
    #[error("the response says that it was granted, and has no token")]
    NoToken,
    /// The content is something else.
    #[error("the token holds {0}, not a signed time")]
    Content(String),
    /// Nobody signed it.
    #[error("nobody signed the token")]
    Unsigned,
    /// The digest is of another kind.
    #[error("the token is over a digest that is no SHA-256")]
    Algorithm,
    /// The time is in another form than RFC 3161 allows.
    #[error("the time of the token is not a UTC time as RFC 3161 writes it")]
    Time,
}

/// Why a time-stamping authority refused, as its response says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TsaRefusal {
    status: u8,
    words: String,
    failures: Vec<&'static str>,
}

/// A request for a token over a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeRequest {
    /// The digest.
    pub imprint: Sha256Digest,
    /// Random bytes that the response must repeat, so that an old one cannot stand in for it.
    pub nonce: [u8; NONCE_BYTES],
}

/// What a token states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeToken {
    /// The digest that it is over.
    pub imprint: Sha256Digest,
    /// When, by the authority's clock.
    pub time: Timestamp,
    /// How far that clock may be off; nothing where the authority does not say.
    pub accuracy: Duration,
    /// The policy under which it was given, as a dotted number.
    pub policy: String,
    nonce: Option<Int>,
}

/// How a token does not answer a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenMismatch {
    /// It is over something else.
    #[error("the token is over {found}, not {asked}")]
    Imprint {
        /// The digest asked for.
        asked: Sha256Digest,
        /// The digest in the token.
        found: Sha256Digest,
    },
    /// It answers another request, perhaps an old one.
    #[error("the token's nonce is not that of the request: it answers another one")]
    Nonce,
}

#[derive(Sequence)]
pub(super) struct AlgorithmIdentifier {
    pub(super) algorithm: ObjectIdentifier,
    #[asn1(optional = "true")]
    parameters: Option<Any>,
}

#[derive(Sequence)]
struct MessageImprint {
    algorithm: AlgorithmIdentifier,
    digest: OctetString,
}

#[derive(Sequence)]
struct TimeStampReq {
    version: u8,
    imprint: MessageImprint,
    nonce: Int,
    #[asn1(default = "no")]
    certificates_wanted: bool,
}

#[derive(Sequence)]
struct TimeStampResp {
    status: PkiStatusInfo,
    #[asn1(optional = "true")]
    token: Option<ContentInfo>,
}

#[derive(Sequence)]
struct PkiStatusInfo {
    status: u8,
    #[asn1(optional = "true")]
    words: Option<Vec<String>>,
    #[asn1(optional = "true")]
    failures: Option<BitString>,
}

#[derive(Sequence)]
struct ContentInfo {
    content_type: ObjectIdentifier,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    content: Any,
}

/// RFC 5652; certificates need not be sorted: real ones are not.
#[derive(Sequence)]
pub(super) struct SignedData {
    version: u8,
    digest_algorithms: Any,
    content: EncapsulatedContentInfo,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    pub(super) certificates: Option<Vec<Any>>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    revocations: Option<Vec<Any>>,
    pub(super) signers: Any,
}

#[derive(Sequence)]
struct EncapsulatedContentInfo {
    content_type: ObjectIdentifier,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    content: Option<OctetString>,
}

#[derive(Sequence)]
struct TstInfo {
    version: u8,
    policy: ObjectIdentifier,
    imprint: MessageImprint,
    serial: Int,
    /// A GeneralizedTime, which may have fractions of a second here and nowhere in X.509.
    time: Any,
    #[asn1(optional = "true")]
    accuracy: Option<Accuracy>,
    #[asn1(default = "no")]
    ordering: bool,
    #[asn1(optional = "true")]
    nonce: Option<Int>,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    authority: Option<Any>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    extensions: Option<Vec<Any>>,
}

#[derive(Sequence)]
struct Accuracy {
    #[asn1(optional = "true")]
    seconds: Option<u32>,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    millis: Option<u16>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    micros: Option<u16>,
}

pub(super) const fn no() -> bool {
    false
}

fn malformed(what: &'static str) -> impl Fn(der::Error) -> TimeTokenError {
    move |why| TimeTokenError::Malformed {
        what,
        why: why.to_string(),
    }
}

impl TimeRequest {
    /// The request as it is sent: version 1, SHA-256, with the nonce, and asking for the authority's
    /// certificates, so that the token can be checked when the authority is long gone.
    ///
    /// # Errors
    /// None that these values can cause.
    pub fn encode(&self) -> Result<Vec<u8>, TimeTokenError> {
        let fault = malformed("the request");
        let request = TimeStampReq {
            version: 1,
            imprint: MessageImprint {
                algorithm: AlgorithmIdentifier {
                    algorithm: SHA256,
                    parameters: Some(Any::null()),
                },
                digest: OctetString::new(self.imprint.as_bytes().as_slice()).map_err(&fault)?,
            },
            nonce: self.nonce().map_err(&fault)?,
            certificates_wanted: true,
        };
        request.to_der().map_err(fault)
    }

    /// A DER integer has no superfluous leading byte.
    fn nonce(&self) -> Result<Int, der::Error> {
        let number = u64::from_be_bytes(self.nonce);
        Int::from_der(&number.to_der()?)
    }

    /// Whether a token answers this request.
    ///
    /// # Errors
    /// How it does not.
    pub fn check(&self, token: &TimeToken) -> Result<(), TokenMismatch> {
        if token.imprint != self.imprint {
            return Err(TokenMismatch::Imprint {
                asked: self.imprint,
                found: token.imprint,
            });
        }
        match self.nonce() {
            Ok(nonce) if token.nonce.as_ref() == Some(&nonce) => Ok(()),
            _ => Err(TokenMismatch::Nonce),
        }
    }
}

impl TimeToken {
    /// Reads a whole response, and the token in it.
    ///
    /// # Errors
    /// It was refused, or it is not what RFC 3161 says.
    pub fn parse(response: &[u8]) -> Result<Self, TimeTokenError> {
        let (_, content) = signed_data(response)?;
        Self::stated_in(&content)
    }

    /// Reads what was signed.
    pub(super) fn stated_in(content: &OctetString) -> Result<Self, TimeTokenError> {
        let info = TstInfo::from_der(content.as_bytes());
        Self::of(info.map_err(malformed("the time in the token"))?)
    }

    fn of(info: TstInfo) -> Result<Self, TimeTokenError> {
        if info.imprint.algorithm.algorithm != SHA256 {
            return Err(TimeTokenError::Algorithm);
        }
        let digest = <[u8; 32]>::try_from(info.imprint.digest.as_bytes())
            .map_err(|_| TimeTokenError::Algorithm)?;
        if info.time.tag() != Tag::GeneralizedTime {
            return Err(TimeTokenError::Time);
        }
        let accuracy = info.accuracy.map_or(Duration::ZERO, |accuracy| {
            Duration::from_secs(accuracy.seconds.unwrap_or_default().into())
                + Duration::from_millis(accuracy.millis.unwrap_or_default().into())
                + Duration::from_micros(accuracy.micros.unwrap_or_default().into())
        });
        Ok(Self {
            imprint: Sha256Digest::from_bytes(digest),
            time: parse_time(info.time.value()).ok_or(TimeTokenError::Time)?,
            accuracy,
            policy: info.policy.to_string(),
            nonce: info.nonce,
        })
    }

    /// The latest instant at which the token can have been made: what it is over existed then.
    #[must_use]
    pub fn latest(&self) -> Timestamp {
        self.time.plus(self.accuracy)
    }

    /// The earliest instant at which the token can have been made: what names it is not older.
    #[must_use]
    pub fn earliest(&self) -> Timestamp {
        let micros = i64::try_from(self.accuracy.as_micros()).unwrap_or(i64::MAX);
        Timestamp::from_micros(self.time.micros().saturating_sub(micros))
    }
}

/// The signed data of a granted response, and in it the bytes of what the token states.
pub(super) fn signed_data(response: &[u8]) -> Result<(SignedData, OctetString), TimeTokenError> {
    if response.len() > RESPONSE_LIMIT {
        return Err(TimeTokenError::TooLong(response.len()));
    }
    let response = TimeStampResp::from_der(response).map_err(malformed("the response"))?;
    // Granted, or granted with modifications.
    if response.status.status > 1 {
        return Err(TimeTokenError::Refused(TsaRefusal::of(response.status)));
    }
    let token = response.token.ok_or(TimeTokenError::NoToken)?;
    if token.content_type != SIGNED_DATA {
        return Err(TimeTokenError::Content(token.content_type.to_string()));
    }
    let mut signed: SignedData = token
        .content
        .decode_as()
        .map_err(malformed("the signed data"))?;
    if signed.content.content_type != TST_INFO {
        let found = signed.content.content_type.to_string();
        return Err(TimeTokenError::Content(found));
    }
    if signed.signers.tag() != Tag::Set || signed.signers.value().is_empty() {
        return Err(TimeTokenError::Unsigned);
    }
    let content = signed.content.content.take();
    Ok((signed, content.ok_or(TimeTokenError::NoToken)?))
}

/// `20260131090000Z` or, with fractions, `20260131090000.25Z`, which never end with a zero.
fn parse_time(bytes: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(bytes).ok()?.strip_suffix('Z')?;
    let (whole, fraction) = match text.split_once('.') {
        Some((_, fraction)) if fraction.is_empty() || fraction.ends_with('0') => return None,
        Some((whole, fraction)) => (whole, fraction),
        None => (text, ""),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() != 14 || !digits(whole) || !digits(fraction) {
        return None;
    }
    let instant = NaiveDateTime::parse_from_str(whole, "%Y%m%d%H%M%S").ok()?;
    // Microseconds are as fine as this ledger's times; what is finer is cut off.
    let micros = format!("{fraction:0<6}");
    let micros: i64 = micros.get(..6)?.parse().ok()?;
    let seconds = instant.and_utc().timestamp_micros();
    Some(Timestamp::from_micros(seconds.checked_add(micros)?))
}

impl TsaRefusal {
    fn of(status: PkiStatusInfo) -> Self {
        // Somebody else's words: whatever a terminal would act upon is left out.
        let words = status.words.unwrap_or_default().join("; ");
        let words = words
            .chars()
            .filter(|c| !c.is_control())
            .take(WORDS)
            .collect();
        let bits = status.failures.iter().flat_map(BitString::bits);
        let failures = (0..)
            .zip(bits)
            .filter(|(_, is_set)| *is_set)
            .map(|(bit, _)| failure(bit))
            .collect();
        Self {
            status: status.status,
            words,
            failures,
        }
    }
}

/// The reasons of RFC 3161, section 2.4.2, by their bit.
const fn failure(bit: usize) -> &'static str {
    match bit {
        0 => "it does not know the digest's algorithm",
        2 => "it does not do this",
        5 => "it could not read the request",
        14 => "its clock is not available",
        15 => "it does not accept the policy",
        16 => "it does not accept an extension",
        17 => "it cannot say what was asked for",
        25 => "its system failed",
        _ => "for a reason that RFC 3161 does not know",
    }
}

impl fmt::Display for TsaRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "status {}", self.status)?;
        for failure in &self.failures {
            write!(f, ", {failure}")?;
        }
        if !self.words.is_empty() {
            write!(f, " ({})", self.words)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMPRINT: Sha256Digest = Sha256Digest::from_bytes([7; 32]);

    fn imprint() -> MessageImprint {
        MessageImprint {
            algorithm: AlgorithmIdentifier {
                algorithm: SHA256,
                parameters: None,
            },
            digest: OctetString::new(IMPRINT.as_bytes().as_slice()).unwrap(),
        }
    }

    fn info(time: &str) -> TstInfo {
        TstInfo {
            version: 1,
            policy: ObjectIdentifier::new_unwrap("1.2.3.4"),
            imprint: imprint(),
            serial: Int::new(&[9]).unwrap(),
            time: Any::new(Tag::GeneralizedTime, time.as_bytes()).unwrap(),
            accuracy: Some(Accuracy {
                seconds: Some(1),
                millis: Some(500),
                micros: None,
            }),
            ordering: false,
            nonce: None,
            authority: None,
            extensions: None,
        }
    }

    fn response(info: &TstInfo, signers: &[u8]) -> Vec<u8> {
        let signed = SignedData {
            version: 3,
            digest_algorithms: Any::new(Tag::Set, []).unwrap(),
            content: EncapsulatedContentInfo {
                content_type: TST_INFO,
                content: Some(OctetString::new(info.to_der().unwrap()).unwrap()),
            },
            certificates: None,
            revocations: None,
            signers: Any::new(Tag::Set, signers).unwrap(),
        };
        let response = TimeStampResp {
            status: PkiStatusInfo {
                status: 0,
                words: None,
                failures: None,
            },
            token: Some(ContentInfo {
                content_type: SIGNED_DATA,
                content: Any::encode_from(&signed).unwrap(),
            }),
        };
        response.to_der().unwrap()
    }

    const SIGNER: &[u8] = &[0x30, 0];

    #[test]
    fn what_a_token_states_is_read() {
        let bytes = response(&info("20260131090000.25Z"), SIGNER);
        let token = TimeToken::parse(&bytes).unwrap();
        assert_eq!(token.imprint, IMPRINT);
        assert_eq!(token.time.to_string(), "2026-01-31T09:00:00.250000Z");
        assert_eq!(token.latest().to_string(), "2026-01-31T09:00:01.750000Z");
        assert_eq!(token.earliest().to_string(), "2026-01-31T08:59:58.750000Z");
        assert_eq!(token.policy, "1.2.3.4");
    }

    #[test]
    fn a_time_has_one_form() {
        for good in [
            "20260131090000Z",
            "20260131090000.5Z",
            "20260131090000.123456789Z",
        ] {
            assert!(parse_time(good.as_bytes()).is_some(), "{good}");
        }
        for bad in [
            "20260131090000",
            "20260131090000+0000",
            "20260131090000.Z",
            "20260131090000.50Z",
            "202601310900Z",
            "20261331090000Z",
            "20260131090000.5xZ",
            "+0260131090000Z",
            "2026-01-31T09:00:00Z",
            "",
        ] {
            assert_eq!(parse_time(bad.as_bytes()), None, "{bad}");
            let bytes = response(&info(bad), SIGNER);
            assert_eq!(TimeToken::parse(&bytes), Err(TimeTokenError::Time), "{bad}");
        }
    }

    #[test]
    fn every_cut_and_every_byte_more_is_refused() {
        let bytes = response(&info("20260131090000Z"), SIGNER);
        for end in 0..bytes.len() {
            assert!(TimeToken::parse(&bytes[..end]).is_err(), "{end} bytes");
        }
        let longer = [bytes.as_slice(), &[0]].concat();
        assert!(TimeToken::parse(&longer).is_err());
        let endless = vec![0x30; RESPONSE_LIMIT + 1];
        assert_eq!(
            TimeToken::parse(&endless),
            Err(TimeTokenError::TooLong(RESPONSE_LIMIT + 1))
        );
    }

    #[test]
    fn a_token_that_nobody_signed_or_of_another_digest_is_refused() {
        let bytes = response(&info("20260131090000Z"), &[]);
        assert_eq!(TimeToken::parse(&bytes), Err(TimeTokenError::Unsigned));
        let mut other = info("20260131090000Z");
        other.imprint.algorithm.algorithm = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");
        let bytes = response(&other, SIGNER);
        assert_eq!(TimeToken::parse(&bytes), Err(TimeTokenError::Algorithm));
        let mut short = info("20260131090000Z");
        short.imprint.digest = OctetString::new([7; 20].as_slice()).unwrap();
        let bytes = response(&short, SIGNER);
        assert_eq!(TimeToken::parse(&bytes), Err(TimeTokenError::Algorithm));
    }

    #[test]
    fn a_refusal_says_why() {
        let refused = TimeStampResp {
            status: PkiStatusInfo {
                status: 2,
                words: Some(vec!["not \u{1b}[31mtoday".to_owned()]),
                failures: Some(BitString::from_bytes(&[0x80, 0x02]).unwrap()),
            },
            token: None,
        };
        let fault = TimeToken::parse(&refused.to_der().unwrap()).unwrap_err();
        assert_eq!(
            fault.to_string(),
            "the authority refused: status 2, it does not know the digest's algorithm, its clock is not available (not [31mtoday)"
        );
    }

    #[test]
    fn a_response_answers_its_request_only() {
        for nonce in [
            [0; 8],
            [0xff; 8],
            [0, 0, 0, 0, 0, 0, 0x80, 1],
            [1, 2, 3, 4, 5, 6, 7, 8],
        ] {
            let request = TimeRequest {
                imprint: IMPRINT,
                nonce,
            };
            request.encode().unwrap();
            let mut info = info("20260131090000Z");
            info.nonce = Some(request.nonce().unwrap());
            let token = TimeToken::of(info).unwrap();
            assert_eq!(request.check(&token), Ok(()));
            let other = TimeRequest {
                nonce: [9; 8],
                ..request
            };
            assert_eq!(other.check(&token), Err(TokenMismatch::Nonce));
            let another = TimeRequest {
                imprint: Sha256Digest::from_bytes([8; 32]),
                ..request
            };
            assert!(matches!(
                another.check(&token),
                Err(TokenMismatch::Imprint { .. })
            ));
        }
    }

    #[test]
    fn a_response_without_a_nonce_answers_nothing() {
        let token = TimeToken::of(info("20260131090000Z")).unwrap();
        let request = TimeRequest {
            imprint: IMPRINT,
            nonce: [1; 8],
        };
        assert_eq!(request.check(&token), Err(TokenMismatch::Nonce));
    }
}
