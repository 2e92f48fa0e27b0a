//! The parts of an EXR file, and why some of them cannot be read.

use std::io::Read;

use exr::compression::Compression;
use exr::math::Vec2;
use exr::meta::MetaData;
use exr::meta::header::Header;

use crate::text::{self, Quoted};

/// Most parts of which a text says why they cannot be read, and longest such reason of the library, in bytes.
const MAX_SAID: usize = 4;
const MAX_REASON_BYTES: usize = 120;

/// The parts of a file. No part is trusted before [`Parts::readable`] gives it.
pub(super) struct Parts {
    pub(super) meta: MetaData,
    /// For each part, why it cannot be read.
    problems: Vec<Option<String>>,
}

impl Parts {
    /// Reads what stands before the pixels. The file is left where the tables of chunks begin.
    pub(super) fn read(file: impl Read) -> exr::error::Result<Self> {
        let meta = MetaData::read_from_buffered(file, false)?;
        let is_multi = meta.requirements.is_multilayer();
        let problems = meta.headers.iter().map(|header| problem(header, is_multi)).collect();
        Ok(Self { meta, problems })
    }

    /// The parts that can be read, with their places in the file.
    pub(super) fn readable(&self) -> Vec<(usize, &Header)> {
        let all = self.meta.headers.iter().zip(&self.problems).enumerate();
        let readable = all.filter(|(_, (_, problem))| problem.is_none());
        readable.map(|(part, (header, _))| (part, header)).collect()
    }

    /// Why the other parts cannot be read.
    pub(super) fn problems(&self) -> Vec<String> {
        let all = self.meta.headers.iter().zip(&self.problems);
        let said = all.filter_map(|(header, problem)| {
            let name = header.own_attributes.layer_name.as_ref();
            let part = name.map_or_else(String::new, |name| format!(" {}", Quoted(&name.to_string())));
            problem.as_ref().map(|problem| format!("part{part} {problem}"))
        });
        let mut said: Vec<String> = said.collect();
        let more = said.len().saturating_sub(MAX_SAID);
        said.truncate(MAX_SAID);
        if more > 0 {
            said.push(format!("{more} more parts"));
        }
        said
    }
}

/// Why a part cannot be read, if so.
fn problem(header: &Header, is_multi: bool) -> Option<String> {
    if header.deep {
        return Some("is deep: its pixels have any number of samples".to_owned());
    }
    if matches!(header.compression, Compression::HTJ2K256 | Compression::HTJ2K32) {
        return Some("is compressed as HTJ2K, which this version does not decode".to_owned());
    }
    // The library refuses all subsampling, so the rest of the header is checked without it.
    let mut plain = header.clone();
    for channel in &mut plain.channels.list {
        channel.sampling = Vec2(1, 1);
    }
    if let Err(error) = plain.validate(is_multi, &mut false, false) {
        let reason = text::bounded(&error.to_string(), MAX_REASON_BYTES);
        return Some(format!("is damaged: {reason}"));
    }
    sampling_problem(header)
}

/// Why subsampled channels cannot be read, if so.
fn sampling_problem(header: &Header) -> Option<String> {
    let window = header.data_window();
    let mut samplings = header.channels.list.iter().map(|channel| channel.sampling);
    if !is_subsampled(header) {
        return None;
    }
    let divides = |sampling: Vec2<usize>| {
        let [x, y] = [sampling.0, sampling.1].map(|step| i64::try_from(step).unwrap_or(0));
        x > 0
            && y > 0
            && i64::from(window.position.0) % x == 0
            && i64::from(window.position.1) % y == 0
            && window.size.0.is_multiple_of(sampling.0)
            && window.size.1.is_multiple_of(sampling.1)
    };
    if header.blocks.has_tiles() || !samplings.all(divides) {
        return Some("has subsampled channels that do not fit its data window".to_owned());
    }
    let is_decoded = matches!(
        header.compression,
        Compression::Uncompressed | Compression::RLE | Compression::ZIP1 | Compression::ZIP16 | Compression::PIZ
    );
    (!is_decoded).then(|| {
        format!(
            "has subsampled channels with {}, which this version does not decode",
            header.compression
        )
    })
}

/// Whether there are channels with fewer values than pixels.
pub(super) fn is_subsampled(header: &Header) -> bool {
    let mut channels = header.channels.list.iter();
    channels.any(|channel| channel.sampling != Vec2(1, 1))
}
