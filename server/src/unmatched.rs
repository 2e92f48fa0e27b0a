//! Why a filter matches nothing: which of its values no buffer of the store has, and what is near to them.

use std::collections::BTreeSet;

use dcc_mcp_shm::{BufferFilter, NameFilter, StoreIndex, Summary};
use dcc_mcp_shm_view::text::Quoted;

use crate::likeness::most_like;

/// Most values that are named for each field.
const MAX_TOLD: usize = 5;

/// One sentence for each value that no buffer has; nothing where the store has no buffers, or each has one.
pub(crate) fn reasons(filter: &BufferFilter, index: &StoreIndex) -> Vec<String> {
    let buffers: Vec<_> = index.buffers().map(|(_, summary)| summary).collect();
    if buffers.is_empty() {
        return Vec::new();
    }
    let alone = BufferFilter::default;
    let name = filter.name.as_ref().map(|name| match name {
        NameFilter::Is(name) | NameFilter::Contains(name) | NameFilter::Like(name) => name.as_str(),
    });
    let is_there = |filter: BufferFilter| buffers.iter().any(|buffer| filter.matches(buffer));
    let mut reasons = Vec::new();
    if let Some(kind) = filter.kind
        && !is_there(BufferFilter {
            kind: Some(kind),
            ..alone()
        })
    {
        let kinds: BTreeSet<_> = buffers.iter().map(|buffer| buffer.kind.as_str()).collect();
        let kinds: Vec<_> = kinds.into_iter().collect();
        reasons.push(format!(
            "No buffer is of kind {}; there are {}.",
            kind.as_str(),
            kinds.join(", ")
        ));
    }
    let source_dcc = filter.source_dcc.clone();
    if let Some(wanted) = &filter.source_dcc
        && !is_there(BufferFilter { source_dcc, ..alone() })
    {
        let programs = values(&buffers, |buffer| Some(buffer.source_dcc.as_str()));
        // A version stands behind the name of most.
        let names = programs
            .iter()
            .map(|program| (program.split(' ').next().unwrap_or_default(), *program));
        reasons.push(reason("from", wanted, &most_like(wanted, names, MAX_TOLD), &programs));
    }
    let group = filter.group.clone();
    if let Some(wanted) = &filter.group
        && !is_there(BufferFilter { group, ..alone() })
    {
        let groups = values(&buffers, |buffer| buffer.group.as_deref());
        let near = most_like(wanted, groups.iter().map(|group| (*group, *group)), MAX_TOLD);
        reasons.push(reason("of group", wanted, &near, &groups));
    }
    if let Some(wanted) = name
        && !is_there(BufferFilter {
            name: filter.name.clone(),
            ..alone()
        })
    {
        let names = values(&buffers, |buffer| buffer.name.as_deref());
        let near = most_like(wanted, names.iter().map(|name| (*name, *name)), MAX_TOLD);
        let mut told = reason("named like", wanted, &near, &names);
        if wanted.contains(['*', '?']) {
            told.push_str(" `name` is a part of a name, without wildcards.");
        }
        reasons.push(told);
    }
    reasons
}

/// Each value once, without empty ones.
fn values<'a>(buffers: &[&'a Summary], value: impl Fn(&'a Summary) -> Option<&'a str>) -> Vec<&'a str> {
    let values: BTreeSet<_> = buffers.iter().filter_map(|buffer| value(buffer)).collect();
    values.into_iter().filter(|value| !value.is_empty()).collect()
}

fn reason(how: &str, wanted: &str, near: &[&str], all: &[&str]) -> String {
    let quoted = |values: &[&str]| {
        let values: Vec<_> = values
            .iter()
            .take(MAX_TOLD)
            .map(|value| Quoted(value).to_string())
            .collect();
        values.join(", ")
    };
    let instead = match (near, all) {
        ([], []) => String::new(),
        ([], all) if all.len() > MAX_TOLD => format!("; there are {}, …", quoted(all)),
        ([], all) => format!("; there are {}", quoted(all)),
        (near, _) => format!("; the nearest: {}", quoted(near)),
    };
    format!("No buffer is {how} {}{instead}.", Quoted(wanted))
}
