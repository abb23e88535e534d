//! The one zip that files make: stored, sorted by name, without times, owners or anything else that
//! could differ (FORMAT.md, "Evidence pack").
//!
//! A general reader of zips finds its way from the end of the file to what it wants, and two of them can
//! see two packs in the same bytes. This one walks from the first byte to the last, and what it has
//! read must, written again, be what it read: no byte is left for anything that is not listed.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// The most files in a zip.
pub(super) const FILES_LIMIT: usize = 1_000_000;
/// The most bytes of a zip: below what its 32-bit offsets reach.
pub const ZIP_LIMIT: u64 = 2 * 1024 * 1024 * 1024;
/// The most bytes of a name.
pub(super) const NAME_LIMIT: usize = 240;

const LOCAL: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
const END64: u32 = 0x0606_4b50;
const LOCATOR64: u32 = 0x0706_4b50;
/// 1980-01-01, the first day that a zip can name.
const DATE: u16 = 0x0021;
const VERSION: u16 = 10;
const VERSION64: u16 = 45;
/// Made on Unix, so that the mode below means something.
const MADE_BY: u16 = 0x031e;
const MODE: u32 = 0o100_644;
const LOCAL_BYTES: usize = 30;
const CENTRAL_BYTES: usize = 46;

/// Files by their path, which is the name in the zip.
pub type PackFiles = BTreeMap<String, Vec<u8>>;

/// Why bytes are not the zip of a pack. Names are those in the zip, shown with escapes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ZipError {
    /// It does not begin as a zip does.
    #[error("no zip begins like this")]
    NotAZip,
    /// The bytes end too early.
    #[error("the zip is cut short: it ends at byte {at}, within {what}")]
    CutShort {
        /// Where it ends.
        at: usize,
        /// What is not whole.
        what: String,
    },
    /// A file is compressed or encrypted.
    #[error("`{0}` is compressed or encrypted: a pack stores its files as they are")]
    Packed(String),
    /// A name that no file of a pack has.
    #[error("the name `{name}` {why}")]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Two files of one name.
    #[error("`{0}` stands in the zip twice")]
    Twice(String),
    /// Two names that are one on many disks.
    #[error("`{name}` and `{other}` differ only in case")]
    Case {
        /// The one.
        name: String,
        /// The other.
        other: String,
    },
    /// Not in the order of names.
    #[error("`{0}` stands out of order")]
    Order(String),
    /// A link or device.
    #[error("`{name}` is no ordinary file (mode {mode:o})")]
    Kind {
        /// The name.
        name: String,
        /// Its mode.
        mode: u32,
    },
    /// The checksum of a file's bytes is another.
    #[error("the bytes of `{0}` are damaged: their checksum is another")]
    Checksum(String),
    /// Too many files.
    #[error("the zip has more than {FILES_LIMIT} files")]
    TooMany,
    /// Too many bytes.
    #[error("the zip has more than {ZIP_LIMIT} bytes")]
    TooLarge,
    /// The list at the zip's end names another file than is there.
    #[error("the zip's list of files says `{listed}` where `{name}` is")]
    Listed {
        /// The file.
        name: String,
        /// What is listed.
        listed: String,
    },
    /// Bytes that nothing accounts for.
    #[error("{0} bytes follow the end of the zip")]
    After(usize),
    /// A header with anything in it that a pack's has not.
    #[error("the zip has something else at byte {0} than a pack has")]
    Other(usize),
    /// No file at all.
    #[error("the zip has no files")]
    Empty,
}

