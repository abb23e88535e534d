//! `ledger verify PACK`: a pack, judged without its ledger: a zip, or the folder that one was unzipped into.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::handed::{self, NotJudged};
use crate::ledger::OpenError;
use crate::ledger::standing::kind_of;
use crate::pack::{Bag, PackFiles, ZIP_LIMIT, ZipError, is_litter};
use crate::pack_verify::{self, PackQuestion, PackReport};
use crate::store::image::list_files;
use crate::sys::disk::{Disk, DiskError};

use super::exit::{CommandError, Exit};
use super::files::bounded;

/// How a zip begins, and an empty one.
const BEGINNINGS: [&[u8]; 2] = [b"PK\x03\x04", b"PK\x05\x06"];
/// The file that a bag is known by.
const BAG: &str = "bagit.txt";

/// Whether a path is that of a pack, and not of a ledger, a copy or a receipt. A folder with anything of a ledger in
/// it is judged as one: else a pack that somebody put there would pass in its place.
pub(super) fn is_pack(disk: &dyn Disk, path: &Path) -> bool {
    if !path.is_dir() {
        return is_zip(path);
    }
    let kind = kind_of(disk, path);
    let is_other = matches!(kind, Err(OpenError::Bag(_) | OpenError::NotALedger(_)));
    is_other && bag_in(path).is_some()
}

fn is_zip(path: &Path) -> bool {
    let mut first = [0; 4];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut first));
    let end = path.extension();
    let by_name = end.is_some_and(|end| end.eq_ignore_ascii_case("zip"));
    path.is_file() && (by_name || read.is_ok() && BEGINNINGS.contains(&first.as_slice()))
}

/// The folder of a bag: this one, or the one in it that is one. Where a pack is unzipped, one folder comes out.
fn bag_in(dir: &Path) -> Option<PathBuf> {
    if dir.join(BAG).is_file() {
        return Some(dir.to_owned());
    }
    let inside = std::fs::read_dir(dir).ok()?.filter_map(Result::ok);
    let folders = inside.map(|found| found.path());
    let mut bags = folders.filter(|path| path.join(BAG).is_file());
    bags.next().filter(|_| bags.next().is_none())
}

/// Reads a pack and judges it.
pub(super) fn examine(
    disk: &dyn Disk,
    path: &Path,
    asked: PackQuestion<'_>,
) -> Result<PackReport, CommandError> {
    Ok(pack_verify::examine(&open(disk, path)?, asked))
}

/// Reads a pack.
pub(super) fn open(disk: &dyn Disk, path: &Path) -> Result<Bag, CommandError> {
    let name = path.display();
    let bag = match bag_in(path).filter(|_| path.is_dir()) {
        Some(dir) => {
            let files = files_in(disk, &dir)?;
            Bag::among(files).ok_or(ZipError::Empty)
        }
        None => {
            let read = File::open(path).and_then(|file| bounded(file, ZIP_LIMIT as usize));
            let bytes = read.map_err(|fault| {
                CommandError::not_verified(format!("{name} cannot be read: {fault}"))
            })?;
            Bag::from_any_zip(&bytes)
        }
    };
    handed::pack(&name.to_string(), bag).map_err(|fault| {
        let failure = CommandError::new(Exit::from(fault.conclusion()), fault.to_string());
        failure.hint(match fault {
            NotJudged::OtherBag(_) => "whether it is whole is told by: bagit.py --validate FOLDER",
            _ => "ask for it again by another road",
        })
    })
}

/// Every file of a folder, by its path below it.
fn files_in(disk: &dyn Disk, dir: &Path) -> Result<PackFiles, CommandError> {
    let not_read = |fault: DiskError| CommandError::from(fault).or_not_verified();
    let mut files = PackFiles::new();
    let mut room = ZIP_LIMIT;
    for found in list_files(disk, dir).map_err(not_read)? {
        let path = found.path.to_string_lossy().into_owned();
        if is_litter(&found.path) {
            files.insert(path, Vec::new());
            continue;
        }
        let bytes = disk.read_at_most(&dir.join(&found.path), room);
        let bytes = bytes.map_err(not_read)?;
        room = room.saturating_sub(bytes.len() as u64);
        files.insert(path, bytes);
    }
    Ok(files)
}
