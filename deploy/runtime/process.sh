# Runs the colours as plain processes with the environment of whoever releases: for drills, and to try a release at hand.
# What a runtime must offer; the release's script stands around it and has set `run` and the addresses:
#
#   runtime_build                    builds the artefact from this checkout and prints where it is
#   runtime_name ARTEFACT            prints a name that follows from the artefact's content
#   runtime_fetch ARTEFACT FOLDER    puts into FOLDER what is needed to start the artefact again, whatever becomes of it
#   runtime_run NAME ARGUMENT…       runs `server ARGUMENT…` of a release to its end, with the migrating role's settings
#   runtime_start ROLE COLOUR        starts `app` or `worker` of $run/colours/COLOUR; does not wait for it
#   runtime_stop COLOUR              SIGTERM to app and worker, waits for their end; fine if neither runs
#   runtime_is_running ROLE COLOUR
#
# shellcheck shell=bash disable=SC2154 # the release's script has set what is not set here

# shellcheck source=deploy/runtime/binary.sh
source "$here/runtime/binary.sh"

runtime_run() {
    local release=$1
    shift
    RELEASE=$release timeout "${MIGRATE_SECONDS:-1800}" "$run/releases/$release/server" "$@"
}

runtime_start() {
    local role=$1 colour=$2 command=worker
    [[ $role == worker ]] || command=serve
    mkdir -p "$run/pids" "$run/logs"
    # Not the lock: it belongs to the release, and this outlives it.
    RELEASE=$(release_of "$colour") LISTEN_ADDRESS=$(address app "$colour") \
        METRICS_ADDRESS=$(address "${role}_metrics" "$colour") \
        nohup "$run/colours/$colour/server" "$command" </dev/null >>"$run/logs/$role-$colour.log" 2>&1 {lock}>&- &
    echo "$!" >"$run/pids/$role-$colour"
    # Until it is the program that was meant, and no longer a copy of this shell.
    while kill -0 "$!" 2>/dev/null && ! runtime_is_running "$role" "$colour"; do sleep 0.05; done
}

# Prints the id of the process, if it is still the one that was started: ids are given out again.
runtime_pid() {
    local pid
    pid=$(cat "$run/pids/$1-$2" 2>/dev/null) || return 1
    tr '\0' '\n' 2>/dev/null <"/proc/$pid/cmdline" | grep -qxF "$run/colours/$2/server" || return 1
    echo "$pid"
}

runtime_is_running() { runtime_pid "$1" "$2" >/dev/null; }

runtime_stop() {
    local role pid deadline=$((SECONDS + 60))
    for role in worker app; do
        if pid=$(runtime_pid "$role" "$1"); then kill -TERM "$pid"; fi
    done
    for role in worker app; do
        while pid=$(runtime_pid "$role" "$1"); do
            if ((SECONDS >= deadline)); then kill -KILL "$pid"; fi
            sleep 0.1
        done
    done
}
