//! What the index holds about the entries, and under which keys: one place for the writer, who
//! writes it, and for the auditor, who believes none of it.

use bincode::Decode;

use crate::codec;
use crate::register::{LedgerState, SecretThread};
use crate::rotation::{Incident, Rotation};
use crate::store::index::{Index, IndexError, IndexTable};
use crate::text::Id;

pub(crate) const CHARTER: IndexTable = IndexTable::new(1);
pub(crate) const SECRETS: IndexTable = IndexTable::new(2);
pub(crate) const ROTATIONS: IndexTable = IndexTable::new(3);
pub(crate) const INCIDENTS: IndexTable = IndexTable::new(4);
pub(crate) const EVENTS: IndexTable = IndexTable::new(5);

/// The charter as the index has it.
///
/// # Errors
/// The index failed, or holds something else.
pub(crate) fn charter(index: &Index) -> Result<Option<LedgerState>, IndexError> {
    read(index, CHARTER, &[])
}

/// Hands each secret of the index to `take`.
///
/// # Errors
/// The index failed, or holds something else.
pub(crate) fn each_secret(
    index: &Index,
    take: &mut dyn FnMut(Id, SecretThread),
) -> Result<(), IndexError> {
    each(index, SECRETS, take)
}

/// Hands each rotation of the index to `take`.
///
/// # Errors
/// The index failed, or holds something else.
pub(crate) fn each_rotation(
    index: &Index,
    take: &mut dyn FnMut(Id, Rotation),
) -> Result<(), IndexError> {
    each(index, ROTATIONS, take)
}

/// Hands each incident of the index to `take`.
///
/// # Errors
/// The index failed, or holds something else.
pub(crate) fn each_incident(
    index: &Index,
    take: &mut dyn FnMut(Id, Incident),
) -> Result<(), IndexError> {
    each(index, INCIDENTS, take)
}

/// Hands each event id of the index, with the sequence under it, to `take`.
///
/// # Errors
/// The index failed, or holds something else.
pub(crate) fn each_event(
    index: &Index,
    take: &mut dyn FnMut([u8; 16], u64),
) -> Result<(), IndexError> {
    crate::store::index::packed::each(index, EVENTS, take)
}

pub(crate) fn malformed(fault: codec::CodecError) -> IndexError {
    IndexError::Damaged(fault.to_string())
}

pub(crate) fn read<T: Decode<()>>(
    index: &Index,
    table: IndexTable,
    key: &[u8],
) -> Result<Option<T>, IndexError> {
    let stored = index.get(table, key)?;
    stored
        .map(|bytes| codec::decode_state(&bytes).map_err(malformed))
        .transpose()
}

pub(crate) fn each<T: Decode<()>>(
    index: &Index,
    table: IndexTable,
    take: &mut dyn FnMut(Id, T),
) -> Result<(), IndexError> {
    for pair in index.iterate(table, &[]) {
        let (key, value) = pair?;
        let id = String::from_utf8(key)
            .ok()
            .and_then(|text| Id::new(text).ok());
        let id = id.ok_or_else(|| IndexError::Damaged("a key is no id".to_owned()))?;
        take(id, codec::decode_state(&value).map_err(malformed)?);
    }
    Ok(())
}
