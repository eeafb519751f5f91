-- The database and its three roles, for `psql --file roles.sql` as a superuser of PostgreSQL 15 or later.
-- Passwords come from the environment: OWNER_PASSWORD, APP_PASSWORD, BACKUP_PASSWORD.
\getenv owner_password OWNER_PASSWORD
\getenv app_password APP_PASSWORD
\getenv backup_password BACKUP_PASSWORD

-- Owns the tables and migrates them; row-level security holds for it too.
CREATE ROLE duesbook_owner LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD :'owner_password';
-- What web, workers and scheduler act as: owns nothing, sees one organization at a time.
CREATE ROLE duesbook_app LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD :'app_password';
-- Reads every row and writes none, but the time of the latest backup is noted by duesbook_app.
CREATE ROLE duesbook_backup LOGIN NOSUPERUSER BYPASSRLS PASSWORD :'backup_password';
GRANT pg_read_all_data TO duesbook_backup;

CREATE DATABASE duesbook OWNER duesbook_owner;
\connect duesbook
CREATE EXTENSION btree_gist;
