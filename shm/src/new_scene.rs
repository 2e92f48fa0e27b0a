//! A scene's file while it is made, compressed or not.

use crate::codec::{self, Encoded};
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

impl Parts<'_> {
    pub(crate) fn publish(mut self, store: &Store, options: &BufferOptions) -> Result<SharedSceneBuffer> {
        let encoded = if options.wants_compression() {
            self.encode()?
        } else {
            None
        };
        let mut file = NewScene::create(store, &self.layout, encoded.as_ref(), options, State::Sealed)?;
        match encoded {
            Some(encoded) => {
                let mut at = file.payload;
                for piece in encoded.pieces() {
                    file.draft.write(at, Source::from(piece))?;
                    at += piece.len() as u64;
                }
            }
            None => {
                for (offset, source) in &self.sources {
                    file.draft.write(file.payload + offset, *source)?;
                }
            }
        }
        file.draft.seal()?;
        file.publish(options)
    }

    fn encode(&mut self) -> Result<Option<Encoded>> {
        let sources = &self.sources;
        let size = self.layout.size();
        codec::encode(self.layout.arrays_mut(), size, &|start, target| {
            // A chunk lies in one piece and the padding behind it, which is zeros.
            target.fill(0);
            let piece = sources.iter().rev().find(|(offset, _)| *offset <= start);
            if let Some((offset, source)) = piece {
                let part = source.part(usize::try_from(start - offset).unwrap_or(usize::MAX), target.len());
                part.copy_to(target);
            }
        })
    }
}

/// The file of a scene that is not yet visible.
#[derive(Debug)]
pub(crate) struct NewScene {
    pub(crate) draft: Draft,
    /// Where the payload starts.
    pub(crate) payload: u64,
}

impl NewScene {
    pub(crate) fn create(
        store: &Store,
        layout: &Layout,
        encoded: Option<&Encoded>,
        options: &BufferOptions,
        state: State,
    ) -> Result<Self> {
        options.check_name(store)?;
        let stored = encoded.map_or(layout.size(), Encoded::len);
        let metadata = Metadata {
            codec: encoded.map(|encoded| encoded.codec.clone()),
            arrays: layout.arrays().clone(),
            ..options.metadata(layout.size())?
        };
        let header = Header::new(Role::Scene, stored, options.wanted_ttl(), metadata);
        let bytes = header.encode(Words::new(state, stored))?;
        let payload = bytes.len() as u64;
        let draft = Draft::new(store, header.id, Content::WrittenOnce, payload.saturating_add(stored))?;
        draft.write(0, Source::from(&bytes))?;
        Ok(Self { draft, payload })
    }

    pub(crate) fn publish(self, options: &BufferOptions) -> Result<SharedSceneBuffer> {
        let (name, replace) = options.wants_name();
        Ok(SharedSceneBuffer::from_segment(self.draft.publish(name, replace)?))
    }
}
