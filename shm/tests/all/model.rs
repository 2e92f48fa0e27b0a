//! A store against a plain model of it: whatever is done, in whatever order, both give the same.

use std::collections::{BTreeMap, BTreeSet};

use crate::common::{by_id, temp_store, until, used_after_sweeps};
use dcc_mcp_shm::{ArraySpec, BufferOptions, Dtype, Error, Reference, Removed, SharedBuffer, SharedSceneBuffer, Store};
use proptest::prelude::*;
use uuid::Uuid;

#[derive(Debug, Clone)]
enum Step {
    Create {
        capacity: u64,
        name: Option<usize>,
        replace: bool,
    },
    Scene {
        arrays: Vec<(usize, Vec<u8>)>,
        compress: bool,
        name: Option<usize>,
        replace: bool,
    },
    Write {
        which: usize,
        data: Vec<u8>,
    },
    Edit {
        which: usize,
        len: u64,
        data: Vec<u8>,
        finish: bool,
    },
    Clear {
        which: usize,
    },
    Read {
        which: usize,
    },
    Delete {
        which: usize,
    },
    DeleteName {
        name: usize,
    },
    Drop {
        which: usize,
    },
    Gc,
}

const NAMES: [&str; 3] = ["hero", "set/../../x", "日本"];
const TYPES: [&str; 4] = ["u1", "f2", "i4", "c16"];

fn data() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => proptest::collection::vec(any::<u8>(), 0..200),
        1 => (any::<u8>(), 0usize..9000).prop_map(|(byte, len)| vec![byte; len]),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let name = || proptest::option::of(0usize..3);
    let arrays = proptest::collection::vec((0usize..4, data()), 0..4);
    prop_oneof![
        3 => (1u64..6000, name(), any::<bool>())
            .prop_map(|(capacity, name, replace)| Step::Create { capacity, name, replace }),
        3 => (arrays, any::<bool>(), name(), any::<bool>())
            .prop_map(|(arrays, compress, name, replace)| Step::Scene { arrays, compress, name, replace }),
        4 => (any::<usize>(), data()).prop_map(|(which, data)| Step::Write { which, data }),
        2 => (any::<usize>(), 0u64..7000, data(), proptest::bool::weighted(0.8))
            .prop_map(|(which, len, data, finish)| Step::Edit { which, len, data, finish }),
        1 => any::<usize>().prop_map(|which| Step::Clear { which }),
        4 => any::<usize>().prop_map(|which| Step::Read { which }),
        1 => any::<usize>().prop_map(|which| Step::Delete { which }),
        1 => (0usize..3).prop_map(|name| Step::DeleteName { name }),
        2 => any::<usize>().prop_map(|which| Step::Drop { which }),
        1 => Just(Step::Gc),
    ]
}

/// What a thing is, in the model.
#[derive(Debug)]
enum Known {
    /// Its memory, how much of it is data, and whether the last edit was given up.
    Buffer {
        memory: Vec<u8>,
        len: usize,
        interrupted: bool,
    },
    Scene {
        data: Vec<u8>,
        arrays: Vec<(String, Vec<u8>)>,
    },
}

#[derive(Default)]
struct Model {
    known: BTreeMap<Uuid, Known>,
    names: BTreeMap<&'static str, Uuid>,
    buffers: BTreeMap<Uuid, SharedBuffer>,
    scenes: BTreeMap<Uuid, SharedSceneBuffer>,
}

impl Model {
    fn pick(&self, which: usize) -> Option<Uuid> {
        self.known.keys().nth(which.checked_rem(self.known.len())?).copied()
    }

    fn options(name: Option<usize>, replace: bool, compress: bool) -> BufferOptions {
        let options = BufferOptions::default().compress(compress);
        match name {
            Some(name) => options.name(NAMES[name]).replace(replace),
            None => options,
        }
    }

    /// Whether a name can be had; what had it goes.
    fn take_name(&mut self, name: Option<usize>, replace: bool) -> bool {
        let Some(name) = name.map(|name| NAMES[name]) else {
            return true;
        };
        match self.names.get(name) {
            Some(_) if !replace => false,
            Some(&before) => {
                self.forget(before);
                true
            }
            None => true,
        }
    }

    fn forget(&mut self, id: Uuid) {
        self.known.remove(&id);
        self.names.retain(|_, holder| *holder != id);
        self.buffers.remove(&id);
        self.scenes.remove(&id);
    }

    fn add(&mut self, id: Uuid, known: Known, name: Option<usize>) {
        assert!(self.known.insert(id, known).is_none(), "ids are never used twice");
        if let Some(name) = name {
            self.names.insert(NAMES[name], id);
        }
    }

    /// An open handle, the one that is kept or a new one.
    fn buffer(&mut self, store: &Store, id: Uuid) -> SharedBuffer {
        self.buffers
            .entry(id)
            .or_insert_with(|| SharedBuffer::open(store, &by_id(id)).unwrap())
            .clone()
    }

