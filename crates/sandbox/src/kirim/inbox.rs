//! The organization: its contacts, what its limiters and its memory of repeated calls hold, and its subscriptions.

use std::collections::BTreeMap;

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::answer::Refusal;
use super::hooks::Hooks;
use super::limits::Bucket;
use super::settings::{KirimSettings, Number};
use crate::record::Record;
use crate::world::{Rng, iso};

/// Characters of a name. Kirim names no limit; search has 200.
const NAME_CHARS_MAX: usize = 255;
/// Characters of an address.
const EMAIL_CHARS_MAX: usize = 254;
/// What a record's property is called that is a key of metadata.
const METADATA: &str = "metadata.";
/// The digits and letters of ids: Crockford's, as the page "Resource ids" has them.
const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Contact {
    pub(super) id: String,
    /// The id of the number that it belongs to.
    pub(super) number: String,
    pub(super) phone: Option<String>,
    pub(super) name: Option<String>,
    pub(super) email: Option<String>,
    pub(super) metadata: Option<Map<String, Value>>,
    created_us: i64,
    updated_us: i64,
    /// Whether its row is gone.
    pub(super) deleted: bool,
}

/// What becomes of a contact's members.
#[derive(Debug, Default)]
pub(super) struct Edit {
    pub(super) name: Option<Option<String>>,
    pub(super) email: Option<Option<String>>,
    pub(super) metadata: Option<Option<Map<String, Value>>>,
}

impl Edit {
    /// Reads the members of a body; null clears.
    pub(super) fn of(body: &Map<String, Value>) -> Result<Self, Refusal> {
        let text = |name: &'static str| match body.get(name) {
            None => Ok(None),
            Some(Value::Null) => Ok(Some(None)),
            Some(Value::String(text)) => Ok(Some(Some(text.clone()))),
            Some(_) => Err(Refusal::value(name, "must be a string")),
        };
        let (name, email) = (text("name")?, text("email")?);
        if name.iter().flatten().any(|name| name.is_empty() || name.chars().count() > NAME_CHARS_MAX) {
            return Err(Refusal::value("name", "must be 1 to 255 characters"));
        }
        if email.iter().flatten().any(|email| !is_email(email)) {
            return Err(Refusal::value("email", "must be an email"));
        }
        let metadata = match body.get("metadata") {
            None => None,
            Some(Value::Null) => Some(None),
            Some(Value::Object(metadata)) => Some(Some(metadata.clone())),
            Some(_) => return Err(Refusal::value("metadata", "must be an object")),
        };
        Ok(Self { name, email, metadata })
    }
}

fn is_email(text: &str) -> bool {
    let halves = text.split_once('@');
    let good = |part: &str| !part.is_empty() && !part.contains(|it: char| it == '@' || it.is_whitespace());
    text.chars().count() <= EMAIL_CHARS_MAX && halves.is_some_and(|(name, host)| good(name) && good(host))
}

/// Whether it is E.164 with its plus: `^\+[1-9]\d{6,14}$`.
pub(super) fn is_e164(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| {
        (7..=15).contains(&digits.len()) && !digits.starts_with('0') && digits.bytes().all(|it| it.is_ascii_digit())
    })
}

pub(super) struct Inbox {
    pub(super) settings: KirimSettings,
    pub(super) rng: Rng,
    /// By when they were made: the later, the higher.
    pub(super) contacts: BTreeMap<u64, Contact>,
    by_id: BTreeMap<String, u64>,
    /// Living contacts by the number that they belong to and their own.
    by_phone: BTreeMap<(String, String), u64>,
    pub(super) hooks: Hooks,
    pub(super) writes: Bucket,
    pub(super) reads: Bucket,
    /// What repeated calls are answered: the call, the status and the body, by their key.
    pub(super) replays: BTreeMap<String, (String, StatusCode, Value)>,
    pub(super) is_revoked: bool,
}

impl Inbox {
    pub(super) fn new(settings: KirimSettings) -> Self {
        Self {
            rng: Rng::new(settings.seed),
            settings,
            contacts: BTreeMap::new(),
            by_id: BTreeMap::new(),
            by_phone: BTreeMap::new(),
            hooks: Hooks::default(),
            writes: Bucket::default(),
            reads: Bucket::default(),
            replays: BTreeMap::new(),
            is_revoked: false,
        }
    }

