-- What carries an account's messages: where its network is, and the secrets that open it, sealed.
CREATE TABLE channels (
    id TEXT NOT NULL PRIMARY KEY,
    org_id TEXT NOT NULL REFERENCES organizations (id),
    account TEXT NOT NULL,
    base_url TEXT NOT NULL,
    sealed BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    FOREIGN KEY (org_id, account) REFERENCES accounts (org_id, phone_number_id)
) STRICT;
CREATE UNIQUE INDEX channels_account ON channels (org_id, account);
