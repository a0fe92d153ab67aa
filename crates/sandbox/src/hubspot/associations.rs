//! The routes of associations v4. Source: HubSpot's page "CRM API | Associations v4".

use std::collections::BTreeSet;

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Answer, Call, Refusal, Reply};
use super::links::{IdBody, TypeBody, shown_type};
use super::objects::ObjectNo;
use super::portal::Portal;
use crate::world::iso;

/// Pairs in one batch of writes.
const PAIRS_MAX: usize = 2_000;
/// Records in one batch of reads.
const READ_MAX: usize = 1_000;

impl Portal {
    fn batch(&self, whole: StatusCode, results: Vec<Value>, errors: &[Value]) -> Reply {
        let at = iso(self.stamp_us());
        let rows = results.len() + errors.len();
        let mut body = json!({"status": "COMPLETE", "startedAt": at, "completedAt": at, "results": results});
        if errors.is_empty() {
            return Reply::json(whole, body).rows(rows);
        }
        body["numErrors"] = errors.len().into();
        body["errors"] = errors.into();
        Reply::json(StatusCode::MULTI_STATUS, body).rows(rows)
    }
}

fn both(portal: &Portal, call: &Call) -> Result<(ObjectNo, ObjectNo), Refusal> {
    Ok((portal.objects.named(call.param("object"))?, portal.objects.named(call.param("toObject"))?))
}

fn pair(portal: &Portal, call: &Call) -> Result<(u64, u64), Refusal> {
    let (from, to) = both(portal, call)?;
    Ok((portal.linkable(from, call.param("id"))?, portal.linkable(to, call.param("toId"))?))
}

fn default_row(portal: &mut Portal, from: (ObjectNo, u64), to: (ObjectNo, u64)) -> Result<[Value; 2], Refusal> {
    let it = portal.default_type(from.0, to.0)?;
    portal.links.add(from.1, it.leading_to(to.1));
    let row = |from: u64, to: u64, id: u32| {
        json!({"from": {"id": from.to_string()}, "to": {"id": to.to_string()},
            "associationSpec": {"associationCategory": it.category, "associationTypeId": id}})
    };
    Ok([row(from.1, to.1, it.id), row(to.1, from.1, it.inverse)])
}

/// `PUT /crm/v4/objects/{object}/{id}/associations/default/{toObject}/{toId}`
pub(super) fn put_default(portal: &mut Portal, call: &Call) -> Answer {
    let (from, to) = both(portal, call)?;
    let (from_id, to_id) = pair(portal, call)?;
    if portal.refused_links > 0 {
        portal.refused_links -= 1;
        let refusal = Refusal::validation("The limit of associations between these records is reached");
        return Ok(portal.batch(StatusCode::OK, Vec::new(), &[refusal.row().into()]));
    }
    let rows = default_row(portal, (from, from_id), (to, to_id))?;
    Ok(portal.batch(StatusCode::OK, rows.into(), &[]))
}

/// `PUT /crm/v4/objects/{object}/{id}/associations/{toObject}/{toId}`
pub(super) fn put(portal: &mut Portal, call: &Call) -> Answer {
    let (from, to) = both(portal, call)?;
    let (from_id, to_id) = pair(portal, call)?;
    let types = portal.typed(from, Some(to), &call.json::<Vec<TypeBody>>()?)?;
    for it in &types {
        portal.links.add(from_id, it.leading_to(to_id));
    }
    let labels: Vec<&str> = types.iter().filter_map(|it| it.label).collect();
    Ok(Reply::json(
        StatusCode::CREATED,
        json!({
            "fromObjectTypeId": portal.objects[from].about.type_id, "fromObjectId": from_id.to_string(),
            "toObjectTypeId": portal.objects[to].about.type_id, "toObjectId": to_id.to_string(), "labels": labels,
        }),
    ))
}

