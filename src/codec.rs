//! The one door to the binary codec: fixed-width little-endian integers, u32 tags, u64 lengths.
//!
//! The layout is bincode's legacy one, written out in FORMAT.md so that the crate can be replaced.
//! Each value has one encoding: what decodes is encoded again and compared, leftover bytes are
//! refused, and a limit is set before much is allocated for a length found in the input.

use bincode::error::DecodeError;
use bincode::{BorrowDecode, Decode, Encode, config};

/// The most bytes one value may take, in memory or on disk: C2SP tlog-tiles gives an entry a
/// 16-bit length.
pub const LIMIT: usize = 65_535;

/// What the decoder may claim for lists before it has read them. It counts items by their size in
/// memory, which is no part of the format: so this is more than any list within [`LIMIT`] can claim,
/// and what is refused depends on the bytes alone.
const MOST_CLAIMED: usize = 16 * LIMIT;

/// Why bytes are not the encoding of a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// The bytes end early, hold an unknown tag, a text that is not allowed, or a length over the limit.
    #[error("the bytes do not decode: {0}")]
    Malformed(String),
    /// The value ends before the bytes do.
    #[error("{0} bytes are left over after the value")]
    Leftover(usize),
    /// The value has another encoding than these bytes.
    #[error("the bytes are not the one encoding of their value")]
    NotCanonical,
    /// The value is larger than can be stored.
    #[error("the value takes {0} bytes; the limit is {LIMIT}")]
    TooLarge(usize),
}

/// The bytes of a value.
///
/// # Errors
/// [`CodecError::TooLarge`] where they would be more than [`LIMIT`].
pub fn encode<T: Encode>(value: &T) -> Result<Vec<u8>, CodecError> {
    let bytes = encode_state(value)?;
    if bytes.len() > LIMIT {
        Err(CodecError::TooLarge(bytes.len()))
    } else {
        Ok(bytes)
    }
}

/// The value that these bytes, all of them, encode.
///
/// # Errors
/// See [`CodecError`].
pub fn decode<'a, T: BorrowDecode<'a, ()> + Encode>(bytes: &'a [u8]) -> Result<T, CodecError> {
    if bytes.len() > LIMIT {
        return Err(CodecError::TooLarge(bytes.len()));
    }
    let layout = config::legacy().with_limit::<MOST_CLAIMED>();
    let (value, used): (T, usize) =
        bincode::borrow_decode_from_slice(bytes, layout).map_err(malformed)?;
    if used != bytes.len() {
        return Err(CodecError::Leftover(bytes.len() - used));
    }
    // Compared while it is written, so that a strict decode allocates nothing more.
    let mut same = ComparingWriter { expected: bytes };
    match bincode::encode_into_writer(&value, &mut same, config::legacy()) {
        Ok(()) if same.expected.is_empty() => Ok(value),
        _ => Err(CodecError::NotCanonical),
    }
}

/// The value that these bytes encode, which begin with its version. Another version than `known` is
/// told apart from damage: a newer program may read it.
///
/// # Errors
/// See [`CodecError`]; `what` names the kind of value.
pub fn decode_version<'a, T: BorrowDecode<'a, ()> + Encode>(
    bytes: &'a [u8],
    known: u16,
    what: &str,
) -> Result<T, CodecError> {
    match bytes
        .first_chunk()
        .map(|version| u16::from_le_bytes(*version))
    {
        Some(version) if version == known => decode(bytes),
        Some(version) => Err(CodecError::Malformed(format!(
            "{what} version {version} is not known; a newer program may read it"
        ))),
        None => Err(CodecError::Malformed(format!("no {what}"))),
    }
}

/// The bytes of a folded state for the index: the same layout without the limit of an entry.
///
/// # Errors
/// None is known; the codec's signature has one.
pub fn encode_state<T: Encode>(value: &T) -> Result<Vec<u8>, CodecError> {
    bincode::encode_to_vec(value, config::legacy())
        .map_err(|fault| CodecError::Malformed(fault.to_string()))
}

/// Reads back what [`encode_state`] wrote. The index is rebuilt where this fails.
///
/// # Errors
/// See [`CodecError`].
pub fn decode_state<T: Decode<()>>(bytes: &[u8]) -> Result<T, CodecError> {
    const STATE_LIMIT: usize = 64 * 1024 * 1024;
    let layout = config::legacy().with_limit::<STATE_LIMIT>();
    let (value, used): (T, usize) = bincode::decode_from_slice(bytes, layout).map_err(malformed)?;
    if used == bytes.len() {
        Ok(value)
    } else {
        Err(CodecError::Leftover(bytes.len() - used))
    }
}

/// A length that this machine cannot count is what it is to one that can: too much. A browser counts in 32 bits, and says
/// the same of the same bytes.
fn malformed(fault: DecodeError) -> CodecError {
    let fault = match fault {
        DecodeError::OutsideUsizeRange(_) => DecodeError::LimitExceeded,
        fault => fault,
    };
    CodecError::Malformed(fault.to_string())
}

struct ComparingWriter<'a> {
    expected: &'a [u8],
}

impl bincode::enc::write::Writer for ComparingWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), bincode::error::EncodeError> {
        match self.expected.strip_prefix(bytes) {
            Some(rest) => {
                self.expected = rest;
                Ok(())
            }
            None => Err(bincode::error::EncodeError::Other("other bytes")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leftover_bytes_are_refused() {
        let mut bytes = encode(&(7u64, true)).unwrap();
        assert_eq!(decode::<(u64, bool)>(&bytes).unwrap(), (7, true));
        bytes.push(0);
        assert_eq!(decode::<(u64, bool)>(&bytes), Err(CodecError::Leftover(1)));
    }

    #[test]
    fn a_second_encoding_is_refused() {
        assert!(matches!(
            decode::<bool>(&[2]),
            Err(CodecError::Malformed(_))
        ));
        assert!(matches!(
            decode::<Option<u8>>(&[2, 0]),
            Err(CodecError::Malformed(_))
        ));
    }

    #[test]
    fn a_hostile_length_is_refused() {
        for length in [u64::MAX, 1 << 62, 1 << 36, LIMIT as u64 + 1] {
            assert!(
                decode::<Vec<u8>>(&length.to_le_bytes()).is_err(),
                "{length}"
            );
            assert!(decode::<String>(&length.to_le_bytes()).is_err(), "{length}");
            assert!(
                decode::<Vec<u64>>(&length.to_le_bytes()).is_err(),
                "{length}"
            );
        }
    }

    /// An item counts by its bytes: 7,000 short texts fit in a value, whatever they take in memory.
    #[test]
    fn a_list_is_as_long_as_its_bytes_allow() {
        let ids = vec!["a".to_owned(); 7_000];
        let bytes = encode(&ids).unwrap();
        assert_eq!(bytes.len(), 8 + 7_000 * 9);
        assert_eq!(decode::<Vec<String>>(&bytes).unwrap(), ids);
        let longer = [&bytes[..], &[0; 3_000]].concat();
        assert_eq!(
            decode::<Vec<String>>(&longer),
            Err(CodecError::TooLarge(66_008))
        );
    }

    #[test]
    fn too_much_is_refused_before_it_is_stored() {
        assert!(matches!(
            encode(&vec![0u8; LIMIT]),
            Err(CodecError::TooLarge(_))
        ));
    }
}
