//! What the demo runs on: a fresh folder, look-alikes and a hub, all in this process and on loopback.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use lockstep_connect::About;
use lockstep_sandbox::vendor::{Basics, Listed};
use lockstep_sandbox::{Vendor, system_clock, tokio_wait};
use lockstep_store::{Org, Store, Target};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use toml::{Table, Value};

use crate::app::App;
use crate::channel::Channels;
use crate::cli::stop::Stop;
use crate::cli::{self, init, sandbox, serve};
use crate::config::{Config, insert};
use crate::egress::Egress;
use crate::ops::crm::issuers::IssuerKeys;
use crate::reach::{self, Pacing};
use crate::vault::Vault;

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
    /// The look-alikes.
    pub crms: Vec<Crm>,
    /// Where numbers without a country code belong.
    pub region: Option<String>,
    folder: PathBuf,
    servers: Vec<JoinHandle<anyhow::Result<()>>>,
}

/// A CRM's look-alike on a port of its own.
pub struct Crm {
    /// What it is called and what its people type.
    pub listed: &'static Listed,
    /// The connector's own facts about the vendor.
    pub about: &'static About,
    /// The look-alike, as the people who work there see it.
    pub vendor: Arc<dyn Vendor>,
    /// Its address as a base for calls.
    pub url: String,
}

impl Stage {
    /// Sets everything up on ports that the system chooses. `region` is where numbers without a country code belong.
    pub async fn set(crms: &[&'static Listed], region: Option<&str>, stop: Stop) -> anyhow::Result<Self> {
        let (inbox_listener, inbox) = listen().await?;
        let config = settings(region)?;

        let env = cli::env()?;
        let folder = std::env::temp_dir().join(format!("lockstep-demo-{}", env.ulid().to_lowercase()));
        std::fs::create_dir(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let settings = Arc::new(config.settings(&format!("http://{inbox}")));
        let target = Target::Sqlite(folder.join("lockstep.db"));
        let app = App {
            store: Store::open(&target, env.clone())?,
            vault: Vault::load_or_create(&folder.join("keyring"), &env)?,
            network: Arc::new(Egress::new(settings.egress.clone())?),
            channels: Channels::new(Vec::new()),
            pacing: Pacing::default(),
            issuer_keys: IssuerKeys::default(),
            settings,
            env,
        };
        let org = init::organization(&app).await?;
        let api_key = init::first_keys(&app, &org).await?.api_key;
        let mut servers = vec![tokio::spawn(serve::serve(app.clone(), target, inbox_listener, stop.clone()))];
        let mut stage_crms = Vec::new();
        for listed in crms {
            let (listener, address) = listen().await?;
            let vendor: Arc<dyn Vendor> =
                Arc::from((listed.make)(Basics { clock: system_clock(), wait: Some(tokio_wait()), quirks: true }));
            let (serving, stop) = (Arc::clone(&vendor), stop.clone());
            servers.push(tokio::spawn(async move { sandbox::serve(serving.as_ref(), listener, stop).await }));
            let about = reach::connector(listed.slug)?.about();
            stage_crms.push(Crm { listed, about, vendor, url: format!("http://{address}") });
        }
        Ok(Self { app, org, api_key, inbox, crms: stage_crms, region: region.map(str::to_owned), folder, servers })
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

/// The defaults, with what look-alikes need. A demo shall be the same everywhere: no file and no environment.
fn settings(region: Option<&str>) -> anyhow::Result<Config> {
    let mut flags = Table::new();
    let mut set = |path: &str, value: Value| insert(&mut flags, path, value);
    set("region", Value::String(region.unwrap_or_default().to_owned()));
    set("egress.allow_local_targets", Value::Boolean(true));
    Ok(Config::shipped(flags)?)
}
