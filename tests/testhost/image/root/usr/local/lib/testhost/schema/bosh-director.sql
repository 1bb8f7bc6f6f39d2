-- The database of a director of today: what the facts name, with believable columns around it. Rows that name blobs
-- come from the filler; here are the things that they belong to.
CREATE TABLE schema_migrations (filename text PRIMARY KEY);
CREATE TABLE director_attributes (id serial PRIMARY KEY, name text NOT NULL UNIQUE, value text);
CREATE TABLE users (id serial PRIMARY KEY, username text NOT NULL UNIQUE, password text);
CREATE TABLE teams (id serial PRIMARY KEY, name text NOT NULL UNIQUE);
CREATE TABLE configs (
    id serial PRIMARY KEY, name text NOT NULL, type text NOT NULL, content text NOT NULL,
    created_at timestamp without time zone NOT NULL, deleted boolean DEFAULT false, team_id integer REFERENCES teams);
CREATE TABLE releases (id serial PRIMARY KEY, name text NOT NULL UNIQUE);
CREATE TABLE release_versions (
    id serial PRIMARY KEY, version text NOT NULL, release_id integer NOT NULL REFERENCES releases,
    commit_hash text DEFAULT 'unknown', uncommitted_changes boolean DEFAULT false, update_completed boolean DEFAULT true);
CREATE TABLE packages (
    id serial PRIMARY KEY, name text NOT NULL, version text NOT NULL, blobstore_id text, sha1 text,
    dependency_set_json text NOT NULL, release_id integer NOT NULL REFERENCES releases, fingerprint text,
    UNIQUE (release_id, name, version));
CREATE TABLE templates (
    id serial PRIMARY KEY, name text NOT NULL, version text NOT NULL, blobstore_id text NOT NULL, sha1 text NOT NULL,
    package_names_json text NOT NULL, release_id integer NOT NULL REFERENCES releases, fingerprint text, spec_json text,
    UNIQUE (release_id, name, version));
CREATE TABLE stemcells (
    id serial PRIMARY KEY, name text NOT NULL, version text NOT NULL, cid text NOT NULL, sha1 text,
    operating_system text, cpi text DEFAULT '', id_within_cpi text, api_version integer,
    UNIQUE (name, version, cpi));
CREATE TABLE compiled_packages (
    id serial PRIMARY KEY, blobstore_id text NOT NULL, sha1 text NOT NULL, dependency_key text NOT NULL,
    build integer NOT NULL, package_id integer NOT NULL REFERENCES packages, dependency_key_sha1 text NOT NULL,
    stemcell_os text, stemcell_version text,
    UNIQUE (package_id, stemcell_os, stemcell_version, dependency_key_sha1));
CREATE TABLE deployments (
    id serial PRIMARY KEY, name text NOT NULL UNIQUE, manifest text, manifest_text text DEFAULT '{}', link_serial_id integer);
CREATE TABLE deployments_stemcells (
    id serial PRIMARY KEY, deployment_id integer NOT NULL REFERENCES deployments,
    stemcell_id integer NOT NULL REFERENCES stemcells);
CREATE TABLE variable_sets (
    id bigserial PRIMARY KEY, deployment_id integer NOT NULL REFERENCES deployments,
    created_at timestamp without time zone NOT NULL, deployed_successfully boolean DEFAULT false);
CREATE TABLE instances (
    id serial PRIMARY KEY, job text NOT NULL, index integer, deployment_id integer NOT NULL REFERENCES deployments,
    state text NOT NULL, resurrection_paused boolean DEFAULT false, uuid text UNIQUE, availability_zone text,
    cloud_properties text, compilation boolean DEFAULT false, bootstrap boolean DEFAULT false, vm_cid_bak text,
    agent_id_bak text, spec_json text, variable_set_id bigint NOT NULL REFERENCES variable_sets);
CREATE TABLE vms (
    id serial PRIMARY KEY, instance_id integer NOT NULL REFERENCES instances, agent_id text UNIQUE, cid text UNIQUE,
    credentials_json_bak text, trusted_certs_sha1 text, active boolean DEFAULT false, cpi text DEFAULT '',
    created_at timestamp without time zone, env_json text, cloud_properties_json text, stemcell_name text,
    stemcell_version text, blobstore_config_sha1 text, nats_config_sha1 text, permanent_nats_credentials boolean DEFAULT false);
