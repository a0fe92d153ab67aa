//! Bodies and filters of the contact routes, checked here so that operations get only what can be stored.

use lockstep_core::contact::{ContactPatch, NewContact, check_email, check_metadata, check_name};
use lockstep_core::env::Time;
use lockstep_core::external::ExternalId;
use lockstep_core::ids::LabelId;
use lockstep_core::limits::{PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX, SEARCH_CHARS_MAX, fits};
use lockstep_core::patch::Patch;
use lockstep_core::phone::Phone;
use lockstep_core::problem::{Code, Problem};
use lockstep_store::ContactFilter;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value as Json};
use utoipa::ToSchema;

use crate::ops::contacts::AccountChoice;

/// Where contacts come from that a caller makes.
const ACQUISITION_SOURCE: &str = "api";

/// A contact to make.
#[derive(Debug, Deserialize, ToSchema)]
pub struct NewContactBody {
    /// E.164 with its `+`.
    #[schema(required, nullable = false, pattern = r"^\+[1-9]\d{6,14}$")]
    phone_number: Option<String>,
    /// 1 to 255 characters.
    #[schema(min_length = 1, max_length = 255)]
    name: Option<String>,
    /// An e-mail address.
    #[schema(format = Email)]
    email: Option<String>,
    /// A free JSON object: at most 50 keys and 16 KiB.
    metadata: Option<Map<String, Json>>,
    /// The number of the account that gets the contact; needed only where there are several and the path names none.
    #[schema(pattern = r"^\+[1-9]\d{6,14}$")]
    from: Option<String>,
}

impl NewContactBody {
    /// Checks everything that needs no database.
    ///
    /// # Errors
    /// The first member that will not do.
    pub fn checked(self) -> Result<(NewContact, AccountChoice), Problem> {
        let phone = required("phone_number", self.phone_number)?;
        self.name.as_deref().map_or(Ok(()), check_name)?;
        self.email.as_deref().map_or(Ok(()), check_email)?;
        self.metadata.as_ref().map_or(Ok(()), check_metadata)?;
        let new = NewContact {
            account: None,
            phone_number: Some(phone_number("phone_number", &phone)?),
            name: self.name,
            email: self.email,
            metadata: self.metadata,
            acquisition_source: Some(ACQUISITION_SOURCE.to_owned()),
        };
        Ok((new, account_choice(self.from.as_deref())?))
    }
}

/// What to change of a contact. An absent member stays, null clears. Metadata merges per top-level key.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(min_properties = 1)]
pub struct ContactPatchBody {
    /// 1 to 255 characters.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 255)]
    name: Patch<String>,
    /// An e-mail address.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Email)]
    email: Patch<String>,
    /// Keys to set; a null value deletes its key.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    metadata: Patch<Map<String, Json>>,
    /// Refused: a contact's number is its address.
    #[serde(default)]
    #[schema(ignore)]
    phone_number: Patch<Json>,
}

impl ContactPatchBody {
    /// Checks everything that needs no database.
    ///
    /// # Errors
    /// The first member that will not do, or nothing to change.
    pub fn checked(self) -> Result<ContactPatch, Problem> {
        if !self.phone_number.is_keep() {
            let message = "A contact's phone number cannot change: make another contact.";
            return Err(Problem::of(Code::InvalidFieldValue, "phone_number", message));
        }
        let patch = checked_patch(self.name, self.email, self.metadata)?;
        if patch == ContactPatch::default() {
            return Err(Problem::new(Code::MissingRequiredField, "Give at least one of name, email and metadata."));
        }
        Ok(patch)
    }
}

/// What a contact found or made by its number shall hold.
#[derive(Debug, Deserialize, ToSchema)]
pub struct UpsertBody {
    /// 1 to 255 characters.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 255)]
    name: Patch<String>,
    /// An e-mail address.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Email)]
    email: Patch<String>,
    /// Keys to set; a null value deletes its key.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    metadata: Patch<Map<String, Json>>,
    /// The number of the account; needed only where there are several and the path names none.
    #[schema(pattern = r"^\+[1-9]\d{6,14}$")]
    from: Option<String>,
}

impl UpsertBody {
    /// Checks everything that needs no database.
    ///
    /// # Errors
    /// The first member that will not do.
    pub fn checked(self) -> Result<(ContactPatch, AccountChoice), Problem> {
        let choice = account_choice(self.from.as_deref())?;
        Ok((checked_patch(self.name, self.email, self.metadata)?, choice))
    }
}

