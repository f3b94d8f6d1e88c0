# The image of a Porpoise node, built by `docker build -t porpoise .`; docker-compose.yml runs a cluster of it.
ARG RUST_IMAGE=rust:1-bookworm
ARG RUNTIME_IMAGE=debian:bookworm-slim

# What a node needs to run: certificates for http tasks, sh and python3 for scripts, a separate user.
FROM ${RUNTIME_IMAGE} AS runtime
RUN command -v python3 >/dev/null && test -e /etc/ssl/certs/ca-certificates.crt \
    || (apt-get update -qq \
        && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends ca-certificates python3 \
        && rm -rf /var/lib/apt/lists/*)
RUN useradd --uid 10001 --user-group --home-dir /data --shell /usr/sbin/nologin porpoise \
    && install -d -o porpoise -g porpoise -m 0750 /data
USER porpoise
WORKDIR /data
# A named volume that is mounted here inherits the owner of the folder.
VOLUME /data
ENV PORPOISE__SERVER__DATA=/data
# The API, and the port between nodes.
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
