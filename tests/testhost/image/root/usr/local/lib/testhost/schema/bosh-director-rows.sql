-- What a director with two deployments, errands and a few years behind it has in its tables. Texts hold what texts may
-- hold: tabs, newlines, backslashes, the line that ends COPY's data, quotes, emoji, NULL beside the empty text.
INSERT INTO schema_migrations VALUES ('20110209010747_initial.rb'),
    ('20210902232124_add_blobstore_and_nats_shas_to_vms.rb'), ('20230103143246_add_permanent_nats_credentials_to_vms.rb'),
    ('20240319204601_remove_dns_records_from_instances.rb'),
    ('20250618102610_migrate_ip_address_representation_from_integer_to_cidr_notation.rb'),
    ('20250623223600_add_dynamic_disks.rb');
INSERT INTO director_attributes (name, value) VALUES ('uuid', md5('director of ' || :'host')::uuid::text);
INSERT INTO teams (name) VALUES ('platform'), (E'Überwachung \U0001F6A8');
INSERT INTO cloud_configs (properties, created_at) VALUES (E'azs: []\n', '2017-05-06 07:08:09');
INSERT INTO cpi_configs (properties, created_at) VALUES (NULL, '2017-05-06 07:08:09');
INSERT INTO runtime_configs (properties, created_at, name) VALUES (E'releases: []\n', '2017-05-06 07:08:09', ''),
    (E'addons:\n- name: dns\n  jobs:\n  - {name: bosh-dns, release: bosh-dns}\n', '2018-01-01', 'dns');
INSERT INTO configs (name, type, content, created_at, deleted, team_id) VALUES
    ('default', 'cloud', E'azs:\n- name: z1\n  cloud_properties: {zone: "a\tb", note: "back\\\\slash"}\n', '2024-01-02 03:04:05.678901', false, NULL),
    ('default', 'cloud', E'azs: []\n\\.\n# what stands above ends the data of a COPY, were it not escaped\n', '2024-03-02', true, NULL),
    ('dns', 'runtime', E'addons:\n- name: bosh-dns \U0001F4E1\n  properties: {aliases: {a.example: [''*.b'']}}\n', '2024-01-02 03:04:06', false, NULL),
    ('', 'cpi', E'\\N', '2024-01-02 03:04:07', NULL, 1),
    ('resurrection', 'resurrection', E'rules:\r\n- enabled: true\r\n', '2024-01-02 03:04:08', false, 2);
INSERT INTO releases (name) VALUES ('bpm'), ('cf-networking'), ('diego');
INSERT INTO release_versions (version, release_id, commit_hash, uncommitted_changes, update_completed) VALUES
    ('1.4.2', 1, '53b9a8c', false, true), ('3.60.0', 2, '0c7a2e1', false, true),
    ('2.112.0', 3, 'b1d0c9a', false, true), ('2.113.0+dev.1', 3, 'non-git', true, false);
INSERT INTO packages (name, version, dependency_set_json, release_id, fingerprint)
    SELECT 'package_' || i, md5('version ' || i), '["golang-1-linux"]', i % 3 + 1, md5('fingerprint ' || i) FROM generate_series(1, 20) i;
INSERT INTO packages_release_versions (package_id, release_version_id) SELECT i, i % 3 + 1 FROM generate_series(1, 20) i;
INSERT INTO stemcells (name, version, cid, sha1, operating_system, cpi, api_version)
    SELECT 'bosh-google-kvm-ubuntu-jammy-go_agent', v, 'stemcell-' || md5(v)::uuid, 'sha256:' || md5(v) || md5(v || 'x'), 'ubuntu-jammy', '', 3
    FROM unnest(ARRAY['1.404', '1.737']) v;
-- One stemcell known to two CPIs under one name in both clouds, and one that a light stemcell named.
INSERT INTO stemcells (name, version, cid, sha1, operating_system, cpi, api_version) VALUES
    ('bosh-google-kvm-ubuntu-jammy-go_agent', '1.404', 'stemcell-' || md5('1.404')::uuid, NULL, 'ubuntu-jammy', 'second-cpi', NULL),
    ('bosh-aws-xen-hvm-ubuntu-noble', '1.12', 'ami-0123456789abcdef0 light', 'sha1:' || repeat('0', 40), 'ubuntu-noble', '', 2);
