//! Threads for what the answering thread must not do itself, in lanes, so that quick calls never queue behind slow ones.
//!
//! The threads are not the runtime's: it ends the process where the system gives it none, and has one queue for all.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio_util::sync::CancellationToken;

use crate::platform::give_way;
use crate::reply::ToolError;
use crate::sync::lock;
use crate::work::unless_cancelled;

/// How long a thread waits for the next job before it ends, and its memory is given back.
const IDLE: Duration = Duration::from_secs(10);

/// How much nicer than the others the threads are that look at data: while they take all cores, a thread that answers a quick call
/// would else wait for its turn.
const GIVING_WAY: i32 = 5;

type Job = Box<dyn FnOnce() + Send>;

/// The lanes of a server. Each thread has memory of its own that the allocator keeps for it, so they are few.
#[derive(Debug)]
pub(crate) struct Lanes {
    /// Looks that take some milliseconds. They wait for nobody, but for up to 300 ms for the quota when the store is opened, and
    /// for the store's lock when the store is made.
    pub(crate) quick: Lane,
    /// Looks at the data itself: most take milliseconds, those at all of a large buffer seconds. They use all cores where that
    /// pays.
    pub(crate) reading: Lane,
    /// Pictures, each of which may take seconds.
    pub(crate) drawing: Lane,
    /// Buffers without a name, which need the store's lock only where there is a quota.
    pub(crate) making: Lane,
    /// What waits for the store's lock: one that a stopped process holds keeps a thread for 5 s.
    pub(crate) changing: Lane,
}

impl Lanes {
    pub(crate) fn new() -> Self {
        Self {
            quick: Lane::new("quick", 2, 0),
            reading: Lane::new("reading", 2, GIVING_WAY),
            drawing: Lane::new("drawing", 2, GIVING_WAY),
            making: Lane::new("making", 2, 0),
            changing: Lane::new("changing", 4, 0),
        }
    }
}

/// Threads that do the same kind of work, started when they are needed.
#[derive(Debug)]
pub(crate) struct Lane {
    /// A place for each job that may be done at a time. Who waits for one can be cancelled at no cost.
    places: Arc<Semaphore>,
    threads: Arc<Threads>,
}

#[derive(Debug)]
struct Threads {
    name: &'static str,
    /// What is added to the nice value of the process.
    nicer_by: i32,
    jobs: Mutex<Jobs>,
    more: Condvar,
}

#[derive(Default)]
struct Jobs {
    waiting: VecDeque<Job>,
    /// Threads that wait for a job.
    idle: usize,
    /// All threads.
    alive: usize,
}

impl std::fmt::Debug for Jobs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} waiting, {} of {} idle",
            self.waiting.len(),
            self.idle,
            self.alive
        )
    }
}

impl Lane {
    fn new(name: &'static str, most: usize, nicer_by: i32) -> Self {
        let threads = Threads {
            name,
            nicer_by,
            jobs: Mutex::default(),
            more: Condvar::new(),
        };
        Self {
            places: Arc::new(Semaphore::new(most)),
            threads: Arc::new(threads),
        }
    }

    /// Does `work` on a thread of this lane, in a context of the runtime. If this is dropped, work that has not begun is
    /// never done; work that has is done to its end.
    ///
    /// # Errors
    /// That of `work`; or it panicked, or the system gives no thread.
    pub(crate) async fn run<T, F>(&self, work: F) -> Result<T, ToolError>
    where
        T: Send + 'static,
        F: FnOnce() -> Result<T, ToolError> + Send + 'static,
    {
        let place = self.place().await?;
        self.run_at(place, work).await
    }

    /// The same for work that a client may cancel: it leaves at once if it has not begun, and else this ends when the work does.
    /// A session waits for its calls at its end, so what a cancelled call still has to undo is undone.
    ///
    /// # Errors
    /// As [`Self::run`], and that the call was cancelled before it had a place.
    pub(crate) async fn run_to_end<T, F>(&self, cancelled: &CancellationToken, work: F) -> Result<T, ToolError>
    where
        T: Send + 'static,
        F: FnOnce() -> Result<T, ToolError> + Send + 'static,
    {
        let place = unless_cancelled(cancelled, self.place()).await?;
        self.run_at(place, work).await
    }

    async fn place(&self) -> Result<OwnedSemaphorePermit, ToolError> {
        let Ok(place) = self.places.clone().acquire_owned().await else {
            unreachable!("the semaphore is never closed");
        };
        Ok(place)
    }

    async fn run_at<T, F>(&self, place: OwnedSemaphorePermit, work: F) -> Result<T, ToolError>
    where
        T: Send + 'static,
        F: FnOnce() -> Result<T, ToolError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let runtime = Handle::current();
        let job = move || {
            let _place = place;
            let _context = runtime.enter();
            if reply.is_closed() {
                return;
            }
            // Nothing that is shared is left half changed: a value is replaced at once, and an index that a panic leaves halfway is
            // read anew.
            if let Ok(done) = catch_unwind(AssertUnwindSafe(work)) {
                // Whoever asked may have gone.
                let _ = reply.send(done);
            }
        };
        self.threads.start(Box::new(job)).map_err(|error| no_thread(&error))?;
        answer.await.unwrap_or_else(|_| Err(did_not_finish()))
    }
}

impl Threads {
    /// Hands a job to an idle thread, or to a new one; where none can be started, to the next that has done its own.
    fn start(self: &Arc<Self>, job: Job) -> io::Result<()> {
        let mut jobs = lock(&self.jobs);
        jobs.waiting.push_back(job);
        if jobs.idle >= jobs.waiting.len() {
            self.more.notify_one();
            return Ok(());
        }
        let threads = self.clone();
        let started = thread::Builder::new()
            .name(self.name.to_owned())
            .spawn(move || threads.work());
        match started {
            Ok(_) => jobs.alive += 1,
            Err(error) if jobs.alive == 0 => {
                jobs.waiting.pop_back();
                return Err(error);
            }
            Err(error) => tracing::warn!(%error, "no more threads can be started"),
        }
        Ok(())
    }

    /// What a thread does until nothing has come for a while.
    fn work(&self) {
        if self.nicer_by > 0
            && let Err(error) = give_way(self.nicer_by)
        {
            tracing::debug!(%error, "slow looks may keep quick calls waiting");
        }
        let mut jobs = lock(&self.jobs);
        loop {
            if let Some(job) = jobs.waiting.pop_front() {
                drop(jobs);
                job();
                jobs = lock(&self.jobs);
                continue;
            }
            jobs.idle += 1;
            let waited = self.more.wait_timeout(jobs, IDLE);
            let (again, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            jobs = again;
            jobs.idle -= 1;
            if timeout.timed_out() && jobs.waiting.is_empty() {
                jobs.alive -= 1;
                return;
            }
        }
    }
}

fn no_thread(error: &io::Error) -> ToolError {
    ToolError::new(
        format!("The system gives this server no thread to work on: {error}"),
        "Call the tool again in a moment. If that does not help, tell the user to end programs, or to raise the limit of \
         processes (ulimit -u, or that of the container).",
    )
}

fn did_not_finish() -> ToolError {
    tracing::error!("a store operation did not finish");
    ToolError::new(
        "The server failed while it worked on the store",
        "Call list_buffers to see the store's present state; if this repeats, tell the user.",
    )
}
