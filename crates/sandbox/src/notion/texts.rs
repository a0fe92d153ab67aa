//! Rich text: pieces of text with a link and marks. Source: Notion's pages "Rich text" and "Request limits".

use serde_json::{Map, Value, json};

use super::answer::Refusal;

/// Characters of one piece, counted as JavaScript does.
const PIECE_CHARS_MAX: usize = 2_000;
/// Pieces of one text.
const PIECES_MAX: usize = 100;
/// Characters of a link.
const LINK_CHARS_MAX: usize = 2_000;

/// A stretch of text that looks alike.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Piece {
    content: String,
    link: Option<String>,
    /// Marks that differ from the plain ones.
    marks: Option<Box<Value>>,
    /// A mention or an equation as it was written.
    other: Option<Box<Value>>,
}

/// Reads a rich text as a request writes it. Pieces without content are no pieces.
pub(super) fn read(path: &str, given: &Value) -> Result<Vec<Piece>, Refusal> {
    let Value::Array(items) = given else {
        return Err(Refusal::body(path, "an array", given));
    };
    if items.len() > PIECES_MAX {
        return Err(too_long(path, PIECES_MAX, items.len()));
    }
    let pieces = items.iter().enumerate().map(|(at, item)| read_piece(&format!("{path}[{at}]"), item));
    let mut pieces: Vec<Piece> = pieces.collect::<Result<_, _>>()?;
    pieces.retain(|piece| !piece.content.is_empty());
    Ok(pieces)
}

fn read_piece(path: &str, item: &Value) -> Result<Piece, Refusal> {
    let marks = read_marks(&item["annotations"]);
    if let Some(expression) = item.pointer("/equation/expression").and_then(Value::as_str) {
        let other = json!({"type": "equation", "equation": {"expression": expression}});
        return Ok(Piece { content: expression.to_owned(), link: None, marks, other: Some(Box::new(other)) });
    }
    if let Some(mention) = item.get("mention").filter(|it| it.is_object()) {
        let other = json!({"type": "mention", "mention": mention});
        return Ok(Piece { content: "Untitled".to_owned(), link: None, marks, other: Some(Box::new(other)) });
    }
    let Some(text) = item.get("text").filter(|it| it.is_object()) else {
        return Err(Refusal::body(&format!("{path}.text"), "defined", &item["text"]));
    };
    let Some(content) = text["content"].as_str() else {
        return Err(Refusal::body(&format!("{path}.text.content"), "a string", &text["content"]));
    };
    check_length(&format!("{path}.text.content"), content, PIECE_CHARS_MAX)?;
    let link = match &text["link"] {
        Value::Null => None,
        link => match link["url"].as_str() {
            Some("") => return Err(Refusal::body(&format!("{path}.text.link.url"), "populated", &link["url"])),
            Some(url) => {
                check_length(&format!("{path}.text.link.url"), url, LINK_CHARS_MAX)?;
                Some(url.to_owned())
            }
            None => return Err(Refusal::body(&format!("{path}.text.link.url"), "a string", &link["url"])),
        },
    };
    Ok(Piece { content: content.to_owned(), link, marks, other: None })
}

/// The marks of a text that bears none.
fn plain_marks() -> Value {
    json!({
        "bold": false, "italic": false, "strikethrough": false, "underline": false, "code": false, "color": "default",
    })
}

/// The marks that differ from the plain ones.
fn read_marks(given: &Value) -> Option<Box<Value>> {
    let plain = plain_marks();
    let differs = |(name, value): &(&String, &Value)| plain.get(name.as_str()).is_some_and(|it| it != *value);
    let marks: Map<String, Value> =
        given.as_object()?.iter().filter(differs).map(|(name, value)| (name.clone(), value.clone())).collect();
    (!marks.is_empty()).then(|| Box::new(marks.into()))
}

/// Refuses a text of more than `max` characters.
pub(super) fn check_length(path: &str, text: &str, max: usize) -> Result<(), Refusal> {
    let length = text.encode_utf16().count();
    if length > max { Err(too_long(path, max, length)) } else { Ok(()) }
}

/// Refuses something that is longer than Notion takes.
pub(super) fn too_long(path: &str, max: usize, was: usize) -> Refusal {
    Refusal::body(&format!("{path}.length"), &format!("≤ `{max}`"), &Value::from(was))
}

/// A plain text as a person types it, in as many pieces as it needs.
pub(super) fn of_plain(text: &str) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut room = 0;
    for letter in text.chars() {
        if room < letter.len_utf16() {
            pieces.push(Piece::default());
            room = PIECE_CHARS_MAX;
        }
        room -= letter.len_utf16();
        if let Some(last) = pieces.last_mut() {
            last.content.push(letter);
        }
    }
    pieces
}

/// The text without its marks.
pub(super) fn plain(pieces: &[Piece]) -> String {
    pieces.iter().map(|piece| piece.content.as_str()).collect()
}

/// The text as answers show it.
pub(super) fn show(pieces: &[Piece]) -> Vec<Value> {
    pieces.iter().map(show_piece).collect()
}

fn show_piece(piece: &Piece) -> Value {
    let mut marks = plain_marks();
    if let (Some(Value::Object(own)), Value::Object(all)) = (piece.marks.as_deref(), &mut marks) {
        all.extend(own.clone());
    }
    let mut shown = match &piece.other {
        Some(other) => (**other).clone(),
        None => {
            let link = piece.link.as_ref().map(|url| json!({"url": url}));
            json!({"type": "text", "text": {"content": piece.content, "link": link}})
        }
    };
    shown["annotations"] = marks;
    shown["plain_text"] = piece.content.clone().into();
    shown["href"] = piece.link.clone().into();
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_letters_into_pieces_notion_takes() {
        let text = "😀".repeat(1_500);
        let pieces = of_plain(&text);
        assert_eq!(pieces.iter().map(|it| it.content.chars().count()).collect::<Vec<_>>(), [1_000, 500]);
        assert_eq!(plain(&pieces), text);
        assert_eq!(read("x", &Value::from(show(&pieces))).expect("Notion takes what it shows"), pieces);
    }
}
