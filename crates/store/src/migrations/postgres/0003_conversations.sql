-- A contact's one conversation. `last_message_at` is 0 as long as there is no message: lists are ordered by it.
CREATE TABLE conversations (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    org_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
    account TEXT COLLATE "C" NOT NULL,
    contact_id TEXT COLLATE "C" NOT NULL REFERENCES contacts (id),
    status TEXT COLLATE "C" NOT NULL,
    assigned_user TEXT COLLATE "C" REFERENCES users (id),
    assigned_team TEXT COLLATE "C" REFERENCES teams (id),
    unread BIGINT NOT NULL,
    last_message_at BIGINT NOT NULL,
    last_inbound_at BIGINT,
    seq BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    FOREIGN KEY (org_id, account) REFERENCES accounts (org_id, phone_number_id)
);
CREATE UNIQUE INDEX conversations_contact ON conversations (contact_id);
CREATE INDEX conversations_activity ON conversations (org_id, last_message_at, id);

CREATE TABLE conversation_labels (
    conversation_id TEXT COLLATE "C" NOT NULL REFERENCES conversations (id),
    label_id TEXT COLLATE "C" NOT NULL REFERENCES labels (id),
    PRIMARY KEY (conversation_id, label_id)
);
CREATE INDEX conversation_labels_label ON conversation_labels (label_id, conversation_id);

CREATE TABLE messages (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    org_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
    account TEXT COLLATE "C" NOT NULL,
    conversation_id TEXT COLLATE "C" NOT NULL REFERENCES conversations (id),
    contact_id TEXT COLLATE "C" NOT NULL,
    direction TEXT COLLATE "C" NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    content TEXT COLLATE "C" NOT NULL,
    vendor_id TEXT COLLATE "C",
    reply_to TEXT COLLATE "C",
    status TEXT COLLATE "C" NOT NULL,
    error TEXT COLLATE "C",
    attempted_at BIGINT,
    sent_at BIGINT,
    delivered_at BIGINT,
    read_at BIGINT,
    failed_at BIGINT,
    livemode BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX messages_vendor ON messages (org_id, account, vendor_id);
CREATE INDEX messages_created ON messages (org_id, created_at, id);
CREATE INDEX messages_conversation ON messages (conversation_id, created_at, id);
CREATE INDEX messages_contact ON messages (contact_id);
