//! Adding a vendor is one line in the registry and three folders; this finds the missing ones.

use std::path::Path;

#[test]
fn every_vendor_has_its_sandbox_and_its_page() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let connectors = lockstep_connect::registry::all();
    assert!(!connectors.is_empty());
    for connector in &connectors {
        let about = connector.about();
        let sandbox = root.join("crates/sandbox/src").join(about.slug);
        assert!(sandbox.is_dir() || sandbox.with_extension("rs").is_file(), "{} has no sandbox", about.slug);
        assert_eq!(about.docs, format!("docs/connect-{}.md", about.slug));
        assert!(root.join(about.docs).is_file(), "{} is missing", about.docs);
    }
}

#[test]
fn vendors_are_found_by_their_own_name_only() {
    for connector in lockstep_connect::registry::all() {
        let slug = connector.about().slug;
        let same = lockstep_connect::registry::all().into_iter().filter(|other| other.about().slug == slug).count();
        assert_eq!(same, 1, "{slug} is there twice");
        assert_eq!(lockstep_connect::registry::find(slug).map(|found| found.about().slug), Some(slug));
    }
    assert!(lockstep_connect::registry::find("HubSpot").is_none());
}
