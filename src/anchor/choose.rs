//! Which witnesses the ledger's operator chose: by a policy, or one by one, and then all have to cosign.

use crate::checkpoint::CosignerKey;
use crate::sys::disk::DiskError;
use crate::trust::{Trust, TrustFileError, TrustedWitness, all_of};

use super::settings::{AnchorSettings, AnchorSettingsError};

/// Why witnesses were not chosen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChoiceError {
    /// The policy cannot be read.
    #[error(transparent)]
    Policy(#[from] TrustFileError),
    /// A witness is to be asked at what is no address.
    #[error("the url of `{0}` begins with neither http:// nor https://")]
    Url(String),
    /// A policy says more than a list of witnesses, and would be lost.
    #[error("the witnesses come from a policy file")]
    FromPolicy,
    /// Nobody of that name was chosen.
    #[error("there is no witness `{0}`")]
    Unknown(String),
    /// The settings cannot be used.
    #[error(transparent)]
    Settings(#[from] AnchorSettingsError),
    /// A file operation failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

impl AnchorSettings {
    /// Chooses the witnesses that a policy names; an empty text chooses nobody.
    ///
    /// # Errors
    /// The policy cannot be used, or the disk's refusal. Nothing has changed then.
    pub fn choose_witnesses(&self, policy: &str) -> Result<Option<Trust>, ChoiceError> {
        let trust = match policy {
            "" => None,
            text => Some(Trust::parse(text.as_bytes())?),
        };
        for witness in trust.iter().flat_map(Trust::witnesses) {
            if witness.url.as_deref().is_some_and(|url| !is_url(url)) {
                return Err(ChoiceError::Url(witness.name.to_string()));
            }
        }
        self.set_witnesses(policy)?;
        Ok(trust)
    }

    /// The policy with one witness more; the same name again has moved.
    ///
    /// # Errors
    /// The witnesses come from a policy that says more, or the settings cannot be read.
    pub fn with_witness(
        &self,
        name: &str,
        key: &CosignerKey,
        url: &str,
    ) -> Result<String, ChoiceError> {
        let mut lines = self.witness_lines()?;
        lines.retain(|(held, _)| held != name);
        lines.push((name.to_owned(), format!("witness {name} {key} {url}")));
        Ok(all_of(&lines))
    }

    /// The policy without a witness.
    ///
    /// # Errors
    /// There is none of that name, they come from a policy that says more, or the settings cannot be read.
    pub fn without_witness(&self, name: &str) -> Result<String, ChoiceError> {
        let mut lines = self.witness_lines()?;
        let before = lines.len();
        lines.retain(|(held, _)| held != name);
        if lines.len() == before {
            return Err(ChoiceError::Unknown(name.to_owned()));
        }
        Ok(all_of(&lines))
    }

    /// Name and line of the witnesses as they were added.
    fn witness_lines(&self) -> Result<Vec<(String, String)>, ChoiceError> {
        let trust = self.witnesses()?;
        let line = |witness: &TrustedWitness| {
            let url = witness.url.clone().unwrap_or_default();
            let line = format!("witness {} {} {url}", witness.name, witness.key);
            (witness.name.to_string(), line)
        };
        let lines: Vec<_> = trust.iter().flat_map(Trust::witnesses).map(line).collect();
        if all_of(&lines) != self.witness_file()? {
            return Err(ChoiceError::FromPolicy);
        }
        Ok(lines)
    }
}

fn is_url(url: &str) -> bool {
    let rest = url.strip_prefix("http://").or(url.strip_prefix("https://"));
    rest.is_some_and(|rest| !rest.is_empty())
}
