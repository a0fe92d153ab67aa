//! What every test uses: one database under a clock that stands until it is moved.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::Router;
use http::Method;
use lockstep_sandbox::odoo::{Odoo, OdooSettings};
use serde_json::{Value, json};

pub use crate::desk::{Got, SECOND_US};
use crate::desk::{ask, clock};

pub struct Desk {
    pub odoo: Odoo,
    router: Router,
    now_us: Arc<AtomicI64>,
    pub token: String,
}

impl Got {
    pub fn ids(&self) -> Vec<u64> {
        self.json.as_array().into_iter().flatten().filter_map(|it| it["id"].as_u64().or(it.as_u64())).collect()
    }
}

impl Desk {
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    /// Version 14, which has JSON-RPC alone.
    pub fn old() -> Self {
        Self::with(|settings| settings.version = 14)
    }

    pub fn with(change: impl FnOnce(&mut OdooSettings)) -> Self {
        let (now_us, clock) = clock();
        let mut settings = OdooSettings { clock, shows_own_contacts: false, ..OdooSettings::default() };
        change(&mut settings);
        let odoo = Odoo::new(settings);
        Self { router: odoo.router(), odoo, now_us, token: "key-test".to_owned() }
    }

    pub fn pass(&self, us: i64) {
        self.now_us.fetch_add(us, Ordering::Relaxed);
    }

    /// A call by JSON-2.
    pub fn call(&self, model: &str, method: &str, body: &Value) -> Got {
        self.send(Method::POST, &format!("/json/2/{model}/{method}"), &[], body.to_string())
    }

    /// A call by JSON-2 on contacts that must succeed.
    pub fn ok(&self, method: &str, body: &Value) -> Value {
        let got = self.call("res.partner", method, body);
        assert_eq!(got.status, 200, "{}", got.text);
        got.json
    }

    /// The answer of `execute_kw`.
    pub fn rpc(&self, model: &str, method: &str, args: &Value, kwargs: &Value) -> Value {
        let args = json!(["sandbox", 2, self.token, model, method, args, kwargs]);
        self.service("object", "execute_kw", &args)
    }

    /// The whole answer of `/jsonrpc`.
    pub fn service(&self, service: &str, method: &str, args: &Value) -> Value {
        let params = json!({"service": service, "method": method, "args": args});
        let got = self.post("/jsonrpc", &json!({"jsonrpc": "2.0", "method": "call", "params": params, "id": 7}));
        assert_eq!(got.status, 200, "{}", got.text);
        got.json
    }

    pub fn post(&self, path: &str, body: &Value) -> Got {
        self.send(Method::POST, path, &[], body.to_string())
    }

    pub fn get(&self, path: &str) -> Got {
        self.send(Method::GET, path, &[], String::new())
    }

    pub fn contact(&self, vals: Value) -> u64 {
        self.ok("create", &json!({"vals_list": [vals]}))[0].as_u64().expect("an id")
    }

    /// One contact with all its fields.
    pub fn read(&self, id: u64) -> Value {
        self.ok("read", &json!({"ids": [id]}))[0].clone()
    }

    pub fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: String) -> Got {
        let bearer = format!("bearer {}", self.token);
        let own = [("host", "odoo.test"), ("authorization", bearer.as_str()), ("content-type", "application/json")];
        ask(&self.router, method, path, &[&own, headers].concat(), body)
    }
}
