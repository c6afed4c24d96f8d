#!/usr/bin/env bash
# Tests the image without a container engine: builds the Dockerfile with buildah's chroot isolation, then runs the batch
# on data/sample and the server in it, as the image's user, on a volume, on port 80 of a separate network. Sends
# requests to the server, checks its health and stops it.
#
#   tests/container.sh [DIR]     DIR has the built `pipeline` and `server`; without it, cargo builds them
#
# Nothing comes from a registry: debootstrap makes both base images, and a `cargo` script in the build stage copies the
# programs of DIR. They must be linked for the Dockerfile's Debian, or an older one. Not tested are the compilation
# inside the image, and the programs as the first process of a PID namespace.
# Needs root, a Debian mirror (DEBIAN_MIRROR), 2 GB in TMPDIR and two minutes. Installs nothing and removes its files.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s\n' "$*"; }
fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }

[ "$(id -u)" = 0 ] || fail "run it as root"
missing=
for need in buildah debootstrap jq curl ip:iproute2 sysctl:procps unshare:util-linux nsenter:util-linux; do
  command -v "${need%:*}" >/dev/null || missing+=" ${need#*:}"
done
[ -z "$missing" ] || fail "install these first: apt-get install$missing"

if [ $# = 0 ]; then
  cargo build --release --locked --bin pipeline --bin server
  set -- "$(cargo metadata --format-version 1 --no-deps | jq -r .target_directory)/release"
fi
[ -x "$1/pipeline" ] && [ -x "$1/server" ] || fail "$1 has no pipeline and server"

work=$(mktemp -d)
network=
in_network() { # prints the processes in the container's network; this script has started all of them
  local process
  for process in /proc/[0-9]*; do
    if [ "$process/ns/net" -ef "/proc/$network/ns/net" ]; then echo "${process#/proc/}"; fi
  done
}
clean_up() {
  # shellcheck disable=SC2046
  [ -z "$network" ] || [ /proc/self/ns/net -ef "/proc/$network/ns/net" ] || kill $(in_network) || true
  wait
  buildah rm --all >/dev/null || true
  rm -rf --one-file-system "$work"
}
trap clean_up EXIT
printf '[storage]\ndriver = "vfs"\ngraphroot = "%s"\nrunroot = "%s"\n' "$work/images" "$work/run" >"$work/storage.conf"
export CONTAINERS_STORAGE_CONF="$work/storage.conf" BUILDAH_ISOLATION=chroot

step "the base images"
mapfile -t bases < <(sed -n 's/^FROM \([^ ]*\).*/\1/p' Dockerfile | awk '!seen[$0]++')
builder=${bases[0]} base=${bases[1]}
suite=${base#debian:} suite=${suite%-slim}
# ca-certificates is the only part of the Rust image beyond a bare Debian that the Dockerfile needs.
debootstrap --variant=minbase --include=ca-certificates "$suite" "$work/base" "${DEBIAN_MIRROR:-http://deb.debian.org/debian}" \
  >"$work/log" 2>&1 || { tail "$work/log" >&2; fail "debootstrap $suite"; }
rm -rf "$work"/base/var/cache/apt/* "$work"/base/var/lib/apt/lists/*
made=$(buildah from scratch)
buildah add --quiet "$made" "$work/base" / >/dev/null
buildah commit --quiet "$made" "docker.io/library/$base" >/dev/null
mkdir "$work/programs"
cp "$1/pipeline" "$1/server" "$work/programs"
cat >"$work/cargo" <<'CARGO'
#!/bin/sh
[ "$*" = "build --release --locked --bin pipeline --bin server" ] || { echo "unexpected: cargo $*" >&2; exit 1; }
mkdir -p target/release && cp /programs/pipeline /programs/server target/release
CARGO
buildah copy --quiet "$made" "$work/programs" /programs >/dev/null
buildah copy --quiet --chmod 755 "$made" "$work/cargo" /usr/local/bin/cargo >/dev/null
buildah commit --quiet --rm "$made" "docker.io/library/$builder" >/dev/null
rm -rf "$work/base"
echo "$base and $builder are $suite by debootstrap"

step "the Dockerfile"
build() {
  buildah build --pull-never --format docker "$@" . >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "the image does not build"; }
}
build --target build --tag build-stage
made=$(buildah from --pull-never build-stage)
# The files that .dockerignore admits include all members of the workspace.
members=$(cargo metadata --locked --format-version 1 --manifest-path "$(buildah mount "$made")/src/Cargo.toml" |
  jq '.workspace_members | length')
echo "the build sees $members crates of the workspace"
buildah rm "$made" >/dev/null
build --tag movie-recommender
grep STEP "$work/log"

config=$(buildah inspect --type image movie-recommender | jq .Docker.config)
jq -c '{User, ExposedPorts, Volumes, Entrypoint, Cmd, Health: .Healthcheck.Test}' <<<"$config"
user=$(jq -r .User <<<"$config")
[[ $user =~ ^[1-9][0-9]*:[1-9][0-9]*$ ]] || fail "the user is '$user', not a number other than root's"
buildah images --format '{{.Size}} {{.Name}}' | grep -e "${base%:*}" -e movie-recommender

container=$(buildah from --pull-never movie-recommender)
root=$(buildah mount "$container")
# As in a container engine, a new volume has the owner of the image's directory at its path, ...
mkdir "$work/volume"
chown --reference "$root/output" "$work/volume"
# (without this, buildah would mount another volume over it)
buildah config --volume /output- "$container"
# ... and in the container's own network Docker lets every user bind every port.
unshare --net sleep infinity &
network=$!
until ! [ "/proc/$network/ns/net" -ef /proc/self/ns/net ]; do sleep 0.1; done
inside() { nsenter --net="/proc/$network/ns/net" "$@"; }
inside ip link set lo up
inside sysctl --quiet --write net.ipv4.ip_unprivileged_port_start=0
mapfile -t start < <(jq -r '.Entrypoint[], (.Cmd // [])[]' <<<"$config")
mapfile -t health < <(jq -r '.Healthcheck.Test[1:][]' <<<"$config")
healthy() { inside buildah run "$container" -- "${health[@]}" >"$work/log" 2>&1; }

step "the batch"
buildah run --volume "$work/volume:/output" --volume "$PWD/data/sample:/data:ro" "$container" -- \
  pipeline run --ratings /data/ratings.csv --movies /data/movies.csv --quiet
[ "$(stat --format %u:%g "$work/volume/CURRENT")" = "$user" ] || fail "the batch did not run as $user"

step "the server"
! healthy || fail "healthy before it runs"
inside buildah run --volume "$work/volume:/output:ro" "$container" -- "${start[@]}" &
run=$!
for _ in $(seq 100); do
  ! inside curl -fs http://127.0.0.1/readyz >"$work/log" || break
  sleep 0.1
done
server=
for process in $(in_network); do
  ! grep -qsx server "/proc/$process/comm" || server=$process
done
[ -n "$server" ] || fail "no server runs"
runs_as=$(awk '/^[UG]id:/ { printf "%s%s", sep, $2; sep = ":" }' "/proc/$server/status")
[ "$runs_as" = "$user" ] || fail "the server runs as $runs_as"
for path in 'recommendations?user_id=18' 'recommendations?user_id=18&returnMetadata=true' 'features?user_id=18'; do
  answer=$(inside curl -fsS "http://127.0.0.1/$path")
  printf '%s\n    %s\n' "/$path" "${answer:0:160}"
done
healthy || { cat "$work/log" >&2; fail "not healthy"; }
kill -TERM "$server"
wait "$run" || fail "the server ended with code $?"
! healthy || fail "healthy after its end"
printf '\nthe image serves as %s on port 80, is healthy while it does, and ends with code 0 on SIGTERM\n' "$user"
