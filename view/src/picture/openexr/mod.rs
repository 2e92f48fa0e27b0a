//! Draws OpenEXR files: finds the channels that are the picture, and decodes them piece by piece.

mod channel_name;
mod chunks;
mod drawing;
mod layers;
mod parts;
mod window;

use std::collections::HashSet;
use std::fmt::Write as _;
use std::io::{Read, Seek};

use exr::meta::header::Header;

use self::chunks::{Chunks, failed};
use self::drawing::{BlockRows, Drawing, Seen};
use self::layers::{Layer, Makes};
use self::parts::Parts;
use self::window::Canvas;
use super::color::Transfer;
use super::frame::{Alpha, Frame, MAX_EDGE, PixelFormat, least_step};
use super::output::Picture;
use super::pixel_order::PixelOrder;
use super::primaries::Primaries;
use super::size::size;
use super::source::Source;
use crate::error::{LookError, TooLarge, listed};
use crate::memory;
use crate::names;
use crate::text::Quoted;

/// Largest piece that is decoded at once: 32 lines of an 8K render with 100 channels of half precision.
const MAX_BLOCK_BYTES: usize = 64 << 20;
/// Bytes that a decoder needs beside its blocks.
const MARGIN: usize = 4 << 20;
/// Most channels that a text names beside those that are shown.
const MAX_NAMED: usize = 12;

/// Draws what is wanted: a layer, part or channel. Without that, draws the layer that is the finished picture, or else the
/// best there is.
pub(super) fn draw(
    source: &Source<'_>,
    mut file: impl Read + Seek,
    color_space: Option<&str>,
    wanted: Option<&str>,
    max_edge: usize,
) -> Result<Picture, LookError> {
    let parts = Parts::read(&mut file).map_err(failed)?;
    let tables = file.stream_position().map_err(|error| failed(error.into()))?;
    let readable = parts.readable();
    let colors = layers::colors(&readable);
    let best = || layers::best(&readable);
    let Some(likeliest) = colors.first().cloned().or_else(best) else {
        return Err(LookError::NoReadablePart {
            problems: parts.problems(),
        });
    };
    let layer = match wanted {
        Some(wanted) => find(&parts, &readable, wanted)?,
        None => likeliest,
    };
    let header = &parts.meta.headers[layer.part];
    let canvas = Canvas::of(header);
    let longest = canvas.size[0]
        .max(canvas.size[1])
        .max(header.layer_size.0)
        .max(header.layer_size.1);
    if longest > size(MAX_EDGE) || block_bytes(header) > MAX_BLOCK_BYTES as u128 {
        return Err(LookError::TooLarge {
            format: chunks::FORMAT,
            problem: TooLarge::Image([header.layer_size.0, header.layer_size.1]),
        });
    }
    // The decoder holds a block once as it is stored and twice as it is decoded. It ends the process if it gets no
    // memory, so the memory is looked for first.
    memory::expect(3 * header.max_block_byte_size() + MARGIN)?;
    let rows = BlockRows::of(header);
    let primaries = primaries(header, color_space);
    let format = PixelFormat {
        size: canvas.size,
        channels: layer.values(),
        transfer: layer.transfer(color_space),
        alpha: Alpha::Premultiplied,
        step: least_step(canvas.size),
        offset: 0.0,
        primaries,
    };
    let mut drawing = Drawing {
        frame: Frame::new(format, max_edge)?,
        layer: &layer,
        weights: primaries.and_then(Primaries::luminance).unwrap_or(REC_709_WEIGHTS),
        first: canvas.first,
        rows,
        held: layer.channels.iter().map(|_| Vec::new()).collect(),
        values: Vec::new(),
        seen: (!canvas.is_filled && format.channels.is_multiple_of(2)).then(Seen::default),
    };
    let mut chunks = Chunks {
        source,
        file,
        meta: &parts.meta,
        part: layer.part,
        tables,
    };
    chunks.each(
        |tile| tile.tile_index.1.is_multiple_of(rows.every),
        |header, block| drawing.add(header, block),
    )?;
    let windows = canvas.in_words(drawing.seen.as_ref().is_some_and(Seen::is_all_hidden));
    let (image, words) = drawing.frame.develop()?;
    let text = describe(&parts, &layer, colors.len(), wanted.is_some(), &format, &windows, rows);
    Ok(Picture {
        image,
        text: format!("{text} {words}"),
    })
}

