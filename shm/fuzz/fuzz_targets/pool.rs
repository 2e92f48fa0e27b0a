//! A pool's control file or one of its slots, beside good ones.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    dcc_mcp_shm_fuzz::pool(input);
});
