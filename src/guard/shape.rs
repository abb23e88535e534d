//! Tokens that are known by their shape alone, wherever they stand.
//!
//! Each issuer marks its tokens with a literal and follows it with so many characters of an
//! alphabet. The table below was written from the issuers' own descriptions of their formats. A
//! rule looks only as far ahead as the least a token needs, so the scan stays linear. Shapes that
//! need more than a literal and a length are in `structure`.

use super::alphabet::Alphabet;
use super::kind::{Found, Kind};
use super::placeholder::is_filler;
use super::sieve::{CAPACITY, Sieve, stands_at};
use super::structure;

/// What a shape's literal must be followed by.
enum Rest {
    /// At least so many characters of an alphabet.
    Body(Alphabet, usize),
    /// Whatever this function says; it is given the text and the literal's place, and answers where
    /// the find begins.
    Check(fn(&[u8], usize) -> Option<usize>),
}

struct Shape {
    kind: Kind,
    literal: &'static [u8],
    fold: bool,
    rest: Rest,
}

const fn body(kind: Kind, literal: &'static str, alphabet: Alphabet, least: usize) -> Shape {
    Shape {
        kind,
        literal: literal.as_bytes(),
        fold: false,
        rest: Rest::Body(alphabet, least),
    }
}

const fn check(
    kind: Kind,
    literal: &'static [u8],
    check: fn(&[u8], usize) -> Option<usize>,
) -> Shape {
    Shape {
        kind,
        literal,
        fold: false,
        rest: Rest::Check(check),
    }
}

const fn folded(
    kind: Kind,
    literal: &'static [u8],
    check: fn(&[u8], usize) -> Option<usize>,
) -> Shape {
    let mut shape = self::check(kind, literal, check);
    shape.fold = true;
    shape
}

use Alphabet::{Alnum, Base64, Hex, Token};

