//! Apps, contexts, named connections, mappings, invocations and what apps are told.

use std::time::Duration;

use lockstep_core::crm::{ApiObject, CrmObject, ObjectMapping, definition};
use lockstep_core::ids::{ConnectionId, InvocationId};
use lockstep_core::job::Job;
use lockstep_store::{
    AuthorizationStatus, BeginInvocation, ConnectionOf, ContextData, ContextOf, CrmStep, InvocationState,
    MappingVersion, NewConnection, NewInvocation, StoreError, StoredApp,
};
use serde_json::{Value, json};

use crate::world::World;

fn context(world: &World, name: &'static str) -> ContextOf {
    world.write(move |tx, org| tx.put_context(org, name, &ContextData::default()))
}

fn named(world: &World, context: &ContextOf, name: &str) -> ConnectionOf {
    let new = NewConnection {
        id: ConnectionId::new(&world.env),
        vendor: "hubspot".to_owned(),
        base_url: "https://api.hubapi.com".to_owned(),
        account: "1".to_owned(),
        external_id: Some(name.to_owned()),
        label: "HubSpot 1".to_owned(),
        key_field: "{}".to_owned(),
        grant_sealed: vec![1],
        static_token: false,
    };
    let context = context.clone();
    world.write(move |tx, _| tx.add_connection_in(&context, &new))
}

fn objects() -> Vec<CrmObject> {
    definition::objects(&json!({"opportunity": {"fields": {"name": {"type": "string"}}}})).unwrap()
}

pub fn a_context_is_made_once_and_changed(world: &World) {
    let made = context(world, "acme");
    let name = Some("Acme".to_owned());
    let attributes = json!({"plan": "gold"}).as_object().cloned().unwrap();
    world.write(move |tx, org| {
        let again = tx.put_context(org, "acme", &ContextData { name, attributes })?;
        assert_eq!(again, made);
        tx.put_context(org, "acme", &ContextData::default())?;
        let kept = tx.context_data(&made)?;
        assert_eq!(
            (kept.name.as_deref(), &kept.attributes["plan"]),
            (Some("Acme"), &json!("gold")),
            "what is not told stays"
        );
        assert_eq!(tx.context(org.id(), made.id())?.as_ref(), Some(&made));
        assert_eq!(tx.context_name(org, made.id())?.as_deref(), Some("acme"));
        assert_eq!(tx.named_context(org, "other")?, None);
        let own = tx.own_context(org)?;
        assert_eq!((tx.context(org.id(), &own)?, tx.context_name(org, &own)?), (None, None));
        let other = tx.create_org("Another")?;
        assert_eq!((tx.named_context(&other, "acme")?, tx.context(other.id(), made.id())?), (None, None));
        assert_eq!(tx.context_name(&other, made.id())?, None);
        Ok(())
    });
}

pub fn an_apps_settings_change_and_its_secret_stays(world: &World) {
    world.write(|tx, org| {
        assert_eq!(tx.app::<Value>(org)?, None);
        tx.put_app(org, &StoredApp { settings: json!({"name": "Signet"}), secret: vec![1] })?;
        tx.put_app(org, &StoredApp { settings: json!({"name": "Signet 2"}), secret: vec![2] })?;
        let kept = tx.app::<Value>(org)?.unwrap();
        assert_eq!((&kept.settings["name"], kept.secret), (&json!("Signet 2"), vec![1]));
        let other = tx.create_org("Another")?;
        assert_eq!(tx.app::<Value>(&other)?, None);
        let all = tx.apps::<Value>()?;
        assert_eq!((all.len(), &all[0].0), (1, org));
        Ok(())
    });
}

