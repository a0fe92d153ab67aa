-- Those whose outcome is unknown are listed for a person; the many that were answered are in no one's way.
CREATE INDEX invocations_unanswered ON invocations (org_id, id) WHERE state <> 'done';

-- What a find-or-create recognised its record by: the CRM's search does not show for a while what was made last.
ALTER TABLE invocations ADD COLUMN found_by TEXT COLLATE "C";
CREATE INDEX invocations_found_by ON invocations (connection_id, found_by, id) WHERE found_by IS NOT NULL;
