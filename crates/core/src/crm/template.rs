//! Templates: a text made of an event's values, or of a record's. Jinja's syntax, without files, macros or effects.
//!
//! Work, depth and output are bounded; a value that did not come prints nothing. `{{ at | date("%d %b %Y", "Asia/Jakarta") }}`
//! prints a date.

use std::collections::BTreeSet;

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, escape_formatter};
use serde::Serialize;

use super::date;
use crate::limits::{CRM_TEXT_CHARS_MAX, TEMPLATE_FUEL_MAX, TEMPLATE_OUTPUT_BYTES_MAX, fits};

/// Names that are known without being a value.
const FUNCTIONS: [&str; 3] = ["range", "dict", "namespace"];

/// A template that cannot be read or rendered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadTemplate(String);

impl From<Error> for BadTemplate {
    fn from(error: Error) -> Self {
        let what = match error.kind() {
            ErrorKind::OutOfFuel => "the template does too much work".to_owned(),
            kind => error.detail().map_or_else(|| kind.to_string(), str::to_owned),
        };
        Self(error.line().map_or_else(|| what.clone(), |line| format!("{what} (line {line})")))
    }
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_fuel(Some(TEMPLATE_FUEL_MAX));
    environment.set_recursion_limit(50);
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_formatter(|out, state, value| match value.is_none() {
        true => Ok(()),
        false => escape_formatter(out, state, value),
    });
    environment.remove_global("debug");
    environment.add_filter("date", print_date);
    environment
}

fn print_date(text: Option<&str>, format: &str, zone: Option<&str>) -> Result<String, Error> {
    let bad = |what: &str| Error::new(ErrorKind::InvalidOperation, what.to_owned());
    let zone = date::zone(zone).ok_or_else(|| bad("there is no such time zone"))?;
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(String::new()) };
    let instant = date::instant(text, &zone).ok_or_else(|| bad("date needs an ISO 8601 date"))?;
    jiff::fmt::strtime::format(format, &instant.to_zoned(zone)).map_err(|_| bad("date has an unknown format"))
}

/// The names of the values that a template speaks of.
///
/// # Errors
/// A template that is too long or cannot be read; the error says where.
pub fn names(source: &str) -> Result<BTreeSet<String>, BadTemplate> {
    if !fits(source, CRM_TEXT_CHARS_MAX) {
        return Err(BadTemplate(format!("the template has more than {CRM_TEXT_CHARS_MAX} characters")));
    }
    let environment = environment();
    let names = environment.template_from_str(source)?.undeclared_variables(false);
    Ok(names.into_iter().filter(|name| !FUNCTIONS.contains(&name.as_str())).collect())
}

/// The text that a template makes of values, by name.
///
/// # Errors
/// A template that cannot be read, does too much work, makes too much text or fails on these values.
pub fn render(source: &str, values: impl Serialize) -> Result<String, BadTemplate> {
    let text = environment().render_str(source, Serde(values))?;
    if text.len() as u64 > TEMPLATE_OUTPUT_BYTES_MAX {
        return Err(BadTemplate(format!("the template makes more than {TEMPLATE_OUTPUT_BYTES_MAX} bytes")));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    proptest! {
        #[test]
        fn no_source_breaks_the_engine(source in "([{][{%] ?|[}%][}]|[a-z]{1,3}| |[|.,()+*'0-9]|for|in|if|endif|range){0,24}") {
            let _ = names(&source);
            if let Ok(text) = render(&source, json!({"a": "1", "b": [1, 2]})) {
                prop_assert!(text.len() as u64 <= TEMPLATE_OUTPUT_BYTES_MAX);
            }
        }
    }

    #[test]
    fn a_template_joins_values_and_prints_nothing_for_what_is_missing() {
        let values = json!({"title": "Lease <1>", "pages": 3, "tags": ["a", "b"], "at": "2022-05-17T23:17:53Z"});
        let made = |source: &str| render(source, &values).unwrap();
        assert_eq!(made("{{ title }} ({{ pages }} p.)"), "Lease <1> (3 p.)");
        assert_eq!(made("{{ title | escape }}{{ absent }}{{ absent.deeper }}{{ none }}"), "Lease &lt;1&gt;");
        assert_eq!(made("{% if pages > 2 %}long{% endif %} {{ tags | join('+') }}"), "long a+b");
        assert_eq!(made(r#"{{ at | date("%d.%m.%Y %H:%M", "Asia/Jakarta") }}"#), "18.05.2022 06:17");
        assert_eq!(made(r#"{{ absent | default("-") }}{{ absent | date("%Y") }}{{ none | date("%Y") }}"#), "-");
    }

    #[test]
    fn the_names_of_a_template_are_known_before_it_runs() {
        let of = |source: &str| names(source).unwrap().into_iter().collect::<Vec<_>>();
        assert_eq!(of("{{ a }} {% for x in b %}{{ x }}{{ range(3) }}{% endfor %}{{ c.d }}"), ["a", "b", "c"]);
        assert_eq!(of("plain"), Vec::<String>::new());
        assert!(names("{{ a").unwrap_err().to_string().ends_with("(line 1)"));
        assert!(names(&"x".repeat(4097)).is_err());
    }

    #[test]
    fn work_output_and_reach_are_bounded() {
        let error = |source: &str| render(source, json!({})).unwrap_err().to_string();
        assert!(
            error("{% for a in range(1000) %}{% for b in range(1000) %}x{% endfor %}{% endfor %}").contains("work")
        );
        assert!(error("{{ 'x' * 100000000 }}").contains("work"));
        assert!(error("{{ 'x' * 70000 }}").contains("bytes"));
        for outside in ["{% include 'a' %}", "{% import 'a' as b %}", "{{ debug() }}", "{{ 1 | date('%Q%!') }}"] {
            assert!(render(outside, json!({})).is_err(), "{outside}");
        }
    }
}
