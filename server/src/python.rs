//! Python code that opens a buffer: a few lines that can be run as they are.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use dcc_mcp_shm::{BufferState, DIR_VARIABLE, Descriptor, FileRole, Store, is_hidden};
use uuid::Uuid;

/// Code that opens the buffer with the library.
pub(crate) fn code(descriptor: &Descriptor) -> String {
    if descriptor.role != FileRole::Scene {
        // Path and id find the buffer, whichever store it is in.
        let (path, id, capacity) = (literal(&descriptor.path), descriptor.id, descriptor.capacity);
        return format!(
            "import dcc_mcp_shm\n\
             buffer = dcc_mcp_shm.SharedBuffer.open(path={path}, id=\"{id}\")\n\
             data = buffer.read()  # buffer.write(data) takes up to {capacity} bytes"
        );
    }
    if descriptor.state == BufferState::Empty {
        return fill_code(descriptor);
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
    let what = if descriptor.use_compression {
        "copies, decompressed: take only those needed"
    } else {
        "shared memory, no copy"
    };
    format!(
        "import dcc_mcp_shm, numpy as np\n{open}\n\
         arrays = {{name: np.asarray(scene[name]) for name in scene}}  # {what}"
    )
}

/// Code for the program that fills an empty scene. It shows how to fill the first array; the others are filled
/// likewise.
fn fill_code(descriptor: &Descriptor) -> String {
    let fill = format!("with dcc_mcp_shm.SharedSceneBuffer.fill({}) as w:", place(descriptor));
    let Some((name, array)) = descriptor.arrays.first() else {
        return format!("import dcc_mcp_shm\n{fill}\n    pass  # it has no arrays");
    };
    let (name, shape) = (literal(name), tuple(&array.shape));
    let dtype = array.dtype;
    format!(
        "import dcc_mcp_shm, numpy as np\n{fill}  # sealed when the block ends\n    \
         np.asarray(w[{name}])[...] = values  # {dtype} {shape}; Blender: foreach_get(..., w[{name}])"
    )
}

/// Code that maps the first array that can be mapped with NumPy alone; the others are mapped likewise.
///
/// Such a map holds no lock, so there is code for sealed scenes only. Arrays of a compressed scene, which have no
/// offset, and arrays of no bytes cannot be mapped.
pub(crate) fn numpy_code(descriptor: &Descriptor) -> Option<String> {
    if descriptor.state != BufferState::Sealed {
        return None;
    }
    let mut arrays = descriptor.arrays.iter();
    let (name, array) = arrays.find(|(_, array)| array.offset.is_some() && !array.shape.contains(&0))?;
    let (path, dtype, offset) = (literal(&descriptor.path), array.dtype, array.offset?);
    let (shape, name) = (tuple(&array.shape), literal(name));
    Some(format!(
        "import numpy as np\narray = np.memmap({path}, \"{dtype}\", \"r\", {offset}, {shape})  # {name}"
    ))
}

/// Code that acquires a slot of a pool.
pub(crate) fn pool_code(store: &Store, pool: Uuid) -> String {
    let place = place_in(store.path(), pool);
    format!(
        "import dcc_mcp_shm\n\
         pool = dcc_mcp_shm.BufferPool.open({place})  # keep it: its mappings make the next frames cheap\n\
         with pool.acquire() as slot:\n    \
         slot.write(frame)  # slot.descriptor_json() is what others open; given back when the block ends"
    )
}

/// The arguments that find a scene.
fn place(descriptor: &Descriptor) -> String {
    place_in(
        Path::new(&descriptor.path).parent().unwrap_or(Path::new("/")),
        descriptor.id,
    )
}

/// The arguments that find something in a store. They leave out the default store, which Python finds by itself. If an
/// environment variable of this server sets the default, they name the store, because the Python process may not have
/// that variable.
fn place_in(store: &Path, id: Uuid) -> String {
    // Neither the variable nor the default path changes while this process lives.
    static UNNAMED: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
        let by_environment = std::env::var_os(DIR_VARIABLE).is_some_and(|path| !path.is_empty());
        (!by_environment).then(Store::default_path)
    });
    if UNNAMED.as_deref() == Some(store) {
        return format!("\"{id}\"");
    }
    let store = literal(&store.to_string_lossy());
    format!("\"{id}\", store=dcc_mcp_shm.Store({store})")
}

/// A Python tuple. A tuple of one number needs a comma.
fn tuple(numbers: &[u64]) -> String {
    if let [only] = numbers {
        return format!("({only},)");
    }
    let numbers: Vec<_> = numbers.iter().map(u64::to_string).collect();
    format!("({})", numbers.join(", "))
}

/// A Python string literal. Characters that could end it, are hidden, or turn the line around are escaped.
fn literal(text: &str) -> String {
    let mut literal = String::with_capacity(text.len() + 2);
    literal.push('"');
    for c in text.chars() {
        let is_plain = matches!(c, ' '..='~') || (c.is_alphanumeric() && !is_hidden(c));
        if is_plain && !matches!(c, '"' | '\\') {
            literal.push(c);
            continue;
        }
        // Writing to a String cannot fail.
        let _ = match (u32::from(c), c) {
            (_, '"' | '\\') => write!(literal, "\\{c}"),
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
        assert_eq!(literal("a\u{3164}\u{115f}"), r#""a\u3164\u115f""#);
        assert_eq!(literal("\n\u{80}\u{202e}\u{1f600}"), r#""\x0a\x80\u202e\U0001f600""#);
    }

    #[test]
    fn one_number_makes_a_tuple_too() {
        assert_eq!([tuple(&[]), tuple(&[8]), tuple(&[8, 3])], ["()", "(8,)", "(8, 3)"]);
    }
}
