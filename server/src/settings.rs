//! The settings of a server, which options or environment variables give it when it starts.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use clap::builder::{FalseyValueParser, OsStringValueParser, TypedValueParser as _};
use dcc_mcp_shm::{NotASize, Store, parse_size};

/// Largest text or structured content of a result, in bytes, unless another one is asked for.
const DEFAULT_RESULT_BYTES: usize = 40_000;

/// Which store is meant.
#[derive(Debug, Clone, Default, Args)]
pub struct StoreOption {
    /// Directory of the store [default: a private directory in /dev/shm].
    #[arg(
        long,
        value_name = "DIR",
        env = "DCC_MCP_SHM_DIR",
        hide_env_values = true,
        // An empty text is allowed, because clients pass it when no directory is configured.
        value_parser = OsStringValueParser::new().map(PathBuf::from)
    )]
    pub store: Option<PathBuf>,
}

impl StoreOption {
    /// The directory, if one was named.
    fn named(&self) -> Option<&PathBuf> {
        self.store.as_ref().filter(|path| !path.as_os_str().is_empty())
    }

    pub(crate) fn is_named(&self) -> bool {
        self.named().is_some()
    }

    /// The directory that was named, or else the default one.
    pub(crate) fn directory(&self) -> PathBuf {
        self.named().cloned().unwrap_or_else(Store::default_path)
    }
}

/// Which store a server serves, and how.
#[derive(Debug, Clone, Args)]
pub struct Settings {
    /// Which store.
    #[command(flatten)]
    pub store: StoreOption,
    /// Offer only tools that change nothing.
    #[arg(long, env = "DCC_MCP_SHM_READ_ONLY", hide_env_values = true, value_parser = FalseyValueParser::new())]
    pub read_only: bool,
    /// The most that the store may hold for all programs, such as 10G; recorded in it.
    ///
    /// [env: DCC_MCP_SHM_MAX_BYTES] [default: as recorded]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub max_bytes: Option<u64>,
    /// The most text, and structured content, in a result that lists or shows data, such as 64K.
    #[arg(
        long,
        value_name = "SIZE",
        env = "DCC_MCP_SHM_RESULT_BYTES",
        hide_env_values = true,
        value_parser = result_bytes,
        default_value_t = DEFAULT_RESULT_BYTES
    )]
    pub result_bytes: usize,
}

/// More than memory can be is as good as no limit.
fn result_bytes(text: &str) -> Result<usize, NotASize> {
    parse_size(text).map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX))
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            store: StoreOption::default(),
            read_only: false,
            max_bytes: None,
            result_bytes: DEFAULT_RESULT_BYTES,
        }
    }
}

impl Settings {
    /// The command line that starts a server with these settings, in whatever directory it is started.
    ///
    /// # Errors
    /// The store's path cannot be made absolute, or is not UTF-8.
    pub(crate) fn to_arguments(&self) -> anyhow::Result<Vec<String>> {
        let Self {
            store,
            read_only,
            max_bytes,
            result_bytes,
        } = self;
        let mut arguments = vec!["serve".to_owned()];
        if let Some(store) = store.named() {
            let path = std::path::absolute(store).context("cannot tell where the store is")?;
            let path = path.to_str().context("the path of the store is not UTF-8")?;
            arguments.extend(["--store".to_owned(), path.to_owned()]);
        }
        if *read_only {
            arguments.push("--read-only".to_owned());
        }
        if let Some(bytes) = max_bytes {
            arguments.extend(["--max-bytes".to_owned(), bytes.to_string()]);
        }
        if *result_bytes != DEFAULT_RESULT_BYTES {
            arguments.extend(["--result-bytes".to_owned(), result_bytes.to_string()]);
        }
        Ok(arguments)
    }
}
