//! The demo: everything that Lockstep does for contacts, on one machine, in a minute.

mod agreement;
mod cost;
mod countries;
mod edits;
mod people;
mod play;
mod portal;
mod sides;
mod stage;
mod story;
mod summary;

use std::path::PathBuf;

use anyhow::Context;
use lockstep_sandbox::vendor::Listed;

use crate::cli::stop::{self, Stop};
use crate::import;
use stage::Stage;

/// The shipped list.
const SHIPPED_CSV: &str = include_str!("../../data/demo-contacts.csv");

/// Whose contacts are shown.
pub enum Cast {
    /// The shipped list.
    Shipped,
    /// So many invented people.
    Invented(usize),
    /// A file of the user, with the region of its numbers.
    File(PathBuf, Option<String>),
}

/// How the demo runs.
pub struct Options {
    /// Which CRMs.
    pub crms: Vec<&'static Listed>,
    /// Whose contacts.
    pub cast: Cast,
    /// End after the summary.
    pub once: bool,
    /// Print the summary as JSON, and everything else on the standard error.
    pub json: bool,
}

/// Runs the demo from beginning to end.
///
/// # Errors
/// When the list cannot be read, a port or a folder cannot be had, or a step fails.
pub async fn run(options: Options, stop: Stop) -> anyhow::Result<()> {
    let (text, region) = options.cast.list()?;
    let import = import::read(&text, region.as_deref())?;
    let (ask, own_stop) = tokio::sync::watch::channel(false);
    let stage = Stage::set(&options.crms, region.as_deref(), own_stop).await?;
    let outcome = tokio::select! {
        outcome = play::play(&stage, &options, import) => outcome,
        () = stop::asked(stop) => Ok(()),
    };
    // The servers finish what is under way before their folder goes.
    let _ = ask.send(true);
    stage.strike().await?;
    outcome
}

impl Cast {
    /// The list as a file, and where its numbers without a country code belong.
    fn list(&self) -> anyhow::Result<(Vec<u8>, Option<String>)> {
        let home = || Some(people::REGION.to_owned());
        Ok(match self {
            Self::Shipped => (SHIPPED_CSV.as_bytes().to_vec(), home()),
            Self::Invented(count) => (people::csv(*count)?.into_bytes(), home()),
            Self::File(path, region) => {
                let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
                (bytes, region.clone())
            }
        })
    }
}
