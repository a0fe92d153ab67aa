//! What only Odoo has: links that are fields, typed values, lists, server actions, and batches that are all or nothing.
//! Each case runs over both protocols.

use std::collections::BTreeMap;
use std::sync::Arc;

use lockstep_connect::{Connector, Create, Deed, FaultClass, Find, Outcome, RowOutcome, Session, Update, Write};
use lockstep_core::crm::{Filter, Link, NativeKind, Operator, RecordId};
use lockstep_core::env::{Env, Time};
use lockstep_core::record::{Properties, Record};
use lockstep_sandbox::odoo::Workflow;
use lockstep_sandbox::{Effect, Fault, Odoo, OdooSettings};

use lockstep_conform::door::RouterDoor;
use lockstep_conform::likes::odoo::{NEW, OLD, SHOE, sandbox_of};
use lockstep_conform::objects::{field, link, record, written};
use lockstep_conform::world::set;

struct Office {
    odoo: Odoo,
    session: Session,
    connector: &'static dyn Connector,
}

/// Version 19 over JSON-2, and 14 over JSON-RPC.
fn offices() -> [Office; 2] {
    offices_of(true)
}

fn offices_of(is_admin: bool) -> [Office; 2] {
    [(19, NEW), (14, OLD)].map(|(version, token)| {
        let (env, dial) = Env::manual(Time::from_secs(1_795_348_800), 9);
        let clock = Arc::new(move || dial.now().0);
        let odoo = sandbox_of(OdooSettings { clock, version, is_admin, ..OdooSettings::default() });
        let (connector, session) = RouterDoor::session("odoo", odoo.router(), env, token);
        Office { odoo, session, connector }
    })
}

impl Office {
    async fn carry_out(&self, deed: &Deed) -> Result<Outcome, lockstep_connect::Fault> {
        let asked = ["name", "active"].map(str::to_owned);
        self.connector.carry_out(&self.session, deed, &asked).await
    }

    async fn create(&self, object: &str, properties: &[(&str, &str)], links: Vec<Link>) -> Record {
        let deed = Deed::Create { object: object.to_owned(), properties: set(properties), key: None, links };
        written(self.carry_out(&deed).await.expect("a record"))
    }

    async fn write(&self, write: &Write) -> Result<Vec<RowOutcome>, lockstep_connect::Fault> {
        self.connector.write(&self.session, write, &["name".to_owned(), "phone".to_owned()]).await
    }

    fn held(&self, object: &str, id: &str, property: &str) -> Option<String> {
        let records = self.odoo.records_of(object).expect("records");
        records.iter().find(|record| record.id == id).expect("a record").value(property).map(str::to_owned)
    }
}

fn row(name: &str, phone: Option<&str>) -> Create {
    let properties: Properties =
        [("name".to_owned(), Some(name.to_owned())), ("phone".to_owned(), phone.map(str::to_owned))].into();
    Create { trace: name.to_owned(), key_value: format!("cnt_{name}"), properties }
}

fn update(id: &str, properties: &[(&str, &str)]) -> Update {
    Update { trace: id.to_owned(), id: id.to_owned(), properties: set(properties), before: None }
}

