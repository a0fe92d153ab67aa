-- An account that no channel carries cannot send, whatever it was called.
UPDATE accounts SET status = 'onboarding' WHERE status = 'connected' AND NOT EXISTS (
    SELECT 1 FROM channels WHERE channels.org_id = accounts.org_id AND channels.account = accounts.phone_number_id
);
