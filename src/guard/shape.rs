//! Tokens that are known by their shape alone, wherever they stand.
//!
//! Each issuer marks its tokens with a literal and follows it with so many characters of an
//! alphabet. The table below was written from the issuers' own descriptions of their formats. A
//! rule looks only as far ahead as the least a token needs, so the scan stays linear. Shapes that
//! need more than a literal and a length are in `structure`.

use super::alphabet::Alphabet;
use super::kind::{PassedOver, RawHit, SecretKind};
use super::placeholder::is_filler;
use super::sieve::{CAPACITY, Sieve, stands_at};
use super::structure;

/// What a shape's literal must be followed by.
enum ShapeTail {
    /// At least so many characters of an alphabet.
    Body(Alphabet, usize),
    /// Whatever this function says; it is given the text and the literal's place, and answers where
    /// the find begins.
    Check(fn(&[u8], usize) -> Option<usize>),
}

struct TokenShape {
    kind: SecretKind,
    literal: &'static [u8],
    fold: bool,
    rest: ShapeTail,
}

const fn body(
    kind: SecretKind,
    literal: &'static str,
    alphabet: Alphabet,
    least: usize,
) -> TokenShape {
    TokenShape {
        kind,
        literal: literal.as_bytes(),
        fold: false,
        rest: ShapeTail::Body(alphabet, least),
    }
}

const fn check(
    kind: SecretKind,
    literal: &'static [u8],
    check: fn(&[u8], usize) -> Option<usize>,
) -> TokenShape {
    TokenShape {
        kind,
        literal,
        fold: false,
        rest: ShapeTail::Check(check),
    }
}

const fn folded(
    kind: SecretKind,
    literal: &'static [u8],
    check: fn(&[u8], usize) -> Option<usize>,
) -> TokenShape {
    let mut shape = self::check(kind, literal, check);
    shape.fold = true;
    shape
}

use Alphabet::{Alnum, Base64, Hex, Token};

use SecretKind::{
    AwsSessionToken, AzureAccountKey, GcpApiKey, GithubToken, GitlabToken, GoogleOauth, NpmToken,
    PrivateKey, PypiToken, ServiceToken, SignedUrl, SlackToken, StripeKey, VaultToken,
};

