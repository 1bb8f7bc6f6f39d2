-- The database of a director of 2026: the 60 tables that all of its migrations make, with their keys and indexes, and
-- then what a director with two deployments has in them. tests/unit/test_schema.py holds it against the real one.
-- Rows that name blobs, and tasks, come from the filler.
CREATE TABLE agent_dns_versions (
    id bigserial PRIMARY KEY, agent_id text NOT NULL, dns_version bigint NOT NULL DEFAULT 0);
CREATE UNIQUE INDEX agent_dns_versions_agent_id_index ON agent_dns_versions (agent_id);
CREATE TABLE blobs (
    id serial PRIMARY KEY, blobstore_id text NOT NULL, sha1 text NOT NULL, created_at timestamp NOT NULL, type text);
CREATE TABLE cloud_configs (id serial PRIMARY KEY, properties text, created_at timestamp NOT NULL);
CREATE INDEX cloud_configs_created_at_index ON cloud_configs (created_at);
CREATE TABLE configs (
    id serial PRIMARY KEY, name text NOT NULL, type text NOT NULL, content text NOT NULL,
    created_at timestamp NOT NULL, deleted boolean DEFAULT false, team_id integer);
CREATE TABLE cpi_configs (id serial PRIMARY KEY, properties text, created_at timestamp NOT NULL);
CREATE INDEX cpi_configs_created_at_index ON cpi_configs (created_at);
CREATE TABLE delayed_jobs (
    id serial PRIMARY KEY, priority integer NOT NULL DEFAULT 0, attempts integer NOT NULL DEFAULT 0,
    handler text NOT NULL, last_error text, run_at timestamp, locked_at timestamp, failed_at timestamp,
    locked_by text, queue text);
CREATE INDEX delayed_jobs_priority_run_at_index ON delayed_jobs (priority, run_at);
CREATE TABLE deployments (
    id serial PRIMARY KEY, name text NOT NULL, manifest text, manifest_text text,
    has_stale_errand_links boolean NOT NULL DEFAULT false, links_serial_id integer DEFAULT 0);
CREATE UNIQUE INDEX deployments_name_index ON deployments (name);
CREATE TABLE director_attributes (value text, name text NOT NULL, id serial PRIMARY KEY);
CREATE UNIQUE INDEX director_attributes_name_index ON director_attributes (name);
CREATE TABLE events (
    id bigserial PRIMARY KEY, parent_id bigint, "user" text NOT NULL, "timestamp" timestamp NOT NULL,
    action text NOT NULL, object_type text NOT NULL, object_name text, error text, task text, deployment text,
    instance text, context_json text);
CREATE INDEX events_timestamp_index ON events ("timestamp");
CREATE TABLE local_dns_encoded_azs (id serial PRIMARY KEY, name text NOT NULL);
CREATE UNIQUE INDEX local_dns_encoded_azs_name_index ON local_dns_encoded_azs (name);
CREATE TABLE local_dns_encoded_networks (id serial PRIMARY KEY, name text NOT NULL);
CREATE UNIQUE INDEX local_dns_encoded_networks_name_index ON local_dns_encoded_networks (name);
CREATE TABLE locks (
    id serial PRIMARY KEY, expired_at timestamp NOT NULL, name text NOT NULL, uid text NOT NULL,
    task_id text NOT NULL DEFAULT '');
CREATE UNIQUE INDEX locks_name_index ON locks (name);
CREATE UNIQUE INDEX locks_uid_index ON locks (uid);
CREATE TABLE log_bundles (id serial PRIMARY KEY, blobstore_id text NOT NULL, "timestamp" timestamp NOT NULL);
CREATE UNIQUE INDEX log_bundles_blobstore_id_index ON log_bundles (blobstore_id);
CREATE INDEX log_bundles_timestamp_index ON log_bundles ("timestamp");
CREATE TABLE networks (
    id serial PRIMARY KEY, name text NOT NULL, type text NOT NULL, created_at timestamp NOT NULL,
    orphaned boolean DEFAULT false, orphaned_at timestamp);
CREATE UNIQUE INDEX networks_name_index ON networks (name);
CREATE TABLE orphan_disks (
    id serial PRIMARY KEY, disk_cid text NOT NULL, size integer, availability_zone text,
    deployment_name text NOT NULL, instance_name text NOT NULL, cloud_properties_json text,
    created_at timestamp NOT NULL, cpi text DEFAULT '');