/// The new contact that an upsert makes when it finds none.
pub fn upserted(phone: Phone, patch: &ContactPatch) -> NewContact {
    let metadata = patch.metadata.clone().apply(None).map(|mut keys| {
        keys.retain(|_, value| !value.is_null());
        keys
    });
    NewContact {
        account: None,
        phone_number: Some(phone),
        name: patch.name.clone().apply(None),
        email: patch.email.clone().apply(None),
        metadata,
        acquisition_source: Some(ACQUISITION_SOURCE.to_owned()),
    }
}

pub(super) fn checked_patch(
    name: Patch<String>,
    email: Patch<String>,
    metadata: Patch<Map<String, Json>>,
) -> Result<ContactPatch, Problem> {
    Ok(ContactPatch {
        phone_number: None,
        name: name.try_map(|name| check_name(&name).map(|()| name))?,
        email: email.try_map(|email| check_email(&email).map(|()| email))?,
        metadata: metadata.try_map(|keys| check_metadata(&keys).map(|()| keys))?,
    })
}

fn invalid(param: &str, bad: impl std::fmt::Display) -> Problem {
    Problem::of(Code::InvalidFieldValue, param, format!("{param}: {bad}."))
}

/// The account that a body's `from` names.
///
/// # Errors
/// Not E.164.
pub fn account_choice(from: Option<&str>) -> Result<AccountChoice, Problem> {
    Ok(match from {
        Some(from) => AccountChoice::From(phone_number("from", from)?),
        None => AccountChoice::Only,
    })
}

/// Reads a number that must be E.164.
///
/// # Errors
/// [`Code::InvalidPhoneNumber`], with `param`.
pub fn phone_number(param: &str, text: &str) -> Result<Phone, Problem> {
    Phone::parse(text).map_err(|bad| Problem::of(Code::InvalidPhoneNumber, param, format!("{param} is {bad}.")))
}

/// Which contacts to list. `has_more` and `next_cursor` lead through the pages.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ContactFilters {
    /// Exactly this number, E.164; write its `+` as `%2B`.
    #[param(pattern = r"^\+[1-9]\d{6,14}$")]
    pub phone: Option<String>,
    /// Exactly this e-mail address; case does not count.
    #[param(format = Email)]
    pub email: Option<String>,
    /// The id that another system has for the contact: `hubspot:ID` of any HubSpot that is kept in step, `syn_…:ID` of one
    /// sync, `crm:ID` of any CRM or of `metadata.crm_id`.
    #[param(pattern = "^(crm|[a-z0-9]{1,32}|syn_[0-9A-HJKMNP-TV-Z]{26}):.+$", max_length = 288)]
    pub external_id: Option<String>,
    /// Part of a name or an e-mail address.
    #[param(min_length = 1, max_length = 200)]
    pub search: Option<String>,
    /// Only contacts changed after this time (RFC 3339), in the order of their changes. The answer then has a
    /// `delta_cursor` too: asking again with it later misses nothing.
    #[param(format = DateTime)]
    pub updated_after: Option<String>,
    /// Only contacts last changed before this time (RFC 3339).
    #[param(format = DateTime)]
    pub updated_before: Option<String>,
    /// Only contacts that have this label, `lbl_…`.
    pub label: Option<String>,
}

/// Reads a member that may be left out but is never null, for `#[serde(default, deserialize_with)]`.
///
/// # Errors
/// Null, or another type.
pub fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// A member that may not be left out.
///
/// # Errors
/// [`Code::MissingRequiredField`].
pub fn required<T>(param: &str, value: Option<T>) -> Result<T, Problem> {
    value.ok_or_else(|| Problem::of(Code::MissingRequiredField, param, format!("{param} is required.")))
}

/// Which page to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageFilters {
    /// Items on a page, 1 to 100; 25 when absent.
    #[param(pattern = r"^([1-9]\d?|100)$")]
    pub limit: Option<String>,
    /// The `next_cursor` of the page before with the same filters; for contacts its `delta_cursor` too.
    pub cursor: Option<String>,
}

/// What to show beside an object's own members.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Expansion {
    /// `labels` to show the labels.
    #[param(pattern = "^labels$")]
    pub expand: Option<String>,
}

/// Whether labels are to be shown.
///
/// # Errors
/// Anything but `labels` is to be shown.
pub fn expands_labels(expand: Option<&str>) -> Result<bool, Problem> {
    match expand {
        None => Ok(false),
        Some("labels") => Ok(true),
        Some(_) => Err(Problem::of(Code::InvalidFieldValue, "expand", "expand takes labels.")),
    }
}

