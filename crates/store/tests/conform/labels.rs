//! Labels, the teams that own them and the contacts they hang on.

use std::slice::from_ref;
use std::time::Duration;

use lockstep_core::contact::Contact;
use lockstep_core::ids::{ContactId, LabelId, TeamId};
use lockstep_core::label::{Color, Label, NewLabel};
use lockstep_store::{ContactFilter, LabelTarget, Order, Org, Page, StoreError, Tx};

use crate::world::{ACCOUNT, World, new_contact};

fn team(tx: &mut Tx<'_>, org: &Org) -> Result<TeamId, StoreError> {
    Ok(tx.teams(org, None, 1)?.0.remove(0).id)
}

fn label(world: &World, name: &'static str) -> Label {
    world.write(move |tx, org| {
        let new = NewLabel { team: team(tx, org)?, name: name.to_owned(), color: Color::Teal };
        tx.add_label(org, new)
    })
}

pub fn a_label_reads_back_and_its_name_is_its_teams_own(world: &World) {
    let vip = label(world, "VIP");
    world.dial.advance(Duration::from_secs(1));
    let (made, now) = (vip.clone(), world.env.now());
    world.write(move |tx, org| {
        assert_eq!(tx.label(org, &made.id)?, Some(made.clone()));
        let again = NewLabel { team: made.team.clone(), name: " vip ".to_owned(), color: Color::Gray };
        assert_eq!(tx.add_label(org, again), Err(StoreError::Conflict { constraint: "labels_name".to_owned() }));
        let sales = tx.add_team(org, "Sales")?;
        tx.add_label(org, NewLabel { team: sales.id, name: "vip".to_owned(), color: Color::Gray })?;
        let other =
            tx.add_label(org, NewLabel { team: made.team.clone(), name: "Lead".to_owned(), color: Color::Gray })?;
        let renamed = Label { name: "Vip".to_owned(), color: Color::Red, ..made.clone() };
        let stored = tx.put_label(org, &renamed)?;
        assert_eq!(stored, Label { updated_at: now, ..renamed });
        assert_eq!(tx.label(org, &made.id)?, Some(stored));
        let thief = Label { name: "viP".to_owned(), ..other };
        assert!(matches!(tx.put_label(org, &thief), Err(StoreError::Conflict { .. })));
        assert_eq!(tx.count_labels(org)?, 3);
        Ok(())
    });
    let ghost = Label { id: LabelId::new(&world.env), name: "Ghost".to_owned(), ..vip };
    let missing = world.try_write(move |tx, org| tx.put_label(org, &ghost));
    assert_eq!(missing, Err(StoreError::Missing { what: "label" }));
}

pub fn labels_are_listed_in_pages_and_by_team(world: &World) {
    let made = ["A", "B", "C"].map(|name| {
        world.dial.advance(Duration::from_millis(1));
        label(world, name)
    });
    world.write(move |tx, org| {
        let (page, more) = tx.labels(org, None, None, 2)?;
        assert_eq!((page.as_slice(), more), (&made[..2], true));
        assert_eq!(tx.labels(org, None, Some(&made[1].id), 2)?, (vec![made[2].clone()], false));
        let sales = tx.add_team(org, "Sales")?.id;
        assert!(tx.labels(org, Some(&sales), None, 9)?.0.is_empty());
        assert_eq!(tx.labels(org, Some(&made[0].team), None, 9)?.0.len(), 3);
        Ok(())
    });
}

pub fn labels_hang_on_contacts_once_and_fall_off_with_either(world: &World) {
    let (vip, lead) = (label(world, "VIP"), label(world, "Lead"));
    let ana = world.contact("+628111222333", "Ana", "ana@example.id");
    let budi = world.contact("+628111222444", "Budi", "budi@example.id");
    let ids = [ana.id.clone(), budi.id.clone(), ContactId::new(&world.env)];
    world.write(move |tx, org| {
        tx.attach_to_contacts(org, &vip.id, &ids)?;
        tx.attach_to_contacts(org, &vip.id, &ids)?;
        tx.attach_to_contacts(org, &lead.id, from_ref(&ana.id))?;
        let filter = ContactFilter { label: Some(vip.id.clone()), ..ContactFilter::default() };
        let page = Page { limit: 9, after: None, order: Order::CreatedDesc };
        assert_eq!(tx.list_contacts(org, &filter, &page)?.0.len(), 2);
        let found = tx.labels_of_contacts(org, &ids.each_ref())?;
        let mut both = vec![vip.clone(), lead.clone()];
        both.sort_by(|one, other| one.id.cmp(&other.id));
        assert_eq!((found.get(&ana.id), found.get(&budi.id), found.len()), (Some(&both), Some(&vec![vip.clone()]), 2));

        tx.detach_from_contacts(org, &vip.id, from_ref(&budi.id))?;
        tx.detach_from_contacts(org, &vip.id, from_ref(&budi.id))?;
        assert_eq!(tx.list_contacts(org, &filter, &page)?.0, from_ref(&ana));
        assert!(tx.delete_label(org, &lead.id)? && !tx.delete_label(org, &lead.id)?);
        assert_eq!(tx.labels_of_contacts(org, &[&ana.id])?.get(&ana.id), Some(&vec![vip.clone()]));
        tx.delete_contact(org, &ana.id)?;
        assert!(tx.labels_of_contacts(org, &[&ana.id])?.is_empty());
        assert!(tx.delete_label(org, &vip.id)?);
        Ok(())
    });
}

