//! Record ids: three characters name the object, fifteen are case-sensitive, eighteen carry the case in a suffix
//! so that they can be compared without it.

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const SUFFIX: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";

/// What stands between an object's prefix and a record's number: the server the org lives on.
const POD: &str = "ak000";

/// Digits of a record's number.
const NUMBER_DIGITS: usize = 7;

/// The eighteen characters of a record's id. Ids of one object are ordered as they were made.
pub(super) fn id_of(prefix: &str, number: u64) -> String {
    let mut digits = [b'0'; NUMBER_DIGITS];
    let mut rest = number;
    for digit in digits.iter_mut().rev() {
        *digit = usize::try_from(rest % 62).map_or(b'0', |index| DIGITS[index]);
        rest /= 62;
    }
    let short = format!("{prefix}{POD}{}", String::from_utf8_lossy(&digits));
    lengthened(&short)
}

/// Fifteen characters with the three that tell which of them are capitals.
fn lengthened(short: &str) -> String {
    let bits = |part: &[u8]| {
        part.iter().enumerate().fold(0, |bits, (at, byte)| bits | usize::from(byte.is_ascii_uppercase()) << at)
    };
    let suffix: String = short.as_bytes().chunks(5).map(|part| char::from(SUFFIX[bits(part)])).collect();
    format!("{short}{suffix}")
}

/// The eighteen characters of an id given with fifteen or eighteen; none if it cannot be one.
pub(super) fn long(id: &str) -> Option<String> {
    if !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    match id.len() {
        15 => Some(lengthened(id)),
        18 => Some(lengthened(&id[..15])).filter(|long| long[15..].eq_ignore_ascii_case(&id[15..])),
        _ => None,
    }
}

/// The fifteen characters of an id, as messages show it.
pub(super) fn short(id: &str) -> &str {
    id.get(..15).unwrap_or(id)
}

/// The three characters that name the object.
pub(super) fn prefix(id: &str) -> &str {
    id.get(..3).unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_lengths_lead_to_one_id() {
        // Recorded from real orgs.
        for id in ["003ak000003dQCGAA2", "001ak00000OKNPHAA5", "005ak000005hvjJAAQ", "0PSak00000M9uBBGAZ"] {
            assert_eq!(long(short(id)).as_deref(), Some(id));
            assert_eq!(long(id).as_deref(), Some(id));
        }
        assert_eq!(long("003ak000003dQCGAA3"), None, "a wrong suffix");
        assert_eq!(long("7"), None);
        assert!(id_of("003", 61) < id_of("003", 62), "ordered as made");
    }
}
