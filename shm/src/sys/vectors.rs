//! Work compiled for vector instructions that not every processor has.
#![allow(unsafe_code)]

/// Does `work` with AVX2 if the processor has it. Only what is always inlined into `work`, and `work` itself, is compiled
/// for it; a closure is not.
#[cfg(target_arch = "x86_64")]
#[inline]
pub(crate) fn vectorized<A>(work: impl FnOnce(A), arguments: A) {
    #[target_feature(enable = "avx2")]
    fn with_avx2<A>(work: impl FnOnce(A), arguments: A) {
        work(arguments);
    }
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has just been found to have what the function is compiled for.
        unsafe { with_avx2(work, arguments) }
    } else {
        work(arguments);
    }
}

/// Does `work`: other processors always have the instructions that are used.
#[cfg(not(target_arch = "x86_64"))]
#[inline]
pub(crate) fn vectorized<A>(work: impl FnOnce(A), arguments: A) {
    work(arguments);
}