/// The zip of files.
///
/// # Errors
/// A name that cannot be, too many files, or too many bytes.
pub fn write(files: &PackFiles) -> Result<Vec<u8>, ZipError> {
    if files.len() > FILES_LIMIT {
        return Err(ZipError::TooMany);
    }
    let length = |(name, bytes): (&String, &Vec<u8>)| {
        (LOCAL_BYTES + CENTRAL_BYTES + 2 * name.len() + bytes.len()) as u64
    };
    let total: u64 = files.iter().map(length).sum();
    if total > ZIP_LIMIT {
        return Err(ZipError::TooLarge);
    }
    let mut zip = Vec::with_capacity(total as usize + 128);
    let mut get = |name: &str| Ok(files.get(name).map_or(&[][..], Vec::as_slice).into());
    write_each(files.keys(), &mut get, &mut |part| {
        zip.extend_from_slice(part);
        Ok(())
    })?;
    Ok(zip)
}

/// Writes the zip of files piece by piece: one of them at a time is in memory. The names are sorted.
///
/// # Errors
/// As [`write()`], or the refusal of `get` or `put`.
pub fn write_each<'f, E: From<ZipError>>(
    names: impl ExactSizeIterator<Item = &'f String> + Clone,
    get: &mut impl FnMut(&str) -> Result<Cow<'f, [u8]>, E>,
    put: &mut impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    check_names(names.clone().map(String::as_str))?;
    let count = names.len();
    let (mut listed, mut at) = (Vec::new(), 0_usize);
    for name in names {
        let bytes = get(name)?;
        let offset = at as u32;
        let same = frame(name, &bytes);
        let all = LOCAL_BYTES + name.len() + bytes.len();
        listed.extend(listing(name, &same, offset));
        at += all;
        if (at + listed.len()) as u64 > ZIP_LIMIT || count > FILES_LIMIT {
            return Err(ZipError::TooLarge.into());
        }
        for part in [&LOCAL.to_le_bytes(), &same[..], name.as_bytes(), &bytes] {
            put(part)?;
        }
    }
    put(&listed)?;
    put(&ending(count, at, listed.len()))
}

/// What a header says in both places, from the version to the length of the extra field.
fn frame(name: &str, bytes: &[u8]) -> Vec<u8> {
    let length = (bytes.len() as u32).to_le_bytes();
    [
        VERSION.to_le_bytes().as_slice(),
        &[0; 6],
        &DATE.to_le_bytes(),
        &crc32fast::hash(bytes).to_le_bytes(),
        &length,
        &length,
        &(name.len() as u16).to_le_bytes(),
        &[0; 2],
    ]
    .concat()
}

/// A file in the list at the zip's end.
fn listing(name: &str, same: &[u8], offset: u32) -> Vec<u8> {
    [
        CENTRAL.to_le_bytes().as_slice(),
        &MADE_BY.to_le_bytes(),
        same,
        &[0; 6],
        &(MODE << 16).to_le_bytes(),
        &offset.to_le_bytes(),
        name.as_bytes(),
    ]
    .concat()
}

/// The end: for more files than 16 bits count, with the records of zip64 before it.
fn ending(count: usize, at: usize, length: usize) -> Vec<u8> {
    let short = u16::try_from(count).ok().filter(|count| *count != u16::MAX);
    let long = match short {
        Some(_) => Vec::new(),
        None => ending64(count as u64, at as u64, length as u64),
    };
    let short = short.unwrap_or(u16::MAX).to_le_bytes();
    [
        long.as_slice(),
        &END.to_le_bytes(),
        &[0; 4],
        &short,
        &short,
        &(length as u32).to_le_bytes(),
        &(at as u32).to_le_bytes(),
        &[0; 2],
    ]
    .concat()
}

fn ending64(count: u64, at: u64, length: u64) -> Vec<u8> {
    [
        END64.to_le_bytes().as_slice(),
        &44_u64.to_le_bytes(),
        &VERSION64.to_le_bytes(),
        &VERSION64.to_le_bytes(),
        &[0; 8],
        &count.to_le_bytes(),
        &count.to_le_bytes(),
        &length.to_le_bytes(),
        &at.to_le_bytes(),
        &LOCATOR64.to_le_bytes(),
        &[0; 4],
        &(at + length).to_le_bytes(),
        &1_u32.to_le_bytes(),
    ]
    .concat()
}

