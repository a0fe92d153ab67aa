-- Where a connection's CRM sends webhooks, as the end of an address that nobody can guess, and the token that it handed
-- over there, sealed.
ALTER TABLE connections ADD COLUMN hook_path TEXT COLLATE "C";
ALTER TABLE connections ADD COLUMN hook_token BYTEA;
CREATE UNIQUE INDEX connections_hook_path ON connections (hook_path);
