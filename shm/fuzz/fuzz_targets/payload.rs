//! The compressed payload of a scene whose header is right.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    dcc_mcp_shm_fuzz::payload(input);
});
