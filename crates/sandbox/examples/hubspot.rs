//! Serves the HubSpot look-alike: `cargo run -p lockstep-sandbox --example hubspot -- 127.0.0.1:8920`.

use std::io;

use lockstep_sandbox::{Hubspot, HubspotSettings, serve, tokio_wait};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> io::Result<()> {
    let address = std::env::args().next_back().unwrap_or_default();
    let listener = TcpListener::bind(&address).await?;
    println!("HubSpot sandbox on http://{}", listener.local_addr()?);
    let hubspot = Hubspot::new(HubspotSettings {
        wait: Some(tokio_wait()),
        ..HubspotSettings::default()
    });
    serve(listener, hubspot.router(), async {
        drop(tokio::signal::ctrl_c().await)
    })
    .await
}