    pub(super) fn now_us(&self) -> i64 {
        (self.settings.clock)()
    }

    /// Kirim's own clock, which marks records.
    pub(super) fn clock_us(&self) -> i64 {
        self.now_us() + self.settings.clock_offset_us
    }

    /// An id, `ctc_…` or another kind's.
    pub(super) fn id(&mut self, prefix: &str) -> String {
        let digit = |at| {
            let digits = if at == 0 { 8 } else { CROCKFORD.len() as u64 };
            char::from(CROCKFORD[usize::try_from(self.rng.below(digits)).unwrap_or_default()])
        };
        let digits: String = (0..26).map(digit).collect();
        format!("{prefix}_{digits}")
    }

    pub(super) fn number(&self, id: &str) -> Option<&Number> {
        self.settings.numbers.iter().find(|number| number.id == id)
    }

    /// A contact that is there.
    pub(super) fn contact(&self, id: &str) -> Option<&Contact> {
        self.by_id.get(id).and_then(|at| self.contacts.get(at)).filter(|contact| !contact.deleted)
    }

    /// The living contact of a number that has a phone number.
    pub(super) fn with_phone(&self, number: &str, phone: &str) -> Option<&Contact> {
        self.contacts.get(self.by_phone.get(&(number.to_owned(), phone.to_owned()))?)
    }

    pub(super) fn create(&mut self, number: &str, phone: Option<String>, edit: Edit) -> Result<Contact, Refusal> {
        if phone.as_ref().is_some_and(|phone| self.with_phone(number, phone).is_some()) {
            return Err(Refusal::taken());
        }
        let (id, now_us) = (self.id("ctc"), self.clock_us());
        let at = self.contacts.last_key_value().map_or(0, |(last, _)| last + 1);
        let contact = Contact {
            id: id.clone(),
            number: number.to_owned(),
            phone: phone.clone(),
            name: edit.name.flatten(),
            email: edit.email.flatten(),
            metadata: edit.metadata.flatten(),
            created_us: now_us,
            updated_us: now_us,
            deleted: false,
        };
        self.by_id.insert(id, at);
        if let Some(phone) = phone {
            self.by_phone.insert((number.to_owned(), phone), at);
        }
        self.contacts.insert(at, contact.clone());
        Ok(contact)
    }

    /// Changes a contact, and names the members that are another now. Metadata is replaced: whether Kirim merges it is
    /// not documented, and whoever copes with this copes with both.
    pub(super) fn edit(&mut self, id: &str, edit: Edit) -> Option<(Contact, Vec<&'static str>)> {
        let now_us = self.clock_us();
        let at = self.by_id.get(id)?;
        let contact = self.contacts.get_mut(at).filter(|contact| !contact.deleted)?;
        let mut changed = Vec::new();
        let mut put = |name: &'static str, is_other: bool| changed.extend(is_other.then_some(name));
        if let Some(name) = edit.name {
            put("name", contact.name != name);
            contact.name = name;
        }
        if let Some(email) = edit.email {
            put("email", contact.email != email);
            contact.email = email;
        }
        if let Some(metadata) = edit.metadata {
            put("metadata", contact.metadata != metadata);
            contact.metadata = metadata;
        }
        if !changed.is_empty() {
            contact.updated_us = now_us;
        }
        Some((contact.clone(), changed))
    }

    /// A person's hand changes the number, which the API never does.
    pub(super) fn renumber(&mut self, id: &str, phone: Option<String>) -> Result<(), Refusal> {
        let now_us = self.clock_us();
        let at = *self.by_id.get(id).ok_or_else(Refusal::not_found)?;
        let number = self.contact(id).ok_or_else(Refusal::not_found)?.number.clone();
        let owner = phone.as_ref().and_then(|phone| self.by_phone.get(&(number.clone(), phone.clone())));
        if owner.is_some_and(|owner| *owner != at) {
            return Err(Refusal::taken());
        }
        let contact = self.contacts.get_mut(&at).ok_or_else(Refusal::not_found)?;
        if contact.phone != phone {
            contact.updated_us = now_us;
        }
        let before = std::mem::replace(&mut contact.phone, phone.clone());
        before.map(|before| self.by_phone.remove(&(number.clone(), before)));
        phone.map(|phone| self.by_phone.insert((number, phone), at));
        Ok(())
    }

