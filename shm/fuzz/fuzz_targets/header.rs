//! The bytes of a file from its first one on.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    dcc_mcp_shm_fuzz::header(input);
});
