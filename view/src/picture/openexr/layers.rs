//! Which channels of an EXR file are shown: those of the finished picture, or else the best there is.

use exr::meta::attribute::SampleType;
use exr::meta::header::Header;

use super::channel_name::{ChannelName, Holds, rank};
use crate::names;

/// How the channels of a layer make a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Makes {
    /// One channel of light, and maybe alpha.
    Grey,
    /// Red, green and blue, and maybe alpha.
    Color,
    /// Luminance and the two differences, and maybe alpha.
    LuminanceAndDifferences,
    /// One to three channels of numbers that are no light.
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
            // The third number of a vector that has two is 0.
            Makes::Ids => 3,
            Makes::Data if self.channels.len() == 2 => 3,
            _ => self.channels.len(),
        }
    }
}

/// The layers of colours in the parts that can be read, the likeliest first.
pub(super) fn colors(parts: &[(usize, &Header)]) -> Vec<Layer> {
    let views = views(parts);
    let mut layers: Vec<(usize, Layer)> = Vec::new();
    for group in groups(parts) {
        if let Some(layer) = group.color() {
            let likely = rank(&group.name, group.find(Holds::Alpha).is_some(), &views);
            layers.push((likely, layer));
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
        if let Some(vector) = group.all([Holds::X, Holds::Luminance, Holds::Z]) {
            found.push(((3, likely), group.layer(Makes::Data, vector)));
            continue;
        }
        let channels = group.channels.iter().map(|&(channel, _)| group.single(channel));
        found.extend(channels.map(|(order, layer)| ((order, likely), layer)));
    }
    found.sort_by_key(|(order, _)| *order);
    found.into_iter().next().map(|(_, layer)| layer)
}

/// A layer, part or channel that can be asked for, and what is shown of it.
pub(super) struct Named {
    pub(super) name: String,
    /// The name without that of the part.
    pub(super) own: String,
    pub(super) layer: Layer,
}

/// All layers and parts that can be asked for, and then all channels. `has_parts` says that the file has several parts.
pub(super) fn named(parts: &[(usize, &Header)], has_parts: bool) -> [Vec<Named>; 2] {
    let groups = groups(parts);
    let of_groups = groups.iter().filter(|group| !group.name.is_empty());
    let mut named: Vec<Named> = of_groups
        .map(|group| Named {
            name: group.name.clone(),
            own: group.layer.clone(),
            layer: group.shown(),
        })
        .collect();
    for &(part, header) in parts {
        let Some(name) = header.own_attributes.layer_name.as_ref().map(ToString::to_string) else {
            continue;
        };
        let of_part: Vec<_> = groups.iter().filter(|group| group.part == part).collect();
        let is_named = named.iter().any(|known| known.name == name);
        let unnamed = of_part.iter().find(|group| group.layer.is_empty());
        if let Some(group) = unnamed.or(of_part.first()).filter(|_| !is_named) {
            named.push(Named {
                own: name.clone(),
                name,
                layer: group.shown(),
            });
        }
    }
    let channels = groups.iter().flat_map(|group| {
        group.channels.iter().map(move |&(channel, _)| Named {
            name: full_name(group.header, channel, has_parts),
            own: group.header.channels.list[channel].name.to_string(),
            layer: group.single(channel).1,
        })
    });
    let channels = channels.collect();
    [named, channels]
}

/// The name of a channel, with that of its part if there are several.
pub(super) fn full_name(header: &Header, channel: usize, has_parts: bool) -> String {
    let part = header.own_attributes.layer_name.as_ref().filter(|_| has_parts);
    let part = part.map_or_else(String::new, |part| format!("{part}."));
    format!("{part}{}", header.channels.list[channel].name)
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

    /// The colours of the layer, if it has any.
    fn color(&self) -> Option<Layer> {
        let color = self
            .all([Holds::Red, Holds::Green, Holds::Blue])
            .map(|found| (Makes::Color, found));
        let differences = || {
            let found = self.all([Holds::Luminance, Holds::RedDifference, Holds::BlueDifference]);
            found.map(|found| (Makes::LuminanceAndDifferences, found))
        };
        let (makes, found) = color.or_else(differences)?;
        Some(self.layer(makes, found.into_iter().chain(self.find(Holds::Alpha))))
    }

    /// What is shown of the layer if it is asked for: its colours or the vector that they stand for, or else its best
    /// channel.
    fn shown(&self) -> Layer {
        let is_of_data = names::is_of_data(&self.name);
        let [red, green, blue] = [Holds::Red, Holds::Green, Holds::Blue].map(|holds| self.find(holds));
        let [x, y, z] = [Holds::X, Holds::Luminance, Holds::Z].map(|holds| self.find(holds));
        match (self.color(), [red, green, blue], [x, y, z]) {
            (Some(color), ..) if !is_of_data => color,
            (_, [Some(x), Some(y), z], _) if is_of_data => self.layer(Makes::Data, [x, y].into_iter().chain(z)),
            (_, _, [Some(x), Some(y), z]) => self.layer(Makes::Data, [x, y].into_iter().chain(z)),
            _ => {
                let singles = self.channels.iter().map(|&(channel, _)| self.single(channel));
                let best = singles.min_by_key(|(order, _)| *order);
                best.map_or_else(|| self.layer(Makes::Data, []), |(_, layer)| layer)
            }
        }
    }

    /// One channel, with alpha if it is light; and which place it takes among the channels of a file.
    fn single(&self, channel: usize) -> (usize, Layer) {
        let holds = self.channels.iter().find(|(found, _)| *found == channel);
        let holds = holds.map_or(Holds::Other, |(_, holds)| *holds);
        let is_integer = self.header.channels.list[channel].sample_type == SampleType::U32;
        let (order, makes) = match holds {
            Holds::Alpha => (6, Makes::Grey),
            _ if is_integer => (5, Makes::Ids),
            Holds::Luminance => (0, Makes::Grey),
            Holds::Red | Holds::Green | Holds::Blue => (1, Makes::Grey),
            Holds::Z => (2, Makes::Data),
            _ => (4, Makes::Data),
        };
        let alpha = self.find(Holds::Alpha);
        let alpha = alpha.filter(|_| makes == Makes::Grey && holds != Holds::Alpha);
        (order, self.layer(makes, [channel].into_iter().chain(alpha)))
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
