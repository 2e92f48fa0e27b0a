//! Shared memory, which does not exist here.

use std::convert::Infallible;
use std::io;
use std::sync::atomic::{AtomicU32, AtomicU64};

use super::GuardedFile;
use crate::sys::{Destination, HugePageBudget, Protection, Source};

/// A mapped file, which does not exist here.
#[derive(Debug)]
pub(crate) struct Mapping(Infallible);

impl Mapping {
    pub(crate) fn new(file: &GuardedFile, _len: usize, _protection: Protection) -> io::Result<Self> {
        match file.0 {}
    }

    pub(crate) fn anonymous(_len: usize) -> io::Result<Self> {
        Err(super::refused())
    }

    pub(crate) fn begin_staging(&self, _len: usize) {
        match self.0 {}
    }

    pub(crate) fn end_staging(&self) {
        match self.0 {}
    }

    pub(crate) fn is_hidden_from_children(&self) -> bool {
        match self.0 {}
    }

    pub(crate) fn len(&self) -> usize {
        match self.0 {}
    }

    pub(crate) fn restore(&self, _file: &GuardedFile) -> io::Result<()> {
        match self.0 {}
    }

    pub(crate) fn detach(&self, _file: &GuardedFile) -> io::Result<()> {
        match self.0 {}
    }

    pub(crate) fn discard(&self) -> io::Result<()> {
        match self.0 {}
    }

    pub(crate) fn clear(&self, _file: &GuardedFile, _offset: usize, _len: usize) -> io::Result<()> {
        match self.0 {}
    }

    pub(crate) fn start_ptr(&self) -> *mut u8 {
        match self.0 {}
    }

    pub(crate) fn sealed_bytes(&self, _offset: usize, _len: usize) -> &[u8] {
        match self.0 {}
    }

    pub(crate) fn word(&self, _offset: usize) -> &AtomicU64 {
        match self.0 {}
    }

    pub(crate) fn half_word(&self, _offset: usize) -> &AtomicU32 {
        match self.0 {}
    }

    pub(crate) fn copy_out(&self, _offset: usize, _destination: &mut Destination) {
        match self.0 {}
    }

    pub(crate) fn copy_in(&self, _offset: usize, _source: Source<'_>) {
        match self.0 {}
    }

    pub(crate) fn source(&self, _offset: usize, _len: usize) -> Source<'_> {
        match self.0 {}
    }

    pub(crate) fn reserve(
        &self,
        _file: &GuardedFile,
        _offset: usize,
        _len: usize,
        _budget: &HugePageBudget,
    ) -> io::Result<()> {
        match self.0 {}
    }

    pub(crate) fn write(
        &self,
        _file: &GuardedFile,
        _offset: usize,
        _source: Source<'_>,
        _budget: &HugePageBudget,
    ) -> io::Result<()> {
        match self.0 {}
    }
}

/// Asks for nothing.
pub(crate) fn prefer_huge_pages(_destination: &mut Destination) {}
