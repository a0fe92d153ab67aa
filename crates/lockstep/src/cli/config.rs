//! `lockstep config`

use super::screen;
use crate::config::defaults;

pub fn run() -> anyhow::Result<()> {
    screen::say(defaults().trim_end())
}