    fn scene(&mut self, store: &Store, id: Uuid) -> SharedSceneBuffer {
        self.scenes
            .entry(id)
            .or_insert_with(|| SharedSceneBuffer::open(store, &by_id(id)).unwrap())
            .clone()
    }

    fn step(&mut self, store: &Store, step: Step) {
        match step {
            Step::Create {
                capacity,
                name,
                replace,
            } => {
                let taken = !self.take_name(name, replace);
                match SharedBuffer::create(store, capacity, &Self::options(name, replace, false)) {
                    Ok(buffer) => {
                        assert!(!taken);
                        let memory = vec![0; usize::try_from(capacity).unwrap()];
                        self.add(
                            buffer.id(),
                            Known::Buffer {
                                memory,
                                len: 0,
                                interrupted: false,
                            },
                            name,
                        );
                        self.buffers.insert(buffer.id(), buffer);
                    }
                    Err(error) => assert!(taken && matches!(error, Error::NameTaken { .. }), "{error}"),
                }
            }
            Step::Scene {
                arrays,
                compress,
                name,
                replace,
            } => self.write_scene(store, arrays, compress, name, replace),
            Step::Write { which, data } => self.write(store, which, &data),
            Step::Clear { which } => {
                let Some(id) = self.pick(which) else { return };
                if matches!(self.known[&id], Known::Buffer { .. }) {
                    self.buffer(store, id).clear().unwrap();
                    if let Some(Known::Buffer { len, interrupted, .. }) = self.known.get_mut(&id) {
                        (*len, *interrupted) = (0, false);
                    }
                }
            }
            Step::Edit {
                which,
                len,
                data,
                finish,
            } => self.edit(store, which, len, &data, finish),
            Step::Read { which } => {
                if let Some(id) = self.pick(which) {
                    self.check_data(store, id);
                }
            }
            Step::Delete { which } => {
                let Some(id) = self.pick(which) else { return };
                let held = self.buffers.get(&id).cloned();
                store.delete(&by_id(id)).unwrap();
                if let (
                    Some(held),
                    Known::Buffer {
                        memory,
                        len,
                        interrupted: false,
                    },
                ) = (held, &self.known[&id])
                {
                    assert_eq!(held.read().unwrap(), memory[..*len], "its holder keeps it");
                }
                self.forget(id);
            }
            Step::DeleteName { name } => {
                let deleted = store.delete(&Reference::Name(NAMES[name].to_owned()));
                match self.names.get(NAMES[name]).copied() {
                    Some(id) => {
                        deleted.unwrap();
                        self.forget(id);
                    }
                    None => assert!(matches!(deleted, Err(Error::NotFound { .. })), "{deleted:?}"),
                }
            }
            Step::Drop { which } => {
                let Some(id) = self.pick(which) else { return };
                self.buffers.remove(&id);
                self.scenes.remove(&id);
            }
            Step::Gc => {
                let removed = store.gc(false).unwrap().removed;
                let is_known = |removed: &Removed| self.known.contains_key(&removed.id);
                assert!(!removed.iter().any(is_known), "nothing here has expired");
            }
        }
    }

    fn write_scene(
        &mut self,
        store: &Store,
        arrays: Vec<(usize, Vec<u8>)>,
        compress: bool,
        name: Option<usize>,
        replace: bool,
    ) {
        let options = Self::options(name, replace, compress);
        let taken = !self.take_name(name, replace);
        let mut expected = Vec::new();
        let mut named = Vec::new();
        for (i, (dtype, mut bytes)) in arrays.into_iter().enumerate() {
            let dtype: Dtype = TYPES[dtype].parse().unwrap();
            bytes.truncate(bytes.len() / dtype.size() * dtype.size());
            expected.resize(expected.len().next_multiple_of(64), 0);
            expected.extend_from_slice(&bytes);
            named.push((i.to_string(), dtype, bytes));
        }
        let specs = named.iter().map(|(name, dtype, bytes)| {
            (
                name.clone(),
                ArraySpec::new(*dtype, [(bytes.len() / dtype.size()) as u64]),
                bytes.into(),
            )
        });
        match SharedSceneBuffer::write_arrays(store, specs, &options) {
            Ok(scene) => {
                assert!(!taken);
                let arrays = named.into_iter().map(|(name, _, bytes)| (name, bytes)).collect();
                self.add(scene.id(), Known::Scene { data: expected, arrays }, name);
                self.scenes.insert(scene.id(), scene);
            }
            Err(error) => assert!(taken && matches!(error, Error::NameTaken { .. }), "{error}"),
        }
    }

    fn write(&mut self, store: &Store, which: usize, data: &[u8]) {
        let Some(id) = self.pick(which) else { return };
        if matches!(self.known[&id], Known::Scene { .. }) {
            let opened = SharedBuffer::open(store, &by_id(id)).map(drop);
            assert!(matches!(opened, Err(Error::WrongRole { .. })), "{opened:?}");
            return;
        }
        let result = self.buffer(store, id).write(data);
        let Some(Known::Buffer {
            memory,
            len,
            interrupted,
        }) = self.known.get_mut(&id)
        else {
            return;
        };
        if data.len() > memory.len() {
            assert!(matches!(result, Err(Error::CapacityExceeded { .. })), "{result:?}");
        } else {
            assert_eq!(result.unwrap(), data.len() as u64);
            memory[..data.len()].copy_from_slice(data);
            (*len, *interrupted) = (data.len(), false);
        }
    }