/// The layer, part or channel that is meant.
fn find(parts: &Parts, readable: &[(usize, &Header)], wanted: &str) -> Result<Layer, LookError> {
    let [layers, channels] = layers::named(readable, parts.meta.headers.len() > 1);
    let count = layers.len();
    let named: Vec<_> = layers.into_iter().chain(channels).collect();
    let mut there: Vec<String> = named.iter().map(|named| named.name.clone()).collect();
    let own = |place: &usize| named[*place].own.eq_ignore_ascii_case(wanted);
    let mut meant: Vec<usize> = (0..named.len()).filter(own).collect();
    if meant.len() != 1 {
        meant = names::meant(wanted, &there);
    }
    if meant.first().is_some_and(|&place| place < count) {
        // A layer means all of its channels.
        meant.retain(|&place| place < count);
    }
    let first = meant.first().map(|&place| &named[place].layer);
    if let Some(layer) = first
        && meant.iter().all(|&place| named[place].layer == *layer)
    {
        return Ok(layer.clone());
    }
    let meant = meant.iter().map(|&place| there[place].clone()).collect();
    let mut seen = HashSet::new();
    there.retain(|name| seen.insert(name.clone()));
    Err(LookError::NoSuchLayer {
        wanted: wanted.to_owned(),
        meant,
        there,
        problems: parts.problems(),
    })
}

/// Bytes of the largest block, which a damaged header may say is larger than memory.
fn block_bytes(header: &Header) -> u128 {
    let block = header.max_block_pixel_size();
    block.0 as u128 * block.1 as u128 * header.channels.bytes_per_pixel as u128
}

/// How much the colours of Rec. 709 add to luminance.
const REC_709_WEIGHTS: [f32; 3] = [0.2126, 0.7152, 0.0722];

/// The primaries that the file states, or else the attribute `colorSpace`.
fn primaries(header: &Header, color_space: Option<&str>) -> Option<Primaries> {
    let stated = header.shared_attributes.chromaticities.map(|stated| {
        let place = |place: exr::math::Vec2<f32>| [place.0, place.1].map(f64::from);
        Primaries {
            red: place(stated.red),
            green: place(stated.green),
            blue: place(stated.blue),
            white: place(stated.white),
        }
    });
    stated.or_else(|| color_space.and_then(Primaries::named))
}

/// What the text says before the values.
fn describe(
    parts: &Parts,
    layer: &Layer,
    layers: usize,
    is_wanted: bool,
    format: &PixelFormat,
    windows: &str,
    rows: BlockRows,
) -> String {
    let header = &parts.meta.headers[layer.part];
    let (width, height) = (header.layer_size.0, header.layer_size.1);
    let pixels = match layer.makes {
        Makes::Ids => "whole numbers",
        Makes::Data if layer.channels.len() > 1 => "numbers as red, green and blue",
        _ => format.pixels(),
    };
    let order = PixelOrder::of_file(true).in_words(format.channels as u64);
    let mut text = format!("EXR of {width} × {height} pixels, {pixels}");
    // Writing to a String cannot fail.
    if is_wanted {
        let _ = write!(text, ", {}", Quoted(&layer.name));
    } else if layers > 1 {
        let _ = write!(text, ", layer {} of {layers}", Quoted(&layer.name));
    }
    let (shown, others) = channel_names(parts, layer);
    let _ = write!(text, ", {order}. Shown: {}", listed(&shown, shown.len()));
    match others.len() {
        0 => text.push_str(", which is all there is."),
        _ => {
            let _ = write!(text, "; not shown: {}.", listed(&others, MAX_NAMED));
        }
    }
    if layer.makes == Makes::LuminanceAndDifferences {
        text.push_str(" Red, green and blue were computed from luminance and its differences.");
    }
    for problem in parts.problems() {
        let _ = write!(text, " Not read: {problem}.");
    }
    text.push_str(windows);
    let aspect = header.shared_attributes.pixel_aspect;
    if (aspect - 1.0).abs() > 1e-3 {
        let _ = write!(
            text,
            " Its pixels are {aspect} times as wide as high, and shown as squares."
        );
    }
    if rows.every > 1 {
        let _ = write!(
            text,
            " Only 1 in {} of its rows of blocks was decoded, as all of them would take too long; the lines between repeat the \
             last one above.",
            rows.every
        );
    }
    text
}

/// The channels that are shown, and all others, with the names of their parts.
fn channel_names(parts: &Parts, layer: &Layer) -> (Vec<String>, Vec<String>) {
    let name = |header: &Header, channel| layers::full_name(header, channel, parts.meta.headers.len() > 1);
    let shown = layer
        .channels
        .iter()
        .map(|&channel| name(&parts.meta.headers[layer.part], channel));
    let all = parts
        .meta
        .headers
        .iter()
        .enumerate()
        .flat_map(|(part, header)| (0..header.channels.list.len()).map(move |channel| (part, header, channel)));
    let is_shown = |part, channel| part == layer.part && layer.channels.contains(&channel);
    let others = all.filter(|&(part, _, channel)| !is_shown(part, channel));
    (
        shown.collect(),
        others.map(|(_, header, channel)| name(header, channel)).collect(),
    )
}

impl Layer {
    fn transfer(&self, color_space: Option<&str>) -> Transfer {
        match self.makes {
            Makes::Ids => Transfer::Ids,
            Makes::Data => Transfer::Data,
            Makes::Grey | Makes::Color | Makes::LuminanceAndDifferences => Transfer::of(color_space, true),
        }
    }
}
