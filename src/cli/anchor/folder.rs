//! A folder of anchors, as `ledger anchor --to` fills it, taken for the checkpoints in it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::cli::exit::CommandError;

const SUFFIX: &str = "checkpoint";

/// The anchors that are meant: files as they are, and of a folder every checkpoint in it, by size. A
/// folder of several ledgers' anchors is refused: those of the others would count against this one.
pub(crate) fn expand(named: &[PathBuf]) -> Result<Vec<PathBuf>, CommandError> {
    let mut anchors = Vec::new();
    for path in named {
        if !path.is_dir() {
            anchors.push(path.clone());
            continue;
        }
        let unread = |fault: io::Error| {
            let message = format!("the anchors in {} cannot be read: {fault}", path.display());
            CommandError::not_verified(message)
        };
        let mut found = checkpoints(path).map_err(unread)?;
        if found.is_empty() {
            let folders = folders(path).map_err(unread)?;
            let inside = folders.iter().map(|folder| checkpoints(folder));
            let mut of_ledgers: Vec<_> = inside.collect::<Result<_, _>>().map_err(unread)?;
            of_ledgers.retain(|inside| !inside.is_empty());
            if of_ledgers.len() > 1 {
                let (name, many) = (path.display(), of_ledgers.len());
                let message = format!("{name} holds anchors of {many} ledgers");
                return Err(CommandError::usage(message)
                    .hint("name this ledger's folder in it: the SHA-256 of its origin"));
            }
            found = of_ledgers.pop().unwrap_or_default();
        }
        // Nothing found is nothing checked.
        if found.is_empty() {
            let message = format!("there is no anchor in {}", path.display());
            return Err(CommandError::not_verified(message));
        }
        anchors.append(&mut found);
    }
    Ok(anchors)
}

/// `<size>.checkpoint`, the smallest first.
fn checkpoints(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_named = path.extension().is_some_and(|suffix| suffix == SUFFIX);
        let size = path.file_stem().and_then(|stem| stem.to_str());
        if let (true, Some(Ok(size))) = (is_named, size.map(str::parse::<u64>)) {
            found.push((size, path));
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

fn folders(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.push(entry.path());
        }
    }
    Ok(found)
}
