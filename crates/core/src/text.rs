//! How text is compared, cleaned and searched. Both database engines agree because Rust does it, not they.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::canonical_combining_class;

/// The copy that searches run over: compatibility forms unified, lower case, accents and vowel points gone.
///
/// Marks that make another letter (the dots of Japanese kana, the nukta and virama of Indic scripts; combining
/// classes up to 9) stay.
pub fn fold(text: &str) -> String {
    let bare: String = text.nfkd().filter(|c| canonical_combining_class(*c) <= 9).collect();
    bare.to_lowercase().nfkc().collect()
}

/// Text as it is compared and taken over from a CRM: NFC, trimmed, with line breaks and tabs as spaces and
/// other control characters gone.
pub fn clean(text: &str) -> String {
    let visible = text.nfc().filter_map(|c| match c {
        _ if !c.is_control() => Some(c),
        _ if c.is_whitespace() => Some(' '),
        _ => None,
    });
    visible.collect::<String>().trim().to_owned()
}

/// Whether the text holds U+0000, which PostgreSQL cannot store.
pub fn has_nul(text: &str) -> bool {
    text.contains('\0')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_search_copy_forgets_case_accents_and_width() {
        assert_eq!(fold("José ÁLVAREZ"), "jose alvarez");
        assert_eq!(fold("Ｋｉｒｉｍ ﬁ"), "kirim fi");
        assert_eq!(fold("مُحَمَّد"), "محمد");
        assert_eq!(fold("が"), "が");
        assert_eq!(fold("İstanbul"), "istanbul");
    }

    #[test]
    fn cleaned_text_is_composed_trimmed_and_printable() {
        assert_eq!(clean("  Jose\u{301}\u{0}\u{7} \n"), "José");
        assert_eq!(clean("Budi\tSantoso"), "Budi Santoso");
        assert_eq!(clean("\u{0}"), "");
        assert!(has_nul("a\0b") && !has_nul("ab"));
    }

    proptest! {
        #[test]
        fn cleaning_and_folding_twice_changes_nothing(text in any::<String>()) {
            prop_assert_eq!(clean(&clean(&text)), clean(&text));
            prop_assert_eq!(fold(&fold(&text)), fold(&text));
        }
    }
}
