//! Phone numbers as vendors keep them: as somebody typed them.

/// An E.164 number without its `+` and country code. Country codes are prefix-free (ITU-T E.164): 1 and 7 stand
/// alone, these have two digits, all others three.
pub(crate) fn national_digits(phone: &str) -> &str {
    const TWO_DIGITS: &str = "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 \
                              60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98";
    let digits = phone.strip_prefix('+').unwrap_or(phone);
    let code = match digits.get(..2) {
        _ if digits.starts_with(['1', '7']) => 1,
        Some(two) if TWO_DIGITS.contains(two) => 2,
        _ => 3,
    };
    digits.get(code..).unwrap_or(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn national_digits_follow_the_country_code() {
        let cases = [
            ("+14155551212", "4155551212"),
            ("+6281234567890", "81234567890"),
            ("+35312345678", "12345678"),
            ("+989121234567", "9121234567"),
        ];
        for (number, national) in cases {
            assert_eq!(national_digits(number), national);
        }
    }
}