pub fn a_named_connection_is_its_contexts(world: &World) {
    let (acme, umbrella) = (context(world, "acme"), context(world, "umbrella"));
    let first = named(world, &acme, "a");
    named(world, &umbrella, "b");
    named(world, &acme, "c");
    world.connection("99");
    let of = first.clone();
    world.write(move |tx, org| {
        assert_eq!(tx.connections(org)?.len(), 1, "the organization's own alone");
        assert_eq!(tx.named_connection(org, "a")?.as_ref().map(ConnectionOf::id), Some(of.id()));
        let names = |page: &[ConnectionOf]| {
            page.iter().filter_map(|of| of.connection().external_id.clone()).collect::<Vec<_>>().concat()
        };
        let (page, more) = tx.named_connections(org, None, "", 2)?;
        assert_eq!((names(&page).as_str(), more), ("ab", true));
        let (page, more) = tx.named_connections(org, Some(&acme), "a", 2)?;
        assert_eq!((names(&page).as_str(), more), ("c", false));
        let other = tx.create_org("Another")?;
        assert!(tx.named_connection(&other, "a")?.is_none() && tx.named_connections(&other, None, "", 9)?.0.is_empty());
        assert_eq!(tx.connection_of_job(of.id())?.as_ref().map(ConnectionOf::org), Some(org));
        Ok(())
    });
    let twice = NewConnection {
        id: ConnectionId::new(&world.env),
        vendor: "hubspot".to_owned(),
        base_url: String::new(),
        account: "2".to_owned(),
        external_id: Some("a".to_owned()),
        label: String::new(),
        key_field: "{}".to_owned(),
        grant_sealed: vec![1],
        static_token: false,
    };
    let refused = world.try_write(move |tx, _| tx.add_connection_in(&umbrella, &twice));
    assert!(matches!(refused, Err(StoreError::Conflict { .. })));
}

pub fn a_disconnected_connection_is_forgotten_with_all_of_it(world: &World) {
    let of = named(world, &context(world, "acme"), "a");
    let gone = of.clone();
    world.write(move |tx, org| {
        tx.put_api_objects(&gone, &[])?;
        tx.put_mapping(&gone, &version(1, true, tx.now()))?;
        tx.add_crm_subscription(&gone, "w", &json!({}), &json!({}))?;
        tx.disable_connection(&gone)?;
        assert!(tx.named_connection(org, "a")?.unwrap().connection().disabled_at.is_some());
        assert_eq!((tx.grant(&gone)?.sealed, tx.named_connections(org, None, "", 9)?.0.len()), (vec![], 0));
        tx.reconnect(&gone, &[9], true)?;
        let again = tx.named_connection(org, "a")?.unwrap();
        assert_eq!((again.connection().disabled_at, again.connection().static_token), (None, true));
        assert_eq!(tx.grant(&gone)?.sealed, vec![9]);
        tx.disable_connection(&gone)?;
        assert_eq!(tx.purge_connections(tx.now())?, 0);
        Ok(())
    });
    world.dial.advance(Duration::from_secs(1));
    world.write(move |tx, org| {
        assert_eq!(tx.purge_connections(tx.now())?, 1);
        assert!(tx.named_connection(org, "a")?.is_none());
        assert_eq!((tx.last_mapping(&of)?, tx.next_crm_subscription(&of)?), (None, None));
        Ok(())
    });
}

pub fn an_authorization_ends_once(world: &World) {
    let (acme, umbrella) = (context(world, "acme"), context(world, "umbrella"));
    let of = acme.clone();
    let begun = world.write(move |tx, _| tx.add_authorization(&of, "hubspot", "a"));
    assert_eq!((begun.status, begun.external_id.as_str()), (AuthorizationStatus::AwaitingCallback, "a"));
    world.dial.advance(Duration::from_secs(1));
    let (of, stranger, id) = (acme.clone(), umbrella.clone(), begun.id.clone());
    world.write(move |tx, _| {
        assert_eq!(tx.authorization(&stranger, &id)?, None);
        assert!(!tx.move_authorization(&stranger, &id, AuthorizationStatus::Active, None)?);
        let back = AuthorizationStatus::RetrievingTokens;
        assert!(tx.move_authorization(&of, &id, back, None)?);
        assert!(!tx.move_authorization(&of, &id, back, None)?, "who comes back twice moves it once");
        Ok(())
    });
    world.dial.advance(Duration::from_secs(60));
    world.write(move |tx, _| {
        let back = AuthorizationStatus::RetrievingTokens;
        assert!(tx.move_authorization(&acme, &begun.id, back, None)?, "what broke off can be begun again");
        assert!(tx.move_authorization(&acme, &begun.id, AuthorizationStatus::Error, Some(("x", "y")))?);
        assert!(!tx.move_authorization(&acme, &begun.id, AuthorizationStatus::Active, None)?);
        let ended = tx.last_authorization(&acme, "a")?.unwrap();
        assert_eq!(ended.error, Some(("x".to_owned(), "y".to_owned())));
        assert_eq!((tx.last_authorization(&umbrella, "a")?, tx.last_authorization(&acme, "b")?), (None, None));
        assert_eq!(tx.purge_authorizations(tx.now())?, 1);
        Ok(())
    });
}

