//! Contacts, in both path layouts: `/v1/contacts` for the organization, `/v1/{phone_number_id}/contacts` for one account.

use std::slice;

use axum::extract::State;
use lockstep_core::contact::Contact;
use lockstep_core::ids::ContactId;
use lockstep_core::problem::{Code, Problem};
use lockstep_store::{Order, Org, Page, Tx};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::auth::Caller;
use crate::ops::contacts::{self, AccountChoice};
use crate::ops::payload::{ContactObject, Deleted};
use crate::wire::inbox::cursor::Listing;
use crate::wire::inbox::dto::{
    ContactFilters, ContactPatchBody, Expansion, NewContactBody, PageFilters, UpsertBody, expands_labels, page_size,
    phone_number, upserted,
};
use crate::wire::inbox::envelope::{Answer, List, One, Refusal};
use crate::wire::inbox::extract::{Body, Filters, Post, Segments};
use crate::wire::inbox::once;

/// The routes below `/v1` or below `/v1/{phone_number_id}`.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get, patch, delete)).routes(routes!(upsert))
}

/// An id behind all others of a change number.
pub(super) const LAST_ID: &str = "ctc_7ZZZZZZZZZZZZZZZZZZZZZZZZZ";

/// The account of a path, in the layout that names one.
#[derive(Debug, Deserialize)]
pub(super) struct Scope {
    pub(super) phone_number_id: Option<String>,
}

impl Scope {
    /// A list of contacts, for its cursors.
    pub(super) fn listing<'a>(&self, app: &'a App, org: &'a Org, filters: &ContactFilters) -> Listing<'a> {
        let mut named = vec![self.phone_number_id.as_deref()];
        named.extend(filters.named());
        Listing::new(app, org, "contacts", &named)
    }
}

/// The path's account goes before the body's.
fn chosen(path: Option<String>, body: AccountChoice) -> AccountChoice {
    path.map_or(body, AccountChoice::Id)
}

#[derive(Debug, Deserialize)]
struct ContactPath {
    phone_number_id: Option<String>,
    id: String,
}

impl ContactPath {
    fn id(&self) -> Result<ContactId, Problem> {
        ContactId::parse(&self.id).map_err(|_| Problem::not_found("contact"))
    }
}

#[derive(Debug, Deserialize)]
struct PhonePath {
    phone_number_id: Option<String>,
    phone: String,
}

/// Lists contacts, newest first; with `updated_after` in the order of their changes.
#[utoipa::path(get, path = "/contacts", tag = "contacts", operation_id = "list_contacts",
    params(ContactFilters, PageFilters, Expansion), responses((status = 200, body = List<ContactObject>)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Segments(scope): Segments<Scope>,
    Filters(filters): Filters<ContactFilters>,
    Filters(paging): Filters<PageFilters>,
    Filters(expansion): Filters<Expansion>,
) -> Result<Answer, Refusal> {
    let limit = page_size(paging.limit.as_deref())?;
    let expand = expands_labels(expansion.expand.as_deref())?;
    let mut filter = filters.checked(scope.phone_number_id.clone())?;
    let delta = filter.updated_after.is_some();
    let listing = scope.listing(&app, &caller.org, &filters);
    let after: Option<(i64, ContactId)> = listing.position(paging.cursor.as_deref())?;

    // Change numbers rise with the commits, clocks may step back: behind a position only the number decides.
    if after.as_ref().is_some_and(|(key, _)| *key > 0) {
        filter.updated_after = None;
    }
    let order = if delta { Order::SeqAsc } else { Order::CreatedDesc };
    let page = Page { limit, after, order };
    let org = caller.org.clone();
    let read = app.store.read(move |tx| {
        if let Some(id) = scope.phone_number_id {
            contacts::account(tx, &org, &AccountChoice::Id(id))?;
        }
        let (rows, more) = tx.list_contacts(&org, &filter, &page)?;
        let data = contacts::objects(tx, &org, &rows, expand)?;
        Ok::<_, Problem>((rows, more, data, tx.last_seq(&org)?))
    });
    let (rows, has_more, data, last_seq) = read.await?;

    let place = |contact: &Contact| listing.cursor(order_key(contact, order), &contact.id);
    let next = rows.last().filter(|_| has_more).map(place).transpose()?;
    let delta = match rows.last() {
        _ if !delta => None,
        Some(last) => Some(place(last)?),
        // Behind everything that is committed, whatever its time.
        None => Some(paging.cursor.map_or_else(|| listing.cursor(last_seq, &LAST_ID), Ok)?),
    };
    let list = List { delta_cursor: delta, ..List::page(data, next, &caller.request) };
    Ok(Answer::new(200, &caller.request, &list)?)
}

fn order_key(contact: &Contact, order: Order) -> i64 {
    match order {
        Order::CreatedDesc => contact.created_at.0,
        Order::SeqAsc => contact.seq,
    }
}

