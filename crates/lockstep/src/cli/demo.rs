//! `lockstep demo`

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use lockstep_sandbox::vendor::Listed;
use lockstep_sandbox::vendors;

use super::place::{runtime, start_quiet_log};
use super::stop;
use crate::demo::{Cast, Options};

#[derive(clap::Args)]
pub struct Arguments {
    /// Which CRM: a look-alike's name, or all of them at once
    #[arg(long, value_name = "NAME", default_value = HUBSPOT, value_parser = names())]
    crm: String,
    /// Invented contacts instead of the shipped list [default for CRMs other than HubSpot: 60]
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

const HUBSPOT: &str = "hubspot";
const ALL: &str = "all";

/// Where a vendor takes one row in a call, a thousand contacts take longer than anybody watches.
const WATCHED: usize = 60;

/// An inbox too, which takes no new number for a contact: it would not come to agree with one that was typed wrong there.
const KIRIM: &str = "kirim";

fn crms() -> impl Iterator<Item = &'static Listed> {
    vendors().iter().filter(|listed| listed.slug != KIRIM)
}

fn names() -> PossibleValuesParser {
    PossibleValuesParser::new(crms().map(|listed| listed.slug).chain([ALL]))
}

pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    start_quiet_log();
    let cast = match (arguments.contacts, arguments.from) {
        (Some(count), _) => Cast::Invented(usize::try_from(count)?),
        (None, Some(path)) => Cast::File(path, arguments.region),
        (None, None) if arguments.crm == HUBSPOT => Cast::Shipped,
        (None, None) => Cast::Invented(WATCHED),
    };
    let chosen = |listed: &&Listed| arguments.crm == ALL || listed.slug == arguments.crm;
    let crms = crms().filter(chosen).collect();
    let options = Options { crms, cast, once: arguments.once, json: arguments.json };
    runtime()?.block_on(async { crate::demo::run(options, stop::on_signals()?).await })
}
