# The image of a Porpoise node. `docker build -t porpoise .` is all; docker-compose.yml makes a cluster of it.
ARG RUST_IMAGE=rust:1-bookworm
ARG RUNTIME_IMAGE=debian:bookworm-slim

# What a node needs to run: certificates for http tasks, sh and python3 for scripts, a user of its own.
FROM ${RUNTIME_IMAGE} AS runtime
RUN command -v python3 >/dev/null && test -e /etc/ssl/certs/ca-certificates.crt \
    || (apt-get update -qq \
        && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends ca-certificates python3 \
        && rm -rf /var/lib/apt/lists/*)
RUN useradd --uid 10001 --user-group --home-dir /data --shell /usr/sbin/nologin porpoise \
    && install -d -o porpoise -g porpoise -m 0750 /data
USER porpoise
WORKDIR /data
# A named volume that is mounted here starts with the owner that the folder has.
VOLUME /data
ENV PORPOISE__SERVER__DATA=/data
# API, and the port between nodes.
EXPOSE 7070 7071
STOPSIGNAL SIGTERM
ENTRYPOINT ["porpoise"]
CMD ["--help"]

FROM ${RUST_IMAGE} AS build
WORKDIR /source
COPY . .
RUN cargo build --release --locked --bin porpoise --target-dir /target

FROM runtime
COPY --from=build /target/release/porpoise /usr/local/bin/porpoise
