//! Stores, and scenes in them, for tests to look at.

use dcc_mcp_shm::{
    ArraySpec, Attrs, BufferOptions, Domain, SceneDataKind, SharedSceneBuffer, Source, Store, StoreOptions,
};

use crate::client::{Client, ERAS};

/// Every element type.
pub(crate) const TYPES: [&str; 25] = [
    "|b1", "|i1", "|u1", "<i2", "<u2", "<f2", "<i4", "<u4", "<f4", "<i8", "<u8", "<f8", "<c8", "<c16", ">i2", ">u2",
    ">f2", ">i4", ">u4", ">f4", ">i8", ">u8", ">f8", ">c8", ">c16",
];

pub(crate) fn store() -> (tempfile::TempDir, Store) {
    let parent = tempfile::tempdir().expect("a directory");
    let store = Store::open(&StoreOptions::at(parent.path().join("store"))).expect("a store");
    (parent, store)
}

/// A client of each era, with a store that this process has open as well.
pub(crate) fn in_both_eras(test: impl Fn(&Store, &mut Client)) {
    for era in ERAS {
        let (_parent, store) = store();
        let mut client = Client::start(store.path(), era);
        test(&store, &mut client);
        assert_eq!(client.end().code(), Some(0));
    }
}

pub(crate) fn spec(dtype: &str, shape: impl Into<Vec<u64>>) -> ArraySpec {
    ArraySpec::new(dtype.parse().expect("a type"), shape)
}

pub(crate) fn bytes<const N: usize, T>(numbers: &[T], to_bytes: fn(T) -> [u8; N]) -> Vec<u8>
where
    T: Copy,
{
    numbers.iter().flat_map(|&number| to_bytes(number)).collect()
}

pub(crate) fn write(
    store: &Store,
    arrays: &[(&str, ArraySpec, Vec<u8>)],
    options: &BufferOptions,
) -> SharedSceneBuffer {
    let arrays = arrays
        .iter()
        .map(|(name, spec, data)| (*name, spec.clone(), Source::from(data)));
    SharedSceneBuffer::write_arrays(store, arrays, options).expect("a scene")
}

/// The cube of 8 points and 6 faces around the origin.
pub(crate) fn cube(store: &Store, compress: bool) -> SharedSceneBuffer {
    let points: Vec<f32> = (0..8)
        .flat_map(|i| [i & 1, i >> 1 & 1, i >> 2 & 1].map(|bit| if bit == 0 { -1.0 } else { 1.0 }))
        .collect();
    let corners = [0, 1, 3, 2, 4, 6, 7, 5, 0, 4, 5, 1, 2, 3, 7, 6, 0, 2, 6, 4, 1, 5, 7, 3];
    let arrays = [
        (
            "position",
            spec("<f4", [8, 3]).with_domain(Domain::Point),
            bytes(&points, f32::to_le_bytes),
        ),
        (
            "corner_vert",
            spec("<i4", [24]).with_domain(Domain::Corner),
            bytes(&corners, i32::to_le_bytes),
        ),
        (
            "face_size",
            spec("<i4", [6]).with_domain(Domain::Face),
            bytes(&[4; 6], i32::to_le_bytes),
        ),
    ];
    let options = BufferOptions::new(SceneDataKind::Geometry)
        .source_dcc("Blender")
        .name("cube")
        .compress(compress);
    write(store, &arrays, &options)
}

pub(crate) fn attrs(facts: impl IntoIterator<Item = (&'static str, f64)>) -> Attrs {
    facts
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect()
}