CREATE UNIQUE INDEX orphan_disks_disk_cid_index ON orphan_disks (disk_cid);
CREATE INDEX orphan_disks_created_at_index ON orphan_disks (created_at);
CREATE TABLE orphaned_vms (
    id serial PRIMARY KEY, cid text NOT NULL, availability_zone text, cloud_properties text, cpi text,
    orphaned_at timestamp NOT NULL, stemcell_api_version integer, deployment_name text, instance_name text);
CREATE TABLE releases (id serial PRIMARY KEY, name text NOT NULL);
CREATE UNIQUE INDEX releases_name_index ON releases (name);
CREATE TABLE runtime_configs (
    id serial PRIMARY KEY, properties text, created_at timestamp NOT NULL, name text NOT NULL DEFAULT '');
CREATE INDEX runtime_configs_created_at_index ON runtime_configs (created_at);
CREATE TABLE schema_migrations (filename text PRIMARY KEY);
CREATE TABLE stemcell_uploads (id serial PRIMARY KEY, name text, version text, cpi text);
CREATE UNIQUE INDEX stemcell_uploads_name_version_cpi_index ON stemcell_uploads (name, version, cpi);
CREATE TABLE stemcells (
    id serial PRIMARY KEY, name text NOT NULL, version text NOT NULL, cid text NOT NULL, sha1 text,
    operating_system text, cpi text DEFAULT '', api_version integer);
CREATE UNIQUE INDEX stemcells_name_version_cpi_index ON stemcells (name, version, cpi);
CREATE TABLE tasks (
    id serial PRIMARY KEY, state text NOT NULL, "timestamp" timestamp NOT NULL, description text NOT NULL,
    result text, output text, checkpoint_time timestamp, type text NOT NULL, username text, deployment_name text,
    started_at timestamp, event_output text, result_output text, context_id varchar(64) NOT NULL DEFAULT '');
CREATE INDEX tasks_context_id_index ON tasks (context_id);
CREATE INDEX tasks_description_index ON tasks (description);
CREATE INDEX tasks_state_index ON tasks (state);
CREATE INDEX tasks_timestamp_index ON tasks ("timestamp");
CREATE INDEX tasks_type_index ON tasks (type);
CREATE TABLE teams (id serial PRIMARY KEY, name text NOT NULL);
CREATE UNIQUE INDEX teams_name_index ON teams (name);
CREATE TABLE deployment_problems (
    id serial PRIMARY KEY, deployment_id integer NOT NULL REFERENCES deployments, state text NOT NULL,
    resource_id integer NOT NULL, type text NOT NULL, data_json text NOT NULL, created_at timestamp NOT NULL,
    last_seen_at timestamp NOT NULL, counter integer NOT NULL DEFAULT 0);
CREATE INDEX deployment_problems_deployment_id_state_created_at_index
    ON deployment_problems (deployment_id, state, created_at);
CREATE INDEX deployment_problems_deployment_id_type_state_index ON deployment_problems (deployment_id, type, state);
CREATE TABLE deployment_properties (
    id serial PRIMARY KEY, deployment_id integer NOT NULL REFERENCES deployments, name text NOT NULL,
    value text NOT NULL);
CREATE UNIQUE INDEX deployment_properties_deployment_id_name_index ON deployment_properties (deployment_id, name);
CREATE TABLE deployments_configs (
    deployment_id integer NOT NULL REFERENCES deployments ON DELETE CASCADE,
    config_id integer NOT NULL REFERENCES configs ON DELETE CASCADE);
CREATE UNIQUE INDEX deployments_configs_deployment_id_config_id_index
    ON deployments_configs (deployment_id, config_id);
CREATE TABLE deployments_networks (
    deployment_id integer NOT NULL REFERENCES deployments ON DELETE CASCADE,
    network_id integer NOT NULL REFERENCES networks ON DELETE CASCADE);
CREATE UNIQUE INDEX deployments_networks_deployment_id_network_id_index
    ON deployments_networks (deployment_id, network_id);
CREATE TABLE deployments_stemcells (
    id serial PRIMARY KEY, deployment_id integer NOT NULL REFERENCES deployments,
    stemcell_id integer NOT NULL REFERENCES stemcells);
CREATE UNIQUE INDEX deployments_stemcells_deployment_id_stemcell_id_index
    ON deployments_stemcells (deployment_id, stemcell_id);
