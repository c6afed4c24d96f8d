# Both programs on a small base. The server is what runs; the batch is the other command of the same image:
#
#   docker build -t movie-recommender .
#   docker run --rm -v recommendations:/output -v "$PWD/data/mine:/data:ro" --entrypoint pipeline movie-recommender \
#       run --ratings /data/ratings.csv --movies /data/movies.csv --output /output
#   docker run -d -p 80:80 -v recommendations:/output movie-recommender

FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked --bin pipeline --bin server

FROM debian:bookworm-slim
# A user of its own; /output belongs to it, so that a fresh volume does too.
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin recommender \
    && install --directory --owner recommender --group recommender /output
COPY --from=build /src/target/release/pipeline /src/target/release/server /usr/local/bin/
USER recommender
VOLUME /output
EXPOSE 80
# No shell and no curl are needed: the server asks itself.
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["server", "healthcheck", "--listen", "127.0.0.1:80"]
ENTRYPOINT ["server"]
CMD ["--store", "/output", "--listen", "0.0.0.0:80"]
