//! What each fuzz target does with its input: the bytes become a file or a descriptor, and everything that a user's
//! process could do with it is done. Whatever comes is a typed error or keeps what the crate promises.

#[path = "../../tests/common/mod.rs"]
mod common;
mod forge;
mod seed;
pub mod seeds;
mod ways;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use dcc_mcp_shm::{
    ArraySpec, BufferOptions, BufferPool, Reference, SceneWriter, SharedBuffer, SharedSceneBuffer, Store, StoreOptions,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tempfile::TempDir;
use uuid::Uuid;

use crate::common::Image;
use crate::forge::{compressed, forge};
pub use crate::ways::Seen;
use crate::ways::{every_way, pool_ways};

/// Where a descriptor's text says this, it means the path of the store, which differs from run to run.
pub(crate) const STORE: &str = "$STORE";
/// Few, so that a file can make a process run out of them.
const OPEN_FILES: u64 = 256;

thread_local! {
    static GROUND: Ground = Ground::new();
}

/// A store of this process's own, and good files to put into it.
struct Ground {
    _parent: TempDir,
    store: Store,
    golden: BTreeMap<String, Image>,
}

impl Ground {
    fn new() -> Self {
        let limit = Rlimit {
            current: Some(OPEN_FILES),
            ..getrlimit(Resource::Nofile)
        };
        setrlimit(Resource::Nofile, limit).unwrap();
        let parent = tempfile::tempdir().unwrap();
        let store = Store::open(&StoreOptions::at(parent.path().join("store"))).unwrap();
        Self {
            store,
            _parent: parent,
            golden: golden(),
        }
    }

    /// Leaves nothing in the store but what the next input needs.
    fn clear(&self) {
        for id in self.store.ids().unwrap() {
            let _ = fs::remove_file(common::path_of(&self.store, id));
        }
    }

    fn install(&self, name: &str) -> Uuid {
        let image = &self.golden[name];
        let mode = if name.starts_with("scene") && name != "scene-empty" {
            0o400
        } else {
            0o600
        };
        image.place(&self.store, image.id(), mode);
        image.id()
    }
}

/// The files of the released version, by what they are called there.
pub(crate) fn golden() -> BTreeMap<String, Image> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden");
    let files = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let shm = files.filter(|path| path.extension().is_some_and(|extension| extension == "shm"));
    shm.map(|path| {
        let stem = path.file_stem().unwrap().to_str().unwrap();
        (stem.trim_start_matches("v1-").to_owned(), Image::of(&path))
    })
    .collect()
}

/// A file from its first byte on: a byte that says what of it is repaired ([`Repair`]), and its bytes.
pub fn header(input: &[u8]) -> Seen {
    GROUND.with(|ground| {
        ground.clear();
        let id = Uuid::from_u128(1);
        let Some((image, mode)) = forge(input, id) else {
            return Seen::default();
        };
        image.place(&ground.store, id, mode);
        every_way(&ground.store, id)
    })
}

/// A byte that says what the file is, and the JSON of its header, all else of which is right.
pub fn metadata(input: &[u8]) -> Seen {
    GROUND.with(|ground| {
        ground.clear();
        let id = Uuid::from_u128(2);
        let Some((what, json)) = input.split_first() else {
            return Seen::default();
        };
        let (image, mode) = forge::around_metadata(*what, json, id);
        image.place(&ground.store, id, mode);
        every_way(&ground.store, id)
    })
}

/// The text of a descriptor, in which [`STORE`] stands for a store with one good file of each kind.
pub fn descriptor(input: &[u8]) -> Seen {
    GROUND.with(|ground| {
        let Ok(text) = std::str::from_utf8(input) else {
            return Seen::default();
        };
        if ground.store.ids().unwrap().len() != ground.golden.len() {
            for name in ground.golden.keys() {
                ground.install(name);
            }
        }
        let json = text.replace(STORE, ground.store.path().to_str().unwrap());
        let mut seen = Seen::default();
        let reference = Reference::Descriptor(json.clone());
        let described = seen.note(ground.store.describe(&reference));
        let buffer = seen.note(SharedBuffer::from_descriptor(&json));
        let scene = seen.note(SharedSceneBuffer::from_descriptor(&json));
        assert!(buffer.is_none() || scene.is_none(), "a buffer that is a scene: {json}");
        let opened = buffer.map(|buffer| buffer.id()).or(scene.map(|scene| scene.id()));
        if let (Some(described), Some(opened)) = (&described, opened) {
            assert_eq!(described.id, opened, "{json}");
        }
        if let Some(reader) = seen.note(ground.store.reader(&reference)) {
            ways::read_all(&mut seen, &reader);
        }
        seen.note(SharedBuffer::open(&ground.store, &reference));
        seen.note(SharedSceneBuffer::open(&ground.store, &reference));
        seen.note(SceneWriter::fill(&ground.store, &reference));
        seen.note(BufferPool::open(&ground.store, &reference));
        seen.note(ground.store.pool(&reference));
        seen
    })
}

/// A compressed payload as [`compressed`] makes it, or bytes to be compressed.
pub fn payload(input: &[u8]) -> Seen {
    GROUND.with(|ground| {
        ground.clear();
        let id = Uuid::from_u128(4);
        if let Some(image) = compressed(input, id) {
            image.place(&ground.store, id, 0o400);
            return every_way(&ground.store, id);
        }
        let mut seen = Seen::default();
        let options = BufferOptions::default().compress(true);
        let spec = ArraySpec::new("u2".parse().unwrap(), [input.len() as u64 / 2]);
        let bytes = input[..input.len() / 2 * 2].to_vec();
        let written = SharedSceneBuffer::write_arrays(&ground.store, [("a", spec, (&bytes).into())], &options);
        if let Some(scene) = seen.note(written) {
            assert_eq!(scene.read().unwrap(), bytes, "what was compressed is what was written");
        }
        seen
    })
}

/// A byte that says which of the files is forged (0 the control file, 1 and 2 its slots), and that file as for [`header`].
pub fn pool(input: &[u8]) -> Seen {
    GROUND.with(|ground| {
        ground.clear();
        let Some((which, file)) = input.split_first() else {
            return Seen::default();
        };
        let files = ["pool", "pool-slot0", "pool-slot1"].map(|name| ground.install(name));
        let forged = files[usize::from(*which) % files.len()];
        let Some((image, mode)) = forge(file, forged) else {
            return Seen::default();
        };
        image.place(&ground.store, forged, mode);
        let mut seen = pool_ways(&ground.store, files[0]);
        // The last one to let go of a pool takes it away.
        image.place(&ground.store, forged, mode);
        seen.add(every_way(&ground.store, forged));
        seen
    })
}
