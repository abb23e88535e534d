//! Files that somebody handed over, as a disk from which is read and nothing else: for whoever has no other, as a
//! page in a browser.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use crate::sys::disk::{DirEntry, Disk, DiskError, FileHandle, FileKind, Metadata};

/// Files by their paths, with a slash between folders.
#[derive(Debug)]
pub struct GivenFiles(pub BTreeMap<String, Vec<u8>>);

impl GivenFiles {
    fn get(&self, path: &Path) -> Option<&Vec<u8>> {
        self.0.get(&name(path))
    }

    /// What follows the path of a folder in the paths below it.
    fn below<'a>(&'a self, dir: &Path) -> impl Iterator<Item = &'a str> {
        let folder = name(dir) + "/";
        let later = self.0.range(folder.clone()..).map(|(path, _)| path);
        later.map_while(move |path| path.strip_prefix(&folder))
    }
}

/// The one form of a path: whoever walks through folders joins them with nothing at times.
fn name(path: &Path) -> String {
    path.components().collect::<PathBuf>().display().to_string()
}

fn missing(doing: &'static str, path: &Path) -> DiskError {
    DiskError::new(doing, path, io::Error::from(io::ErrorKind::NotFound))
}

/// Nothing changes what was handed over.
fn refused<T>(path: &Path) -> Result<T, DiskError> {
    let refusal = io::Error::from(io::ErrorKind::ReadOnlyFilesystem);
    Err(DiskError::new("write", path, refusal))
}

impl Disk for GivenFiles {
    fn read_at_most(&self, path: &Path, most: u64) -> Result<Vec<u8>, DiskError> {
        let bytes = self.get(path).ok_or_else(|| missing("read", path))?;
        match bytes.len() as u64 > most {
            true => Err(DiskError::too_long(path, most)),
            false => Ok(bytes.clone()),
        }
    }

    fn list(&self, dir: &Path) -> Result<Vec<DirEntry>, DiskError> {
        let mut names = BTreeSet::new();
        for path in self.below(dir) {
            names.insert(match path.split_once('/') {
                Some((folder, _)) => (folder, true),
                None => (path, false),
            });
        }
        if names.is_empty() {
            return Err(missing("list", dir));
        }
        let entry = |(name, is_folder): (&str, bool)| DirEntry {
            name: name.into(),
            kind: if is_folder {
                FileKind::Folder
            } else {
                FileKind::File
            },
        };
        Ok(names.into_iter().map(entry).collect())
    }

    fn metadata(&self, path: &Path) -> Result<Option<Metadata>, DiskError> {
        let file = self.get(path).map(|bytes| Metadata {
            kind: FileKind::File,
            len: bytes.len() as u64,
        });
        let folder = || {
            self.below(path).next().map(|_| Metadata {
                kind: FileKind::Folder,
                len: 0,
            })
        };
        Ok(file.or_else(folder))
    }

    fn open(&self, path: &Path) -> Result<FileHandle, DiskError> {
        refused(path)
    }

    fn create(&self, path: &Path) -> Result<FileHandle, DiskError> {
        refused(path)
    }

    fn create_dir(&self, path: &Path) -> Result<(), DiskError> {
        refused(path)
    }

    fn rename(&self, _: &Path, to: &Path) -> Result<(), DiskError> {
        refused(to)
    }

    fn remove(&self, path: &Path) -> Result<(), DiskError> {
        refused(path)
    }

    fn sync_dir(&self, dir: &Path) -> Result<(), DiskError> {
        refused(dir)
    }

    fn make_read_only(&self, path: &Path) -> Result<(), DiskError> {
        refused(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_where_files_are_below_them() {
        let files = [
            "copy/checkpoint",
            "copy/tile/0/000",
            "copy/tile/entries/000",
            "other",
        ];
        let given = GivenFiles(files.map(|path| (path.to_owned(), b"x".to_vec())).into());
        let names = |dir: &str| -> Vec<(String, FileKind)> {
            let listed = given.list(Path::new(dir)).unwrap().into_iter();
            listed
                .map(|found| (found.name.into_string().unwrap(), found.kind))
                .collect()
        };
        let folder = |name: &str| (name.to_owned(), FileKind::Folder);
        assert_eq!(
            names("copy"),
            [("checkpoint".to_owned(), FileKind::File), folder("tile")]
        );
        assert_eq!(names("copy/tile/"), [folder("0"), folder("entries")]);
        assert!(given.list(Path::new("copy/til")).is_err());
        let kind = |path: &str| {
            given
                .metadata(Path::new(path))
                .unwrap()
                .map(|found| found.kind)
        };
        assert_eq!(kind("copy/tile/0"), Some(FileKind::Folder));
        assert_eq!(kind("other"), Some(FileKind::File));
        assert_eq!(kind("tile"), None);
        let long = given.read_at_most(Path::new("other"), 0).unwrap_err();
        assert_eq!(long.cause(), crate::sys::disk::DiskCause::TooLong);
        assert!(given.create(Path::new("new")).is_err());
    }
}
