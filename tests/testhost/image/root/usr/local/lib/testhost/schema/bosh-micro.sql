-- The database of a director of 2014: what the facts name, with believable columns around it. Rows that name blobs
-- come from the filler; here are the things that they belong to.
CREATE TABLE schema_migrations (filename text PRIMARY KEY);
CREATE TABLE director_attributes (name text NOT NULL UNIQUE, value text);
CREATE TABLE users (id serial PRIMARY KEY, username text NOT NULL UNIQUE, password text);
CREATE TABLE releases (id serial PRIMARY KEY, name text NOT NULL UNIQUE);
CREATE TABLE release_versions (
    id serial PRIMARY KEY, version text NOT NULL, release_id integer NOT NULL REFERENCES releases,
    commit_hash text DEFAULT 'unknown', uncommitted_changes boolean DEFAULT false);
CREATE TABLE packages (
    id serial PRIMARY KEY, name text NOT NULL, version text NOT NULL, blobstore_id text, sha1 text,
    dependency_set_json text NOT NULL, release_id integer NOT NULL REFERENCES releases, fingerprint text,
    UNIQUE (release_id, name, version));
CREATE TABLE templates (
    id serial PRIMARY KEY, name text NOT NULL, version text NOT NULL, blobstore_id text NOT NULL, sha1 text NOT NULL,
    package_names_json text NOT NULL, release_id integer NOT NULL REFERENCES releases, logs_json text, fingerprint text,
    properties_json text, UNIQUE (release_id, name, version));
CREATE TABLE stemcells (
    id serial PRIMARY KEY, name text NOT NULL, version text NOT NULL, cid text NOT NULL, sha1 text,
    UNIQUE (name, version));
CREATE TABLE compiled_packages (
    id serial PRIMARY KEY, blobstore_id text NOT NULL, sha1 text NOT NULL, dependency_key text NOT NULL,
    build integer NOT NULL, package_id integer NOT NULL REFERENCES packages,
    stemcell_id integer NOT NULL REFERENCES stemcells, dependency_key_sha1 text NOT NULL,
    UNIQUE (package_id, stemcell_id, dependency_key_sha1));
CREATE TABLE deployments (id serial PRIMARY KEY, name text NOT NULL UNIQUE, manifest text);
CREATE TABLE deployments_release_versions (
    id serial PRIMARY KEY, release_version_id integer NOT NULL REFERENCES release_versions,
    deployment_id integer NOT NULL REFERENCES deployments);
CREATE TABLE deployments_stemcells (
    id serial PRIMARY KEY, deployment_id integer NOT NULL REFERENCES deployments,
    stemcell_id integer NOT NULL REFERENCES stemcells);
CREATE TABLE vms (
    id serial PRIMARY KEY, agent_id text NOT NULL UNIQUE, cid text NOT NULL UNIQUE,
    deployment_id integer NOT NULL REFERENCES deployments, credentials_json text, env_json text, apply_spec_json text);
CREATE TABLE instances (
    id serial PRIMARY KEY, job text NOT NULL, index integer NOT NULL,
    deployment_id integer NOT NULL REFERENCES deployments, vm_id integer UNIQUE REFERENCES vms, state text NOT NULL,
    resurrection_paused boolean DEFAULT false);
CREATE TABLE instances_templates (
    id serial PRIMARY KEY, instance_id integer NOT NULL REFERENCES instances,
    template_id integer NOT NULL REFERENCES templates);
CREATE TABLE persistent_disks (
    id serial PRIMARY KEY, disk_cid text NOT NULL UNIQUE, size integer, active boolean DEFAULT false,
    instance_id integer REFERENCES instances);
CREATE TABLE snapshots (
    id serial PRIMARY KEY, snapshot_cid text NOT NULL UNIQUE, clean boolean DEFAULT false,
    created_at timestamp without time zone NOT NULL,
    persistent_disk_id integer NOT NULL REFERENCES persistent_disks);
CREATE TABLE rendered_templates_archives (
    id serial PRIMARY KEY, instance_id integer NOT NULL REFERENCES instances, blobstore_id text NOT NULL,
    sha1 text NOT NULL, content_sha1 text NOT NULL, created_at timestamp without time zone NOT NULL);
