-- What all servers together have sent to each vendor account of late.
CREATE TABLE vendor_budgets (
    account TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    budgets TEXT COLLATE "C" NOT NULL,
    used_at BIGINT NOT NULL
);
