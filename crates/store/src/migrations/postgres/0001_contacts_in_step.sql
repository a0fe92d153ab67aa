CREATE TABLE organizations (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    seq BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE accounts (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    org_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
    phone_number_id TEXT COLLATE "C" NOT NULL,
    phone_number TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX accounts_number ON accounts (org_id, phone_number_id);

CREATE TABLE api_keys (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    org_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
    kind TEXT COLLATE "C" NOT NULL,
    label TEXT COLLATE "C" NOT NULL,
    hash BYTEA NOT NULL,
    first12 TEXT COLLATE "C" NOT NULL,
    last4 TEXT COLLATE "C" NOT NULL,
    live BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT
);
CREATE UNIQUE INDEX api_keys_hash ON api_keys (hash);
CREATE INDEX api_keys_org ON api_keys (org_id);

-- A deleted contact stays as a row without personal fields, so that its id is never reused and old links answer 404.
CREATE TABLE contacts (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    org_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
    account TEXT COLLATE "C" NOT NULL,
    phone TEXT COLLATE "C",
    name TEXT COLLATE "C",
    email TEXT COLLATE "C",
    metadata TEXT COLLATE "C",
    acquisition_source TEXT COLLATE "C",
    search TEXT COLLATE "C" NOT NULL,
    seq BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT,
    FOREIGN KEY (org_id, account) REFERENCES accounts (org_id, phone_number_id)
);
CREATE UNIQUE INDEX contacts_account_phone ON contacts (org_id, account, phone);
CREATE INDEX contacts_phone ON contacts (org_id, phone);
CREATE INDEX contacts_created ON contacts (org_id, created_at, id);
CREATE INDEX contacts_seq ON contacts (org_id, seq, id);
CREATE INDEX contacts_by_id ON contacts (org_id, id);

CREATE TABLE contact_keys (
    org_id TEXT COLLATE "C" NOT NULL,
    match_key TEXT COLLATE "C" NOT NULL,
    contact_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (org_id, match_key, contact_id)
);
CREATE INDEX contact_keys_contact ON contact_keys (contact_id);

CREATE TABLE changes (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    org_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
    contact_id TEXT COLLATE "C" NOT NULL,
    seq BIGINT NOT NULL,
    at BIGINT NOT NULL,
    origin TEXT COLLATE "C" NOT NULL,
    field_names TEXT COLLATE "C" NOT NULL,
    fields TEXT COLLATE "C" NOT NULL
);
CREATE INDEX changes_contact ON changes (contact_id, seq, id);

-- The organization's own context, where the command line connects, is the one without an external id.
CREATE TABLE contexts (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    org_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
    external_id TEXT COLLATE "C",
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX contexts_external ON contexts (org_id, external_id);
CREATE UNIQUE INDEX contexts_own ON contexts (org_id) WHERE external_id IS NULL;

CREATE TABLE connections (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    org_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
    context_id TEXT COLLATE "C" NOT NULL REFERENCES contexts (id),
    vendor TEXT COLLATE "C" NOT NULL,
    base_url TEXT COLLATE "C" NOT NULL,
    account TEXT COLLATE "C" NOT NULL,
    label TEXT COLLATE "C" NOT NULL,
    key_field TEXT COLLATE "C" NOT NULL,
    static_token BIGINT NOT NULL,
    reauthorise_reason TEXT COLLATE "C",
    grant_sealed BYTEA NOT NULL,
    grant_version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX connections_account ON connections (vendor, account);
CREATE INDEX connections_org ON connections (org_id, id);

CREATE TABLE syncs (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    org_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
    connection_id TEXT COLLATE "C" NOT NULL REFERENCES connections (id),
    status TEXT COLLATE "C" NOT NULL,
    stopped_reason TEXT COLLATE "C",
    mapping TEXT COLLATE "C" NOT NULL,
    on_delete TEXT COLLATE "C" NOT NULL,
    plan_id TEXT COLLATE "C",
    cursor TEXT COLLATE "C",
    pulled_at BIGINT,
    census_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    scan TEXT COLLATE "C",
    census TEXT COLLATE "C"
);
CREATE UNIQUE INDEX syncs_connection ON syncs (connection_id);
CREATE INDEX syncs_org ON syncs (org_id, id);

CREATE TABLE records (
    sync_id TEXT COLLATE "C" NOT NULL REFERENCES syncs (id),
    native TEXT COLLATE "C" NOT NULL,
    properties TEXT COLLATE "C" NOT NULL,
    archived BIGINT NOT NULL,
    merged TEXT COLLATE "C" NOT NULL,
    updated_at BIGINT NOT NULL,
    read_at BIGINT NOT NULL,
    census BIGINT NOT NULL,
    PRIMARY KEY (sync_id, native)
);

CREATE TABLE record_keys (
    sync_id TEXT COLLATE "C" NOT NULL,
    match_key TEXT COLLATE "C" NOT NULL,
    native TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (sync_id, match_key, native)
);
CREATE INDEX record_keys_native ON record_keys (sync_id, native);

CREATE TABLE pairs (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    sync_id TEXT COLLATE "C" NOT NULL REFERENCES syncs (id),
    contact_id TEXT COLLATE "C" NOT NULL,
    native TEXT COLLATE "C",
    state TEXT COLLATE "C" NOT NULL,
    base TEXT COLLATE "C" NOT NULL,
    fights TEXT COLLATE "C" NOT NULL,
    held TEXT COLLATE "C" NOT NULL,
    dirty BIGINT,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX pairs_contact ON pairs (sync_id, contact_id);
CREATE UNIQUE INDEX pairs_native ON pairs (sync_id, native) WHERE native IS NOT NULL;
-- One for each kind of write, in the order in which they are taken.
CREATE INDEX pairs_creates ON pairs (sync_id, dirty, id) WHERE dirty IS NOT NULL AND state = 'open' AND native IS NULL;
CREATE INDEX pairs_updates ON pairs (sync_id, dirty, id) WHERE dirty IS NOT NULL AND state = 'open' AND native IS NOT NULL;
CREATE INDEX pairs_archives ON pairs (sync_id, dirty, id) WHERE dirty IS NOT NULL AND state = 'tombstone' AND native IS NOT NULL;
CREATE INDEX pairs_page ON pairs (sync_id, id);
CREATE INDEX pairs_of_contact ON pairs (contact_id);

CREATE TABLE plans (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    sync_id TEXT COLLATE "C" NOT NULL REFERENCES syncs (id),
    status TEXT COLLATE "C" NOT NULL,
    summary TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX plans_sync ON plans (sync_id, id);

CREATE TABLE plan_rows (
    plan_id TEXT COLLATE "C" NOT NULL REFERENCES plans (id),
    n BIGINT NOT NULL,
    content TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (plan_id, n)
);

CREATE TABLE intents (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    sync_id TEXT COLLATE "C" NOT NULL REFERENCES syncs (id),
    pair_id TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    fields TEXT COLLATE "C" NOT NULL,
    properties TEXT COLLATE "C" NOT NULL,
    dirty BIGINT NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    not_before BIGINT,
    sent_at BIGINT NOT NULL
);
CREATE INDEX intents_sync ON intents (sync_id, id);
CREATE UNIQUE INDEX intents_pair ON intents (pair_id);

CREATE TABLE parked (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    org_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
    sync_id TEXT COLLATE "C" NOT NULL REFERENCES syncs (id),
    contact_id TEXT COLLATE "C",
    pair_id TEXT COLLATE "C",
    native TEXT COLLATE "C",
    subject TEXT COLLATE "C" NOT NULL,
    question TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    parked_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX parked_question ON parked (sync_id, subject, question);
CREATE INDEX parked_org ON parked (org_id, id);
CREATE INDEX parked_pair ON parked (pair_id);
CREATE INDEX parked_native ON parked (sync_id, native) WHERE native IS NOT NULL;

CREATE TABLE received (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    vendor TEXT COLLATE "C" NOT NULL,
    account TEXT COLLATE "C" NOT NULL,
    event_id TEXT COLLATE "C" NOT NULL,
    body BYTEA NOT NULL,
    received_at BIGINT NOT NULL,
    read_at BIGINT
);
CREATE UNIQUE INDEX received_event ON received (vendor, event_id);
CREATE INDEX received_unread ON received (vendor, account, id) WHERE read_at IS NULL;
CREATE INDEX received_age ON received (received_at);

CREATE TABLE idempotency (
    org_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
    idempotency_key TEXT COLLATE "C" NOT NULL,
    fingerprint BYTEA NOT NULL,
    begun_at BIGINT NOT NULL,
    status BIGINT,
    headers TEXT COLLATE "C",
    body BYTEA,
    subject TEXT COLLATE "C",
    PRIMARY KEY (org_id, idempotency_key)
);
CREATE INDEX idempotency_age ON idempotency (begun_at);
CREATE INDEX idempotency_subject ON idempotency (subject) WHERE subject IS NOT NULL;

CREATE TABLE subscriptions (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    org_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
    url TEXT COLLATE "C" NOT NULL,
    description TEXT COLLATE "C",
    events TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    consecutive_failures BIGINT NOT NULL,
    disabled_at BIGINT,
    disabled_reason TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX subscriptions_org ON subscriptions (org_id, id);

CREATE TABLE subscription_secrets (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    subscription_id TEXT COLLATE "C" NOT NULL REFERENCES subscriptions (id),
    sealed BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT
);
CREATE INDEX subscription_secrets_of ON subscription_secrets (subscription_id);

CREATE TABLE events (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    org_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
    event_type TEXT COLLATE "C" NOT NULL,
    livemode BIGINT NOT NULL,
    subject TEXT COLLATE "C",
    content TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX events_subject ON events (subject);
CREATE INDEX events_age ON events (created_at);

CREATE TABLE deliveries (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    org_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
    subscription_id TEXT COLLATE "C" NOT NULL REFERENCES subscriptions (id),
    event_id TEXT COLLATE "C" NOT NULL REFERENCES events (id),
    status TEXT COLLATE "C" NOT NULL,
    attempt BIGINT NOT NULL,
    response_status BIGINT,
    last_error TEXT COLLATE "C",
    next_attempt_at BIGINT,
    replayed_from TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    delivered_at BIGINT
);
CREATE INDEX deliveries_org ON deliveries (org_id, id);
CREATE INDEX deliveries_subscription ON deliveries (subscription_id, id);
CREATE INDEX deliveries_event ON deliveries (event_id);
CREATE INDEX deliveries_age ON deliveries (created_at);

-- held_until is the floor under due that a snooze leaves: a later wish to run sooner does not cut it short.
CREATE TABLE jobs (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    job_key TEXT COLLATE "C" NOT NULL,
    content TEXT COLLATE "C" NOT NULL,
    lane TEXT COLLATE "C",
    state TEXT COLLATE "C" NOT NULL,
    due BIGINT NOT NULL,
    held_until BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    fence BIGINT NOT NULL,
    worker TEXT COLLATE "C",
    lease_until BIGINT
);
CREATE UNIQUE INDEX jobs_waiting_key ON jobs (job_key) WHERE state = 'waiting';
CREATE INDEX jobs_due ON jobs (state, due, id);
CREATE INDEX jobs_lanes ON jobs (state, due, id) WHERE lane IS NOT NULL;
CREATE INDEX jobs_free ON jobs (state, due, id) WHERE lane IS NULL;

-- One row a lane, kept when the lane is free: its fence only ever grows.
CREATE TABLE lanes (
    lane TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    fence BIGINT NOT NULL,
    job_id TEXT COLLATE "C"
);

CREATE TABLE audit (
    org_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
    seq BIGINT NOT NULL,
    at BIGINT NOT NULL,
    actor TEXT COLLATE "C" NOT NULL,
    action TEXT COLLATE "C" NOT NULL,
    detail TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (org_id, seq)
);