#[rustfmt::skip]
const SHAPES: &[Shape] = &[
    // Private keys: text armours first, then what they contain.
    check(Kind::PrivateKey, b"-----BEGIN ", structure::private_pem),
    check(Kind::PrivateKey, b"---- BEGIN SSH2 ENCRYPTED PRIVATE KEY", structure::present),
    check(Kind::PrivateKey, b"PuTTY-User-Key-File-", structure::present),
    check(Kind::PrivateKey, b"PRIVATE+KEY+", structure::present),
    body(Kind::PrivateKey, "AGE-SECRET-KEY-1", Alnum, 58),
    check(Kind::PrivateKey, b"openssh-key-v1\0", structure::present),
    check(Kind::PrivateKey, b"\"d\"", structure::private_jwk),
    check(Kind::PrivateKey, &[0x02, 0x01, 0x00], structure::private_der),
    check(Kind::PrivateKey, &[0x02, 0x01, 0x01], structure::private_der),
    // Amazon
    folded(Kind::AwsSecretAccessKey, b"secret", structure::aws_labelled),
    check(Kind::AwsSecretAccessKey, b"AKIA", structure::aws_pair),
    check(Kind::AwsSecretAccessKey, b"ASIA", structure::aws_pair),
    body(Kind::AwsSessionToken, "IQoJb3JpZ2lu", Base64, 80),
    body(Kind::AwsSessionToken, "FwoGZXIvYXdz", Base64, 80),
    // Google
    body(Kind::GcpApiKey, "AIza", Token, 35),
    body(Kind::GoogleOauth, "ya29.", Token, 20),
    body(Kind::GoogleOauth, "GOCSPX-", Token, 24),
    check(Kind::GcpServiceAccountKey, b"\"private_key\"", structure::service_account),
    // GitHub and GitLab
    body(Kind::GithubToken, "ghp_", Alnum, 36),
    body(Kind::GithubToken, "gho_", Alnum, 36),
    body(Kind::GithubToken, "ghu_", Alnum, 36),
    body(Kind::GithubToken, "ghs_", Alnum, 36),
    body(Kind::GithubToken, "ghr_", Alnum, 36),
    body(Kind::GithubToken, "github_pat_", Token, 40),
    body(Kind::GitlabToken, "glpat-", Token, 20),
    body(Kind::GitlabToken, "gldt-", Token, 20),
    body(Kind::GitlabToken, "glrt-", Token, 20),
    body(Kind::GitlabToken, "glptt-", Token, 20),
    body(Kind::GitlabToken, "glcbt-", Token, 20),
    body(Kind::GitlabToken, "glft-", Token, 20),
    body(Kind::GitlabToken, "glimt-", Token, 20),
    body(Kind::GitlabToken, "glsoat-", Token, 20),
    body(Kind::GitlabToken, "glagent-", Token, 40),
    // Slack, Stripe
    check(Kind::SlackToken, b"xox", structure::slack_token),
    body(Kind::SlackToken, "xapp-", Token, 24),
    check(Kind::SlackWebhook, b"hooks.slack.com/", structure::slack_webhook),
    body(Kind::StripeKey, "sk_live_", Alnum, 16),
    body(Kind::StripeKey, "rk_live_", Alnum, 16),
    body(Kind::StripeKey, "sk_test_", Alnum, 16),
    body(Kind::StripeKey, "rk_test_", Alnum, 16),
    body(Kind::StripeKey, "whsec_", Base64, 24),
    // Package registries and Vault
    body(Kind::NpmToken, "npm_", Alnum, 36),
    body(Kind::PypiToken, "pypi-Ag", Token, 50),
    body(Kind::VaultToken, "hvs.", Token, 20),
    body(Kind::VaultToken, "hvb.", Token, 20),
    body(Kind::VaultToken, "hvr.", Token, 20),
    // Azure, and URLs that carry their own permission
    body(Kind::AzureAccountKey, "AccountKey=", Base64, 40),
    body(Kind::AzureAccountKey, "SharedAccessKey=", Base64, 40),
    check(Kind::AzureClientSecret, b"7Q~", structure::azure_client_secret),
    check(Kind::AzureClientSecret, b"8Q~", structure::azure_client_secret),
    check(Kind::SignedUrl, b"sig=", structure::azure_sas),
    body(Kind::SignedUrl, "X-Amz-Signature=", Hex, 64),
    body(Kind::SignedUrl, "X-Goog-Signature=", Hex, 64),
    // Others, by the prefix that each chose to be found by
    check(Kind::ServiceToken, b"SG.", structure::sendgrid),
    body(Kind::ServiceToken, "sk-ant-", Token, 32),
    body(Kind::ServiceToken, "sk-proj-", Token, 32),
    body(Kind::ServiceToken, "sk-svcacct-", Token, 32),
    body(Kind::ServiceToken, "T3BlbkFJ", Alnum, 20),
    body(Kind::ServiceToken, "dop_v1_", Hex, 64),
    body(Kind::ServiceToken, "doo_v1_", Hex, 64),
    body(Kind::ServiceToken, "dor_v1_", Hex, 64),
    body(Kind::ServiceToken, "shpat_", Hex, 32),
    body(Kind::ServiceToken, "shpss_", Hex, 32),
    body(Kind::ServiceToken, "shppa_", Hex, 32),
    body(Kind::ServiceToken, "sq0atp-", Token, 22),
    body(Kind::ServiceToken, "sq0csp-", Token, 43),
    body(Kind::ServiceToken, "dckr_pat_", Token, 27),
    body(Kind::ServiceToken, "dapi", Hex, 32),
    body(Kind::ServiceToken, "glsa_", Alnum, 32),
    body(Kind::ServiceToken, "glc_eyJ", Base64, 32),
    body(Kind::ServiceToken, "NRAK-", Alnum, 27),
    body(Kind::ServiceToken, "lin_api_", Alnum, 40),
    body(Kind::ServiceToken, "hf_", Alnum, 34),
    body(Kind::ServiceToken, "dp.st.", Token, 40),
    body(Kind::ServiceToken, "dp.pt.", Token, 40),
    body(Kind::ServiceToken, "dp.ct.", Token, 40),
    body(Kind::ServiceToken, ".atlasv1.", Token, 60),
    body(Kind::ServiceToken, "ATATT3xFfGF0", Base64, 40),
    body(Kind::ServiceToken, "tskey-", Token, 24),
    body(Kind::ServiceToken, "xkeysib-", Hex, 64),
    body(Kind::ServiceToken, "rubygems_", Hex, 48),
    body(Kind::ServiceToken, "pul-", Hex, 40),
    body(Kind::ServiceToken, "sbp_", Hex, 40),
    body(Kind::ServiceToken, "ops_eyJ", Base64, 100),
    body(Kind::ServiceToken, "PMAK-", Token, 50),
    body(Kind::ServiceToken, "HRKU-", Token, 30),
    // Of no single issuer
    check(Kind::Jwt, b".eyJ", structure::jwt),
    check(Kind::UrlPassword, b"://", structure::url_password),
    folded(Kind::AuthorizationHeader, b"authorization", structure::authorization),
    folded(Kind::AuthorizationHeader, b"bearer ", structure::bearer),
    folded(Kind::UrlPassword, b"password=", structure::query_password),
    folded(Kind::UrlPassword, b"pwd=", structure::query_password),
    folded(Kind::UrlPassword, b"token=", structure::query_password),
    folded(Kind::UrlPassword, b"key=", structure::query_password),
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
pub(super) fn find(text: &[u8]) -> Option<Found> {
    SIEVE.find(text, |number, at| {
        let shape = SHAPES.get(number)?;
        if !stands_at(text, at, shape.literal, shape.fold) {
            return None;
        }
        let at = match shape.rest {
            Rest::Check(check) => check(text, at)?,
            Rest::Body(alphabet, least) => {
                let rest = text.get(at + shape.literal.len()..)?;
                let is_glued = shape.literal.len() <= 4 && is_glued(text, at);
                (!is_glued && is_body(rest.get(..least)?, alphabet)).then_some(at)?
            }
        };
        Some(Found::plain(shape.kind, at))
    })
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
