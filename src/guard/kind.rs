//! The names of what can be found, and where it was found. Never what it was.

use std::fmt;

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident $word:literal $reads:literal)*) => {
        /// What a piece of text looks like.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum SecretKind { $($(#[$doc])* $variant),* }

        impl SecretKind {
            /// Every kind, in the order of their declaration.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The word for programs and entries: it stays, however the sentence changes.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }
        }

        /// With its article, to stand after "what looks like".
        impl fmt::Display for SecretKind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(match self { $(Self::$variant => $reads),* })
            }
        }
    };
}

kinds! {
    /// PEM, OpenSSH, PuTTY, age, JWK or bare DER; encrypted ones too, their passphrase may be weak.
    PrivateKey "private-key" "a private key"
    /// The secret part of an access key, by its label or by the access key id beside it.
    AwsSecretAccessKey "aws-secret-access-key" "an AWS secret access key"
    /// What STS gives out beside a temporary key.
    AwsSessionToken "aws-session-token" "an AWS session token"
    /// `AIza…`.
    GcpApiKey "gcp-api-key" "a Google API key"
    /// Access token (`ya29.`) or client secret (`GOCSPX-`).
    GoogleOauth "google-oauth" "a Google OAuth token or client secret"
    /// The JSON key file of a service account.
    GcpServiceAccountKey "gcp-service-account-key" "a Google service account key"
    /// Personal, OAuth, app, installation, refresh or fine-grained token.
    GithubToken "github-token" "a GitHub token"
    /// Personal, deploy, runner, job, feed, agent and similar tokens.
    GitlabToken "gitlab-token" "a GitLab token"
    /// `xox?-` and `xapp-`.
    SlackToken "slack-token" "a Slack token"
    /// An incoming webhook or workflow trigger: whoever has the URL may post.
    SlackWebhook "slack-webhook" "a Slack webhook address"
    /// Secret, restricted or webhook signing key, live or test.
    StripeKey "stripe-key" "a Stripe key"
    /// `npm_…`.
    NpmToken "npm-token" "an npm token"
    /// `pypi-Ag…`.
    PypiToken "pypi-token" "a PyPI token"
    /// Service, batch or recovery token.
    VaultToken "vault-token" "a Vault token"
    /// Storage account key or shared access key, as in a connection string.
    AzureAccountKey "azure-account-key" "an Azure account key"
    /// The client secret of an Entra application.
    AzureClientSecret "azure-client-secret" "an Azure client secret"
    /// A URL whose signature is the permission: Azure SAS, AWS and Google signed URLs.
    SignedUrl "signed-url" "a signed URL"
    /// A token of another service that marks its tokens with a prefix of its own.
    ServiceToken "service-token" "a third-party API token"
    /// A signed JSON Web Token in its compact form.
    Jwt "jwt" "a JSON Web Token"
    /// In the authority or in the query of a URL, or in a connection string.
    UrlPassword "url-password" "a password in a URL or connection string"
    /// A name such as `password` or `api_key` with a value behind it.
    PasswordAssignment "password-assignment" "a password or key with its value"
    /// `Authorization:` with its credentials, or a bearer token alone.
    AuthorizationHeader "authorization-header" "an authorization header with its credentials"
    /// Twenty or more letters and digits that no word, name or digest explains.
    HighEntropy "high-entropy" "a long random value"
    /// The very value that the caller handed over to be kept out.
    KnownValue "known-value" "the secret value itself"
}

/// Kinds that are not looked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PassedOver(u32);

impl PassedOver {
    /// These kinds; [`SecretKind::KnownValue`] is always looked for.
    pub fn of(kinds: impl IntoIterator<Item = SecretKind>) -> Self {
        let others = kinds
            .into_iter()
            .filter(|kind| *kind != SecretKind::KnownValue);
        Self(others.fold(0, |bits, kind| bits | 1 << kind as u32))
    }

    pub(super) const fn holds(self, kind: SecretKind) -> bool {
        self.0 >> kind as u32 & 1 == 1
    }
}

/// How the material was wrapped. Where it was wrapped twice, the outer wrapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Decoding {
    /// RFC 4648 base64, either alphabet, padded or not, on one line or many.
    Base64,
    /// Hexadecimal digits of either case.
    Hex,
    /// `%XX` of RFC 3986.
    Percent,
    /// Backslash escapes of JSON and its relatives.
    Escape,
    /// Two bytes to a character.
    Utf16,
    /// Split over lines or columns.
    Spaced,
}

impl fmt::Display for Decoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Base64 => "in base64",
            Self::Hex => "in hexadecimal",
            Self::Percent => "percent-encoded",
            Self::Escape => "with escapes",
            Self::Utf16 => "in UTF-16",
            Self::Spaced => "with white space in it",
        })
    }
}

/// Where a secret scan found something, and what it looks like; never the match itself. It holds neither the
/// match nor any part of it, so that printing or logging a hit cannot leak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecretHit {
    /// What it looks like.
    pub kind: SecretKind,
    /// The line, counted from 1.
    pub line: usize,
    /// The offset in bytes from the beginning of the whole text, counted from 0.
    pub at: usize,
    /// How it was wrapped, where it was.
    pub via: Option<Decoding>,
}

/// Reads on after "field summary holds ".
impl fmt::Display for SecretHit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.kind != SecretKind::KnownValue {
            f.write_str("what looks like ")?;
        }
        write!(f, "{}", self.kind)?;
        if let Some(via) = self.via {
            write!(f, " {via}")?;
        }
        match self.line {
            1 => write!(f, " (byte {})", self.at),
            line => write!(f, " (line {line}, byte {})", self.at),
        }
    }
}

/// A hit before anyone counted lines.
#[derive(Clone, Copy)]
pub(super) struct RawHit {
    pub(super) kind: SecretKind,
    pub(super) at: usize,
    pub(super) via: Option<Decoding>,
}

impl RawHit {
    pub(super) const fn plain(kind: SecretKind, at: usize) -> Self {
        Self {
            kind,
            at,
            via: None,
        }
    }

    /// The same find, as seen from outside one more wrapping.
    pub(super) fn wrapped(self, via: Decoding) -> Self {
        Self {
            via: Some(via),
            ..self
        }
    }

    pub(super) fn in_text(self, text: &[u8]) -> SecretHit {
        let before = text.get(..self.at).unwrap_or(text);
        SecretHit {
            kind: self.kind,
            line: 1 + before.iter().filter(|&&byte| byte == b'\n').count(),
            at: self.at,
            via: self.via,
        }
    }
}
