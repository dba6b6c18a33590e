BEGIN TRANSACTION;
CREATE TABLE portcullis_migrations (version INTEGER NOT NULL PRIMARY KEY) STRICT;
INSERT INTO "portcullis_migrations" VALUES(1);
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
INSERT INTO "portcullis_users" VALUES('1cac5e7e-9955-4334-b748-cc54a0edbb24','renamed@example.com','member','c2f6a4f8-9c64-4963-8d93-c4b7542b9cfd','$argon2id$v=19$m=19456,t=2,p=1$gqamRH13IpTANeym/R0Nkg$+INbWLa0N4fV4h4ZDiH5YOIrWCPtR/TD2Ru/271ASMQ',0,1,'2026-11-26T15:45:12.313211+00:00');
INSERT INTO "portcullis_users" VALUES('5c743926-dc56-4693-915d-b795917f90e6','root@example.com','admin','c2f6a4f8-9c64-4963-8d93-c4b7542b9cfd','$argon2id$v=19$m=19456,t=2,p=1$L2aEwp3No+ss7ccoo9uZjw$y/P9fT2P8grxNIBszO+jKgXpJopqT2oJuB0fjYejxgU',0,0,'2026-11-26T15:45:12.177194+00:00');
INSERT INTO "portcullis_users" VALUES('e89b541c-29bc-4846-8c88-c7dd958e2a38','member0@example.com','member','c2f6a4f8-9c64-4963-8d93-c4b7542b9cfd','$argon2id$v=19$m=19456,t=2,p=1$pMsEgazngV/Sl2iUHhCUjQ$Oy2mJ8hPL3xHYZi+UzsxHLgxAqs9oqsiblrZpZP3Z2k',0,0,'2026-11-26T15:45:12.272319+00:00');
CREATE INDEX portcullis_users_in_order ON portcullis_users (tenant_id, created_at, id);
COMMIT;