/// Reads the zip of a pack. Nothing is inflated, so nothing grows.
///
/// # Errors
/// The first thing that is not as [`write()`] writes it.
pub fn read(zip: &[u8]) -> Result<PackFiles, ZipError> {
    if zip.len() as u64 > ZIP_LIMIT {
        return Err(ZipError::TooLarge);
    }
    let mut walk = ZipReader { zip, at: 0 };
    match walk.peek() {
        Some(LOCAL) => {}
        Some(END) => return Err(ZipError::Empty),
        _ => return Err(ZipError::NotAZip),
    }
    let mut files: PackFiles = BTreeMap::new();
    let mut offsets = Vec::new();
    while walk.peek() == Some(LOCAL) {
        let offset = walk.at as u32;
        let (name, bytes) = walk.file()?;
        if files.contains_key(&name) {
            return Err(ZipError::Twice(name));
        }
        if files.len() == FILES_LIMIT {
            return Err(ZipError::TooMany);
        }
        if files.last_key_value().is_some_and(|(last, _)| *last > name) {
            return Err(ZipError::Order(name));
        }
        files.insert(name, bytes.to_vec());
        offsets.push(offset);
    }
    check_names(files.keys().map(String::as_str))?;
    let listed_at = walk.at;
    let mut listed = Vec::new();
    for ((name, bytes), offset) in files.iter().zip(offsets) {
        listed.extend(listing(name, &frame(name, bytes), offset));
        walk.listed(name)?;
    }
    listed.extend_from_slice(&ending(files.len(), listed_at, listed.len()));
    let found = zip.get(listed_at..).unwrap_or_default();
    if found == listed {
        return Ok(files);
    }
    let same = found
        .iter()
        .zip(&listed)
        .take_while(|(a, b)| a == b)
        .count();
    Err(if same == found.len() {
        ZipError::CutShort {
            at: zip.len(),
            what: "its list of files".to_owned(),
        }
    } else if same == listed.len() {
        ZipError::After(found.len() - same)
    } else {
        ZipError::Other(listed_at + same)
    })
}

/// A position in a zip.
struct ZipReader<'a> {
    zip: &'a [u8],
    at: usize,
}

impl<'a> ZipReader<'a> {
    fn take(&mut self, count: usize, what: impl FnOnce() -> String) -> Result<&'a [u8], ZipError> {
        let end = self.at.checked_add(count);
        let taken = end.and_then(|end| self.zip.get(self.at..end));
        match taken {
            Some(taken) => {
                self.at += count;
                Ok(taken)
            }
            None => Err(ZipError::CutShort {
                at: self.zip.len(),
                what: what(),
            }),
        }
    }

    fn peek(&self) -> Option<u32> {
        let bytes = self.zip.get(self.at..)?.first_chunk()?;
        Some(u32::from_le_bytes(*bytes))
    }

    fn file(&mut self) -> Result<(String, &'a [u8]), ZipError> {
        let start = self.at;
        let header = self.take(LOCAL_BYTES, || "the header of a file".to_owned())?;
        let name = self.take(usize::from(u16_at(header, 26)), || "a name".to_owned())?;
        let name = shown(name);
        if u16_at(header, 6) != 0 || u16_at(header, 8) != 0 {
            return Err(ZipError::Packed(name));
        }
        check_name(&name)?;
        let length = u32_at(header, 22) as usize;
        let bytes = self.take(length, || format!("`{name}`"))?;
        if crc32fast::hash(bytes) != u32_at(header, 14) {
            return Err(ZipError::Checksum(name));
        }
        // Its times, sizes and extra fields are the one way they can be.
        let made = frame(&name, bytes);
        let found = header.get(4..).unwrap_or_default();
        match found.iter().zip(&made).position(|(a, b)| a != b) {
            Some(at) => Err(ZipError::Other(start + 4 + at)),
            None => Ok((name, bytes)),
        }
    }

    /// Whether the next file in the list at the end is this one, and an ordinary file.
    fn listed(&mut self, name: &str) -> Result<(), ZipError> {
        let what = || "its list of files".to_owned();
        if self.peek() != Some(CENTRAL) {
            let left = self.zip.len() - self.at;
            return Err(if left < CENTRAL_BYTES {
                ZipError::CutShort {
                    at: self.zip.len(),
                    what: what(),
                }
            } else {
                ZipError::Other(self.at)
            });
        }
        let header = self.take(CENTRAL_BYTES, what)?;
        let listed = shown(self.take(usize::from(u16_at(header, 28)), what)?);
        if listed != name {
            return Err(ZipError::Listed {
                name: name.to_owned(),
                listed,
            });
        }
        match u32_at(header, 38) >> 16 {
            MODE => Ok(()),
            mode => Err(ZipError::Kind { name: listed, mode }),
        }
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    let chunk = bytes.get(at..).and_then(|bytes| bytes.first_chunk());
    chunk.map_or(0, |chunk| u16::from_le_bytes(*chunk))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let chunk = bytes.get(at..).and_then(|bytes| bytes.first_chunk());
    chunk.map_or(0, |chunk| u32::from_le_bytes(*chunk))
}