#[rustfmt::skip]
const SHAPES: &[TokenShape] = &[
    // Private keys: text armours first, then what they contain.
    check(SecretKind::PrivateKey, b"-----BEGIN ", structure::private_pem),
    check(SecretKind::PrivateKey, b"---- BEGIN SSH2 ENCRYPTED PRIVATE KEY", structure::present),
    check(SecretKind::PrivateKey, b"PuTTY-User-Key-File-", structure::present),
    check(SecretKind::PrivateKey, b"PRIVATE+KEY+", structure::present),
    body(PrivateKey, "AGE-SECRET-KEY-1", Alnum, 58),
    check(SecretKind::PrivateKey, b"openssh-key-v1\0", structure::present),
    check(SecretKind::PrivateKey, b"\"d\"", structure::private_jwk),
    check(SecretKind::PrivateKey, &[0x02, 0x01, 0x00], structure::private_der),
    check(SecretKind::PrivateKey, &[0x02, 0x01, 0x01], structure::private_der),
    check(SecretKind::PrivateKey, &[0x02, 0x01, 0x03], structure::private_der),
    check(SecretKind::PrivateKey, b"priv:", structure::printed_key),
    check(SecretKind::PrivateKey, b"privateExponent:", structure::printed_key),
    // Amazon
    folded(SecretKind::AwsSecretAccessKey, b"secret", structure::aws_labelled),
    check(SecretKind::AwsSecretAccessKey, b"AKIA", structure::aws_pair),
    check(SecretKind::AwsSecretAccessKey, b"ASIA", structure::aws_pair),
    body(AwsSessionToken, "IQoJb3JpZ2lu", Base64, 80),
    body(AwsSessionToken, "FwoGZXIvYXdz", Base64, 80),
    // Google
    body(GcpApiKey, "AIza", Token, 35),
    body(GoogleOauth, "ya29.", Token, 20), body(GoogleOauth, "GOCSPX-", Token, 24),
    check(SecretKind::GcpServiceAccountKey, b"\"private_key\"", structure::service_account),
    // GitHub and GitLab
    body(GithubToken, "ghp_", Alnum, 36), body(GithubToken, "gho_", Alnum, 36),
    body(GithubToken, "ghu_", Alnum, 36), body(GithubToken, "ghs_", Alnum, 36),
    body(GithubToken, "ghr_", Alnum, 36), body(GithubToken, "github_pat_", Token, 40),
    body(GitlabToken, "glpat-", Token, 20), body(GitlabToken, "gldt-", Token, 20),
    body(GitlabToken, "glrt-", Token, 20), body(GitlabToken, "glptt-", Token, 20),
    body(GitlabToken, "glcbt-", Token, 20), body(GitlabToken, "glft-", Token, 20),
    body(GitlabToken, "glimt-", Token, 20), body(GitlabToken, "glsoat-", Token, 20),
    body(GitlabToken, "glagent-", Token, 40),
    // Slack, Stripe
    check(SecretKind::SlackToken, b"xox", structure::slack_token),
    body(SlackToken, "xapp-", Token, 24),
    check(SecretKind::SlackWebhook, b"hooks.slack.com/", structure::slack_webhook),
    body(StripeKey, "sk_live_", Alnum, 16), body(StripeKey, "rk_live_", Alnum, 16),
    body(StripeKey, "sk_test_", Alnum, 16), body(StripeKey, "rk_test_", Alnum, 16),
    body(StripeKey, "whsec_", Base64, 24),
    // Package registries and Vault
    body(NpmToken, "npm_", Alnum, 36),
    body(PypiToken, "pypi-Ag", Token, 50),
    body(VaultToken, "hvs.", Token, 20), body(VaultToken, "hvb.", Token, 20),
    body(VaultToken, "hvr.", Token, 20),
    // Azure, and URLs that carry their own permission
    body(AzureAccountKey, "AccountKey=", Base64, 40),
    body(AzureAccountKey, "SharedAccessKey=", Base64, 40),
    check(SecretKind::AzureClientSecret, b"7Q~", structure::azure_client_secret),
    check(SecretKind::AzureClientSecret, b"8Q~", structure::azure_client_secret),
    check(SecretKind::SignedUrl, b"sig=", structure::azure_sas),
    body(SignedUrl, "X-Amz-Signature=", Hex, 64), body(SignedUrl, "X-Goog-Signature=", Hex, 64),
    // Others, by the prefix that each chose to be found by
    check(SecretKind::ServiceToken, b"SG.", structure::sendgrid),
    body(ServiceToken, "sk-ant-", Token, 32), body(ServiceToken, "sk-proj-", Token, 32),
    body(ServiceToken, "sk-svcacct-", Token, 32), body(ServiceToken, "T3BlbkFJ", Alnum, 20),
    body(ServiceToken, "dop_v1_", Hex, 64), body(ServiceToken, "doo_v1_", Hex, 64),
    body(ServiceToken, "dor_v1_", Hex, 64), body(ServiceToken, "shpat_", Hex, 32),
    body(ServiceToken, "shpss_", Hex, 32), body(ServiceToken, "shppa_", Hex, 32),
    body(ServiceToken, "sq0atp-", Token, 22), body(ServiceToken, "sq0csp-", Token, 43),
    body(ServiceToken, "dckr_pat_", Token, 27), body(ServiceToken, "dapi", Hex, 32),
    body(ServiceToken, "glsa_", Alnum, 32), body(ServiceToken, "glc_eyJ", Base64, 32),
    body(ServiceToken, "NRAK-", Alnum, 27), body(ServiceToken, "lin_api_", Alnum, 40),
    body(ServiceToken, "hf_", Alnum, 34), body(ServiceToken, "dp.st.", Token, 40),
    body(ServiceToken, "dp.pt.", Token, 40), body(ServiceToken, "dp.ct.", Token, 40),
    body(ServiceToken, ".atlasv1.", Token, 60), body(ServiceToken, "ATATT3xFfGF0", Base64, 40),
    body(ServiceToken, "tskey-", Token, 24), body(ServiceToken, "xkeysib-", Hex, 64),
    body(ServiceToken, "rubygems_", Hex, 48), body(ServiceToken, "pul-", Hex, 40),
    body(ServiceToken, "sbp_", Hex, 40), body(ServiceToken, "ops_eyJ", Base64, 100),
    body(ServiceToken, "PMAK-", Token, 50), body(ServiceToken, "HRKU-", Token, 30),
    // This program's own
    body(ServiceToken, "ledger_token_", Hex, 64),
    // Of no single issuer
    check(SecretKind::Jwt, b".eyJ", structure::jwt),
    check(SecretKind::UrlPassword, b"://", structure::url_password),
    folded(SecretKind::AuthorizationHeader, b"authorization", structure::authorization),
    folded(SecretKind::AuthorizationHeader, b"bearer ", structure::bearer),
    folded(SecretKind::AuthorizationHeader, b"response=", structure::digest_response),
    folded(SecretKind::AuthorizationHeader, b"cookie", structure::cookie),
    check(SecretKind::AuthorizationHeader, b"\"auth\"", structure::docker_auth),
    check(SecretKind::UrlPassword, b":5432:", structure::pgpass),
    check(SecretKind::UrlPassword, b":*:", structure::pgpass),
    folded(SecretKind::UrlPassword, b"password=", structure::query_password),
    folded(SecretKind::UrlPassword, b"pwd=", structure::query_password),
    folded(SecretKind::UrlPassword, b"token=", structure::query_password),
    folded(SecretKind::UrlPassword, b"key=", structure::query_password),
];

