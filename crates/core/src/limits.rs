//! Every limit on what comes from outside, named with its unit. The reference page is generated from [`ALL`].

macro_rules! limits {
    ($($(#[doc = $doc:literal])+ $name:ident = $value:expr;)*) => {
        $($(#[doc = $doc])+ pub const $name: u64 = $value;)*

        /// Every limit: its name, its value and what it bounds.
        pub const ALL: &[(&str, u64, &str)] = &[$((stringify!($name), $name, concat!($($doc),+).trim_ascii())),*];
    };
}

limits! {
    /// Items on a page unless the caller says otherwise.
    PAGE_SIZE_DEFAULT = 25;
    /// Items on a page at most.
    PAGE_SIZE_MAX = 100;
    /// Characters of a search text.
    SEARCH_CHARS_MAX = 200;
    /// Characters of an external id.
    EXTERNAL_ID_CHARS_MAX = 255;
    /// Contacts that one batch request makes or changes.
    BATCH_ROWS_MAX = 1_000;
    /// Bytes of one line of an import.
    IMPORT_LINE_BYTES_MAX = 64 * 1024;
    /// Bytes of a request's body, but for an import's, which has no end.
    BODY_BYTES_MAX = 1024 * 1024;
    /// Bytes of a form of the inbox page.
    PAGE_FORM_BYTES_MAX = 64 * 1024;
    /// Characters of a contact's name.
    NAME_CHARS_MAX = 255;
    /// Characters of an e-mail address.
    EMAIL_CHARS_MAX = 254;
    /// Top-level keys of a contact's metadata.
    METADATA_KEYS_MAX = 50;
    /// Characters of a metadata key.
    METADATA_KEY_CHARS_MAX = 64;
    /// Bytes of a contact's metadata, as JSON without white space.
    METADATA_BYTES_MAX = 16 * 1024;
    /// Levels of nesting in a contact's metadata, its own braces included.
    METADATA_DEPTH_MAX = 8;
    /// Characters of a label's name.
    LABEL_NAME_CHARS_MAX = 50;
    /// Labels of an organization.
    LABELS_MAX = 1_000;
    /// Contacts that one request labels.
    BULK_LABEL_MAX = 1_000;
    /// WhatsApp accounts of an organization.
    ACCOUNTS_MAX = 1_000;
    /// Characters of an account's number as people write it.
    PHONE_CHARS_MAX = 40;
    /// Teams of an organization.
    TEAMS_MAX = 1_000;
    /// Users of an organization.
    USERS_MAX = 10_000;
    /// Tries to take in a vendor's or a channel's webhook before it is set aside; about a quarter of an hour.
    HOOK_ATTEMPTS_MAX = 10;
    /// Organizations of one server.
    ORGANIZATIONS_MAX = 10_000;
    /// Requests a minute that a key can be given for itself, of either class.
    KEY_PER_MINUTE_MAX = 1_000_000;
    /// API keys of an organization that have not ended.
    KEYS_MAX = 1_000;
    /// Characters of a key's label.
    KEY_LABEL_CHARS_MAX = 100;
    /// Characters of a user's, a team's or an organization's name.
    MEMBER_NAME_CHARS_MAX = 100;
    /// Characters of a message's text.
    MESSAGE_TEXT_CHARS_MAX = 4096;
    /// Characters of a picture's, film's or file's caption.
    CAPTION_CHARS_MAX = 1024;
    /// Characters of a file's name.
    FILENAME_CHARS_MAX = 255;
    /// Bytes of the address of a file to send.
    MEDIA_LINK_BYTES_MAX = 2048;
    /// Bytes of a file of the channel; the most that WhatsApp takes.
    MEDIA_BYTES_MAX = 100 * 1024 * 1024;
    /// Files of the channel that one server fetches and gives out at the same time.
    MEDIA_AT_ONCE_MAX = 4;
    /// Characters of a template's name.
    TEMPLATE_NAME_CHARS_MAX = 512;
    /// Bytes of a page of a channel's templates.
    TEMPLATES_BYTES_MAX = 4 * 1024 * 1024;
    /// Characters of a member of the form that connects an account to a channel.
    CHANNEL_SETTING_CHARS_MAX = 4_096;
    /// Bytes of a channel's webhook; the longest known are Meta's, of up to 3 MB ("Webhooks" of the WhatsApp Business
    /// Platform).
    CHANNEL_HOOK_BYTES_MAX = 4 * 1024 * 1024;
    /// Characters of a channel's own cursor.
    CHANNEL_CURSOR_CHARS_MAX = 256;
    /// Characters of a channel's own id of a message.
    VENDOR_ID_CHARS_MAX = 512;
    /// Bytes of a message's content, as JSON without white space.
    MESSAGE_CONTENT_BYTES_MAX = 64 * 1024;
    /// Characters of an idempotency key.
    IDEMPOTENCY_KEY_CHARS_MAX = 255;
    /// Hours that the answer to an idempotency key is kept.
    IDEMPOTENCY_TTL_HOURS = 24;
    /// Webhook subscriptions of an organization.
    SUBSCRIPTIONS_MAX = 50;
    /// Bytes of a subscription's URL.
    WEBHOOK_URL_BYTES_MAX = 2048;
    /// Characters of a subscription's description.
    DESCRIPTION_CHARS_MAX = 255;
    /// Active signing secrets of a subscription.
    SECRETS_MAX = 5;
    /// Hours that the old secrets stay active after a rotation, unless the caller says otherwise.
    SECRET_OVERLAP_HOURS_DEFAULT = 24;
    /// Hours that the old secrets stay active after a rotation at most.
    SECRET_OVERLAP_HOURS_MAX = 720;
    /// Seconds that a signature's time may be away from now.
    SIGNATURE_AGE_MAX_SECS = 300;
    /// Attempts to deliver one event to one subscription.
    DELIVERY_ATTEMPTS_MAX = 8;
    /// Seconds that a subscriber has to answer.
    DELIVERY_TIMEOUT_SECS = 10;
    /// Deliveries that one subscriber gets at the same time.
    DELIVERIES_AT_ONCE_MAX = 32;
    /// Deliveries that one request sends again.
    BULK_REPLAY_MAX = 1_000;
    /// Hours that the counts of a subscription's health go back, unless the caller says otherwise.
    HEALTH_HOURS_DEFAULT = 24;
    /// Hours that the counts of a subscription's health go back at most.
    HEALTH_HOURS_MAX = 720;
    /// Days that a delivery is kept.
    DELIVERY_RETENTION_DAYS = 30;
    /// CRM objects that one app defines for a connection.
    CRM_OBJECTS_MAX = 20;
    /// Fields of a CRM object, of an event's payload or of one level inside them.
    CRM_FIELDS_MAX = 200;
    /// Events of a CRM object.
    CRM_EVENTS_MAX = 50;
    /// Fields that a user adds below an object's fields.
    CRM_CHILDREN_MAX = 100;
    /// Values listed for one field.
    CRM_CHOICES_MAX = 200;
    /// Levels of a field's schema, the field itself included.
    CRM_SCHEMA_DEPTH_MAX = 3;
    /// Characters of a slug that an app chooses.
    CRM_SLUG_CHARS_MAX = 64;
    /// Characters of a label of a CRM object, a field or an event.
    CRM_LABEL_CHARS_MAX = 100;
    /// Characters of a description of a CRM object, a field or an event.
    CRM_DESCRIPTION_CHARS_MAX = 1_000;
    /// Rows of a mapping's fields, of one action or of one value map.
    CRM_ROWS_MAX = 500;
    /// Characters of a fixed value or a template in a mapping.
    CRM_TEXT_CHARS_MAX = 4096;
    /// Rows of each list in an app's settings.
    CRM_ORIGINS_MAX = 100;
    /// Bytes of a context's own attributes, as JSON without white space.
    CRM_ATTRIBUTES_BYTES_MAX = 16 * 1024;
    /// Records that one search answers.
    CRM_SEARCH_MAX = 100;
    /// Subscriptions of one connection to changes.
    CRM_SUBSCRIPTIONS_MAX = 1_000;
    /// Times that a call to an app is repeated after its first attempt failed; over about 24 days.
    CRM_DELIVERY_RETRIES_MAX = 20;
    /// Steps of work to render one template; 64 bytes of data count as one.
    TEMPLATE_FUEL_MAX = 10_000;
    /// Bytes of text that one template makes.
    TEMPLATE_OUTPUT_BYTES_MAX = 64 * 1024;
}

/// Whether a text has at most so many characters.
pub fn fits(text: &str, chars_max: u64) -> bool {
    text.chars().count() as u64 <= chars_max
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_is_listed_with_its_meaning() {
        assert!(ALL.contains(&("PAGE_SIZE_MAX", 100, "Items on a page at most.")));
        assert!(ALL.iter().all(|(_, value, meaning)| *value > 0 && meaning.ends_with('.')));
    }

    #[test]
    fn characters_count_not_bytes() {
        assert!(fits("王小明", 3) && !fits("王小明", 2));
    }
}
