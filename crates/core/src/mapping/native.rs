//! Decided values turned back into native properties. An unmapped field or property never appears.

use super::model::{FieldMap, Mapping, Selector, WritePolicy};
use super::view::{clean, joined};
use crate::record::{Edits, Properties, Record};
use crate::text;

/// The properties to send for these edits. `far` is the record as just read; `None` when it is to be made.
///
/// The answer can be empty where the record already reads as wanted (a name that differs only in inner spaces);
/// then nothing is to be sent and the edit is settled against `far` itself.
pub fn properties(mapping: &Mapping, edits: &Edits, far: Option<&Record>) -> Properties {
    let mut properties = Properties::new();
    for map in &mapping.fields {
        if let Some(edit) = edits.get(&map.field).filter(|_| may_write(map, far)) {
            write(&mut properties, map, edit.as_deref(), far);
        }
    }
    properties
}

/// The record after a write: what the vendor answered; where it was silent, what we sent; and where that is
/// silent too, what was read before.
pub fn after_write(far: Option<&Record>, sent: &Properties, answer: &Record) -> Record {
    let mut after = answer.clone();
    let before = far.map(|far| &far.properties).into_iter().flatten();
    for (property, value) in sent.iter().chain(before) {
        after.properties.entry(property.clone()).or_insert_with(|| value.clone());
    }
    after
}

fn may_write(map: &FieldMap, far: Option<&Record>) -> bool {
    let filled = || map.native.properties().iter().any(|property| far.is_some_and(|far| far.text(property).is_some()));
    match map.policy {
        WritePolicy::Always => true,
        WritePolicy::IfEmpty => !filled(),
        WritePolicy::Never => false,
    }
}

fn write(properties: &mut Properties, map: &FieldMap, value: Option<&str>, far: Option<&Record>) {
    match &map.native {
        Selector::RecordId => {}
        Selector::Property(property) => {
            properties.insert(property.clone(), value.map(str::to_owned));
        }
        Selector::Prefixed { property, prefix } => {
            properties.insert(property.clone(), value.map(|value| format!("{prefix}{value}")));
        }
        Selector::FullName { first, last } => {
            let now = |property: &str| far.map(|far| clean(far, property)).unwrap_or_default();
            let (first_now, last_now) = (now(first), now(last));
            let (first_new, last_new) = split_name(value.unwrap_or_default(), &first_now, &last_now);
            for (property, new, now) in [(first, first_new, first_now), (last, last_new, last_now)] {
                if new != now {
                    properties.insert(property.clone(), Some(new).filter(|new| !new.is_empty()));
                }
            }
        }
    }
}

/// Parts a name. A part that the name still ends or begins with stays as it is in the record, the last name first,
/// because what comes new in the middle is mostly a given name. Else the last word is the last name, and a single
/// word the first.
fn split_name(name: &str, first: &str, last: &str) -> (String, String) {
    let name = text::clean(name).split_whitespace().collect::<Vec<_>>().join(" ");
    let before_last = name.strip_suffix(last).and_then(|rest| beside(rest, last));
    let behind_first = name.strip_prefix(first).and_then(|rest| beside(rest, first));
    let (first, last) = match (before_last, behind_first) {
        _ if name == joined(first, last) => (first, last),
        (Some(rest), _) => (rest, last),
        (None, Some(rest)) => (first, rest),
        (None, None) => name.rsplit_once(' ').unwrap_or((&name, "")),
    };
    (first.to_owned(), last.to_owned())
}

