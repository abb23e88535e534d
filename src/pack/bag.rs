//! A pack as a BagIt 1.0 bag (RFC 8493): which files it must list, what is signed, and everything that
//! can be wrong with either. What the files say is for others.

use std::collections::{BTreeMap, BTreeSet};

use crate::hash::Sha256Digest;
use crate::key::{PublicKey, SecretKey, Signature};

use super::sshsig;
use super::zip::{self, PackFiles, ZipError};

/// The folder of the payload.
pub(super) const DATA: &str = "data/";
/// What is signed: it lists the payload, and everything that a pack states stands there.
pub const MANIFEST: &str = "manifest-sha256.txt";
/// The raw signature of [`MANIFEST`], for openssl.
pub const SIGNATURE: &str = "manifest-sha256.txt.sig";
/// The signature of [`MANIFEST`] for ssh-keygen.
pub const SSH_SIGNATURE: &str = "manifest-sha256.txt.sshsig";

/// Lists the other tag files.
const TAG_MANIFEST: &str = "tagmanifest-sha256.txt";
pub(super) const DECLARATION_FILE: &str = "bagit.txt";
const DECLARATION: &str = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n";
const INFO: &str = "bag-info.txt";
const TAGS: [&str; 3] = [INFO, DECLARATION_FILE, MANIFEST];

/// What is signed of a bag, and where its signatures stand.
struct Seal {
    signed: &'static str,
    raw: &'static str,
    ssh: &'static str,
    /// Whether [`TAG_MANIFEST`] lists the signatures. Some readers refuse a bag with a file that no list names.
    listed: bool,
}

const SEAL: Seal = Seal {
    signed: MANIFEST,
    raw: SIGNATURE,
    ssh: SSH_SIGNATURE,
    listed: true,
};

/// That of earlier packs: over the list of tag files, which could not list what signs it.
const FIRST_SEAL: Seal = Seal {
    signed: TAG_MANIFEST,
    raw: "tagmanifest-sha256.txt.sig",
    ssh: "tagmanifest-sha256.txt.sshsig",
    listed: false,
};

impl Seal {
    /// Whether a file at the top of a bag is one that the list of tag files lists.
    fn lists(&self, path: &str) -> bool {
        TAGS.contains(&path) || (self.listed && self.signs(path))
    }

    fn signs(&self, path: &str) -> bool {
        [self.raw, self.ssh].contains(&path)
    }
}

/// A bag: the name of its one folder, and the files in it by their path below that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bag {
    /// The folder.
    pub top: String,
    /// What is to be said of how it lay, where that is not as it was exported.
    pub remarks: Vec<String>,
    files: PackFiles,
}

/// One thing that is wrong with a bag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BagFault {
    /// What should be.
    pub expected: String,
    /// What is.
    pub found: String,
}

impl BagFault {
    fn new(expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self {
            expected: expected.into(),
            found: found.into(),
        }
    }
}

