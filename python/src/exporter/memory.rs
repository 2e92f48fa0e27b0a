//! The kinds of memory that an exported buffer can lie in.

use std::sync::Arc;

use dcc_mcp_shm::{BufferView, SceneView, WritableMemory};

/// Memory that stays where it is for as long as this value exists.
#[derive(Clone)]
pub(crate) enum Memory {
    /// Shared memory that is being filled.
    Writable(Arc<WritableMemory>),
    /// A sealed scene.
    Scene(Arc<SceneView>),
    /// The data of a buffer, which nobody can write to meanwhile.
    Buffer(Arc<BufferView>),
    /// A copy that belongs to this process.
    Owned(Arc<Vec<u8>>),
}

impl Memory {
    pub(super) fn start(&self) -> *mut u8 {
        match self {
            Self::Writable(memory) => memory.as_ptr(),
            Self::Scene(view) => view.as_ptr().cast_mut(),
            Self::Buffer(view) => view.as_ptr().cast_mut(),
            Self::Owned(bytes) => bytes.as_ptr().cast_mut(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Writable(memory) => memory.len(),
            Self::Scene(view) => view.len(),
            Self::Buffer(view) => view.len(),
            Self::Owned(bytes) => bytes.len(),
        }
    }

    /// Whether what is written to this memory, against the rules, stays in this process and harms nothing.
    pub(super) fn is_private(&self) -> bool {
        match self {
            // Mapped copy-on-write.
            Self::Scene(_) | Self::Owned(_) => true,
            // Once its block is left, it is mapped so, too, or is memory of this process from which the file was written.
            Self::Writable(memory) => !memory.is_open(),
            Self::Buffer(_) => false,
        }
    }

    /// Whether writing to this memory reaches other processes.
    pub(super) fn is_writable(&self) -> bool {
        matches!(self, Self::Writable(memory) if memory.is_open())
    }
}
