//! Tokens that another issuer signed: taken when they are the app's issuer's, whole and in time, and never else.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use serde_json::{Value, json};

use super::signet::{ORIGIN, Signet};

const ISSUER: &str = "https://login.signet.example/";

struct Issuer {
    key: KeyPair,
}

impl Issuer {
    fn new() -> Self {
        Self { key: KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key") }
    }

    /// The issuer's page of keys (RFC 7517).
    fn jwks(&self) -> Value {
        let raw = self.key.public_key_raw();
        let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        json!({ "keys": [{ "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "one",
            "x": part(&raw[1..33]), "y": part(&raw[33..65]) }] })
    }

    fn sign(&self, algorithm: Algorithm, claims: &Value) -> String {
        let header = Header { kid: Some("one".to_owned()), ..Header::new(algorithm) };
        let key = match algorithm {
            Algorithm::HS256 => EncodingKey::from_secret(self.jwks().to_string().as_bytes()),
            _ => EncodingKey::from_ec_der(&self.key.serialize_der()),
        };
        encode(&header, claims, &key).expect("a token")
    }
}

fn trusting(issuer: &Issuer) -> Signet {
    let signet = Signet::new();
    signet.world.wire.serve("https://login.signet.example/jwks.json", issuer.jwks());
    let settings = json!({ "name": "Signet", "allowed_origins": [ORIGIN], "token_issuers": [{
        "issuer": ISSUER, "audience": "signet", "name_claim": "name", "jwks_url": "https://login.signet.example/jwks.json" }] });
    let (status, body) = signet.api("PUT", "/api/platform/app", &settings);
    assert_eq!(status, 200, "{body}");
    signet
}

fn claims(signet: &Signet) -> Value {
    let now = signet.world.now().as_secs();
    json!({ "iss": ISSUER, "aud": "signet", "sub": "team-7", "name": "Team 7", "exp": now + 600 })
}

fn ask(signet: &Signet, token: &str) -> u16 {
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str()), ("origin", ORIGIN)];
    signet.send("GET", "/api/platform_user/connections", &Value::Null, &headers).0.as_u16()
}

#[test]
fn a_token_of_the_apps_issuer_stands_for_its_context() {
    let issuer = Issuer::new();
    let mut signet = trusting(&issuer);
    signet.token = issuer.sign(Algorithm::ES256, &claims(&signet));
    signet.connect("c");
    let (_, body) = signet.api("GET", "/api/v1/crm/connections?context=team-7", &Value::Null);
    assert_eq!(body["connections"][0]["context"]["external_id"], "team-7", "{body}");
    signet.world.pass(Duration::from_secs(601));
    assert_eq!(ask(&signet, &signet.token), 401, "it has ended");
}

#[test]
fn every_other_token_is_refused() {
    let (issuer, other) = (Issuer::new(), Issuer::new());
    let signet = trusting(&issuer);
    let good = claims(&signet);
    let changed = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        issuer.sign(Algorithm::ES256, &claims)
    };
    assert_eq!(ask(&signet, &issuer.sign(Algorithm::ES256, &good)), 200);
    let future = signet.world.now().as_secs() + 60;
    for (what, token) in [
        ("another key", other.sign(Algorithm::ES256, &good)),
        ("the public key as a shared secret", issuer.sign(Algorithm::HS256, &good)),
        ("another issuer", changed("iss", json!("https://evil.example/"))),
        ("another audience", changed("aud", json!("other"))),
        ("no end", changed("exp", Value::Null)),
        ("not yet", changed("nbf", json!(future))),
        ("no context", changed("sub", json!(7))),
        ("an empty context", changed("sub", json!(""))),
        ("nonsense", "a.b.c".to_owned()),
    ] {
        assert_eq!(ask(&signet, &token), 401, "{what}");
    }
}
