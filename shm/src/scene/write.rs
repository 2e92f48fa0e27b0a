//! Sharing data that is in the memory of this process, compressed or not.

use super::SharedSceneBuffer;
use super::new::NewScene;
use super::sealing::seal_draft;
use crate::codec::Encoder;
use crate::collector::Collector;
use crate::directory::Directory;
use crate::error::{Error, Result};
use crate::format::{ArraySpec, BufferOptions, CheckedOptions, Layout, Shuffle, State};
use crate::sys::Source;

impl SharedSceneBuffer {
    /// Shares bytes in this directory: one copy.
    pub(crate) fn write_in(directory: &Directory, data: Source<'_>, options: &BufferOptions) -> Result<Self> {
        Parts {
            layout: Layout::of_bytes(data.len() as u64)?,
            sources: vec![(0, data)],
        }
        .publish(directory, &options.clone().checked().map_err(Error::nothing_published)?)
    }

    /// Shares named arrays in this directory: one copy of each.
    pub(crate) fn write_arrays_in<'a, N: Into<String>>(
        directory: &Directory,
        arrays: impl IntoIterator<Item = (N, ArraySpec, Source<'a>)>,
        options: &BufferOptions,
    ) -> Result<Self> {
        let (specs, sources): (Vec<_>, Vec<_>) = arrays
            .into_iter()
            .map(|(name, spec, source)| ((name, spec), source))
            .unzip();
        let layout = Layout::new(specs)?;
        let mut placed = Vec::new();
        for ((name, array), source) in layout.arrays().iter().zip(sources) {
            if source.len() as u64 != array.size() {
                return Err(Error::invalid(
                    "arrays",
                    format!(
                        "{name:?} has {} bytes; its type and shape make {}",
                        source.len(),
                        array.size()
                    ),
                ));
            }
            placed.push((array.offset, source));
        }
        Parts {
            layout,
            sources: placed,
        }
        .publish(directory, &options.clone().checked().map_err(Error::nothing_published)?)
    }

    /// Makes a scene in this directory that somebody else will fill, with its memory reserved.
    pub(crate) fn create_empty_in(directory: &Directory, layout: &Layout, options: &BufferOptions) -> Result<Self> {
        if options.wants_compression() {
            return Err(Error::invalid(
                "use_compression",
                "a scene that others fill is not compressed",
            ));
        }
        let options = options.clone().checked().map_err(Error::nothing_published)?;
        Collector(directory).make(|| {
            let mut file = NewScene::create(directory, layout, None, &options, State::Empty)?;
            file.draft.reserve(file.payload)?;
            file.publish(&options)
        })
    }
}

/// Data in the memory of this process that becomes a scene.
pub(super) struct Parts<'a> {
    pub(super) layout: Layout,
    /// Where each piece goes in the payload.
    pub(super) sources: Vec<(u64, Source<'a>)>,
}

impl<'a> Parts<'a> {
    pub(super) fn publish(mut self, directory: &Directory, options: &CheckedOptions) -> Result<SharedSceneBuffer> {
        Collector(directory).make(|| self.try_publish(directory, options))
    }

    fn try_publish(&mut self, directory: &Directory, options: &CheckedOptions) -> Result<SharedSceneBuffer> {
        if options.compress
            && let Some(scene) = self.publish_compressed(directory, options)?
        {
            return Ok(scene);
        }
        let mut file = NewScene::create(directory, &self.layout, None, options, State::Sealed)?;
        let at = |(offset, source): &(u64, Source<'a>)| (file.payload + offset, *source);
        file.draft
            .fill(file.payload, &self.sources.iter().map(at).collect::<Vec<_>>())?;
        seal_draft(&mut file.draft)?;
        file.publish(options)
    }

    /// Publishes it compressed, or nothing if that would not make it smaller.
    fn publish_compressed(
        &mut self,
        directory: &Directory,
        options: &CheckedOptions,
    ) -> Result<Option<SharedSceneBuffer>> {
        let sources = &self.sources;
        let size = self.layout.size();
        let fetch = |start: u64, target: &mut [u8]| {
            // A chunk lies in one piece and the padding behind it, which is zeros.
            let behind = sources.partition_point(|(offset, _)| *offset <= start);
            let part = sources[..behind].last().map(|(offset, source)| {
                let part = source.part(usize::try_from(start - offset).unwrap_or(usize::MAX), target.len());
                part.copy_to(target);
                part.len()
            });
            target[part.unwrap_or(0)..].fill(0);
        };
        let Some(mut encoder) = Encoder::new(self.layout.arrays_mut(), size, &fetch)? else {
            return Ok(None);
        };
        let mut file = NewScene::create(directory, &self.layout, Some(encoder.len()), options, State::Sealed)?;
        loop {
            let write = |at: u64, frames: &[u8]| file.draft.writer().write_at(Source::from(frames), file.payload + at);
            let advanced = encoder.advance(&fetch, &write);
            if !advanced.map_err(|error| file.draft.failed("write", error))? {
                break;
            }
            if encoder.len() >= size {
                self.layout
                    .arrays_mut()
                    .values_mut()
                    .for_each(|array| array.shuffled = Shuffle::None);
                return Ok(None);
            }
            let is_plenty = file.draft.grow(file.payload + encoder.len())?;
            if !is_plenty {
                let write = |at: u64, frames: &[u8]| file.draft.write_new(file.payload + at, Source::from(frames));
                let written = encoder.write_out(&write);
                written.map_err(|error| file.draft.failed("write", error))?;
            }
        }
        let index = encoder.index()?;
        file.draft
            .write_new(file.payload, Source::from(&index))
            .map_err(|error| file.draft.failed("write", error))?;
        file.set_stored(encoder.len())?;
        seal_draft(&mut file.draft)?;
        file.publish(options).map(Some)
    }
}
