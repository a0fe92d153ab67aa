//! How the demo tells what happens.

use std::fmt::Display;
use std::io::{self, IsTerminal};

use comfy_table::Table;

use crate::cli::screen;

/// Where the telling goes: the standard output, or the standard error when a program reads the summary there.
pub struct Story {
    to_stderr: bool,
    colours: bool,
}

impl Story {
    /// A story beside a JSON summary, or one that is the whole output.
    pub fn new(json: bool) -> Self {
        let terminal = if json { io::stderr().is_terminal() } else { io::stdout().is_terminal() };
        Self { to_stderr: json, colours: terminal && std::env::var_os("NO_COLOR").is_none() }
    }

    /// Begins a chapter.
    pub fn chapter(&self, title: &str) -> anyhow::Result<()> {
        let (bold, plain) = if self.colours { ("\u{1b}[1;36m", "\u{1b}[0m") } else { ("", "") };
        self.line(format!("\n{bold}▌ {title}{plain}"))
    }

    /// Tells a fact.
    pub fn tell(&self, text: impl Display) -> anyhow::Result<()> {
        self.line(format!("  {text}"))
    }

    /// Shows a table.
    pub fn show(&self, table: &Table) -> anyhow::Result<()> {
        table.lines().try_for_each(|line| self.line(format!("  {line}")))
    }

    fn line(&self, text: String) -> anyhow::Result<()> {
        if self.to_stderr {
            screen::remark(text);
            return Ok(());
        }
        screen::say(text)
    }
}