CREATE TABLE deployments_teams (
    deployment_id integer NOT NULL REFERENCES deployments ON DELETE CASCADE,
    team_id integer NOT NULL REFERENCES teams ON DELETE CASCADE);
CREATE UNIQUE INDEX deployments_teams_deployment_id_team_id_index ON deployments_teams (deployment_id, team_id);
CREATE TABLE errand_runs (
    id serial PRIMARY KEY, deployment_id integer NOT NULL DEFAULT -1 REFERENCES deployments ON DELETE CASCADE,
    errand_name text, successful_state_hash varchar(512));
CREATE TABLE link_consumers (
    id serial PRIMARY KEY, deployment_id integer REFERENCES deployments ON DELETE CASCADE, instance_group text,
    name text NOT NULL, type text NOT NULL, serial_id integer);
CREATE UNIQUE INDEX link_consumers_constraint ON link_consumers (deployment_id, instance_group, name, type);
CREATE TABLE link_providers (
    id serial PRIMARY KEY, deployment_id integer NOT NULL REFERENCES deployments ON DELETE CASCADE,
    instance_group text NOT NULL, name text NOT NULL, type text NOT NULL, serial_id integer);
CREATE UNIQUE INDEX link_providers_constraint ON link_providers (deployment_id, instance_group, name, type);
CREATE TABLE local_dns_aliases (
    id serial PRIMARY KEY, deployment_id integer REFERENCES deployments ON DELETE CASCADE, domain text,
    health_filter text, initial_health_check text, group_id text, placeholder_type text);
CREATE TABLE local_dns_blobs (
    id bigserial PRIMARY KEY, blob_id integer REFERENCES blobs, version bigint, created_at timestamp,
    records_version integer NOT NULL DEFAULT 0, aliases_version integer NOT NULL DEFAULT 0);
CREATE TABLE local_dns_encoded_groups (
    id serial PRIMARY KEY, name text NOT NULL,
    deployment_id integer NOT NULL REFERENCES deployments ON DELETE CASCADE,
    type text NOT NULL DEFAULT 'instance-group');
CREATE UNIQUE INDEX local_dns_encoded_groups_name_type_deployment_id_index
    ON local_dns_encoded_groups (name, type, deployment_id);
CREATE TABLE orphan_snapshots (
    id serial PRIMARY KEY, orphan_disk_id integer NOT NULL REFERENCES orphan_disks, snapshot_cid text NOT NULL,
    clean boolean DEFAULT false, created_at timestamp NOT NULL, snapshot_created_at timestamp);
CREATE INDEX orphan_snapshots_created_at_index ON orphan_snapshots (created_at);
CREATE UNIQUE INDEX orphan_snapshots_snapshot_cid_index ON orphan_snapshots (snapshot_cid);
CREATE TABLE packages (
    id serial PRIMARY KEY, name text NOT NULL, version text NOT NULL, blobstore_id text, sha1 text,
    dependency_set_json text NOT NULL, release_id integer NOT NULL REFERENCES releases, fingerprint text);
CREATE INDEX packages_fingerprint_index ON packages (fingerprint);
CREATE UNIQUE INDEX packages_release_id_name_version_index ON packages (release_id, name, version);
CREATE INDEX packages_sha1_index ON packages (sha1);
CREATE TABLE release_versions (
    id serial PRIMARY KEY, version text NOT NULL, release_id integer NOT NULL REFERENCES releases,
    commit_hash text DEFAULT 'unknown', uncommitted_changes boolean DEFAULT false,
    update_completed boolean NOT NULL DEFAULT false);
CREATE TABLE subnets (
    id serial PRIMARY KEY, cid text NOT NULL, name text NOT NULL, range text, gateway text, reserved text,
    cloud_properties text, cpi text DEFAULT '', network_id integer NOT NULL REFERENCES networks ON DELETE CASCADE);
CREATE TABLE tasks_teams (
    task_id integer NOT NULL REFERENCES tasks ON DELETE CASCADE,
    team_id integer NOT NULL REFERENCES teams ON DELETE CASCADE);
CREATE UNIQUE INDEX tasks_teams_task_id_team_id_index ON tasks_teams (task_id, team_id);
CREATE TABLE templates (
    id serial PRIMARY KEY, name text NOT NULL, version text NOT NULL, blobstore_id text NOT NULL, sha1 text NOT NULL,
    package_names_json text NOT NULL, release_id integer NOT NULL REFERENCES releases, fingerprint text,
    spec_json text);
