//! How much of a layer is decoded.

use exr::meta::attribute::{ChannelDescription, ChannelList, SampleType};

use super::*;

fn rows(size: usize, channels: usize) -> BlockRows {
    let channel = |number: usize| ChannelDescription::named(format!("pass{number:03}.V").as_str(), SampleType::F32);
    let list = ChannelList::new((0..channels).map(channel).collect());
    let mut header = Header::new("layer".into(), (size, size), list.list);
    header.compression = exr::compression::Compression::ZIP16;
    header.blocks = BlockDescription::ScanLines;
    BlockRows::of(&header)
}

#[test]
fn of_layers_that_take_too_long_some_rows_of_blocks_are_decoded() {
    assert_eq!(rows(4096, 12), BlockRows { every: 1, between: 0 });
    assert_eq!(rows(4096, 13), BlockRows { every: 2, between: 16 });
    assert_eq!(
        rows(8192, 60),
        BlockRows {
            every: 20,
            between: 19 * 16
        }
    );
}
