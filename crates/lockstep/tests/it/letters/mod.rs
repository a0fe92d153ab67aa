//! A second channel, as small as one can be: a post office whose letters are JSON. It is one folder; nothing else knows it.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, Request};
use lockstep::channel::{
    About, Channel, ChannelFault, Connecting, Denied, Form, FormField, Inbound, Media, NOT_CONNECTED, Need, News, Open,
    Outcome, Outgoing, Sent, TemplatePage, TemplateQuery, Told, Way,
};
use lockstep::network::{Body, Limits};
use lockstep_core::env::Time;
use lockstep_core::message::MessageKind;
use lockstep_core::phone::Phone;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value as Json, json};
use sha2::Sha256;

/// The header with the seal of a letter.
pub const SEAL: &str = "x-letter-seal";

const LIMITS: Limits = Limits { timeout: Duration::from_secs(5), body: Body::Whole { bytes_max: 1_024 } };

const ABOUT: About = About {
    slug: "letters",
    name: "Letters",
    base_url: "https://post.test",
    form: &[FormField { name: "signet", help: "What seals letters", need: Need::Required }],
    advice: "Tell the post office where letters go:",
};

pub struct Letters;

/// The seal of a letter.
pub fn seal(signet: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(signet.as_bytes()).expect("any key will do");
    mac.update(body);
    hex::encode(mac.finalize().into_bytes())
}

fn letter(letter: &Json) -> Option<Inbound> {
    let text = |member: &str| Some(letter.get(member)?.as_str()?.to_owned());
    Some(Inbound {
        vendor_id: text("id")?,
        from: Phone::parse(&text("from")?).ok()?,
        profile_name: text("signed"),
        at: Time::from_secs(letter.get("at")?.as_i64()?),
        kind: MessageKind::Text,
        content: Map::from_iter([("body".to_owned(), text("text")?.into())]),
        reply_to: None,
        body: letter.as_object()?.clone(),
    })
}

fn unsupported<T>() -> Result<T, ChannelFault> {
    Err(ChannelFault::new(Outcome::Refused, NOT_CONNECTED, "Letters have none."))
}

#[async_trait]
impl Channel for Letters {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    async fn connect(&self, way: &Way, form: &Form) -> Result<Connecting, Denied> {
        let secrets = form.get("signet").expect("a required member was checked");
        if secrets.expose_secret() == "wax" {
            let fault = ChannelFault::new(Outcome::Refused, "soft", "It melts.");
            return Err(Denied { member: "signet", fault });
        }
        let phone_number = way.number.clone();
        Ok(Connecting { phone_number, name: Some("Post".to_owned()), secrets, handover: BTreeMap::new() })
    }

    fn verifies(&self, secrets: &SecretString, headers: &HeaderMap, body: &[u8]) -> bool {
        headers.get(SEAL).is_some_and(|it| it.as_bytes() == seal(secrets.expose_secret(), body).as_bytes())
    }

    fn read(&self, body: &[u8]) -> Result<Vec<Told>, String> {
        let told: Json = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        let number = told["box"].as_str().ok_or("no box")?.to_owned();
        let news = letter(&told["letter"]).map_or_else(|| News::Other("no letter".to_owned()), News::Message);
        Ok(vec![Told { number, news }])
    }

    async fn send(&self, open: &Open, outgoing: &Outgoing) -> Result<Sent, ChannelFault> {
        let body = json!({ "to": outgoing.to.as_str(), "text": outgoing.content["body"] }).to_string();
        let request = Request::post(format!("{}/letters", open.way.base_url))
            .header(SEAL, seal(open.secrets.expose_secret(), body.as_bytes()))
            .body(Bytes::from(body))
            .expect("a request");
        let lost = |_| ChannelFault::new(Outcome::Unknown, "lost", "The letter was lost.");
        open.way.network.exchange(request, LIMITS).await.map_err(lost)?;
        Ok(Sent { vendor_id: format!("letter.{}", outgoing.id) })
    }

    async fn mark_read(&self, _: &Open, _: &str, _: bool) -> Result<(), ChannelFault> {
        Ok(())
    }

    async fn has_media(&self, _: &Open, _: &str) -> Result<(), ChannelFault> {
        unsupported()
    }

    async fn media(&self, _: &Open, _: &str) -> Result<Media, ChannelFault> {
        unsupported()
    }

    async fn templates(&self, _: &Open, _: &TemplateQuery) -> Result<TemplatePage, ChannelFault> {
        unsupported()
    }
}
