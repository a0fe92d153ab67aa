//! Serves the Notion look-alike without its search lag and limiter, webhooks included:
//! `cargo run -p lockstep-sandbox --example notion -- 127.0.0.1:8930`.

use std::error::Error;
use std::time::Duration;

use lockstep_sandbox::notion::{Hook, deliver_hooks};
use lockstep_sandbox::{Notion, NotionSettings, serve, tokio_wait};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().next_back().unwrap_or_default();
    let listener = TcpListener::bind(&address).await?;
    println!("Notion sandbox on http://{}", listener.local_addr()?);
    let notion = Notion::new(NotionSettings { wait: Some(tokio_wait()), quirks: false, ..NotionSettings::default() });
    let client = reqwest::Client::builder().timeout(Duration::from_secs(5)).build()?;
    let hooks = deliver_hooks(notion.clone(), tokio_wait(), move |hook| post(client.clone(), hook));
    tokio::spawn(hooks);
    let interrupted = async { drop(tokio::signal::ctrl_c().await) };
    serve(listener, notion.router(), interrupted).await?;
    Ok(())
}

async fn post(client: reqwest::Client, hook: Hook) -> bool {
    let request = client.post(&hook.url).body(hook.body);
    let request = hook.headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
    request.send().await.is_ok_and(|response| response.status().is_success())
}
