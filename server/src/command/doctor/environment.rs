//! Variables that every program reads when it opens a store.

use std::env;
use std::path::absolute;

use dcc_mcp_shm::{DIR_VARIABLE, QUOTA_VARIABLE, relative_directory_variable};

use super::finding::Finding;
use super::quoted::quoted;

const SUBJECT: &str = "environment";

pub(super) fn check() -> Vec<Finding> {
    quota().into_iter().chain(directory()).collect()
}

/// Nothing fails with a relative directory, but programs do not find each other.
fn directory() -> Option<Finding> {
    let problem = relative_directory_variable()?;
    let here = absolute(env::var_os(DIR_VARIABLE)?).ok()?;
    let remedy = format!("where programs are started: {DIR_VARIABLE}={}", quoted(&here));
    Some(Finding::warning(SUBJECT, problem, remedy))
}

/// A quota that is no number keeps programs from opening any store. It is asked for in bytes, without a unit.
fn quota() -> Option<Finding> {
    let value = env::var_os(QUOTA_VARIABLE)?;
    let text = value.to_string_lossy();
    let number = text.trim();
    (!number.is_empty() && number.parse::<u64>().is_err()).then(|| {
        Finding::error(
            SUBJECT,
            format!("{QUOTA_VARIABLE} is {text:?}, which is no number of bytes: programs with it open no store"),
            format!("set it to bytes alone, such as {QUOTA_VARIABLE}=8000000000, or not at all"),
        )
    })
}