#[tokio::test]
async fn records_are_linked_by_their_fields() {
    for office in offices() {
        let firm = office.create("res.partner", &[("name", "Firm"), ("is_company", "true")], vec![]).await.id;
        let ana = office.create("res.partner", &[("name", "Ana")], vec![link("res.partner", &firm, None)]).await;
        assert_eq!(ana.text("name"), Some("Ana"), "and not with the firm's name before hers");
        assert_eq!(office.held("res.partner", &ana.id, "parent_id").as_deref(), Some(firm.as_str()));
        let tag = office.create("res.partner.category", &[("name", "VIP")], vec![]).await.id;
        let other = office.create("res.partner.category", &[("name", "Old")], vec![]).await.id;
        let links = vec![link("res.partner.category", &tag, None), link("res.partner.category", &other, Some("Tags"))];
        let update = Deed::Update { record: record("res.partner", &ana.id), properties: Properties::new(), links };
        office.carry_out(&update).await.expect("links");
        let both = format!("{tag},{other}");
        assert_eq!(office.held("res.partner", &ana.id, "category_id"), Some(both));
        let lead = office.create("crm.lead", &[("name", "Lamps")], vec![link("res.partner", &ana.id, None)]).await.id;
        assert_eq!(office.held("crm.lead", &lead, "partner_id").as_deref(), Some(ana.id.as_str()));
        for (to, kind) in [("crm.lead", None), ("res.partner", Some("godfather"))] {
            let links = vec![link(to, &lead, kind)];
            let deed = Deed::Update { record: record("crm.lead", &lead), properties: Properties::new(), links };
            let fault = office.carry_out(&deed).await.expect_err("no such link");
            assert_eq!((fault.class, fault.code.as_str()), (FaultClass::Rejected, "UNKNOWN_LINK"));
        }
    }
}

#[tokio::test]
async fn values_have_the_types_that_odoo_keeps() {
    for office in offices() {
        let root = office.connector.object(&office.session, "crm.lead").await.expect("fields").selector.expect("them");
        assert_eq!(field(&root, "expected_revenue").native_type, NativeKind::Number);
        assert_eq!(field(&root, "tag_ids").native_type, NativeKind::Choices);
        let stages: Vec<&str> = field(&root, "stage_id").choices.iter().map(|it| it.label.as_str()).collect();
        assert_eq!(stages, ["New", "Qualified", "Proposition", "Won"]);
        let properties = [("name", "Lamps"), ("expected_revenue", "12.5"), ("stage_id", "2"), ("active", "true")];
        let made = office.create("crm.lead", &properties, vec![]).await;
        assert_eq!(made.text("active"), Some("true"));
        let asked = ["expected_revenue", "stage_id", "email_from", "create_date", "active"].map(str::to_owned);
        let ids = [made.id.clone()];
        let got = office.connector.read(&office.session, "crm.lead", &ids, &asked).await.expect("a lead").remove(0);
        let lockstep_connect::Got::Found(read) = got else { panic!("{got:?}") };
        let told: Vec<Option<&str>> = asked.iter().map(|name| read.text(name)).collect();
        assert_eq!(told, [Some("12.5"), Some("2"), None, Some("2026-11-22T12:00:00.000Z"), Some("true")]);
        for (name, value) in [("stage_id", "Won"), ("active", "perhaps")] {
            let deed =
                Deed::Update { record: record("crm.lead", &made.id), properties: set(&[(name, value)]), links: vec![] };
            let fault = office.carry_out(&deed).await.expect_err("another type");
            assert_eq!((fault.class, fault.property.as_deref()), (FaultClass::Rejected, Some(name)));
        }
        for (value, found) in [("2", 1), ("3", 0)] {
            let filter =
                Filter { property: "stage_id".to_owned(), operator: Operator::Eq, value: Some(value.to_owned()) };
            let search = lockstep_connect::Search { filters: vec![filter], limit: 5, ..Default::default() };
            let page = office.connector.search(&office.session, "crm.lead", &search, &[]).await.expect("a page");
            assert_eq!(page.records.len(), found);
        }
    }
}

