-- What carries an account's messages: where its network is, and the secrets that open it, sealed.
CREATE TABLE channels (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    org_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
    account TEXT COLLATE "C" NOT NULL,
    base_url TEXT COLLATE "C" NOT NULL,
    sealed BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    FOREIGN KEY (org_id, account) REFERENCES accounts (org_id, phone_number_id)
);
CREATE UNIQUE INDEX channels_account ON channels (org_id, account);
