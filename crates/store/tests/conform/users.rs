//! Users and teams.

use std::time::Duration;

use lockstep_core::ids::{TeamId, UserId};
use lockstep_core::label::{Color, NewLabel};
use lockstep_store::{NewUser, StoreError, User, UserFilter};

use crate::world::World;

fn user(world: &World, name: &str, email: Option<&str>) -> User {
    world.dial.advance(Duration::from_millis(1));
    let new = NewUser { name: name.to_owned(), email: email.map(str::to_owned) };
    world.write(move |tx, org| tx.add_user(org, &new))
}

fn taken(constraint: &str) -> StoreError {
    StoreError::Conflict { constraint: constraint.to_owned() }
}

pub fn a_user_reads_back_and_an_address_is_one_users(world: &World) {
    let (ana, budi) = (user(world, "Ana", Some("ana@example.com")), user(world, "Budi", None));
    user(world, "Citra", None);
    world.dial.advance(Duration::from_secs(5));
    world.write(move |tx, org| {
        assert_eq!(tx.user(org, &ana.id)?, Some(ana.clone()));
        let thief = NewUser { name: "Other".to_owned(), email: Some("ANA@example.com".to_owned()) };
        assert_eq!(tx.add_user(org, &thief), Err(taken("users_email")));
        let all = UserFilter::default();
        assert_eq!(tx.users(org, &all, None, 1)?, (vec![ana.clone()], true));
        assert_eq!(tx.users(org, &all, Some(&ana.id), 1)?, (vec![budi.clone()], true));

        assert_eq!(tx.count_users(org)?, 3);
        let renamed = User { name: "Anna".to_owned(), email: Some("Anna@example.com".to_owned()), ..ana.clone() };
        tx.put_user(org, &renamed)?;
        assert_eq!(tx.user(org, &ana.id)?, Some(User { updated_at: tx.now(), ..renamed.clone() }));
        let double = User { email: Some("anna@example.com".to_owned()), ..budi.clone() };
        assert_eq!(tx.put_user(org, &double), Err(taken("users_email")));
        tx.put_user(org, &User { email: None, ..renamed })?;
        tx.put_user(org, &double)?;
        tx.put_user(org, &budi)?;
        tx.put_user(org, &ana)?;

        assert!(tx.remove_user(org, &ana.id)? && !tx.remove_user(org, &ana.id)?);
        assert_eq!((tx.user(org, &ana.id)?, tx.count_users(org)?), (None, 2));
        assert_eq!(tx.put_user(org, &ana), Err(StoreError::Missing { what: "user" }));
        assert_eq!(tx.users(org, &all, None, 9)?.0.len(), 2);
        let named = tx.users_by_id(org, &[ana.id.clone(), budi.id.clone(), UserId::new(tx.env())])?;
        assert_eq!((named.len(), named[&ana.id].name.as_str()), (2, "Ana"));
        assert_eq!(named[&ana.id].removed_at, Some(tx.now()));
        tx.add_user(org, &thief).map(|_| ())
    });
}

pub fn users_join_and_leave_teams(world: &World) {
    let (ana, budi) = (user(world, "Ana", None), user(world, "Budi", None));
    world.write(move |tx, org| {
        let sales = tx.add_team(org, "Sales")?.id;
        assert!(tx.join_team(org, &sales, &budi.id)? && !tx.join_team(org, &sales, &budi.id)?);
        let nobody = tx.join_team(org, &sales, &UserId::new(tx.env()));
        assert_eq!(nobody, Err(StoreError::Missing { what: "user" }));
        let nowhere = tx.join_team(org, &TeamId::new(tx.env()), &budi.id);
        assert_eq!(nowhere, Err(StoreError::Missing { what: "team" }));
        assert_eq!(tx.user(org, &budi.id)?.map(|user| user.teams), Some(vec![sales.clone()]));
        let of = UserFilter { team: Some(sales.clone()) };
        let members = tx.users(org, &of, None, 9)?.0;
        assert_eq!(members.iter().map(|user| &user.id).collect::<Vec<_>>(), [&budi.id]);
        assert!(tx.leave_team(org, &sales, &budi.id)? && !tx.leave_team(org, &sales, &budi.id)?);
        tx.join_team(org, &sales, &ana.id)?;
        tx.remove_user(org, &ana.id)?;
        assert!(tx.users(org, &of, None, 9)?.0.is_empty());
        Ok(())
    });
}

pub fn a_team_has_a_name_of_its_own_and_goes_when_it_is_empty(world: &World) {
    let ana = user(world, "Ana", None);
    let general = world.write(move |tx, org| {
        let general = tx.teams(org, None, 9)?.0;
        assert_eq!(general.iter().map(|team| team.name.as_str()).collect::<Vec<_>>(), ["General"]);
        let again = tx.add_team(org, "general");
        assert_eq!(again, Err(taken("teams_name")));
        let general = general[0].clone();
        assert_eq!(tx.team(org, &general.id)?, Some(general.clone()));
        let sales = tx.add_team(org, "Sales")?;
        assert_eq!(tx.count_teams(org)?, 2);
        assert_eq!(tx.rename_team(org, &sales.id, "GENERAL"), Err(taken("teams_name")));
        tx.rename_team(org, &sales.id, "SALES")?;
        assert_eq!(tx.team(org, &sales.id)?.map(|team| team.name), Some("SALES".to_owned()));
        let nowhere = tx.rename_team(org, &TeamId::new(tx.env()), "x");
        assert_eq!(nowhere, Err(StoreError::Missing { what: "team" }));
        tx.join_team(org, &sales.id, &ana.id)?;
        assert!(!tx.team_is_used(org, &sales.id)?);
        assert!(tx.remove_team(org, &sales.id)? && !tx.remove_team(org, &sales.id)?);
        assert_eq!(tx.user(org, &ana.id)?.map(|user| user.teams), Some(vec![]));
        let team = general.id.clone();
        tx.add_label(org, NewLabel { team, name: "VIP".to_owned(), color: Color::Gray })?;
        assert!(tx.team_is_used(org, &general.id)?);
        Ok(general.id)
    });
    let refused = world.try_write(move |tx, org| tx.remove_team(org, &general));
    assert!(matches!(refused, Err(StoreError::Foreign { .. })));
}
