-- The Universal CRM API: apps, their tenants, what users mapped, and what events did.
ALTER TABLE contexts ADD COLUMN name TEXT;
ALTER TABLE contexts ADD COLUMN attributes TEXT;
-- The name that an app gave the connection; null for those of the command line. A disconnected one is kept a while.
ALTER TABLE connections ADD COLUMN external_id TEXT;
ALTER TABLE connections ADD COLUMN disabled_at INTEGER;
CREATE UNIQUE INDEX connections_external ON connections (org_id, external_id);
CREATE INDEX connections_context ON connections (context_id, external_id);

CREATE TABLE crm_apps (
    org_id TEXT NOT NULL PRIMARY KEY REFERENCES organizations (id),
    settings TEXT NOT NULL,
    secret_sealed BLOB NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE authorizations (
    id TEXT NOT NULL PRIMARY KEY,
    org_id TEXT NOT NULL REFERENCES organizations (id),
    context_id TEXT NOT NULL REFERENCES contexts (id),
    external_id TEXT NOT NULL,
    vendor TEXT NOT NULL,
    status TEXT NOT NULL,
    error_code TEXT,
    error_message TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX authorizations_of ON authorizations (org_id, external_id, created_at);
CREATE INDEX authorizations_age ON authorizations (created_at);

-- What a connection's CRM offers; object '' is the list of its objects.
CREATE TABLE crm_schemas (
    connection_id TEXT NOT NULL REFERENCES connections (id),
    object TEXT NOT NULL,
    described TEXT NOT NULL,
    fetched_at INTEGER NOT NULL,
    PRIMARY KEY (connection_id, object)
) STRICT;

-- Versions of what a user mapped. One that is not finished is the draft, and is the last one.
CREATE TABLE crm_mappings (
    connection_id TEXT NOT NULL REFERENCES connections (id),
    version INTEGER NOT NULL,
    objects TEXT NOT NULL,
    mapping TEXT NOT NULL,
    finished_at INTEGER,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (connection_id, version)
) STRICT;

CREATE TABLE invocations (
    id TEXT NOT NULL PRIMARY KEY,
    org_id TEXT NOT NULL REFERENCES organizations (id),
    connection_id TEXT NOT NULL REFERENCES connections (id),
    object TEXT NOT NULL,
    event TEXT NOT NULL,
    idempotency_key TEXT,
    fingerprint BLOB NOT NULL,
    exclusive TEXT,
    state TEXT NOT NULL,
    deed TEXT NOT NULL,
    answer TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX invocations_once ON invocations (connection_id, idempotency_key);
CREATE UNIQUE INDEX invocations_alone ON invocations (connection_id, exclusive) WHERE exclusive IS NOT NULL;
CREATE INDEX invocations_age ON invocations (updated_at);

CREATE TABLE crm_subscriptions (
    id TEXT NOT NULL PRIMARY KEY,
    org_id TEXT NOT NULL REFERENCES organizations (id),
    connection_id TEXT NOT NULL REFERENCES connections (id),
    wanted TEXT NOT NULL,
    content TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX crm_subscriptions_once ON crm_subscriptions (connection_id, wanted);

-- How far a native object of a connection was looked through for changes.
CREATE TABLE crm_watches (
    connection_id TEXT NOT NULL REFERENCES connections (id),
    object TEXT NOT NULL,
    cursor TEXT NOT NULL,
    PRIMARY KEY (connection_id, object)
) STRICT;

-- Calls to apps. What waits for the same record of the same subscription is one call.
CREATE TABLE crm_deliveries (
    id TEXT NOT NULL PRIMARY KEY,
    org_id TEXT NOT NULL REFERENCES organizations (id),
    fold TEXT NOT NULL,
    content TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    due INTEGER,
    last_error TEXT,
    created_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX crm_deliveries_fold ON crm_deliveries (org_id, fold) WHERE due IS NOT NULL AND attempt = 0;
CREATE INDEX crm_deliveries_due ON crm_deliveries (org_id, due) WHERE due IS NOT NULL;
