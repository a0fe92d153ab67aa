use super::layers::known_settings;
use super::*;
use toml::Value;

fn load(text: &str, environment: &[(&str, &str)], flags: Table) -> Result<Config, ConfigError> {
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::layered("lockstep.toml", text, environment, flags)
}

fn refusal(text: &str, environment: &[(&str, &str)]) -> String {
    load(text, environment, Table::new()).err().map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn flags_win_over_the_environment_over_the_file() {
    let text = "listen = \"127.0.0.1:1\"\nregion = \"de\"\n[sync]\npoll_seconds = 7\n";
    let mut flags = Table::new();
    insert(&mut flags, "listen", Value::String("127.0.0.1:3".to_owned()));
    let environment =
        [("LOCKSTEP_LISTEN", "127.0.0.1:2"), ("LOCKSTEP_SYNC_POLL_SECONDS", "9"), ("LOCKSTEP_SPECS", "x")];
    let config = load(text, &environment, flags).expect("valid settings");
    assert_eq!(config.listen.port(), 3);
    assert_eq!(config.sync.poll_seconds, 9);
    assert_eq!(config.region(), Some("DE"));
    assert_eq!(config.sync.census_seconds, 86_400, "the rest keeps its default");
}

#[test]
fn unknown_names_are_refused_with_the_nearest() {
    assert_eq!(
        refusal("[sync]\npol_seconds = 1\n", &[]),
        "lockstep.toml: unknown setting \"sync.pol_seconds\"; did you mean \"sync.poll_seconds\"?"
    );
    assert_eq!(
        refusal("", &[("LOCKSTEP_LISTN", "127.0.0.1:2")]),
        "the environment: unknown setting \"LOCKSTEP_LISTN\"; did you mean \"LOCKSTEP_LISTEN\"?"
    );
}

#[test]
fn wrong_types_and_senseless_values_are_refused() {
    assert_eq!(refusal("listen = 8480\n", &[]), "lockstep.toml: \"listen\" must be text in quotes");
    let message = refusal("", &[("LOCKSTEP_SYNC_POLL_SECONDS", "soon")]);
    assert_eq!(message, "the environment: \"LOCKSTEP_SYNC_POLL_SECONDS\" must be a whole number");
    assert!(refusal("[sync]\npoll_seconds = 0\n", &[]).contains("from 1 to 86400"));
    assert!(refusal("[rate_limits]\npreset = \"huge\"\n", &[]).contains("self-hosted"));
    assert!(refusal("listen = \"here\"\n", &[]).starts_with("invalid settings"));
    assert!(refusal("public_url = \"ftp://a\"\n", &[]).contains("http or https"));
    assert!(refusal("listen = \n", &[]).contains("not valid TOML"));
}

#[test]
fn lists_come_from_the_environment_separated_by_commas() {
    let config =
        load("", &[("LOCKSTEP_EGRESS_ALLOW", "10.0.0.5:8069, odoo:80")], Table::new()).expect("valid settings");
    assert_eq!(config.egress.allow, ["10.0.0.5:8069", "odoo:80"]);
}

#[test]
fn every_setting_names_its_variable_in_the_file() {
    for setting in known_settings() {
        assert!(defaults().contains(&setting.variable()), "{} lacks {}", setting.path, setting.variable());
    }
}

/// Set `LOCKSTEP_BLESS=1` to write the page anew.
#[test]
fn the_reference_page_is_the_shipped_file() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/configuration.md");
    let page = format!("{REFERENCE_HEAD}```toml\n{}```\n", defaults());
    if std::env::var_os("LOCKSTEP_BLESS").is_some() {
        std::fs::write(path, &page).expect("a writable page");
    }
    let written = std::fs::read_to_string(path).expect("a readable page");
    assert!(written == page, "docs/reference/configuration.md is out of date");
}

const REFERENCE_HEAD: &str = "# Configuration\n\n\
    Generated from the file that `lockstep config` prints. Unknown keys are refused with the nearest known one.\n\
    The data folder itself is given by `--data` or `LOCKSTEP_DATA`, another settings file by `--config` or\n\
    `LOCKSTEP_CONFIG`.\n\n";
