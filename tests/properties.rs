//! How property tests draw their cases: the same ones for everybody, and others in `make soak`.
//!
//! What those find is kept as a case for everybody: proptest writes the seed of a failure beside the test's source, into a
//! file that ends in `.regressions` and belongs into the repository. What was wrong also becomes a test by itself.

use proptest::test_runner::{Config, FileFailurePersistence, RngSeed};

/// Any number serves.
const SEED: u64 = 1;
/// How many times as many cases `make soak` draws. It sets `PROPTEST_RNG_SEED` too.
const TIMES: &str = "DCC_MCP_SHM_TEST_PROPERTIES";

/// The configuration of a property test that draws so many cases. All must have it.
pub(crate) fn config(cases: u32) -> Config {
    let default = Config::default();
    let times = std::env::var(TIMES).map_or(1, |times| times.parse().expect("a number"));
    Config {
        cases: cases.saturating_mul(times),
        rng_seed: match default.rng_seed {
            RngSeed::Random => RngSeed::Fixed(SEED),
            of_the_environment @ RngSeed::Fixed(_) => of_the_environment,
        },
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..default
    }
}
