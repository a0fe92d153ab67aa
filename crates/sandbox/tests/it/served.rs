//! The look-alike on a real address, where a lost answer is a connection that ends.

use lockstep_sandbox::{Effect, Fault, Hubspot, HubspotSettings, serve, tokio_wait};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Sends one request and reads until the connection ends.
async fn ask(address: std::net::SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let body = r#"{"properties":{"firstname":"Ada"}}"#;
    let request = format!(
        "POST /crm/v3/objects/contacts HTTP/1.1\r\nhost: sandbox\r\nconnection: close\r\nauthorization: Bearer t\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.expect("it reads");
    let mut answer = Vec::new();
    // A reset is an end like any other here.
    drop(stream.read_to_end(&mut answer).await);
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn lost_answers_are_connections_that_end() {
    let hubspot = Hubspot::new(HubspotSettings { wait: Some(tokio_wait()), ..HubspotSettings::default() });
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let server = tokio::spawn(serve(listener, hubspot.router(), std::future::pending()));

    assert!(ask(address).await.starts_with("HTTP/1.1 201"));
    hubspot.faults().push(Fault::anywhere(Effect::LostBefore));
    assert_eq!(ask(address).await, "");
    assert_eq!(hubspot.records().len(), 1);
    hubspot.faults().push(Fault::anywhere(Effect::LostAfter));
    assert_eq!(ask(address).await, "");
    assert_eq!(hubspot.records().len(), 2);
    hubspot.faults().push(Fault::anywhere(Effect::Reset));
    let broken = ask(address).await;
    assert!(broken.starts_with("HTTP/1.1 201") && !broken.ends_with("0\r\n\r\n"), "{broken}");
    hubspot.faults().push(Fault::anywhere(Effect::Truncate));
    let short = ask(address).await;
    let body = short.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).expect("a body");
    assert!(serde_json::from_str::<serde_json::Value>(&body).is_err());
    server.abort();
}
