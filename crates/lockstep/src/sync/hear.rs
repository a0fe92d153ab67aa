//! Understanding what a channel's stored webhooks tell: messages of customers, and what became of ours.

use std::time::Duration;

use lockstep_core::ids::{ChannelId, ReceivedId};
use lockstep_core::job::Job;
use lockstep_core::problem::Problem;
use lockstep_store::{Account, Org, Received, Tx};

use super::spoke::Halt;
use crate::app::App;
use crate::channel::{Channel, News, Told};
use crate::ops::messages;

/// Stored webhooks that are read at once.
const WEBHOOKS_MAX: usize = 32;
/// When webhooks that could not be taken in are tried again.
const TRY_AGAIN: Duration = Duration::from_secs(30);

/// Reads a channel's stored webhooks, each in a commit of its own. One that cannot be taken in now is tried again and
/// holds up no other, not even one that comes while it waits: the next try is a job that a new webhook may hurry.
///
/// # Errors
/// The store's.
pub async fn run(app: &App, network: &dyn Channel, channel: &str) -> Result<(), Halt> {
    let slug = network.about().slug;
    let (mut failed, mut after) = (false, None);
    loop {
        let (name, behind): (_, Option<ReceivedId>) = (channel.to_owned(), after.take());
        let unread = app.store.read(move |tx| tx.unread(slug, &name, behind.as_ref(), WEBHOOKS_MAX)).await?;
        let more = unread.len() == WEBHOOKS_MAX;
        for received in unread {
            let id = received.id.clone();
            if let Err(problem) = take_in(app, network, channel, received).await {
                tracing::warn!(channel, received = %id, code = ?problem.code, "a webhook cannot be taken in now: {}", problem.message);
                failed = true;
            }
            after = Some(id);
        }
        if !more {
            break;
        }
    }
    if failed {
        let job = Job::Ingest { vendor: slug.to_owned(), account: channel.to_owned() };
        app.store
            .write(move |tx| {
                let due = tx.now().plus(TRY_AGAIN);
                tx.enqueue(&job, due)
            })
            .await?;
    }
    Ok(())
}

/// Everything that one webhook tells, and that it is read, in one commit.
async fn take_in(app: &App, network: &dyn Channel, channel: &str, received: Received) -> Result<(), Problem> {
    let told = network.read(&received.body).unwrap_or_else(|error| {
        tracing::warn!(channel, received = %received.id, %error, "a verified webhook cannot be read");
        Vec::new()
    });
    let (here, id) = (app.clone(), ChannelId::parse(channel).ok());
    app.store
        .write(move |tx| {
            let of = id.map(|id| tx.channel(&id)).transpose()?.flatten();
            match of {
                // The app behind a channel may serve several numbers of its organization.
                Some(of) => {
                    let accounts = tx.accounts(of.org())?;
                    told.into_iter().try_for_each(|told| understand(tx, &here, of.org(), &accounts, told))?;
                }
                None => tracing::warn!(received = %received.id, "a webhook of a channel that is gone tells nobody"),
            }
            Ok(tx.forget_received(&received.id)?)
        })
        .await
}

fn understand(tx: &mut Tx<'_>, app: &App, org: &Org, accounts: &[Account], told: Told) -> Result<(), Problem> {
    let Some(account) = accounts.iter().find(|account| account.phone_number_id == told.number) else {
        tracing::warn!(number = told.number, "a webhook tells of a number that the organization does not have");
        return Ok(());
    };
    match told.news {
        News::Message(inbound) => messages::receive(tx, app, org, account, inbound).map(drop),
        News::Status(news) => Ok(messages::news(tx, app, org, account, news).map(drop)?),
        News::Other(words) => {
            tracing::warn!(number = told.number, "a webhook tells what the inbox has no place for: {words}");
            Ok(())
        }
    }
}
