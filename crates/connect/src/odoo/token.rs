//! What a person types in, and how a call travels with it: JSON-2 (Odoo 19 and later; "External JSON-2 API") or JSON-RPC
//! ("External RPC API"), whichever the token is for.

use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value as Json, json};

use super::wire::JSON2;
use crate::door::{Call, Proven};
use crate::oauth::Grant;

/// The database that JSON-2 is to open, where a server has several.
const DATABASE: HeaderName = HeaderName::from_static("x-odoo-database");

/// A token in one of its forms: `KEY`, `DATABASE:KEY`, `DATABASE:USER-ID:KEY`.
enum Token<'a> {
    Json2 { database: Option<&'a str>, key: &'a str },
    JsonRpc { database: &'a str, user: u64, key: &'a str },
}

impl<'a> Token<'a> {
    fn read(text: &'a str) -> Self {
        let mut parts = text.trim().splitn(3, ':');
        match (parts.next().unwrap_or_default(), parts.next(), parts.next()) {
            // Someone who is no number is nobody, which Odoo refuses as such.
            (database, Some(user), Some(key)) => {
                Self::JsonRpc { database, user: user.trim().parse().unwrap_or_default(), key }
            }
            (database, Some(key), None) => Self::Json2 { database: Some(database), key },
            (key, None, _) => Self::Json2 { database: None, key },
        }
    }
}

/// The call as the grant's protocol has it. Inside, a call is JSON-2's: the model and the method are in the path, the
/// arguments are the body's members.
pub(super) fn prove(grant: &Grant, call: &Call) -> Proven {
    match Token::read(grant.access.expose_secret()) {
        Token::Json2 { database, key } => {
            let bearer = SecretString::from(format!("bearer {key}"));
            // A name that no header can hold is not any database's.
            let named = database.filter(|name| HeaderValue::from_str(name).is_ok());
            let database = named.map(|name| (DATABASE, SecretString::from(name.to_owned())));
            let headers = [(AUTHORIZATION, bearer)].into_iter().chain(database).collect();
            Proven { path: call.path.clone(), headers, body: call.body.clone() }
        }
        Token::JsonRpc { database, user, key } => {
            let (model, method) = call.path.trim_start_matches(JSON2).split_once('/').unwrap_or_default();
            let (args, named) = python_arguments(method, call.body.as_ref());
            let args = json!([database, user, key, model, method, args, named]);
            let params = json!({ "service": "object", "method": "execute_kw", "args": args });
            let body = json!({ "jsonrpc": "2.0", "method": "call", "params": params, "id": 1 });
            Proven { path: "/jsonrpc".to_owned(), headers: Vec::new(), body: Some(body) }
        }
    }
}

/// The arguments that go by place and those that go by name. The records come first; `create` looks for its rows by
/// place alone (`call_kw_model_create` in Odoo's `api.py`).
fn python_arguments(method: &str, body: Option<&Json>) -> (Vec<Json>, Map<String, Json>) {
    let mut named = body.and_then(Json::as_object).cloned().unwrap_or_default();
    let first = if method == "create" { named.remove("vals_list") } else { named.remove("ids") };
    (first.into_iter().collect(), named)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::odoo::wire;

    fn sent(token: &str, call: &Call) -> (String, Vec<(String, String)>, Json) {
        let Proven { path, headers, body } = prove(&Grant::fixed(token.to_owned().into()), call);
        let text = |(name, value): &(HeaderName, SecretString)| (name.to_string(), value.expose_secret().to_owned());
        (path, headers.iter().map(text).collect(), body.expect("a body"))
    }

    #[test]
    fn a_key_is_for_json_2_with_or_without_its_database() {
        let call = wire::read("res.partner", "search_read", json!({ "domain": [] }));
        let bearer = ("authorization".to_owned(), "bearer k1".to_owned());
        let (path, headers, body) = sent("k1", &call);
        assert_eq!((path.as_str(), headers), ("/json/2/res.partner/search_read", vec![bearer.clone()]));
        assert_eq!(body, json!({ "domain": [] }));
        let (_, headers, _) = sent(" shop:k1\n", &call);
        assert_eq!(headers, [bearer, ("x-odoo-database".to_owned(), "shop".to_owned())]);
    }

    #[test]
    fn a_key_with_its_user_is_for_json_rpc() {
        let call = wire::write("res.partner", "write", json!({ "ids": [7], "vals": { "name": "Ada" } }));
        let (path, headers, body) = sent("shop:2:k:1", &call);
        assert_eq!((path.as_str(), headers.len()), ("/jsonrpc", 0));
        let args = json!(["shop", 2, "k:1", "res.partner", "write", [[7]], { "vals": { "name": "Ada" } }]);
        assert_eq!(body["params"], json!({ "service": "object", "method": "execute_kw", "args": args }));
        let call = wire::write("res.partner", "create", json!({ "vals_list": [{ "name": "Ada" }] }));
        let (_, _, body) = sent("shop:me@example.com:k", &call);
        assert_eq!(
            body["params"]["args"],
            json!(["shop", 0, "k", "res.partner", "create", [[{ "name": "Ada" }]], {}]),
            "a login is no user's id"
        );
    }
}
