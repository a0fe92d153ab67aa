//! The channel of an account: what carries its messages. Beyond Kirim, which connects numbers in its dashboard.

use std::collections::BTreeMap;

use axum::extract::State;
use lockstep_core::env::Time;
use lockstep_core::ids::ChannelId;
use lockstep_core::problem::{Code, Problem};
use lockstep_store::StoredChannel;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::auth::Caller;
use crate::ops::channels::{self, Connect};
use crate::wire::inbox::accounts::AccountPath;
use crate::wire::inbox::dto::required;
use crate::wire::inbox::envelope::{Answer, One, Refusal};
use crate::wire::inbox::extract::{Body, Segments};

/// The routes below `/v1`.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get, put, delete))
}

/// The channel of an account.
#[derive(Debug, Serialize, ToSchema)]
struct ChannelObject {
    /// `chn_…`
    #[schema(value_type = String)]
    id: ChannelId,
    /// Always `channel`.
    #[schema(value_type = String)]
    object: &'static str,
    /// Which network it is, such as `whatsapp`.
    channel: String,
    /// The account.
    phone_number_id: String,
    /// Where the network's API is.
    base_url: String,
    /// The address to give the network for its webhooks.
    webhook_url: String,
    /// When it was connected last.
    #[schema(value_type = String, format = DateTime)]
    connected_at: Time,
    /// What to give the network together with the address, by name, such as `verify_token`; shown only in the answer
    /// that connects.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    handover: Option<BTreeMap<&'static str, String>>,
}

impl ChannelObject {
    fn new(app: &App, channel: StoredChannel) -> Self {
        Self {
            webhook_url: channels::webhook_url(app, &channel),
            id: channel.id,
            object: "channel",
            channel: channel.slug,
            phone_number_id: channel.account,
            base_url: channel.base_url,
            connected_at: channel.updated_at,
            handover: None,
        }
    }
}

/// An account that no channel carries any more.
#[derive(Debug, Serialize, ToSchema)]
struct Disconnected {
    /// The account.
    phone_number_id: String,
    /// Always `channel`.
    #[schema(value_type = String)]
    object: &'static str,
    /// Always true.
    deleted: bool,
}

/// How to connect an account.
#[derive(Deserialize, ToSchema)]
struct ConnectBody {
    /// Which network, such as `whatsapp`.
    #[schema(required, nullable = false)]
    channel: Option<String>,
    /// Where the network's API is; its own address when absent.
    base_url: Option<String>,
    /// What the network wants, by name. WhatsApp: `token` and `app_secret`, and, where it is to be chosen or read,
    /// `verify_token` and `business_account`. At most 4,096 characters each.
    #[serde(default)]
    settings: BTreeMap<String, String>,
}

/// Shows which channel carries an account, without its secrets.
#[utoipa::path(get, path = "/accounts/{phone_number_id}/channel", tag = "account", operation_id = "get_channel",
    params(("phone_number_id" = String, Path, description = "Meta's id of the number")),
    responses((status = 200, body = One<ChannelObject>)))]
async fn get(State(app): State<App>, caller: Caller, Segments(path): Segments<AccountPath>) -> Result<Answer, Refusal> {
    let org = caller.org.clone();
    let found = app.store.read(move |tx| tx.channel_of_account(&org, &path.phone_number_id)).await;
    let found = found.map_err(Problem::from)?.ok_or_else(|| Problem::not_found("channel"))?;
    Ok(Answer::ok(&caller.request, ChannelObject::new(&app, found.channel().clone()))?)
}

/// Connects an account to its network, or renews the secrets of one that is connected; the address of its webhooks then
/// stays. The network is asked first whether it lets us act for the account.
#[utoipa::path(put, path = "/accounts/{phone_number_id}/channel", tag = "account", operation_id = "connect_channel",
    request_body = ConnectBody, params(("phone_number_id" = String, Path, description = "Meta's id of the number")),
    responses((status = 200, body = One<ChannelObject>)))]
async fn put(
    State(app): State<App>,
    caller: Caller,
    Segments(path): Segments<AccountPath>,
    Body(body): Body<ConnectBody>,
) -> Result<Answer, Refusal> {
    let (org, account) = (caller.org.clone(), path.phone_number_id.clone());
    let known = app.store.read(move |tx| tx.account(&org, &account)).await.map_err(Problem::from)?;
    known.ok_or_else(|| Problem::not_found("account"))?;
    live_only(&caller)?;
    let ConnectBody { channel, base_url, settings } = body;
    let channel = required("channel", channel)?;
    let given = settings.into_iter().map(|(name, value)| (name, value.into())).collect();
    let (org, account) = (caller.org.clone(), path.phone_number_id.clone());
    let request = Connect { channel, account: path.phone_number_id, base_url, given };
    let connected = channels::connect(&app, &caller.author(), request).await.map_err(in_body)?;
    let kept = app.store.read(move |tx| tx.channel_of_account(&org, &account)).await.map_err(Problem::from)?;
    let kept = kept.ok_or_else(|| Problem::not_found("channel"))?;
    let handover = connected.handover.iter().map(|(name, value)| (*name, value.expose_secret().to_owned()));
    let shown =
        ChannelObject { handover: Some(handover.collect()), ..ChannelObject::new(&app, kept.channel().clone()) };
    Ok(Answer::ok(&caller.request, shown)?)
}

/// Forgets an account's channel and its secrets. The account is `disconnected`; its contacts and messages stay.
#[utoipa::path(delete, path = "/accounts/{phone_number_id}/channel", tag = "account",
    operation_id = "disconnect_channel", params(("phone_number_id" = String, Path, description = "Meta's id of the number")),
    responses((status = 200, body = One<Disconnected>)))]
async fn delete(
    State(app): State<App>,
    caller: Caller,
    Segments(path): Segments<AccountPath>,
) -> Result<Answer, Refusal> {
    let (by, account) = (caller.author(), path.phone_number_id.clone());
    let refused = live_only(&caller);
    let gone = app.store.write(move |tx| {
        tx.channel_of_account(&by.org, &account)?.ok_or_else(|| Problem::not_found("channel"))?;
        refused?;
        channels::disconnect(tx, &by, &account)
    });
    gone.await?;
    let shown = Disconnected { phone_number_id: path.phone_number_id, object: "channel", deleted: true };
    Ok(Answer::ok(&caller.request, shown)?)
}

/// What a test key sends reaches nobody, so it decides nothing about what does.
fn live_only(caller: &Caller) -> Result<(), Problem> {
    if caller.livemode {
        return Ok(());
    }
    Err(Problem::of(Code::InsufficientScope, "livemode", "A test key connects and disconnects nothing."))
}

/// A member of the form stands in the body's `settings`.
fn in_body(problem: Problem) -> Problem {
    let param = problem.param.map(|param| match param.as_str() {
        "channel" | "base_url" => param,
        member => format!("settings.{member}"),
    });
    Problem { param, ..problem }
}
