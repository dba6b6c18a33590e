-- Every statement that version 0.1.0 sends to an SQLite database after its start, as its sources have it.
-- name: by_id
SELECT id, email, role, tenant_id, created_at, password_hash, disabled, epoch FROM portcullis_users WHERE id = ?1
-- name: by_email
SELECT id, email, role, tenant_id, created_at, password_hash, disabled, epoch FROM portcullis_users WHERE email = ?1
-- name: in_tenant
SELECT id, email, role, tenant_id, created_at, password_hash, disabled, epoch FROM portcullis_users WHERE id = ?1 AND tenant_id IS ?2
-- name: page
SELECT id, email, role, tenant_id, created_at, password_hash, disabled, epoch FROM portcullis_users WHERE tenant_id IS ?1 ORDER BY created_at, id LIMIT ?2 OFFSET ?3
-- name: count
SELECT COUNT(*) FROM portcullis_users WHERE tenant_id IS ?1
-- name: another_of_role
SELECT EXISTS (SELECT 1 FROM portcullis_users WHERE tenant_id IS ?1 AND role = ?2 AND disabled = 0 AND id <> ?3)
-- name: insert
INSERT INTO portcullis_users (id, email, role, tenant_id, created_at, password_hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
-- name: insert_first
INSERT INTO portcullis_users (id, email, role, tenant_id, created_at, password_hash) SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE NOT EXISTS (SELECT 1 FROM portcullis_users)
-- name: update
UPDATE portcullis_users SET email = ?2, role = ?3, password_hash = ?4, disabled = ?5, epoch = ?6 WHERE id = ?1
-- name: swap_hash
UPDATE portcullis_users SET password_hash = ?3 WHERE id = ?1 AND password_hash = ?2
-- name: delete
DELETE FROM portcullis_users WHERE id = ?1
-- name: any
SELECT 1 FROM portcullis_users LIMIT 1
