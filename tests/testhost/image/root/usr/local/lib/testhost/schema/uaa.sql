-- A few of UAA's tables.
CREATE TABLE identity_zone (id char(36) PRIMARY KEY, subdomain varchar(255) NOT NULL, name varchar(255) NOT NULL, config text);
CREATE TABLE users (
    id char(36) PRIMARY KEY, username varchar(255) NOT NULL, email varchar(255) NOT NULL, password varchar(255),
    origin varchar(36) NOT NULL DEFAULT 'uaa', identity_zone_id char(36) NOT NULL REFERENCES identity_zone,
    created timestamp without time zone NOT NULL);
CREATE TABLE oauth_client_details (
    client_id varchar(255) PRIMARY KEY, client_secret varchar(256), scope text, authorized_grant_types text, authorities text);
INSERT INTO identity_zone VALUES (md5('zone')::uuid::text, '', 'uaa', '{}');
INSERT INTO users (id, username, email, password, identity_zone_id, created)
    SELECT md5('user ' || i)::uuid::text, 'operator-' || i, 'operator-' || i || '@example.com', '{bcrypt}$2a$10$' || md5('p' || i),
        md5('zone')::uuid::text, '2024-01-02'
    FROM generate_series(1, 50) i;
INSERT INTO oauth_client_details VALUES ('bosh_cli', '', 'bosh.admin', 'password,refresh_token', ''),
    ('director_to_credhub', md5('secret of ' || :'host'), 'uaa.none', 'client_credentials', 'credhub.read,credhub.write');
