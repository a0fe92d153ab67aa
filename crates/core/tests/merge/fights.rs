//! A CRM's automation that sets a field back is noticed and not fought for ever.

use super::World;

/// The inbox writes; the automation sets back what stood before.
fn set_back(world: &mut World, ours: &str) {
    world.contact.email = Some(ours.to_owned());
    let stood = world.crm("email").to_owned();
    world.sync();
    assert_eq!(world.crm("email"), ours);
    world.edit_crm(&[("email", &stood)]);
    world.sync();
}

#[test]
fn the_third_set_back_holds_the_field_with_both_values_standing() {
    let mut world = World::in_step("+6281234567890", "old@example.com", "Budi", "Santoso");
    for round in 1..=2 {
        set_back(&mut world, "new@example.com");
        assert_eq!(world.contact.email.as_deref(), Some("old@example.com"));
        assert_eq!(world.fights["email"].set_back, round);
    }
    set_back(&mut world, "new@example.com");
    assert_eq!(world.held, ["email"]);
    assert_eq!(world.contact.email.as_deref(), Some("new@example.com"));
    assert_eq!(world.crm("email"), "old@example.com");
    assert!(world.merge().is_empty());
}

#[test]
fn a_write_that_survives_ends_the_fight() {
    let mut world = World::in_step("+6281234567890", "old@example.com", "Budi", "Santoso");
    for _ in 0..2 {
        set_back(&mut world, "new@example.com");
    }
    world.contact.email = Some("kept@example.com".to_owned());
    world.sync();
    world.contact.email = Some("newer@example.com".to_owned());
    world.sync();
    assert_eq!(world.fights["email"].set_back, 0);
    assert!(world.held.is_empty());
}

#[test]
fn another_value_in_the_crm_ends_the_fight() {
    let mut world = World::in_step("+6281234567890", "old@example.com", "Budi", "Santoso");
    set_back(&mut world, "new@example.com");
    world.contact.email = Some("again@example.com".to_owned());
    world.sync();
    world.edit_crm(&[("email", "human@example.com")]);
    world.sync();
    assert!(!world.fights.contains_key("email"));
    assert_eq!(world.contact.email.as_deref(), Some("human@example.com"));
}

#[test]
fn feeding_an_echo_back_counts_nothing() {
    let mut world = World::in_step("+6281234567890", "old@example.com", "Budi", "Santoso");
    set_back(&mut world, "new@example.com");
    for _ in 0..5 {
        assert!(world.sync().is_empty());
    }
    assert_eq!(world.fights["email"].set_back, 1);
}
