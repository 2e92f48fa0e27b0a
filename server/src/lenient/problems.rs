//! What is wrong with the arguments of a call, all of it in one error.

use crate::reply::ToolError;

/// Most bad fields that an error names.
const MAX_PROBLEMS: usize = 8;
/// Advice for every error that is about arguments alone.
const ADVICE: &str = "Correct the arguments and call the tool again.";

/// What is wrong with the arguments of a call, in the order of its fields.
#[derive(Debug, Default)]
pub(super) struct Problems(Vec<Problem>);

#[derive(Debug)]
struct Problem {
    /// The path of the field, such as `arrays.a.shape[1]`; empty if the problem names the field itself.
    field: String,
    what: String,
}

impl Problems {
    pub(super) fn add(&mut self, field: &str, what: impl Into<String>) {
        self.0.push(Problem {
            field: field.to_owned(),
            what: what.into(),
        });
    }

    /// How many there are so far.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// # Errors
    /// There are any.
    pub(super) fn into_result(self) -> Result<(), ToolError> {
        let told = |problem: &Problem| match problem {
            Problem { field, what } if field.is_empty() => what.clone(),
            Problem { field, what } => format!("`{field}`: {what}"),
        };
        match &self.0[..] {
            [] => Ok(()),
            [Problem { field, what }] if !field.is_empty() => Err(ToolError::argument(field, what, ADVICE)),
            several => {
                let mut all: Vec<_> = several.iter().take(MAX_PROBLEMS).map(told).collect();
                if several.len() > MAX_PROBLEMS {
                    all.push(format!("and {} more", several.len() - MAX_PROBLEMS));
                }
                Err(ToolError::new(format!("Bad arguments: {}", all.join("; ")), ADVICE))
            }
        }
    }
}
