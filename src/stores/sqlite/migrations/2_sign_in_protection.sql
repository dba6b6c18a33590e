-- Failed sign-ins. Names are keyed hashes: the database learns neither logins nor client addresses.
-- Times are microseconds since 1970.
CREATE TABLE portcullis_counters (
    name       TEXT    NOT NULL PRIMARY KEY,
    -- 0: of an account, a known address or a device; 1: of a client address or a network. Each kind is bounded separately.
    kind       INTEGER NOT NULL CHECK (kind IN (0, 1)),
    failures   INTEGER NOT NULL CHECK (failures > 0),
    -- The last failure; for kind 1 the beginning of the window.
    since      INTEGER NOT NULL,
    forget_at  INTEGER NOT NULL,
    -- Random: differs between a counter and the one that follows it under its name.
    generation INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Serves the eviction of the counters with the fewest failures, and the count of each kind.
CREATE INDEX portcullis_counters_by_failures ON portcullis_counters (kind, failures, since);
CREATE INDEX portcullis_counters_by_end ON portcullis_counters (forget_at);

-- Addresses from which somebody signed in to an account.
CREATE TABLE portcullis_known_addresses (
    -- A keyed hash of login and address.
    name     TEXT    NOT NULL PRIMARY KEY,
    -- A keyed hash of the login.
    login    TEXT    NOT NULL,
    last_use INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX portcullis_known_addresses_of_login ON portcullis_known_addresses (login, last_use);
CREATE INDEX portcullis_known_addresses_by_use ON portcullis_known_addresses (last_use);

-- Devices that hold a token.
CREATE TABLE portcullis_devices (
    id            BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    -- A keyed hash of the login.
    login         TEXT    NOT NULL,
    account_id    TEXT    NOT NULL,
    token_version INTEGER NOT NULL,
    -- The SHA-256 of the token's secret.
    secret_hash   BLOB    NOT NULL CHECK (length(secret_hash) = 32),
    last_use      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX portcullis_devices_of_login ON portcullis_devices (login, last_use);
CREATE INDEX portcullis_devices_of_account ON portcullis_devices (account_id);
CREATE INDEX portcullis_devices_by_use ON portcullis_devices (last_use);
