# What runtimes share whose artefact is the binary `server`.
# shellcheck shell=bash disable=SC2154 # the release's script has set what is not set here

runtime_build() {
    (cd "$here/.." && cargo build --quiet --release --locked --package server --bin server)
    echo "$here/../target/release/server"
}

runtime_name() { sha256sum "$1" | cut -c 1-12; }

# runtime_fetch BINARY FOLDER
runtime_fetch() { install -m 755 "$1" "$2/server"; }
