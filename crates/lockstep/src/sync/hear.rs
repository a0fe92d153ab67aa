//! Understanding what a channel's stored webhooks tell: messages of customers, and what became of ours.

use lockstep_core::ids::{ChannelId, ReceivedId};
use lockstep_core::problem::Problem;
use lockstep_store::{Account, Org, Tx};

use super::spoke::Halt;
use crate::app::App;
use crate::channel::{Channel, News, Told};
use crate::ops::{messages, received};

/// Stored webhooks that are read at once.
const WEBHOOKS_MAX: usize = 32;

/// Reads a channel's stored webhooks, each in a commit of its own. One that cannot be taken in is put off and holds up no
/// other, not even one that comes while it waits: the next try is a job that a new webhook may hurry.
///
/// # Errors
/// The store's.
pub async fn run(app: &App, network: &dyn Channel, channel: &str) -> Result<(), Halt> {
    let slug = network.about().slug;
    loop {
        let unread = received::unread(app, slug, channel, WEBHOOKS_MAX).await?;
        let more = unread.len() == WEBHOOKS_MAX;
        for received in unread {
            match network.read(&received.body) {
                Err(reason) => received::park(app, &received, &format!("it cannot be read: {reason}")).await?,
                Ok(told) => {
                    if let Err(problem) = take_in(app, channel, received.id.clone(), told).await {
                        received::put_off(app, &received, &problem).await?;
                    }
                }
            }
        }
        if !more {
            return Ok(received::look_again(app, slug, channel).await?);
        }
    }
}

/// Everything that one webhook tells, and that it is read, in one commit.
async fn take_in(app: &App, channel: &str, received: ReceivedId, told: Vec<Told>) -> Result<(), Problem> {
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
                None => tracing::warn!(%received, "a webhook of a channel that is gone tells nobody"),
            }
            Ok(tx.forget_received(&received)?)
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
