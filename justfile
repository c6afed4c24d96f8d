# Short names for the commands of the project. `just` alone lists them.

# List the recipes
default:
    @just --list --unsorted

# Run the batch (on data/sample by default)
recompute *ARGS:
    cargo run --release -p pipeline -- run {{ ARGS }}

# Serve the published generation
serve *ARGS:
    cargo run --release -p server -- --store output {{ ARGS }}

# Measure the model on held-out ratings; publishes nothing
evaluate *ARGS:
    cargo run --release -p pipeline -- evaluate {{ ARGS }}

# Clean ratings and cut them into shards: just partition --shards 32 --out data/mine/shards
partition *ARGS:
    cargo run --release -p pipeline -- partition {{ ARGS }}

# Check the published generation: its files, and the lists of some users by scoring again
verify *ARGS:
    cargo run --release -p pipeline -- verify {{ ARGS }}

# List the generations
generations *ARGS:
    cargo run --release -p pipeline -- generations {{ ARGS }}

# Publish the previous generation again
rollback *ARGS:
    cargo run --release -p pipeline -- rollback {{ ARGS }}

# Generate data in the format of MovieLens: just sample --users 6000 --movies 4000 --ratings 1000000 --out data/mine
sample *ARGS:
    cargo run --release -p pipeline -- sample {{ ARGS }}

# Download a MovieLens set into data/ (ml-latest-small, ml-20m, ml-25m, ml-32m) and verify its checksum
data SET="ml-latest-small":
    data/fetch {{ SET }}

# Run all tests
test *ARGS:
    cargo test --release --workspace {{ ARGS }}

# Run the benchmarks of the batch
bench *ARGS:
    cargo bench -p reading -p scoring -p pipeline {{ ARGS }}

# Measure latencies during switches of the generation under full load: just bench-switching [USERS]
bench-switching *ARGS:
    cargo build --release --bin server --bin pipeline
    cargo bench -p end-to-end --bench switching -- {{ ARGS }}

# Measure a cluster beside one process: just bench-cluster [USERS [SHARDS...]]
bench-cluster *ARGS:
    cargo build --release -p pipeline --features cluster
    mkdir -p target/cluster && cp target/release/pipeline target/cluster/pipeline
    RECOMMENDER_TEST_CLUSTER=target/cluster/pipeline cargo bench -p end-to-end --bench cluster -- {{ ARGS }}

# Measure the server beside a constant route (wrk; nginx if installed): just bench-server [USERS [SECONDS [MOVIES [REQUESTS [CACHE_MIB]]]]]
bench-server *ARGS:
    cargo build --release --bin server --bin pipeline
    cargo bench -p end-to-end --bench serving -- {{ ARGS }}

# Measure lookups beside clients that send all they can: just bench-fairness [USERS [SECONDS [HOLDING]]]
bench-fairness *ARGS:
    cargo build --release --bin server --bin pipeline
    cargo bench -p end-to-end --bench fairness -- {{ ARGS }}

# Measure full load for minutes, with a switch every ten seconds: just bench-soak [USERS [MINUTES]]
bench-soak *ARGS:
    cargo build --release --bin server --bin pipeline
    cargo bench -p end-to-end --bench soak -- {{ ARGS }}

# Fuzz every parser of external bytes: just fuzz [SECONDS [TARGET...]] (needs a C++ compiler)
fuzz *ARGS:
    fuzz/run {{ ARGS }}

# Compare with common Python models (benchmarks/README.md): just compare data/ml-latest-small/ratings.csv
compare *ARGS:
    python3 benchmarks/compare.py {{ ARGS }}

# Format, and run the lints of CI
check:
    cargo fmt --all
    cargo clippy --release --workspace --all-targets -- -D warnings

# Build the image without a container engine and run it once (needs root, and Debian's buildah and debootstrap)
container *ARGS:
    tests/container.sh {{ ARGS }}

# Run the processes of compose.yaml without a container engine: just compose PROGRAMS MOTO_SERVER (needs PyYAML)
compose *ARGS:
    tests/compose.py {{ ARGS }}

# Run all checks of CI
ci:
    .ci/run
