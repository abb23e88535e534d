//! The hashes of the ledger, one type per meaning, so that no two can be mistaken for each other.
//!
//! BLAKE3 links entries and names attachments; SHA-256 appears where RFC 6962 and C2SP fix it, and
//! beside BLAKE3 for attachments so that stock tools can check them (FORMAT.md, "Hashes").

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bincode::{Decode, Encode};
use sha2::{Digest, Sha256};

use crate::text::hex_text;

const LINK_CONTEXT: &str = "rotation-ledger 2026-11-23 entry link v1";

/// A text that should be a hash in lower-case hex and is not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a hash: 64 lower-case hex digits are needed")]
pub struct HashError;

macro_rules! hash_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
        pub struct $name([u8; 32]);

        hex_text!($name, 32, HashError, HashError);
    };
}

hash_type! {
    /// The BLAKE3 link of an entry's stored bytes; the next entry carries it as `previous`.
    Link
}
hash_type! {
    /// The id of a ledger: the link of its entry 0. All zeros inside entry 0 itself.
    LedgerId
}
hash_type! {
    /// Plain BLAKE3 of a file or of a statement's bytes.
    Blake3Digest
}
hash_type! {
    /// Plain SHA-256 of a file or of a document elsewhere.
    Sha256Digest
}
hash_type! {
    /// SHA-256(0x00 ‖ entry): a leaf of the Merkle tree (RFC 6962, section 2.1).
    LeafHash
}
hash_type! {
    /// SHA-256(0x01 ‖ left ‖ right), or the hash of a whole tree (RFC 6962, section 2.1).
    NodeHash
}

impl Link {
    /// What entry 0 carries as `previous`.
    pub const ZERO: Self = Self([0; 32]);

    /// The link of an entry's stored bytes.
    #[must_use]
    pub fn of(entry: &[u8]) -> Self {
        thread_local! {
            // Deriving the context key costs a tenth of a hash; one prepared hasher serves a thread.
            static PREPARED: blake3::Hasher = blake3::Hasher::new_derive_key(LINK_CONTEXT);
        }
        PREPARED.with(|prepared| Self(*prepared.clone().update(entry).finalize().as_bytes()))
    }
}

impl LedgerId {
    /// What entry 0 carries, since the id commits to entry 0.
    pub const ZERO: Self = Self([0; 32]);

    /// The id of the ledger whose entry 0 has this link.
    #[must_use]
    pub const fn from_genesis(link: Link) -> Self {
        Self(link.0)
    }
}

impl Blake3Digest {
    /// BLAKE3 of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }
}

impl Sha256Digest {
    /// SHA-256 of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl LeafHash {
    /// The leaf of an entry's stored bytes.
    #[must_use]
    pub fn of(entry: &[u8]) -> Self {
        let mut hasher = Sha256::new();
        hasher.update([0x00]);
        hasher.update(entry);
        Self(hasher.finalize().into())
    }

    /// The root of a tree that holds this leaf alone.
    #[must_use]
    pub const fn as_node(self) -> NodeHash {
        NodeHash(self.0)
    }
}

impl NodeHash {
    /// The hash in base64, as C2SP writes the hashes of trees.
    #[must_use]
    pub fn to_base64(&self) -> String {
        BASE64.encode(self.0)
    }

    /// Reads base64, canonical and padded, of exactly 32 bytes.
    #[must_use]
    pub fn from_base64(text: &str) -> Option<Self> {
        let bytes = BASE64.decode(text).ok()?;
        Some(Self(bytes.try_into().ok()?))
    }

    /// The parent of two nodes.
    #[must_use]
    pub fn parent(left: Self, right: Self) -> Self {
        let mut hasher = Sha256::new();
        hasher.update([0x01]);
        hasher.update(left.0);
        hasher.update(right.0);
        Self(hasher.finalize().into())
    }

    /// The root of the empty tree: SHA-256 of nothing.
    #[must_use]
    pub fn empty() -> Self {
        Self(Sha256::digest([]).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_text_per_hash() {
        let link = Link::of(b"entry");
        assert_eq!(link.to_string().parse::<Link>().unwrap(), link);
        assert!(link.to_string().to_uppercase().parse::<Link>().is_err());
        assert!(link.to_string()[1..].parse::<Link>().is_err());
    }

    #[test]
    fn purposes_are_apart() {
        let entry = b"same bytes";
        assert_ne!(
            Link::of(entry).as_bytes(),
            Blake3Digest::of(entry).as_bytes()
        );
        assert_ne!(
            LeafHash::of(entry).as_bytes(),
            Sha256Digest::of(entry).as_bytes()
        );
    }

    /// Published RFC 6962 values: the empty root and the leaf of `L123456`.
    #[test]
    fn matches_published_values() {
        assert_eq!(
            NodeHash::empty().to_string(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert_eq!(
            LeafHash::of(b"L123456").to_string(),
            "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56"
        );
    }
}
