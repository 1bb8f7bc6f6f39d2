#!/bin/sh
# The classic procedure, as an operator typed it: everything is stopped, copied in one go, started, and packed.
#
# SSH_CONFIG   configuration for ssh in which the director is called "director"
# DATABASES    names of the databases to dump
# CACHE        directory that the director's files are copied to, kept from run to run
# OUTPUT       the archive to write, .tgz
set -eu

here=${0%/*}
monit=/var/vcap/bosh/bin/monit
postgres=/var/vcap/packages/postgres/bin
dump=/var/vcap/store/postgres_$(date '+%Y%m%d%H%M%S').dump

step() { printf '== %s\n' "$*"; }

fail() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

remote() { ssh -F "$SSH_CONFIG" director "$@"; }

# services: one line for each, its name and its status in small letters, whichever monit it is
services() {
    remote sudo -n "$monit" summary | tr '[:upper:]' '[:lower:]' |
        sed -n -e "s/^ *process '\([^']*\)' *\(.*\)/\1 \2/p" -e 's/^ *\([^ ]*\)  *\(.*[^ ]\)  *process *$/\1 \2/p' |
        grep .
}

# every PATTERN: do all services have a status like that?
every() {
    rows=$(services) || fail "monit does not answer"
    ! printf '%s\n' "$rows" | grep -Eqv " ($1)\$"
}

all_running() { every 'ok|running'; }
all_stopped() { every 'not monitored'; }
postgres_running() { services | grep -Eq '^postgres (ok|running)$'; }

# wait_until CONDITION: asks every 2 seconds, for 5 minutes
wait_until() {
    polls=150
    until "$1"; do
        polls=$((polls - 1))
        [ "$polls" -gt 0 ] || fail "not ${1#*_} after 5 minutes: $(services)"
        sleep 2
    done
}

step "check monit processes"
all_running || fail "not all services run: $(services)"

step "stop all"
remote sudo -n "$monit" stop all
wait_until all_stopped

step "start postgres"
remote sudo -n "$monit" start postgres
wait_until postgres_running

step "dump databases"
for database in $DATABASES; do
    remote "$postgres/pg_dump" --create -h 127.0.0.1 -f "$dump.$database" "$database"
done

step "stop all again"
# What was started together with postgres may still be starting, and monit then refuses.
until remote sudo -n "$monit" stop all; do sleep 2; done
wait_until all_stopped

step "stop agent"
remote sudo -n /usr/bin/sv stop agent

step "copy"
rsync -arzhv --delete -e "ssh -F $SSH_CONFIG" --rsync-path='sudo -n rsync' --include-from="$here/rsync_list" \
    director:/var/vcap/ "$CACHE/"

step "start agent"
remote sudo -n /usr/bin/sv start agent

step "start all"
remote sudo -n "$monit" start all
wait_until all_running

step "remove dumps"
remote rm -f '/var/vcap/store/postgres_*'

step "pack"
tar -zcf "$OUTPUT" -C "$CACHE" .