#[tokio::test]
async fn a_server_action_is_run_on_a_record_or_on_a_new_one() {
    for office in offices() {
        let sets = BTreeMap::from([("function".to_owned(), "Signer".to_owned())]);
        let workflow = Workflow { name: "Signed".to_owned(), model: "res.partner".to_owned(), sets };
        office.odoo.add_workflow(&workflow).expect("a workflow");
        let contacts = office.connector.object(&office.session, "res.partner").await.expect("contacts");
        let [offered] = &contacts.workflows[..] else { panic!("{:?}", contacts.workflows) };
        assert_eq!(offered.label, "Signed");
        let ana = office.create("res.partner", &[("name", "Ana")], vec![]).await.id;
        let start = |workflow: &str, record: Option<RecordId>, inputs: &[(&str, &str)]| Deed::Start {
            object: "res.partner".to_owned(),
            workflow: workflow.to_owned(),
            record,
            inputs: set(inputs),
        };
        let of_ana = || Some(record("res.partner", &ana));
        let inputs = [("city", "Rome")];
        written(office.carry_out(&start(&offered.id, of_ana(), &inputs)).await.expect("a run"));
        let bo = written(office.carry_out(&start(&offered.id, None, &[("name", "Bo")])).await.expect("a run"));
        for id in [&ana, &bo.id] {
            assert_eq!(office.held("res.partner", id, "function").as_deref(), Some("Signer"));
        }
        assert_eq!(office.held("res.partner", &ana, "city").as_deref(), Some("Rome"));
        let policy = Some("odoo.exceptions.UserError".to_owned());
        let refused = || Fault { skip: 4, ..Fault::anywhere(Effect::Status { status: 422, policy: policy.clone() }) };
        office.odoo.faults().push(refused());
        let fault = office.carry_out(&start(&offered.id, of_ana(), &[("city", "Oslo")])).await.expect_err("refused");
        assert_eq!(office.odoo.faults().pending().len(), 0);
        assert_eq!(office.held("res.partner", &ana, "city").as_deref(), Some("Oslo"));
        assert_eq!(fault.class, FaultClass::Unknown, "nobody may say that nothing was written");
        assert!(fault.message.contains("stand in"), "{}", fault.message);
        office.odoo.faults().push(Fault { skip: 2, ..refused() });
        let fault = office.carry_out(&start(&offered.id, of_ana(), &[])).await.expect_err("refused");
        assert_eq!(fault.class, FaultClass::Rejected, "nothing was written before");
        let fault = office.carry_out(&start("999", of_ana(), &[])).await.expect_err("gone");
        assert_eq!((fault.class, fault.code.as_str()), (FaultClass::Drift, "WORKFLOW_GONE"));
        let lead = Some(record("crm.lead", "1"));
        assert_eq!(office.carry_out(&start(&offered.id, lead, &[])).await.expect_err("a lead").code, "OTHER_OBJECT");
    }
}

#[tokio::test]
async fn new_rows_are_made_together_or_not_at_all() {
    for office in offices() {
        office.connector.add_key_property(&office.session, "lockstep_id").await.expect("a key");
        office.odoo.reset_calls();
        let rows = vec![row("Ana", Some("+14155551212")), row("Bo", None)];
        let made = office.write(&Write::Create { key: Some("lockstep_id".into()), rows }).await.expect("two rows");
        assert_eq!(office.odoo.calls().total, 1);
        let ids: Vec<String> =
            made.into_iter().map(|row| written(row.expect("a row"))).map(|record| record.id).collect();
        let by = Find::Key { property: "lockstep_id".into(), values: vec!["cnt_Bo".into(), "cnt_Nobody".into()] };
        let found = office.connector.find(&office.session, &by, &[]).await.expect("an answer");
        assert_eq!((found.len(), &found[0].id, found[0].text("lockstep_id")), (1, &ids[1], Some("cnt_Bo")));

        let nameless = Create { properties: Properties::new(), ..row("Cem", None) };
        let rows = vec![row("Dana", None), nameless];
        let fault = office.write(&Write::Create { key: None, rows }).await.expect_err("one has no name");
        assert_eq!((fault.class, office.odoo.records().len()), (FaultClass::Rejected, 2), "and nobody was made");
        let mut unnamed = row("Eve", None);
        unnamed.properties = set(&[("phone", "+14155550000")]);
        let made = office.write(&Write::Create { key: None, rows: vec![unnamed] }).await.expect("a row").remove(0);
        let made = written(made.expect("made"));
        let called = office.held("res.partner", &made.id, "name");
        assert_eq!((called.as_deref(), made.text("name")), (Some("+14155550000"), None), "Odoo wants a name");
    }
}

