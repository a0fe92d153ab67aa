-- What a database of the first version holds, in both engines' words; BYTES stands for a literal of bytes.
-- Change numbers 2 and 3: the clock stepped back. Number 4: Citra was deleted.
CREATE TABLE schema_version (version BIGINT NOT NULL PRIMARY KEY);
INSERT INTO schema_version VALUES (1);
INSERT INTO organizations (id, name, seq, created_at) VALUES ('org_01HXYZABCDEFGHJKMNPQRSTVWX', 'Acme', 4, 5);
INSERT INTO accounts (id, org_id, phone_number_id, phone_number, name, status, created_at)
    VALUES ('acc_01HXYZABCDEFGHJKMNPQRSTVWX', 'org_01HXYZABCDEFGHJKMNPQRSTVWX', '299', '+62 851-1760-0829', 'Acme', 'connected', 5);
INSERT INTO api_keys (id, org_id, kind, label, hash, first12, last4, live, created_at)
    VALUES ('key_01HXYZABCDEFGHJKMNPQRSTVWX', 'org_01HXYZABCDEFGHJKMNPQRSTVWX', 'api', 'old', BYTES, '', '', 1, 5);
INSERT INTO contacts (id, org_id, account, phone, name, email, metadata, search, seq, created_at, updated_at, deleted_at) VALUES
    ('ctc_01HXYZABCDEFGHJKMNPQRSTV01', 'org_01HXYZABCDEFGHJKMNPQRSTVWX', '299', '+628111222331', 'Ana', 'ana@example.id',
        '{"crm_id":501}', 'ana', 2, 10, 30, NULL),
    ('ctc_01HXYZABCDEFGHJKMNPQRSTV02', 'org_01HXYZABCDEFGHJKMNPQRSTVWX', '299', '+628111222332', 'Budi', NULL, NULL, 'budi', 3,
        11, 20, NULL),
    ('ctc_01HXYZABCDEFGHJKMNPQRSTV03', 'org_01HXYZABCDEFGHJKMNPQRSTVWX', '299', NULL, NULL, NULL, NULL, '', 4, 12, 40, 40);
INSERT INTO contact_keys (org_id, match_key, contact_id) VALUES
    ('org_01HXYZABCDEFGHJKMNPQRSTVWX', 'phone:+628111222331', 'ctc_01HXYZABCDEFGHJKMNPQRSTV01'),
    ('org_01HXYZABCDEFGHJKMNPQRSTVWX', 'email:ana@example.id', 'ctc_01HXYZABCDEFGHJKMNPQRSTV01');
INSERT INTO changes (id, org_id, contact_id, seq, at, origin, field_names, fields)
    VALUES ('chg_01HXYZABCDEFGHJKMNPQRSTVWX', 'org_01HXYZABCDEFGHJKMNPQRSTVWX', 'ctc_01HXYZABCDEFGHJKMNPQRSTV01', 2, 30, '{}', '', '[]');
INSERT INTO contexts (id, org_id, created_at) VALUES ('ctx_01HXYZABCDEFGHJKMNPQRSTVWX', 'org_01HXYZABCDEFGHJKMNPQRSTVWX', 5);
INSERT INTO connections (id, org_id, context_id, vendor, base_url, account, label, key_field, static_token, grant_sealed,
        grant_version, created_at, updated_at)
    VALUES ('con_01HXYZABCDEFGHJKMNPQRSTVWX', 'org_01HXYZABCDEFGHJKMNPQRSTVWX', 'ctx_01HXYZABCDEFGHJKMNPQRSTVWX', 'hubspot',
        'https://api.hubapi.com', '1', 'HubSpot', '{}', 1, BYTES, 1, 5, 5);
INSERT INTO syncs (id, org_id, connection_id, status, mapping, on_delete, created_at, updated_at)
    VALUES ('syn_01HXYZABCDEFGHJKMNPQRSTVWX', 'org_01HXYZABCDEFGHJKMNPQRSTVWX', 'con_01HXYZABCDEFGHJKMNPQRSTVWX', 'running',
        '{"version":1,"fields":[],"also_match":[]}', 'unlink', 5, 5);
INSERT INTO records (sync_id, native, properties, archived, merged, updated_at, read_at, census)
    VALUES ('syn_01HXYZABCDEFGHJKMNPQRSTVWX', '7', '{}', 0, '[]', 5, 5, 0);
INSERT INTO pairs (id, sync_id, contact_id, native, state, base, fights, held, updated_at)
    VALUES ('par_01HXYZABCDEFGHJKMNPQRSTVWX', 'syn_01HXYZABCDEFGHJKMNPQRSTVWX', 'ctc_01HXYZABCDEFGHJKMNPQRSTV02', '7', 'open', '{}',
        '{}', '[]', 5);
INSERT INTO subscriptions (id, org_id, url, events, status, consecutive_failures, created_at, updated_at)
    VALUES ('wbs_01HXYZABCDEFGHJKMNPQRSTVWX', 'org_01HXYZABCDEFGHJKMNPQRSTVWX', 'https://example.com/hook', '["contact.created"]',
        'active', 0, 5, 5);
INSERT INTO subscription_secrets (id, subscription_id, sealed, created_at)
    VALUES ('sec_01HXYZABCDEFGHJKMNPQRSTVWX', 'wbs_01HXYZABCDEFGHJKMNPQRSTVWX', BYTES, 5);
INSERT INTO events (id, org_id, event_type, livemode, subject, content, created_at)
    VALUES ('evt_01HXYZABCDEFGHJKMNPQRSTVWX', 'org_01HXYZABCDEFGHJKMNPQRSTVWX', 'contact.created', 1,
        'ctc_01HXYZABCDEFGHJKMNPQRSTV01', '{"contact":"Ana"}', 30);
INSERT INTO deliveries (id, org_id, subscription_id, event_id, status, attempt, next_attempt_at, created_at)
    VALUES ('wbd_01HXYZABCDEFGHJKMNPQRSTVWX', 'org_01HXYZABCDEFGHJKMNPQRSTVWX', 'wbs_01HXYZABCDEFGHJKMNPQRSTVWX',
        'evt_01HXYZABCDEFGHJKMNPQRSTVWX', 'failed', 2, 50, 30);
INSERT INTO jobs (id, job_key, content, lane, state, due, held_until, attempts, fence) VALUES
    ('job_01HXYZABCDEFGHJKMNPQRSTV01', 'deliver:wbd_01HXYZABCDEFGHJKMNPQRSTVWX', '{}', NULL, 'waiting', 50, 0, 2, 0),
    ('job_01HXYZABCDEFGHJKMNPQRSTV02', 'pull:syn_01HXYZABCDEFGHJKMNPQRSTVWX', '{"job":"pull","sync":"syn_01HXYZABCDEFGHJKMNPQRSTVWX"}',
        'syn_01HXYZABCDEFGHJKMNPQRSTVWX', 'waiting', 60, 0, 0, 0);
