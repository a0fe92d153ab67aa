-- A team owns labels. Every organization starts with one.
CREATE TABLE teams (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    org_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
    name TEXT COLLATE "C" NOT NULL,
    name_key TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX teams_name ON teams (org_id, name_key);
CREATE INDEX teams_org ON teams (org_id, id);
INSERT INTO teams (id, org_id, name, name_key, created_at, updated_at)
    SELECT 'team_' || substr(id, 5), id, 'General', 'general', created_at, created_at FROM organizations;

-- A removed user stays as a row, because conversations and the log name it.
CREATE TABLE users (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    org_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
    name TEXT COLLATE "C" NOT NULL,
    email TEXT COLLATE "C",
    email_key TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    removed_at BIGINT
);
CREATE UNIQUE INDEX users_email ON users (org_id, email_key) WHERE removed_at IS NULL;
CREATE INDEX users_org ON users (org_id, id);

CREATE TABLE team_members (
    team_id TEXT COLLATE "C" NOT NULL REFERENCES teams (id),
    user_id TEXT COLLATE "C" NOT NULL REFERENCES users (id),
    PRIMARY KEY (team_id, user_id)
);
CREATE INDEX team_members_user ON team_members (user_id, team_id);

-- The labels of other teams do not fit the contacts of an account that belongs to a team.
ALTER TABLE accounts ADD COLUMN team_id TEXT COLLATE "C" REFERENCES teams (id);

-- A key without scopes may do everything.
ALTER TABLE api_keys ADD COLUMN scopes TEXT COLLATE "C" NOT NULL DEFAULT '[]';
ALTER TABLE api_keys ADD COLUMN last_used_at BIGINT;

CREATE TABLE labels (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    org_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
    team_id TEXT COLLATE "C" NOT NULL REFERENCES teams (id),
    name TEXT COLLATE "C" NOT NULL,
    name_key TEXT COLLATE "C" NOT NULL,
    color TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX labels_name ON labels (team_id, name_key);
CREATE INDEX labels_org ON labels (org_id, id);

CREATE TABLE contact_labels (
    contact_id TEXT COLLATE "C" NOT NULL REFERENCES contacts (id),
    label_id TEXT COLLATE "C" NOT NULL REFERENCES labels (id),
    PRIMARY KEY (contact_id, label_id)
);
CREATE INDEX contact_labels_label ON contact_labels (label_id, contact_id);