fn version(version: i64, finished: bool, now: lockstep_core::env::Time) -> MappingVersion {
    let mapping: ObjectMapping =
        serde_json::from_value(json!({"crm_object_id": objects()[0].id, "api_object_id": null})).unwrap();
    MappingVersion { version, objects: objects(), mapping: vec![mapping], finished_at: finished.then_some(now) }
}

pub fn a_mapping_has_versions_and_a_finished_one_stays(world: &World) {
    let of = named(world, &context(world, "acme"), "a");
    world.write(move |tx, _| {
        assert_eq!((tx.last_mapping(&of)?, tx.mapping_in_force(&of)?), (None, None));
        let now = tx.now();
        tx.put_mapping(&of, &version(1, false, now))?;
        assert_eq!((tx.last_mapping(&of)?, tx.mapping_in_force(&of)?), (Some(version(1, false, now)), None));
        tx.put_mapping(&of, &version(1, true, now))?;
        tx.put_mapping(&of, &version(2, false, now))?;
        assert_eq!(tx.mapping_in_force(&of)?, Some(version(1, true, now)));
        assert_eq!(tx.last_mapping(&of)?.map(|last| last.version), Some(2));
        assert!(matches!(tx.put_mapping(&of, &version(1, true, now)), Err(StoreError::Conflict { .. })));
        Ok(())
    });
}

pub fn what_a_crm_offers_reads_back(world: &World) {
    let of = named(world, &context(world, "acme"), "a");
    world.write(move |tx, _| {
        assert!(tx.api_objects(&of)?.is_none() && tx.api_object(&of, "deals")?.is_none());
        let deals = ApiObject::new("deals", "Deal", "Deals");
        tx.put_api_objects(&of, &[])?;
        tx.put_api_objects(&of, std::slice::from_ref(&deals))?;
        assert_eq!(tx.api_objects(&of)?, Some((vec![deals.clone()], tx.now())));
        let described = deals.described(&[]);
        tx.put_api_object(&of, &described)?;
        assert_eq!(tx.api_object(&of, "deals")?, Some((described, tx.now())));
        Ok(())
    });
}

fn invocation(world: &World, key: Option<&str>, exclusive: Option<&str>) -> NewInvocation {
    NewInvocation {
        id: InvocationId::new(&world.env),
        object: "opportunity".to_owned(),
        event: "made".to_owned(),
        idempotency_key: key.map(str::to_owned),
        fingerprint: [1; 32],
        exclusive: exclusive.map(str::to_owned),
        found_by: None,
        deed: json!({"sent": "start"}),
    }
}

pub fn an_invocation_is_sent_once(world: &World) {
    let of = named(world, &context(world, "acme"), "a");
    let (first, second) = (invocation(world, Some("k"), None), invocation(world, Some("k"), None));
    let other = NewInvocation { fingerprint: [2; 32], ..second.clone() };
    let unkeyed = [invocation(world, None, None), invocation(world, None, None)];
    world.write(move |tx, org| {
        assert_eq!(tx.invocation_by_key(&of, "k", &[1; 32])?, None);
        assert_eq!(tx.begin_invocation(&of, &first)?, BeginInvocation::First);
        assert_eq!(tx.begin_invocation(&of, &second)?, BeginInvocation::Running);
        assert_eq!(tx.begin_invocation(&of, &other)?, BeginInvocation::OtherRequest);
        tx.finish_invocation(&of, &first.id, &json!({"record": null}))?;
        let BeginInvocation::Before(before) = tx.begin_invocation(&of, &second)? else { panic!("answered before") };
        assert_eq!(
            (&before.id, before.state, before.answer),
            (&first.id, InvocationState::Done, Some(json!({"record": null})))
        );
        for unkeyed in &unkeyed {
            assert_eq!(tx.begin_invocation(&of, unkeyed)?, BeginInvocation::First);
        }
        tx.drop_invocation(&of, &first.id)?;
        assert_eq!(tx.begin_invocation(&of, &second)?, BeginInvocation::First, "what did nothing gives its key back");
        tx.finish_invocation(&of, &second.id, &json!({}))?;
        assert_eq!(tx.invocation(&of, &second.id)?.map(|kept| kept.deed), Some(json!({"sent": "start"})));
        let context = tx.named_context(org, "acme")?;
        assert!(context.is_some());
        assert_eq!(tx.purge_invocations(tx.now().plus(Duration::from_secs(1)))?, 1, "what is done alone");
        Ok(())
    });
}

