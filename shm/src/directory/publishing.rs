//! How a draft becomes visible, with its name: one step, or none.

use super::{Draft, FileName, record_use};
use crate::error::{Error, Result};
use crate::sys::GuardedFile;

impl Draft {
    /// Makes the file visible under its id, and gives it its name. On an error neither is so, nobody has lost a name, and it can be
    /// tried again; where even undoing fails, a warning says what is left.
    ///
    /// A name that is free is given first, because it says nothing until the file is there: so no file is ever visible that is to
    /// have a name and has none. A name that is taken over is given last, because it leads to the old buffer until then; what is
    /// left without it, by a process that was killed, is collected as another has its name. The old buffer goes after that.
    ///
    /// What is returned holds the file: its lock keeps collectors away.
    pub(crate) fn publish(&mut self, name: Option<&str>, replace: bool) -> Result<GuardedFile> {
        let (directory, id) = (self.directory.clone(), self.id);
        // Whoever sums up files must not miss this one because it changes its name meanwhile.
        let needs_lock = name.is_some() || self.counted;
        let lock = needs_lock.then(|| directory.lock()).transpose()?;
        let mut replaced = match name {
            Some(name) if replace => directory.condemn_holder_of(name)?,
            Some(name) => {
                if let Some(holder) = directory.holder_of_name(name)? {
                    let name = name.to_owned();
                    return Err(Error::NameTaken { name, holder });
                }
                None
            }
            None => None,
        };
        // Before anybody can see it.
        record_use(self.holder(), &self.path())?;
        match (name, &mut replaced) {
            (None, _) => self.show()?,
            (Some(name), None) => {
                directory.bind_name(name, id)?;
                self.show().inspect_err(|_| {
                    if let Err(error) = directory.unbind_name(name, id) {
                        tracing::debug!(%id, %error, "a name that leads nowhere is left to the next sweep");
                    }
                })?;
            }
            (Some(name), Some(replaced)) => {
                self.show()?;
                // It is visible for a moment on an error, but nobody was told of it.
                directory
                    .take_name_over(name, id, replaced)
                    .inspect_err(|_| self.hide())?;
            }
        }
        self.pending = false;
        let holder = self
            .holder
            .take()
            .expect("a draft has its descriptors until it is published");
        drop(lock);
        if let Some(replaced) = replaced {
            directory.end_replaced(replaced);
        }
        Ok(holder)
    }

    fn show(&self) -> Result<()> {
        self.directory
            .handle()
            .rename(&self.name(), &FileName::of(self.id).to_string())
            .map_err(|error| self.directory.creation_failed("publish", &self.path(), error))
    }

    fn hide(&self) {
        let file = FileName::of(self.id).to_string();
        if let Err(error) = self.directory.handle().rename(&file, &self.name()) {
            tracing::warn!(id = %self.id, %error, "a buffer without its name is left to the next sweep");
        }
    }
}
