//! Carries out a POST once for an idempotency key, and answers its repeats with the same words.

use lockstep_core::ids::RequestId;
use lockstep_core::problem::{Code, Problem};
use lockstep_store::{Org, StoredAnswer, Tx};

use crate::app::App;
use crate::auth::Caller;
use crate::ops::idempotency::{self, Claim, Once};
use crate::wire::inbox::envelope::{Answer, Refusal};

/// Runs `effect` in one transaction, together with the key's claim and the answer that is kept: after a crash either all
/// of it happened or nothing.
///
/// # Errors
/// Those of `effect`, of the key, and the store's.
pub async fn answer(
    app: &App,
    caller: &Caller,
    once: Option<Once>,
    effect: impl FnOnce(&mut Tx<'_>) -> Result<Answer, Problem> + Send + 'static,
) -> Result<Answer, Refusal> {
    let Some(once) = once else {
        return Ok(app.store.write(effect).await?);
    };
    let first = app.store.write({
        let (app, org, once) = (app.clone(), caller.org.clone(), once.clone());
        move |tx| match idempotency::claim(tx, &app, &org, &once)? {
            Claim::Answered(stored) => replayed(stored),
            Claim::First => {
                let answer = effect(tx)?;
                keep(tx, &app, &org, &once, answer)
            }
        }
    });
    match first.await {
        Err(problem) if idempotency::is_kept(&problem) => refuse(app, caller, once, problem).await,
        answered => Ok(answered?),
    }
}

/// Keeps a refusal, in a transaction of its own: that of the effect was rolled back.
async fn refuse(app: &App, caller: &Caller, once: Once, problem: Problem) -> Result<Answer, Refusal> {
    let refusal = Answer::refused(&caller.request, &problem)?;
    let (here, org) = (app.clone(), caller.org.clone());
    let kept = app.store.write(move |tx| match idempotency::claim(tx, &here, &org, &once)? {
        Claim::Answered(stored) => replayed(stored),
        Claim::First => keep(tx, &here, &org, &once, refusal),
    });
    Ok(kept.await?)
}

fn keep(tx: &mut Tx<'_>, app: &App, org: &Org, once: &Once, answer: Answer) -> Result<Answer, Problem> {
    let stored = StoredAnswer {
        status: i64::from(answer.status),
        headers: answer.request.to_string(),
        body: answer.body.clone().into_bytes(),
    };
    idempotency::keep(tx, app, org, once, stored, answer.subject.as_ref())?;
    Ok(Answer { replayed: Some(false), ..answer })
}

fn replayed(stored: StoredAnswer) -> Result<Answer, Problem> {
    let unreadable = || Problem::new(Code::InternalError, "The answer that was kept under this key cannot be read.");
    Ok(Answer {
        status: u16::try_from(stored.status).map_err(|_| unreadable())?,
        request: RequestId::parse(&stored.headers).map_err(|_| unreadable())?,
        body: String::from_utf8(stored.body).map_err(|_| unreadable())?,
        subject: None,
        replayed: Some(true),
    })
}
