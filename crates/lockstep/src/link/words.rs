//! What CRM Link says: one file of texts a language, with keys by screen.

use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};

/// The languages there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// Indonesian.
    Indonesian,
}

impl Language {
    /// The first language of an `Accept-Language` header that there is; English if none.
    pub fn of(accepted: &str) -> Self {
        let tags = accepted.split(',').filter_map(|part| part.split([';', '-', '_']).next());
        let known = |tag: &str| match tag.trim().to_ascii_lowercase().as_str() {
            "en" => Some(Self::English),
            "id" | "in" => Some(Self::Indonesian),
            _ => None,
        };
        tags.into_iter().find_map(known).unwrap_or(Self::English)
    }

    /// The tag, for `lang`.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Indonesian => "id",
        }
    }

    const fn source(self) -> &'static str {
        match self {
            Self::English => include_str!("words/en.ftl"),
            Self::Indonesian => include_str!("words/id.ftl"),
        }
    }

    fn bundle(self) -> &'static FluentBundle<FluentResource> {
        static ENGLISH: LazyLock<FluentBundle<FluentResource>> = LazyLock::new(|| Language::English.read());
        static INDONESIAN: LazyLock<FluentBundle<FluentResource>> = LazyLock::new(|| Language::Indonesian.read());
        match self {
            Self::English => &ENGLISH,
            Self::Indonesian => &INDONESIAN,
        }
    }

    /// A message that cannot be read is missing; a test finds both.
    fn read(self) -> FluentBundle<FluentResource> {
        let mut bundle = FluentBundle::new_concurrent(self.tag().parse().into_iter().collect());
        bundle.set_use_isolating(false);
        let source = FluentResource::try_new(self.source().to_owned()).unwrap_or_else(|(read, _)| read);
        bundle.add_resource_overriding(source);
        bundle
    }
}

/// The texts for one person: their language, the app they are in and the CRM they connect.
#[derive(Clone, Debug)]
pub struct Words {
    /// The language.
    pub language: Language,
    /// The app's name.
    pub app: String,
    /// The CRM's name; "CRM" before one is chosen.
    pub crm: String,
    /// The person's own time zone, an IANA name.
    pub zone: String,
}

impl Words {
    /// A text that needs to know no more than the app and the CRM.
    pub fn say(&self, key: &str) -> String {
        self.with(key, &[])
    }

    /// A text with one value.
    pub fn of<'a>(&self, key: &str, name: &'static str, value: impl Into<FluentValue<'a>>) -> String {
        self.with(key, &[(name, value.into())])
    }

    /// A text with values. A key that is nowhere is its own text.
    pub fn with(&self, key: &str, values: &[(&'static str, FluentValue<'_>)]) -> String {
        let bundle = self.language.bundle();
        let Some(pattern) = bundle.get_message(key).and_then(|message| message.value()) else {
            return key.to_owned();
        };
        let mut given = FluentArgs::new();
        given.set("app", self.app.as_str());
        given.set("crm", self.crm.as_str());
        for (name, value) in values {
            given.set(*name, value.clone());
        }
        bundle.format_pattern(pattern, Some(&given), &mut Vec::new()).into_owned()
    }

    /// The tag of the language.
    pub const fn tag(&self) -> &'static str {
        self.language.tag()
    }

    /// A date, and its time in the person's zone where it has one: `17 Nov 2026, 10:12`. Other text as it is.
    pub fn date(&self, text: &str) -> String {
        let months = self.say("months");
        let show = |date: jiff::civil::Date| {
            let month = usize::try_from(date.month()).unwrap_or(1);
            format!("{} {} {}", date.day(), months.split(' ').nth(month - 1).unwrap_or_default(), date.year())
        };
        if let Ok(instant) = text.parse::<jiff::Timestamp>() {
            let zone = jiff::tz::TimeZone::get(&self.zone).unwrap_or(jiff::tz::TimeZone::UTC);
            let here = instant.to_zoned(zone);
            return format!("{}, {:02}:{:02}", show(here.date()), here.hour(), here.minute());
        }
        text.parse().map_or_else(|_| text.to_owned(), show)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn keys(language: Language) -> BTreeSet<&'static str> {
        let lines = language.source().lines();
        lines
            .filter(|line| line.starts_with(|first: char| first.is_ascii_lowercase()))
            .filter_map(|line| Some(line.split_once(" =")?.0))
            .collect()
    }

    fn words(language: Language) -> Words {
        let [app, crm] = ["Signet", "HubSpot"].map(str::to_owned);
        Words { language, app, crm, zone: "Asia/Jakarta".to_owned() }
    }

    /// The keys that templates and code ask for, with the place of each.
    fn asked() -> BTreeSet<String> {
        let root = env!("CARGO_MANIFEST_DIR");
        let files = ["templates/link", "src/link"].into_iter().flat_map(|folder| {
            let files = std::fs::read_dir(format!("{root}/{folder}")).unwrap();
            files.map(|file| file.unwrap().path()).filter(|path| path.is_file() && !path.ends_with("words.rs"))
        });
        let calls = ["say(\"", ".of(\"", ".with(\""];
        let mut asked = BTreeSet::new();
        for text in files.map(|path| std::fs::read_to_string(path).unwrap()) {
            for call in calls {
                asked.extend(text.split(call).skip(1).filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())));
            }
        }
        asked.retain(|key| !key.is_empty() && !key.contains(['{', ' ']));
        asked
    }

    #[test]
    fn every_language_has_every_text_that_is_asked_for() {
        let english = keys(Language::English);
        assert_eq!(english, keys(Language::Indonesian));
        for language in [Language::English, Language::Indonesian] {
            let errors = FluentResource::try_new(language.source().to_owned()).err().map(|(_, errors)| errors);
            assert_eq!(errors, None);
            let missing: Vec<String> =
                asked().into_iter().filter(|key| !keys(language).contains(key.as_str())).collect();
            assert_eq!(missing, Vec::<String>::new(), "{language:?}");
        }
    }

    #[test]
    fn texts_name_the_app_and_count_in_their_language() {
        let english = words(Language::English);
        assert_eq!(english.say("choose-title"), "Which CRM does your team use?");
        assert_eq!(english.of("objects-left", "count", 1), "1 thing left");
        assert_eq!(english.of("objects-left", "count", 2), "2 things left");
        assert_eq!(words(Language::Indonesian).of("objects-left", "count", 2), "2 hal belum selesai");
        assert_eq!(english.say("no-such-text"), "no-such-text");
    }

    #[test]
    fn the_first_known_language_is_spoken() {
        for (accepted, language) in [
            ("id-ID,id;q=0.9,en;q=0.8", Language::Indonesian),
            ("de,id;q=0.5", Language::Indonesian),
            ("de", Language::English),
            ("", Language::English),
        ] {
            assert_eq!(Language::of(accepted), language, "{accepted}");
        }
    }

    #[test]
    fn dates_are_told_in_the_persons_zone_and_language() {
        let indonesian = words(Language::Indonesian);
        assert_eq!(indonesian.date("2026-05-17T18:12:00Z"), "18 Mei 2026, 01:12");
        assert_eq!(indonesian.date("2026-08-01"), "1 Agu 2026");
        assert_eq!(indonesian.date("soon"), "soon");
    }
}
