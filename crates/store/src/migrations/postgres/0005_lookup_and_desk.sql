-- What a contact's changes are found by since a time: never below that of an earlier change, whatever clocks do.
ALTER TABLE organizations ADD COLUMN stamp BIGINT NOT NULL DEFAULT 0;
ALTER TABLE contacts ADD COLUMN stamp BIGINT NOT NULL DEFAULT 0;
UPDATE contacts SET stamp = up_to.stamp
    FROM (SELECT id, MAX(updated_at) OVER (PARTITION BY org_id ORDER BY seq) AS stamp FROM contacts) AS up_to
    WHERE up_to.id = contacts.id;
UPDATE organizations SET stamp =
    COALESCE((SELECT MAX(contacts.stamp) FROM contacts WHERE contacts.org_id = organizations.id), 0);
CREATE INDEX contacts_stamp ON contacts (org_id, stamp, seq, id);

-- The id that another system gave the contact is a key of it too.
INSERT INTO contact_keys (org_id, match_key, contact_id)
    SELECT org_id, 'crm:' || (metadata::json ->> 'crm_id'), id FROM contacts
    WHERE metadata IS NOT NULL AND LENGTH((metadata::json ->> 'crm_id')) BETWEEN 1 AND 255;

-- Deliveries are sent subscriber by subscriber: one job each instead of one a delivery.
DELETE FROM jobs WHERE job_key LIKE 'deliver:%';
INSERT INTO jobs (id, job_key, content, lane, state, due, held_until, attempts, fence)
    SELECT 'job' || substr(id, 4), 'deliver:' || id, '{"job":"deliver","subscription":"' || id || '"}',
        'deliver:' || id, 'waiting', 0, 0, 0, 0
    FROM subscriptions;
DROP INDEX jobs_lanes;
DROP INDEX jobs_free;
CREATE INDEX deliveries_waiting ON deliveries (subscription_id, next_attempt_at, id) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX deliveries_counts ON deliveries (subscription_id, created_at, status);
CREATE INDEX deliveries_replays ON deliveries (replayed_from) WHERE replayed_from IS NOT NULL;

ALTER TABLE events ADD COLUMN sequence BIGINT;
ALTER TABLE subscriptions ADD COLUMN last_delivered_at BIGINT;
ALTER TABLE subscriptions ADD COLUMN last_failed_at BIGINT;
ALTER TABLE subscriptions ADD COLUMN last_error TEXT COLLATE "C";

-- A key without limits of its own shares the organization's buckets.
ALTER TABLE api_keys ADD COLUMN write_per_minute BIGINT;
ALTER TABLE api_keys ADD COLUMN read_per_minute BIGINT;

-- What all servers together have left to give out; each takes a slice at a time.
CREATE TABLE rate_buckets (
    bucket TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    level BIGINT NOT NULL,
    at BIGINT NOT NULL
);