    /// Its row goes; its id is never used again. Nobody is told: there is no such event.
    pub(super) fn delete(&mut self, id: &str) -> Option<()> {
        let contact = self.by_id.get(id).and_then(|at| self.contacts.get_mut(at)).filter(|contact| !contact.deleted)?;
        contact.deleted = true;
        let key = contact.phone.clone().map(|phone| (contact.number.clone(), phone));
        key.map(|key| self.by_phone.remove(&key));
        Some(())
    }

    /// A contact as the API shows it; times are in whole seconds, as in the documents' examples.
    pub(super) fn shown(&self, contact: &Contact) -> Value {
        let display = self.number(&contact.number).map(|number| number.display.clone());
        json!({
            "id": contact.id,
            "object": "contact",
            "phone_number": contact.phone,
            "name": contact.name,
            "email": contact.email,
            "metadata": contact.metadata,
            "whatsapp_account": {"phone_number": display},
            "created_at": seconds(contact.created_us),
            "updated_at": seconds(contact.updated_us),
        })
    }

    /// A contact as tests and the demo see it: keys of metadata are called `metadata.KEY`.
    pub(super) fn record(contact: &Contact) -> Record {
        let mut properties: BTreeMap<String, Option<String>> =
            [("phone_number", &contact.phone), ("name", &contact.name), ("email", &contact.email)]
                .into_iter()
                .filter(|(_, value)| value.is_some())
                .map(|(name, value)| (name.to_owned(), value.clone()))
                .collect();
        for (key, value) in contact.metadata.iter().flatten() {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            properties.insert(format!("{METADATA}{key}"), (!value.is_null()).then_some(text));
        }
        Record {
            object: "contacts".to_owned(),
            id: contact.id.clone(),
            properties,
            created_us: contact.created_us,
            updated_us: contact.updated_us,
            archived: contact.deleted,
            merged_into: None,
        }
    }

    /// What a person types on Kirim's page: a phone number, if it is among them, and the rest. Empty is nothing.
    pub(super) fn typed(
        &self,
        before: Option<&Contact>,
        properties: &Map<String, Value>,
    ) -> Result<(Option<Option<String>>, Edit), Refusal> {
        let (mut phone, mut body) = (None, Map::new());
        let mut metadata = before.and_then(|contact| contact.metadata.clone()).unwrap_or_default();
        for (name, value) in properties {
            let text = value.as_str().map_or_else(|| value.to_string(), |text| text.trim().to_owned());
            let kept = (!text.is_empty()).then_some(text);
            match (name.as_str(), name.strip_prefix(METADATA)) {
                ("phone_number", _) => phone = Some(kept.map(|typed| self.dialled(&typed)).transpose()?),
                ("name" | "email", _) => drop(body.insert(name.clone(), kept.into())),
                (_, Some(key)) => match kept {
                    Some(text) => drop(metadata.insert(key.to_owned(), text.into())),
                    None => drop(metadata.remove(key)),
                },
                _ => return Err(Refusal::value("metadata", format!("a contact has no {name}"))),
            }
        }
        if properties.keys().any(|name| name.starts_with(METADATA)) {
            body.insert("metadata".to_owned(), metadata.into());
        }
        Ok((phone, Edit::of(&body)?))
    }

    /// The page takes a number as people of the country write it.
    fn dialled(&self, typed: &str) -> Result<String, Refusal> {
        let digits: String = typed.chars().filter(char::is_ascii_digit).collect();
        let e164 = match (typed.starts_with('+'), digits.strip_prefix('0')) {
            (false, Some(national)) => format!("+{}{national}", self.settings.country_code),
            _ => format!("+{digits}"),
        };
        if is_e164(&e164) {
            Ok(e164)
        } else {
            Err(Refusal::invalid("invalid_phone_number", "phone_number", "no phone number"))
        }
    }
}

/// A time in whole seconds, as in `2026-05-23T10:00:00Z`.
pub(super) fn seconds(us: i64) -> String {
    iso(us).split_once('.').map(|(whole, _)| format!("{whole}Z")).unwrap_or_default()
}
