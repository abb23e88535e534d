//! The lines of a trust file, strictly: what cannot be read in one way is refused, with its line.

use std::collections::{HashMap, HashSet};

use crate::checkpoint::CosignerKey;
use crate::note::{NOTE, NoteKeyError, Vkey};
use crate::text::mangled;

use super::policy::{GroupMember, Trust, TrustName, TrustedLog, TrustedWitness, WitnessGroup};

/// The most bytes of a trust file.
pub const TRUST_LIMIT: usize = 1 << 20;

/// The name that no witness or group may have: `quorum none` demands nobody.
const NONE: &[u8] = b"none";

/// What is wrong with a trust file, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {fault}")]
pub struct TrustFileError {
    /// Counted from 1; the last one where something is missing.
    pub line: usize,
    /// What is wrong.
    pub fault: TrustFileFault,
}

/// What is wrong with a line of a trust file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrustFileFault {
    /// More bytes than [`TRUST_LIMIT`].
    #[error("the trust file has more than {TRUST_LIMIT} bytes")]
    TooLarge,
    /// Changed on its way.
    #[error("{0}")]
    Mangled(&'static str),
    /// A byte that has no place in a trust file.
    #[error("byte 0x{0:02x} has no place in a trust file")]
    Byte(u8),
    /// A word that begins no line.
    #[error("a line begins with log, witness, group or quorum")]
    Keyword,
    /// More or fewer words than the line has.
    #[error("it reads: {0}")]
    Words(&'static str),
    /// The vkey cannot be used.
    #[error("the vkey: {0}")]
    Key(#[from] NoteKeyError),
    /// A vkey that is not even text.
    #[error("the vkey is not UTF-8")]
    KeyText,
    /// The same public key as an earlier line, under whatever name.
    #[error("its public key stands in an earlier line")]
    DuplicateKey,
    /// A name that is taken.
    #[error("the name `{0}` is taken")]
    DuplicateName(TrustName),
    /// The reserved name.
    #[error("the name `none` is reserved")]
    Reserved,
    /// A member that no line above defines.
    #[error("no line above defines `{0}`")]
    Unknown(TrustName),
    /// A member that an earlier group, or this one, has already.
    #[error("`{0}` is a member already, and would count twice")]
    MemberTwice(TrustName),
    /// A threshold that cannot be met, or that nobody need meet.
    #[error("a group needs all, any, or a number from 1 to that of its members")]
    Threshold,
    /// A second quorum.
    #[error("there is one quorum line, and this is another")]
    SecondQuorum,
    /// No quorum.
    #[error("there is no quorum line; `quorum none` demands no witness")]
    NoQuorum,
}

#[derive(Default)]
struct Parser {
    logs: Vec<TrustedLog>,
    other_logs: Vec<CosignerKey>,
    witnesses: Vec<TrustedWitness>,
    groups: Vec<WitnessGroup>,
    quorum: Option<Option<GroupMember>>,
    /// Witnesses and groups share their names.
    names: HashMap<Vec<u8>, GroupMember>,
    /// Who is a member of a group already.
    counted: HashSet<Vec<u8>>,
    log_keys: HashSet<Vec<u8>>,
    witness_keys: HashSet<Vec<u8>>,
}

impl Trust {
    /// Reads a trust file.
    ///
    /// # Errors
    /// Names the line and what is wrong with it.
    pub fn parse(bytes: &[u8]) -> Result<Self, TrustFileError> {
        let at = |line, fault| TrustFileError { line, fault };
        if bytes.len() > TRUST_LIMIT {
            return Err(at(1, TrustFileFault::TooLarge));
        }
        let mut parser = Parser::default();
        let mut last = 1;
        for (number, line) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
            if !line.is_empty() {
                last = number;
            }
            let cause = |fault| mangled(bytes).map_or(fault, TrustFileFault::Mangled);
            let read = parser.line(line);
            read.map_err(|fault| at(number, cause(fault)))?;
        }
        let Some(quorum) = parser.quorum else {
            let missing = mangled(bytes).map_or(TrustFileFault::NoQuorum, TrustFileFault::Mangled);
            return Err(at(last, missing));
        };
        Ok(Self {
            logs: parser.logs,
            other_logs: parser.other_logs,
            witnesses: parser.witnesses,
            groups: parser.groups,
            quorum,
        })
    }
}

impl Parser {
    fn line(&mut self, line: &[u8]) -> Result<(), TrustFileFault> {
        let allowed = |byte: u8| byte == b'\t' || matches!(byte, 0x20..=0x7e | 0x80..=0xff);
        if let Some(byte) = line.iter().find(|byte| !allowed(**byte)) {
            return Err(TrustFileFault::Byte(*byte));
        }
        let words: Vec<&[u8]> = line
            .split(|byte| matches!(byte, b' ' | b'\t'))
            .filter(|word| !word.is_empty())
            .collect();
        let Some((keyword, rest)) = words.split_first() else {
            return Ok(());
        };
        match (*keyword, rest) {
            ([b'#', ..], _) => Ok(()),
            (b"log", [key]) => self.log(key, None),
            (b"log", [key, url]) => self.log(key, Some(url)),
            (b"log", _) => Err(TrustFileFault::Words("log <vkey> [url]")),
            (b"witness", [name, key]) => self.witness(name, key, None),
            (b"witness", [name, key, url]) => self.witness(name, key, Some(url)),
            (b"witness", _) => Err(TrustFileFault::Words("witness <name> <vkey> [url]")),
            (b"group", [name, need, members @ ..]) if !members.is_empty() => {
                self.group(name, need, members)
            }
            (b"group", _) => Err(TrustFileFault::Words("group <name> all|any|<k> <member>…")),
            (b"quorum", [name]) => self.quorum(name),
            (b"quorum", _) => Err(TrustFileFault::Words("quorum <name>|none")),
            _ => Err(TrustFileFault::Keyword),
        }
    }

    fn log(&mut self, key: &[u8], url: Option<&&[u8]>) -> Result<(), TrustFileFault> {
        let key: Vkey = text(key)?.parse()?;
        if !self.log_keys.insert(key.key_bytes().to_vec()) {
            return Err(TrustFileFault::DuplicateKey);
        }
        match key.kind() {
            NOTE => {
                let url = url.map(|url| String::from_utf8_lossy(url).into_owned());
                let key = key.try_into()?;
                self.logs.push(TrustedLog { key, url });
            }
            _ => self.other_logs.push(CosignerKey::of_any_type(key)?),
        }
        Ok(())
    }

    fn witness(
        &mut self,
        name: &[u8],
        key: &[u8],
        url: Option<&&[u8]>,
    ) -> Result<(), TrustFileFault> {
        let name = self.new_name(name)?;
        let key: Vkey = text(key)?.parse()?;
        if !self.witness_keys.insert(key.key_bytes().to_vec()) {
            return Err(TrustFileFault::DuplicateKey);
        }
        let key = CosignerKey::of_any_type(key)?;
        let url = url.map(|url| String::from_utf8_lossy(url).into_owned());
        let place = GroupMember::Witness(self.witnesses.len());
        self.names.insert(name.0.clone(), place);
        self.witnesses.push(TrustedWitness { name, key, url });
        Ok(())
    }

    fn group(&mut self, name: &[u8], need: &[u8], members: &[&[u8]]) -> Result<(), TrustFileFault> {
        let name = self.new_name(name)?;
        let mut found = Vec::with_capacity(members.len());
        for member in members {
            found.push(self.find(member)?);
            if !self.counted.insert(member.to_vec()) {
                return Err(TrustFileFault::MemberTwice(TrustName(member.to_vec())));
            }
        }
        let need = match need {
            b"all" => found.len(),
            b"any" => 1,
            number => threshold(number).ok_or(TrustFileFault::Threshold)?,
        };
        if need == 0 || need > found.len() {
            return Err(TrustFileFault::Threshold);
        }
        let place = GroupMember::Group(self.groups.len());
        self.names.insert(name.0, place);
        self.groups.push(WitnessGroup {
            need,
            members: found,
        });
        Ok(())
    }

    fn quorum(&mut self, name: &[u8]) -> Result<(), TrustFileFault> {
        if self.quorum.is_some() {
            return Err(TrustFileFault::SecondQuorum);
        }
        self.quorum = Some(match name {
            NONE => None,
            name => Some(self.find(name)?),
        });
        Ok(())
    }

    fn new_name(&self, name: &[u8]) -> Result<TrustName, TrustFileFault> {
        if name == NONE {
            return Err(TrustFileFault::Reserved);
        }
        match self.find(name) {
            Ok(_) => Err(TrustFileFault::DuplicateName(TrustName(name.to_vec()))),
            Err(_) => Ok(TrustName(name.to_vec())),
        }
    }

    fn find(&self, name: &[u8]) -> Result<GroupMember, TrustFileFault> {
        let found = self.names.get(name).copied();
        found.ok_or_else(|| TrustFileFault::Unknown(TrustName(name.to_vec())))
    }
}

/// A number in decimal, which may begin with zeros.
fn threshold(word: &[u8]) -> Option<usize> {
    let is_decimal = word.iter().all(u8::is_ascii_digit);
    let number = std::str::from_utf8(word).ok().filter(|_| is_decimal);
    number?.parse().ok()
}

fn text(word: &[u8]) -> Result<&str, TrustFileFault> {
    std::str::from_utf8(word).map_err(|_| TrustFileFault::KeyText)
}