CREATE TABLE instances_templates (
    id serial PRIMARY KEY, instance_id integer NOT NULL REFERENCES instances,
    template_id integer NOT NULL REFERENCES templates);
CREATE TABLE persistent_disks (
    id serial PRIMARY KEY, disk_cid text NOT NULL, size integer, active boolean DEFAULT false,
    instance_id integer REFERENCES instances, cloud_properties_json text, name text DEFAULT '', cpi text DEFAULT '');
CREATE TABLE snapshots (
    id serial PRIMARY KEY, snapshot_cid text NOT NULL, clean boolean DEFAULT false,
    created_at timestamp without time zone NOT NULL,
    persistent_disk_id integer NOT NULL REFERENCES persistent_disks);
CREATE TABLE orphan_disks (
    id serial PRIMARY KEY, disk_cid text NOT NULL UNIQUE, size integer, availability_zone text,
    deployment_name text NOT NULL, instance_name text NOT NULL, cloud_properties_json text,
    created_at timestamp without time zone NOT NULL, cpi text DEFAULT '');
CREATE TABLE orphan_snapshots (
    id serial PRIMARY KEY, orphan_disk_id integer NOT NULL REFERENCES orphan_disks, snapshot_cid text NOT NULL UNIQUE,
    clean boolean DEFAULT false, created_at timestamp without time zone NOT NULL,
    snapshot_created_at timestamp without time zone);
CREATE TABLE orphaned_vms (
    id serial PRIMARY KEY, cid text NOT NULL, availability_zone text, cloud_properties text,
    deployment_name text NOT NULL, instance_name text NOT NULL, cpi text DEFAULT '', orphaned_at timestamp without time zone);
CREATE TABLE dynamic_disks (
    id serial PRIMARY KEY, disk_cid text NOT NULL UNIQUE, name text NOT NULL, size integer NOT NULL,
    deployment_id integer NOT NULL REFERENCES deployments, vm_id integer REFERENCES vms, metadata_json text);
CREATE TABLE rendered_templates_archives (
    id serial PRIMARY KEY, instance_id integer NOT NULL REFERENCES instances, blobstore_id text NOT NULL,
    sha1 text NOT NULL, content_sha1 text NOT NULL, created_at timestamp without time zone NOT NULL);
CREATE TABLE blobs (
    id serial PRIMARY KEY, blobstore_id text NOT NULL, sha1 text NOT NULL, created_at timestamp without time zone NOT NULL,
    type text);
CREATE TABLE local_dns_blobs (
    id serial PRIMARY KEY, blob_id integer REFERENCES blobs, version bigint, created_at timestamp without time zone,
    records_version integer DEFAULT 0);
CREATE TABLE local_dns_records (
    id bigserial PRIMARY KEY, ip text NOT NULL, instance_id integer REFERENCES instances, instance_group text,
    network text, deployment text, agent_id text, domain text);
CREATE TABLE tasks (
    id serial PRIMARY KEY, state text NOT NULL, "timestamp" timestamp without time zone NOT NULL,
    description text NOT NULL, result text, output text, checkpoint_time timestamp without time zone,
    type text NOT NULL, username text, deployment_name text, started_at timestamp without time zone,
    event_output text, result_output text, context_id varchar(64) DEFAULT '' NOT NULL);
CREATE TABLE log_bundles (
    id serial PRIMARY KEY, blobstore_id text NOT NULL UNIQUE, "timestamp" timestamp without time zone NOT NULL);
CREATE TABLE events (
    id bigserial PRIMARY KEY, parent_id bigint, "timestamp" timestamp without time zone NOT NULL, "user" text NOT NULL,
    action text NOT NULL, object_type text NOT NULL, object_name text, error text, task text, deployment text,
    instance text, context_json text);

INSERT INTO schema_migrations VALUES ('20110209010747_initial.rb'), ('20240319204601_create_dynamic_disks.rb');
INSERT INTO director_attributes (name, value) VALUES ('uuid', md5('director of ' || :'host')::uuid::text);
INSERT INTO teams (name) VALUES ('platform');
INSERT INTO configs (name, type, content, created_at) VALUES
    ('default', 'cloud', E'azs:\n- name: z1\n  cloud_properties: {zone: "a\tb", note: "back\\\\slash"}\n', '2024-01-02 03:04:05.678901');
