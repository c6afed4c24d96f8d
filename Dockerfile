# An image with both programs. It runs the server; the batch is started by another entry point:
#
#   docker build -t movie-recommender .
#   docker run --rm --init -v recommendations:/output -v "$PWD/data/mine:/data:ro" --entrypoint pipeline \
#       movie-recommender run --ratings /data/ratings.csv --movies /data/movies.csv
#   docker run -d -p 80:80 -v recommendations:/output:ro movie-recommender
#
# The batch needs `--init`: it has no signal handlers, and the first process of a container ignores signals without one. The
# server has handlers.
#
# A directory of the host instead of the volume must be writable for the batch: give it to user 10001, or add
# `--user "$(id -u):$(id -g)"`. With `--read-only` the server needs `--tmpfs /tmp` for its copy of the generation, which is then
# in memory.
#
# Both programs take `--env RECOMMENDER__STORE__LOCATION=s3://bucket/prefix` instead of /output, with AWS_ACCESS_KEY_ID and the
# other variables. The volume is then not needed.
#
# In Docker every user may bind port 80. Other engines may need `--sysctl net.ipv4.ip_unprivileged_port_start=0`.

# The workspace with its manifests and an empty program in place of each target: what the dependencies' layer depends on.
FROM rust:1.95-slim-bookworm AS manifests
WORKDIR /src
COPY . .
RUN find . -type f ! -name Cargo.toml ! -name Cargo.lock ! -name '*.rs' -delete \
    && find . -path '*/src/*' -type f ! -name lib.rs ! -name main.rs -delete \
    && find . -name '*.rs' -exec sh -c 'echo "fn main() {}" > "$1"' - {} \;

FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
# For the image of a cluster: --build-arg FEATURES='--features pipeline/cluster'. The build takes three times as long.
ARG FEATURES=""
# The dependencies are built first. This layer is reused until a manifest changes, and is all but a minute or two of the
# build.
COPY --from=manifests /src .
RUN cargo build --release --locked --bin pipeline --bin server $FEATURES
COPY . .
# The copied files may be older than the build of the empty members; newer times make cargo build them.
RUN find . -name '*.rs' -not -path './target/*' -exec touch {} + \
    && cargo build --release --locked --bin pipeline --bin server $FEATURES

FROM debian:bookworm-slim
# A user without privileges. /output and /work belong to it, and so do new volumes at these paths.
RUN groupadd --gid 10001 recommender \
    && useradd --uid 10001 --gid recommender --no-create-home --no-log-init --shell /usr/sbin/nologin recommender \
    && install --directory --owner recommender --group recommender /output /work
# For object stores with TLS.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /src/target/release/pipeline /src/target/release/server /usr/local/bin/
# By number, so that Kubernetes can check that it is not root.
USER 10001:10001
VOLUME /output
EXPOSE 80
# `server healthcheck` asks the running server; the image needs no curl.
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["server", "healthcheck"]
# These are environment variables, so `--env` and options override them. They override a mounted recommender.toml.
# `docker stop` kills after 10 s. The server may take its drain timeout and five more seconds to keep its copy.
ENV RECOMMENDER__STORE__LOCATION=/output
ENV RECOMMENDER__SERVER__LISTEN=0.0.0.0:80
ENV RECOMMENDER__SERVER__DRAIN_TIMEOUT=4s
ENTRYPOINT ["server"]
