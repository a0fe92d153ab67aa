//! Files of messages. The channel gives them out to us alone, so callers are led to an address of ours that works for a
//! while and carries its own permission.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lockstep_core::env::Time;
use lockstep_core::ids::{MessageId, OrgId};
use lockstep_core::message::Message;
use lockstep_core::problem::{Code, Problem};
use lockstep_store::Org;
use secrecy::ExposeSecret;
use serde_json::Value as Json;

use crate::app::App;
use crate::channel::{ChannelFault, Line, Media, Outcome};
use crate::vault::Place;

/// How long an address works.
const VALID: Duration = Duration::from_secs(10 * 60);
/// Longer text is no permission of ours.
const TOKEN_CHARS_MAX: usize = 512;
const PLACE: Place<'_> = Place { table: "media", row: "address", column: "token" };

/// Where a message's file can be fetched without a key: for ten minutes, unless it lies elsewhere anyway. The channel is
/// asked whether it has the file still: no copy of it is kept here.
///
/// # Errors
/// The message has no file, the channel has it no more or does not answer, or the key ring cannot seal.
pub async fn place(app: &App, org: &Org, message: &Message) -> Result<String, Problem> {
    let part = |member: &str| message.content.get(member).and_then(Json::as_str).filter(|_| message.kind.is_media());
    match (part("link"), part("id")) {
        (Some(link), _) => Ok(link.to_owned()),
        (None, Some(id)) => {
            let (of, number) = (org.clone(), message.account.clone());
            let account = app.store.read(move |tx| Ok::<_, Problem>(tx.account(&of, &number)?)).await?;
            let account = account.ok_or_else(|| Problem::not_found("account of this message"))?;
            let line = Line { org: org.clone(), account };
            line.has_media(app, id).await.map_err(|fault| missed(&fault))?;
            let permission = format!("{} {} {}", app.env.now().plus(VALID).0, org.id(), message.id);
            let sealed = app.vault.seal(PLACE, permission.as_bytes(), &app.env).map_err(|error| {
                tracing::error!(%error, "an address of a file cannot be sealed");
                Problem::new(Code::InternalError, "The key ring cannot seal the address.")
            })?;
            Ok(format!("{}/media/{}", app.settings.public_url, URL_SAFE_NO_PAD.encode(sealed)))
        }
        (None, None) => Err(Problem::not_found("file of this message")),
    }
}

/// A file and the name that it was given.
#[derive(Debug)]
pub struct File {
    /// What the channel has.
    pub media: Media,
    /// The name that the sender gave it.
    pub name: Option<String>,
}

/// Fetches the file that an address of [`place`] stands for.
///
/// # Errors
/// An address that has ended or was altered, a message that is gone, or the channel's.
pub async fn open(app: &App, token: &str) -> Result<File, Problem> {
    let gone = || Problem::not_found("file, or its address has ended");
    let (org, id) = permitted(app, token).ok_or_else(gone)?;
    let found = app.store.read(move |tx| {
        let Some(org) = tx.org(&org)? else { return Ok(None) };
        let Some(message) = tx.message(&org, &id)? else { return Ok(None) };
        let account = tx.account(&org, &message.account)?;
        Ok::<_, Problem>(account.map(|account| (Line { org, account }, message)))
    });
    let (line, message) = found.await?.ok_or_else(gone)?;
    let text = |member: &str| message.content.get(member).and_then(Json::as_str).map(str::to_owned);
    let media = line.media(app, &text("id").ok_or_else(gone)?).await.map_err(|fault| missed(&fault))?;
    Ok(File { media, name: text("filename") })
}

fn permitted(app: &App, token: &str) -> Option<(OrgId, MessageId)> {
    if token.len() > TOKEN_CHARS_MAX {
        return None;
    }
    let sealed = URL_SAFE_NO_PAD.decode(token).ok()?;
    let text = app.vault.open(PLACE, &sealed).ok()?;
    let mut parts = text.expose_secret().split(' ');
    let end = Time(parts.next()?.parse().ok()?);
    let permission = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    (app.env.now() < end).then_some(permission)
}

fn missed(fault: &ChannelFault) -> Problem {
    match fault.outcome {
        Outcome::Refused => Problem::not_found("file at the channel any more"),
        Outcome::NotTaken { retry_after } => Problem {
            retry_after,
            ..Problem::new(Code::WhatsappUpstreamError, "The channel does not give the file out now. Try again later.")
        },
        Outcome::Disconnected => {
            Problem::new(Code::WhatsappUpstreamError, "The channel no longer lets us in. Connect the account again.")
        }
        Outcome::Paced { .. } | Outcome::Unknown => {
            Problem::new(Code::WhatsappUpstreamError, "The channel did not answer. Try again later.")
        }
    }
}
