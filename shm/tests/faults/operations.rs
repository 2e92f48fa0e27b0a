//! Everything that a program can do with a store, each in a store that has some of everything. A new operation is one line of
//! [`OPERATIONS`].

use std::any::Any;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

use dcc_mcp_shm::{
    ArraySpec, BufferFilter, BufferOptions, BufferPool, Descriptor, Error, Kept, KeptReason, Layout, QuotaSetting,
    Reference, SceneWriter, SharedBuffer, SharedSceneBuffer, Store, StoreIndex, StoreOptions, Summary,
};

use crate::common::{RESERVE, noise};

/// What an operation gives: it lives until the store has been looked at.
type Made = Result<Box<dyn Any>, Error>;

/// An operation, and what it changes.
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    run: fn(&Fixture) -> Made,
    pub(crate) effect: Effect,
}

/// Which buffers and pools are there after an operation that were not before, or the other way round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// The same.
    Nothing,
    /// One more, which has no name.
    Makes,
    /// One more, which has this name; what had it is gone.
    MakesNamed(&'static str),
    /// What had this name is gone.
    Removes(&'static str),
    /// What has this name has other data; one who does not come to the end leaves none, and readers are told so.
    Rewrites(&'static str),
}

use Effect::{Makes, MakesNamed, Nothing, Removes, Rewrites};

macro_rules! operations {
    ($($name:literal, $effect:expr, $run:expr;)*) => {
        &[$(Operation { name: $name, effect: $effect, run: |fixture| Ok(Box::new(($run)(fixture)?)) }),*]
    };
}

pub(crate) const OPERATIONS: &[Operation] = operations! {
    "open the store", Nothing, |f: &Fixture| Store::open(&StoreOptions::at(f.store.path()).reserve(RESERVE).quota(QuotaSetting::Keep));
    "open the store to look", Nothing, |f: &Fixture| Store::open(&StoreOptions::at(f.store.path()).existing());
    "set a quota", Nothing, |f: &Fixture| f.store.set_quota(Some(1 << 40));
    "lift the quota", Nothing, |f: &Fixture| f.store.set_quota(Some(1 << 40)).and_then(|()| f.store.set_quota(None));
    "look for room", Nothing, |f: &Fixture| f.store.room();
    "list", Nothing, |f: &Fixture| f.list();
    "summarise", Nothing, |f: &Fixture| { let found = f.summaries()?; assert_eq!(found, f.summaries); Ok::<_, Error>(()) };
    "describe by name", Nothing, |f: &Fixture| { let found = f.store.describe(&name("scene"))?; assert_eq!(found.name.as_deref(), Some("scene")); Ok::<_, Error>(()) };
    "say who has what open", Nothing, |f: &Fixture| Ok::<_, Error>(f.store.holders().of(f.id("scene")).map(<[u32]>::to_vec));
    "look what would be collected", Nothing, |f: &Fixture| f.collect(true);
    "collect", Nothing, |f: &Fixture| f.collect(false);
    "write a scene", Makes, |f: &Fixture| SharedSceneBuffer::write(&f.store, SMALL, &forever());
    "write a named scene", MakesNamed("new"), |f: &Fixture| SharedSceneBuffer::write(&f.store, SMALL, &forever().name("new"));
    "replace a scene", MakesNamed("scene"), |f: &Fixture| SharedSceneBuffer::write(&f.store, SMALL, &forever().name("scene").replace(true));
    "replace a pool", MakesNamed("pool"), |f: &Fixture| SharedSceneBuffer::write(&f.store, SMALL, &forever().name("pool").replace(true));
    "write into a store without a record", MakesNamed("new"), |f: &Fixture| { drop(std::fs::remove_file(f.store.path().join(".store"))); SharedSceneBuffer::write(&f.store, SMALL, &forever().name("new")) };
    "write into a store whose record is damaged", MakesNamed("new"), |f: &Fixture| { f.damage_record(); SharedSceneBuffer::write(&f.store, SMALL, &forever().name("new")) };
    "say up to where a store was seen", Nothing, |f: &Fixture| { let seen = StoreIndex::new(&f.store, 1)?.horizon()?; assert!(seen.pending.is_empty()); Ok::<_, Error>(()) };
    "be refused a name", Nothing, |f: &Fixture| f.is_refused("held");
    "write a large scene", Makes, |f: &Fixture| SharedSceneBuffer::write(&f.store, &noise(1, 9 << 20), &forever());
    "write a scene with a quota", MakesNamed("new"), |f: &Fixture| { f.store.set_quota(Some(1 << 40))?; SharedSceneBuffer::write(&f.store, SMALL, &forever().name("new")) };
    "use memory again", Makes, |f: &Fixture| SharedSceneBuffer::write(&f.store, &vec![42; LARGE], &forever());
    "use memory again in place", MakesNamed("new"), |f: &Fixture| fill(SceneWriter::new(&f.store, layout(LARGE as u64), forever().name("new"))?);
    "use memory again for a buffer", Makes, |f: &Fixture| SharedBuffer::create(&f.store, LARGE as u64, &forever());
    "compress a scene", Makes, |f: &Fixture| SharedSceneBuffer::write(&f.store, &vec![7; 9 << 20], &forever().compress(true));
    "fill a new scene", MakesNamed("new"), |f: &Fixture| fill(SceneWriter::new(&f.store, layout(5 << 20), forever().name("new"))?);
    "fill a new small scene", MakesNamed("new"), |f: &Fixture| fill(SceneWriter::new(&f.store, layout(5000), forever().name("new"))?);
    "give a new large scene up", Nothing, |f: &Fixture| SceneWriter::new(&f.store, layout(5 << 20), forever().name("new")).map(drop);
    "give a new scene up", Nothing, |f: &Fixture| SceneWriter::new(&f.store, layout(5000), forever().name("new")).map(drop);
    "make an empty scene", MakesNamed("new"), |f: &Fixture| SharedSceneBuffer::create_empty(&f.store, &layout(5000), &forever().name("new"));
    "fill an empty scene", Nothing, |f: &Fixture| fill(SceneWriter::fill(&f.store, &name("empty"))?);
    "open a scene by its name", Nothing, |f: &Fixture| SharedSceneBuffer::open(&f.store, &name("scene"));
    "open a scene by its descriptor", Nothing, |f: &Fixture| SharedSceneBuffer::from_descriptor(&f.descriptor("scene").to_json());
    "read a scene", Nothing, |f: &Fixture| { assert_small(&SharedSceneBuffer::open(&f.store, &name("scene"))?.read()?); Ok::<_, Error>(()) };
    "view a scene", Nothing, |f: &Fixture| { let view = SharedSceneBuffer::open(&f.store, &name("scene"))?.view()?; assert_small(&view); Ok::<_, Error>(view) };
    "decompress a scene", Nothing, |f: &Fixture| { assert!(SharedSceneBuffer::open(&f.store, &name("compressed"))?.read()? == compressible()); Ok::<_, Error>(()) };
    "read through the file", Nothing, |f: &Fixture| { let mut found = [0; SMALL.len()]; f.store.reader(&name("scene"))?.read_at(0, &mut found)?; assert_small(&found); Ok::<_, Error>(()) };
    "make a buffer", Makes, |f: &Fixture| SharedBuffer::create(&f.store, 5000, &forever());
    "make a named buffer", MakesNamed("new"), |f: &Fixture| SharedBuffer::create(&f.store, 5 << 20, &forever().name("new"));
    "replace a buffer", MakesNamed("buffer"), |f: &Fixture| SharedBuffer::create(&f.store, 5000, &forever().name("buffer").replace(true));
    "write a buffer", Rewrites("buffer"), |f: &Fixture| { let buffer = f.buffer()?; buffer.write(SMALL)?; Ok::<_, Error>(buffer) };
    "edit a buffer", Rewrites("buffer"), |f: &Fixture| { let edit = f.buffer()?.edit(SMALL.len() as u64)?; edit.memory().copy_in(0, SMALL)?; edit.finish() };
    "read a buffer", Nothing, |f: &Fixture| { assert_small(&f.buffer()?.read()?); Ok::<_, Error>(()) };
    "view a buffer", Nothing, |f: &Fixture| { let view = f.buffer()?.view()?; assert_small(&view.to_vec()?); Ok::<_, Error>(view) };
    "wait for a write", Nothing, |f: &Fixture| { let buffer = f.buffer()?; assert!(buffer.wait(0, LONG)?.is_some()); Ok::<_, Error>(buffer) };
    "make a pool", Makes, |f: &Fixture| BufferPool::create(&f.store, 2, 5000, &forever());
    "make a named pool", MakesNamed("new"), |f: &Fixture| BufferPool::create(&f.store, 2, 5000, &forever().name("new").persistent(true));
    "open or make a pool", MakesNamed("new"), |f: &Fixture| BufferPool::open_or_create(&f.store, 2, 5000, &forever().name("new").persistent(true));
    "open a pool", Nothing, |f: &Fixture| BufferPool::open(&f.store, &name("pool"));
    "look at a pool", Nothing, |f: &Fixture| { let found = f.store.pool(&name("pool"))?; assert_eq!((found.free(), found.name.as_deref()), (2, Some("pool"))); Ok::<_, Error>(()) };
    "use a slot", Nothing, |f: &Fixture| { let slot = f.pool()?.acquire()?; slot.write(SMALL)?; assert_small(&slot.read()?); Ok::<_, Error>(slot) };
    "open a slot", Nothing, |f: &Fixture| { let slot = f.pool()?.acquire()?; slot.write(SMALL)?; let json = slot.descriptor()?.to_json(); drop(slot); assert_small(&SharedBuffer::from_descriptor(&json)?.read()?); Ok::<_, Error>(()) };
    "wait for a slot", Nothing, |f: &Fixture| f.pool()?.acquire_timeout(LONG);
    "wait for what is there", Nothing, |f: &Fixture| { let came = f.store.wait(&BufferFilter::default(), Some(&[]), LONG)?; assert_eq!(came.len(), f.before.len() - 1, "all but the empty one"); Ok::<_, Error>(()) };
    "wait for what comes", Makes, |f: &Fixture| f.wait_for_what_comes();
    "keep a scene", Nothing, |f: &Fixture| f.store.set_ttl(&name("scene"), HOUR);
    "keep a scene that is held", Nothing, |f: &Fixture| f.store.set_ttl(&name("held"), HOUR);
    "keep a buffer and take that back", Nothing, |f: &Fixture| f.store.set_ttl(&name("buffer"), HOUR).and_then(|id| f.store.set_ttl(&id.into(), Duration::ZERO));
    "collect what was kept", Nothing, |f: &Fixture| { let kept = f.store.set_ttl(&name("brief"), HOUR)?; let report = f.store.gc(false)?; assert!(report.removed.iter().all(|file| file.id != kept), "{report:?}"); Ok::<_, Error>(()) };
    "delete what was kept", Removes("scene"), |f: &Fixture| f.store.set_ttl(&name("scene"), HOUR).and_then(|id| f.store.delete(&id.into())).map(drop);
    "replace what was kept", MakesNamed("scene"), |f: &Fixture| f.store.set_ttl(&name("scene"), HOUR).and_then(|_| SharedSceneBuffer::write(&f.store, SMALL, &forever().name("scene").replace(true)));
    "delete a scene", Removes("scene"), |f: &Fixture| f.store.delete(&name("scene")).map(drop);
    "delete a large scene", Removes("large"), |f: &Fixture| f.store.delete(&name("large")).map(drop);
    "replace a large scene", MakesNamed("large"), |f: &Fixture| SharedSceneBuffer::write(&f.store, &vec![42; LARGE], &forever().name("large").replace(true));
    "delete a buffer", Removes("buffer"), |f: &Fixture| f.store.delete(&name("buffer")).map(drop);
    "delete a scene that is held", Removes("kept"), |f: &Fixture| f.delete_held("kept");
    "delete a buffer that is held", Removes("kept buffer"), |f: &Fixture| f.delete_held("kept buffer");
    "replace a scene that is held", MakesNamed("kept"), |f: &Fixture| SharedSceneBuffer::write(&f.store, SMALL, &forever().name("kept").replace(true));
    "delete a scene by a handle and let go of it", Removes("scene"), |f: &Fixture| SharedSceneBuffer::open(&f.store, &name("scene"))?.unlink();
    "delete a buffer by a handle and let go of it", Removes("buffer"), |f: &Fixture| f.buffer()?.unlink();
    "delete a pool by a handle and let go of it", Removes("pool"), |f: &Fixture| f.pool()?.unlink();
    "delete a scene and let go of it", Removes("scene"), |f: &Fixture| { let _scene = SharedSceneBuffer::open(&f.store, &name("scene"))?; f.store.delete(&name("scene")).map(drop) };
    "list what is deleted and open", Nothing, |f: &Fixture| { let found = f.store.pending()?; assert_eq!(found.len(), 1, "{found:?}"); Ok::<_, Error>(()) };
    "sum up what is used", Nothing, |f: &Fixture| { let used = f.store.used_bytes()?; assert!(used > 100_000); Ok::<_, Error>(()) };
    "delete a pool", Removes("pool"), |f: &Fixture| f.store.delete(&name("pool")).map(drop);
};

const LONG: Duration = Duration::from_secs(20);
const HOUR: Duration = Duration::from_secs(3600);
/// Enough that its memory is kept when it is deleted.
const LARGE: usize = 2_200_000;
/// What is written, and found.
pub(crate) const SMALL: &[u8; 5000] = &[42; 5000];

pub(crate) fn name(text: &str) -> Reference {
    Reference::Name(text.to_owned())
}

/// Until it is deleted.
pub(crate) fn forever() -> BufferOptions {
    BufferOptions::default().ttl(Duration::ZERO)
}

fn layout(bytes: u64) -> Layout {
    Layout::new([("a", ArraySpec::new("u1".parse().unwrap(), [bytes]))]).unwrap()
}

fn compressible() -> Vec<u8> {
    (0..3 << 18).flat_map(|i: u32| (i / 9).to_le_bytes()).collect()
}

fn summaries(store: &Store) -> Result<Vec<Summary>, Error> {
    let mut ids = store.ids()?;
    ids.sort();
    ids.into_iter().map(|id| store.summary(id)).collect()
}

fn fill(writer: SceneWriter) -> Result<SharedSceneBuffer, Error> {
    writer.memory().copy_in(0, SMALL)?;
    writer.finish()
}

fn assert_small(found: &[u8]) {
    assert!(found == SMALL, "{} bytes that are not what was written", found.len());
}

/// A store that has some of everything. Held are the scenes `held`, `kept` and `deleted`, which is deleted, and `kept buffer`.
pub(crate) struct Fixture {
    pub(crate) store: Store,
    _held: [SharedSceneBuffer; 3],
    _held_buffer: SharedBuffer,
    before: Vec<Descriptor>,
    summaries: Vec<Summary>,
}

impl Fixture {
    pub(crate) fn make(path: &Path) -> Self {
        // Whoever swept it lately need not do so again in the middle of something.
        let store = Store::open(&StoreOptions::at(path).reserve(RESERVE)).unwrap();
        let held = ["held", "kept", "deleted"]
            .map(|name| SharedSceneBuffer::write(&store, SMALL, &forever().name(name)).unwrap());
        let held_buffer = SharedBuffer::create(&store, 5000, &forever().name("kept buffer")).unwrap();
        held_buffer.write(SMALL).unwrap();
        for name in ["scene", "idle"] {
            SharedSceneBuffer::write(&store, SMALL, &forever().name(name)).unwrap();
        }
        let hour = BufferOptions::default().ttl(HOUR);
        SharedSceneBuffer::write(&store, SMALL, &hour.clone().name("hour")).unwrap();
        let compressed = forever().name("compressed").compress(true);
        SharedSceneBuffer::write(&store, &compressible(), &compressed).unwrap();
        let brief = BufferOptions::default().ttl(Duration::from_nanos(1)).name("brief");
        SharedSceneBuffer::write(&store, SMALL, &brief).unwrap();
        SharedSceneBuffer::create_empty(&store, &layout(5000), &forever().name("empty")).unwrap();
        for name in ["buffer", "idle buffer"] {
            let buffer = SharedBuffer::create(&store, 5000, &forever().name(name)).unwrap();
            buffer.write(SMALL).unwrap();
        }
        for name in ["pool", "idle pool"] {
            let pool = BufferPool::create(&store, 2, 5000, &forever().name(name).persistent(true)).unwrap();
            pool.acquire().unwrap().write(SMALL).unwrap();
        }
        let large =
            || SharedSceneBuffer::write(&store, &vec![7; LARGE], &forever().name("large").replace(true)).unwrap();
        drop(large());
        // What it replaces is kept, to be used again.
        drop(large());
        store.delete(&name("deleted")).unwrap();
        let before = store.list().unwrap().buffers;
        let summaries = summaries(&store).unwrap();
        Self {
            store,
            _held: held,
            _held_buffer: held_buffer,
            before,
            summaries,
        }
    }

    /// Makes the count of publications one that nobody can have counted to, if that succeeds.
    fn damage_record(&self) {
        let record = std::fs::OpenOptions::new()
            .write(true)
            .open(self.store.path().join(".store"));
        drop(record.map(|record| record.write_all_at(&u64::MAX.to_le_bytes(), 16)));
    }

    fn summaries(&self) -> Result<Vec<Summary>, Error> {
        summaries(&self.store)
    }

    /// What is shared while somebody waits is not missed, unless the wait says that it failed.
    fn wait_for_what_comes(&self) -> Result<SharedSceneBuffer, Error> {
        let mut made = None;
        let share = || {
            if made.is_none() {
                made = Some(SharedSceneBuffer::write(&self.store, SMALL, &forever()));
            }
            !matches!(made, Some(Err(_)))
        };
        let came = self
            .store
            .wait_while(&BufferFilter::default(), Some(&self.before), LONG, share);
        let made = made.transpose()?;
        let came = came.inspect_err(|_| drop(made.as_ref().map(SharedSceneBuffer::unlink)))?;
        assert_eq!(came.len(), 1, "{came:?}");
        let made = made.expect("asked at least once");
        Ok(made)
    }

    pub(crate) fn run(&self, operation: &Operation) -> Made {
        (operation.run)(self)
    }

    fn descriptor(&self, name: &str) -> &Descriptor {
        let mut before = self.before.iter();
        before.find(|buffer| buffer.name.as_deref() == Some(name)).unwrap()
    }

    fn id(&self, name: &str) -> uuid::Uuid {
        self.descriptor(name).id
    }

    fn buffer(&self) -> Result<SharedBuffer, Error> {
        SharedBuffer::open(&self.store, &name("buffer"))
    }

    fn pool(&self) -> Result<BufferPool, Error> {
        BufferPool::open(&self.store, &name("pool"))
    }

    /// A name that somebody has is not given to another.
    fn is_refused(&self, held: &str) -> Result<(), Error> {
        match SharedSceneBuffer::write(&self.store, SMALL, &forever().name(held)) {
            Err(Error::NameTaken { .. }) => Ok(()),
            Err(error) => Err(error),
            Ok(_) => panic!("the name of what is there is free"),
        }
    }

    /// What is held is not free yet, unless that could not be told.
    fn delete_held(&self, held: &str) -> Result<(), Error> {
        let deleted = self.store.delete(&name(held))?;
        assert!(deleted.pending_bytes > SMALL.len() as u64, "{deleted:?}");
        Ok(())
    }

    /// All must be listed, or it is an error.
    fn list(&self) -> Result<(), Error> {
        let listing = self.store.list()?;
        let ids = |buffers: &[Descriptor]| {
            buffers
                .iter()
                .map(|buffer| (buffer.id, buffer.name.clone()))
                .collect::<Vec<_>>()
        };
        assert_eq!(ids(&listing.buffers), ids(&self.before));
        assert_eq!(
            (listing.pools.len(), listing.damaged.len()),
            (2, 0),
            "{:?}",
            listing.damaged
        );
        Ok(())
    }

    /// What expired must go, or the report says that it could not.
    fn collect(&self, dry_run: bool) -> Result<(), Error> {
        let report = self.store.gc(dry_run)?;
        let brief = self.id("brief");
        let said = |reason: &KeptReason| matches!(reason, KeptReason::Failed { .. } | KeptReason::ClockUnknown { .. });
        let failed = |kept: &Kept| kept.id == brief && said(&kept.reason);
        assert!(
            report.removed.iter().any(|removed| removed.id == brief) || report.kept.iter().any(failed),
            "{report:?}"
        );
        Ok(())
    }
}
