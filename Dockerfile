# The one artefact: server, worker and every command in one image. Configuration comes by environment, secrets by files.
#
#   docker build --tag mainstay .
#
# No `# syntax=` line and no heredoc: the BuildKit of Debian 12's docker.io, 20.10, builds it without asking anybody.
# Base images are named by version here; docs/decisions/0032-image.md says how to pin them by digest.

# The compiler of rust-toolchain.toml, which a test holds against this line.
FROM rust:1.95.0-slim-bookworm AS rust
WORKDIR /src
# As in .cargo/config.toml, for commands that are started elsewhere.
ENV SQLX_OFFLINE=true

# The workspace without its contents: manifests, and an empty file for each target. The next stage copies it from here, and
# BuildKit compares what it copies by content: as long as no manifest changes, all that is below stays in the cache.
FROM rust AS manifests
COPY . .
RUN find . -type f ! -name Cargo.toml ! -name Cargo.lock ! -path './.cargo/*' \
        ! -name build.rs ! -path '*/src/lib.rs' ! -path '*/src/main.rs' ! -path '*/benches/*.rs' -delete \
    && find . -type d -empty -delete \
    && find . -name '*.rs' -exec sh -c 'echo "fn main() { }" > "$1"' sh {} \;

FROM rust AS build
COPY --from=manifests /src .
# Other people's crates, a minute for each core and more; once for each Cargo.lock.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    cargo build --release --locked --package server \
    && cargo build --locked --package xtask
COPY . .
# Sources may be older than the empty files that were built in their place. Packed relocations: the image brings a C library
# that reads them (docs/decisions/0032-image.md).
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    find crates -name '*.rs' -exec touch {} + \
    && cargo rustc --release --locked --package server --bin server -- \
        -C link-arg=-Wl,-z,pack-relative-relocs \
    && cargo xtask sbom \
    && install -D target/release/server /image/usr/local/bin/server \
    && install -D --mode 644 target/sbom.json /image/usr/local/share/server/sbom.json
# The time that files of the image carry: that of the commit, so that one commit makes one image. Said after the compilers have
# run, some of which would begin anew when it changes.
ARG SOURCE_DATE_EPOCH=0
RUN find /image -exec touch --no-dereference --date "@$SOURCE_DATE_EPOCH" {} +

# A C library, certificates, time zones, and nothing that could be started: no shell, no package manager.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /image/ /
# nonroot's number, which an engine can compare without reading the image's users.
USER 65532:65532
# In a container every address is the container's own; which of them the world reaches is said outside.
ENV LISTEN_ADDRESS=0.0.0.0:8080 \
    METRICS_ADDRESS=0.0.0.0:9090
EXPOSE 8080 9090
# Readiness goes for 2 s before the listener does, and requests in flight have 30 s more: `docker stop --time 40`.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s --retries=3 \
    CMD ["/usr/local/bin/server", "health"]
ENTRYPOINT ["/usr/local/bin/server"]
CMD ["serve"]

# Last, because they differ for each commit.
ARG REVISION=unknown
ARG VERSION=unknown
ARG SOURCE=unknown
ENV RELEASE=$VERSION
LABEL org.opencontainers.image.title="mainstay" \
      org.opencontainers.image.description="Server, worker and commands of the shop" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.source="$SOURCE" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.base.name="gcr.io/distroless/cc-debian12:nonroot" \
      org.cyclonedx.sbom="/usr/local/share/server/sbom.json"