impl ContactFilters {
    /// The number to look for.
    ///
    /// # Errors
    /// Not E.164.
    fn phone(&self) -> Result<Option<Phone>, Problem> {
        // A plus that was not percent-encoded arrives as a space.
        let restored =
            |text: &str| text.strip_prefix(' ').map_or_else(|| text.to_owned(), |digits| format!("+{digits}"));
        self.phone.as_deref().map(|text| phone_number("phone", &restored(text))).transpose()
    }

    /// The text to search for.
    ///
    /// # Errors
    /// Empty, too long, or with U+0000.
    fn search(&self) -> Result<Option<&str>, Problem> {
        let search = self.search.as_deref();
        if search.is_some_and(|text| text.trim().is_empty() || !fits(text, SEARCH_CHARS_MAX) || text.contains('\0')) {
            let message = format!("search takes 1 to {SEARCH_CHARS_MAX} characters.");
            return Err(Problem::of(Code::InvalidFieldValue, "search", message));
        }
        Ok(search)
    }

    /// The label to look for.
    ///
    /// # Errors
    /// Not the id of a label.
    fn label(&self) -> Result<Option<LabelId>, Problem> {
        let read = |text: &str| LabelId::parse(text).map_err(|bad| invalid("label", bad));
        self.label.as_deref().map(read).transpose()
    }

    /// All of them but the place, for one account if the path names one.
    ///
    /// # Errors
    /// The first that will not do.
    pub fn checked(&self, account: Option<String>) -> Result<ContactFilter, Problem> {
        // As with phone: no address holds a space.
        let email = |text: &str| {
            let restored = text.replace(' ', "+");
            check_email(&restored).map(|()| restored)
        };
        let external = |text: &str| ExternalId::parse(text).map_err(|bad| invalid("external_id", bad));
        Ok(ContactFilter {
            account,
            phone: self.phone()?,
            search: self.search()?.map(str::to_owned),
            updated_after: self.updated_after.as_deref().map(|text| time("updated_after", text)).transpose()?,
            updated_before: self.updated_before.as_deref().map(|text| time("updated_before", text)).transpose()?,
            email: self.email.as_deref().map(email).transpose()?,
            external_id: self.external_id.as_deref().map(external).transpose()?,
            label: self.label()?,
        })
    }

    /// What a cursor of such a list is bound to.
    pub fn named(&self) -> [Option<&str>; 7] {
        let Self { phone, email, external_id, search, updated_after, updated_before, label, .. } = self;
        [phone, email, external_id, search, updated_after, updated_before, label].map(Option::as_deref)
    }
}

/// Reads a time of a query, whose `+` may have arrived as a space.
///
/// # Errors
/// Not RFC 3339.
pub fn time(param: &str, text: &str) -> Result<Time, Problem> {
    Time::parse(&text.replace(' ', "+")).ok_or_else(|| {
        Problem::of(Code::InvalidFieldValue, param, format!("{param} must be a time such as 2026-05-23T10:00:00Z."))
    })
}

/// Reads a page size.
///
/// # Errors
/// [`Code::InvalidLimit`] outside 1 to 100.
pub fn page_size(limit: Option<&str>) -> Result<usize, Problem> {
    let Some(text) = limit else { return Ok(PAGE_SIZE_DEFAULT as usize) };
    let digits = !text.is_empty() && text.len() <= 4 && text.bytes().all(|b| b.is_ascii_digit());
    match text.parse::<usize>() {
        Ok(size) if digits && (1..=PAGE_SIZE_MAX).contains(&(size as u64)) => Ok(size),
        _ => {
            Err(Problem::of(Code::InvalidLimit, "limit", format!("limit must be a number from 1 to {PAGE_SIZE_MAX}.")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_sizes_outside_the_range_are_refused() {
        assert_eq!(page_size(None).unwrap(), 25);
        assert_eq!(page_size(Some("100")).unwrap(), 100);
        for bad in ["0", "101", "-1", "+5", "1e1", "", "ten", "99999999999999999999", "٣"] {
            assert_eq!(page_size(Some(bad)).unwrap_err().code, Code::InvalidLimit, "{bad}");
        }
    }

    #[test]
    fn a_plus_that_arrived_as_a_space_is_restored() {
        let filters = ContactFilters { phone: Some(" 628111222333".to_owned()), ..ContactFilters::default() };
        assert_eq!(filters.phone().unwrap().unwrap().as_str(), "+628111222333");
        assert_eq!(
            time("updated_after", "2026-05-23T10:00:00 07:00").unwrap(),
            Time::parse("2026-05-23T03:00:00Z").unwrap()
        );
    }
}
