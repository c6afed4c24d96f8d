# The whole project by name. `just` alone lists the recipes.

# List the recipes
default:
    @just --list --unsorted

# Recompute the recommendations: the batch, whole (on data/sample, unless told otherwise)
recompute *ARGS:
    cargo run --release -p pipeline -- run {{ ARGS }}

# Serve what was computed last
serve *ARGS:
    cargo run --release -p server -- --store output {{ ARGS }}

# Measure the model on held-out ratings, publish nothing
evaluate *ARGS:
    cargo run --release -p pipeline -- evaluate {{ ARGS }}

# Clean ratings and cut them into shards, for runs that read them so: just partition --shards 32 --out data/mine/shards
partition *ARGS:
    cargo run --release -p pipeline -- partition {{ ARGS }}

# Check what was published: its files, and by scoring again the lists of some users
verify *ARGS:
    cargo run --release -p pipeline -- verify {{ ARGS }}

# What is published, and what else there is
generations *ARGS:
    cargo run --release -p pipeline -- generations {{ ARGS }}

# Publish the generation before again
rollback *ARGS:
    cargo run --release -p pipeline -- rollback {{ ARGS }}

# Make MovieLens-shaped data: just sample --users 6000 --movies 4000 --ratings 1000000 --out data/mine
sample *ARGS:
    cargo run --release -p pipeline -- sample {{ ARGS }}

# Download a MovieLens set into data/ (ml-latest-small, ml-20m, ml-25m, ml-32m), checksum verified
data SET="ml-latest-small":
    data/fetch {{ SET }}

# Run all tests
test *ARGS:
    cargo test --release --workspace {{ ARGS }}

# Run the benchmarks (they print figures and assert nothing)
bench *ARGS:
    cargo bench -p pipeline {{ ARGS }}

# Measure what clients notice of new generations under full load; the argument is the number of users
bench-switching *ARGS:
    cargo build --release --bin server --bin pipeline
    cargo bench -p end-to-end --bench switching -- {{ ARGS }}

# What a cluster costs beside one process: just bench-cluster [USERS [SHARDS...]]
bench-cluster *ARGS:
    cargo build --release -p pipeline --features cluster --target-dir target/cluster
    RECOMMENDER_TEST_CLUSTER=target/cluster/release/pipeline cargo bench -p end-to-end --bench cluster -- {{ ARGS }}

# Measure the server beside a constant route (wrk; nginx if installed): just bench-server [USERS [SECONDS [MOVIES [REQUESTS [CACHE_MIB]]]]]
bench-server *ARGS:
    cargo build --release --bin server --bin pipeline
    cargo bench -p end-to-end --bench serving -- {{ ARGS }}

# Full load for minutes with a switch every ten seconds: just bench-soak [USERS [MINUTES]]
bench-soak *ARGS:
    cargo build --release --bin server --bin pipeline
    cargo bench -p end-to-end --bench soak -- {{ ARGS }}

# Feed random bytes to every parser of what comes from outside: just fuzz [SECONDS [TARGET...]] (a C++ compiler)
fuzz *ARGS:
    fuzz/run {{ ARGS }}

# Train the common Python models beside ours (benchmarks/README.md): just compare data/ml-latest-small/ratings.csv
compare *ARGS:
    python3 benchmarks/compare.py {{ ARGS }}

# Format, and check what CI checks but for the tests
check:
    cargo fmt --all
    cargo clippy --release --workspace --all-targets -- -D warnings

# Build the image's final stage without a container engine and run it once (root, Debian's buildah and debootstrap)
container *ARGS:
    tests/container.sh {{ ARGS }}

# Run what compose.yaml names, without a container engine: just compose PROGRAMS MOTO_SERVER (a Python with PyYAML)
compose *ARGS:
    tests/compose.py {{ ARGS }}

# Do what CI does
ci:
    .ci/run
