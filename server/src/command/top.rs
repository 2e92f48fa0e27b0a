//! `dcc-mcp-shm top`: the store as it changes.

use std::future::pending;
use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use anstream::adapter::strip_str;
use anstream::{AutoStream, ColorChoice};
use anyhow::{Context as _, bail};
use clap::Args;
use dcc_mcp_shm::{Store, StoreWatch};
use dcc_mcp_shm_view::text::Bytes;
use serde::Serialize;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::foreign::foreign;
use super::overview::Overview;
use super::store::{existing, say_no_store};
use super::terminal::{self, TITLE, Window};
use super::usage::Usage;
use super::{json, table};
use crate::platform::{Keys, RawTerminal, Resizes, StoreReadiness, Terminations};
use crate::settings::StoreOption;

/// How often ages, and slots given out and back, are looked at again: nothing tells of them.
const INTERVAL: Duration = Duration::from_secs(1);
/// Shortest time between two pictures of a busy store.
const PAUSE: Duration = Duration::from_millis(50);
/// The pause after a picture by the time that it took, at least: for each, every file of the store is looked at.
const PAUSE_FACTOR: u32 = 4;
/// Of a window that does not know its size.
const USUAL_WINDOW: Window = Window { columns: 80, lines: 24 };
/// The other screen, without a cursor; and back.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";
/// Ctrl-C and Ctrl-D as the terminal sends them.
const ENDS: [u8; 4] = [b'q', b'Q', 3, 4];

/// Watch buffers and pools, and who has them open, as they come and go.
///
/// The lines are those of `ls`; above them stand the memory that is used and free, and what limits it. The picture is
/// redrawn when the store changes, and every second. q or Ctrl-C ends it.
///
/// Where stdin or stdout is no terminal, one picture is printed, all of it and without colours.
#[derive(Debug, Args)]
pub(crate) struct Top {
    #[command(flatten)]
    store: StoreOption,
    /// Print one picture as JSON: that of `ls`, with "used_bytes", "free_bytes", "limited_by", "quota_bytes" and
    /// "reserve_bytes" if there is a store.
    #[arg(long)]
    json: bool,
}

/// One picture, for programs.
#[derive(Debug, Serialize)]
struct Picture {
    #[serde(flatten)]
    overview: Overview,
    #[serde(flatten)]
    usage: Option<Usage>,
}

impl Top {
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        let store = existing(&self.store)?;
        if self.json {
            let overview = store.as_ref().map(Overview::of).transpose()?;
            let picture = Picture {
                overview: overview.unwrap_or_else(|| Overview::empty(&self.store.directory())),
                usage: store.as_ref().map(Usage::of).transpose()?,
            };
            return Ok(terminal::print(&json::pretty(&picture)?)?);
        }
        let Some(store) = store else {
            return say_no_store(&self.store);
        };
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return Ok(terminal::print(&(picture(&store, None)?.join("\n") + "\n"))?);
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .context("cannot start the async runtime")?;
        runtime.block_on(watch(&store))
    }
}

async fn watch(store: &Store) -> anyhow::Result<()> {
    let changes = Changes::of(store)?;
    let keys = Keys::new()?;
    let (mut terminations, mut resizes) = (Terminations::new()?.and_quit()?, Resizes::new()?);
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let _screen = Screen::enter()?;
    let mut rested = Instant::now();
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = resizes.next() => {}
            // Not from this terminal, whose keys are keys.
            () = terminations.next() => return Ok(()),
            pressed = keys.pressed() => {
                if pressed?.iter().any(|key| ENDS.contains(key)) {
                    return Ok(());
                }
                continue;
            }
            outcome = async {
                sleep_until(rested).await;
                changes.next().await
            } => outcome?,
        }
        // A directory that is removed while it is open only loses its name, of which nothing tells.
        if !store.is_current() {
            bail!(
                "the store {} was removed or replaced",
                foreign(&store.path().display().to_string())
            );
        }
        let started = Instant::now();
        draw(&picture(store, Some(Window::of_stdout().unwrap_or(USUAL_WINDOW)))?)?;
        rested = Instant::now() + PAUSE.max(started.elapsed() * PAUSE_FACTOR);
        ticks.reset_at(rested.max(started + INTERVAL));
    }
}

/// A watch of the store. Without one, only the ticks bring a new picture.
struct Changes(Option<(StoreWatch, StoreReadiness)>);

impl Changes {
    fn of(store: &Store) -> anyhow::Result<Self> {
        let watch = match store.watch() {
            Err(error) if error.forbids_watching() => return Ok(Self(None)),
            watch => watch?,
        };
        let ready = StoreReadiness::of(&watch)?;
        Ok(Self(Some((watch, ready))))
    }

    /// Waits for the next one.
    async fn next(&self) -> anyhow::Result<()> {
        let Some((watch, ready)) = &self.0 else {
            return pending().await;
        };
        loop {
            ready.wait().await?;
            if !watch.events()?.is_empty() {
                return Ok(());
            }
        }
    }
}

/// The lines of one picture, as many as fit.
fn picture(store: &Store, window: Option<Window>) -> anyhow::Result<Vec<String>> {
    let overview = Overview::of(store)?;
    let usage = Usage::of(store)?;
    let quota = usage
        .quota_bytes
        .map_or_else(String::new, |bytes| format!(", quota {:#}", Bytes(bytes)));
    let (used, free) = (Bytes(usage.used_bytes), Bytes(usage.free_bytes));
    // Not the last one: what clears the rest of a line would clear what stands there.
    let columns = window.map(|window| window.columns.saturating_sub(1));
    let fitting = |line: &str| table::shortened(line, columns.unwrap_or(usize::MAX));
    let path = fitting(&foreign(&store.path().display().to_string()));
    let mut lines = vec![
        format!("{TITLE}{path}{TITLE:#}"),
        fitting(&overview.totals()),
        fitting(&format!(
            "{used:#} used, {free:#} free (set by: {}){quota}",
            usage.limited_by
        )),
        String::new(),
    ];
    lines.extend(overview.lines(columns));
    if let Some(window) = window
        && lines.len() > window.lines
    {
        let hidden = lines.len() - window.lines + 1;
        lines.truncate(window.lines.saturating_sub(1));
        lines.push(fitting(&format!("… {hidden} more; ls shows all")));
    }
    Ok(lines)
}

/// Puts a picture over the last one. Each line is cleared to its end, so that nothing flickers.
fn draw(lines: &[String]) -> io::Result<()> {
    let mut picture = lines.join("\x1b[K\n");
    if AutoStream::choice(&io::stdout()) == ColorChoice::Never {
        let plain = lines.iter().map(|line| strip_str(line).to_string());
        picture = plain.collect::<Vec<_>>().join("\x1b[K\n");
    }
    let mut stdout = io::stdout().lock();
    write!(stdout, "\x1b[H{picture}\x1b[K\x1b[J")?;
    stdout.flush()
}

/// The terminal as `top` has it: keys at once and unseen, on the other screen. As it was, when this is dropped.
struct Screen {
    _keys: RawTerminal,
}

impl Screen {
    fn enter() -> io::Result<Self> {
        let screen = Self {
            _keys: RawTerminal::enter()?,
        };
        let mut stdout = io::stdout().lock();
        stdout.write_all(ENTER.as_bytes())?;
        stdout.flush()?;
        Ok(screen)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let mut stdout = io::stdout().lock();
        // A terminal that is gone needs nothing.
        let _ = stdout.write_all(LEAVE.as_bytes()).and_then(|()| stdout.flush());
    }
}
