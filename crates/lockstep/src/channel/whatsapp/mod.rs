//! WhatsApp, over Meta's Cloud API.

mod body;
mod faults;
mod graph;
mod hook;
mod pace;
mod secrets;

use std::collections::BTreeMap;

use async_trait::async_trait;
use http::HeaderMap;
use lockstep_core::problem::{Code, Problem};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use self::graph::Graph;
use self::pace::Pace;
use self::secrets::Secrets;
use super::{
    About, Channel, ChannelFault, Connecting, Denied, Form, FormField, Media, NOT_CONNECTED, Need, Open, Outcome,
    Outgoing, Sent, TemplatePage, TemplateQuery, Told, Way,
};

const ABOUT: About = About {
    slug: "whatsapp",
    name: "WhatsApp",
    base_url: graph::BASE_URL,
    form: &[
        FormField {
            name: TOKEN,
            help: "An access token of a system user that may send for the number",
            need: Need::Required,
        },
        FormField {
            name: APP_SECRET,
            help: "The app secret of the Meta app, which signs webhooks",
            need: Need::Required,
        },
        FormField {
            name: VERIFY_TOKEN,
            help: "The word that Meta must know; kept from before or made up when left out",
            need: Need::Optional,
        },
        FormField {
            name: BUSINESS_ACCOUNT,
            help: "The id of the WhatsApp Business Account that the number belongs to; templates are listed by it",
            need: Need::Optional,
        },
    ],
    advice: "Tell Meta where to send webhooks, in the app's WhatsApp > Configuration, and subscribe to messages:",
};

const TOKEN: &str = "token";
const APP_SECRET: &str = "app_secret";
const VERIFY_TOKEN: &str = "verify_token";
const BUSINESS_ACCOUNT: &str = "business_account";

/// Random bytes of a verify token that nobody chose.
const VERIFY_TOKEN_BYTES: usize = 18;

/// The channel of every account that is connected to WhatsApp.
#[derive(Default)]
pub struct WhatsApp {
    pace: Pace,
}

fn graph(way: &Way, token: SecretString) -> Graph {
    Graph { network: way.network.clone(), base_url: way.base_url.clone(), token }
}

fn opened(open: &Open) -> Result<(Graph, Option<String>), ChannelFault> {
    let secrets = Secrets::read(&open.secrets)?;
    Ok((graph(&open.way, secrets.access_token), secrets.business_account))
}

/// The id of a WhatsApp Business Account stands in paths.
fn is_id(text: &str) -> bool {
    (6..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

/// Meta's question ("Create a webhook endpoint", verification requests).
fn part<'a>(asked: &'a BTreeMap<String, String>, name: &str) -> Result<&'a str, Problem> {
    let missing = || Problem::of(Code::MissingRequiredField, name, format!("{name} is missing."));
    asked.get(name).map(String::as_str).ok_or_else(missing)
}

