-- Those whose outcome is unknown are listed for a person; the many that were answered are in no one's way.
CREATE INDEX invocations_unanswered ON invocations (org_id, id) WHERE state <> 'done';
