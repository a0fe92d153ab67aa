//! The command line: one file a command.

mod accounts;
mod app;
mod audit;
mod channel;
mod config;
mod conform;
mod connect;
mod demo;
mod doctor;
mod http;
mod import;
pub mod init;
mod jobs;
mod keys;
mod migrate;
mod organizations;
mod parked;
mod place;
mod plan_rows;
pub mod sandbox;
pub mod screen;
pub mod serve;
pub mod stop;
pub mod sync;
mod teams;
mod tls;
mod users;
mod webhooks;
mod why;

use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use lockstep_core::env::{Env, Wait};

/// Keeps a messaging inbox and its customers' CRMs in step, both ways.
#[derive(Parser)]
#[command(name = "lockstep", version, about, propagate_version = true, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// See it work: an inbox and look-alikes of CRMs on this machine, filled, planned, synced and edited
    Demo(demo::Arguments),
    /// Make the database, an organization and its keys
    Init(init::Arguments),
    /// Serve every surface and run the syncs until interrupted
    Serve(serve::Arguments),
    /// Read contacts from a CSV file of HubSpot, Salesforce, Google or any other program
    Import(import::Arguments),
    /// Connect a CRM account
    Connect(connect::Arguments),
    /// Show where a connection's CRM sends webhooks, and the token that it handed over there
    Webhooks(webhooks::Arguments),
    /// Connect an account to its network, so that messages come in and go out
    #[command(subcommand)]
    Channel(channel::Command),
    /// Plan, start and watch a sync
    #[command(subcommand)]
    Sync(sync::Command),
    /// Explain why a field of a contact has its value
    Why(why::Arguments),
    /// Look after what was set aside for a person
    #[command(subcommand)]
    Parked(parked::Command),
    /// Show who did what to the set-up, newest first
    Audit(audit::Arguments),
    /// Make, list and revoke API keys
    #[command(subcommand)]
    Keys(keys::Command),
    /// Show and set what an app is that uses the CRM API
    #[command(subcommand)]
    App(app::Command),
    /// Make and list organizations, the tenants of one server
    #[command(subcommand)]
    Organizations(organizations::Command),
    /// Add, list and remove the people whom conversations are assigned to
    #[command(subcommand)]
    Users(users::Command),
    /// Make, list and remove teams, and say who belongs to them
    #[command(subcommand)]
    Teams(teams::Command),
    /// Add and list WhatsApp accounts, and give them to teams
    #[command(subcommand)]
    Accounts(accounts::Command),
    /// Show what holds of a connector, on the vendor's look-alike or on a real account
    Conform(conform::Arguments),
    /// Say what is wrong with a set-up and how to mend it
    Doctor(doctor::Arguments),
    /// Bring the database to this program's schema
    Migrate(migrate::Arguments),
    /// Print the settings file with every setting at its default
    Config,
    /// Serve a look-alike of a vendor for tests
    #[command(subcommand)]
    Sandbox(sandbox::Command),
    /// Print the completion script of a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// Runs the command that the process was started with. Failures end in one line on the standard error and exit
/// code 1; misuse in exit code 2.
pub fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Demo(arguments) => demo::run(arguments),
        Command::Init(arguments) => init::run(&arguments),
        Command::Serve(arguments) => serve::run(arguments),
        Command::Import(arguments) => import::run(&arguments),
        Command::Connect(arguments) => connect::run(arguments),
        Command::Webhooks(arguments) => webhooks::run(&arguments),
        Command::Channel(command) => channel::run(command),
        Command::Sync(command) => sync::run(command),
        Command::Why(arguments) => why::run(&arguments),
        Command::Parked(command) => parked::run(command),
        Command::Audit(arguments) => audit::run(&arguments),
        Command::Keys(command) => keys::run(command),
        Command::App(command) => app::run(command),
        Command::Organizations(command) => organizations::run(command),
        Command::Users(command) => users::run(command),
        Command::Teams(command) => teams::run(command),
        Command::Accounts(command) => accounts::run(command),
        Command::Conform(arguments) => conform::run(arguments),
        Command::Doctor(arguments) => return doctor::run(&arguments),
        Command::Migrate(arguments) => migrate::run(&arguments),
        Command::Config => config::run(),
        Command::Sandbox(command) => sandbox::run(command),
        Command::Completions { shell } => completions(shell),
    };
    report(outcome)
}

/// The machine's clock, chance and timer.
pub fn env() -> anyhow::Result<Env> {
    #[expect(clippy::disallowed_methods, reason = "this is where the program gets its timer from")]
    let wait: Wait = Arc::new(|span| Box::pin(tokio::time::sleep(span)));
    Ok(Env::system().context("the system gives no randomness")?.waiting(wait))
}

/// Waits between two looks at what another process does.
#[expect(clippy::disallowed_methods, reason = "a command that watches another process has no job to wait for")]
pub async fn look_again(span: Duration) {
    tokio::time::sleep(span).await;
}

fn completions(shell: Shell) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "lockstep", &mut script);
    screen::say(String::from_utf8_lossy(&script).trim_end())
}

/// One line for a failure. Whoever reads our output may stop reading: that is no failure.
fn report(outcome: anyhow::Result<()>) -> ExitCode {
    let Err(error) = outcome else { return ExitCode::SUCCESS };
    let closed = error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe);
    if closed {
        return ExitCode::SUCCESS;
    }
    let line = format!("{error:#}").split_whitespace().collect::<Vec<_>>().join(" ");
    eprintln!("lockstep: {line}");
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_and_flag_is_well_formed() {
        Arguments::command().debug_assert();
    }

    /// Set `LOCKSTEP_BLESS=1` to write the page anew.
    #[test]
    fn the_page_of_commands_is_what_the_help_says() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/commands.md");
        let mut page = PAGE_HEAD.to_owned();
        let mut program = Arguments::command();
        program.build();
        for command in program.get_subcommands_mut().filter(|command| command.get_name() != "help") {
            describe(command, &mut page);
        }
        if std::env::var_os("LOCKSTEP_BLESS").is_some() {
            std::fs::write(path, &page).expect("a writable page");
        }
        assert!(std::fs::read_to_string(path).expect("a readable page") == page, "docs/commands.md is out of date");
    }

    const PAGE_HEAD: &str = "# Commands\n\nGenerated from the help of the program. Results go to the standard output, remarks \
        and progress to the standard\nerror. The exit code is 0 for success, 1 for a failure (told in one line), 2 for a command \
        line that cannot be\nunderstood. `--json` prints for programs what is otherwise printed for people.\n";

    fn describe(command: &mut clap::Command, page: &mut String) {
        let inner: Vec<&mut clap::Command> =
            command.get_subcommands_mut().filter(|command| command.get_name() != "help").collect();
        if inner.is_empty() {
            let help = command.render_help().to_string();
            let name = command.get_bin_name().unwrap_or_default();
            page.push_str(&format!("\n## {name}\n\n```text\n{}\n```\n", help.trim_end()));
            return;
        }
        for command in inner {
            describe(command, page);
        }
    }
}