impl Bag {
    /// Puts a bag together: the payload by its path below `data/`, what is said about the bag, and
    /// both signatures of the list of its files.
    #[must_use]
    pub fn sealed(
        top: &str,
        payload: &PackFiles,
        info: &[(&'static str, String)],
        key: &SecretKey,
    ) -> Self {
        let mut files: PackFiles = payload
            .iter()
            .map(|(path, bytes)| (format!("{DATA}{path}"), bytes.clone()))
            .collect();
        let manifest = manifest(files.iter());
        files.insert(DECLARATION_FILE.to_owned(), DECLARATION.into());
        files.insert(
            INFO.to_owned(),
            info_file(info, payload.values().map(Vec::as_slice)).into_bytes(),
        );
        let signature = key.sign(manifest.as_bytes()).as_bytes().to_vec();
        let ssh = sshsig::sign(manifest.as_bytes(), key).into_bytes();
        files.insert(MANIFEST.to_owned(), manifest.into_bytes());
        files.insert(SIGNATURE.to_owned(), signature);
        files.insert(SSH_SIGNATURE.to_owned(), ssh);
        let listed = files.iter().filter(|(path, _)| SEAL.lists(path));
        let tag_manifest = self::manifest(listed).into_bytes();
        files.insert(TAG_MANIFEST.to_owned(), tag_manifest);
        Self::of(top, files, Vec::new())
    }

    /// A bag of files by their paths below its folder.
    pub(super) fn of(top: &str, files: PackFiles, remarks: Vec<String>) -> Self {
        Self {
            top: top.to_owned(),
            remarks,
            files,
        }
    }

    /// Whether it has anything of what packs have; other bags are somebody else's.
    #[must_use]
    pub fn is_pack(&self) -> bool {
        let is_ours = |(path, _): (&str, _)| path == "pack.json" || path.starts_with("ledger/");
        self.payload().any(is_ours)
    }

    /// Reads the zip of a bag, strictly.
    ///
    /// # Errors
    /// What no zip of a pack has.
    pub fn from_zip(bytes: &[u8]) -> Result<Self, ZipError> {
        let mut top = String::new();
        let mut files = PackFiles::new();
        for (name, bytes) in zip::read(bytes)? {
            if let Some((folder, path)) = name.split_once('/') {
                folder.clone_into(&mut top);
                files.insert(path.to_owned(), bytes);
            }
        }
        Ok(Self::of(&top, files, Vec::new()))
    }

    /// The one zip of the bag.
    ///
    /// # Errors
    /// Too many files or bytes, or a name that cannot be.
    pub fn to_zip(&self) -> Result<Vec<u8>, ZipError> {
        let named =
            |(path, bytes): (&String, &Vec<u8>)| (format!("{}/{path}", self.top), bytes.clone());
        zip::write(&self.files.iter().map(named).collect())
    }

    /// A file of the payload, by its path below `data/`.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&[u8]> {
        let bytes = self.files.get(&format!("{DATA}{path}"))?;
        Some(bytes)
    }

    /// The payload, by the paths below `data/`, in their order.
    pub fn payload(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let inside = |(path, bytes)| Some((str::strip_prefix(path, DATA)?, bytes));
        let files = self.files.iter();
        files
            .map(|(path, bytes)| (path.as_str(), bytes.as_slice()))
            .filter_map(inside)
    }

    /// The files of the payload below a folder, without that folder's name.
    pub fn below<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        self.payload()
            .filter_map(move |(path, bytes)| Some((path.strip_prefix(folder)?, bytes)))
    }

    /// How many files it has.
    #[must_use]
    pub fn file_count(&self) -> usize {
        self.files.len()
    }