pub fn a_label_fits_the_contacts_that_its_team_sees(world: &World) {
    let vip = label(world, "VIP");
    let ana = world.contact("+628111222333", "Ana", "ana@example.id");
    world.write(move |tx, org| {
        let sales = tx.add_team(org, "Sales")?.id;
        tx.add_account(org, "222222222", "+62 811-0000-0002", "Sales")?;
        tx.set_account_team(org, "222222222", Some(&sales))?;
        assert_eq!(tx.account(org, "222222222")?.and_then(|account| account.team), Some(sales));
        let mut new = new_contact("+628111222444", "Budi", "budi@example.id");
        new.account = Some("222222222".to_owned());
        let budi = tx.insert_contact(org, new)?;
        let mut gone = new_contact("+628111222555", "Gone", "gone@example.id");
        gone.account = Some(ACCOUNT.to_owned());
        let gone = tx.insert_contact(org, gone)?;
        tx.delete_contact(org, &gone.id)?;
        tx.attach_to_contacts(org, &vip.id, from_ref(&ana.id))?;
        let target = |contact: &ContactId, fits, attached| LabelTarget { contact: contact.clone(), fits, attached };
        let asked = [budi.id.clone(), ana.id.clone(), gone.id.clone(), ContactId::new(tx.env())];
        let mut expected = vec![target(&ana.id, true, true), target(&budi.id, false, false)];
        expected.sort_by(|one, other| one.contact.cmp(&other.contact));
        assert_eq!(tx.label_targets(org, &vip, &asked)?, expected);
        tx.set_account_team(org, ACCOUNT, Some(&vip.team))?;
        tx.set_account_team(org, "222222222", None)?;
        assert!(tx.label_targets(org, &vip, &asked)?.iter().all(|target| target.fits));
        Ok(())
    });
}

pub fn touched_contacts_move_to_the_end_under_one_number(world: &World) {
    let ana = world.contact("+628111222333", "Ana", "ana@example.id");
    let budi = world.contact("+628111222444", "Budi", "budi@example.id");
    let rest = world.contact("+628111222555", "Rest", "rest@example.id");
    world.dial.advance(Duration::from_secs(1));
    let (ids, now) = ([ana.id, budi.id.clone(), ContactId::new(&world.env)], world.env.now());
    world.write(move |tx, org| {
        let touched = tx.touch_contacts(org, &ids)?;
        assert_eq!(touched.len(), 2);
        assert!(touched.iter().all(|contact| contact.seq == touched[0].seq && contact.seq > rest.seq));
        assert!(touched.iter().all(|contact| contact.updated_at == now));
        let found = tx.contact(org, &budi.id)?;
        assert!(touched.iter().any(|contact| Some(contact) == found.as_ref()));
        assert_eq!(tx.contact(org, &rest.id)?, Some(rest));
        Ok(())
    });
}

/// Lists of a label are found in two ways: by its contacts where they are few, along the order where they are many.
pub fn contacts_of_a_label_come_alike_whether_few_or_many(world: &World) {
    const MANY: usize = 2_001;
    let (vip, lead) = (label(world, "VIP"), label(world, "Lead"));
    world.write(move |tx, org| {
        let mut ids = Vec::new();
        for n in 0..=MANY {
            ids.push(tx.insert_contact(org, new_contact(&format!("+62811{n:07}"), "Load", ""))?.id);
        }
        tx.attach_to_contacts(org, &vip.id, &ids[1..])?;
        tx.attach_to_contacts(org, &lead.id, &ids[1..MANY])?;
        let mut listed = |label: &Label, order, after| {
            let filter = ContactFilter {
                label: Some(label.id.clone()),
                account: Some(ACCOUNT.to_owned()),
                ..ContactFilter::default()
            };
            tx.list_contacts(org, &filter, &Page { limit: MANY, after, order })
        };
        let (many, more) = listed(&vip, Order::SeqAsc, None)?;
        assert!(!more && many.iter().map(|contact| &contact.id).eq(&ids[1..]));
        let (few, more) = listed(&lead, Order::SeqAsc, None)?;
        assert!(!more && few == many[..MANY - 1]);
        let behind = Some((many[1].seq, many[1].id.clone()));
        assert_eq!(listed(&vip, Order::SeqAsc, behind.clone())?.0, many[2..]);
        assert_eq!(listed(&lead, Order::SeqAsc, behind)?.0, few[2..]);
        let newest_first = |mut contacts: Vec<Contact>| {
            contacts.sort_by(|one, other| (other.created_at, &other.id).cmp(&(one.created_at, &one.id)));
            contacts
        };
        assert_eq!(listed(&vip, Order::CreatedDesc, None)?.0, newest_first(many));
        assert_eq!(listed(&lead, Order::CreatedDesc, None)?.0, newest_first(few));
        Ok(())
    });
}
