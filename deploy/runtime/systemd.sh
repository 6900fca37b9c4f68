# Runs the colours as systemd's units, made from deploy/systemd:
#
#   app@COLOUR.service      $run/colours/COLOUR/server serve
#   worker@COLOUR.service   $run/colours/COLOUR/server worker
#
# Both as user `app`, with /etc/app/env (all settings), /etc/app/ROLE-COLOUR.env (LISTEN_ADDRESS, METRICS_ADDRESS: those
# that deploy/release knows) and $run/colours/COLOUR/release.env (RELEASE). `server migrate` alone is given
# /etc/app/migrate.env (MIGRATION_DATABASE_URL). The units give a stopping process 45 s: 2 s unready, 30 s of requests.
# shellcheck shell=bash disable=SC2154 # the release's script has set what is not set here

# shellcheck source=deploy/runtime/binary.sh
source "$here/runtime/binary.sh"

runtime_run() {
    local release=$1
    shift
    systemd-run --quiet --wait --pipe --collect --uid=app \
        --property=EnvironmentFile=/etc/app/env --property=EnvironmentFile=/etc/app/migrate.env \
        --property=EnvironmentFile="$run/releases/$release/release.env" \
        timeout "${MIGRATE_SECONDS:-1800}" "$run/releases/$release/server" "$@"
}

# Enabled as well: after a restart of the machine, what served before serves again, and nothing else runs.
runtime_start() { systemctl enable --now "$1@$2.service"; }

runtime_stop() { systemctl disable --now "worker@$1.service" "app@$1.service"; }

# A unit that waits to be restarted is not running: a new release that ends is a release that fails.
runtime_is_running() { systemctl is-active --quiet "$1@$2.service"; }
