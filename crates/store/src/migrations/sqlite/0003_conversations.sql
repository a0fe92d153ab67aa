-- A contact's one conversation. `last_message_at` is 0 as long as there is no message: lists are ordered by it.
CREATE TABLE conversations (
    id TEXT NOT NULL PRIMARY KEY,
    org_id TEXT NOT NULL REFERENCES organizations (id),
    account TEXT NOT NULL,
    contact_id TEXT NOT NULL REFERENCES contacts (id),
    status TEXT NOT NULL,
    assigned_user TEXT REFERENCES users (id),
    assigned_team TEXT REFERENCES teams (id),
    unread INTEGER NOT NULL,
    last_message_at INTEGER NOT NULL,
    last_inbound_at INTEGER,
    seq INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    FOREIGN KEY (org_id, account) REFERENCES accounts (org_id, phone_number_id)
) STRICT;
CREATE UNIQUE INDEX conversations_contact ON conversations (contact_id);
CREATE INDEX conversations_activity ON conversations (org_id, last_message_at, id);

CREATE TABLE conversation_labels (
    conversation_id TEXT NOT NULL REFERENCES conversations (id),
    label_id TEXT NOT NULL REFERENCES labels (id),
    PRIMARY KEY (conversation_id, label_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX conversation_labels_label ON conversation_labels (label_id, conversation_id);

CREATE TABLE messages (
    id TEXT NOT NULL PRIMARY KEY,
    org_id TEXT NOT NULL REFERENCES organizations (id),
    account TEXT NOT NULL,
    conversation_id TEXT NOT NULL REFERENCES conversations (id),
    contact_id TEXT NOT NULL,
    direction TEXT NOT NULL,
    source TEXT NOT NULL,
    kind TEXT NOT NULL,
    content TEXT NOT NULL,
    vendor_id TEXT,
    reply_to TEXT,
    status TEXT NOT NULL,
    error TEXT,
    attempted_at INTEGER,
    sent_at INTEGER,
    delivered_at INTEGER,
    read_at INTEGER,
    failed_at INTEGER,
    livemode INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX messages_vendor ON messages (org_id, account, vendor_id);
CREATE INDEX messages_created ON messages (org_id, created_at, id);
CREATE INDEX messages_conversation ON messages (conversation_id, created_at, id);
CREATE INDEX messages_contact ON messages (contact_id);
