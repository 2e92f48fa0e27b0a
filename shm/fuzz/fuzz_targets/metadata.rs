//! The JSON in the header of a file that is right otherwise.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    dcc_mcp_shm_fuzz::metadata(input);
});
