//! The org itself: versions, what there is, and what is left of its limits.

use serde_json::{Map, Value, json};

use super::answer::{Answer, Call, Reply};
use super::bulk::Way;
use super::org::{By, Org};

/// Versions that are told of; every other is taken, too.
const VERSIONS: [(&str, &str); 4] =
    [("Summer '25", "64.0"), ("Winter '26", "65.0"), ("Spring '26", "66.0"), ("Summer '26", "67.0")];

/// `GET services/data`
pub(super) fn versions(_org: &mut Org, _call: &Call) -> Answer {
    let shown = VERSIONS.iter().map(
        |(label, version)| json!({"label": label, "url": format!("/services/data/v{version}"), "version": version}),
    );
    Ok(Reply::ok(shown.collect()))
}

/// `GET services/data/{version}`
pub(super) fn resources(org: &mut Org, call: &Call) -> Answer {
    let base = format!("/services/data/{}", call.version);
    let names =
        ["limits", "sobjects", "query", "queryAll", "search", "parameterizedSearch", "composite", "jobs", "actions"];
    let mut all: Map<String, Value> =
        names.iter().map(|name| ((*name).to_owned(), format!("{base}/{name}").into())).collect();
    let identity = format!("{}/id/{}/{}", call.origin, org.org_id(), By::App.user());
    all.insert("identity".to_owned(), identity.into());
    Ok(Reply::ok(all.into()))
}

/// `GET limits`
pub(super) fn limits(org: &mut Org, _call: &Call) -> Answer {
    let now_us = org.now_us();
    let (used, max) = (org.used.used(now_us), org.settings.daily_limit);
    let of = |max: usize, used: usize| json!({"Max": max, "Remaining": max.saturating_sub(used)});
    let jobs = |way: Way| org.jobs.values().filter(|job| job.way == way).count();
    Ok(Reply::ok(json!({
        "DailyApiRequests": of(max, used),
        "DailyBulkApiBatches": of(15_000, jobs(Way::Ingest)),
        "DailyBulkV2QueryJobs": of(10_000, jobs(Way::Query)),
        "DailyBulkV2QueryFileStorageMB": of(976_562, 0),
        "DailyStandardVolumePlatformEvents": of(25_000, 0),
        "DataStorageMB": of(1_024, 0),
        "FileStorageMB": of(1_024, 0),
    })))
}
