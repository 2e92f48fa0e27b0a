//! Systems without a port: a server cannot be started there, and what can be asked for nothing is known of.

use std::convert::Infallible;
use std::fs::{self, File};
use std::future::pending;
use std::io;
use std::path::{Path, PathBuf};

use dcc_mcp_shm::StoreWatch;
use jiff::Timestamp;

use super::{FileSystem, FileSystemUse, Input, Output, PathFacts, RunningVersion};

fn refused() -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, "dcc-mcp-shm works on Linux only")
}

pub(crate) fn input() -> io::Result<Input> {
    Err(refused())
}

pub(crate) fn output() -> io::Result<Output> {
    Err(refused())
}

pub(crate) fn version_of(_pid: u32) -> Option<RunningVersion> {
    None
}

#[derive(Debug)]
pub(crate) struct StoreReadiness(Infallible);

impl StoreReadiness {
    pub(crate) fn of(_watch: &StoreWatch) -> io::Result<Self> {
        Err(refused())
    }

    pub(crate) async fn wait(&self) -> io::Result<()> {
        match self.0 {}
    }
}

#[derive(Debug)]
pub(crate) struct Terminations(Infallible);

impl Terminations {
    pub(crate) fn new() -> io::Result<Self> {
        Err(refused())
    }

    pub(crate) fn and_quit(self) -> io::Result<Self> {
        match self.0 {}
    }

    pub(crate) async fn next(&mut self) {
        match self.0 {}
    }
}

#[derive(Debug)]
pub(crate) struct OutputReader(Infallible);

impl OutputReader {
    pub(crate) fn of_stdout() -> Option<Self> {
        None
    }

    pub(crate) async fn left(&self) -> bool {
        match self.0 {}
    }
}

#[derive(Debug)]
pub(crate) struct RawTerminal(Infallible);

impl RawTerminal {
    pub(crate) fn enter() -> io::Result<Self> {
        Err(refused())
    }
}

#[derive(Debug)]
pub(crate) struct Keys(Infallible);

impl Keys {
    pub(crate) fn new() -> io::Result<Self> {
        Err(refused())
    }

    pub(crate) async fn pressed(&self) -> io::Result<Vec<u8>> {
        match self.0 {}
    }
}

#[derive(Debug)]
pub(crate) struct Resizes;

impl Resizes {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self)
    }

    pub(crate) async fn next(&mut self) {
        pending().await
    }
}

pub(crate) fn is_output_hung_up() -> bool {
    false
}

pub(crate) fn survive_file_size_limit() -> io::Result<()> {
    Ok(())
}

pub(crate) fn check_descriptors() -> io::Result<()> {
    Ok(())
}

pub(crate) fn give_way(_by: i32) -> io::Result<()> {
    Err(refused())
}

pub(crate) fn user() -> u32 {
    0
}

pub(crate) fn kernel_release() -> String {
    String::new()
}

pub(crate) fn program_of(_pid: u32) -> Option<String> {
    None
}

pub(crate) fn started(_pid: u32) -> Option<Timestamp> {
    None
}

pub(crate) fn window_size() -> Option<(usize, usize)> {
    None
}

pub(crate) fn can_write(_directory: &Path) -> io::Result<()> {
    Err(refused())
}

pub(crate) fn can_make_in(_directory: &Path) -> io::Result<()> {
    Err(refused())
}

pub(crate) fn look_at(_path: &Path) -> io::Result<PathFacts> {
    Err(refused())
}

pub(crate) fn file_system(_path: &Path) -> io::Result<FileSystem> {
    Err(refused())
}

pub(crate) fn used_by_own_file_system(_directory: &Path) -> Option<FileSystemUse> {
    None
}

pub(crate) fn file_identity(path: &Path) -> io::Result<PathBuf> {
    fs::canonicalize(path)
}

pub(crate) fn file_builder(_private: bool) -> tempfile::Builder<'static, 'static> {
    tempfile::Builder::new()
}

pub(crate) fn keep_owner(_new: &File, _existing: &fs::Metadata) -> io::Result<()> {
    Ok(())
}
