-- What all servers together have sent to each vendor account of late.
CREATE TABLE vendor_budgets (
    account TEXT NOT NULL PRIMARY KEY,
    budgets TEXT NOT NULL,
    used_at INTEGER NOT NULL
) STRICT;