    /// Everything that is wrong with what the bag lists: files that are missing, changed or not listed,
    /// in either list, and tag files that say something else than they must. `info` is what `bag-info.txt`
    /// must say, where that is known.
    #[must_use]
    pub fn faults(&self, info: Option<&[(&'static str, String)]>) -> Vec<BagFault> {
        let mut faults = Vec::new();
        let seal = self.seal();
        let is_tag = |path: &str| seal.lists(path) || seal.signs(path) || path == TAG_MANIFEST;
        for path in self.files.keys() {
            if !path.starts_with(DATA) && !is_tag(path) {
                faults.push(BagFault::new("only files that a pack has", path.as_str()));
            }
        }
        let info = info.map(|info| info_file(info, self.payload().map(|(_, bytes)| bytes)));
        for (path, wanted) in [
            (DECLARATION_FILE, Some(DECLARATION.to_owned())),
            (INFO, info),
        ] {
            match (self.files.get(path), wanted) {
                (Some(_), None) => {}
                (Some(found), Some(wanted)) if *found == wanted.as_bytes() => {}
                (Some(_), Some(_)) => faults.push(BagFault::new(
                    format!("{path} as the rest of the pack gives it"),
                    "another text",
                )),
                (None, _) => faults.push(BagFault::new(path, "it is missing")),
            }
        }
        let payload = |path: &str| path.starts_with(DATA);
        self.compare(MANIFEST, &payload, &mut faults);
        self.compare(TAG_MANIFEST, &|path| seal.lists(path), &mut faults);
        faults
    }

    /// How the bag is sealed. Whoever chooses says no more by it: each of the two covers every file that matters.
    fn seal(&self) -> &'static Seal {
        match self.files.contains_key(FIRST_SEAL.raw) {
            true => &FIRST_SEAL,
            false => &SEAL,
        }
    }

    /// Holds one list against the files that it must list.
    fn compare(&self, list: &str, belongs: &dyn Fn(&str) -> bool, faults: &mut Vec<BagFault>) {
        let Some(bytes) = self.files.get(list) else {
            faults.push(BagFault::new(list, "it is missing"));
            return;
        };
        let listed = match read_manifest(bytes) {
            Ok(listed) => listed,
            Err(why) => {
                faults.push(BagFault::new(format!("{list} in its one form"), why));
                return;
            }
        };
        let there: BTreeSet<&String> = self.files.keys().filter(|path| belongs(path)).collect();
        for (path, digest) in &listed {
            if !belongs(path) {
                let found = format!("it lists {path}");
                faults.push(BagFault::new(format!("{list} with its own files"), found));
            } else if let Some(bytes) = self.files.get(path) {
                let found = Sha256Digest::of(bytes);
                if found != *digest {
                    let expected = format!("{path} with sha256 {digest}, as {list} says");
                    faults.push(BagFault::new(expected, found.to_string()));
                }
            } else {
                let expected = format!("{path}, as {list} says");
                faults.push(BagFault::new(expected, "it is missing"));
            }
        }
        for path in there {
            if !listed.contains_key(path) {
                let expected = format!("every file in {list}");
                faults.push(BagFault::new(expected, format!("{path} is not listed")));
            }
        }
    }

    /// What is wrong with the two signatures under `key`, if anything.
    #[must_use]
    pub fn signature_faults(&self, key: &PublicKey) -> Vec<BagFault> {
        let seal = self.seal();
        let signed = self.files.get(seal.signed);
        let signed = signed.map(Vec::as_slice).unwrap_or_default();
        let raw = |bytes: &[u8]| {
            let signature = <[u8; 64]>::try_from(bytes).map(Signature::from_bytes);
            let verifier = key.admit();
            matches!((signature, verifier), (Ok(signature), Ok(key)) if key.accepts(signed, &signature))
        };
        let ssh = |bytes: &[u8]| sshsig::holds(signed, bytes, key);
        let raw_holds = self.files.get(seal.raw).map(|bytes| raw(bytes));
        let ssh_holds = self.files.get(seal.ssh).map(|bytes| ssh(bytes));
        let mut faults = Vec::new();
        for (path, holds) in [(seal.raw, raw_holds), (seal.ssh, ssh_holds)] {
            let found = match holds {
                Some(true) => continue,
                Some(false) => "another",
                None => "it is missing",
            };
            let expected = format!("{path}: a signature of {} by {key}", seal.signed);
            faults.push(BagFault::new(expected, found));
        }
        faults
    }
}

fn info_file<'f>(
    info: &[(&'static str, String)],
    payload: impl Iterator<Item = &'f [u8]>,
) -> String {
    let (bytes, count) = payload.fold((0, 0), |(bytes, count), file| {
        (bytes + file.len(), count + 1)
    });
    let oxum = ("Payload-Oxum", format!("{bytes}.{count}"));
    let mut text = String::new();
    for (name, value) in info.iter().chain([&oxum]) {
        text.push_str(&format!("{name}: {value}\n"));
    }
    text
}

/// The list of files: digest, two spaces, path, as `sha256sum` reads it. Names in a pack need no escapes.
fn manifest<'f>(files: impl Iterator<Item = (&'f String, &'f Vec<u8>)>) -> String {
    let lines = files.map(|(path, bytes)| format!("{}  {path}\n", Sha256Digest::of(bytes)));
    lines.collect()
}

fn read_manifest(bytes: &[u8]) -> Result<BTreeMap<String, Sha256Digest>, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
    let mut listed = BTreeMap::new();
    let mut last = "";
    let body = text.strip_suffix('\n').ok_or("its last line has no end")?;
    for (at, line) in body.split('\n').enumerate() {
        let fault = |what: &str| format!("line {} {what}", at + 1);
        let (digest, path) = line
            .split_once("  ")
            .ok_or_else(|| fault("has no two spaces between digest and path"))?;
        let digest = digest
            .parse()
            .map_err(|_| fault("does not begin with a SHA-256"))?;
        zip::check_name(path).map_err(|why| fault(&why.to_string()))?;
        if path <= last {
            return Err(fault("is out of order"));
        }
        last = path;
        listed.insert(path.to_owned(), digest);
    }
    Ok(listed)
}