CREATE TABLE tasks (
    id serial PRIMARY KEY, state text NOT NULL, "timestamp" timestamp without time zone NOT NULL,
    description text NOT NULL, result text, output text, checkpoint_time timestamp without time zone,
    type text NOT NULL, username text);
CREATE TABLE log_bundles (
    id serial PRIMARY KEY, blobstore_id text NOT NULL UNIQUE, "timestamp" timestamp without time zone NOT NULL);
CREATE TABLE deployment_problems (
    id serial PRIMARY KEY, deployment_id integer NOT NULL REFERENCES deployments, state text NOT NULL,
    resource_id integer NOT NULL, type text NOT NULL, data_json text NOT NULL,
    created_at timestamp without time zone NOT NULL, last_seen_at timestamp without time zone NOT NULL,
    counter integer DEFAULT 0 NOT NULL);
CREATE TABLE domains (id serial PRIMARY KEY, name varchar(255) NOT NULL UNIQUE, type varchar(6) NOT NULL);
CREATE TABLE records (
    id serial PRIMARY KEY, domain_id integer REFERENCES domains, name varchar(255), type varchar(10),
    content varchar(4098), ttl integer);

INSERT INTO schema_migrations VALUES ('20110209010747_initial.rb'), ('20140731215410_increase_text_limit_for_data_columns.rb');
INSERT INTO director_attributes VALUES ('uuid', md5('director of ' || :'host')::uuid::text);
INSERT INTO users (username, password) VALUES ('admin', '$2a$10$' || md5('admin of ' || :'host'));
INSERT INTO releases (name) VALUES ('bosh'), ('cf'), ('cf-services-contrib');
INSERT INTO release_versions (version, release_id, commit_hash) VALUES ('118', 1, '53b9a8c1'), ('189', 2, '0c7a2e1f'), ('6', 3, 'b1d0c9aa');
INSERT INTO packages (name, version, dependency_set_json, release_id, fingerprint)
    SELECT 'package_' || i, md5('version ' || i), '["ruby"]', i % 3 + 1, md5('fingerprint ' || i) FROM generate_series(1, 20) i;
INSERT INTO stemcells (name, version, cid, sha1)
    SELECT 'bosh-aws-xen-ubuntu-trusty-go_agent', v, 'ami-' || substr(md5(v), 1, 8), md5(v) || substr(md5(v), 1, 8)
    FROM unnest(ARRAY['2719.1', '2786.1']) v;
INSERT INTO deployments (name, manifest) VALUES
    ('cf', E'---\nname: cf\nproperties:\n  motd: "tab\there, back\\\\slash"\n'), ('services', E'---\nname: services\n');
INSERT INTO deployments_release_versions (release_version_id, deployment_id) VALUES (2, 1), (3, 2);
INSERT INTO deployments_stemcells (deployment_id, stemcell_id) VALUES (1, 1), (2, 2);
INSERT INTO vms (agent_id, cid, deployment_id, env_json, apply_spec_json)
    SELECT md5('agent ' || i)::uuid::text, 'i-' || substr(md5('vm ' || i), 1, 8), i % 2 + 1, '{}', '{"index": ' || i || '}'
    FROM generate_series(1, 8) i;
INSERT INTO instances (job, index, deployment_id, vm_id, state)
    SELECT (ARRAY['router', 'dea', 'nats', 'postgres'])[i % 4 + 1], i / 4, i % 2 + 1, i, 'started' FROM generate_series(1, 8) i;
INSERT INTO persistent_disks (disk_cid, size, active, instance_id)
    SELECT 'vol-' || substr(md5('disk ' || i), 1, 8), 10240, true, i FROM generate_series(1, 3) i;
INSERT INTO snapshots (snapshot_cid, clean, created_at, persistent_disk_id)
    SELECT 'snap-' || substr(md5('snapshot ' || i), 1, 8), true, '2014-12-20 03:00', i FROM generate_series(1, 3) i;
INSERT INTO domains (name, type) VALUES ('microbosh', 'NATIVE');
INSERT INTO records (domain_id, name, type, content, ttl)
    SELECT 1, i || '.router.default.cf.microbosh', 'A', '10.0.0.' || i, 300 FROM generate_series(1, 8) i;
