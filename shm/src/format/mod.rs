//! What lies in the files of a store and in descriptors: plain values, how they are written, and what makes them valid.

mod buffer_state;
mod descriptor;
mod descriptor_text;
mod dtype;
mod header;
mod holder_record;
mod kind;
mod labels;
mod layout;
mod metadata;
mod offsets;
mod options;
mod publication;
mod shuffle;
mod snapshot;
mod words;

pub use buffer_state::BufferState;
pub use descriptor::{ArrayDescriptor, DESCRIPTOR_VERSION, Descriptor, FileRole};
pub(crate) use descriptor_text::DescribedFile;
pub use dtype::Dtype;
pub(crate) use header::{Header, publication_of};
pub(crate) use holder_record::HolderRecord;
pub use kind::{Domain, SceneDataKind};
pub(crate) use labels::check_name;
pub use labels::{Attrs, MAX_ATTRS_BYTES, MAX_NAME_BYTES};
pub use layout::{ARRAY_ALIGNMENT, ArraySpec, Layout, MAX_DIMENSIONS, PlacedArray};
pub use metadata::MAX_SLOTS;
pub(crate) use metadata::{Codec, CodecName, Metadata, PoolFacts};
pub(crate) use offsets::{
    AT_DATA_LEN, AT_FINISHED, AT_GENERATION, AT_HOLDER, AT_LINE, AT_PUBLISHED, AT_RELEASES, AT_SEQUENCE, AT_STATE,
    AT_WANTED, HEADER_UNIT,
};
pub use options::{BufferOptions, DEFAULT_TTL};
pub(crate) use options::{CheckedOptions, check_ttl};
pub(crate) use publication::{LAST_NUMBER, Publication};
pub use shuffle::Shuffle;
pub(crate) use snapshot::{Snapshot, expires};
pub(crate) use words::{Role, State, Words};
