//! Half of each entry's link, to hold against remarks and corrections that name an earlier entry.

use crate::hash::Link;

/// The links of the entries that were read, by their places. 128 bits leave no second entry to be
/// found, in half the memory; a gap between entries takes none, however long it is said to be.
#[derive(Debug, Default)]
pub(super) struct Links {
    /// The place of the first of each row of entries without a gap, and the halves of that row.
    rows: Vec<(u64, Vec<[u8; 16]>)>,
}

impl Links {
    /// What is kept of a link.
    pub(super) fn half(link: &Link) -> [u8; 16] {
        link.as_bytes().first_chunk().copied().unwrap_or_default()
    }

    /// Takes the link of the entry at `place`, which is behind all those before.
    pub(super) fn push(&mut self, place: u64, link: &Link) {
        let half = Self::half(link);
        match self.rows.last_mut() {
            Some((first, row)) if first.checked_add(row.len() as u64) == Some(place) => {
                row.push(half)
            }
            _ => self.rows.push((place, vec![half])),
        }
    }

    /// Half of the link of the entry at `place`, where that entry was read.
    pub(super) fn at(&self, place: u64) -> Option<[u8; 16]> {
        let behind = self.rows.partition_point(|(first, _)| *first <= place);
        let (first, row) = self.rows.get(behind.checked_sub(1)?)?;
        row.get(usize::try_from(place - first).ok()?).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_link_is_at_its_place_and_a_gap_has_none() {
        let mut links = Links::default();
        let places = [0, 1, 2, 900, 901, 1 << 48, u64::MAX - 1];
        for place in places {
            links.push(place, &Link::of(&place.to_le_bytes()));
        }
        for place in places {
            let half = Links::half(&Link::of(&place.to_le_bytes()));
            assert_eq!(links.at(place), Some(half), "{place}");
        }
        for place in [3, 899, 902, (1 << 48) + 1, u64::MAX] {
            assert_eq!(links.at(place), None, "{place}");
        }
        assert_eq!(links.rows.len(), 4);
        assert_eq!(Links::default().at(0), None);
    }
}
