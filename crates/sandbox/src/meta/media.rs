//! Media that customers sent: their short-lived addresses and the bytes behind them. Source: "Media" of the WhatsApp
//! Business Platform on developers.facebook.com.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::answer::{Answer, Refusal};
use super::business::{Business, Media};

/// How long an address works, in microseconds.
const ADDRESS_US: i64 = 5 * 60 * 1_000_000;

impl Business {
    /// Keeps what a customer sends along; answers the member that a webhook shows of it.
    pub(super) fn keep_media(&mut self, mime_type: &str, bytes: Vec<u8>) -> Value {
        let (id, sha256) = (self.digits(), hex::encode(Sha256::digest(&bytes)));
        let shown = json!({"id": id, "mime_type": mime_type, "sha256": sha256});
        self.media.insert(id, Media { mime_type: mime_type.to_owned(), bytes, address: None });
        shown
    }

    /// The bytes behind an address, while it works.
    pub(super) fn download(&self, word: &str) -> Option<(&str, &[u8])> {
        let now_us = self.now_us();
        let lives = |media: &&Media| media.address.as_ref().is_some_and(|(it, until)| it == word && now_us < *until);
        self.media.values().find(lives).map(|media| (media.mime_type.as_str(), media.bytes.as_slice()))
    }
}

/// `GET /{version}/{id}`: a number's profile, or where media can be had.
pub(super) fn object(business: &mut Business, id: &str, origin: &str) -> Answer {
    if let Some(number) = business.number(id) {
        return Ok(json!({
            "id": number.id,
            "verified_name": number.verified_name,
            "display_phone_number": number.display,
            "quality_rating": "GREEN",
        }));
    }
    let (word, until) = (business.rng.token(2), business.now_us() + ADDRESS_US);
    let media = business.media.get_mut(id).ok_or_else(|| Refusal::no_object(id))?;
    media.address = Some((word.clone(), until));
    Ok(json!({
        "messaging_product": "whatsapp",
        "url": format!("{origin}/whatsapp_business/attachments/{word}"),
        "mime_type": media.mime_type,
        "sha256": hex::encode(Sha256::digest(&media.bytes)),
        "file_size": media.bytes.len(),
        "id": id,
    }))
}
