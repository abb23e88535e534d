//! Numbers under 16-byte ids, many to a value.
//!
//! sled's opening reads and writes a list of all its pages, so a million ids under a key each cost
//! every process some 80 ms; kept together, up to 512 in the order of the ids under the first
//! of them, they cost next to nothing more than a thousand do. Ids that grow with time, as UUIDv7
//! do, fill one chunk after the other.
//!
//! ```text
//! key = lowest id the chunk may hold [16]      value = (id [16] ‖ number u64 LE)*, sorted by id
//! ```

use std::collections::BTreeMap;

#[cfg(not(feature = "index"))]
use super::absent::Index;
#[cfg(feature = "index")]
use super::db::Index;
use super::terms::{IndexChange, IndexError, IndexTable};

/// An id.
pub type Id = [u8; 16];

/// Ids in one value, at most: 12 KiB.
const MOST: usize = 512;

const ID_BYTES: usize = 16;
const ITEM_BYTES: usize = ID_BYTES + 8;

/// The key of the first chunk, so that every id has a chunk at or before it.
const FIRST: Id = [0; ID_BYTES];

type Items = Vec<(Id, u64)>;

/// The number under an id.
///
/// # Errors
/// Damage, or the disk's refusal.
pub fn get(index: &Index, table: IndexTable, id: &Id) -> Result<Option<u64>, IndexError> {
    let (_, items) = chunk_of(index, table, id)?;
    let found = items.binary_search_by(|(other, _)| other.cmp(id)).ok();
    Ok(found
        .and_then(|at| items.get(at))
        .map(|(_, number)| *number))
}

/// Hands each id and its number to `take`, in the order of the ids.
///
/// # Errors
/// Damage, or the disk's refusal.
pub fn each(
    index: &Index,
    table: IndexTable,
    take: &mut dyn FnMut(Id, u64),
) -> Result<(), IndexError> {
    for pair in index.iterate(table, &[]) {
        for (id, number) in decode(&pair?.1)? {
            take(id, number);
        }
    }
    Ok(())
}

/// The changes that set numbers under ids, to be applied together with others. Further numbers for
/// the same table must not be set before these changes are applied.
///
/// # Errors
/// Damage, or the disk's refusal.
pub fn set(
    index: &Index,
    table: IndexTable,
    numbers: &[(Id, u64)],
) -> Result<Vec<IndexChange>, IndexError> {
    let mut touched: BTreeMap<Id, Items> = BTreeMap::new();
    for (id, number) in numbers {
        let (key, mut items) = match touched.range(..=*id).next_back() {
            // A chunk split here may stand between the stored one and this id.
            Some((key, _)) if stored_key(index, table, id)?.is_none_or(|k| k <= *key) => {
                let key = *key;
                (key, touched.remove(&key).unwrap_or_default())
            }
            _ => chunk_of(index, table, id)?,
        };
        match items.binary_search_by(|(other, _)| other.cmp(id)) {
            Ok(at) => items.splice(at..=at, [(*id, *number)]).for_each(drop),
            Err(at) => items.insert(at, (*id, *number)),
        }
        if items.len() > MOST {
            // Growing ids leave full chunks behind; others leave two halves.
            let grows = items.last().is_some_and(|(last, _)| last == id);
            let upper = items.split_off(if grows { MOST } else { MOST / 2 });
            if let Some((first, _)) = upper.first() {
                touched.insert(*first, upper);
            }
        }
        touched.insert(key, items);
    }
    let change = |(key, items): (Id, Items)| IndexChange {
        table,
        key: key.to_vec(),
        value: encode(&items),
    };
    Ok(touched.into_iter().map(change).collect())
}

fn stored_key(index: &Index, table: IndexTable, id: &Id) -> Result<Option<Id>, IndexError> {
    let found = index.key_at_or_before(table, id)?;
    found.map(|key| read_key(&key)).transpose()
}

/// The stored chunk that holds `id`, or would.
fn chunk_of(index: &Index, table: IndexTable, id: &Id) -> Result<(Id, Items), IndexError> {
    match index.at_or_before(table, id)? {
        Some((key, value)) => Ok((read_key(&key)?, decode(&value)?)),
        None => Ok((FIRST, Items::new())),
    }
}

fn damaged() -> IndexError {
    IndexError::Damaged("a chunk of ids is malformed".to_owned())
}

fn read_key(key: &[u8]) -> Result<Id, IndexError> {
    key.try_into().map_err(|_| damaged())
}

fn encode(items: &[(Id, u64)]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(items.len() * ITEM_BYTES);
    for (id, number) in items {
        bytes.extend(id);
        bytes.extend(number.to_le_bytes());
    }
    bytes
}

fn decode(bytes: &[u8]) -> Result<Items, IndexError> {
    let (items, rest) = bytes.as_chunks::<ITEM_BYTES>();
    if !rest.is_empty() {
        return Err(damaged());
    }
    let item = |bytes: &[u8; ITEM_BYTES]| {
        let (id, number) = bytes.split_first_chunk::<ID_BYTES>()?;
        Some((*id, u64::from_le_bytes(number.try_into().ok()?)))
    };
    items.iter().map(|b| item(b).ok_or_else(damaged)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::index::{DEFAULT_CACHE, IndexPosition};
    use proptest::prelude::*;

    const TABLE: IndexTable = IndexTable::new(9);

    fn id(n: u64) -> Id {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&n.to_be_bytes());
        id
    }

    fn fill(batches: &[Vec<u64>]) {
        let dir = tempfile::tempdir().unwrap();
        let (mut index, _) = Index::open(&dir.path().join("index"), DEFAULT_CACHE).unwrap();
        let mut model = BTreeMap::new();
        for batch in batches {
            let numbers: Vec<_> = batch.iter().map(|n| (id(*n), n ^ 1)).collect();
            let changes = set(&index, TABLE, &numbers).unwrap();
            assert!(changes.iter().all(|c| c.value.len() <= MOST * ITEM_BYTES));
            index.apply(&changes, IndexPosition::NOTHING).unwrap();
            model.extend(numbers);
        }
        for (id, number) in &model {
            assert_eq!(get(&index, TABLE, id).unwrap(), Some(*number));
        }
        let stored = index.iterate(TABLE, &[]).map(|pair| {
            let (_, value) = pair.unwrap();
            decode(&value).unwrap()
        });
        assert!(
            stored.flatten().eq(model),
            "nothing twice, nothing out of order"
        );
        assert_eq!(get(&index, TABLE, &[0xFF; 16]).unwrap(), None);
    }

    #[test]
    fn growing_ids_fill_one_chunk_after_the_other() {
        let all: Vec<u64> = (1000..4000).collect();
        fill(&all.chunks(7).map(<[u64]>::to_vec).collect::<Vec<_>>());
        fill(&[all]);
    }

    #[test]
    fn falling_ids_find_their_place() {
        fill(&[(0..1500).rev().collect(), vec![5000, 3, 4999]]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn any_order_is_a_map(batches in prop::collection::vec(prop::collection::vec(0u64..3000, 0..900), 1..4)) {
            fill(&batches);
        }
    }
}
