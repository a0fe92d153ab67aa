//! The pages that show the documents of the APIs: whole, from this server alone.

use crate::desk::{Answered, Desk};

async fn page(desk: &Desk, path: &str) -> Answered {
    let answered = desk.request(http::Request::get(path).body(axum::body::Body::empty()).expect("a request")).await;
    let policy = answered.header("content-security-policy").unwrap_or_default();
    assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{path}: {policy}");
    assert!(!policy.contains("http"), "{path}: {policy}");
    answered
}

#[tokio::test]
async fn the_documents_can_be_browsed_and_nothing_is_loaded_from_outside() {
    let desk = Desk::new().await;
    browse(&desk, "/docs", "/v1/openapi.json").await;
    browse(&desk, "/docs/crm", "/api/openapi.json").await;
}

async fn browse(desk: &Desk, at: &str, document: &str) {
    let front = page(desk, at).await;
    assert_eq!((front.status.as_u16(), front.header("location")), (303, Some(format!("{at}/").as_str())));
    let front = page(desk, &format!("{at}/")).await;
    assert_eq!((front.status.as_u16(), front.header("content-type")), (200, Some("text/html")));
    let named = front.text.split(['"', '\'']).filter(|part| part.ends_with(".js") || part.ends_with(".css"));
    let files: Vec<&str> = named.collect();
    assert!(files.len() >= 4, "{}", front.text);
    for file in files {
        let name = file.strip_prefix("./").unwrap_or(file);
        assert!(!name.contains('/'), "{file} is no file beside the page");
        let loaded = page(desk, &format!("{at}/{name}")).await;
        assert!(loaded.status == 200 && !loaded.text.is_empty(), "{file}: {}", loaded.status);
    }
    assert!(!front.text.contains("://"), "{}", front.text);
    let start = page(desk, &format!("{at}/swagger-initializer.js")).await.text;
    assert!(start.contains(&format!("\"{document}\"")) && start.contains("\"validatorUrl\": \"none\""), "{start}");
}
