//! Odoo's worlds, one for each protocol, and what only Odoo has.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::Request;
use lockstep_sandbox::{Odoo, OdooSettings};
use serde_json::{Value as Json, json};
use tower::ServiceExt as _;

use crate::world::{Account, Lack, Sample, World, at_once, on_its_sandbox};

/// A field of its own that every model of the cases has.
pub const SHOE: &str = "x_shoe_size";
const OBJECTS: [&str; 3] = ["res.partner", "crm.lead", "res.partner.category"];
/// The token of version 19, and of version 14.
pub const NEW: &str = "sandbox:key";
pub const OLD: &str = "sandbox:2:key";

struct OdooAccount {
    sandbox: Odoo,
    token: &'static str,
}

/// Odoo 19 over JSON-2.
pub fn world(_page_max: Option<usize>) -> World {
    World::new("odoo", |env| OdooAccount { sandbox: sandbox(19, move || env.now().0), token: NEW })
}

/// Odoo 14 over JSON-RPC.
pub fn old_world(_page_max: Option<usize>) -> World {
    World::new("odoo", |env| OdooAccount { sandbox: sandbox(14, move || env.now().0), token: OLD })
}

pub fn sandbox(version: u32, clock: impl Fn() -> i64 + Send + Sync + 'static) -> Odoo {
    sandbox_of(OdooSettings { clock: Arc::new(clock), version, ..OdooSettings::default() })
}

pub fn sandbox_of(settings: OdooSettings) -> Odoo {
    // What an account holds before anybody made a contact would stand among those that the cases count.
    let sandbox = Odoo::new(OdooSettings { shows_own_contacts: false, ..settings });
    for object in OBJECTS {
        let models = sandbox.records_of("ir.model").expect("models");
        let model = models.iter().find(|row| row.value("model") == Some(object)).expect("a model");
        let field = [("name", SHOE), ("model_id", &model.id), ("field_description", "Shoe"), ("ttype", "char")];
        sandbox.create_of("ir.model.fields", &field).expect("a field");
    }
    sandbox
}

/// Asks for something that has to go well.
fn post(router: Router, path: &str, body: &Json) {
    let request = Request::post(path).header("content-type", "application/json");
    let request = request.body(Body::from(body.to_string())).expect("a request");
    assert_eq!(at_once(router.oneshot(request)).expect("an answer").status(), 200);
}

impl Account for OdooAccount {
    on_its_sandbox!();

    fn token(&self) -> String {
        self.token.to_owned()
    }

    /// When the database was made.
    fn id(&self) -> String {
        "20261122120000".to_owned()
    }

    fn wanted(&self) -> Option<&'static str> {
        Some("name")
    }

    fn merge(&self, winner: &str, loser: &str) -> String {
        self.sandbox.merge(winner, loser).expect("a merge")
    }

    fn is_without(&self, name: &str) -> bool {
        name == "mobile" && self.token == NEW
    }

    /// Fields of a module cannot be dropped, only those that somebody made.
    fn droppable(&self) -> Option<&'static str> {
        Some(SHOE)
    }

    fn drop_property(&self, name: &str) {
        self.sandbox.drop_property(name).expect("a dropped field");
    }

    fn samples(&self) -> Vec<Sample> {
        samples()
    }

    fn drop_property_of(&self, object: &str, name: &str) {
        let fields = self.sandbox.records_of("ir.model.fields").expect("fields");
        let is_it = |row: &&lockstep_sandbox::odoo::Record| {
            row.value("model") == Some(object) && row.value("name") == Some(name)
        };
        let id: u64 = fields.iter().find(is_it).expect("a field").id.parse().expect("a number");
        let args = json!(["sandbox", 2, "key", "ir.model.fields", "unlink", [[id]]]);
        let params = json!({ "service": "object", "method": "execute_kw", "args": args });
        post(self.sandbox.router(), "/jsonrpc", &json!({ "jsonrpc": "2.0", "method": "call", "params": params }));
    }

    fn subscribe(&self, url: &str) -> String {
        self.sandbox.subscribe(url);
        String::new()
    }

    fn lacks(&self, lacking: Lack) -> Option<&'static str> {
        lack(lacking)
    }
}

pub fn samples() -> Vec<Sample> {
    let sample =
        |object| Sample { object, name: "name", needs: &[("name", "")], optional: SHOE, read_only: "write_date" };
    OBJECTS.map(sample).into()
}

/// What Odoo is without, and why.
pub fn lack(lack: Lack) -> Option<&'static str> {
    Some(match lack {
        Lack::UniqueAddresses => "two contacts may have one address, and a batch of new ones is all or nothing",
        Lack::TraceOfMerges => "a merge deletes the loser and names it nowhere",
        Lack::ShortPages => "a page is as long as was asked for",
        Lack::UniqueKeys => "no field of one's own is kept unique",
        Lack::FixedArchive => "an archived record can be written to",
        Lack::SignedHooks => "webhooks carry no proof, so none is taken",
        Lack::LateChanges => "what is committed shows at once; what is committed late is a case of its own",
        _ => return None,
    })
}