INSERT INTO releases (name) VALUES ('bpm'), ('cf-networking'), ('diego');
INSERT INTO release_versions (version, release_id, commit_hash) VALUES ('1.4.2', 1, '53b9a8c'), ('3.60.0', 2, '0c7a2e1'), ('2.112.0', 3, 'b1d0c9a');
INSERT INTO packages (name, version, dependency_set_json, release_id, fingerprint)
    SELECT 'package_' || i, md5('version ' || i), '["golang-1-linux"]', i % 3 + 1, md5('fingerprint ' || i) FROM generate_series(1, 20) i;
INSERT INTO stemcells (name, version, cid, sha1, operating_system)
    SELECT 'bosh-google-kvm-ubuntu-jammy-go_agent', v, 'stemcell-' || md5(v)::uuid, 'sha256:' || md5(v) || md5(v || 'x'), 'ubuntu-jammy'
    FROM unnest(ARRAY['1.404', '1.737']) v;
INSERT INTO deployments (name, manifest, manifest_text) VALUES
    ('cf', E'---\nname: cf\n', E'---\nname: cf\n'), ('monitoring', E'---\nname: monitoring\n', E'---\nname: monitoring\n');
INSERT INTO deployments_stemcells (deployment_id, stemcell_id) VALUES (1, 1), (2, 2);
INSERT INTO variable_sets (deployment_id, created_at, deployed_successfully) VALUES (1, '2024-01-02', true), (2, '2024-01-03', true);
INSERT INTO instances (job, index, deployment_id, state, uuid, availability_zone, vm_cid_bak, spec_json, variable_set_id)
    SELECT (ARRAY['router', 'diego-cell', 'nats', 'prometheus'])[i % 4 + 1], i / 4, i % 2 + 1, 'started',
        md5('instance ' || i)::uuid::text, 'z' || i % 3 + 1, 'vm-' || md5('old vm ' || i)::uuid, '{"index": ' || i || '}', i % 2 + 1
    FROM generate_series(1, 8) i;
INSERT INTO vms (instance_id, agent_id, cid, active, created_at, env_json, stemcell_name, stemcell_version)
    SELECT i, md5('agent ' || i)::uuid::text, 'vm-' || md5('vm ' || i)::uuid, true, '2024-01-02', '{}',
        'bosh-google-kvm-ubuntu-jammy-go_agent', '1.404'
    FROM generate_series(1, 8) i;
INSERT INTO persistent_disks (disk_cid, size, active, instance_id)
    SELECT 'disk-' || md5('disk ' || i)::uuid, 10240, true, i FROM generate_series(1, 3) i;
INSERT INTO snapshots (snapshot_cid, clean, created_at, persistent_disk_id)
    SELECT 'snapshot-' || md5('snapshot ' || i)::uuid, true, '2024-02-03', i FROM generate_series(1, 3) i;
INSERT INTO orphan_disks (disk_cid, size, deployment_name, instance_name, created_at)
    VALUES ('disk-' || md5('orphan disk')::uuid, 10240, 'cf', 'nats/0', '2024-03-04');
INSERT INTO orphan_snapshots (orphan_disk_id, snapshot_cid, created_at)
    VALUES (1, 'snapshot-' || md5('orphan snapshot')::uuid, '2024-03-04');
INSERT INTO orphaned_vms (cid, deployment_name, instance_name, orphaned_at)
    VALUES ('vm-' || md5('orphaned vm')::uuid, 'cf', 'router/1', '2024-03-04');
INSERT INTO dynamic_disks (disk_cid, name, size, deployment_id, vm_id)
    VALUES ('disk-' || md5('dynamic disk')::uuid, 'dynamic-1', 1024, 1, 1);
INSERT INTO local_dns_records (ip, instance_id, instance_group, network, deployment, domain)
    SELECT '10.0.0.' || i, i, 'router', 'default', 'cf', 'bosh' FROM generate_series(1, 8) i;
