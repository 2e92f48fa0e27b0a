//! Everything that is known about one buffer, and code that opens it.

use std::fmt::{self, Display};

use dcc_mcp_shm::{BufferState, Descriptor, FileRole};
use dcc_mcp_shm_view::text::{self, Bytes, Quoted};
use schemars::JsonSchema;
use serde::Serialize;

use crate::code::{self, Program};
use crate::listed;
use crate::reply::ToolError;

/// Longest text of this result, in bytes.
const MAX_TEXT_BYTES: usize = 1024;
/// Longest line of attributes.
const MAX_ATTRIBUTES_BYTES: usize = 160;
/// Most arrays in the structured result. A mesh has a handful; a header has room for thousands.
const MAX_ARRAYS: usize = 32;

/// A descriptor and how to use it. `create_buffer` answers with it as well.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Described {
    /// As in docs/descriptor.schema.json.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    descriptor: Descriptor,
    /// Those beyond 32.
    #[serde(skip_serializing_if = "listed::is_zero")]
    arrays_left_out: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    no_code: Option<String>,
    /// The same with NumPy alone, where that is safe.
    #[serde(skip_serializing_if = "Option::is_none")]
    numpy_code: Option<String>,
    #[serde(skip)]
    program: Program,
}

impl Described {
    /// Describes a buffer, scene or slot. A pool is refused, because it holds no data itself.
    pub(crate) fn new(descriptor: Descriptor) -> Result<Self, ToolError> {
        Self::with_code(descriptor, Program::default())
    }

    /// The same with the code for one program.
    pub(crate) fn with_code(mut descriptor: Descriptor, program: Program) -> Result<Self, ToolError> {
        if descriptor.role == FileRole::Pool {
            return Err(ToolError::pool());
        }
        let (code, no_code) = match program.code(&descriptor) {
            Ok(code) => (Some(code), None),
            Err(why) => (None, Some(why)),
        };
        let numpy_code = (program == Program::Python).then(|| code::numpy(&descriptor)).flatten();
        let arrays_left_out = descriptor.arrays.len().saturating_sub(MAX_ARRAYS);
        descriptor.arrays.truncate(MAX_ARRAYS);
        Ok(Self {
            descriptor,
            arrays_left_out,
            code,
            no_code,
            numpy_code,
            program,
        })
    }

    /// Identity, size and life: the part of the text that is always there.
    fn head(&self) -> String {
        let d = &self.descriptor;
        let texts = text::labelled([
            ("name", d.name.as_deref()),
            ("from", Some(&d.source_dcc)),
            ("group", d.group.as_deref()),
        ]);
        let (kind, role, state) = (d.kind.as_str(), role(d.role), d.state.as_str());
        let size = format!("{:#}", Bytes(d.size_bytes));
        let stored = match (d.state, d.use_compression) {
            (_, true) => format!(", stored as LZ4 in {}", Bytes(d.stored_bytes)),
            (BufferState::Sealed, false) => String::new(),
            (_, false) => format!(", capacity {}", Bytes(d.capacity)),
        };
        let stay = listed::stay(d);
        let attrs = match text::attributes(&d.attrs, MAX_ATTRIBUTES_BYTES) {
            line if line.is_empty() => line,
            line => format!("\n{line}"),
        };
        format!(
            "Buffer {}{texts}\n{kind} {role}, {state}: {size}{stored}\ncreated {}, {stay}{attrs}",
            d.id, d.created_at
        )
    }

    /// The code as a block, or where it is if a long path leaves no room for it.
    fn fenced(&self, code: &str, fit: &mut impl FnMut(String) -> Option<String>) -> String {
        let language = self.program.language();
        fit(format!("\n\n```{}\n{code}\n```", language.to_lowercase()))
            .or_else(|| {
                fit(format!(
                    "\n{language} code that opens it is in the structured content, as `code`."
                ))
            })
            .unwrap_or_default()
    }

    fn array_lines(&self) -> impl Iterator<Item = String> {
        self.descriptor.arrays.iter().map(|(name, array)| {
            let (name, dtype, shape) = (Quoted(name), array.dtype, &array.shape);
            let domain = array
                .domain
                .map_or_else(String::new, |domain| format!(" per {}", domain.as_str()));
            format!("\n- {name} {dtype} {shape:?}{domain}")
        })
    }
}

impl Display for Described {
    /// The head is always written. The parts that matter most get the rest of the room first: the code, then the
    /// arrays, then the code without the library.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MORE: &str = "\n- more in the structured content";
        let head = self.head();
        let mut room = MAX_TEXT_BYTES.saturating_sub(head.len() + MORE.len());
        let mut fit = |part: String| {
            let fits = part.len() <= room;
            room -= if fits { part.len() } else { 0 };
            fits.then_some(part)
        };
        let code = match (&self.code, &self.no_code) {
            (Some(code), _) => self.fenced(code, &mut fit),
            (None, why) => why
                .as_ref()
                .and_then(|why| fit(format!("\n\n{why}")))
                .unwrap_or_default(),
        };
        let d = &self.descriptor;
        let mut arrays: String = self.array_lines().map_while(&mut fit).collect();
        if arrays.lines().count().saturating_sub(1) < d.arrays.len() || self.arrays_left_out > 0 {
            arrays.push_str(MORE);
        }
        let numpy = self.numpy_code.as_ref();
        let numpy = numpy.and_then(|code| fit(format!("\nOr with NumPy alone:\n```python\n{code}\n```")));
        write!(f, "{head}{arrays}{code}{}", numpy.unwrap_or_default())
    }
}

fn role(role: FileRole) -> &'static str {
    match role {
        FileRole::Buffer => "buffer",
        FileRole::Scene => "scene",
        FileRole::Slot => "pool slot",
        FileRole::Pool => "pool",
    }
}
