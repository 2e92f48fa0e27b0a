//! JavaScript for Node, with nothing but the file.

use dcc_mcp_shm::Descriptor;

use super::literal::braced as literal;
use super::picture::pixels;

/// Code that reads the first array with elements of a scene that lies in its file as it is, or all bytes without such. It is
/// one copy, because Node cannot map files.
pub(super) fn code(descriptor: &Descriptor) -> String {
    let path = literal(&descriptor.path);
    let (class, count, offset, what) = place(descriptor);
    // One call reads at most 2 GiB.
    format!(
        "import {{ closeSync, openSync, readSync, statSync }} from \"node:fs\";\n\
         const path = {path}, array = new {class}({count}); // {what}\n\
         const bytes = new Uint8Array(array.buffer), file = openSync(path, \"r\");\n\
         for (let at = 0, n; at < bytes.length; at += n) {{\n  \
         n = readSync(file, bytes, at, Math.min(bytes.length - at, 2 ** 30), {offset} + at);\n  \
         if (n === 0) throw new Error(\"the file ends too early\");\n\
         }}\n\
         closeSync(file), statSync(path); // fails if the scene was deleted meanwhile: then do not use the array"
    )
}

/// The class and length of the typed array, where in the file its data is, and what it is.
fn place(descriptor: &Descriptor) -> (&'static str, u64, u64, String) {
    let mut arrays = descriptor.arrays.iter();
    let first =
        arrays.find_map(|(name, array)| Some((name, array, array.offset.filter(|_| !array.shape.contains(&0))?)));
    let Some((name, array, offset)) = first else {
        let all = "all bytes".to_owned();
        return ("Uint8Array", descriptor.size_bytes, descriptor.data_offset, all);
    };
    // Products fit, because the array lies in a file.
    let count: u64 = array.shape.iter().product();
    let order = pixels(descriptor).filter(|(array, _)| array == name);
    let order = order.map_or_else(String::new, |(_, order)| format!("; {order}"));
    let what = format!("{}, {} {:?}{order}", literal(name), array.dtype, array.shape);
    match typed_array(array.dtype.typestr()) {
        Some(class) => (class, count, offset, what),
        None => (
            "Uint8Array",
            count * array.dtype.size() as u64,
            offset,
            format!("{what}, as bytes"),
        ),
    }
}

/// The class of JavaScript for elements of this type, where all versions have one.
fn typed_array(typestr: &str) -> Option<&'static str> {
    Some(match typestr {
        "|b1" | "|u1" => "Uint8Array",
        "|i1" => "Int8Array",
        "<u2" => "Uint16Array",
        "<i2" => "Int16Array",
        "<u4" => "Uint32Array",
        "<i4" => "Int32Array",
        "<u8" => "BigUint64Array",
        "<i8" => "BigInt64Array",
        "<f4" => "Float32Array",
        "<f8" => "Float64Array",
        _ => return None,
    })
}
