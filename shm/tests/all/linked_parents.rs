//! A store that is reached by several paths, as one of its parents is a link, is one store.

use std::fs::{create_dir, rename};
use std::os::unix::fs::symlink;

use crate::common::temp_store;
use dcc_mcp_shm::{BufferOptions, BufferPool, Error, Reference, SharedBuffer, SharedSceneBuffer, Store, StoreOptions};

fn by_descriptor(json: String) -> Reference {
    Reference::Descriptor(json)
}

#[test]
fn its_descriptors_are_its_own_by_whichever_path() {
    let (parent, _) = temp_store();
    let at = |path: &str| parent.path().join(path);
    create_dir(at("real")).unwrap();
    symlink("real", at("link")).unwrap();
    symlink(parent.path(), at("real/up")).unwrap();
    let paths = ["real/store", "link/store", "link/up/link/store", "link/../real/store"];
    let stores = paths.map(|path| Store::open(&StoreOptions::at(at(path))).unwrap());
    let options = BufferOptions::default();
    for maker in &stores {
        let scene = SharedSceneBuffer::write(maker, b"scene", &options).unwrap();
        let buffer = SharedBuffer::create(maker, 10, &options).unwrap();
        buffer.write(b"buffer").unwrap();
        let pool = BufferPool::create(maker, 1, 10, &options).unwrap();
        let slot = pool.acquire().unwrap();
        let of_scene = scene.descriptor().unwrap().to_json();
        for reader in &stores {
            let found = SharedSceneBuffer::open(reader, &by_descriptor(of_scene.clone())).unwrap();
            assert_eq!(found.read().unwrap(), b"scene");
            let of_buffer = by_descriptor(buffer.descriptor().unwrap().to_json());
            assert_eq!(
                SharedBuffer::open(reader, &of_buffer).unwrap().read().unwrap(),
                b"buffer"
            );
            assert_eq!(reader.reader(&of_buffer).unwrap().len(), 6);
            let of_slot = by_descriptor(slot.descriptor().unwrap().to_json());
            assert_eq!(reader.resolve(&of_slot).unwrap(), slot.id());
        }
        assert_eq!(SharedSceneBuffer::from_descriptor(&of_scene).unwrap().id(), scene.id());
        stores[0].delete(&by_descriptor(of_scene)).unwrap();
        assert!(!scene.path().exists());
    }
}

#[test]
fn what_lies_elsewhere_is_refused_whatever_it_is_called() {
    let (parent, store) = temp_store();
    let at = |path: &str| parent.path().join(path);
    let other = Store::open(&StoreOptions::at(at("other"))).unwrap();
    let scene = SharedSceneBuffer::write(&other, b"of the other", &BufferOptions::default()).unwrap();
    let json = scene.descriptor().unwrap().to_json();
    // A file of the same id in this store makes it none of this store's.
    std::fs::copy(scene.path(), store.path().join(scene.path().file_name().unwrap())).unwrap();
    symlink("other", at("link to the other")).unwrap();
    symlink("store", at("link to the store")).unwrap();
    let by = |name: &str| json.replace("/other/", &format!("/{name}/"));
    let id = scene.id().to_string();
    for json in [
        json.clone(),
        by("link to the other"),
        // Nor is the store itself ever a link.
        by("link to the store"),
        by("nowhere"),
        by("store/.."),
        by(&format!("store/{id}.shm")),
        json.replace(&at("other").display().to_string(), "store"),
        json.replace(&format!("{id}.shm"), &format!("{id}.shm.draft")),
    ] {
        let refused = SharedSceneBuffer::open(&store, &by_descriptor(json.clone()));
        assert!(
            matches!(refused, Err(Error::InvalidDescriptor { .. })),
            "{json}: {refused:?}"
        );
    }
    store.resolve(&by_descriptor(by("store"))).unwrap();
    // A store that was moved is where it is now.
    rename(store.path(), at("moved")).unwrap();
    assert_eq!(store.resolve(&by_descriptor(by("moved"))).unwrap(), scene.id());
}
