//! Merging and deleting for good. A merge makes a record with a new id; the old ids lead to it.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::StatusCode;
use serde::Deserialize;

use super::answer::{Answer, Call, Refusal, Reply};
use super::item::Standing;
use super::objects::ObjectNo;
use super::portal::Portal;
use super::records::{no_such_record, object_of, shown};
use super::values::Change;

const ADDITIONAL_EMAILS: &str = "hs_additional_emails";

impl Portal {
    /// Merges two live records into a new one, whose id is returned. The primary's values win; the other's
    /// addresses become secondary ones.
    pub(super) fn merge(&mut self, of: ObjectNo, primary: u64, other: u64) -> u64 {
        let (ours, theirs) = (self.values(primary), self.values(other));
        let moved = theirs.len();
        let emails = self.emails_after_merge(&ours, &theirs);
        let mut values: BTreeMap<Arc<str>, Option<Box<str>>> = theirs.into_iter().chain(ours).collect();
        if let (Some(emails), Some((name, _))) = (emails, self.objects[of].schema.live(ADDITIONAL_EMAILS)) {
            values.insert(Arc::clone(name), Some(emails));
        }
        let former_ids: Vec<u64> = [primary, other]
            .iter()
            .flat_map(|id| {
                std::iter::once(*id).chain(self.items.get(id).into_iter().flat_map(|it| it.former_ids.clone()))
            })
            .collect();
        let created_us = [primary, other].iter().filter_map(|id| Some(self.items.get(id)?.created_us)).min();
        // The values must be free before the new record takes them; where the ids lead is known only after.
        self.retire(primary, Standing::Erased);
        self.retire(other, Standing::Erased);
        let merged = self.make_merged(of, values.into_iter().collect());
        self.retire(primary, Standing::Merged(merged));
        self.retire(other, Standing::Merged(merged));
        if let Some(item) = self.items.get_mut(&merged) {
            item.former_ids = former_ids;
            item.created_us = created_us.unwrap_or(item.created_us);
        }
        self.links.move_to(merged, &[primary, other]);
        self.announce_merge(merged, primary, other, moved);
        merged
    }

    fn emails_after_merge(&self, ours: &[Change], theirs: &[Change]) -> Option<Box<str>> {
        let of = |values: &[Change], wanted: &str| -> Option<String> {
            let (_, value) = values.iter().find(|(name, _)| &**name == wanted)?;
            value.as_deref().map(str::to_owned)
        };
        let primary = of(ours, "email");
        let secondary: Vec<String> = [of(ours, ADDITIONAL_EMAILS), of(theirs, "email"), of(theirs, ADDITIONAL_EMAILS)]
            .into_iter()
            .flatten()
            .flat_map(|joined| joined.split(';').map(str::to_owned).collect::<Vec<_>>())
            .filter(|address| primary.is_some() && Some(address) != primary.as_ref())
            .collect();
        (!secondary.is_empty()).then(|| secondary.join(";").into_boxed_str())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MergeBody {
    primary_object_id: String,
    object_id_to_merge: String,
}

/// `POST /crm/v3/objects/{object}/merge`
pub(super) fn merge(portal: &mut Portal, call: &Call) -> Answer {
    let of = object_of(portal, call)?;
    let MergeBody { primary_object_id, object_id_to_merge } = call.json()?;
    let find = |id: &str| portal.find(of, None, id, false)?.ok_or_else(|| no_such_record(id));
    let (primary, other) = (find(&primary_object_id)?, find(&object_id_to_merge)?);
    if primary == other {
        return Err(Refusal::validation("A record cannot be merged with itself"));
    }
    let merged = portal.merge(of, primary, other);
    let item = portal.items.get(&merged).ok_or_else(|| no_such_record(&primary_object_id))?;
    let record = portal.show(item.now(), &shown(&portal.objects[of], &["hs_merged_object_ids"]), portal.settings.unset);
    Ok(Reply::ok(record.into()))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EraseBody {
    object_id: String,
    id_property: Option<String>,
}

/// `POST /crm/v3/objects/{object}/gdpr-delete`
pub(super) fn gdpr_delete(portal: &mut Portal, call: &Call) -> Answer {
    let of = object_of(portal, call)?;
    let EraseBody { object_id, id_property } = call.json()?;
    let live = portal.find(of, id_property.as_deref(), &object_id, false)?;
    let found = live.or(portal.find(of, id_property.as_deref(), &object_id, true)?);
    portal.erase(found.ok_or_else(|| no_such_record(&object_id))?);
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}