CREATE INDEX templates_fingerprint_index ON templates (fingerprint);
CREATE UNIQUE INDEX templates_release_id_name_version_index ON templates (release_id, name, version);
CREATE INDEX templates_sha1_index ON templates (sha1);
CREATE TABLE variable_sets (
    id bigserial PRIMARY KEY, deployment_id integer NOT NULL REFERENCES deployments ON DELETE CASCADE,
    created_at timestamp NOT NULL, deployed_successfully boolean DEFAULT false, writable boolean DEFAULT false);
CREATE INDEX variable_sets_created_at_index ON variable_sets (created_at);
CREATE TABLE compiled_packages (
    id serial PRIMARY KEY, blobstore_id text NOT NULL, sha1 text NOT NULL, dependency_key text NOT NULL,
    build integer NOT NULL, package_id integer NOT NULL REFERENCES packages, dependency_key_sha1 text NOT NULL,
    stemcell_os text, stemcell_version text);
CREATE UNIQUE INDEX package_stemcell_build_idx
    ON compiled_packages (package_id, stemcell_os, stemcell_version, build);
CREATE UNIQUE INDEX package_stemcell_dependency_idx
    ON compiled_packages (package_id, stemcell_os, stemcell_version, dependency_key_sha1);
CREATE TABLE deployments_release_versions (
    id serial PRIMARY KEY, release_version_id integer NOT NULL REFERENCES release_versions,
    deployment_id integer NOT NULL REFERENCES deployments);
CREATE UNIQUE INDEX deployments_release_versions_release_version_id_deployment_id_index
    ON deployments_release_versions (release_version_id, deployment_id);
CREATE TABLE instances (
    id serial PRIMARY KEY, job text NOT NULL, index integer NOT NULL,
    deployment_id integer NOT NULL REFERENCES deployments, state text NOT NULL, uuid text, availability_zone text,
    cloud_properties text, compilation boolean DEFAULT false, bootstrap boolean DEFAULT false, spec_json text,
    vm_cid_bak text, agent_id_bak text,
    trusted_certs_sha1_bak text DEFAULT 'da39a3ee5e6b4b0d3255bfef95601890afd80709',
    update_completed boolean DEFAULT false, ignore boolean DEFAULT false,
    variable_set_id bigint NOT NULL REFERENCES variable_sets);
CREATE UNIQUE INDEX instances_agent_id_bak_index ON instances (agent_id_bak);
CREATE UNIQUE INDEX instances_uuid_index ON instances (uuid);
CREATE UNIQUE INDEX instances_vm_cid_bak_index ON instances (vm_cid_bak);
CREATE TABLE link_consumer_intents (
    id serial PRIMARY KEY, link_consumer_id integer REFERENCES link_consumers ON DELETE CASCADE,
    original_name text NOT NULL, type text NOT NULL, name text, optional boolean NOT NULL DEFAULT false,
    blocked boolean NOT NULL DEFAULT false, metadata text, serial_id integer);
CREATE UNIQUE INDEX link_consumer_intents_constraint ON link_consumer_intents (link_consumer_id, original_name);
CREATE TABLE link_provider_intents (
    id serial PRIMARY KEY, link_provider_id integer REFERENCES link_providers ON DELETE CASCADE,
    original_name text NOT NULL, type text NOT NULL, name text, content text, shared boolean NOT NULL DEFAULT false,
    consumable boolean NOT NULL DEFAULT true, metadata text, serial_id integer);
CREATE UNIQUE INDEX link_provider_intents_constraint ON link_provider_intents (link_provider_id, original_name);
CREATE TABLE packages_release_versions (
    id serial PRIMARY KEY, package_id integer NOT NULL REFERENCES packages,
    release_version_id integer NOT NULL REFERENCES release_versions);
CREATE UNIQUE INDEX packages_release_versions_package_id_release_version_id_index
    ON packages_release_versions (package_id, release_version_id);
CREATE TABLE release_versions_templates (
    id serial PRIMARY KEY, release_version_id integer NOT NULL REFERENCES release_versions,
    template_id integer NOT NULL REFERENCES templates);
CREATE UNIQUE INDEX release_versions_templates_release_version_id_template_id_index
    ON release_versions_templates (release_version_id, template_id);
CREATE TABLE variables (
    id bigserial PRIMARY KEY, variable_id text NOT NULL, variable_name text NOT NULL,
    variable_set_id bigint NOT NULL REFERENCES variable_sets ON DELETE CASCADE, is_local boolean DEFAULT true,
    provider_deployment text DEFAULT '');
