-- The Universal CRM API: apps, their tenants, what users mapped, and what events did.
ALTER TABLE contexts ADD COLUMN name TEXT COLLATE "C";
ALTER TABLE contexts ADD COLUMN attributes TEXT COLLATE "C";
-- The name that an app gave the connection; null for those of the command line. A disconnected one is kept a while.
ALTER TABLE connections ADD COLUMN external_id TEXT COLLATE "C";
ALTER TABLE connections ADD COLUMN disabled_at BIGINT;
CREATE UNIQUE INDEX connections_external ON connections (org_id, external_id);
CREATE INDEX connections_context ON connections (context_id, external_id);

CREATE TABLE crm_apps (
    org_id TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES organizations (id),
    settings TEXT COLLATE "C" NOT NULL,
    secret_sealed BYTEA NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE authorizations (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    org_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
    context_id TEXT COLLATE "C" NOT NULL REFERENCES contexts (id),
    external_id TEXT COLLATE "C" NOT NULL,
    vendor TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    error_code TEXT COLLATE "C",
    error_message TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX authorizations_of ON authorizations (org_id, external_id, created_at);
CREATE INDEX authorizations_age ON authorizations (created_at);

-- What a connection's CRM offers; object '' is the list of its objects.
CREATE TABLE crm_schemas (
    connection_id TEXT COLLATE "C" NOT NULL REFERENCES connections (id),
    object TEXT COLLATE "C" NOT NULL,
    described TEXT COLLATE "C" NOT NULL,
    fetched_at BIGINT NOT NULL,
    PRIMARY KEY (connection_id, object)
);

-- Versions of what a user mapped. One that is not finished is the draft, and is the last one.
CREATE TABLE crm_mappings (
    connection_id TEXT COLLATE "C" NOT NULL REFERENCES connections (id),
    version BIGINT NOT NULL,
    objects TEXT COLLATE "C" NOT NULL,
    mapping TEXT COLLATE "C" NOT NULL,
    finished_at BIGINT,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (connection_id, version)
);

CREATE TABLE invocations (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    org_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
    connection_id TEXT COLLATE "C" NOT NULL REFERENCES connections (id),
    object TEXT COLLATE "C" NOT NULL,
    event TEXT COLLATE "C" NOT NULL,
    idempotency_key TEXT COLLATE "C",
    fingerprint BYTEA NOT NULL,
    exclusive TEXT COLLATE "C",
    state TEXT COLLATE "C" NOT NULL,
    deed TEXT COLLATE "C" NOT NULL,
    answer TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX invocations_once ON invocations (connection_id, idempotency_key);
CREATE UNIQUE INDEX invocations_alone ON invocations (connection_id, exclusive) WHERE exclusive IS NOT NULL;
CREATE INDEX invocations_age ON invocations (updated_at);

CREATE TABLE crm_subscriptions (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    org_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
    connection_id TEXT COLLATE "C" NOT NULL REFERENCES connections (id),
    wanted TEXT COLLATE "C" NOT NULL,
    content TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX crm_subscriptions_once ON crm_subscriptions (connection_id, wanted);

-- How far a native object of a connection was looked through for changes.
CREATE TABLE crm_watches (
    connection_id TEXT COLLATE "C" NOT NULL REFERENCES connections (id),
    object TEXT COLLATE "C" NOT NULL,
    cursor TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (connection_id, object)
);

-- Calls to apps. What waits for the same record of the same subscription is one call.
CREATE TABLE crm_deliveries (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    org_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
    fold TEXT COLLATE "C" NOT NULL,
    content TEXT COLLATE "C" NOT NULL,
    attempt BIGINT NOT NULL,
    due BIGINT,
    last_error TEXT COLLATE "C",
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX crm_deliveries_fold ON crm_deliveries (org_id, fold) WHERE due IS NOT NULL AND attempt = 0;
CREATE INDEX crm_deliveries_due ON crm_deliveries (org_id, due) WHERE due IS NOT NULL;
