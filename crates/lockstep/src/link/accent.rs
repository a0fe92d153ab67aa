//! An app's one colour, made lighter or darker until everything on it and in it can be read (WCAG 2, 1.4.3).

/// A colour of the sRGB space, each part from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Colour([f64; 3]);

const WHITE: Colour = Colour([1.0; 3]);
const BLACK: Colour = Colour([0.0; 3]);
/// The light and the dark surface, `--surface` in tokens.css.
const LIGHT: Colour = WHITE;
const DARK: Colour = Colour([0x16 as f64 / 255.0, 0x1A as f64 / 255.0, 0x21 as f64 / 255.0]);
/// The contrast that text needs, with a little more for the soft ground that it may stand on.
const READABLE: f64 = 5.2;
/// How much of the colour its soft ground holds.
const SOFT: f64 = 0.1;

impl Colour {
    /// Six hexadecimal digits.
    fn read(hex: &str) -> Option<Self> {
        let digits = (hex.len() == 6 && hex.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(hex)?;
        let part = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).ok().map(|part| f64::from(part) / 255.0);
        Some(Self([part(0)?, part(2)?, part(4)?]))
    }

    fn hex(self) -> String {
        let parts = self.0.map(|part| format!("{:02X}", (part * 255.0).round() as u8));
        format!("#{}", parts.concat())
    }

    /// So much of the other.
    fn mixed(self, other: Self, share: f64) -> Self {
        Self([0, 1, 2].map(|at| self.0[at] * (1.0 - share) + other.0[at] * share))
    }

    fn luminance(self) -> f64 {
        let linear = self.0.map(|part| if part <= 0.03928 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) });
        0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    }

    fn contrast(self, other: Self) -> f64 {
        let (one, two) = (self.luminance() + 0.05, other.luminance() + 0.05);
        if one > two { one / two } else { two / one }
    }

    /// The nearest mix with the other colour that can be read on a ground.
    fn readable(self, ground: Self, towards: Self) -> Self {
        let mixes = (0..=50).map(|step| self.mixed(towards, f64::from(step) / 50.0));
        mixes.into_iter().find(|mix| mix.contrast(ground) >= READABLE).unwrap_or(towards)
    }
}

/// The style sheet for a colour of six hexadecimal digits; `None` for other text.
pub fn sheet(hex: &str) -> Option<String> {
    let given = Colour::read(hex)?;
    let light = rules(given.readable(LIGHT, BLACK), LIGHT);
    let dark = rules(given.readable(DARK, WHITE), DARK);
    Some(format!(
        ":root{{{light}}}@media(prefers-color-scheme:dark){{:root:not([data-theme=light]){{{dark}}}}}:root[data-theme=dark]{{{dark}}}"
    ))
}

fn rules(accent: Colour, surface: Colour) -> String {
    let on = if accent.contrast(WHITE) >= accent.contrast(BLACK) { WHITE } else { BLACK };
    let away = if on == WHITE { BLACK } else { WHITE };
    let soft = surface.mixed(accent, SOFT);
    format!(
        "--accent:{};--accent-hover:{};--accent-soft:{};--on-accent:{}",
        accent.hex(),
        accent.mixed(away, 0.16).hex(),
        soft.hex(),
        on.hex()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn contrast_is_that_of_the_formula() {
        let near = |one: f64, other: f64| (one - other).abs() < 0.01;
        assert!(near(Colour::read("2A56C6").unwrap().contrast(WHITE), 6.47));
        assert!(near(Colour::read("8FAEFF").unwrap().contrast(DARK), 8.03));
    }

    #[test]
    fn only_a_colour_is_a_colour() {
        for bad in ["", "fff", "12345g", "1234567", "é123"] {
            assert_eq!(sheet(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn every_colour_can_be_read_in_both_themes(red: u8, green: u8, blue: u8) {
            let given = Colour([red, green, blue].map(|part| f64::from(part) / 255.0));
            for (surface, ink) in [(LIGHT, BLACK), (DARK, WHITE)] {
                let accent = given.readable(surface, ink);
                prop_assert!(accent.contrast(surface) >= 4.5);
                prop_assert!(accent.contrast(surface.mixed(accent, SOFT)) >= 4.0);
                prop_assert!(accent.contrast(WHITE).max(accent.contrast(BLACK)) >= 4.5);
            }
        }
    }
}