#[tokio::test]
async fn a_change_is_one_call_for_all_that_take_the_same_values() {
    for office in offices() {
        let ids: Vec<String> =
            ["Ana", "Bo", "Cem"].map(|name| office.odoo.create(&[("name", name)]).expect("a contact")).into();
        office.odoo.reset_calls();
        let rows = ids.iter().map(|id| update(id, &[("phone", "1")])).collect();
        assert!(office.write(&Write::Update(rows)).await.expect("three").iter().all(Result::is_ok));
        assert_eq!(office.odoo.calls().total, 1);

        let rows = vec![
            update(&ids[0], &[("phone", "2")]),
            update("99999", &[("phone", "2")]),
            update(&ids[1], &[("name", "")]),
            update(&ids[2], &[("phone", "3")]),
        ];
        let done = office.write(&Write::Update(rows)).await.expect("outcomes");
        let class = |at: usize| done[at].as_ref().err().map(|fault| fault.class);
        assert_eq!(
            [class(0), class(1), class(2), class(3)],
            [None, Some(FaultClass::Missing), Some(FaultClass::Rejected), None]
        );
        assert_eq!(office.held("res.partner", &ids[0], "phone").as_deref(), Some("2"));
        assert_eq!(office.held("res.partner", &ids[2], "phone").as_deref(), Some("3"));

        office.odoo.faults().push(Fault { skip: 1, ..Fault::anywhere(Effect::LostAfter) });
        let rows = ids.iter().enumerate().map(|(at, id)| update(id, &[("phone", &format!("9{at}"))])).collect();
        let done = office.write(&Write::Update(rows)).await.expect("outcomes");
        let class = |at: usize| done[at].as_ref().err().map(|fault| fault.class);
        let expected = [None, Some(FaultClass::Unknown), Some(FaultClass::Unreachable)];
        assert_eq!([class(0), class(1), class(2)], expected, "done, perhaps done, not sent");

        let gone = Write::Archive(vec![ids[0].clone(), "99999".to_owned()]);
        let done = office.write(&gone).await.expect("outcomes");
        assert!(done.iter().all(|row| matches!(row, Ok(Outcome::Archived))));
        assert_eq!(office.odoo.get(&ids[0]).map(|record| record.archived), Some(true));
    }
}

