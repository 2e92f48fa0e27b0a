//! The element types of arrays, as NumPy writes them (`<f4`) and as Python's `struct` does (`f`).

use std::borrow::Cow;
use std::ffi::CStr;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, Result};

/// An element type: a number's kind, width and byte order, or one boolean.
///
/// ```
/// let dtype: dcc_mcp_shm::Dtype = "f4".parse()?;
/// assert_eq!(dtype.to_string(), "<f4");
/// assert_eq!((dtype.size(), dtype.struct_format()), (4, c"f"));
/// # Ok::<(), dcc_mcp_shm::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Dtype(&'static Entry);

#[derive(Debug, PartialEq, Eq, Hash)]
struct Entry {
    typestr: &'static str,
    size: usize,
    format: &'static CStr,
}

const fn entry(typestr: &'static str, size: usize, format: &'static CStr) -> Entry {
    Entry { typestr, size, format }
}

/// Little-endian types come with the native letter, without a prefix: Blender accepts no other.
static ENTRIES: [Entry; 27] = [
    entry("|b1", 1, c"?"),
    entry("|i1", 1, c"b"),
    entry("|u1", 1, c"B"),
    entry("<i2", 2, c"h"),
    entry("<u2", 2, c"H"),
    entry("<f2", 2, c"e"),
    entry("<i4", 4, c"i"),
    entry("<u4", 4, c"I"),
    entry("<f4", 4, c"f"),
    entry("<i8", 8, c"q"),
    entry("<u8", 8, c"Q"),
    entry("<f8", 8, c"d"),
    entry("<c8", 8, c"Zf"),
    entry("<c16", 16, c"Zd"),
    entry(">i2", 2, c">h"),
    entry(">u2", 2, c">H"),
    entry(">f2", 2, c">e"),
    entry(">i4", 4, c">i"),
    entry(">u4", 4, c">I"),
    entry(">f4", 4, c">f"),
    entry(">i8", 8, c">q"),
    entry(">u8", 8, c">Q"),
    entry(">f8", 8, c">d"),
    entry(">c8", 8, c">Zf"),
    entry(">c16", 16, c">Zd"),
    // What C's `long` is on 64-bit Linux: NumPy exports int64 with these letters.
    entry("<i8", 8, c"l"),
    entry("<u8", 8, c"L"),
];

/// What NumPy and others call the types.
const NAMES: [(&str, &str); 17] = [
    ("?", "|b1"),
    ("bool", "|b1"),
    ("int8", "|i1"),
    ("uint8", "|u1"),
    ("int16", "<i2"),
    ("uint16", "<u2"),
    ("float16", "<f2"),
    ("half", "<f2"),
    ("int32", "<i4"),
    ("uint32", "<u4"),
    ("float32", "<f4"),
    ("int64", "<i8"),
    ("uint64", "<u8"),
    ("float64", "<f8"),
    ("double", "<f8"),
    ("complex64", "<c8"),
    ("complex128", "<c16"),
];

impl Dtype {
    /// Raw bytes.
    pub const BYTE: Self = Self(&ENTRIES[2]);

    /// Width of one element in bytes.
    pub fn size(self) -> usize {
        self.0.size
    }

    /// The format of Python's `struct` and buffer protocol, such as `f`.
    pub fn struct_format(self) -> &'static CStr {
        self.0.format
    }

    /// Whether an element is a real and an imaginary part.
    pub fn is_complex(self) -> bool {
        self.typestr().as_bytes()[1] == b'c'
    }

    /// NumPy's type string, such as `<f4`.
    pub fn typestr(self) -> &'static str {
        self.0.typestr
    }

    /// The type that people and models mean by a text: a type string in any case, or a name such as `float32`, with the
    /// module before it or without.
    ///
    /// ```
    /// use dcc_mcp_shm::Dtype;
    /// for text in ["<f4", "F4", "float32", "np.float32", " Float32 ", "<class 'numpy.float32'>"] {
    ///     assert_eq!(Dtype::named(text)?.typestr(), "<f4");
    /// }
    /// # Ok::<(), dcc_mcp_shm::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] when no element type is called so.
    pub fn named(text: &str) -> Result<Self> {
        let lower = text.trim().to_ascii_lowercase();
        let name = lower.trim_start_matches("<class '").trim_end_matches("'>");
        let name = name.rsplit('.').next().unwrap_or(name);
        let typestr = NAMES.iter().find(|(known, _)| *known == name);
        typestr
            .map_or(lower.as_str(), |(_, typestr)| typestr)
            .parse()
            .map_err(|_| unknown(text))
    }

    /// The type that a buffer-protocol format stands for.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] when it is a structure, text, or another format that no array can have.
    pub fn from_struct_format(format: &str) -> Result<Self> {
        let native = format.trim_start_matches(['@', '=', '<']);
        let native = native.strip_prefix('|').unwrap_or(native);
        ENTRIES
            .iter()
            .find(|entry| entry.format.to_bytes() == native.as_bytes())
            .map_or_else(|| Err(unknown(format)), |entry| entry.typestr.parse())
    }
}

impl FromStr for Dtype {
    type Err = Error;

    /// Parses NumPy's type string; the byte order may be left out (`f4` is `<f4`).
    fn from_str(text: &str) -> Result<Self> {
        let (order, rest) = match text.as_bytes().first() {
            Some(b'<' | b'|' | b'=') => ('<', &text[1..]),
            Some(b'>') => ('>', &text[1..]),
            _ => ('<', text),
        };
        ENTRIES
            .iter()
            .find(|entry| {
                let (of_entry, name) = entry.typestr.split_at(1);
                name == rest && (of_entry == "|" || of_entry.starts_with(order))
            })
            .map(Self)
            .ok_or_else(|| unknown(text))
    }
}

fn unknown(text: &str) -> Error {
    Error::invalid(
        "dtype",
        format!(
            "{text:?} is no element type of arrays; possible are b1, i1–i8, u1–u8, f2–f8, c8 and c16 \
             with < or >, or names such as float32 (bytes of any other type can be written without arrays)"
        ),
    )
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.typestr())
    }
}

impl Serialize for Dtype {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(self.typestr())
    }
}

impl<'de> Deserialize<'de> for Dtype {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Dtype {
    fn schema_name() -> Cow<'static, str> {
        "Dtype".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "NumPy type string, such as <f4",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_survives_its_two_spellings() {
        for entry in &ENTRIES {
            let dtype: Dtype = entry.typestr.parse().expect("own spelling");
            assert_eq!(dtype.size(), entry.size);
            assert!(matches!(entry.size, 1 | 2 | 4 | 8 | 16), "shuffles know no other width");
            let again = Dtype::from_struct_format(entry.format.to_str().expect("ASCII")).expect("own format");
            assert_eq!(again.typestr(), entry.typestr);
        }
    }

    #[test]
    fn what_is_no_element_type_is_refused() {
        for text in ["", "f", "f3", "<", "O", "S4", "<U2", "T{i:a:}", "é4", "<é"] {
            assert!(text.parse::<Dtype>().is_err(), "{text}");
            assert!(Dtype::from_struct_format(text).is_err() || text == "f", "{text}");
        }
    }
}
