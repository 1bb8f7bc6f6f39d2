# shellcheck shell=bash
# Sourced by monit's wrapper: puts it into the group of processes that may talk to monit. No container has that group,
# so it is a plain directory here. Four programs are called by their names, as on jammy; root's PATH says which.
permit_monit_access() {
    # shellcheck disable=SC2002
    groups=$(cat /proc/self/mounts | grep '^cgroup .*net_cls' | awk '{ print $2 }' || true)
    access=${groups:-/run/net_cls}/monit-api-access
    mkdir -p "$access"
    echo 2958295041 >"$access/net_cls.classid"
    echo $$ >"$access/tasks"
}
