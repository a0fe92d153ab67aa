//! Serves the HubSpot look-alike without its index lag and limiters, webhooks included:
//! `cargo run -p lockstep-sandbox --example hubspot -- 127.0.0.1:8920`.

use std::error::Error;
use std::time::Duration;

use lockstep_sandbox::hubspot::{HookDelivery, deliver_hooks};
use lockstep_sandbox::{Hubspot, HubspotSettings, serve, tokio_wait};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().next_back().unwrap_or_default();
    let listener = TcpListener::bind(&address).await?;
    println!("HubSpot sandbox on http://{}", listener.local_addr()?);
    let hubspot =
        Hubspot::new(HubspotSettings { wait: Some(tokio_wait()), quirks: false, ..HubspotSettings::default() });
    let client = reqwest::Client::builder().timeout(Duration::from_secs(5)).build()?;
    let hooks = deliver_hooks(hubspot.clone(), tokio_wait(), move |delivery| post(client.clone(), delivery));
    tokio::spawn(hooks);
    let interrupted = async { drop(tokio::signal::ctrl_c().await) };
    serve(listener, hubspot.router(), interrupted).await?;
    Ok(())
}

async fn post(client: reqwest::Client, delivery: HookDelivery) -> bool {
    let request = client.post(&delivery.url).body(delivery.body);
    let request = delivery.headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
    request.send().await.is_ok_and(|response| response.status().is_success())
}