const _: () = assert!(SHAPES.len() <= CAPACITY);

static SIEVE: Sieve = {
    let mut sieve = Sieve::empty();
    let mut number = 0;
    while number < SHAPES.len() {
        sieve = sieve.with(number, SHAPES[number].literal, SHAPES[number].fold);
        number += 1;
    }
    sieve
};

/// The first token in `text` that its shape gives away.
pub(super) fn find(text: &[u8], but: PassedOver) -> Option<RawHit> {
    SIEVE.find(text, |number, at| {
        let shape = SHAPES.get(number)?;
        if but.holds(shape.kind) || !stands_at(text, at, shape.literal, shape.fold) {
            return None;
        }
        let at = match shape.rest {
            ShapeTail::Check(check) => check(text, at)?,
            ShapeTail::Body(alphabet, least) => {
                let rest = text.get(at + shape.literal.len()..)?;
                let is_glued = shape.literal.len() <= 4 && is_glued(text, at);
                (!is_glued && is_body(rest.get(..least)?, alphabet)).then_some(at)?
            }
        };
        Some(RawHit::plain(shape.kind, at))
    })
}

/// The literals of shapes.
pub(super) const fn literal(number: usize) -> Option<(&'static [u8], bool)> {
    match number < SHAPES.len() {
        true => Some((SHAPES[number].literal, SHAPES[number].fold)),
        false => None,
    }
}

/// Whether the first three bytes of a literal are these.
pub(super) fn three_begin(text: &[u8]) -> bool {
    SIEVE.beginning(text) != 0
}

/// Whether `text` may begin with one of the literals, be it that it stops short of its end or goes on with
/// one of `marks`, behind which something else may be read.
pub(super) fn may_begin(text: &[u8], marks: &[u8]) -> bool {
    let mut mask = SIEVE.beginning(text);
    while mask != 0 {
        let number = mask.trailing_zeros() as usize;
        let mut pairs = literal(number).into_iter().flat_map(|(literal, fold)| {
            let same = move |(a, b): (&u8, &u8)| a == b || fold && a.eq_ignore_ascii_case(b);
            text.iter()
                .zip(literal)
                .map(move |pair| (pair.0, same(pair)))
        });
        let differs = pairs.find(|(_, is_same)| !is_same);
        if differs.is_none_or(|(byte, _)| marks.contains(byte)) {
            return true;
        }
        mask &= mask - 1;
    }
    false
}

/// So short a literal turns up by chance inside a long run of base64, so it must begin a word.
fn is_glued(text: &[u8], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|before| text.get(before));
    before.is_some_and(u8::is_ascii_alphanumeric)
}

fn is_body(bytes: &[u8], alphabet: Alphabet) -> bool {
    let of_words = matches!(alphabet, Token)
        && !bytes
            .iter()
            .any(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
    bytes.iter().all(|&byte| alphabet.holds(byte)) && !of_words && !is_filler(bytes)
}
