//! Where a command works: the data folder, its settings and its database.

use std::fs;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use lockstep_core::env::Env;
use lockstep_store::{Org, Store, StoreError, Target};
use secrecy::ExposeSecret;
use toml::{Table, Value};
use tracing_subscriber::EnvFilter;

use crate::app::{App, Settings};
use crate::channel;
use crate::config::{Config, LogFormat, insert};
use crate::egress::Egress;
use crate::ops::crm::issuers::IssuerKeys;
use crate::reach::Pacing;
use crate::vault::Vault;

const DATABASE_FILE: &str = "lockstep.db";
const KEYRING_FILE: &str = "keyring";

/// Where the data are.
#[derive(clap::Args)]
pub struct Where {
    /// The folder with the database, the key ring and lockstep.toml
    #[arg(long, value_name = "DIR", env = "LOCKSTEP_DATA", hide_env_values = true, default_value = "lockstep-data")]
    pub data: PathBuf,
    /// Another settings file than DIR/lockstep.toml
    #[arg(long, value_name = "FILE", env = "LOCKSTEP_CONFIG", hide_env_values = true)]
    pub config: Option<PathBuf>,
    /// A PostgreSQL database instead of the file in DIR, such as postgres://user:password@host/name
    #[arg(long, value_name = "URL")]
    pub database: Option<String>,
    /// Let webhooks and connections reach this machine itself, also over plain http
    #[arg(long)]
    pub allow_local_targets: bool,
}

/// A data folder with its settings, read and checked.
pub struct Place {
    data: PathBuf,
    /// The settings.
    pub config: Config,
    /// The database.
    pub target: Target,
}

impl Place {
    /// Finds the folder and reads its settings; `flags` are settings given on the command line.
    pub fn find(at: &Where, mut flags: Table) -> anyhow::Result<Self> {
        if let Some(url) = &at.database {
            insert(&mut flags, "database", Value::String(url.clone()));
        }
        if at.allow_local_targets {
            insert(&mut flags, "egress.allow_local_targets", Value::Boolean(true));
        }
        let config = Config::load(&at.data, at.config.as_deref(), environment(), flags)?;
        let target = if config.database.is_empty() {
            Target::Sqlite(at.data.join(DATABASE_FILE))
        } else {
            Target::Postgres(config.database.clone())
        };
        Ok(Self { data: at.data.clone(), config, target })
    }

    /// Opens the database and everything around it; makes the folder, the database and the key ring where they
    /// are missing. Links and signatures are made for a server at `url`, unless the settings name another.
    pub fn open(&self, url: &str) -> anyhow::Result<App> {
        self.make_folder()?;
        let env = super::env()?;
        let vault = self.vault(&env)?;
        let store = Store::open(&self.target, env.clone())?;
        let settings = Arc::new(self.config.settings(url));
        let network = Arc::new(Egress::new(settings.egress.clone())?);
        let channels = channel::registry::all();
        Ok(App {
            env,
            store,
            vault,
            network,
            channels,
            pacing: Pacing::default(),
            issuer_keys: IssuerKeys::default(),
            settings,
        })
    }

    /// Makes the data folder where it is missing.
    pub fn make_folder(&self) -> anyhow::Result<()> {
        make_private_folder(&self.data).with_context(|| format!("cannot make the folder {}", self.data.display()))
    }

    /// As [`open`](Self::open), for a command that does not serve.
    pub fn open_here(&self) -> anyhow::Result<App> {
        self.open(&format!("http://{}", self.config.listen))
    }

    /// As [`open_here`](Self::open_here), for a command that has nothing to do where nothing is yet: a mistyped folder
    /// is told and not made.
    pub fn open_existing(&self) -> anyhow::Result<App> {
        let (what, path) = match &self.target {
            Target::Sqlite(path) => ("database", path.clone()),
            Target::Postgres(_) if !self.config.keyring.expose_secret().is_empty() => return self.open_here(),
            Target::Postgres(_) => ("key ring", self.keyring_file()),
        };
        if !path.exists() {
            bail!("there is no {what} at {}: name the folder with --data, or run `lockstep init`", path.display());
        }
        self.open_here()
    }

    fn vault(&self, env: &Env) -> anyhow::Result<Vault> {
        let text = self.config.keyring.expose_secret();
        let ring = self.data.join(KEYRING_FILE);
        let vault = if text.is_empty() { Vault::load_or_create(&ring, env) } else { Vault::from_text(text) };
        vault.context("the key ring cannot be used")
    }

    /// Keeps a file in the data folder.
    pub fn keep(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let path = self.data.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Where the key ring's file would be.
    pub fn keyring_file(&self) -> PathBuf {
        self.data.join(KEYRING_FILE)
    }

    /// Starts the log as the settings want it.
    pub fn start_log(&self) {
        start_log(&self.config.log.level, self.config.log.format);
    }
}

/// Lets a command reach the addresses of the organization's own connections, wherever they are: its operator typed them
/// when connecting. A server needs its own permission, because others connect through it.
pub async fn reach_own_connections(app: App, org: &Org) -> anyhow::Result<App> {
    let org = org.clone();
    let own = app.store.read(move |tx| {
        let context = tx.own_context(&org)?;
        let connections = tx.connections(&org)?.into_iter();
        Ok::<_, StoreError>(connections.filter(|of| of.connection().context == context).collect::<Vec<_>>())
    });
    let mut settings = Settings::clone(&app.settings);
    let own = own.await?;
    let addresses = own.iter().map(|of| &of.connection().base_url).chain(settings.vendor_urls.values());
    let named: Vec<String> = addresses.filter_map(|address| authority(address)).collect();
    settings.egress.allow.extend(named);
    let network = Arc::new(Egress::new(settings.egress.clone())?);
    Ok(App { network, settings: Arc::new(settings), ..app })
}

/// Host and port of an address, as `egress.allow` writes them.
pub fn authority(base_url: &str) -> Option<String> {
    let url = url::Url::parse(base_url).ok()?;
    Some(format!("{}:{}", url.host_str()?, url.port_or_known_default()?))
}

/// Starts the log of a command that answers and ends: it tells of trouble only.
pub fn start_quiet_log() {
    let level = std::env::var("LOCKSTEP_LOG_LEVEL").unwrap_or_else(|_| "warn".to_owned());
    start_log(&level, LogFormat::Text);
}

fn start_log(level: &str, format: LogFormat) {
    let filter = EnvFilter::try_new(level).unwrap_or_else(|_| EnvFilter::new("info"));
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr);
    // A second log in one process (the demo's server) joins the first.
    let _ = match format {
        LogFormat::Text => log.with_target(false).try_init(),
        LogFormat::Json => log.json().try_init(),
    };
}

fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// The folder holds the key ring: nobody else may look into it.
fn make_private_folder(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    if path.is_dir() {
        return Ok(());
    }
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// A runtime for one command. Two threads answer thousands of requests a second and keep an idle server small.
pub fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.context("the system gives no threads")
}
