//! Scenes for tests to look at, and looks at them.

use dcc_mcp_shm::{
    ArraySpec, Attrs, BufferOptions, Reference, SceneDataKind, SharedSceneBuffer, Source, Store, StoreOptions,
};
use dcc_mcp_shm_view::{Contents, PictureRequest, Progress, View, draw, look};
use image::RgbImage;
use serde_json::Value;
use tempfile::TempDir;

/// An array of a scene: its name, element type, shape and bytes.
pub(crate) type Array<'a> = (&'a str, &'a str, &'a [u64], Vec<u8>);

/// A store and its directory.
pub(crate) struct Scenes {
    store: Store,
    _parent: TempDir,
}

struct Patient;

impl Progress for Patient {
    fn is_wanted(&self) -> bool {
        true
    }

    fn report(&self, _: u64, _: u64) {}
}

impl Scenes {
    pub(crate) fn new() -> Self {
        let parent = tempfile::tempdir().expect("a directory");
        let store = Store::open(&StoreOptions::at(parent.path().join("store"))).expect("a store");
        Self { store, _parent: parent }
    }

    pub(crate) fn put(&self, kind: SceneDataKind, attrs: Value, arrays: &[Array<'_>]) -> Reference {
        self.put_compressed(kind, attrs, arrays, false)
    }

    pub(crate) fn put_compressed(
        &self,
        kind: SceneDataKind,
        attrs: Value,
        arrays: &[Array<'_>],
        compress: bool,
    ) -> Reference {
        let attrs: Attrs = serde_json::from_value(attrs).expect("an object");
        let options = BufferOptions::new(kind).attrs(attrs).compress(compress);
        let arrays = arrays.iter().map(|(name, dtype, shape, bytes)| {
            let spec = ArraySpec::new(dtype.parse().expect("a type"), shape.to_vec());
            (*name, spec, Source::from(bytes.as_slice()))
        });
        let scene = SharedSceneBuffer::write_arrays(&self.store, arrays, &options).expect("a scene");
        scene.id().into()
    }

    pub(crate) fn put_bytes(&self, attrs: Value, bytes: &[u8]) -> Reference {
        let attrs: Attrs = serde_json::from_value(attrs).expect("an object");
        let options = BufferOptions::new(SceneDataKind::Screenshot).attrs(attrs);
        let scene = SharedSceneBuffer::write(&self.store, bytes, &options).expect("a scene");
        scene.id().into()
    }

    /// The picture and its text, or what is said instead.
    pub(crate) fn try_view(
        &self,
        scene: &Reference,
        view: View,
        frame: Option<u64>,
    ) -> Result<(RgbImage, String), String> {
        let frames = frame.map(|frame| frame as f64).into_iter().collect();
        let request = PictureRequest {
            max_edge: 200,
            array: None,
            views: vec![view],
            frames,
        };
        self.try_draw(scene, &request)
    }

    /// The picture that is asked for and its text, or what is said instead.
    pub(crate) fn try_draw(&self, scene: &Reference, request: &PictureRequest) -> Result<(RgbImage, String), String> {
        let picture = look(&self.store, scene, |reader| draw(reader, request, &Patient));
        let file = picture
            .and_then(|picture| picture.encode(&Patient))
            .map_err(|error| error.to_string())?;
        let image = image::load_from_memory(&file.bytes).expect("an image").to_rgb8();
        Ok((image, file.text))
    }

    pub(crate) fn view(&self, scene: &Reference) -> (RgbImage, String) {
        self.try_view(scene, View::ThreeQuarter, None).expect("a picture")
    }

    pub(crate) fn describe(&self, scene: &Reference) -> (Value, String) {
        self.try_describe(scene, &[]).expect("contents")
    }

    /// What is said of a scene and of these frames, or why not.
    pub(crate) fn try_describe(&self, scene: &Reference, frames: &[f64]) -> Result<(Value, String), String> {
        let contents = look(&self.store, scene, |reader| {
            Contents::gather(reader, None, frames, &Patient)
        });
        let contents = contents.map_err(|error| error.to_string())?;
        Ok((serde_json::to_value(&contents).expect("JSON"), contents.to_string()))
    }
}

pub(crate) fn singles(values: impl IntoIterator<Item = f32>) -> Vec<u8> {
    values.into_iter().flat_map(f32::to_le_bytes).collect()
}

pub(crate) fn doubles(values: impl IntoIterator<Item = f64>) -> Vec<u8> {
    values.into_iter().flat_map(f64::to_le_bytes).collect()
}

pub(crate) fn integers(values: impl IntoIterator<Item = i32>) -> Vec<u8> {
    values.into_iter().flat_map(i32::to_le_bytes).collect()
}

/// How many pixels differ from the background, which is the same along a row.
pub(crate) fn seen(picture: &RgbImage) -> usize {
    let pixels = picture.enumerate_pixels();
    pixels
        .filter(|(_, y, pixel)| *pixel != picture.get_pixel(0, *y))
        .count()
}
