//! Serves the Pipedrive look-alike without its index lag and limiters, webhooks included:
//! `cargo run -p lockstep-sandbox --example pipedrive -- 127.0.0.1:8923`.

use std::error::Error;
use std::time::Duration;

use lockstep_sandbox::pipedrive::{HookDelivery, deliver_hooks};
use lockstep_sandbox::{Pipedrive, PipedriveSettings, serve, tokio_wait};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().next_back().unwrap_or_default();
    let listener = TcpListener::bind(&address).await?;
    println!("Pipedrive sandbox on http://{}", listener.local_addr()?);
    let pipedrive =
        Pipedrive::new(PipedriveSettings { wait: Some(tokio_wait()), quirks: false, ..PipedriveSettings::default() });
    let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).build()?;
    let hooks = deliver_hooks(pipedrive.clone(), tokio_wait(), move |delivery| post(client.clone(), delivery));
    tokio::spawn(hooks);
    let interrupted = async { drop(tokio::signal::ctrl_c().await) };
    serve(listener, pipedrive.router(), interrupted).await?;
    Ok(())
}

async fn post(client: reqwest::Client, delivery: HookDelivery) -> bool {
    let request = client.post(&delivery.url).body(delivery.body);
    let request = delivery.headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
    request.send().await.is_ok_and(|response| response.status().is_success())
}
