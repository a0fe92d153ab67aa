//! Serves the Odoo look-alike, webhooks included: `cargo run -p lockstep-sandbox --example odoo -- 127.0.0.1:8069`.
//! Another version than 19 goes before the address: `-- 14 127.0.0.1:8069`.

use std::error::Error;
use std::time::Duration;

use lockstep_sandbox::odoo::{Hook, deliver_hooks};
use lockstep_sandbox::{Odoo, OdooSettings, serve, tokio_wait};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let listener = TcpListener::bind(arguments.last().map_or("127.0.0.1:8069", String::as_str)).await?;
    println!("Odoo sandbox on http://{}", listener.local_addr()?);
    let mut settings = OdooSettings { wait: Some(tokio_wait()), ..OdooSettings::default() };
    if let [version, _] = arguments.as_slice() {
        settings.version = version.parse()?;
    }
    let odoo = Odoo::new(settings);
    let client = reqwest::Client::builder().timeout(Duration::from_secs(1)).build()?;
    tokio::spawn(deliver_hooks(odoo.clone(), tokio_wait(), move |hook| post(client.clone(), hook)));
    let interrupted = async { drop(tokio::signal::ctrl_c().await) };
    serve(listener, odoo.router(), interrupted).await?;
    Ok(())
}

async fn post(client: reqwest::Client, hook: Hook) -> bool {
    let request = client.post(&hook.url).body(hook.body);
    let request = hook.headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
    request.send().await.is_ok_and(|response| response.status().is_success())
}
