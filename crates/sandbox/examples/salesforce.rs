//! Serves the Salesforce look-alike without its index lag and daily limit, with an external-id field for contacts:
//! `cargo run -p lockstep-sandbox --example salesforce -- 127.0.0.1:8921`.

use std::error::Error;

use lockstep_sandbox::salesforce::{Flow, Property};
use lockstep_sandbox::{Salesforce, SalesforceSettings, serve, tokio_wait};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().next_back().unwrap_or_default();
    let listener = TcpListener::bind(&address).await?;
    println!("Salesforce sandbox on http://{}", listener.local_addr()?);
    let salesforce = Salesforce::new(SalesforceSettings {
        wait: Some(tokio_wait()),
        quirks: false,
        bulk_step_us: 200_000,
        properties: vec![Property::external_id("Lockstep_Id__c")],
        ..SalesforceSettings::default()
    });
    salesforce.add_flow(Flow {
        name: "Greet".to_owned(),
        label: "Greet".to_owned(),
        required: vec!["contactId".to_owned()],
        optional: vec!["text".to_owned()],
        outputs: serde_json::Map::new(),
    });
    let interrupted = async { drop(tokio::signal::ctrl_c().await) };
    serve(listener, salesforce.router(), interrupted).await?;
    Ok(())
}
