//! What was looked at, how it is, and what to do about it.

use std::fmt::{self, Display};

use serde::Serialize;

use crate::command::foreign::foreign;
use crate::command::terminal::{BAD, GOOD, TITLE, WARNING};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    #[serde(rename = "ok")]
    Good,
    /// It works, and this is worth knowing.
    Warning,
    /// It does not work, or not with data of usual size, until somebody acts.
    Error,
}

/// One line of the diagnosis, and below it the remedy.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    pub(super) level: Level,
    subject: &'static str,
    state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

impl Finding {
    pub(super) fn good(subject: &'static str, state: impl Into<String>) -> Self {
        Self {
            level: Level::Good,
            subject,
            state: state.into(),
            remedy: None,
        }
    }

    pub(super) fn warning(subject: &'static str, state: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            level: Level::Warning,
            remedy: Some(remedy.into()),
            ..Self::good(subject, state)
        }
    }

    pub(super) fn error(subject: &'static str, state: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            level: Level::Error,
            ..Self::warning(subject, state, remedy)
        }
    }

    /// What could not be looked at.
    pub(super) fn unknown(subject: &'static str, error: impl Display) -> Self {
        Self::error(
            subject,
            error.to_string(),
            "see to it that this can be read, and run doctor again",
        )
    }
}

impl Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, style) = match self.level {
            Level::Good => ("ok", GOOD),
            Level::Warning => ("warning", WARNING),
            Level::Error => ("error", BAD),
        };
        let (subject, state) = (self.subject, foreign(&self.state));
        writeln!(f, "{style}{word:<9}{style:#}{TITLE}{subject:<13}{TITLE:#}{state}")?;
        match &self.remedy {
            Some(remedy) => writeln!(f, "{:22}→ {}", "", foreign(remedy)),
            None => Ok(()),
        }
    }
}
