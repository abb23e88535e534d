//! The payload of an event: its SOP step, who may say it, and its fields, declared once. The payload
//! structs are the only list of fields there is.

use crate::event::choice::Role;
use crate::event::field::{DynField, FieldSpec};

/// What every payload declares about itself.
pub(super) trait Payload {
    /// What the event says.
    const SUMMARY: &'static str;
    /// The SOP section or step it serves.
    const SOP: &'static str;
    /// The SOP's words there.
    const QUOTE: &'static str;
    /// Who may say it.
    const ROLES: &'static [Role];
    /// Its fields, in stored order.
    const FIELDS: &'static [FieldSpec];

    /// Shows each field to `look`, in stored order.
    fn fields<'a>(&'a self, look: &mut dyn FnMut(&'static FieldSpec, &'a dyn DynField));
}

/// Declares the payload of one event: its SOP step, who may say it, and its fields in stored order.
/// The doc comment of a field is its help text.
macro_rules! payload {
    ($(
        $(#[doc = $doc:literal])+
        $name:ident, sop $sop:literal $quote:literal, by [$($role:ident),*] {
            $($(#[doc = $help:literal])+ $(#[serde($($serde:tt)*)])? $field:ident: $type:ty),* $(,)?
        }
    )*) => {
        $(
            $(#[doc = $doc])+
            #[derive(
                Debug, Clone, PartialEq, Eq,
                bincode::Encode, bincode::Decode, serde::Serialize, serde::Deserialize,
            )]
            #[serde(deny_unknown_fields)]
            pub struct $name {
                $(
                    $(#[doc = $help])+
                    #[serde(skip_serializing_if = "crate::event::field::FieldType::is_absent" $(, $($serde)*)?)]
                    pub $field: $type
                ),*
            }

            impl $crate::event::payload::Payload for $name {
                const SUMMARY: &'static str = concat!($($doc),+);
                const SOP: &'static str = $sop;
                const QUOTE: &'static str = $quote;
                const ROLES: &'static [$crate::event::choice::Role] = &[$($crate::event::choice::Role::$role),*];
                const FIELDS: &'static [$crate::event::field::FieldSpec] = &[
                    $($crate::event::field::FieldSpec {
                        name: stringify!($field),
                        help: concat!($($help),+),
                        kind: <$type as $crate::event::field::FieldType>::KIND,
                        stored: stringify!($type),
                        many: <$type as $crate::event::field::FieldType>::MANY,
                        required: <$type as $crate::event::field::FieldType>::REQUIRED
                            $(&& stringify!($($serde)*).is_empty())?,
                    }),*
                ];

                fn fields<'a>(
                    &'a self,
                    look: &mut dyn FnMut(
                        &'static $crate::event::field::FieldSpec,
                        &'a dyn $crate::event::field::DynField,
                    ),
                ) {
                    let mut specs = Self::FIELDS.iter();
                    $(if let Some(spec) = specs.next() { look(spec, &self.$field); })*
                }
            }
        )*
    };
}
pub(super) use payload;
