-- People who can sign in. The name has the crate's in front, since an application may share the database.
CREATE TABLE portcullis_users (
    id            TEXT    NOT NULL PRIMARY KEY,
    -- In canonical form: two spellings of one mailbox meet in this unique index.
    email         TEXT    NOT NULL UNIQUE,
    role          TEXT,
    tenant_id     TEXT,
    -- A PHC string; NULL for people who have no password here.
    password_hash TEXT,
    disabled      INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
    -- Grows whenever older tokens must end.
    epoch         INTEGER NOT NULL DEFAULT 0,
    -- RFC 3339 in UTC, of one width, so that it sorts as text.
    created_at    TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

-- Serves the list in its order, and the search for another user of a role.
CREATE INDEX portcullis_users_in_order ON portcullis_users (tenant_id, created_at, id);