pub fn one_invocation_at_a_time_is_about_a_record(world: &World) {
    let of = named(world, &context(world, "acme"), "a");
    let (first, second) = (invocation(world, None, Some("deals:1")), invocation(world, None, Some("deals:1")));
    let other = invocation(world, None, Some("deals:2"));
    world.write(move |tx, _| {
        assert_eq!(tx.begin_invocation(&of, &first)?, BeginInvocation::First);
        assert_eq!(tx.begin_invocation(&of, &second)?, BeginInvocation::Running);
        assert_eq!(tx.begin_invocation(&of, &other)?, BeginInvocation::First);
        tx.finish_invocation(&of, &first.id, &json!({}))?;
        assert_eq!(tx.begin_invocation(&of, &second)?, BeginInvocation::First);
        Ok(())
    });
}

pub fn a_lost_invocation_is_unknown(world: &World) {
    let of = named(world, &context(world, "acme"), "a");
    let lost = [invocation(world, Some("k"), Some("deals:1")), invocation(world, None, None)];
    let mut in_order = [lost[0].id.clone(), lost[1].id.clone()];
    in_order.sort();
    let (again, after) = (invocation(world, Some("k"), None), invocation(world, None, Some("deals:1")));
    let (begun, ids) = (of.clone(), [lost[0].id.clone(), lost[1].id.clone()]);
    world.write(move |tx, _| {
        for new in &lost {
            assert_eq!(tx.begin_invocation(&begun, new)?, BeginInvocation::First);
        }
        tx.set_invocation_unknown(&begun, &lost[1].id)?;
        tx.set_invocation_deed(&begun, &lost[0].id, &json!({"sent": "update"}))?;
        let kept = [tx.invocation(&begun, &lost[0].id)?, tx.invocation(&begun, &lost[1].id)?];
        assert_eq!(kept.map(|kept| kept.unwrap().is_lost(tx.now())), [false, true]);
        Ok(())
    });
    world.dial.advance(Duration::from_secs(90));
    world.write(move |tx, org| {
        let died = tx.invocation(&of, &ids[0])?.unwrap();
        assert!(died.is_lost(tx.now()), "one that died in the sending too");
        let (found, more) = tx.lost_invocations(org, 1)?;
        assert_eq!((&found[0].invocation.id, found[0].connection.as_str(), more), (&in_order[0], "a", true));
        assert_eq!(tx.lost_invocation(org, &ids[1])?.map(|lost| lost.invocation.id), Some(ids[1].clone()));
        assert_eq!(died.deed, json!({"sent": "update"}));
        let BeginInvocation::Before(before) = tx.begin_invocation(&of, &again)? else { panic!("lost before") };
        assert_eq!((&before.id, before.answer), (&ids[0], None));
        assert_eq!(tx.begin_invocation(&of, &after)?, BeginInvocation::First, "it stands in nobody's way any more");
        assert_eq!(tx.invocation(&of, &ids[0])?.map(|kept| kept.state), Some(InvocationState::Unknown));
        Ok(())
    });
}

pub fn a_wish_is_one_subscription(world: &World) {
    let (of, other) = (named(world, &context(world, "acme"), "a"), named(world, &context(world, "acme"), "b"));
    world.write(move |tx, _| {
        let made = tx.add_crm_subscription(&of, "deals:1", &json!({"n": 1}), &json!("first"))?;
        assert_eq!(tx.add_crm_subscription(&of, "deals:1", &json!({"n": 1}), &json!("again"))?, made);
        assert_eq!(made.place, Some(json!("first")));
        tx.add_crm_subscription(&of, "deals:2", &json!({"n": 2}), &json!(2))?;
        let (page, more) = tx.crm_subscriptions(&of, None, 1)?;
        assert_eq!((&page[0], more), (&made, true));
        assert_eq!(tx.crm_subscriptions(&of, Some(&made.id), 9)?.0.len(), 1);
        assert_eq!(tx.crm_subscription(&other, &made.id)?, None);
        assert!(!tx.delete_crm_subscription(&other, &made.id)? && tx.delete_crm_subscription(&of, &made.id)?);
        assert_eq!(tx.crm_subscription(&of, &made.id)?, None);
        Ok(())
    });
}

