//! Packs that did not stay as they were exported: zipped again by whatever program somebody has, or unzipped into a
//! folder that a system left its own files in.
//!
//! Nothing is taken from how the files lie: each is held against the pack's signed list, as those of a pack that was
//! never touched. Of a zip the list at its end says which files there are, and other programs may see others in the
//! same bytes; so it is said that the zip is not the one that was exported.

use std::path::Path;

use rawzip::{CompressionMethod, ZipArchive};

use super::bag::{Bag, DECLARATION_FILE};
use super::zip::{FILES_LIMIT, PackFiles, ZIP_LIMIT, ZipError};

/// How far a zip may grow: no evidence is packed tighter, and a bomb is.
const GROWTH: u64 = 32;
/// What even a small zip may grow to, in bytes.
const GROWN: u64 = 64 * 1024 * 1024;

impl Bag {
    /// Reads the zip of a bag: the one that was exported or, where it is another, any other of the same files.
    ///
    /// # Errors
    /// What the exported zip has not, where the other way fails too.
    pub fn from_any_zip(bytes: &[u8]) -> Result<Self, ZipError> {
        let strict = match Self::from_zip(bytes) {
            Err(fault) if fault != ZipError::NotAZip => fault,
            read => return read,
        };
        let Some(mut bag) = unpacked(bytes).and_then(Self::among) else {
            return Err(strict);
        };
        bag.remarks.insert(0, format!(
            "this is not the zip that was exported ({strict}): the files in its list were judged, and another program may find others in it"
        ));
        Ok(bag)
    }

    /// The nearest bag among files by their paths, wherever its folder is; none where there is no bag.
    #[must_use]
    pub fn among(mut files: PackFiles) -> Option<Self> {
        let before = files.len();
        files.retain(|path, _| !is_litter(Path::new(path)));
        let litter = before - files.len();
        let folders = files.keys().filter_map(|path| {
            let folder = path.strip_suffix(DECLARATION_FILE)?;
            (folder.is_empty() || folder.ends_with('/')).then(|| folder.to_owned())
        });
        let folder = folders.min_by_key(|folder| folder.matches('/').count())?;
        let (inside, beside): (PackFiles, PackFiles) = files
            .into_iter()
            .partition(|(path, _)| path.starts_with(&folder));
        let named = inside.into_iter();
        let named = named.map(|(path, bytes)| (path.replacen(&folder, "", 1), bytes));
        let mut remarks = Vec::new();
        for (many, what) in [
            (litter, "that systems leave in folders"),
            (beside.len(), "beside the pack's folder"),
        ] {
            if many > 0 {
                remarks.push(format!(
                    "{many} files {what} are no part of the pack: nothing reads them"
                ));
            }
        }
        let top = folder.trim_end_matches('/').rsplit('/').next();
        Some(Self::of(top.unwrap_or_default(), named.collect(), remarks))
    }
}

/// Whether a file is what file systems, editors and web servers leave in any folder. Nothing reads such a file, so
/// that it says nothing about the log.
#[must_use]
pub fn is_litter(path: &Path) -> bool {
    const NAMES: &[&str] = &[
        ".DS_Store",
        "Thumbs.db",
        "desktop.ini",
        "@eaDir",
        "lost+found",
        "__MACOSX",
        "index.html",
    ];
    path.components().any(|part| {
        let name = part.as_os_str().to_string_lossy();
        let begins = |with: &[&str]| with.iter().any(|with| name.starts_with(with));
        let ends = |with: &[&str]| with.iter().any(|with| name.ends_with(with));
        NAMES.contains(&&*name)
            || begins(&[".nfs", "._", ".#"])
            || ends(&["~"])
            || (begins(&["."]) && ends(&[".swp", ".swo", ".swx"]))
            || (begins(&["#"]) && ends(&["#"]))
    })
}

/// The files of a zip, by its own list; none where it cannot be read, or not in one way only.
fn unpacked(bytes: &[u8]) -> Option<PackFiles> {
    let archive = ZipArchive::from_slice(bytes).ok()?;
    let most = ZIP_LIMIT.min(GROWN.max(GROWTH.saturating_mul(bytes.len() as u64)));
    let (mut files, mut listed, mut total) = (PackFiles::new(), 0, 0_u64);
    let mut entries = archive.entries();
    while let Some(entry) = entries.next_entry().ok()? {
        listed += 1;
        if entry.is_dir() {
            continue;
        }
        let length = entry.uncompressed_size_hint();
        total = total.saturating_add(length);
        if total > most
            || files.len() == FILES_LIMIT
            || entry.mode().is_symlink()
            || entry.flags().is_encrypted()
        {
            return None;
        }
        let stored = archive.get_entry(entry.wayfinder()).ok()?;
        let file = match entry.compression_method() {
            CompressionMethod::STORE => stored.data().to_vec(),
            CompressionMethod::DEFLATE => {
                let most = usize::try_from(length).ok()?;
                miniz_oxide::inflate::decompress_to_vec_with_limit(stored.data(), most).ok()?
            }
            _ => return None,
        };
        let is_whole = file.len() as u64 == length && crc32fast::hash(&file) == entry.crc32();
        // Some programs of Windows part folders otherwise; no name of a pack has such a character.
        let name = std::str::from_utf8(entry.file_path().as_bytes())
            .ok()?
            .replace('\\', "/");
        if !is_whole || leads_out(&name) || files.insert(name, file).is_some() {
            return None;
        }
    }
    (listed == archive.entries_hint()).then_some(files)
}

/// Whether a name is none below a folder.
fn leads_out(name: &str) -> bool {
    name.starts_with('/') || name.split('/').any(|part| part == ".." || part == ".")
}
