//! Access that has ended is renewed; a renewal that fails says nothing about what was to be sent.

use std::sync::Arc;
use std::time::Duration;

use lockstep::ops::syncs;
use lockstep_sandbox::{Effect, Fault};
use lockstep_store::IntentKind;

use crate::hard_cases::{empty, in_step, person, rename};
use crate::world::{Setup, World, run};

const TOKEN: &str = "POST /oauth/v1/token";

/// The operator's configuration has another secret from now on.
fn set_secret(world: &mut World, secret: &str) {
    let mut settings = (*world.app.settings).clone();
    settings.oauth_apps.get_mut("hubspot").expect("the app").client_secret = secret.to_owned().into();
    world.app.settings = Arc::new(settings);
}

#[test]
fn a_wrong_client_secret_is_one_problem_and_sets_no_row_aside() {
    let mut world = empty(&Setup::default());
    set_secret(&mut world, "another app's");
    world.hubspot.expire_tokens();
    for n in 0..5 {
        world.create_contact(person(n)).expect("a contact");
    }
    world.settle();
    assert!(world.parked().is_empty(), "no row is to blame: {:?}", world.parked());
    assert!(!world.needs_consent(), "the grant is as good as before");
    assert_eq!(world.living_records().len(), 0);

    set_secret(&mut world, "sandbox-secret");
    let connections = world.read(|tx, org| tx.connections(org));
    run(syncs::resume(&world.app, &world.org, connections[0].id())).expect("the sync goes on");
    world.settle();
    assert_eq!(world.living_records().len(), 5);
}

#[test]
fn what_was_not_sent_for_want_of_access_is_not_unknown() {
    let lasting = |effect| Fault { times: 100, ..Fault::once(TOKEN, effect) };
    let status = |status| Effect::Status { status, policy: None };
    for effect in [status(502), status(503), status(423), Effect::LostAfter, Effect::Truncate] {
        let (mut world, pairs) = in_step(&Setup::default(), 1);
        world.patch_contact(&pairs[0].0.id, rename("Ana Renamed")).expect("an edit");
        world.create_contact(person(1)).expect("a contact");
        world.create_contact(person(2)).expect("a contact");
        world.hubspot.expire_tokens();
        world.hubspot.faults().push(lasting(effect.clone()));
        world.pass(Duration::from_secs(5));
        let open = world.read(|tx, org| {
            let open = tx.syncs(org)?.iter().map(|sync| tx.open_intents(sync, 10)).collect::<Result<Vec<_>, _>>()?;
            Ok(open.concat())
        });
        assert!(open.iter().all(|intent| intent.kind != IntentKind::Create), "{effect:?}: {open:?}");
        assert!(world.parked().is_empty(), "{effect:?}: {:?}", world.parked());
        assert!(!world.needs_consent(), "{effect:?}");

        world.hubspot.faults().clear();
        world.pass(Duration::from_secs(1_800));
        assert_eq!(world.living_records().len(), 3, "{effect:?}");
        assert_eq!(world.hubspot.get(&pairs[0].1).expect("it lives").value("lastname"), Some("Renamed"), "{effect:?}");
    }
}