#[async_trait]
impl Channel for WhatsApp {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    async fn connect(&self, way: &Way, form: &Form) -> Result<Connecting, Denied> {
        let given = |member: &'static str| {
            let missing = || ChannelFault::new(Outcome::Refused, "form", "It is missing.");
            form.get(member).ok_or_else(|| Denied { member, fault: missing() })
        };
        let (access_token, app_secret) = (given(TOKEN)?, given(APP_SECRET)?);
        let graph = graph(way, access_token.clone());
        let profile = graph.profile(&way.number).await.map_err(|fault| Denied { member: TOKEN, fault })?;
        let business_account = form.get(BUSINESS_ACCOUNT).map(|id| id.expose_secret().to_owned());
        if let Some(id) = &business_account {
            let denied = |fault| Denied { member: BUSINESS_ACCOUNT, fault };
            if !is_id(id) {
                return Err(denied(ChannelFault::new(Outcome::Refused, "form", "Such an id is 6 to 20 digits.")));
            }
            let query = TemplateQuery { limit: 1, ..TemplateQuery::default() };
            graph.templates(id, &query).await.map_err(denied)?;
        }
        let before = form.before.as_ref().and_then(|before| Secrets::read(before).ok());
        let (said, named) = before.map(|before| (before.verify_token, before.business_account)).unzip();
        let made_up = || hex::encode(way.env.random_bytes::<VERIFY_TOKEN_BYTES>()).into();
        let secrets = Secrets {
            access_token,
            app_secret,
            verify_token: form.get(VERIFY_TOKEN).or(said).unwrap_or_else(made_up),
            business_account: business_account.or(named.flatten()),
        };
        Ok(Connecting {
            phone_number: profile.display_phone_number,
            name: profile.verified_name,
            handover: BTreeMap::from([(VERIFY_TOKEN, secrets.verify_token.clone())]),
            secrets: secrets.write().map_err(|fault| Denied { member: TOKEN, fault })?,
        })
    }

    fn greet(&self, secrets: &SecretString, asked: &BTreeMap<String, String>) -> Result<String, Problem> {
        let (mode, word) = (part(asked, "hub.mode")?, part(asked, "hub.verify_token")?);
        let challenge = part(asked, "hub.challenge")?;
        if mode != "subscribe" {
            return Err(Problem::of(Code::InvalidFieldValue, "hub.mode", "Only subscribe is known."));
        }
        let unreadable = |fault: ChannelFault| Problem::new(Code::InternalError, fault.message);
        let secrets = Secrets::read(secrets).map_err(unreadable)?;
        // Digests of equal length tell nothing about where the words differ.
        let digest = |word: &str| Sha256::digest(word.as_bytes());
        if digest(secrets.verify_token.expose_secret()) == digest(word) {
            Ok(challenge.to_owned())
        } else {
            Err(Problem::new(Code::InvalidApiKey, "The verify token is wrong."))
        }
    }

    fn verifies(&self, secrets: &SecretString, headers: &HeaderMap, body: &[u8]) -> bool {
        let signature = headers.get(hook::SIGNATURE).and_then(|it| it.to_str().ok()).unwrap_or_default();
        Secrets::read(secrets).is_ok_and(|known| hook::verifies(signature, known.app_secret.expose_secret(), body))
    }

    fn read(&self, body: &[u8]) -> Result<Vec<Told>, String> {
        hook::read(body).map_err(|error| error.to_string())
    }

    async fn send(&self, open: &Open, outgoing: &Outgoing) -> Result<Sent, ChannelFault> {
        let (graph, _) = opened(open)?;
        let Way { number, env, .. } = &open.way;
        self.pace.admit(number, outgoing.to.as_str(), env.now()).map_err(|wait| {
            ChannelFault::new(Outcome::Paced { wait }, "paced", "The number sends as fast as WhatsApp lets it.")
        })?;
        graph.send(number, &body::send(outgoing)).await
    }

    async fn mark_read(&self, open: &Open, vendor_id: &str, typing: bool) -> Result<(), ChannelFault> {
        let (graph, _) = opened(open)?;
        graph.mark_read(&open.way.number, &body::mark_read(vendor_id, typing)).await
    }

    async fn has_media(&self, open: &Open, media_id: &str) -> Result<(), ChannelFault> {
        let (graph, _) = opened(open)?;
        graph.has_media(media_id).await
    }

    async fn media(&self, open: &Open, media_id: &str) -> Result<Media, ChannelFault> {
        let (graph, _) = opened(open)?;
        graph.media(media_id).await
    }

    async fn templates(&self, open: &Open, query: &TemplateQuery) -> Result<TemplatePage, ChannelFault> {
        let (graph, business_account) = opened(open)?;
        let business_account = business_account.ok_or_else(|| {
            let message = "It is not known to which WhatsApp Business Account the number belongs. Connect it again with \
                           its business_account.";
            ChannelFault::new(Outcome::Refused, NOT_CONNECTED, message)
        })?;
        graph.templates(&business_account, query).await
    }
}