/// Makes a contact. One number exists once in an account.
#[utoipa::path(post, path = "/contacts", tag = "contacts", operation_id = "create_contact", request_body = NewContactBody,
    responses((status = 201, body = One<ContactObject>)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    Segments(scope): Segments<Scope>,
    Post { body, once }: Post<NewContactBody>,
) -> Result<Answer, Refusal> {
    let (by, request) = (caller.author(), caller.request.clone());
    let effect = move |tx: &mut Tx<'_>| {
        let (mut new, choice) = body.and_then(NewContactBody::checked)?;
        new.account = Some(contacts::account(tx, &by.org, &chosen(scope.phone_number_id, choice))?.phone_number_id);
        let contact = contacts::create(tx, &by, new)?;
        Ok(Answer::created(&request, contacts::object(tx, &by.org, &contact)?)?.about(&contact.id))
    };
    once::answer(&app, &caller, once, effect).await
}

/// Reads a contact.
#[utoipa::path(get, path = "/contacts/{id}", tag = "contacts", operation_id = "get_contact",
    params(("id" = String, Path, description = "`ctc_…`"), Expansion), responses((status = 200, body = One<ContactObject>)))]
async fn get(
    State(app): State<App>,
    caller: Caller,
    Segments(path): Segments<ContactPath>,
    Filters(expansion): Filters<Expansion>,
) -> Result<Answer, Refusal> {
    let (org, id, expand) = (caller.org.clone(), path.id()?, expands_labels(expansion.expand.as_deref())?);
    let read = app.store.read(move |tx| {
        let contact = contacts::find(tx, &org, path.phone_number_id.as_deref(), &id)?;
        let object = contacts::objects(tx, &org, slice::from_ref(&contact), expand)?.pop();
        object.ok_or_else(|| Problem::not_found("contact"))
    });
    Ok(Answer::ok(&caller.request, read.await?)?)
}

/// Changes a contact. What it holds already is no change: no event, no new `updated_at`.
#[utoipa::path(patch, path = "/contacts/{id}", tag = "contacts", operation_id = "update_contact", request_body = ContactPatchBody,
    params(("id" = String, Path, description = "`ctc_…`")), responses((status = 200, body = One<ContactObject>)))]
async fn patch(
    State(app): State<App>,
    caller: Caller,
    Segments(path): Segments<ContactPath>,
    Body(body): Body<ContactPatchBody>,
) -> Result<Answer, Refusal> {
    let (by, id, patch) = (caller.author(), path.id()?, body.checked()?);
    let written = app.store.write(move |tx| {
        let old = contacts::find(tx, &by.org, path.phone_number_id.as_deref(), &id)?;
        let contact = contacts::edit(tx, &by, &old, patch)?;
        Ok::<_, Problem>(contacts::object(tx, &by.org, &contact)?)
    });
    Ok(Answer::ok(&caller.request, written.await?)?)
}

/// Deletes a contact and erases what it held about the person. Subscribers of `contact.deleted` are told.
#[utoipa::path(delete, path = "/contacts/{id}", tag = "contacts", operation_id = "delete_contact",
    params(("id" = String, Path, description = "`ctc_…`")), responses((status = 200, body = One<Deleted>)))]
async fn delete(
    State(app): State<App>,
    caller: Caller,
    Segments(path): Segments<ContactPath>,
) -> Result<Answer, Refusal> {
    let (by, id) = (caller.author(), path.id()?);
    let written = app.store.write(move |tx| {
        contacts::find(tx, &by.org, path.phone_number_id.as_deref(), &id)?;
        contacts::delete(tx, &by, &id)?;
        Ok::<_, Problem>(Deleted::new(id, "contact"))
    });
    Ok(Answer::ok(&caller.request, written.await?)?)
}

/// Finds a contact by its number and changes it, or makes it: safe to repeat, with no race between looking and making.
#[utoipa::path(put, path = "/contacts/by_phone/{phone}", tag = "contacts", operation_id = "upsert_contact", request_body = UpsertBody,
    params(("phone" = String, Path, description = "E.164 with its `+`", pattern = r"^\+[1-9]\d{6,14}$")),
    responses((status = 200, description = "Found", body = One<ContactObject>), (status = 201, description = "Made", body = One<ContactObject>)))]
async fn upsert(
    State(app): State<App>,
    caller: Caller,
    Segments(path): Segments<PhonePath>,
    Body(body): Body<UpsertBody>,
) -> Result<Answer, Refusal> {
    let phone = phone_number("phone", &path.phone)?;
    let (patch, choice) = body.checked()?;
    let new = upserted(phone, &patch);
    let (by, choice) = (caller.author(), chosen(path.phone_number_id, choice));
    let attempt = || {
        let (by, choice, new, patch) = (by.clone(), choice.clone(), new.clone(), patch.clone());
        app.store.write(move |tx| {
            let (contact, made) = contacts::upsert(tx, &by, &choice, new, patch)?;
            Ok::<_, Problem>((contacts::object(tx, &by.org, &contact)?, made))
        })
    };
    // Another node may make the contact between our look and our insert; the second look finds it.
    let written = match attempt().await {
        Err(problem) if problem.code == Code::ContactAlreadyExists => attempt().await?,
        first => first?,
    };
    Ok(match written {
        (object, true) => Answer::created(&caller.request, object)?,
        (object, false) => Answer::ok(&caller.request, object)?,
    })
}
