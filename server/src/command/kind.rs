//! Kinds of data as people write them, in any case.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use dcc_mcp_shm::SceneDataKind;

const POOL: &str = "Pool";

/// What a column of `ls` calls a kind: that of data, or a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ListedKind {
    Data(SceneDataKind),
    Pool,
}

/// Reads a kind of data.
pub(super) fn of_data() -> impl TypedValueParser<Value = SceneDataKind> {
    PossibleValuesParser::new(SceneDataKind::ALL.map(SceneDataKind::as_str))
        .try_map(|name| named(&name).ok_or("there is no such kind"))
}

/// Reads a kind of data, or `Pool`.
pub(super) fn listed() -> impl TypedValueParser<Value = ListedKind> {
    let names = SceneDataKind::ALL.map(SceneDataKind::as_str).into_iter().chain([POOL]);
    PossibleValuesParser::new(names).map(|name| named(&name).map_or(ListedKind::Pool, ListedKind::Data))
}

fn named(name: &str) -> Option<SceneDataKind> {
    SceneDataKind::ALL
        .into_iter()
        .find(|kind| kind.as_str().eq_ignore_ascii_case(name))
}
