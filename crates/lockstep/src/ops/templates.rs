//! Templates: read through the channel whenever somebody asks, and kept nowhere.

use lockstep_core::limits::PAGE_SIZE_MAX;
use lockstep_core::problem::{Code, Problem};
use lockstep_store::Org;

use crate::app::App;
use crate::channel::{ChannelFault, Line, NOT_CONNECTED, Outcome, Template, TemplatePage, TemplateQuery};
use crate::ops::contacts::{self, AccountChoice};

/// A page of an account's templates.
///
/// # Errors
/// The account is not clear or not connected, or the channel's.
pub async fn list(app: &App, org: &Org, choice: AccountChoice, query: &TemplateQuery) -> Result<TemplatePage, Problem> {
    let org = org.clone();
    let line = app.store.read(move |tx| {
        let account = contacts::account(tx, &org, &choice)?;
        Ok::<_, Problem>(Line { org, account })
    });
    line.await?.templates(app, query).await.map_err(refused)
}

/// The template of this name, in this language or in the one that the channel lists first.
///
/// # Errors
/// No such template, or as [`list`].
pub async fn find(
    app: &App,
    org: &Org,
    choice: AccountChoice,
    name: &str,
    language: Option<String>,
) -> Result<Template, Problem> {
    let query =
        TemplateQuery { name: Some(name.to_owned()), language, limit: PAGE_SIZE_MAX as usize, ..Default::default() };
    // The channel may also list what only holds the name.
    let mut listed = list(app, org, choice, &query).await?.templates.into_iter();
    listed.find(|template| template.name == name).ok_or_else(|| Problem::not_found("template"))
}

fn refused(fault: ChannelFault) -> Problem {
    let failed = |retry_after| Problem { retry_after, ..Problem::new(Code::WhatsappUpstreamError, &fault.message) };
    match fault.outcome {
        Outcome::Refused if fault.code == NOT_CONNECTED => Problem::new(Code::WhatsappNumberNotVerified, fault.message),
        Outcome::NotTaken { retry_after } => failed(retry_after),
        Outcome::Paced { wait } => failed(Some(wait)),
        Outcome::Refused | Outcome::Disconnected | Outcome::Unknown => failed(None),
    }
}
