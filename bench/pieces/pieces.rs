//! What single calls of the crate cost: `make bench-pieces`, or `cargo bench -p dcc-mcp-shm-pieces -- <name>` for one.
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark that cannot go on fails")]

use std::hint::black_box;
use std::mem::MaybeUninit;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dcc_mcp_shm::{
    ArraySpec, BufferOptions, BufferPool, Reference, SharedBuffer, SharedSceneBuffer, Source, Store, StoreOptions,
};
use tempfile::TempDir;

const SMALL: usize = 4096;

/// A store in memory, which goes with the directory.
fn temp_store() -> (TempDir, Store) {
    let parent = TempDir::new_in("/dev/shm").unwrap();
    let store = Store::open(&StoreOptions::at(parent.path().join("store"))).unwrap();
    (parent, store)
}

fn scenes(c: &mut Criterion) {
    let (_parent, store) = temp_store();
    let (data, options) = ([7_u8; SMALL], BufferOptions::default());
    let mut group = c.benchmark_group("scene of 4 KiB");
    group.bench_function("write, delete", |b| {
        b.iter(|| {
            SharedSceneBuffer::write(&store, &data, &options)
                .unwrap()
                .unlink()
                .unwrap();
        });
    });
    let scene = SharedSceneBuffer::write(&store, &data, &options).unwrap();
    let reference = Reference::Id(scene.id());
    group.bench_function("open, view, close", |b| {
        b.iter(|| black_box(SharedSceneBuffer::open(&store, &reference).unwrap().view().unwrap()[0]));
    });
    group.bench_function("write, open, view, delete, close", |b| {
        b.iter(|| {
            let made = SharedSceneBuffer::write(&store, &data, &options).unwrap();
            let opened = SharedSceneBuffer::open(&store, &Reference::Id(made.id())).unwrap();
            black_box(opened.view().unwrap()[0]);
            opened.unlink().unwrap();
        });
    });
    let descriptor = scene.descriptor().unwrap().to_json();
    group.bench_function("descriptor", |b| b.iter(|| scene.descriptor().unwrap()));
    group.bench_function("open by descriptor", |b| {
        b.iter(|| SharedSceneBuffer::from_descriptor(&descriptor).unwrap());
    });
}

fn buffers(c: &mut Criterion) {
    let (_parent, store) = temp_store();
    let data = [7_u8; SMALL];
    let buffer = SharedBuffer::create(&store, SMALL as u64, &BufferOptions::default()).unwrap();
    let mut group = c.benchmark_group("buffer of 4 KiB");
    group.bench_function("write", |b| b.iter(|| buffer.write(&data).unwrap()));
    group.bench_function("read", |b| b.iter(|| buffer.read().unwrap()));
    let pool = BufferPool::create(&store, 4, SMALL as u64, &BufferOptions::default().name("pool")).unwrap();
    group.bench_function("acquire from a pool, write, give back", |b| {
        b.iter(|| pool.acquire().unwrap().write(&data).unwrap());
    });
}

fn compression(c: &mut Criterion) {
    const COUNT: u16 = 1 << 15;
    let (_parent, store) = temp_store();
    let floats = || (0..64_u16).flat_map(|row| (0..COUNT).map(move |i| (f32::from(i) / 900.0 + f32::from(row)).sin()));
    let floats: Vec<u8> = floats().flat_map(f32::to_le_bytes).collect();
    let quads = || (0..1 << 19_i32).flat_map(|i| [i, i + 1, i + 1025, i + 1024]);
    let quads: Vec<u8> = quads().flat_map(i32::to_le_bytes).collect();
    let options = BufferOptions::default().compress(true);
    for (name, dtype, data) in [("floats", "f4", floats), ("quads", "i4", quads)] {
        let mut group = c.benchmark_group(format!("compressed {name} of 8 MiB"));
        group.throughput(Throughput::Bytes(data.len() as u64)).sample_size(20);
        let spec = ArraySpec::new(dtype.parse().unwrap(), [data.len() as u64 / 4]);
        let write = || {
            let array = ("data", spec.clone(), Source::from(&data));
            SharedSceneBuffer::write_arrays(&store, [array], &options).unwrap()
        };
        group.bench_function("write, delete", |b| b.iter(|| write().unlink().unwrap()));
        let scene = write();
        let mut memory = vec![MaybeUninit::new(0); data.len()];
        group.bench_function("read", |b| b.iter(|| scene.read_into(0, &mut memory).unwrap()));
    }
}

fn store_of_many(c: &mut Criterion) {
    let (_parent, store) = temp_store();
    let options = BufferOptions::default();
    let scenes: Vec<_> = (0..1000)
        .map(|_| SharedSceneBuffer::write(&store, &[7; 64], &options).unwrap())
        .collect();
    c.bench_function("list 1,000 scenes", |b| b.iter(|| store.list().unwrap()));
    c.bench_function("sweep 1,000 scenes", |b| b.iter(|| store.gc(false).unwrap()));
    drop(scenes);
}

criterion_group!(pieces, scenes, buffers, compression, store_of_many);
criterion_main!(pieces);
