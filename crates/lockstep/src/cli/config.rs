//! `lockstep config`

use super::screen;
use crate::config::DEFAULTS;

pub fn run() -> anyhow::Result<()> {
    screen::say(DEFAULTS.trim_end())
}
