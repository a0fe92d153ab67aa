-- A small account's list does not pass over the contacts of a large one.
CREATE INDEX contacts_account_created ON contacts (org_id, account, created_at, id);
