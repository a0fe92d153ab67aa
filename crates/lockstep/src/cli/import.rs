//! `lockstep import`

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Serialize;
use toml::{Table, Value};

use super::init::organization;
use super::place::{Place, Where, runtime, start_quiet_log};
use super::screen;
use crate::config::insert;
use crate::import::{self, Column, FILE_BYTES_MAX, Folded, Import, Refused};
use crate::ops;
use crate::ops::contacts::Imported;

#[derive(clap::Args)]
pub struct Arguments {
    /// The CSV file
    file: PathBuf,
    #[command(flatten)]
    at: Where,
    /// Where phone numbers without a country code belong, such as ID
    #[arg(long, value_name = "COUNTRY")]
    region: Option<String>,
    /// Only say what would be imported
    #[arg(long)]
    dry_run: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Lines that a person is shown of each kind; `--json` has them all.
const SHOWN_ROWS: usize = 20;

#[derive(Serialize)]
struct Outcome<'a> {
    layout: import::Layout,
    columns: &'a [(String, Column)],
    rows: usize,
    contacts: usize,
    created: usize,
    filled: usize,
    unchanged: usize,
    folded_rows: usize,
    refused_rows: usize,
    folded: &'a [Folded],
    refused: &'a [Refused],
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    start_quiet_log();
    let mut flags = Table::new();
    if let Some(region) = &arguments.region {
        insert(&mut flags, "region", Value::String(region.clone()));
    }
    let place = Place::find(&arguments.at, flags)?;
    let mut import = read(&arguments.file, place.config.region())?;
    let count = import.contacts.len();
    let contacts = std::mem::take(&mut import.contacts);
    let done = if arguments.dry_run {
        None
    } else {
        let app = place.open_here()?;
        Some(runtime()?.block_on(async {
            let org = organization(&app).await?;
            anyhow::Ok(ops::contacts::import(&app, &org, contacts).await?)
        })?)
    };
    if arguments.json {
        return screen::json(&outcome(&import, count, done.unwrap_or_default()));
    }
    tell(&import, count, done)
}

/// Reads a file and takes it apart.
pub fn read(path: &Path, region: Option<&str>) -> anyhow::Result<Import> {
    let named = || path.display().to_string();
    let mut bytes = Vec::new();
    let limit = u64::try_from(FILE_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes)).with_context(named)?;
    import::read(&bytes, region).with_context(named)
}

fn outcome(import: &Import, contacts: usize, done: Imported) -> Outcome<'_> {
    Outcome {
        layout: import.layout,
        columns: &import.columns,
        rows: import.rows,
        contacts,
        created: done.created,
        filled: done.filled,
        unchanged: done.unchanged,
        folded_rows: import.folded.len(),
        refused_rows: import.refused.len(),
        folded: &import.folded,
        refused: &import.refused,
    }
}

fn tell(import: &Import, contacts: usize, done: Option<Imported>) -> anyhow::Result<()> {
    screen::say(format!(
        "{} rows of a {} export: {} contacts, {} folded into one of the same person, {} refused.",
        screen::number(import.rows),
        import.layout.as_str(),
        screen::number(contacts),
        screen::number(import.folded.len()),
        screen::number(import.refused.len()),
    ))?;
    match done {
        None => screen::say("Nothing was written: this was a dry run.")?,
        Some(done) => screen::say(format!(
            "{} are new, {} were known and got what they lacked, {} were known with all of it.",
            screen::number(done.created),
            screen::number(done.filled),
            screen::number(done.unchanged),
        ))?,
    }
    let refused = import.refused.iter().map(|row| vec![row.line.to_string(), row.reason.clone()]).collect();
    rows("Refused", &["line", "reason"], refused)?;
    let lossy = import.folded.iter().filter(|row| !row.left_out.is_empty());
    let folded = lossy.map(|row| vec![row.line.to_string(), row.into.to_string(), row.left_out.join("\n")]).collect();
    rows("Folded, with values that differ and were left out", &["line", "into line", "left out"], folded)
}

fn rows(title: &str, header: &[&str], mut rows: Vec<Vec<String>>) -> anyhow::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let count = rows.len();
    rows.truncate(SHOWN_ROWS);
    screen::say(format!("\n{title}:\n{}", screen::table(header, &[0], rows)))?;
    if count > SHOWN_ROWS {
        screen::say(format!("… and {} more; --json lists them all.", screen::number(count - SHOWN_ROWS)))?;
    }
    Ok(())
}
