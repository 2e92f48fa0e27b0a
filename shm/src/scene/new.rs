//! A scene's file while it is made.

use super::SharedSceneBuffer;
use crate::codec::Encoder;
use crate::collector::Collector;
use crate::directory::{Content, Directory, Draft};
use crate::error::Result;
use crate::format::{CheckedOptions, Header, Layout, Metadata, Role, State, Words};
use crate::segment::Segment;
use crate::sys::Source;

/// The file of a scene that is not yet visible.
#[derive(Debug)]
pub(super) struct NewScene {
    pub(super) draft: Draft,
    /// Where the payload starts.
    pub(super) payload: u64,
    header: Box<Header>,
    state: State,
}

impl NewScene {
    /// What the file of a scene begins with, and that as bytes. The payload is as long as the layout, or compressed and so long for
    /// now.
    pub(super) fn header(
        layout: &Layout,
        compressed: Option<u64>,
        options: &CheckedOptions,
        state: State,
    ) -> Result<(Header, Vec<u8>)> {
        let stored = compressed.unwrap_or(layout.size());
        let metadata = Metadata {
            codec: compressed.map(|_| Encoder::codec()),
            arrays: layout.arrays().clone(),
            size: layout.size(),
            ..options.metadata.clone()
        };
        let header = Header::new(Role::Scene, stored, options.ttl, metadata)?;
        let bytes = header.encode(Words::new(state, stored).publishing())?;
        Ok((header, bytes))
    }

    /// A file with room for its payload.
    pub(super) fn create(
        directory: &Directory,
        layout: &Layout,
        compressed: Option<u64>,
        options: &CheckedOptions,
        state: State,
    ) -> Result<Self> {
        Collector(directory).check_name(options)?;
        let (header, bytes) = Self::header(layout, compressed, options, state)?;
        let payload = bytes.len() as u64;
        let content = compressed.map_or(Content::WrittenOnce, |_| Content::Growing);
        let draft = Collector(directory).draft(header.id, content, payload.saturating_add(header.capacity))?;
        draft.write(0, Source::from(&bytes))?;
        Ok(Self {
            draft,
            payload,
            header: Box::new(header),
            state,
        })
    }

    /// Records how long the payload has become.
    pub(super) fn set_stored(&mut self, stored: u64) -> Result<()> {
        self.header.capacity = stored;
        let bytes = self.header.encode(Words::new(self.state, stored).publishing())?;
        self.draft.write(0, Source::from(&bytes))
    }

    /// Makes it visible. On an error that can be tried again.
    pub(super) fn publish(&mut self, options: &CheckedOptions) -> Result<SharedSceneBuffer> {
        // A sealed one has been given its number, and cannot be written to any more.
        if self.state == State::Empty {
            self.draft.take_number()?;
        }
        let (name, replace) = options.name();
        let segment = Segment::publish(&mut self.draft, name, replace)?;
        Ok(SharedSceneBuffer::from_segment(segment))
    }
}