pub fn subscriptions_are_looked_after_in_turn(world: &World) {
    let (of, other) = (named(world, &context(world, "acme"), "a"), named(world, &context(world, "acme"), "b"));
    world.write(move |tx, _| {
        assert_eq!((tx.next_crm_subscription(&of)?, tx.due_crm_subscriptions(&of, 9)?), (None, vec![]));
        let first = tx.add_crm_subscription(&of, "1", &json!(1), &json!({"at": 1}))?;
        let second = tx.add_crm_subscription(&of, "2", &json!(2), &json!({"at": 1}))?;
        let (now, soon) = (tx.now(), tx.now().plus(Duration::from_secs(60)));
        assert_eq!(tx.due_crm_subscriptions(&of, 1)?, std::slice::from_ref(&first));
        assert_eq!(tx.next_crm_subscription(&of)?, Some(now));
        let moved = CrmStep { id: first.id.clone(), place: Some(json!({"at": 2})), due: soon };
        tx.step_crm_subscription(&other, &moved)?;
        assert_eq!(tx.due_crm_subscriptions(&of, 9)?.len(), 2, "another connection's is not to be moved");
        tx.step_crm_subscription(&of, &moved)?;
        assert_eq!(tx.due_crm_subscriptions(&of, 9)?, std::slice::from_ref(&second));
        assert_eq!(tx.crm_subscription(&of, &first.id)?.and_then(|kept| kept.place), moved.place);
        tx.step_crm_subscription(&of, &CrmStep { id: second.id.clone(), place: None, due: soon })?;
        assert_eq!(tx.crm_subscription(&of, &second.id)?.and_then(|kept| kept.place), second.place, "put off alone");
        assert_eq!((tx.due_crm_subscriptions(&of, 9)?, tx.next_crm_subscription(&of)?), (vec![], Some(soon)));
        Ok(())
    });
}

pub fn calls_to_an_app_fold_until_they_are_tried(world: &World) {
    world.write(|tx, org| {
        tx.tell_app(org, "sub:deals:1", &json!(1))?;
        tx.tell_app(org, "sub:deals:1", &json!(1))?;
        let due = tx.due_crm_deliveries(org, 9)?;
        assert_eq!((due.len(), due[0].attempt, &due[0].content), (1, 0, &json!(1)));
        assert_eq!(tx.next_crm_delivery(org)?, Some(tx.now()));
        let later = tx.now().plus(Duration::from_secs(15));
        tx.fail_crm_delivery(org, &due[0].id, "status 500", Some(later))?;
        assert_eq!((tx.due_crm_deliveries(org, 9)?.len(), tx.next_crm_delivery(org)?), (0, Some(later)));
        tx.tell_app(org, "sub:deals:1", &json!(2))?;
        let waiting = tx.due_crm_deliveries(org, 9)?;
        assert_eq!(waiting.len(), 1, "what was tried does not stand for what changed since");
        let other = tx.create_org("Another")?;
        tx.close_crm_delivery(&other, &waiting[0])?;
        assert_eq!(tx.due_crm_deliveries(org, 9)?.len(), 1);
        tx.tell_app(org, "sub:deals:1", &json!(2))?;
        tx.close_crm_delivery(org, &waiting[0])?;
        let folded = tx.due_crm_deliveries(org, 9)?;
        assert_eq!((folded.len(), folded[0].version), (1, waiting[0].version + 1), "a change while it was being told");
        tx.close_crm_delivery(org, &folded[0])?;
        tx.fail_crm_delivery(org, &due[0].id, "status 500", None)?;
        assert_eq!(tx.next_crm_delivery(org)?, None);
        assert_eq!(tx.purge_crm_deliveries(tx.now().plus(Duration::from_secs(1)))?, 1);
        let told = Job::TellApp { org: org.id().clone() };
        assert_eq!(told.key(), format!("tell_app:{}", org.id()));
        Ok(())
    });
}
