//! Python: with the library, with NumPy alone, with trimesh, and in Blender.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use dcc_mcp_shm::{BufferState, DIR_VARIABLE, Descriptor, FileRole, MAX_NAME_BYTES, Reference, Store};
use uuid::Uuid;

use super::literal::python as literal;
use super::picture::pixels;

const LIBRARY_STORE: &str = "dcc_mcp_shm.Store";
/// Most arrays that have a line of their own in code that fills them; a mesh has a handful.
const MAX_LINES: usize = 24;

/// Code that opens the buffer with the library.
pub(super) fn library(descriptor: &Descriptor) -> String {
    if descriptor.role == FileRole::Slot {
        return format!(
            "import dcc_mcp_shm\n\
             descriptor = {}  # Stale once the slot is given to somebody else\n\
             data = dcc_mcp_shm.SharedBuffer.from_descriptor_json(descriptor).read()",
            literal(&descriptor.to_json())
        );
    }
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
    let order = pixels(descriptor).map_or_else(String::new, |(name, order)| format!("; {name}: {order}"));
    if descriptor.arrays.is_empty() {
        let (data, what) = if descriptor.use_compression {
            ("scene.read()", "bytes, decompressed")
        } else {
            ("scene.view()", "memoryview, no copy")
        };
        return format!("import dcc_mcp_shm\n{open}\ndata = {data}  # {what}{order}");
    }
    let what = if descriptor.use_compression {
        "copies, decompressed: take only those needed"
    } else {
        "shared memory, no copy"
    };
    format!(
        "import dcc_mcp_shm, numpy as np\n{open}\n\
         arrays = {{name: np.asarray(scene[name]) for name in scene}}  # {what}{order}"
    )
}

/// Code for the program that fills an empty scene: a line for each array, and a loop for those of a long layout.
fn fill_code(descriptor: &Descriptor) -> String {
    let fill = format!("with dcc_mcp_shm.SharedSceneBuffer.fill({}) as w:", place(descriptor));
    let Some((first, _)) = descriptor.arrays.first() else {
        return format!("import dcc_mcp_shm\n{fill}\n    pass  # it has no arrays");
    };
    let mut code = format!(
        "import dcc_mcp_shm\n\
         # arrays: values by name; Blender: foreach_get(..., w[{}]) fills in place\n\
         {fill}  # sealed when the block ends",
        literal(first)
    );
    for (name, array) in descriptor.arrays.iter().take(MAX_LINES) {
        let (shape, dtype, order) = (tuple(&array.shape), array.dtype, order_of(descriptor, name));
        let name = literal(name);
        // Writing to a String cannot fail.
        let _ = write!(code, "\n    w[{name}] = arrays[{name}]  # {dtype} {shape}{order}");
    }
    let left = descriptor.arrays.len().saturating_sub(MAX_LINES);
    if left > 0 {
        let _ = write!(
            code,
            "\n    for name in list(w)[{MAX_LINES}:]:  # {left} more\n        w[name] = arrays[name]"
        );
    }
    code
}

/// What a comment says about the order of pixels after the name of an array, if the array is a picture.
fn order_of(descriptor: &Descriptor, name: &str) -> String {
    let order = pixels(descriptor).filter(|(array, _)| *array == name);
    order.map_or_else(String::new, |(_, order)| format!("; {order}"))
}

/// Code that maps the first array that can be mapped with NumPy alone; the others are mapped likewise.
///
/// Such a map holds no lock, so there is code for sealed scenes only. If the scene is deleted just before its file is opened, the
/// memory of that may be another scene's by then; after the file was mapped, its path tells. Arrays of a compressed scene, which have
/// no offset, and arrays of no bytes cannot be mapped.
pub(crate) fn numpy(descriptor: &Descriptor) -> Option<String> {
    if descriptor.state != BufferState::Sealed {
        return None;
    }
    let mut arrays = descriptor.arrays.iter();
    let (name, array) = arrays.find(|(_, array)| array.offset.is_some() && !array.shape.contains(&0))?;
    let (path, dtype, offset) = (literal(&descriptor.path), array.dtype, array.offset?);
    let (shape, order, name) = (tuple(&array.shape), order_of(descriptor, name), literal(name));
    Some(format!(
        "import os, numpy as np\n\
         array = np.memmap({path}, \"{dtype}\", \"r\", {offset}, {shape})  # {name}{order}\n\
         os.stat(array.filename)"
    ))
}

/// Code that acquires a slot of a pool.
pub(crate) fn pool(store: &Store, pool: Uuid) -> String {
    let place = place_in(store.path(), pool);
    format!(
        "import dcc_mcp_shm\n\
         pool = dcc_mcp_shm.BufferPool.open({place})  # keep it: its mappings make the next frames cheap\n\
         with pool.acquire() as slot:\n    \
         slot.write(frame)  # slot.descriptor_json() is what others open; given back when the block ends"
    )
}

/// What Blender takes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Taken {
    Mesh,
    Picture,
}

impl Taken {
    /// The function of `dcc_mcp_shm.blender` that takes it.
    fn function(self) -> &'static str {
        match self {
            Self::Mesh => "apply",
            Self::Picture => "apply_image",
        }
    }
}