/// A name from outside, so that it can stand in a message.
fn shown(name: &[u8]) -> String {
    name.escape_ascii().to_string()
}

/// Whether a path can be a file's in a pack: plain names, below one folder, on any system.
///
/// # Errors
/// What is wrong with it.
pub fn check_name(name: &str) -> Result<(), ZipError> {
    let plain = |c: u8| c.is_ascii_alphanumeric() || b"._/-".contains(&c);
    let why = if name.is_empty() || name.len() > NAME_LIMIT {
        "is empty, or too long"
    } else if name.starts_with('/') {
        "is an absolute path"
    } else if name.ends_with('/') {
        "is that of a folder"
    } else if name.split('/').any(|part| part == "..") {
        "leads out of the pack"
    } else if name.split('/').any(|part| part.is_empty() || part == ".") {
        "is not in its one form"
    } else if !name.bytes().all(plain) {
        "has characters other than letters, digits, `.`, `_`, `-` and `/`"
    } else {
        return Ok(());
    };
    Err(ZipError::Name {
        name: name.to_owned(),
        why,
    })
}

/// Names that are sorted and different: below one folder, and different on every disk.
fn check_names<'n>(names: impl Iterator<Item = &'n str> + Clone) -> Result<(), ZipError> {
    let top = |name: &'n str| name.split_once('/').map(|(top, _)| top);
    let mut first = None;
    let mut lower: BTreeMap<String, &str> = BTreeMap::new();
    for name in names.clone() {
        check_name(name)?;
        let refuse = |why| {
            Err(ZipError::Name {
                name: name.to_owned(),
                why,
            })
        };
        match (top(name), first) {
            (None, _) => return refuse("stands outside of the pack's one folder"),
            (Some(top), Some(first)) if top != first => {
                return refuse("stands outside of the pack's one folder");
            }
            (Some(top), _) => first = Some(top),
        }
        if let Some(other) = lower.insert(name.to_ascii_lowercase(), name) {
            return Err(ZipError::Case {
                name: other.to_owned(),
                other: name.to_owned(),
            });
        }
    }
    let folders: BTreeSet<String> = lower
        .keys()
        .flat_map(|name| name.match_indices('/').map(|(at, _)| name[..at].to_owned()))
        .collect();
    for name in names {
        if folders.contains(&name.to_ascii_lowercase()) {
            return Err(ZipError::Name {
                name: name.to_owned(),
                why: "is that of a folder too",
            });
        }
    }
    if first.is_none() {
        return Err(ZipError::Empty);
    }
    Ok(())
}
