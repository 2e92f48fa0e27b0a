//! Which channels of an EXR file are shown: those of the finished picture, or else the best there is.

use exr::meta::attribute::SampleType;
use exr::meta::header::Header;

use super::names::{ChannelName, Holds, rank};

/// How the channels of a layer make a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Makes {
    /// One channel of light, and maybe alpha.
    Grey,
    /// Red, green and blue, and maybe alpha.
    Color,
    /// Luminance and the two differences, and maybe alpha.
    LuminanceAndDifferences,
    /// One or three channels of numbers that are no light.
    Data,
    /// Numbers that tell things apart.
    Ids,
}

/// Channels that make a picture, by their places in the part's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layer {
    pub(super) part: usize,
    /// The part's name and the layer's, as far as there are any.
    pub(super) name: String,
    pub(super) makes: Makes,
    pub(super) channels: Vec<usize>,
}

impl Layer {
    /// How many values each pixel has.
    pub(super) fn values(&self) -> usize {
        match self.makes {
            Makes::Ids => 3,
            _ => self.channels.len(),
        }
    }
}

/// The layers of colours in the parts that can be read, the likeliest first.
pub(super) fn colors(parts: &[(usize, &Header)]) -> Vec<Layer> {
    let views = views(parts);
    let mut layers: Vec<(usize, Layer)> = Vec::new();
    for group in groups(parts) {
        let color = group
            .all([Holds::Red, Holds::Green, Holds::Blue])
            .map(|found| (Makes::Color, found));
        let differences = || {
            let found = group.all([Holds::Luminance, Holds::RedDifference, Holds::BlueDifference]);
            found.map(|found| (Makes::LuminanceAndDifferences, found))
        };
        if let Some((makes, found)) = color.or_else(differences) {
            let alpha = group.find(Holds::Alpha);
            let likely = rank(&group.name, alpha.is_some(), &views);
            layers.push((likely, group.layer(makes, found.into_iter().chain(alpha))));
        }
    }
    // Layers that are equally likely stay in the order of the file.
    layers.sort_by_key(|(likely, _)| *likely);
    layers.into_iter().map(|(_, layer)| layer).collect()
}

/// The best of files without colours: luminance, another channel of light, depth, a vector, any other numbers, ids, alpha.
pub(super) fn best(parts: &[(usize, &Header)]) -> Option<Layer> {
    let views = views(parts);
    let mut found: Vec<((usize, usize), Layer)> = Vec::new();
    for group in groups(parts) {
        let likely = rank(&group.name, false, &views);
        let alpha = group.find(Holds::Alpha);
        if let Some(vector) = group.all([Holds::X, Holds::Luminance, Holds::Z]) {
            found.push(((3, likely), group.layer(Makes::Data, vector)));
            continue;
        }
        for &(channel, ref holds) in &group.channels {
            let is_integer = group.header.channels.list[channel].sample_type == SampleType::U32;
            let (order, makes) = match holds {
                Holds::Alpha => (6, Makes::Grey),
                _ if is_integer => (5, Makes::Ids),
                Holds::Luminance => (0, Makes::Grey),
                Holds::Red | Holds::Green | Holds::Blue => (1, Makes::Grey),
                Holds::Z => (2, Makes::Data),
                _ => (4, Makes::Data),
            };
            let alpha = alpha.filter(|_| makes == Makes::Grey && *holds != Holds::Alpha);
            found.push(((order, likely), group.layer(makes, [channel].into_iter().chain(alpha))));
        }
    }
    found.sort_by_key(|(order, _)| *order);
    found.into_iter().next().map(|(_, layer)| layer)
}

/// The channels of one layer of one part.
struct Group<'a> {
    part: usize,
    header: &'a Header,
    /// The part's name and the layer's.
    name: String,
    layer: String,
    channels: Vec<(usize, Holds)>,
}

impl Group<'_> {
    fn find(&self, holds: Holds) -> Option<usize> {
        let found = self.channels.iter().find(|(_, found)| *found == holds);
        found.map(|(channel, _)| *channel)
    }

    fn all(&self, holds: [Holds; 3]) -> Option<[usize; 3]> {
        let [a, b, c] = holds.map(|holds| self.find(holds));
        Some([a?, b?, c?])
    }

    fn layer(&self, makes: Makes, channels: impl IntoIterator<Item = usize>) -> Layer {
        Layer {
            part: self.part,
            name: self.name.clone(),
            makes,
            channels: channels.into_iter().collect(),
        }
    }
}

fn groups<'a>(parts: &[(usize, &'a Header)]) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    for &(part, header) in parts {
        let first = groups.len();
        let part_name = header.own_attributes.layer_name.as_ref().map(ToString::to_string);
        for (index, channel) in header.channels.list.iter().enumerate() {
            let ChannelName { layer, holds } = ChannelName::of(&channel.name.to_string());
            let place = groups[first..]
                .iter()
                .position(|group| group.layer.eq_ignore_ascii_case(&layer));
            let place = place.map_or(groups.len(), |place| first + place);
            if place == groups.len() {
                let name = [part_name.as_deref().unwrap_or_default(), &layer].join(".");
                groups.push(Group {
                    part,
                    header,
                    name: name.trim_matches('.').to_owned(),
                    layer,
                    channels: Vec::new(),
                });
            }
            groups[place].channels.push((index, holds));
        }
    }
    groups
}

/// The names of the views of a file, the one that is shown first.
fn views(parts: &[(usize, &Header)]) -> Vec<String> {
    let attributes = || parts.iter().map(|(_, header)| &header.own_attributes);
    let listed = attributes().find_map(|attributes| attributes.multi_view_names.as_ref());
    let views: Vec<String> = listed.into_iter().flatten().map(ToString::to_string).collect();
    if views.is_empty() {
        let of_parts = attributes().filter_map(|attributes| attributes.view_name.as_ref());
        return of_parts.map(ToString::to_string).collect();
    }
    views
}
