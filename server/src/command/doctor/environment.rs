//! Variables that every program reads when it opens a store.

use std::env;
use std::path::absolute;

use dcc_mcp_shm::{DIR_VARIABLE, QUOTA_VARIABLE, RESERVE_VARIABLE, parse_size, relative_directory_variable};

use super::finding::Finding;
use super::quoted::quoted;

const SUBJECT: &str = "environment";

pub(super) fn check() -> Vec<Finding> {
    bytes().into_iter().chain(directory()).collect()
}

/// Nothing fails with a relative directory, but programs do not find each other.
fn directory() -> Option<Finding> {
    let problem = relative_directory_variable()?;
    let here = absolute(env::var_os(DIR_VARIABLE)?).ok()?;
    let remedy = format!("where programs are started: {DIR_VARIABLE}={}", quoted(&here));
    Some(Finding::warning(SUBJECT, problem, remedy))
}

/// A size that is none keeps programs from opening any store.
fn bytes() -> Option<Finding> {
    [QUOTA_VARIABLE, RESERVE_VARIABLE].into_iter().find_map(check_bytes)
}

fn check_bytes(variable: &str) -> Option<Finding> {
    let value = env::var_os(variable)?;
    let text = value.to_string_lossy();
    let error = parse_size(&text).err().filter(|_| !text.trim().is_empty())?;
    Some(Finding::error(
        SUBJECT,
        format!("{variable}: {error}: programs with it open no store"),
        format!("set it to a size, such as {variable}=8G, or not at all"),
    ))
}
