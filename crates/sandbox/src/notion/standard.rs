//! The databases of a fresh account: contacts, companies, deals and messages on one shared page.

use super::schema::{Choice, Kind, Property};
use super::texts;
use super::workspace::{Author, Parent, Workspace};

/// Title of the data source whose pages are the account's people.
pub(super) const CONTACTS: &str = "Contacts";

fn choices(workspace: &mut Workspace, names: &[&str]) -> Vec<Choice> {
    names.iter().enumerate().map(|(at, name)| Choice::new(&mut workspace.rng, name, at)).collect()
}

fn database(workspace: &mut Workspace, title: &str, properties: Vec<(&str, Kind)>) -> String {
    let parent = Parent::Page(workspace.root.clone());
    let id = workspace.new_database(texts::of_plain(title), parent, Author::Person);
    let name = ("Name", Kind::Title);
    let properties: Vec<Property> = std::iter::once(name)
        .chain(properties)
        .map(|(name, kind)| Property::new(&mut workspace.rng, name, kind))
        .collect();
    if let Some(source) = workspace.sources.get_mut(&id) {
        source.properties = properties;
    }
    id
}

/// Makes the databases.
pub(super) fn fill(workspace: &mut Workspace) {
    let root = workspace.root.clone();
    if let Some(page) = workspace.pages.get_mut(&root) {
        page.cells.insert("title".into(), super::cells::Cell::Text(texts::of_plain("CRM")));
    }
    let industries = choices(workspace, &["Software", "Retail", "Health"]);
    let companies = database(
        workspace,
        "Companies",
        vec![
            ("Website", Kind::Url),
            ("Domain", Kind::RichText),
            ("Phone", Kind::Phone),
            ("Industry", Kind::Select(industries)),
            ("Employees", Kind::Number { format: "number".to_owned() }),
        ],
    );
    let contacts = contacts(workspace, &companies);
    let stages = choices(workspace, &["New", "Negotiation", "Won"]);
    database(
        workspace,
        "Deals",
        vec![
            ("Amount", Kind::Number { format: "dollar".to_owned() }),
            ("Stage", Kind::Status(stages)),
            ("Close date", Kind::Date),
            ("Contact", Kind::Relation(contacts.clone())),
            ("Company", Kind::Relation(companies)),
        ],
    );
    let (directions, channels) =
        (choices(workspace, &["In", "Out"]), choices(workspace, &["WhatsApp", "Email", "SMS"]));
    database(
        workspace,
        "Messages",
        vec![
            ("Text", Kind::RichText),
            ("Direction", Kind::Select(directions)),
            ("Channel", Kind::Select(channels)),
            ("Sent at", Kind::Date),
            ("Contact", Kind::Relation(contacts)),
        ],
    );
}

fn contacts(workspace: &mut Workspace, companies: &str) -> String {
    let stages = choices(workspace, &["Lead", "Qualified", "Customer"]);
    let states = choices(workspace, &["Not started", "In progress", "Done"]);
    let tags = choices(workspace, &["VIP", "Newsletter"]);
    let id = database(
        workspace,
        CONTACTS,
        vec![
            ("Email", Kind::Email),
            ("Phone", Kind::Phone),
            ("Company", Kind::Relation(companies.to_owned())),
            ("Stage", Kind::Select(stages)),
            ("Status", Kind::Status(states)),
            ("Tags", Kind::MultiSelect(tags)),
            ("Score", Kind::Number { format: "number".to_owned() }),
            ("Birthday", Kind::Date),
            ("Opted in", Kind::Checkbox),
            ("Notes", Kind::RichText),
            ("Website", Kind::Url),
            ("Owner", Kind::People),
            ("Files", Kind::Files),
            ("Number", Kind::UniqueId { prefix: Some("C".to_owned()) }),
            ("Label", Kind::Formula { expression: "prop(\"Name\")".to_owned() }),
            ("Created", Kind::CreatedTime),
            ("Created by", Kind::CreatedBy),
            ("Edited", Kind::EditedTime),
            ("Edited by", Kind::EditedBy),
        ],
    );
    let relation = workspace.sources.get(&id).and_then(|it| it.properties.iter().find(|it| it.name == "Company"));
    if let Some(relation) = relation.map(|it| it.id.clone()) {
        let count = Property::new(&mut workspace.rng, "Companies", Kind::Rollup { relation });
        if let Some(source) = workspace.sources.get_mut(&id) {
            source.properties.push(count);
        }
    }
    id
}