INSERT INTO stemcell_uploads (name, version, cpi) VALUES ('bosh-google-kvm-ubuntu-jammy-go_agent', '1.404', ''), ('bosh-google-kvm-ubuntu-jammy-go_agent', '1.737', NULL);
INSERT INTO deployments (name, manifest, manifest_text, has_stale_errand_links, links_serial_id) VALUES
    ('cf', '{"name":"cf","instance_groups":[{"name":"router","instances":2}],"motd":"tab\there, back\\slash"}',
        E'---\nname: cf\n# a comment \U0001F680\tand a tab\nmotd: |\n  C:\\dir\n  \\.\n  the end\n', false, 7),
    ('monitoring', '{"name":"monitoring"}', E'---\r\nname: monitoring\r\n', true, 0);
INSERT INTO deployment_properties (deployment_id, name, value) VALUES (1, 'recreate_at', E'"2024-01-02"\n');
INSERT INTO deployment_problems (deployment_id, state, resource_id, type, data_json, created_at, last_seen_at, counter) VALUES
    (1, 'closed', 3, 'unresponsive_agent', '{}', '2023-05-06', '2023-05-06 00:10', 2),
    (1, 'open', 1, 'missing_vm', E'{"note":"a \\"word\\"\\nand \\u2603"}', '2024-05-06', '2024-05-06', 1);
INSERT INTO deployments_configs (deployment_id, config_id) VALUES (1, 1), (1, 3), (2, 1), (2, 3);
INSERT INTO deployments_release_versions (release_version_id, deployment_id) VALUES (1, 1), (2, 1), (3, 1), (1, 2);
INSERT INTO deployments_stemcells (deployment_id, stemcell_id) VALUES (1, 1), (2, 2);
INSERT INTO deployments_teams (deployment_id, team_id) VALUES (1, 1), (2, 1), (2, 2);
INSERT INTO networks (name, type, created_at, orphaned, orphaned_at) VALUES ('default', 'manual', '2024-01-02', false, NULL), ('old', 'manual', '2022-01-02', true, '2023-01-02');
INSERT INTO deployments_networks (deployment_id, network_id) VALUES (1, 1);
INSERT INTO subnets (cid, name, range, gateway, reserved, cloud_properties, cpi, network_id) VALUES
    ('subnet-' || md5('subnet 1')::uuid, 'default-z1', '10.0.0.0/24', '10.0.0.1', '["10.0.0.2-10.0.0.9"]', '{"t0_id":"123456"}', '', 1),
    ('subnet-' || md5('subnet 2')::uuid, 'old-z1', 'fd7a:77e1::/64', 'fd7a:77e1::1', NULL, NULL, NULL, 2);
INSERT INTO errand_runs (deployment_id, errand_name, successful_state_hash) VALUES (1, 'smoke-tests', md5('state') || md5('hash')), (1, E'an\todd one', ''), (2, 'status', NULL);
INSERT INTO variable_sets (deployment_id, created_at, deployed_successfully, writable) VALUES
    (1, '2024-01-02', true, false), (2, '2024-01-03', true, false), (1, '2023-01-02', true, false), (1, '2024-06-02 03:04:05.000001', false, true);
INSERT INTO variables (variable_id, variable_name, variable_set_id, is_local, provider_deployment)
    SELECT md5('variable ' || i)::uuid::text, '/bosh/' || (ARRAY['cf', 'monitoring'])[i % 2 + 1] || '/password_' || i, i % 2 + 1, true, '' FROM generate_series(1, 24) i;
INSERT INTO variables (variable_id, variable_name, variable_set_id, is_local, provider_deployment) VALUES ('6c1d', '/bosh/cf/nats_ca', 2, false, 'cf');

-- Eight instances that run, two of errands that have a row and no VM, one that was stopped hard.
INSERT INTO instances (job, index, deployment_id, state, uuid, availability_zone, cloud_properties, bootstrap, vm_cid_bak, agent_id_bak, spec_json, update_completed, variable_set_id)
    SELECT (ARRAY['router', 'diego-cell', 'nats', 'prometheus'])[i % 4 + 1], i / 4, i % 2 + 1, 'started',
        md5('instance ' || i)::uuid::text, 'z' || i % 3 + 1, '{"instance_type":"n2-standard-4"}', i < 4,
        'vm-' || md5('old vm ' || i)::uuid, md5('old agent ' || i)::uuid::text,
        '{"deployment":"cf","index":' || i || E',"env":{"bosh":{"motd":"one\\ntwo\\t\U0001F600"}}}', true, i % 2 + 1
    FROM generate_series(1, 8) i;
