//! Python code that opens a buffer: a few lines that can be run as they are.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt::Write as _;
use std::path::Path;

use dcc_mcp_shm::{ArrayDescriptor, BufferState, DIR_VARIABLE, Descriptor, Dtype, FileRole, Store};

/// Most bytes of lines about single arrays: the code should stay readable, and the descriptor has them all.
const MAX_ARRAY_BYTES: usize = 400;

/// Names that an array's variable must not hide, and Python's keywords.
const TAKEN: [&str; 40] = [
    "dcc_mcp_shm",
    "np",
    "scene",
    "path",
    "False",
    "None",
    "True",
    "and",
    "as",
    "assert",
    "async",
    "await",
    "break",
    "class",
    "continue",
    "def",
    "del",
    "elif",
    "else",
    "except",
    "finally",
    "for",
    "from",
    "global",
    "if",
    "import",
    "in",
    "is",
    "lambda",
    "nonlocal",
    "not",
    "or",
    "pass",
    "raise",
    "return",
    "try",
    "while",
    "with",
    "yield",
    "_",
];

/// Code that opens the buffer with the library.
pub(crate) fn code(descriptor: &Descriptor) -> String {
    if descriptor.role != FileRole::Scene {
        // Path and id find it in whatever store it lies.
        let (path, id, capacity) = (literal(&descriptor.path), descriptor.id, descriptor.capacity);
        return format!(
            "import dcc_mcp_shm\n\
             buffer = dcc_mcp_shm.SharedBuffer.open(path={path}, id=\"{id}\")\n\
             data = buffer.read()  # buffer.write(data) takes up to {capacity} bytes"
        );
    }
    let open = format!("scene = dcc_mcp_shm.SharedSceneBuffer.open({})", place(descriptor));
    if descriptor.state != BufferState::Sealed {
        let state = descriptor.state.as_str();
        return format!("import dcc_mcp_shm\n{open}  # {state}: it can be read once its writer has sealed it");
    }
    if descriptor.arrays.is_empty() {
        let (data, what) = if descriptor.use_compression {
            ("scene.read()", "bytes, decompressed")
        } else {
            ("scene.view()", "memoryview, no copy")
        };
        return format!("import dcc_mcp_shm\n{open}\ndata = {data}  # {what}");
    }
    let lines = each_array(descriptor, |name, array| {
        format!(
            "np.asarray(scene[{}])  # {} {}",
            literal(name),
            type_name(array.dtype),
            tuple(&array.shape)
        )
    });
    format!("import dcc_mcp_shm, numpy as np\n{open}{lines}")
}

/// Code that maps the arrays with NumPy alone.
///
/// Such a map holds no lock, so it is only for what never changes; and what is compressed has no arrays to map.
pub(crate) fn numpy_code(descriptor: &Descriptor) -> Option<String> {
    if descriptor.state != BufferState::Sealed || descriptor.use_compression || descriptor.arrays.is_empty() {
        return None;
    }
    let lines = each_array(descriptor, |_, array| {
        let (dtype, shape) = (array.dtype, tuple(&array.shape));
        // A map of no bytes is an error.
        if array.shape.contains(&0) {
            return format!("np.empty({shape}, dtype=\"{dtype}\")");
        }
        let offset = array.offset.unwrap_or(descriptor.data_offset);
        format!("np.memmap(path, dtype=\"{dtype}\", mode=\"r\", offset={offset}, shape={shape})")
    });
    let path = literal(&descriptor.path);
    Some(format!("import numpy as np\npath = {path}{lines}"))
}

/// The arguments that find a scene. Python knows the default store, unless an environment variable that the
/// server may have alone says otherwise.
fn place(descriptor: &Descriptor) -> String {
    let id = descriptor.id;
    let store = Path::new(&descriptor.path).parent().unwrap_or(Path::new("/"));
    let by_environment = std::env::var_os(DIR_VARIABLE).is_some_and(|path| !path.is_empty());
    if !by_environment && store == Store::default_path() {
        return format!("\"{id}\"");
    }
    let store = literal(&store.to_string_lossy());
    format!("\"{id}\", store=dcc_mcp_shm.Store({store})")
}

