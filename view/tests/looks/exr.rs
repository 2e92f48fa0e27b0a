//! A writer of small OpenEXR files, for what the library does not write: parts of any kind, windows, subsampled channels.

/// A channel: its name, how many pixels one value stands for along both axes, and its values.
pub(crate) struct Channel {
    pub(crate) name: &'static str,
    pub(crate) sampling: usize,
    pub(crate) values: Values,
}

#[derive(Clone)]
pub(crate) enum Values {
    /// Single precision.
    Reals(Vec<f32>),
    Integers(Vec<u32>),
}

/// A part of a file.
pub(crate) struct Part {
    pub(crate) name: &'static str,
    pub(crate) kind: &'static str,
    /// The code of its compression. 0, none, and 1, runs, are written; others are for what cannot be read anyway.
    pub(crate) compression: u8,
    /// Column, row, width and height.
    pub(crate) data: [i32; 4],
    pub(crate) display: [i32; 4],
    pub(crate) channels: Vec<Channel>,
    pub(crate) chromaticities: Option<[f32; 8]>,
    pub(crate) more: Vec<(&'static str, &'static str, Vec<u8>)>,
}

impl Part {
    /// A part of this size with the channels of one value each.
    pub(crate) fn plain(width: i32, height: i32, channels: &[(&'static str, f32)]) -> Self {
        let count = usize::try_from(width * height).expect("a size");
        let channels = channels.iter().map(|&(name, value)| Channel {
            name,
            sampling: 1,
            values: Values::Reals(vec![value; count]),
        });
        Self {
            name: "",
            kind: "scanlineimage",
            compression: 0,
            data: [0, 0, width, height],
            display: [0, 0, width, height],
            channels: channels.collect(),
            chromaticities: None,
            more: Vec::new(),
        }
    }

    fn header(&self, is_multi: bool) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut attribute = |name: &str, kind: &str, value: &[u8]| {
            for text in [name, kind] {
                bytes.extend(text.bytes());
                bytes.push(0);
            }
            bytes.extend(i32::try_from(value.len()).expect("short").to_le_bytes());
            bytes.extend(value);
        };
        let mut channels = Vec::new();
        for channel in &self.channels {
            channels.extend(channel.name.bytes());
            channels.push(0);
            let kind: i32 = if matches!(channel.values, Values::Integers(_)) {
                0
            } else {
                2
            };
            channels.extend(kind.to_le_bytes());
            channels.extend([0; 4]);
            let sampling = i32::try_from(channel.sampling).expect("small");
            channels.extend(sampling.to_le_bytes().repeat(2));
        }
        channels.push(0);
        attribute("channels", "chlist", &channels);
        attribute("compression", "compression", &[self.compression]);
        let window =
            |[x, y, width, height]: [i32; 4]| [x, y, x + width - 1, y + height - 1].map(i32::to_le_bytes).concat();
        attribute("dataWindow", "box2i", &window(self.data));
        attribute("displayWindow", "box2i", &window(self.display));
        attribute("lineOrder", "lineOrder", &[0]);
        attribute("pixelAspectRatio", "float", &1_f32.to_le_bytes());
        attribute("screenWindowCenter", "v2f", &[0; 8]);
        attribute("screenWindowWidth", "float", &1_f32.to_le_bytes());
        if is_multi {
            attribute("name", "string", self.name.as_bytes());
            attribute("type", "string", self.kind.as_bytes());
            attribute("chunkCount", "int", &self.data[3].to_le_bytes());
        }
        if let Some(places) = self.chromaticities {
            attribute(
                "chromaticities",
                "chromaticities",
                &places.map(f32::to_le_bytes).concat(),
            );
        }
        for (name, kind, value) in &self.more {
            attribute(name, kind, value);
        }
        bytes.push(0);
        bytes
    }

    /// The bytes of one line.
    fn line(&self, y: usize) -> Vec<u8> {
        let width = usize::try_from(self.data[2]).expect("a size");
        let with_values = self
            .channels
            .iter()
            .filter(|channel| y.is_multiple_of(channel.sampling));
        let line = with_values.flat_map(|channel| {
            let (row, width) = (y / channel.sampling, width / channel.sampling);
            match &channel.values {
                Values::Reals(values) => values[row * width..][..width]
                    .iter()
                    .flat_map(|value| value.to_le_bytes())
                    .collect(),
                Values::Integers(values) => values[row * width..][..width]
                    .iter()
                    .flat_map(|value| value.to_le_bytes())
                    .collect::<Vec<u8>>(),
            }
        });
        line.collect()
    }
}

/// What stands before the tables of chunks.
pub(crate) fn headers(parts: &[Part]) -> Vec<u8> {
    let is_multi = parts.len() > 1;
    let is_deep = parts.iter().any(|part| part.kind.starts_with("deep"));
    let flags = u32::from(is_multi) << 12 | u32::from(is_deep) << 11;
    let mut bytes = [0x76, 0x2f, 0x31, 0x01].to_vec();
    bytes.extend((2 | flags).to_le_bytes());
    for part in parts {
        bytes.extend(part.header(is_multi));
    }
    if is_multi {
        bytes.push(0);
    }
    bytes
}

/// The bytes of a file of these parts, whose channels must be sorted by name.
pub(crate) fn file(parts: &[Part]) -> Vec<u8> {
    let (bytes, is_multi) = (headers(parts), parts.len() > 1);
    let lines = |part: &Part| 0..usize::try_from(part.data[3]).expect("a size");
    let mut tables = Vec::new();
    let table_bytes: usize = parts.iter().map(|part| lines(part).len() * 8).sum();
    let mut chunks = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        for y in lines(part) {
            tables.extend((bytes.len() + table_bytes + chunks.len()).to_le_bytes());
            if is_multi {
                chunks.extend(u32::try_from(index).expect("few").to_le_bytes());
            }
            chunks.extend((part.data[1] + i32::try_from(y).expect("few")).to_le_bytes());
            let line = match part.compression {
                1 => shorter(part.line(y)),
                _ => part.line(y),
            };
            chunks.extend(u32::try_from(line.len()).expect("short").to_le_bytes());
            chunks.extend(line);
        }
    }
    [bytes, tables, chunks].concat()
}

/// A line as runs of bytes, if that is shorter; else as it is.
fn shorter(line: Vec<u8>) -> Vec<u8> {
    // First bytes with even places and then the others, each as it differs from the one before.
    let halves: Vec<u8> = [0, 1]
        .iter()
        .flat_map(|&first| line.iter().skip(first).step_by(2))
        .copied()
        .collect();
    let before = std::iter::once(None).chain(halves.iter().map(Some));
    let differences = halves.iter().zip(before).map(|(&byte, before)| match before {
        None => byte,
        Some(&before) => byte.wrapping_sub(before).wrapping_add(128),
    });
    let differences: Vec<u8> = differences.collect();
    let mut runs = Vec::new();
    for run in differences.chunk_by(|a, b| a == b).flat_map(|run| run.chunks(128)) {
        match run.len() {
            // One byte that is no run.
            1 => runs.extend([0xff, run[0]]),
            len => runs.extend([u8::try_from(len - 1).expect("at most 127"), run[0]]),
        }
    }
    if runs.len() < line.len() { runs } else { line }
}