INSERT INTO instances (job, index, deployment_id, state, uuid, availability_zone, spec_json, ignore, variable_set_id) VALUES
    ('smoke-tests', 0, 1, 'started', md5('errand 1')::uuid::text, 'z1', NULL, false, 1),
    ('status', 0, 2, 'started', md5('errand 2')::uuid::text, NULL, '', false, 2),
    ('router', 2, 1, 'detached', md5('stopped')::uuid::text, 'z2', '{}', true, 1);
INSERT INTO vms (instance_id, agent_id, cid, active, cpi, created_at, network_spec_json, stemcell_api_version, stemcell_name, stemcell_version,
        env_json, cloud_properties_json, blobstore_config_sha1, nats_config_sha1)
    SELECT i, md5('agent ' || i)::uuid::text, 'vm-' || md5('vm ' || i)::uuid, true, '', '2024-01-02', '{"default":{"ip":"10.0.0.' || 10 + i || '"}}', 3,
        'bosh-google-kvm-ubuntu-jammy-go_agent', '1.404', '{"bosh":{"group":"cf","tags":{"note":"a\tb"}}}', '{}', md5('blobstore'), md5('nats')
    FROM generate_series(1, 8) i;
INSERT INTO vms (instance_id, agent_id, cid, active, created_at) VALUES (8, md5('agent 9')::uuid::text, NULL, false, NULL);
INSERT INTO persistent_disks (disk_cid, size, active, instance_id, cloud_properties_json, name)
    SELECT 'disk-' || md5('disk ' || i)::uuid, 10240, true, i, '{"type":"pd-ssd"}', '' FROM generate_series(1, 3) i;
INSERT INTO persistent_disks (disk_cid, size, active, instance_id, cloud_properties_json, name) VALUES ('disk-' || md5('disk 4')::uuid, 10240, false, 3, NULL, E'data\ttwo');
INSERT INTO snapshots (snapshot_cid, clean, created_at, persistent_disk_id)
    SELECT 'snapshot-' || md5('snapshot ' || i)::uuid, true, '2024-02-03', i FROM generate_series(1, 3) i;
INSERT INTO orphan_disks (disk_cid, size, availability_zone, deployment_name, instance_name, cloud_properties_json, created_at) VALUES
    ('disk-' || md5('orphan disk')::uuid, 10240, 'z1', 'cf', 'nats/' || md5('instance 2')::uuid, '{}', '2024-03-04'),
    ('disk-' || md5('orphan disk 2')::uuid, NULL, NULL, 'gone', 'database/0', NULL, '2022-03-04');
INSERT INTO orphan_snapshots (orphan_disk_id, snapshot_cid, created_at, snapshot_created_at)
    VALUES (1, 'snapshot-' || md5('orphan snapshot')::uuid, '2024-03-04', '2024-03-03');
INSERT INTO orphaned_vms (cid, availability_zone, cloud_properties, deployment_name, instance_name, orphaned_at, stemcell_api_version)
    VALUES ('vm-' || md5('orphaned vm')::uuid, 'z2', '{}', 'cf', 'router/1', '2024-03-04', 3);
INSERT INTO dynamic_disks (disk_cid, name, size, disk_pool_name, deployment_id, vm_id, metadata_json, disk_hint_json, availability_zone) VALUES
    ('disk-' || md5('dynamic disk')::uuid, 'dynamic-1', 1024, 'fast', 1, 1, '{"k8s":"pvc-1"}', '{"lun":"1"}', 'z1'),
    ('disk-' || md5('dynamic disk 2')::uuid, E'dynamic\\2', 2048, 'slow', 1, NULL, NULL, NULL, NULL);
INSERT INTO ip_addresses (network_name, static, instance_id, created_at, task_id, address_str, vm_id, nic_group)
    SELECT 'default', i % 3 = 0, i, '2024-01-02', i::text, '10.0.0.' || 10 + i || '/32', i, 0 FROM generate_series(1, 8) i;
INSERT INTO ip_addresses (network_name, static, instance_id, created_at, task_id, address_str, vm_id, orphaned_vm_id, nic_group) VALUES
    ('default', false, 1, '2025-07-02', '12', 'fd7a:77e1::10/128', 1, NULL, 1), ('default', false, 2, '2025-07-02', '12', '10.1.16.0/28', 2, NULL, 2),
    ('default', false, NULL, '2024-03-04', '9', '10.0.0.99/32', NULL, 1, NULL);
