//! A scene's file while it is made, compressed or not.

use std::os::fd::AsFd;

use crate::codec::{Encoder, Shuffle};
use crate::error::Result;
use crate::header::{Header, Role, State, Words};
use crate::layout::Layout;
use crate::metadata::Metadata;
use crate::options::BufferOptions;
use crate::scene::SharedSceneBuffer;
use crate::store::{Content, Draft, Store};
use crate::sys::Source;

/// Data in the memory of this process that becomes a scene.
pub(crate) struct Parts<'a> {
    pub(crate) layout: Layout,
    /// Where each piece goes in the payload.
    pub(crate) sources: Vec<(u64, Source<'a>)>,
}

impl<'a> Parts<'a> {
    pub(crate) fn publish(mut self, store: &Store, options: &BufferOptions) -> Result<SharedSceneBuffer> {
        store.make(|| self.try_publish(store, options))
    }

    fn try_publish(&mut self, store: &Store, options: &BufferOptions) -> Result<SharedSceneBuffer> {
        if options.wants_compression()
            && let Some(scene) = self.publish_compressed(store, options)?
        {
            return Ok(scene);
        }
        let mut file = NewScene::create(store, &self.layout, None, options, State::Sealed)?;
        let at = |(offset, source): &(u64, Source<'a>)| (file.payload + offset, *source);
        file.draft.fill(&self.sources.iter().map(at).collect::<Vec<_>>())?;
        file.draft.seal()?;
        file.publish(options)
    }

    /// Publishes it compressed, or nothing if that would not make it smaller.
    fn publish_compressed(&mut self, store: &Store, options: &BufferOptions) -> Result<Option<SharedSceneBuffer>> {
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
        let mut file = NewScene::create(store, &self.layout, Some(encoder.len()), options, State::Sealed)?;
        loop {
            let write =
                |at: u64, frames: &[u8]| Source::from(frames).write_at(file.draft.writer().as_fd(), file.payload + at);
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
            file.draft.grow(file.payload + encoder.len())?;
        }
        file.draft.write(file.payload, Source::from(&encoder.index()?))?;
        file.set_stored(encoder.len())?;
        file.draft.seal()?;
        file.publish(options).map(Some)
    }
}

/// The file of a scene that is not yet visible.
#[derive(Debug)]
pub(crate) struct NewScene {
    pub(crate) draft: Draft,
    /// Where the payload starts.
    pub(crate) payload: u64,
    header: Box<Header>,
    state: State,
}

impl NewScene {
    /// A file whose payload is as long as the layout, or compressed and so long for now.
    pub(crate) fn create(
        store: &Store,
        layout: &Layout,
        compressed: Option<u64>,
        options: &BufferOptions,
        state: State,
    ) -> Result<Self> {
        options.check_name(store)?;
        let stored = compressed.unwrap_or(layout.size());
        let metadata = Metadata {
            codec: compressed.map(|_| Encoder::codec()),
            arrays: layout.arrays().clone(),
            ..options.metadata(layout.size())?
        };
        let header = Header::new(Role::Scene, stored, options.wanted_ttl(), metadata)?;
        let bytes = header.encode(Words::new(state, stored))?;
        let payload = bytes.len() as u64;
        let draft = Draft::new(store, header.id, Content::WrittenOnce, payload.saturating_add(stored))?;
        draft.write(0, Source::from(&bytes))?;
        Ok(Self {
            draft,
            payload,
            header: Box::new(header),
            state,
        })
    }

    /// Records how long the payload has become.
    fn set_stored(&mut self, stored: u64) -> Result<()> {
        self.header.capacity = stored;
        let bytes = self.header.encode(Words::new(self.state, stored))?;
        self.draft.write(0, Source::from(&bytes))
    }

    /// Makes it visible. On an error that can be tried again.
    pub(crate) fn publish(&mut self, options: &BufferOptions) -> Result<SharedSceneBuffer> {
        let (name, replace) = options.wants_name();
        Ok(SharedSceneBuffer::from_segment(self.draft.publish(name, replace)?))
    }
}
