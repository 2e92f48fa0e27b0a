//! Shares a mesh's positions, and reads them through nothing but the descriptor, as another process would.
//!
//!     cargo run -p dcc-mcp-shm --example share_and_read

#![allow(clippy::print_stdout, reason = "a program for people")]

use dcc_mcp_shm::{
    ArraySpec, BufferOptions, Domain, Layout, SceneDataKind, SceneWriter, SharedSceneBuffer, Store, StoreOptions,
};

fn main() -> dcc_mcp_shm::Result<()> {
    let store = Store::open(&StoreOptions::default())?;
    let layout = Layout::new([(
        "position",
        ArraySpec::new("f4".parse()?, [2, 3]).with_domain(Domain::Point),
    )])?;
    let options = BufferOptions::new(SceneDataKind::Geometry).source_dcc("example");
    let writer = SceneWriter::new(&store, layout, options)?;
    for (i, value) in [0.0_f32, 0.0, 0.0, 1.0, 2.0, 3.0].iter().enumerate() {
        writer.memory().copy_in(i * 4, &value.to_le_bytes())?;
    }
    let descriptor = writer.finish()?.descriptor()?.to_json();
    println!("{descriptor}");

    let scene = SharedSceneBuffer::from_descriptor(&descriptor)?;
    let place = scene.array("position")?;
    let view = scene.view()?;
    let last = &view[usize::try_from(place.offset + place.size()).unwrap_or_default() - 4..][..4];
    println!("{} bytes of {:?}, the last one {last:02x?}", place.size(), place.shape);
    scene.unlink()
}
