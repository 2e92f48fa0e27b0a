//! A descriptor, which names files of a good store or others.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    dcc_mcp_shm_fuzz::descriptor(input);
});
