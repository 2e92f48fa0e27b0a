//! What a directory has at one moment: files, and links that say which of them has which name.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::names::{is_link, link_name};
use super::{Directory, FileKind, FileName};
use crate::error::{Error, Result};
use crate::format::Snapshot;

/// The headers of all published files, and the names that they have.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    pub(crate) files: BTreeMap<Uuid, Snapshot>,
    /// Those that have the name in their metadata.
    pub(crate) named: BTreeSet<Uuid>,
    /// Why the others cannot be read.
    pub(crate) damaged: BTreeMap<Uuid, Error>,
}

impl Directory {
    /// Reads all headers. Each name that exists is that of one file in it, also if another file takes it over meanwhile.
    pub(crate) fn contents(&self) -> Result<Contents> {
        let mut contents = Contents::default();
        let (ids, mut links) = self.ids_and_links()?;
        for id in ids {
            contents.look(self, id)?;
        }
        let names = contents
            .files
            .values()
            .filter_map(|file| file.header.metadata.name.as_deref());
        links.extend(names.map(link_name));
        for link in links {
            contents.resolve(self, &link)?;
        }
        contents.drop_replaced(self)?;
        Ok(contents)
    }

    /// The ids of published files, and the links for names. Each name that exists is that of one of the files.
    pub(crate) fn ids_and_links(&self) -> Result<(Vec<Uuid>, BTreeSet<String>)> {
        self.with_names_at_rest(|| self.read_ids_and_links())
    }

    fn read_ids_and_links(&self) -> Result<(Vec<Uuid>, BTreeSet<String>)> {
        let failed = |error| self.failed("list the store", error);
        let (mut ids, mut links) = (Vec::new(), BTreeSet::new());
        for name in self.handle().names().map_err(failed)? {
            let name = name.map_err(failed)?;
            match FileName::parse(name.to_bytes()) {
                Some(file) if file.kind == FileKind::Published => ids.push(file.id),
                Some(_) => {}
                None => links.extend(name.into_string().ok().filter(|name| is_link(name))),
            }
        }
        Ok((ids, links))
    }
}

impl Contents {
    /// Reads a header, and says whether there is one.
    fn look(&mut self, directory: &Directory, id: Uuid) -> Result<bool> {
        match directory.look(id) {
            Ok(snapshot) => {
                self.files.insert(id, snapshot);
                Ok(true)
            }
            // Deleted since the directory was read.
            Err(error) if error.is_gone() => Ok(false),
            Err(error) if error.is_conclusive() => {
                self.damaged.insert(id, error);
                Ok(false)
            }
            // What cannot be looked at now may be as good as any.
            Err(error) => Err(error),
        }
    }

    /// Finds the file that has the name of a link, which may have gone over to another since the directory was read.
    fn resolve(&mut self, directory: &Directory, link: &str) -> Result<()> {
        let mut before = None;
        while let Some(id) = directory.named_by(link)? {
            if let Some(file) = self.files.get(&id) {
                // A link may say anything; a file has no name but that in its metadata.
                if file.header.metadata.name.as_deref().map(link_name).as_deref() == Some(link) {
                    self.named.insert(id);
                }
                return Ok(());
            }
            // Where another took the name over, the link said so before the file went.
            if !self.look(directory, id)? && before.replace(id) == Some(id) {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Forgets files that were replaced and removed since they were read.
    fn drop_replaced(&mut self, directory: &Directory) -> Result<()> {
        let nameless = |id: &Uuid| !self.named.contains(id);
        let lacks_its_name =
            |(id, file): (&Uuid, &Snapshot)| (file.header.metadata.name.is_some() && nameless(id)).then_some(*id);
        let suspects: Vec<_> = self.files.iter().filter_map(lacks_its_name).collect();
        for id in suspects {
            if !directory.file_exists(id)? {
                self.files.remove(&id);
            }
        }
        Ok(())
    }
}
