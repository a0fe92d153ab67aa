//! How the demo tells what happens.

use std::fmt::Display;
use std::io::{self, IsTerminal};

use crate::cli::screen;

/// Long sentences break before this.
const LINE_CHARS_MAX: usize = 96;

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

    /// Tells a long sentence, broken into lines.
    pub fn quote(&self, sentence: &str) -> anyhow::Result<()> {
        wrapped(sentence).iter().try_for_each(|line| self.tell(format!("  {line}")))
    }

    /// Shows a table.
    pub fn show(&self, table: &str) -> anyhow::Result<()> {
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

/// Breaks a sentence between words.
fn wrapped(sentence: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in sentence.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= LINE_CHARS_MAX => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_sentences_break_between_words() {
        let word = "twelve-chars";
        let lines = wrapped(&[word; 20].join(" "));
        assert!(lines.iter().all(|line| line.chars().count() <= LINE_CHARS_MAX));
        assert_eq!(lines.join(" "), [word; 20].join(" "));
    }
}