INSERT INTO agent_dns_versions (agent_id, dns_version) SELECT md5('agent ' || i)::uuid::text, i % 3 FROM generate_series(1, 8) i;
INSERT INTO local_dns_records (ip, az, instance_group, network, deployment, instance_id, agent_id, domain, links_json)
    SELECT '10.0.0.' || 10 + i, 'z' || i % 3 + 1, 'router', 'default', 'cf', i, md5('agent ' || i)::uuid::text, 'bosh', '[{"name":"nats","group_id":"1"}]'
    FROM generate_series(1, 8) i;
INSERT INTO local_dns_records (ip, instance_id, domain) VALUES ('tombstone-' || md5('tombstone')::uuid, NULL, NULL);
INSERT INTO local_dns_aliases (deployment_id, domain, health_filter, initial_health_check, group_id, placeholder_type) VALUES (1, 'uaa.service.internal', 'smart', NULL, '1', 'uuid');
INSERT INTO local_dns_encoded_azs (name) VALUES ('z1'), ('z2'), ('z3');
INSERT INTO local_dns_encoded_groups (name, deployment_id, type) VALUES ('router', 1, 'instance-group'), ('nats', 1, 'link'), ('prometheus', 2, 'instance-group');
INSERT INTO local_dns_encoded_networks (name) VALUES ('default');
INSERT INTO link_providers (deployment_id, instance_group, name, type, serial_id) VALUES (1, 'nats', 'nats', 'job', 7), (2, 'prometheus', 'prometheus', 'job', 0);
INSERT INTO link_provider_intents (link_provider_id, original_name, type, name, content, shared, metadata, serial_id) VALUES
    (1, 'nats', 'nats', 'nats', '{"properties":{"nats":{"password":"((nats_password))","note":"a\\nb"}},"instances":[]}', true, '{"mapped_properties":{}}', 7),
    (2, 'prometheus', 'prometheus', NULL, NULL, false, NULL, 0);
INSERT INTO link_consumers (deployment_id, instance_group, name, type, serial_id) VALUES (1, 'router', 'gorouter', 'job', 7), (NULL, NULL, 'external', 'external', NULL);
INSERT INTO link_consumer_intents (link_consumer_id, original_name, type, name, optional, metadata, serial_id) VALUES
    (1, 'nats', 'nats', 'nats', false, '{"explicit_link":true}', 7), (2, 'nats', 'nats', NULL, true, NULL, NULL);
INSERT INTO links (link_provider_intent_id, link_consumer_intent_id, name, link_content, created_at) VALUES
    (1, 1, 'nats', '{"deployment_name":"cf","instances":[{"address":"q-s0.nats.default.cf.bosh"}]}', '2024-01-02'), (NULL, 2, 'nats', E'\\.\n', NULL);
INSERT INTO instances_links (link_id, instance_id, serial_id) VALUES (1, 4, 7), (1, 8, NULL);
INSERT INTO locks (expired_at, name, uid, task_id) VALUES ('2022-03-04 05:06:37', 'lock:deployment:cf', md5('lock')::uuid::text, '31');
INSERT INTO delayed_jobs (priority, attempts, handler, last_error, run_at, queue)
    VALUES (0, 0, E'--- !ruby/object:Bosh::Director::Jobs::DBJob\njob_class: !ruby/class ''Bosh::Director::Jobs::CloudCheck::Scan''\ntask_id: 32\nargs:\n- cf\n', NULL, '2099-01-01', 'normal');
INSERT INTO events (parent_id, "user", "timestamp", action, object_type, object_name, error, task, deployment, instance, context_json) VALUES
    (NULL, 'admin', '2024-01-02 03:04:05.1', 'create', 'deployment', 'cf', NULL, '1', 'cf', NULL, '{}'),
    (1, 'director_to_credhub', '2024-01-02 03:04:06', 'create', 'variable', '/bosh/cf/password_1', NULL, '1', 'cf', NULL, '{"id":"1","name":"/bosh/cf/password_1"}'),
    (1, E'O''Brien\t\U0001F916', '2024-01-02 03:05:06', 'update', 'instance', 'router/0', E'Timed out\n\\.\n\tsending ''get_task'' to C:\\agent', '1', 'cf', 'router/0', '{"az":"z1"}'),
    (NULL, '_director', '2024-01-03', 'start', 'worker', 'worker_1', '', NULL, NULL, NULL, 'null');