CREATE UNIQUE INDEX variable_set_name_provider_idx ON variables (variable_set_id, variable_name, provider_deployment);
CREATE TABLE instances_templates (
    id serial PRIMARY KEY, instance_id integer NOT NULL REFERENCES instances,
    template_id integer NOT NULL REFERENCES templates);
CREATE UNIQUE INDEX instances_templates_instance_id_template_id_index
    ON instances_templates (instance_id, template_id);
CREATE TABLE links (
    id serial PRIMARY KEY, link_provider_intent_id integer REFERENCES link_provider_intents ON DELETE SET NULL,
    link_consumer_intent_id integer NOT NULL REFERENCES link_consumer_intents ON DELETE CASCADE, name text NOT NULL,
    link_content text, created_at timestamp);
CREATE TABLE local_dns_records (
    id bigserial PRIMARY KEY, ip text NOT NULL, az text, instance_group text, network text, deployment text,
    instance_id integer REFERENCES instances, agent_id text, domain text, links_json text);
CREATE TABLE persistent_disks (
    id serial PRIMARY KEY, instance_id integer NOT NULL REFERENCES instances, disk_cid text NOT NULL, size integer,
    active boolean DEFAULT false, cloud_properties_json text, name text DEFAULT '', cpi text DEFAULT '');
CREATE UNIQUE INDEX persistent_disks_disk_cid_index ON persistent_disks (disk_cid);
CREATE TABLE rendered_templates_archives (
    id serial PRIMARY KEY, instance_id integer NOT NULL REFERENCES instances, blobstore_id text NOT NULL,
    sha1 text NOT NULL, content_sha1 text NOT NULL, created_at timestamp NOT NULL);
CREATE INDEX rendered_templates_archives_created_at_index ON rendered_templates_archives (created_at);
CREATE TABLE vms (
    id serial PRIMARY KEY, instance_id integer NOT NULL REFERENCES instances, agent_id text, cid text,
    trusted_certs_sha1 text DEFAULT 'da39a3ee5e6b4b0d3255bfef95601890afd80709', active boolean DEFAULT false,
    cpi text DEFAULT '', created_at timestamp, network_spec_json text, stemcell_api_version integer,
    stemcell_name text, stemcell_version text, env_json text, cloud_properties_json text,
    blobstore_config_sha1 varchar(50), nats_config_sha1 varchar(50),
    permanent_nats_credentials boolean NOT NULL DEFAULT false);
CREATE UNIQUE INDEX vms_agent_id_index ON vms (agent_id);
CREATE UNIQUE INDEX vms_cid_index ON vms (cid);
CREATE TABLE dynamic_disks (
    id serial PRIMARY KEY, deployment_id integer NOT NULL REFERENCES deployments,
    vm_id integer REFERENCES vms ON DELETE SET NULL, disk_cid varchar(255) NOT NULL, disk_hint_json varchar(255),
    name varchar(255) NOT NULL, disk_pool_name varchar(255) NOT NULL, cpi varchar(255) DEFAULT '',
    size integer NOT NULL, metadata_json text, availability_zone varchar(255));
CREATE UNIQUE INDEX dynamic_disks_name_index ON dynamic_disks (name);
CREATE TABLE instances_links (
    id serial PRIMARY KEY, link_id integer NOT NULL REFERENCES links ON DELETE CASCADE,
    instance_id integer NOT NULL REFERENCES instances ON DELETE CASCADE, serial_id integer);
CREATE UNIQUE INDEX instances_links_link_id_instance_id_index ON instances_links (link_id, instance_id);
CREATE TABLE ip_addresses (
    id serial PRIMARY KEY, network_name text, static boolean, instance_id integer REFERENCES instances,
    created_at timestamp, task_id text, address_str text NOT NULL, vm_id integer REFERENCES vms,
    orphaned_vm_id integer, nic_group integer);
CREATE UNIQUE INDEX ip_addresses_address_str_index ON ip_addresses (address_str);
CREATE TABLE snapshots (
    id serial PRIMARY KEY, persistent_disk_id integer NOT NULL REFERENCES persistent_disks,
    clean boolean DEFAULT false, created_at timestamp NOT NULL, snapshot_cid text NOT NULL);
CREATE UNIQUE INDEX snapshots_snapshot_cid_index ON snapshots (snapshot_cid);

\ir bosh-director-rows.sql