/// One assignment a line, for the arrays that there is room for.
fn each_array(descriptor: &Descriptor, value: impl Fn(&str, &ArrayDescriptor) -> String) -> String {
    let mut lines = String::new();
    let mut used = HashSet::new();
    let mut left_out = 0;
    for (index, (name, array)) in descriptor.arrays.iter().enumerate() {
        let variable = variable(name, index, &mut used);
        let line = format!("\n{variable} = {}", value(name, array));
        if lines.len() + line.len() > MAX_ARRAY_BYTES {
            left_out += 1;
        } else {
            lines.push_str(&line);
        }
    }
    if left_out > 0 {
        // Writing to a String cannot fail.
        let _ = write!(lines, "\n# {left_out} more in descriptor.arrays, likewise");
    }
    lines
}

/// The array's name where Python takes it for a variable, else a number.
fn variable<'a>(name: &'a str, index: usize, used: &mut HashSet<Cow<'a, str>>) -> Cow<'a, str> {
    let bare = name.trim_start_matches('.');
    let is_identifier = bare.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && bare.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_identifier && !TAKEN.contains(&bare) && used.insert(bare.into()) {
        return bare.into();
    }
    let numbered = (0..).map(|n| format!("array_{index}{}", "_".repeat(n)));
    let free = numbered.map(Cow::from).find(|name| used.insert(name.clone()));
    free.unwrap_or_default()
}

/// A Python tuple; that of one number needs its comma.
fn tuple(numbers: &[u64]) -> String {
    if let [only] = numbers {
        return format!("({only},)");
    }
    let numbers: Vec<_> = numbers.iter().map(u64::to_string).collect();
    format!("({})", numbers.join(", "))
}

/// NumPy's name of an element type, such as `float32`; those of the other byte order have none.
fn type_name(dtype: Dtype) -> String {
    let (order, letters) = dtype.typestr().split_at(1);
    let name = match letters.split_at(1).0 {
        "b" => return "bool".to_owned(),
        "i" => "int",
        "u" => "uint",
        "f" => "float",
        "c" => "complex",
        _ => return dtype.to_string(),
    };
    if order == ">" {
        return dtype.to_string();
    }
    format!("{name}{}", dtype.size() * 8)
}

/// A Python string literal. What could end it, hide, or turn the line around is escaped.
fn literal(text: &str) -> String {
    let mut literal = String::from('"');
    for c in text.chars() {
        // Writing to a String cannot fail.
        let _ = match (u32::from(c), c) {
            (_, '"' | '\\') => write!(literal, "\\{c}"),
            (_, ' '..='~') => write!(literal, "{c}"),
            _ if c.is_alphanumeric() => write!(literal, "{c}"),
            (code @ 0..=0xff, _) => write!(literal, "\\x{code:02x}"),
            (code @ 0..=0xffff, _) => write!(literal, "\\u{code:04x}"),
            (code, _) => write!(literal, "\\U{code:08x}"),
        };
    }
    literal.push('"');
    literal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_what_python_reads_them_as() {
        assert_eq!(literal("hero's \"body\"\\"), r#""hero's \"body\"\\""#);
        assert_eq!(literal("頭 é"), "\"頭 é\"");
        assert_eq!(literal("\n\u{80}\u{202e}\u{1f600}"), r#""\x0a\x80\u202e\U0001f600""#);
    }

    #[test]
    fn variables_are_identifiers_hide_nothing_and_differ() {
        let mut used = HashSet::new();
        let names = [
            "position",
            ".corner_vert",
            "corner_vert",
            "np",
            "class",
            "a b",
            "array_7",
            "é",
            "1",
        ];
        let variables: Vec<_> = (2..)
            .zip(names)
            .map(|(index, name)| variable(name, index, &mut used).into_owned())
            .collect();
        assert_eq!(
            variables,
            [
                "position",
                "corner_vert",
                "array_4",
                "array_5",
                "array_6",
                "array_7",
                "array_8",
                "array_9",
                "array_10"
            ]
        );
    }

    #[test]
    fn types_are_called_as_numpy_calls_them() -> Result<(), dcc_mcp_shm::Error> {
        for (typestr, name) in [
            ("<f4", "float32"),
            ("|b1", "bool"),
            ("|u1", "uint8"),
            ("<c16", "complex128"),
            (">i2", ">i2"),
        ] {
            assert_eq!(type_name(typestr.parse()?), name);
        }
        Ok(())
    }

    #[test]
    fn one_number_makes_a_tuple_too() {
        assert_eq!([tuple(&[]), tuple(&[8]), tuple(&[8, 3])], ["()", "(8,)", "(8, 3)"]);
    }
}
