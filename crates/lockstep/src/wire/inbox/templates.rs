//! Templates, in both path layouts.

use axum::extract::State;
use lockstep_core::ids::TemplateId;
use lockstep_core::limits::{TEMPLATE_NAME_CHARS_MAX, fits};
use lockstep_core::problem::{Code, Problem};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::auth::Caller;
use crate::channel::{Template, TemplateQuery, TemplateStatus};
use crate::ops::contacts::AccountChoice;
use crate::ops::templates;
use crate::wire::inbox::cursor::Listing;
use crate::wire::inbox::dto::{account_choice, page_size};
use crate::wire::inbox::envelope::{Answer, List, One, Refusal};
use crate::wire::inbox::extract::{Filters, Segments};

/// The routes below `/v1` or below `/v1/{phone_number_id}`.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(get))
}

/// A template of a WhatsApp Business Account, as Meta has it now.
#[derive(Debug, Serialize, ToSchema)]
struct TemplateObject {
    /// `tmpl_…`
    #[schema(value_type = String)]
    id: TemplateId,
    /// Always `template`.
    #[schema(value_type = String)]
    object: &'static str,
    /// Its name; it is written in several languages under one name.
    name: String,
    /// The language, such as `en_US`.
    language: String,
    /// Meta's word in lower case: `approved`, `pending`, `rejected`, `paused` and others.
    status: String,
    /// Meta's word in lower case: `utility`, `marketing` or `authentication`.
    category: String,
    /// Its parts in Meta's form: header, body, footer, buttons.
    #[schema(value_type = Vec<Map<String, Json>>)]
    components: Vec<Json>,
}

impl From<Template> for TemplateObject {
    fn from(template: Template) -> Self {
        let Template { id, name, language, status, category, components } = template;
        Self { id, object: "template", name, language, status, category, components }
    }
}

#[derive(Debug, Deserialize)]
struct Scope {
    phone_number_id: Option<String>,
}

#[derive(Debug, Deserialize)]
struct TemplatePath {
    phone_number_id: Option<String>,
    name: String,
}

/// Which templates to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct TemplateFilters {
    /// `approved` (the default), `pending`, `rejected` or `all`.
    #[param(pattern = "^(approved|pending|rejected|all)$")]
    status: Option<String>,
    /// Only those in this language, such as `en_US`.
    #[param(pattern = "^[A-Za-z]{2,3}(_[A-Za-z]{2,4})?$")]
    language: Option<String>,
    /// The number of the account whose templates they are; needed only where there are several and the path names none.
    #[param(pattern = r"^\+[1-9]\d{6,14}$")]
    from: Option<String>,
    /// Items on a page, 1 to 100; 25 when absent.
    #[param(pattern = r"^([1-9]\d?|100)$")]
    limit: Option<String>,
    /// The `next_cursor` of a page with the same filters.
    cursor: Option<String>,
}

/// Which of the languages of a template to read.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct TemplateChoice {
    /// Such as `en_US`; the first that Meta lists when absent.
    #[param(pattern = "^[A-Za-z]{2,3}(_[A-Za-z]{2,4})?$")]
    language: Option<String>,
    /// The number of the account whose template it is; needed only where there are several and the path names none.
    #[param(pattern = r"^\+[1-9]\d{6,14}$")]
    from: Option<String>,
}

fn choice(phone_number_id: Option<String>, from: Option<&str>) -> Result<AccountChoice, Problem> {
    // A plus that was not percent-encoded arrives as a space.
    let said = account_choice(from.map(|from| from.replacen(' ', "+", 1)).as_deref())?;
    Ok(phone_number_id.map_or(said, AccountChoice::Id))
}

fn language(text: Option<String>) -> Result<Option<String>, Problem> {
    let letters =
        |text: &str, most: usize| (2..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphabetic());
    let is_one = |text: &String| match text.split_once('_') {
        None => letters(text, 3),
        Some((language, country)) => letters(language, 3) && letters(country, 4),
    };
    if text.as_ref().is_none_or(is_one) {
        return Ok(text);
    }
    Err(Problem::of(Code::InvalidFieldValue, "language", "A language is written as en_US."))
}

/// Lists an account's templates, as Meta has them now.
#[utoipa::path(get, path = "/templates", tag = "messages", operation_id = "list_templates", params(TemplateFilters),
    responses((status = 200, body = List<TemplateObject>)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Segments(scope): Segments<Scope>,
    Filters(filters): Filters<TemplateFilters>,
) -> Result<Answer, Refusal> {
    let status = match filters.status.as_deref() {
        None | Some("approved") => Some(TemplateStatus::Approved),
        Some("pending") => Some(TemplateStatus::Pending),
        Some("rejected") => Some(TemplateStatus::Rejected),
        Some("all") => None,
        Some(_) => {
            let message = "Use approved, pending, rejected or all.";
            return Err(Problem::of(Code::InvalidFieldValue, "status", message).into());
        }
    };
    let limit = page_size(filters.limit.as_deref())?;
    let named = [&scope.phone_number_id, &filters.from, &filters.status, &filters.language].map(Option::as_deref);
    let listing = Listing::new(&app, &caller.org, "templates", &named);
    let after = listing.position::<String>(filters.cursor.as_deref())?.map(|(_, after)| after);
    let choice = choice(scope.phone_number_id.clone(), filters.from.as_deref())?;
    let query = TemplateQuery { status, language: language(filters.language.clone())?, name: None, after, limit };
    let page = templates::list(&app, &caller.org, choice, &query).await?;
    let next = page.after.map(|after| listing.cursor(0, &after)).transpose()?;
    let data = page.templates.into_iter().map(TemplateObject::from).collect();
    Ok(Answer::new(200, &caller.request, &List::page(data, next, &caller.request))?)
}

/// Reads one template.
#[utoipa::path(get, path = "/templates/{name}", tag = "messages", operation_id = "get_template",
    params(("name" = String, Path, description = "Its name"), TemplateChoice),
    responses((status = 200, body = One<TemplateObject>)))]
async fn get(
    State(app): State<App>,
    caller: Caller,
    Segments(path): Segments<TemplatePath>,
    Filters(filters): Filters<TemplateChoice>,
) -> Result<Answer, Refusal> {
    let choice = choice(path.phone_number_id, filters.from.as_deref())?;
    let (name, language) = (path.name, language(filters.language)?);
    if !fits(&name, TEMPLATE_NAME_CHARS_MAX) {
        return Err(Problem::not_found("template").into());
    }
    let template = templates::find(&app, &caller.org, choice, &name, language).await?;
    Ok(Answer::ok(&caller.request, TemplateObject::from(template))?)
}
