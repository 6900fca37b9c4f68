# Runs the colours as services of deploy/compose.yaml:
#
#   app-blue, app-green         image ${BLUE_IMAGE}, RELEASE=${BLUE_RELEASE} (GREEN_…), `server serve`
#   worker-blue, worker-green   the same, `server worker`
#   server                      image ${IMAGE}, RELEASE=${RELEASE}: for single commands, with MIGRATION_DATABASE_URL, and with
#                               $RUN_FOLDER/assets under the same path; in the profile `commands`
#
# Ports are published on loopback, at the addresses that deploy/release knows. Inside the network Caddy reaches app-blue:8080.
# COMPOSE names the program: `docker compose`, or `docker-compose` where Debian's is used.
# shellcheck shell=bash disable=SC2154 # the release's script has set what is not set here

compose() {
    local blue green program
    read -ra program <<<"${COMPOSE:-docker compose}"
    blue=$(release_of blue) green=$(release_of green)
    # One of them may never have run.
    RUN_FOLDER=$run BLUE_RELEASE=$blue BLUE_IMAGE=$(image_of "${blue:-$name}") \
        GREEN_RELEASE=$green GREEN_IMAGE=$(image_of "${green:-$name}") RELEASE=$name IMAGE=$(image_of "$name") \
        ${LIMIT:+timeout "$LIMIT"} "${program[@]}" --file "${COMPOSE_FILE:-$here/compose.yaml}" "$@"
}

image_of() { cat "$run/releases/$1/image" 2>/dev/null || echo none; }

runtime_build() {
    local image
    image=app:$(git -C "$here" rev-parse --short=12 HEAD)
    docker build --quiet --tag "$image" "$here/.." >/dev/null
    echo "$image"
}

runtime_name() {
    docker image inspect "$1" >/dev/null 2>&1 || docker pull --quiet "$1" >/dev/null
    docker image inspect --format '{{.Id}}' "$1" | cut -d : -f 2 | cut -c 1-12
}

# The image's id and not its tag, which may be moved while this release is kept.
runtime_fetch() {
    docker image inspect "$1" >/dev/null 2>&1 || docker pull --quiet "$1" >/dev/null
    docker image inspect --format '{{.Id}}' "$1" >"$2/image"
}

runtime_run() {
    shift
    LIMIT=${MIGRATE_SECONDS:-1800} compose run --rm --no-deps -T server "$@"
}

runtime_start() { compose up --detach --no-deps "$1-$2"; }

runtime_stop() { compose stop "worker-$1" "app-$1"; }

runtime_is_running() {
    local container
    container=$(compose ps --quiet "$1-$2" 2>/dev/null)
    [[ -n $container && $(docker inspect --format '{{.State.Running}}' "$container") == true ]]
}
