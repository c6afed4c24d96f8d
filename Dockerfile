# Both programs on a small base. The server is what runs; the batch is the other command of the same image:
#
#   docker build -t movie-recommender .
#   docker run --rm --init -v recommendations:/output -v "$PWD/data/mine:/data:ro" --entrypoint pipeline \
#       movie-recommender run --ratings /data/ratings.csv --movies /data/movies.csv
#   docker run -d -p 80:80 -v recommendations:/output:ro movie-recommender
#
# `--init`, because the batch leaves signals to the system, which keeps them from a container's first process;
# the server catches its own. A directory of the host's in place of the volume must be writable for the batch:
# give it to 10001, or add `--user "$(id -u):$(id -g)"`. With `--read-only` the server needs `--tmpfs /tmp` for
# its working copy of the generation, which then is in memory.
#
# Both take `--env RECOMMENDER__STORE__LOCATION=s3://bucket/prefix` in place of /output, with AWS_ACCESS_KEY_ID and the
# like. The volume is then not needed.
#
# In Docker every user may bind port 80. Elsewhere it may take `--sysctl net.ipv4.ip_unprivileged_port_start=0`.

FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
# For the images of a cluster: --build-arg FEATURES='--features pipeline/cluster'. It takes three times as long.
ARG FEATURES=""
# What others have written is built first, beside members without content: a layer that lasts until a manifest changes,
# and all but a minute or two of the build.
COPY Cargo.toml Cargo.lock ./
COPY settings/Cargo.toml settings/
COPY store/Cargo.toml store/
COPY ranking/Cargo.toml ranking/
COPY cluster/Cargo.toml cluster/
COPY pipeline/Cargo.toml pipeline/
COPY server/Cargo.toml server/
COPY tests/Cargo.toml tests/
COPY tests/harness/Cargo.toml tests/harness/
RUN set -e; \
    for member in settings store ranking cluster pipeline server tests/harness; do mkdir $member/src; touch $member/src/lib.rs; done; \
    for program in pipeline server; do echo 'fn main() {}' > $program/src/main.rs; done; \
    mkdir -p pipeline/benches/scoring tests/benches cluster/examples cluster/tests; \
    touch cluster/examples/node.rs cluster/tests/loopback.rs; \
    touch pipeline/benches/ingest.rs pipeline/benches/epoch.rs pipeline/benches/scoring/main.rs; \
    touch tests/build.rs tests/main.rs tests/benches/serving.rs tests/benches/soak.rs tests/benches/switching.rs tests/benches/cluster.rs
RUN cargo build --release --locked --bin pipeline --bin server $FEATURES
COPY . .
# What is copied may be older than what was built of nothing.
RUN find . -name '*.rs' -not -path './target/*' -exec touch {} + \
    && cargo build --release --locked --bin pipeline --bin server $FEATURES

FROM debian:bookworm-slim
# A user of its own; /output and /work belong to it, so that fresh volumes do too.
RUN groupadd --gid 10001 recommender \
    && useradd --uid 10001 --gid recommender --no-create-home --no-log-init --shell /usr/sbin/nologin recommender \
    && install --directory --owner recommender --group recommender /output /work
# For object stores that are reached by TLS.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /src/target/release/pipeline /src/target/release/server /usr/local/bin/
# By number, so that who runs it can see that it is not root.
USER 10001:10001
VOLUME /output
EXPOSE 80
# No shell and no curl are needed: the server asks itself.
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["server", "healthcheck"]
# By the environment, so that others' is over it, and options over both; a recommender.toml that is mounted is below.
# `docker stop` kills after 10s; beside its timeout the server may take five seconds to put away its copy.
ENV RECOMMENDER__STORE__LOCATION=/output
ENV RECOMMENDER__SERVER__LISTEN=0.0.0.0:80
ENV RECOMMENDER__SERVER__DRAIN_TIMEOUT=4s
ENTRYPOINT ["server"]