/// What is left of a name beside a part, where the part was whole words of it.
fn beside<'n>(rest: &'n str, part: &str) -> Option<&'n str> {
    let whole = rest.is_empty() || rest.starts_with(' ') || rest.ends_with(' ');
    (whole && !part.is_empty()).then(|| rest.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::Time;
    use crate::mapping::model::{ContactProperties, NameProperties};
    use crate::mapping::view::record_values;
    use proptest::prelude::*;

    fn mapping() -> Mapping {
        let names = ContactProperties {
            phone: "phone",
            email: "email",
            name: NameProperties::Parts { first: "firstname", last: "lastname" },
            other_phones: &[],
            other_emails: &[],
            source: Some("lockstep_source"),
            key: Some("lockstep_id"),
        };
        Mapping::contacts(&names, None)
    }

    fn record(properties: &[(&str, &str)]) -> Record {
        let some = |(name, value): &(&str, &str)| ((*name).to_owned(), Some((*value).to_owned()));
        Record {
            id: "7".to_owned(),
            properties: properties.iter().map(some).collect(),
            updated_at: Time(0),
            archived: false,
            merged: Vec::new(),
        }
    }

    /// Writes a name over first and last name and gives back (first, last) as sent: `None` for a part that is not sent.
    type Sent = (Option<Option<String>>, Option<Option<String>>);
    fn sent(name: Option<&str>, far: Option<(&str, &str)>) -> Sent {
        let far = far.map(|(first, last)| record(&[("firstname", first), ("lastname", last)]));
        let edits = Edits::from([("name".to_owned(), name.map(str::to_owned))]);
        let properties = properties(&mapping(), &edits, far.as_ref());
        (properties.get("firstname").cloned(), properties.get("lastname").cloned())
    }

    fn set(text: &str) -> Option<Option<String>> {
        Some(Some(text.to_owned()))
    }

    const CLEAR: Option<Option<String>> = Some(None);

    #[test]
    fn a_new_record_gets_the_last_word_as_last_name() {
        assert_eq!(sent(Some("Sukarno"), None), (set("Sukarno"), None));
        assert_eq!(sent(Some("Anna Maria Rossi"), None), (set("Anna Maria"), set("Rossi")));
        assert_eq!(sent(Some("محمد عبد الله"), None), (set("محمد عبد"), set("الله")));
        assert_eq!(sent(Some("王小明"), None), (set("王小明"), None));
        assert_eq!(sent(Some("Budi Santoso "), None), (set("Budi"), set("Santoso")));
        assert_eq!(sent(None, None), (None, None));
    }

    #[test]
    fn a_changed_name_keeps_the_part_it_still_begins_or_ends_with() {
        assert_eq!(sent(Some("Dewi Lestari"), Some(("Dewi", "Anggraini"))), (None, set("Lestari")));
        assert_eq!(sent(Some("Rina van der Berg"), Some(("Anna", "van der Berg"))), (set("Rina"), None));
        assert_eq!(sent(Some("Maria Luisa Garcia"), Some(("Maria", "Garcia"))), (set("Maria Luisa"), None));
        assert_eq!(sent(Some("Budi Santoso Wijaya"), Some(("Budi Santoso", ""))), (None, set("Wijaya")));
        assert_eq!(sent(Some("Annabel Rossi"), Some(("Anna", "Bianchi"))), (set("Annabel"), set("Rossi")));
        assert_eq!(sent(Some("محمد علي"), Some(("محمد", "عبد الله"))), (None, set("علي")));
    }

    #[test]
    fn a_single_word_and_no_name_clear_what_is_left_over() {
        assert_eq!(sent(Some("Madonna"), Some(("Louise", "Ciccone"))), (set("Madonna"), CLEAR));
        assert_eq!(sent(Some("Budi"), Some(("Budi", "Santoso"))), (None, CLEAR));
        assert_eq!(sent(Some("王小明"), Some(("小明", "王"))), (set("王小明"), CLEAR));
        assert_eq!(sent(None, Some(("Budi", "Santoso"))), (CLEAR, CLEAR));
        assert_eq!(sent(None, Some(("Budi", ""))), (CLEAR, None));
    }

    #[test]
    fn equal_joins_are_never_written() {
        assert_eq!(sent(Some("Budi Santoso"), Some(("Budi", "Santoso"))), (None, None));
        assert_eq!(sent(Some(" Budi  Santoso "), Some(("Budi", "Santoso"))), (None, None));
        assert_eq!(sent(Some("Anna Maria Rossi"), Some(("Anna", "Maria Rossi"))), (None, None));
        assert_eq!(sent(Some("Prince"), Some(("", "Prince"))), (None, None));
    }

    #[test]
    fn policies_and_the_record_id_hold_at_the_last_step_too() {
        let mut mapping = mapping();
        mapping.fields.iter_mut().find(|map| map.field == "email").unwrap().policy = WritePolicy::IfEmpty;
        mapping.fields.iter_mut().find(|map| map.field == "phone_number").unwrap().policy = WritePolicy::Never;
        let all = ["email", "phone_number", "metadata.crm_id", "acquisition_source"]
            .map(|field| (field.to_owned(), Some("x".to_owned())));
        let written =
            |far: &Record| properties(&mapping, &Edits::from(all.clone()), Some(far)).into_keys().collect::<Vec<_>>();
        assert_eq!(written(&record(&[("email", "")])), ["email", "lockstep_source"]);
        assert_eq!(written(&record(&[("email", "a@b.c")])), ["lockstep_source"]);
    }

    #[test]
    fn a_silent_answer_is_completed_from_what_was_sent_and_read() {
        let far = record(&[("firstname", "Dewi"), ("lastname", "Anggraini"), ("phone", "1")]);
        let sent = Properties::from([
            ("lastname".to_owned(), Some("Lestari".to_owned())),
            ("phone".to_owned(), Some("2".to_owned())),
        ]);
        let after = after_write(Some(&far), &sent, &record(&[("phone", "two")]));
        assert_eq!(record_values(&mapping(), &after).get("name").map(String::as_str), Some("Dewi Lestari"));
        assert_eq!(after.text("phone"), Some("two"));
    }

    proptest! {
        #[test]
        fn an_unmapped_field_never_appears(edits in proptest::collection::btree_map("(name|email|id|owner|metadata\\.[a-z]{1,3})", proptest::option::of("[a-z ]{0,8}"), 0..6)) {
            let known = mapping().properties();
            prop_assert!(properties(&mapping(), &edits, None).keys().all(|property| known.contains(property)));
        }

        #[test]
        fn a_written_name_reads_back(name in "[a-c]{1,2}( [a-c]{1,2}){0,3}", first in "([a-c]{1,2})?", last in "([a-c]{1,2}( [a-c])?)?") {
            let far = record(&[("firstname", &first), ("lastname", &last)]);
            let sent = properties(&mapping(), &Edits::from([("name".to_owned(), Some(name.clone()))]), Some(&far));
            let after = after_write(Some(&far), &sent, &record(&[]));
            let values = record_values(&mapping(), &after);
            prop_assert_eq!(values.get("name"), Some(&name));
        }
    }
}
