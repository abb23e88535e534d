//! The paths of C2SP tlog-tiles: what stands in a folder is asked whether it belongs to a log of some
//! size. No list is made of what should be there, for a forged size could make it endless.

use std::path::Path;

use super::tile::{TILE_WIDTH, TileId, number_path};

/// The folder of the tiles, and of the bundles of entries beside them.
const TILES: &str = "tile";
const ENTRIES: &str = "entries";
const WIDTH: u64 = TILE_WIDTH as u64;

/// The number whose groups of three digits stand in a path.
fn number_at(path: &str) -> Option<u64> {
    path.split('/').try_fold(0_u64, |number, group| {
        let digits = group.strip_prefix('x').unwrap_or(group);
        number.checked_mul(1000)?.checked_add(digits.parse().ok()?)
    })
}

/// A tile or a bundle of entries, whole or partial, as the path of its file names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogFile {
    /// Level and place; a bundle stands beside the tile of its leaves.
    pub tile: TileId,
    /// Whether it is the bundle.
    pub is_bundle: bool,
    /// How many hashes or entries it has; 256 where it is whole.
    pub width: u64,
}

impl LogFile {
    /// Reads the path of a file below the folder of the log; none where it names neither.
    #[must_use]
    pub fn parse(path: &Path) -> Option<Self> {
        let text = path.to_str()?;
        let below = text.strip_prefix(TILES)?.strip_prefix('/')?;
        let (level, rest) = below.split_once('/')?;
        let (number, width) = match rest.split_once(".p/") {
            Some((number, width)) => (number, width.parse().ok().filter(|width| *width < WIDTH)?),
            None => (rest, WIDTH),
        };
        let is_bundle = level == ENTRIES;
        let level = match is_bundle {
            true => 0,
            false => level.parse().ok()?,
        };
        let index = number_at(number)?;
        let file = Self {
            tile: TileId { level, index },
            is_bundle,
            width,
        };
        (width > 0 && file.path() == text).then_some(file)
    }

    /// Its path, below the folder of the log.
    #[must_use]
    pub fn path(&self) -> String {
        let whole = match self.is_bundle {
            true => format!("{TILES}/{ENTRIES}/{}", number_path(self.tile.index)),
            false => self.tile.path(),
        };
        match self.is_whole() {
            true => whole,
            false => format!("{whole}.p/{}", self.width),
        }
    }

    /// Whether it is whole.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.width == WIDTH
    }

    /// How many entries there are at least where this file is whole; none where no log has as many.
    #[must_use]
    pub fn entries(&self) -> Option<u64> {
        let under = WIDTH.checked_pow(u32::from(self.tile.level).checked_add(1)?)?;
        self.tile.index.checked_add(1)?.checked_mul(under)
    }

    /// Whether a log of `size` entries has it as a whole one.
    #[must_use]
    pub fn is_sealed_in(&self, size: u64) -> bool {
        self.is_whole() && self.entries().is_some_and(|entries| entries <= size)
    }

    /// Whether it is at the right edge of a log of `size` entries: partial, and of the width it has there.
    #[must_use]
    pub fn is_edge_of(&self, size: u64) -> bool {
        let shift = 8 * u32::from(self.tile.level);
        let hashes = size.checked_shr(shift).unwrap_or(0);
        !self.is_whole() && (hashes / WIDTH, hashes % WIDTH) == (self.tile.index, self.width)
    }

    /// The part of a whole one that a log of `size` entries has at its right edge; none where it has all of it, or
    /// nothing.
    #[must_use]
    pub fn edge_in(&self, size: u64) -> Option<Self> {
        let shift = 8 * u32::from(self.tile.level);
        let width = size.checked_shr(shift).unwrap_or(0) % WIDTH;
        let edge = Self { width, ..*self };
        (self.is_whole() && width > 0 && edge.is_edge_of(size)).then_some(edge)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::partial_tiles;
    use crate::merkle::reference::tiles_between;

    fn parse(path: &str) -> Option<LogFile> {
        LogFile::parse(Path::new(path))
    }

    #[test]
    fn each_file_of_a_log_is_known_by_its_path_and_no_other_is() {
        for size in [1, 255, 256, 600, 65_536, 70_001, 300 * 65_536 + 7] {
            for tile in tiles_between(0, size) {
                let file = parse(&tile.path()).unwrap();
                assert_eq!((file.tile, file.is_bundle), (tile, false));
                assert!(file.is_sealed_in(size) && !file.is_edge_of(size));
                let before = file.entries().unwrap() - 1;
                assert!(!file.is_sealed_in(before));
            }
            for (tile, width) in partial_tiles(size) {
                let file = parse(&tile.partial_path(width)).unwrap();
                assert!(file.is_edge_of(size) && !file.is_sealed_in(size));
                assert!(!file.is_edge_of(size + (1 << (8 * tile.level))));
            }
        }
        let bundle = parse("tile/entries/x001/234.p/7").unwrap();
        assert_eq!((bundle.tile.index, bundle.width), (1234, 7));
        assert!(bundle.is_bundle && bundle.is_edge_of(1234 * 256 + 7));
    }

    #[test]
    fn a_path_spelled_in_another_way_is_none() {
        for path in [
            "tile/0/00",
            "tile/0/0000",
            "tile/00/000",
            "tile/+0/000",
            "tile/0/x000/001",
            "tile/0/+01",
            "tile/0/001/002",
            "tile/0/000.p/0",
            "tile/0/000.p/256",
            "tile/0/000.p/07",
            "tile/0/000.p/+7",
            "tile/0/x001/x002",
            "tile/0/",
            "tile/0",
            "tile/entries",
            "tiles/0/000",
            "/tile/0/000",
            "tile/256/000",
            "tile/0/x018/x446/x744/x073/x709/x551/616",
        ] {
            assert_eq!(parse(path), None, "{path}");
        }
    }

    #[test]
    fn no_number_is_too_large_to_be_asked_about() {
        let last = parse(&format!("tile/entries/{}", number_path(u64::MAX))).unwrap();
        assert_eq!(last.entries(), None);
        assert!(!last.is_sealed_in(u64::MAX));
        for level in [6, 7, 8, 255] {
            let tile = TileId {
                level,
                index: u64::MAX / 2,
            };
            let file = parse(&tile.path()).unwrap();
            assert!(!file.is_sealed_in(u64::MAX) && !file.is_edge_of(u64::MAX));
        }
    }
}