#[tokio::test]
async fn a_contact_that_may_not_be_written_is_set_aside_alone() {
    for office in offices_of(false) {
        let ids: Vec<String> =
            ["Ana", "Bo", "Cem"].map(|name| office.odoo.create(&[("name", name)]).expect("a contact")).into();
        let user = [("login", "bo"), ("name", "Bo"), ("partner_id", ids[1].as_str())];
        office.odoo.create_of("res.users", &user).expect("a user");
        office.odoo.reset_calls();
        let rows = ids.iter().map(|id| update(id, &[("phone", "1")])).collect();
        let done = office.write(&Write::Update(rows)).await.expect("outcomes");
        let class = |at: usize| done[at].as_ref().err().map(|fault| fault.class);
        assert_eq!([class(0), class(1), class(2)], [None, Some(FaultClass::Rejected), None]);
        assert_eq!(office.odoo.calls().total, 5, "all at once, the right, each by itself");
        let rows = ids.iter().map(|id| update(id, &[("city", id)])).collect();
        let done = office.write(&Write::Update(rows)).await.expect("outcomes");
        assert_eq!(done.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
        let policy = Some("odoo.exceptions.AccessError".to_owned());
        let refusal = || Fault::anywhere(Effect::Status { status: 403, policy: policy.clone() });
        office.odoo.faults().push(refusal());
        let fault =
            office.write(&Write::Create { key: None, rows: vec![row("Dana", None)] }).await.expect_err("a rule");
        assert_eq!(fault.class, FaultClass::Rejected, "contacts can be made, only not this one");
        office.odoo.faults().push(Fault { times: 2, ..refusal() });
        let fault = office.write(&Write::Update(vec![update(&ids[0], &[("phone", "2")])])).await.expect_err("no right");
        assert_eq!(fault.class, FaultClass::Forbidden, "nor may it be asked about");
        office.odoo.faults().push(refusal());
        office.odoo.faults().push(Fault { skip: 1, ..Fault::anywhere(Effect::Status { status: 429, policy: None }) });
        let fault = office.write(&Write::Update(vec![update(&ids[0], &[("phone", "2")])])).await.expect_err("later");
        assert_eq!(fault.class, FaultClass::Limited, "which says nothing of the right");
    }
}

#[tokio::test]
async fn rows_travel_by_the_hundred_when_made_and_by_five_hundred_when_read() {
    for office in offices() {
        let rows: Vec<Create> = (0..1_000).map(|n| row(&format!("N{n}"), None)).collect();
        office.odoo.reset_calls();
        let mut ids = Vec::new();
        for batch in rows.chunks(office.connector.about().write_batch) {
            let made = office.write(&Write::Create { key: None, rows: batch.to_vec() }).await.expect("rows");
            ids.extend(made.into_iter().map(|row| written(row.expect("a row")).id));
        }
        assert_eq!(office.odoo.calls().total, 10);
        let asked = ["name".to_owned()];
        office.odoo.reset_calls();
        let got = office.connector.get(&office.session, &ids, &asked).await.expect("answers");
        assert!(got.iter().all(|got| matches!(got, lockstep_connect::Got::Found(_))));
        assert_eq!(office.odoo.calls().total, 2, "by id");
        let (mut cursor, mut seen, mut more) = (None, 0, true);
        office.odoo.reset_calls();
        while more {
            let page = office.connector.changes(&office.session, cursor.as_ref(), &asked).await.expect("a page");
            (cursor, seen, more) = (Some(page.cursor), seen + page.records.len(), page.more);
        }
        assert_eq!((office.odoo.calls().total, seen), (2, ids.len()), "as changes");
    }
}

#[tokio::test]
async fn a_transaction_that_lost_a_race_may_be_repeated() {
    for office in offices() {
        let policy = Some("psycopg2.errors.SerializationFailure".to_owned());
        office.odoo.faults().push(Fault::anywhere(Effect::Status { status: 500, policy }));
        let fault = office.write(&Write::Create { key: None, rows: vec![row("Ana", None)] }).await.expect_err("a race");
        assert_eq!((fault.class, office.odoo.records().len()), (FaultClass::Busy, 0));
    }
}

#[tokio::test]
async fn restored_contacts_come_with_the_changes_and_archived_ones_do_not() {
    for office in offices() {
        let id = office.odoo.create(&[("name", "Ana"), (SHOE, "40")]).expect("a contact");
        let asked = ["name".to_owned(), SHOE.to_owned()];
        let mut cursor = None;
        let mut shown = async || {
            let page = office.connector.changes(&office.session, cursor.as_ref(), &asked).await.expect("a page");
            cursor = Some(page.cursor);
            page.records.into_iter().map(|record| record.text(SHOE).map(str::to_owned)).collect::<Vec<_>>()
        };
        assert_eq!(shown().await, [Some("40".to_owned())]);
        office.odoo.archive(&id).expect("archived");
        assert!(shown().await.is_empty(), "the census finds it");
        office.odoo.restore(&id).expect("restored");
        assert_eq!(shown().await.len(), 1);
    }
}

#[tokio::test]
async fn a_row_that_was_committed_late_is_not_missed() {
    let (env, dial) = Env::manual(Time::from_secs(1_795_348_800), 9);
    let clock = dial.clone();
    let settings = OdooSettings {
        clock: Arc::new(move || clock.now().0),
        shows_own_contacts: false,
        commit_lag_us: 90 * 1_000_000,
        ..OdooSettings::default()
    };
    let odoo = Odoo::new(settings);
    let (connector, session) = RouterDoor::session("odoo", odoo.router(), env, NEW);
    let asked = ["name".to_owned()];
    let page = connector.changes(&session, None, &asked).await.expect("a page");
    dial.advance(std::time::Duration::from_secs(1));
    odoo.create(&[("name", "Late")]).expect("a contact");
    let page = connector.changes(&session, Some(&page.cursor), &asked).await.expect("a page");
    assert_eq!(page.records.len(), 1, "though its time is before the last look");
}