/// Code for Blender that brings the buffer into the scene, and says how what is made of it gets there. That is a
/// comment, because sharing takes a name over.
pub(super) fn blender(descriptor: &Descriptor, taken: Taken) -> String {
    let [import, call] = blender_call(descriptor, taken);
    let (name, store) = (literal(&new_name(descriptor)), library_store(descriptor));
    let (where_to, share) = match taken {
        Taken::Mesh => (
            "into its object if that loses nothing by it, else as a new one",
            format!(
                "from dcc_mcp_shm.mesh import put; put({name}, {{**arrays, \"position\": moved}}, like=scene{store})"
            ),
        ),
        Taken::Picture => (
            "into its image if that holds such numbers, else as a new one",
            format!(
                "dcc_mcp_shm.SharedSceneBuffer.write_arrays({{\"pixels\": made}}, attrs=scene.attrs, \
                 kind=\"Screenshot\", name={name}, replace=True{store})"
            ),
        ),
    };
    format!(
        "{import}\nprint({call})  # {where_to}\n\
         # What is made of it comes in the same way. Share it where the code without `for` has run:\n\
         # {share}"
    )
}

/// Code that makes a `trimesh.Trimesh` of a mesh, and says how the result is shared and gets into Blender.
pub(super) fn trimesh(descriptor: &Descriptor) -> String {
    let name = new_name(descriptor);
    let [import, call] = blender_import_and_call(Taken::Mesh, &name, store_of(descriptor));
    let (open, name, store) = (place(descriptor), literal(&name), library_store(descriptor));
    format!(
        "import dcc_mcp_shm\n\
         from dcc_mcp_shm.mesh import Mesh, put\n\
         scene = dcc_mcp_shm.SharedSceneBuffer.open({open})\n\
         mesh = Mesh.of(scene).to_trimesh()  # a copy in triangles, without UV sets and colours\n\
         # Once it is changed, share it, and in Blender bring it into the scene:\n\
         # put({name}, mesh, like=scene{store})\n\
         # {import}; {call}"
    )
}

/// The import and the call that bring a buffer into the scene of Blender.
///
/// They name it if they can, so that they bring what has the name then: what is shared next takes the name over.
pub(super) fn blender_call(descriptor: &Descriptor, taken: Taken) -> [String; 2] {
    let id = descriptor.id.to_string();
    let reference = name_of(descriptor).unwrap_or(&id);
    blender_import_and_call(taken, reference, store_of(descriptor))
}

fn blender_import_and_call(taken: Taken, reference: &str, store: &Path) -> [String; 2] {
    let store = store_argument(store, "Store");
    let import = if store.is_empty() { "" } else { "Store, " };
    let (take, reference) = (taken.function(), literal(reference));
    [
        format!("from dcc_mcp_shm import {import}blender"),
        format!("blender.{take}({reference}{store})"),
    ]
}

/// A name for what is made of a buffer.
fn new_name(descriptor: &Descriptor) -> String {
    let name = name_of(descriptor).map(|name| format!("{name}-new"));
    name.filter(|name| name.len() <= MAX_NAME_BYTES).unwrap_or_else(|| {
        let id = descriptor.id.to_string();
        format!("result-{}", id.split('-').next().unwrap_or_default())
    })
}

/// The name of a buffer, if Python's `open` takes it for one.
fn name_of(descriptor: &Descriptor) -> Option<&str> {
    let name = descriptor.name.as_deref();
    name.filter(|name| matches!(name.parse(), Ok(Reference::Name(_))))
}

fn store_of(descriptor: &Descriptor) -> &Path {
    Path::new(&descriptor.path).parent().unwrap_or(Path::new("/"))
}

/// The arguments that find a scene.
fn place(descriptor: &Descriptor) -> String {
    place_in(store_of(descriptor), descriptor.id)
}

/// The arguments that find something in a store.
fn place_in(store: &Path, id: Uuid) -> String {
    format!("\"{id}\"{}", store_argument(store, LIBRARY_STORE))
}

/// The argument that names the store of a buffer, where `dcc_mcp_shm` is imported.
fn library_store(descriptor: &Descriptor) -> String {
    store_argument(store_of(descriptor), LIBRARY_STORE)
}

/// The argument after others that names a store, of the class `class`. It is empty for the default store, which Python
/// finds by itself. If an environment variable of this server sets the default, the argument names the store, because
/// the Python process may not have that variable.
pub(crate) fn store_argument(store: &Path, class: &str) -> String {
    // Neither the variable nor the default path changes while this process lives.
    static UNNAMED: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
        let by_environment = std::env::var_os(DIR_VARIABLE).is_some_and(|path| !path.is_empty());
        (!by_environment).then(Store::default_path)
    });
    if UNNAMED.as_deref() == Some(store) {
        return String::new();
    }
    format!(", store={class}({})", literal(&store.to_string_lossy()))
}

/// A Python tuple. A tuple of one number needs a comma.
fn tuple(numbers: &[u64]) -> String {
    if let [only] = numbers {
        return format!("({only},)");
    }
    let numbers: Vec<_> = numbers.iter().map(u64::to_string).collect();
    format!("({})", numbers.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_makes_a_tuple_too() {
        assert_eq!([tuple(&[]), tuple(&[8]), tuple(&[8, 3])], ["()", "(8,)", "(8, 3)"]);
    }
}
