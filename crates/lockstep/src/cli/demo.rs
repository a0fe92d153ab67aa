//! `lockstep demo`

use std::path::PathBuf;

use super::place::{runtime, start_quiet_log};
use super::stop;
use crate::demo::{Cast, Options};

#[derive(clap::Args)]
pub struct Arguments {
    /// Invented contacts instead of the shipped list
    #[arg(long, value_name = "COUNT", conflicts_with = "from", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    contacts: Option<u32>,
    /// Your own CSV file instead of the shipped list
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// Where phone numbers without a country code belong in your file, such as ID
    #[arg(long, value_name = "COUNTRY", requires = "from")]
    region: Option<String>,
    /// End after the summary
    #[arg(long)]
    once: bool,
    /// Print the summary as one JSON object, and the rest on the standard error
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    start_quiet_log();
    let cast = match (arguments.contacts, arguments.from) {
        (Some(count), _) => Cast::Invented(usize::try_from(count)?),
        (None, Some(path)) => Cast::File(path, arguments.region),
        (None, None) => Cast::Shipped,
    };
    let options = Options { cast, once: arguments.once, json: arguments.json };
    runtime()?.block_on(async { crate::demo::run(options, stop::on_signals()?).await })
}
