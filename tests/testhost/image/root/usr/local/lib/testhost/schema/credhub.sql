-- A few of CredHub's tables; bytea is what makes its dump different from the others.
CREATE TABLE encryption_key_canary (uuid uuid PRIMARY KEY, encrypted_value bytea, nonce bytea, salt bytea);
CREATE TABLE credential (uuid uuid PRIMARY KEY, name varchar(1024) NOT NULL UNIQUE, checksum bytea);
CREATE TABLE encrypted_value (
    uuid uuid PRIMARY KEY, encryption_key_uuid uuid NOT NULL REFERENCES encryption_key_canary, encrypted_value bytea NOT NULL,
    nonce bytea NOT NULL, updated_at bigint NOT NULL);
CREATE TABLE credential_version (
    uuid uuid PRIMARY KEY, type varchar(255) NOT NULL, version_created_at bigint NOT NULL,
    encrypted_credential_value_uuid uuid REFERENCES encrypted_value, credential_uuid uuid NOT NULL REFERENCES credential);
INSERT INTO encryption_key_canary VALUES (md5('key')::uuid, decode(md5('canary'), 'hex'), decode(md5('n'), 'hex'), decode(md5('s'), 'hex'));
INSERT INTO credential SELECT md5('credential ' || i)::uuid, '/bosh/cf/credential_' || i, decode(md5('c' || i), 'hex') FROM generate_series(1, 100) i;
INSERT INTO encrypted_value
    SELECT md5('value ' || i)::uuid, md5('key')::uuid, decode(repeat(md5(:'host' || i), 8), 'hex'), decode(md5('n' || i), 'hex'), 1704164645000 + i
    FROM generate_series(1, 100) i;
INSERT INTO credential_version
    SELECT md5('version ' || i)::uuid, 'password', 1704164645000 + i, md5('value ' || i)::uuid, md5('credential ' || i)::uuid
    FROM generate_series(1, 100) i;
