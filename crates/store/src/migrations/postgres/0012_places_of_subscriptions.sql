-- Each subscription is looked after by itself: when next, and how far it has come.
DROP TABLE crm_watches;
ALTER TABLE crm_subscriptions ADD COLUMN due BIGINT NOT NULL DEFAULT 0;
ALTER TABLE crm_subscriptions ADD COLUMN place TEXT COLLATE "C";
CREATE INDEX crm_subscriptions_due ON crm_subscriptions (connection_id, due, id);
-- Counts the changes that folded into a call: one that came while the call was under way is told, too.
ALTER TABLE crm_deliveries ADD COLUMN version BIGINT NOT NULL DEFAULT 0;
