//! How the bytes of an array are put apart before they are compressed, as metadata says it.

use serde::{Deserialize, Serialize};

/// How an array lies in a compressed payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub enum Shuffle {
    /// As it is.
    #[default]
    None,
    /// In lanes: first bytes of all elements, then all second bytes, and so on.
    Bytes,
    /// In lanes, and the bytes of each lane in planes: lowest bits of all of them, then all second bits, and so on.
    Bits,
}

impl Shuffle {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields so")]
    pub(super) fn is_none(&self) -> bool {
        *self == Self::None
    }
}

/// The form in metadata. At first there was only [`Shuffle::Bytes`], as a boolean. Programs of that time refuse
/// [`Shuffle::Bits`], because it is not a boolean.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Bytes(bool),
    Named(Named),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Named {
    Bits,
}

impl From<Written> for Shuffle {
    fn from(written: Written) -> Self {
        match written {
            Written::Bytes(false) => Self::None,
            Written::Bytes(true) => Self::Bytes,
            Written::Named(Named::Bits) => Self::Bits,
        }
    }
}

impl From<Shuffle> for Written {
    fn from(shuffle: Shuffle) -> Self {
        match shuffle {
            Shuffle::None => Self::Bytes(false),
            Shuffle::Bytes => Self::Bytes(true),
            Shuffle::Bits => Self::Named(Named::Bits),
        }
    }
}
