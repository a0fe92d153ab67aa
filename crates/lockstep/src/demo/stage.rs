//! What the demo runs on: a fresh folder, a HubSpot look-alike and a hub, all in this process and on loopback.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use lockstep_sandbox::{Hubspot, HubspotSettings, tokio_wait};
use lockstep_store::{Org, Store, Target};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use toml::{Table, Value};

use super::tap::Tap;
use crate::app::App;
use crate::channel::Channels;
use crate::cli::stop::Stop;
use crate::cli::{self, init, sandbox, serve};
use crate::config::{Config, insert};
use crate::egress::Egress;
use crate::ops::crm::issuers::IssuerKeys;
use crate::reach::Pacing;
use crate::vault::Vault;

/// The look-alike's search index learns of a write after this long. HubSpot's own takes longer; a demo is watched.
const INDEX_LAG_US: i64 = 1_000_000;

/// Everything on stage.
pub struct Stage {
    /// The hub.
    pub app: App,
    /// Its organization.
    pub org: Org,
    /// A key of the inbox API.
    pub api_key: String,
    /// The hub's address.
    pub inbox: SocketAddr,
    /// The look-alike, as people at HubSpot see it.
    pub hubspot: Hubspot,
    /// The look-alike's address.
    pub crm: SocketAddr,
    /// Counts the hub's calls to the look-alike.
    pub tap: Arc<Tap>,
    /// Where numbers without a country code belong.
    pub region: Option<String>,
    folder: PathBuf,
    servers: Vec<JoinHandle<anyhow::Result<()>>>,
}

impl Stage {
    /// Sets everything up on ports that the system chooses. `region` is where numbers without a country code belong.
    pub async fn set(region: Option<&str>, stop: Stop) -> anyhow::Result<Self> {
        let (inbox_listener, inbox) = listen().await?;
        let (crm_listener, crm) = listen().await?;
        let look_alike =
            HubspotSettings { wait: Some(tokio_wait()), index_lag_us: INDEX_LAG_US, ..HubspotSettings::default() };
        let config = settings(region, &look_alike)?;
        let hubspot = Hubspot::new(look_alike);

        let env = cli::env()?;
        let folder = std::env::temp_dir().join(format!("lockstep-demo-{}", env.ulid().to_lowercase()));
        std::fs::create_dir(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let settings = Arc::new(config.settings(&format!("http://{inbox}")));
        let tap = Arc::new(Tap::new(Egress::new(settings.egress.clone())?, crm.to_string()));
        let target = Target::Sqlite(folder.join("lockstep.db"));
        let app = App {
            store: Store::open(&target, env.clone())?,
            vault: Vault::load_or_create(&folder.join("keyring"), &env)?,
            network: Arc::clone(&tap) as _,
            channels: Channels::new(Vec::new()),
            pacing: Pacing::default(),
            issuer_keys: IssuerKeys::default(),
            settings,
            env,
        };
        let org = init::organization(&app).await?;
        let api_key = init::first_keys(&app, &org).await?.api_key;
        let servers = vec![
            tokio::spawn({
                let (hubspot, stop) = (hubspot.clone(), stop.clone());
                async move { sandbox::serve(&hubspot, crm_listener, stop).await }
            }),
            tokio::spawn(serve::serve(app.clone(), target, inbox_listener, stop)),
        ];
        Ok(Self { app, org, api_key, inbox, hubspot, crm, tap, region: region.map(str::to_owned), folder, servers })
    }

    /// Lets HubSpot tell of edits at once. Before, our own writes would come back one by one.
    pub fn switch_webhooks_on(&self) {
        let url = format!("{}/hooks/hubspot", self.inbox_url());
        self.hubspot.subscribe(&url, &["email", "firstname", "lastname", "phone"]);
    }

    /// The look-alike's address as a base for calls.
    pub fn crm_url(&self) -> String {
        format!("http://{}", self.crm)
    }

    /// The hub's address as a base for calls.
    pub fn inbox_url(&self) -> String {
        format!("http://{}", self.inbox)
    }

    /// Waits until the servers have ended and removes the folder.
    pub async fn strike(self) -> anyhow::Result<()> {
        let Self { app, folder, servers, .. } = self;
        for server in servers {
            server.await??;
        }
        drop(app);
        std::fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))
    }
}

async fn listen() -> anyhow::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await.context("cannot listen on loopback")?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// The defaults, with what the look-alike needs. A demo shall be the same everywhere: no file and no environment.
fn settings(region: Option<&str>, look_alike: &HubspotSettings) -> anyhow::Result<Config> {
    let mut flags = Table::new();
    let mut set = |path: &str, value: Value| insert(&mut flags, path, value);
    set("region", Value::String(region.unwrap_or_default().to_owned()));
    set("egress.allow_local_targets", Value::Boolean(true));
    set("hubspot.client_id", Value::String(look_alike.client_id.clone()));
    set("hubspot.client_secret", Value::String(look_alike.client_secret.clone()));
    Ok(Config::shipped(flags)?)
}
