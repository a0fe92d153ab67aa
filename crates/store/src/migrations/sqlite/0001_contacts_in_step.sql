CREATE TABLE organizations (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    seq INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE accounts (
    id TEXT NOT NULL PRIMARY KEY,
    org_id TEXT NOT NULL REFERENCES organizations (id),
    phone_number_id TEXT NOT NULL,
    phone_number TEXT NOT NULL,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX accounts_number ON accounts (org_id, phone_number_id);

CREATE TABLE api_keys (
    id TEXT NOT NULL PRIMARY KEY,
    org_id TEXT NOT NULL REFERENCES organizations (id),
    kind TEXT NOT NULL,
    label TEXT NOT NULL,
    hash BLOB NOT NULL,
    first12 TEXT NOT NULL,
    last4 TEXT NOT NULL,
    live INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER
) STRICT;
CREATE UNIQUE INDEX api_keys_hash ON api_keys (hash);
CREATE INDEX api_keys_org ON api_keys (org_id);

-- A deleted contact stays as a row without personal fields, so that its id is never reused and old links answer 404.
CREATE TABLE contacts (
    id TEXT NOT NULL PRIMARY KEY,
    org_id TEXT NOT NULL REFERENCES organizations (id),
    account TEXT NOT NULL,
    phone TEXT,
    name TEXT,
    email TEXT,
    metadata TEXT,
    acquisition_source TEXT,
    search TEXT NOT NULL,
    seq INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER,
    FOREIGN KEY (org_id, account) REFERENCES accounts (org_id, phone_number_id)
) STRICT;
CREATE UNIQUE INDEX contacts_account_phone ON contacts (org_id, account, phone);
CREATE INDEX contacts_phone ON contacts (org_id, phone);
CREATE INDEX contacts_created ON contacts (org_id, created_at, id);
CREATE INDEX contacts_seq ON contacts (org_id, seq, id);
CREATE INDEX contacts_by_id ON contacts (org_id, id);

CREATE TABLE contact_keys (
    org_id TEXT NOT NULL,
    match_key TEXT NOT NULL,
    contact_id TEXT NOT NULL,
    PRIMARY KEY (org_id, match_key, contact_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX contact_keys_contact ON contact_keys (contact_id);

CREATE TABLE changes (
    id TEXT NOT NULL PRIMARY KEY,
    org_id TEXT NOT NULL REFERENCES organizations (id),
    contact_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    at INTEGER NOT NULL,
    origin TEXT NOT NULL,
    field_names TEXT NOT NULL,
    fields TEXT NOT NULL
) STRICT;
CREATE INDEX changes_contact ON changes (contact_id, seq, id);

-- The organization's own context, where the command line connects, is the one without an external id.
CREATE TABLE contexts (
    id TEXT NOT NULL PRIMARY KEY,
    org_id TEXT NOT NULL REFERENCES organizations (id),
    external_id TEXT,
    created_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX contexts_external ON contexts (org_id, external_id);
CREATE UNIQUE INDEX contexts_own ON contexts (org_id) WHERE external_id IS NULL;

CREATE TABLE connections (
    id TEXT NOT NULL PRIMARY KEY,
    org_id TEXT NOT NULL REFERENCES organizations (id),
    context_id TEXT NOT NULL REFERENCES contexts (id),
    vendor TEXT NOT NULL,
    base_url TEXT NOT NULL,
    account TEXT NOT NULL,
    label TEXT NOT NULL,
    key_field TEXT NOT NULL,
    static_token INTEGER NOT NULL,
    reauthorise_reason TEXT,
    grant_sealed BLOB NOT NULL,
    grant_version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX connections_account ON connections (vendor, account);
CREATE INDEX connections_org ON connections (org_id, id);

CREATE TABLE syncs (
    id TEXT NOT NULL PRIMARY KEY,
    org_id TEXT NOT NULL REFERENCES organizations (id),
    connection_id TEXT NOT NULL REFERENCES connections (id),
    status TEXT NOT NULL,
    stopped_reason TEXT,
    mapping TEXT NOT NULL,
    on_delete TEXT NOT NULL,
    plan_id TEXT,
    cursor TEXT,
    pulled_at INTEGER,
    census_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    scan TEXT,
    census TEXT
) STRICT;
CREATE UNIQUE INDEX syncs_connection ON syncs (connection_id);
CREATE INDEX syncs_org ON syncs (org_id, id);

CREATE TABLE records (
    sync_id TEXT NOT NULL REFERENCES syncs (id),
    native TEXT NOT NULL,
    properties TEXT NOT NULL,
    archived INTEGER NOT NULL,
    merged TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    read_at INTEGER NOT NULL,
    census INTEGER NOT NULL,
    PRIMARY KEY (sync_id, native)
) STRICT, WITHOUT ROWID;

CREATE TABLE record_keys (
    sync_id TEXT NOT NULL,
    match_key TEXT NOT NULL,
    native TEXT NOT NULL,
    PRIMARY KEY (sync_id, match_key, native)
) STRICT, WITHOUT ROWID;
CREATE INDEX record_keys_native ON record_keys (sync_id, native);

CREATE TABLE pairs (
    id TEXT NOT NULL PRIMARY KEY,
    sync_id TEXT NOT NULL REFERENCES syncs (id),
    contact_id TEXT NOT NULL,
    native TEXT,
    state TEXT NOT NULL,
    base TEXT NOT NULL,
    fights TEXT NOT NULL,
    held TEXT NOT NULL,
    dirty INTEGER,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX pairs_contact ON pairs (sync_id, contact_id);
CREATE UNIQUE INDEX pairs_native ON pairs (sync_id, native) WHERE native IS NOT NULL;
-- One for each kind of write, in the order in which they are taken.
CREATE INDEX pairs_creates ON pairs (sync_id, dirty, id) WHERE dirty IS NOT NULL AND state = 'open' AND native IS NULL;
CREATE INDEX pairs_updates ON pairs (sync_id, dirty, id) WHERE dirty IS NOT NULL AND state = 'open' AND native IS NOT NULL;
CREATE INDEX pairs_archives ON pairs (sync_id, dirty, id) WHERE dirty IS NOT NULL AND state = 'tombstone' AND native IS NOT NULL;
CREATE INDEX pairs_page ON pairs (sync_id, id);
CREATE INDEX pairs_of_contact ON pairs (contact_id);

CREATE TABLE plans (
    id TEXT NOT NULL PRIMARY KEY,
    sync_id TEXT NOT NULL REFERENCES syncs (id),
    status TEXT NOT NULL,
    summary TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX plans_sync ON plans (sync_id, id);

CREATE TABLE plan_rows (
    plan_id TEXT NOT NULL REFERENCES plans (id),
    n INTEGER NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (plan_id, n)
) STRICT, WITHOUT ROWID;

CREATE TABLE intents (
    id TEXT NOT NULL PRIMARY KEY,
    sync_id TEXT NOT NULL REFERENCES syncs (id),
    pair_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    fields TEXT NOT NULL,
    properties TEXT NOT NULL,
    dirty INTEGER NOT NULL,
    state TEXT NOT NULL,
    not_before INTEGER,
    sent_at INTEGER NOT NULL
) STRICT;
CREATE INDEX intents_sync ON intents (sync_id, id);
CREATE UNIQUE INDEX intents_pair ON intents (pair_id);

CREATE TABLE parked (
    id TEXT NOT NULL PRIMARY KEY,
    org_id TEXT NOT NULL REFERENCES organizations (id),
    sync_id TEXT NOT NULL REFERENCES syncs (id),
    contact_id TEXT,
    pair_id TEXT,
    native TEXT,
    subject TEXT NOT NULL,
    question TEXT NOT NULL,
    reason TEXT NOT NULL,
    parked_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX parked_question ON parked (sync_id, subject, question);
CREATE INDEX parked_org ON parked (org_id, id);
CREATE INDEX parked_pair ON parked (pair_id);
CREATE INDEX parked_native ON parked (sync_id, native) WHERE native IS NOT NULL;

CREATE TABLE received (
    id TEXT NOT NULL PRIMARY KEY,
    vendor TEXT NOT NULL,
    account TEXT NOT NULL,
    event_id TEXT NOT NULL,
    body BLOB NOT NULL,
    received_at INTEGER NOT NULL,
    read_at INTEGER
) STRICT;
CREATE UNIQUE INDEX received_event ON received (vendor, event_id);
CREATE INDEX received_unread ON received (vendor, account, id) WHERE read_at IS NULL;
CREATE INDEX received_age ON received (received_at);

CREATE TABLE idempotency (
    org_id TEXT NOT NULL REFERENCES organizations (id),
    idempotency_key TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    begun_at INTEGER NOT NULL,
    status INTEGER,
    headers TEXT,
    body BLOB,
    subject TEXT,
    PRIMARY KEY (org_id, idempotency_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_age ON idempotency (begun_at);
CREATE INDEX idempotency_subject ON idempotency (subject) WHERE subject IS NOT NULL;

CREATE TABLE subscriptions (
    id TEXT NOT NULL PRIMARY KEY,
    org_id TEXT NOT NULL REFERENCES organizations (id),
    url TEXT NOT NULL,
    description TEXT,
    events TEXT NOT NULL,
    status TEXT NOT NULL,
    consecutive_failures INTEGER NOT NULL,
    disabled_at INTEGER,
    disabled_reason TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX subscriptions_org ON subscriptions (org_id, id);

CREATE TABLE subscription_secrets (
    id TEXT NOT NULL PRIMARY KEY,
    subscription_id TEXT NOT NULL REFERENCES subscriptions (id),
    sealed BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER
) STRICT;
CREATE INDEX subscription_secrets_of ON subscription_secrets (subscription_id);

CREATE TABLE events (
    id TEXT NOT NULL PRIMARY KEY,
    org_id TEXT NOT NULL REFERENCES organizations (id),
    event_type TEXT NOT NULL,
    livemode INTEGER NOT NULL,
    subject TEXT,
    content TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX events_subject ON events (subject);
CREATE INDEX events_age ON events (created_at);

CREATE TABLE deliveries (
    id TEXT NOT NULL PRIMARY KEY,
    org_id TEXT NOT NULL REFERENCES organizations (id),
    subscription_id TEXT NOT NULL REFERENCES subscriptions (id),
    event_id TEXT NOT NULL REFERENCES events (id),
    status TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    response_status INTEGER,
    last_error TEXT,
    next_attempt_at INTEGER,
    replayed_from TEXT,
    created_at INTEGER NOT NULL,
    delivered_at INTEGER
) STRICT;
CREATE INDEX deliveries_org ON deliveries (org_id, id);
CREATE INDEX deliveries_subscription ON deliveries (subscription_id, id);
CREATE INDEX deliveries_event ON deliveries (event_id);
CREATE INDEX deliveries_age ON deliveries (created_at);

-- held_until is the floor under due that a snooze leaves: a later wish to run sooner does not cut it short.
CREATE TABLE jobs (
    id TEXT NOT NULL PRIMARY KEY,
    job_key TEXT NOT NULL,
    content TEXT NOT NULL,
    lane TEXT,
    state TEXT NOT NULL,
    due INTEGER NOT NULL,
    held_until INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    fence INTEGER NOT NULL,
    worker TEXT,
    lease_until INTEGER
) STRICT;
CREATE UNIQUE INDEX jobs_waiting_key ON jobs (job_key) WHERE state = 'waiting';
CREATE INDEX jobs_due ON jobs (state, due, id);
CREATE INDEX jobs_lanes ON jobs (state, due, id) WHERE lane IS NOT NULL;
CREATE INDEX jobs_free ON jobs (state, due, id) WHERE lane IS NULL;

-- One row a lane, kept when the lane is free: its fence only ever grows.
CREATE TABLE lanes (
    lane TEXT NOT NULL PRIMARY KEY,
    fence INTEGER NOT NULL,
    job_id TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
    org_id TEXT NOT NULL REFERENCES organizations (id),
    seq INTEGER NOT NULL,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (org_id, seq)
) STRICT, WITHOUT ROWID;
