//! The index of a program that was built without one: it is never there, so nobody has one to ask.

use std::path::Path;

use super::terms::{IndexChange, IndexError, IndexPair, IndexPosition, IndexTable};

/// An open index; there is none.
#[derive(Debug)]
pub enum Index {}

impl Index {
    /// Says that there is none.
    ///
    /// # Errors
    /// Always.
    pub const fn open(_: &Path, _: u64) -> Result<(Self, Option<String>), IndexError> {
        Err(IndexError::None)
    }

    /// Says that there is none.
    ///
    /// # Errors
    /// Always.
    pub const fn open_existing(_: &Path, _: u64) -> Result<Option<Self>, IndexError> {
        Err(IndexError::None)
    }

    /// Cannot be asked.
    ///
    /// # Errors
    /// None: there is nobody to ask.
    pub fn set_aside(self) -> Result<Self, IndexError> {
        match self {}
    }

    /// Cannot be asked.
    ///
    /// # Errors
    /// None: there is nobody to ask.
    pub fn applied(&self) -> Result<IndexPosition, IndexError> {
        match *self {}
    }

    /// Cannot be asked.
    ///
    /// # Errors
    /// None: there is nobody to ask.
    pub fn get(&self, _: IndexTable, _: &[u8]) -> Result<Option<Vec<u8>>, IndexError> {
        match *self {}
    }

    /// Cannot be asked.
    ///
    /// # Errors
    /// None: there is nobody to ask.
    pub fn at_or_before(&self, _: IndexTable, _: &[u8]) -> Result<Option<IndexPair>, IndexError> {
        match *self {}
    }

    pub(super) fn key_at_or_before(
        &self,
        _: IndexTable,
        _: &[u8],
    ) -> Result<Option<Vec<u8>>, IndexError> {
        match *self {}
    }

    /// Cannot be asked.
    ///
    /// # Errors
    /// None: there is nobody to ask.
    pub fn apply(&mut self, _: &[IndexChange], _: IndexPosition) -> Result<(), IndexError> {
        match *self {}
    }

    /// Cannot be asked.
    pub fn iterate(
        &self,
        _: IndexTable,
        _: &[u8],
    ) -> std::iter::Empty<Result<IndexPair, IndexError>> {
        match *self {}
    }

    /// Cannot be asked.
    ///
    /// # Errors
    /// None: there is nobody to ask.
    pub fn close(self) -> Result<(), IndexError> {
        match self {}
    }
}

/// Copies nothing.
///
/// # Errors
/// Always.
pub const fn copy(_: &Path, _: &Path) -> Result<bool, IndexError> {
    Err(IndexError::None)
}
