-- A webhook that could not be taken in is tried again later, and set aside when that was in vain.
ALTER TABLE received ADD COLUMN attempts BIGINT NOT NULL DEFAULT 0;
ALTER TABLE received ADD COLUMN due BIGINT NOT NULL DEFAULT 0;
ALTER TABLE received ADD COLUMN parked_at BIGINT;
ALTER TABLE received ADD COLUMN parked_reason TEXT COLLATE "C";
DROP INDEX received_unread;
CREATE INDEX received_unread ON received (vendor, account, due, id) WHERE read_at IS NULL AND parked_at IS NULL;
CREATE INDEX received_parked ON received (id) WHERE parked_at IS NOT NULL;
