//! The entry that is to be in a file, whatever its format.

#[derive(Debug)]
pub(super) struct Entry<'a> {
    pub(super) name: &'a str,
    pub(super) command: String,
    pub(super) arguments: Vec<String>,
}
