//! What huge pages may cost.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How much time huge pages may cost in all: what those before have saved, and a little in advance. So the whole is never
/// much slower than in small pages.
#[derive(Debug)]
pub(crate) struct HugePageBudget(Mutex<Account>);

#[derive(Debug)]
struct Account {
    left: Duration,
    works: bool,
    refused: u32,
}

impl Default for HugePageBudget {
    fn default() -> Self {
        Self(Mutex::new(Account {
            left: Self::ADVANCE,
            works: true,
            refused: 0,
        }))
    }
}

impl HugePageBudget {
    /// Allocating and first touching 2 MiB in small pages takes some 1.3 ms (measured), in a huge page 0.2 ms.
    const SAVED_BY_EACH: Duration = Duration::from_millis(1);
    const ADVANCE: Duration = Duration::from_millis(10);
    /// How often one is tried all the same: memory further on may be cheap again.
    const PROBE_EVERY: u32 = 64;

    /// Whether to try another one.
    pub(super) fn allows(&self) -> bool {
        let mut account = self.account();
        if !account.works || !account.left.is_zero() {
            return account.works;
        }
        account.refused += 1;
        account.refused.is_multiple_of(Self::PROBE_EVERY)
    }

    /// Records how long it took to get `pages` huge pages; if they were new, filling them counts too.
    pub(super) fn spend(&self, pages: usize, time: Duration) {
        let saved = Self::SAVED_BY_EACH.saturating_mul(u32::try_from(pages).unwrap_or(u32::MAX));
        let mut account = self.account();
        account.left = (account.left + saved).saturating_sub(time);
    }

    /// Says that there are none.
    pub(super) fn give_up(&self) {
        self.account().works = false;
    }

    /// One that has nothing left, or never had.
    #[cfg(test)]
    pub(super) fn exhausted(works: bool) -> Self {
        Self(Mutex::new(Account {
            left: Duration::ZERO,
            works,
            refused: 0,
        }))
    }

    fn account(&self) -> MutexGuard<'_, Account> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
