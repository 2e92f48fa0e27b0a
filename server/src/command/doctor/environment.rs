//! Variables that every program reads when it opens a store.

use std::env;

use dcc_mcp_shm::{QUOTA_VARIABLE, RESERVE_VARIABLE};

use super::finding::Finding;

/// One that is no number keeps programs from opening any store. It is asked for in bytes, without a unit.
pub(super) fn check() -> Option<Finding> {
    [QUOTA_VARIABLE, RESERVE_VARIABLE].into_iter().find_map(check_bytes)
}

fn check_bytes(variable: &str) -> Option<Finding> {
    let value = env::var_os(variable)?;
    let text = value.to_string_lossy();
    let number = text.trim();
    (!number.is_empty() && number.parse::<u64>().is_err()).then(|| {
        Finding::error(
            "environment",
            format!("{variable} is {text:?}, which is no number of bytes: programs with it open no store"),
            format!("set it to bytes alone, such as {variable}=8000000000, or not at all"),
        )
    })
}