/// `DELETE /crm/v4/objects/{object}/{id}/associations/{toObject}/{toId}`
pub(super) fn delete(portal: &mut Portal, call: &Call) -> Answer {
    let (from, to) = pair(portal, call)?;
    portal.links.remove(from, to);
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

/// `GET /crm/v4/objects/{object}/{id}/associations/{toObject}`: all on one page.
pub(super) fn list(portal: &mut Portal, call: &Call) -> Answer {
    let (from, to) = both(portal, call)?;
    let id = portal.linkable(from, call.param("id"))?;
    let row = |(other, types): (u64, &BTreeSet<u32>)| json!({"toObjectId": other.to_string(), "associationTypes": portal.show_types(from, to, types)});
    let results: Vec<Value> = portal.linked(id, to).into_iter().map(row).collect();
    Ok(Reply::ok(json!({"results": results})))
}

#[derive(Deserialize)]
struct Batch<T> {
    inputs: Vec<T>,
}

#[derive(Deserialize)]
struct PairBody {
    from: IdBody,
    to: IdBody,
    #[serde(default)]
    types: Vec<TypeBody>,
}

fn pairs(call: &Call) -> Result<Vec<PairBody>, Refusal> {
    let Batch { inputs } = call.json()?;
    if inputs.len() > PAIRS_MAX {
        return Err(Refusal::validation(format!("A batch has at most {PAIRS_MAX} inputs")));
    }
    Ok(inputs)
}

/// `POST /crm/v4/associations/{object}/{toObject}/batch/create`
pub(super) fn batch_create(portal: &mut Portal, call: &Call) -> Answer {
    let (from, to) = both(portal, call)?;
    let (mut results, mut errors) = (Vec::new(), Vec::new());
    for body in pairs(call)? {
        let ends =
            portal.linkable(from, &body.from.text()).and_then(|a| Ok((a, portal.linkable(to, &body.to.text())?)));
        match ends.and_then(|ends| Ok((ends, portal.typed(from, Some(to), &body.types)?))) {
            Ok(((a, b), types)) => {
                for it in &types {
                    portal.links.add(a, it.leading_to(b));
                }
                let labels: Vec<&str> = types.iter().filter_map(|it| it.label).collect();
                results.push(json!({
                    "fromObjectTypeId": portal.objects[from].about.type_id, "fromObjectId": a,
                    "toObjectTypeId": portal.objects[to].about.type_id, "toObjectId": b, "labels": labels,
                }));
            }
            Err(refusal) => errors.push(refusal.row().into()),
        }
    }
    Ok(portal.batch(StatusCode::CREATED, results, &errors))
}

/// `POST /crm/v4/associations/{object}/{toObject}/batch/associate/default`
pub(super) fn batch_default(portal: &mut Portal, call: &Call) -> Answer {
    let (from, to) = both(portal, call)?;
    let (mut results, mut errors) = (Vec::new(), Vec::new());
    for body in pairs(call)? {
        let ends =
            portal.linkable(from, &body.from.text()).and_then(|a| Ok((a, portal.linkable(to, &body.to.text())?)));
        match ends.and_then(|(a, b)| default_row(portal, (from, a), (to, b))) {
            Ok(rows) => results.extend(rows),
            Err(refusal) => errors.push(refusal.row().into()),
        }
    }
    Ok(portal.batch(StatusCode::OK, results, &errors))
}

/// `POST /crm/v4/associations/{object}/{toObject}/batch/read`
pub(super) fn batch_read(portal: &mut Portal, call: &Call) -> Answer {
    let (from, to) = both(portal, call)?;
    let Batch::<IdBody> { inputs } = call.json()?;
    if inputs.len() > READ_MAX {
        return Err(Refusal::validation(format!("A batch has at most {READ_MAX} inputs")));
    }
    let (mut results, mut errors) = (Vec::new(), Vec::new());
    for body in inputs {
        let id = body.text();
        let found = portal.find(from, None, &id, false)?;
        let linked = found.map(|found| portal.linked(found, to)).unwrap_or_default();
        if linked.is_empty() {
            let (a, b) = (portal.singular(from), portal.singular(to));
            let refusal = Refusal::not_found(format!("No {b} is associated with {a} {id}."))
                .sub_category("crm.associations.NO_ASSOCIATIONS_FOUND")
                .context("fromObjectId", [id])
                .context("fromObjectType", [a.to_owned()])
                .context("toObjectType", [b.to_owned()]);
            errors.push(refusal.row().into());
            continue;
        }
        let row = |(other, types): (u64, &BTreeSet<u32>)| json!({"toObjectId": other, "associationTypes": portal.show_types(from, to, types)});
        results.push(json!({"from": {"id": id}, "to": linked.into_iter().map(row).collect::<Vec<_>>()}));
    }
    Ok(portal.batch(StatusCode::OK, results, &errors))
}

/// `POST /crm/v4/associations/{object}/{toObject}/batch/archive`
pub(super) fn batch_archive(portal: &mut Portal, call: &Call) -> Answer {
    #[derive(Deserialize)]
    struct Row {
        from: IdBody,
        to: Vec<IdBody>,
    }
    let (from, to) = both(portal, call)?;
    let Batch::<Row> { inputs } = call.json()?;
    let rows = inputs.len();
    for row in inputs {
        let a = portal.linkable(from, &row.from.text())?;
        for other in &row.to {
            let b = portal.linkable(to, &other.text())?;
            portal.links.remove(a, b);
        }
    }
    Ok(Reply::empty(StatusCode::NO_CONTENT).rows(rows))
}

/// `GET /crm/v4/associations/{object}/{toObject}/labels`
pub(super) fn labels(portal: &mut Portal, call: &Call) -> Answer {
    let (from, to) = both(portal, call)?;
    let results: Vec<Value> = portal.types(from, to).map(shown_type).collect();
    Ok(Reply::ok(json!({"results": results})))
}
