//! `ledger verify PACK.zip`: a pack, judged without its ledger.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use crate::pack::{Bag, ZIP_LIMIT, ZipError};
use crate::pack_verify::{self, PackQuestion, PackReport};

use super::exit::{CommandError, Exit};
use super::files::bounded;

/// How a zip begins, and an empty one.
const BEGINNINGS: [&[u8]; 2] = [b"PK\x03\x04", b"PK\x05\x06"];

/// Whether a file is a zip, and not a receipt.
pub(super) fn is_zip(path: &Path) -> bool {
    let mut first = [0; 4];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut first));
    let by_name = path
        .extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("zip"));
    by_name || read.is_ok() && BEGINNINGS.contains(&first.as_slice())
}

/// Reads a pack and judges it.
pub(super) fn examine(path: &Path, asked: PackQuestion<'_>) -> Result<PackReport, CommandError> {
    let name = path.display();
    let read = File::open(path).and_then(|file| bounded(file, ZIP_LIMIT as usize));
    let bytes = read
        .map_err(|fault| CommandError::not_verified(format!("{name} cannot be read: {fault}")))?;
    let bag = Bag::from_zip(&bytes).map_err(|fault| {
        let exit = match fault {
            ZipError::NotAZip => Exit::NotVerified,
            _ => Exit::Broken,
        };
        let failure = CommandError::new(exit, format!("{name} is no whole evidence pack: {fault}"));
        failure.hint("a pack is verified as it was exported; ask for it again by another road")
    })?;
    Ok(pack_verify::examine(&bag, asked))
}