    fn edit(&mut self, store: &Store, which: usize, new_len: u64, data: &[u8], finish: bool) {
        let Some(id) = self.pick(which) else { return };
        if matches!(self.known[&id], Known::Scene { .. }) {
            return;
        }
        let buffer = self.buffer(store, id);
        let edit = buffer.edit(new_len);
        let Some(Known::Buffer {
            memory,
            len,
            interrupted,
        }) = self.known.get_mut(&id)
        else {
            return;
        };
        let Some(edit) = edit.ok().filter(|_| new_len <= memory.len() as u64) else {
            assert!(new_len > memory.len() as u64);
            return;
        };
        let new_len = usize::try_from(new_len).unwrap();
        let data = &data[..data.len().min(new_len)];
        edit.memory().copy_in(0, data).unwrap();
        assert!(edit.memory().copy_in(new_len, b"x").is_err());
        memory[..data.len()].copy_from_slice(data);
        let kept = edit.memory().clone();
        if finish {
            edit.finish().unwrap();
            (*len, *interrupted) = (new_len, false);
        } else {
            drop(edit);
            *interrupted = true;
        }
        assert!(!kept.is_open());
        kept.copy_in(0, &vec![0xee; new_len]).unwrap();
    }

    fn check_data(&mut self, store: &Store, id: Uuid) {
        match &self.known[&id] {
            Known::Buffer {
                memory,
                len,
                interrupted,
            } => {
                let expected = (!interrupted).then(|| memory[..*len].to_vec());
                let buffer = self.buffer(store, id);
                let elsewhere = SharedBuffer::open(store, &by_id(id)).unwrap();
                for buffer in [buffer, elsewhere] {
                    if let Some(expected) = &expected {
                        assert_eq!(buffer.read().unwrap(), *expected);
                        assert_eq!(buffer.view().unwrap().to_vec().unwrap(), *expected);
                        assert_eq!(buffer.data_len().unwrap(), expected.len() as u64);
                    } else {
                        assert!(matches!(buffer.read(), Err(Error::Interrupted { .. })));
                        assert!(matches!(buffer.view(), Err(Error::Interrupted { .. })));
                    }
                }
            }
            Known::Scene { data, arrays } => {
                let (data, arrays) = (data.clone(), arrays.clone());
                let scene = self.scene(store, id);
                assert_eq!(scene.read().unwrap(), data);
                if !scene.descriptor().unwrap().use_compression {
                    assert_eq!(scene.view().unwrap()[..], data);
                }
                for (name, bytes) in arrays {
                    let array = scene.array(&name).unwrap();
                    assert_eq!(scene.read_range(array.offset, array.size()).unwrap(), bytes);
                }
            }
        }
    }

    /// Everything that can be seen from outside.
    fn check(&self, store: &Store) {
        let listing = store.list().unwrap();
        let listed: BTreeSet<Uuid> = listing.buffers.iter().map(|buffer| buffer.id).collect();
        assert_eq!(listed, self.known.keys().copied().collect());
        assert!(listing.damaged.is_empty() && listing.pools.is_empty());
        let named: BTreeMap<&str, Uuid> = listing
            .buffers
            .iter()
            .filter_map(|buffer| Some((buffer.name.as_deref()?, buffer.id)))
            .collect();
        assert_eq!(named, self.names);
        for name in NAMES {
            let found = store.resolve(&Reference::Name(name.to_owned())).ok();
            assert_eq!(found, self.names.get(name).copied(), "{name}");
        }
    }
}

proptest! {
    #![proptest_config(crate::properties::config(300))]

    #[test]
    fn the_store_does_what_the_model_does(steps in proptest::collection::vec(step(), 1..60)) {
        let (_parent, store) = temp_store();
        let mut model = Model::default();
        for step in steps {
            model.step(&store, step);
            model.check(&store);
        }
        for id in model.known.keys().copied().collect::<Vec<_>>() {
            model.check_data(&store, id);
            let held = model.buffers.contains_key(&id) || model.scenes.contains_key(&id);
            let deleted = store.delete(&by_id(id)).unwrap();
            prop_assert!(!held || deleted.freed_bytes == 0, "{:?}", deleted);
            // A child process that another test starts may have it for a moment.
            until("what nobody has is freed", || {
                store.gc(false).unwrap();
                (store.pending().unwrap().len() == usize::from(held)).then_some(())
            });
            model.forget(id);
        }
        prop_assert_eq!(used_after_sweeps(&store, 0), 0);
        let files = std::fs::read_dir(store.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let names: Vec<_> = files.filter(|file| file.to_string_lossy().contains(".name")).collect();
        prop_assert!(names.is_empty(), "names are left: {:?}", names);
    }
}
