//! A store against a plain model of it while any call of the system may fail: what says that it succeeded is so, what says
//! that it failed has changed nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use dcc_mcp_shm::{BufferOptions, BufferPool, Error, SharedBuffer, SharedSceneBuffer, Store};
use nix::errno::Errno;
use proptest::prelude::*;
use uuid::Uuid;

use crate::ERRORS;
use crate::common::{by_id, noise};
use crate::operations::{forever, name};

const NAMES: [&str; 3] = ["hero", "set/wall", "日本"];

/// What is done, and to which name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    action: Action,
    name: usize,
    /// What data is told apart by.
    mark: u16,
    replace: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Scene,
    Buffer,
    Pool,
    Rewrite,
    Read,
    Delete,
    Collect,
}

const ACTIONS: [Action; 7] = [
    Action::Scene,
    Action::Buffer,
    Action::Pool,
    Action::Rewrite,
    Action::Read,
    Action::Delete,
    Action::Collect,
];

/// As it is told to the child.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} {} {}",
            self.action as usize, self.name, self.mark, self.replace
        )
    }
}

impl FromStr for Step {
    type Err = std::convert::Infallible;

    fn from_str(line: &str) -> Result<Self, Self::Err> {
        let fields: Vec<_> = line.split(' ').collect();
        Ok(Self {
            action: ACTIONS[fields[0].parse::<usize>().unwrap()],
            name: fields[1].parse().unwrap(),
            mark: fields[2].parse().unwrap(),
            replace: fields[3].parse().unwrap(),
        })
    }
}

/// A step, and which call of it fails how.
pub(crate) fn step() -> impl Strategy<Value = (Step, usize, Errno)> {
    let errors = ERRORS
        .into_iter()
        .filter(|errno| *errno != Errno::EINTR)
        .collect::<Vec<_>>();
    let step = (
        prop::sample::select(&ACTIONS[..]),
        0..NAMES.len(),
        any::<u16>(),
        any::<bool>(),
    );
    let step = step.prop_map(|(action, name, mark, replace)| Step {
        action,
        name,
        mark,
        replace,
    });
    // Most steps make fewer calls than that; those whose call is never made do not fail.
    (step, 0usize..60, prop::sample::select(errors))
}

fn content(mark: u16) -> Vec<u8> {
    noise(u64::from(mark), 1000 + usize::from(mark % 7))
}

impl Step {
    /// In the child: takes the step, and gives the id of what it made.
    pub(crate) fn take(self, store: &Store) -> Result<Option<Uuid>, Error> {
        let called = NAMES[self.name];
        let options = forever().name(called).replace(self.replace);
        Ok(match self.action {
            Action::Scene => Some(SharedSceneBuffer::write(store, &content(self.mark), &options)?.id()),
            Action::Buffer => {
                let buffer = SharedBuffer::create(store, 2000, &options)?;
                Some(buffer.id())
            }
            Action::Pool => Some(BufferPool::create(store, 2, 2000, &options.persistent(true))?.id()),
            Action::Rewrite => {
                SharedBuffer::open(store, &name(called))?.write(&content(self.mark))?;
                None
            }
            Action::Read => {
                drop(SharedSceneBuffer::open(store, &name(called))?.read()?);
                None
            }
            Action::Delete => {
                store.delete(&name(called))?;
                None
            }
            Action::Collect => {
                // It may take what could not be deleted before; the parent looks whether it has taken more.
                store.gc(false)?;
                None
            }
        })
    }
}

/// What has a name.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Known {
    Scene(Vec<u8>),
    /// Nothing of a buffer is known whose last write failed.
    Buffer(Option<Vec<u8>>),
    Pool,
}

#[derive(Debug, Default)]
pub(crate) struct Model(BTreeMap<usize, (Uuid, Known)>);

impl Model {
    /// Applies a step, or shows that its error is one that it must give; any may come of a call that failed.
    pub(crate) fn apply(&mut self, step: Step, outcome: Result<Option<Uuid>, &str>, has_failed: bool) {
        let held = self.0.get(&step.name).cloned();
        let expected = match (step.action, &held) {
            (Action::Scene | Action::Buffer | Action::Pool, Some(_)) if !step.replace => Err("NameTaken"),
            (Action::Rewrite | Action::Read | Action::Delete, None) => Err("NotFound"),
            (Action::Rewrite, Some((_, Known::Scene(_) | Known::Pool)))
            | (Action::Read, Some((_, Known::Buffer(_) | Known::Pool))) => Err("WrongRole"),
            _ => Ok(()),
        };
        match (outcome, expected) {
            (Err(class), Err(expected)) => assert!(has_failed || class == expected, "{step:?}: {class}"),
            (Err(class), Ok(())) => assert!(has_failed, "{step:?}: {class}"),
            (Ok(made), expected) => {
                assert_eq!(expected, Ok(()), "{step:?}");
                self.take(step, made, held);
                return;
            }
        }
        if step.action == Action::Rewrite
            && let Some((_, Known::Buffer(data))) = self.0.get_mut(&step.name)
        {
            *data = None;
        }
    }

    fn take(&mut self, step: Step, made: Option<Uuid>, held: Option<(Uuid, Known)>) {
        let known = match step.action {
            Action::Scene => Known::Scene(content(step.mark)),
            Action::Buffer => Known::Buffer(Some(Vec::new())),
            Action::Pool => Known::Pool,
            Action::Rewrite => Known::Buffer(Some(content(step.mark))),
            Action::Read | Action::Collect => return,
            Action::Delete => return drop(self.0.remove(&step.name)),
        };
        let id = made.or(held.map(|(id, _)| id)).unwrap();
        self.0.insert(step.name, (id, known));
    }

    /// Everything that another process sees.
    pub(crate) fn check(&self, store: &Store, after: Step) {
        let listing = store.list().unwrap();
        assert!(listing.damaged.is_empty(), "{after:?}: {:?}", listing.damaged);
        let buffers = listing.buffers.iter().map(|buffer| (buffer.id, buffer.name.clone()));
        let pools = listing.pools.iter().map(|pool| (pool.id, pool.name.clone()));
        let listed: BTreeMap<_, _> = buffers.chain(pools).collect();
        let known = self
            .0
            .iter()
            .map(|(name, (id, _))| (*id, Some(NAMES[*name].to_owned())));
        assert_eq!(listed, known.collect(), "{after:?}");
        for (id, known) in self.0.values() {
            match known {
                Known::Scene(data) => {
                    assert!(SharedSceneBuffer::open(store, &by_id(*id)).unwrap().read().unwrap() == *data);
                }
                Known::Buffer(Some(data)) => {
                    assert!(SharedBuffer::open(store, &by_id(*id)).unwrap().read().unwrap() == *data);
                }
                Known::Buffer(None) => {}
                Known::Pool => {
                    let pool = BufferPool::open(store, &by_id(*id)).unwrap();
                    assert_eq!(pool.available().unwrap(), 2, "{after:?}");
                }
            }
        }
    }

    /// A sweep leaves what is known, and nothing else.
    pub(crate) fn check_swept(&self, store: &Store) {
        store.gc(false).unwrap();
        let listing = store.list().unwrap();
        assert_eq!(listing.buffers.len() + listing.pools.len(), self.0.len());
        let options = BufferOptions::default().name("another");
        SharedSceneBuffer::write(store, b"all goes on", &options).unwrap();
    }
}
