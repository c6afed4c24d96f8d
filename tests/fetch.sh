#!/usr/bin/env bash
# Tests that data/fetch downloads, verifies and unpacks a set from an HTTP server on 127.0.0.1, and that it refuses a
# wrong checksum, a missing archive and an unknown set without leaving files. Needs curl, unzip and python3.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$work"' EXIT
mkdir "$work/site" "$work/data"
python3 - "$work/site/ml-latest-small.zip" data/sample <<'PY'
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED) as archive:
    for name in ("ratings.csv", "movies.csv"):
        archive.write(f"{sys.argv[2]}/{name}", f"ml-latest-small/{name}")
PY
python3 -u -m http.server 0 --bind 127.0.0.1 --directory "$work/site" >"$work/log" 2>&1 &
server=$!
for _ in $(seq 100); do
  port=$(sed -n 's/.* port \([0-9]*\) .*/\1/p' "$work/log")
  [ -z "$port" ] || break
  sleep 0.1
done

export MOVIELENS_URL="http://127.0.0.1:$port" DATA_DIR="$work/data"
sum="sha256 $(sha256sum "$work/site/ml-latest-small.zip" | cut -d ' ' -f 1)"

refuses() { # the expected text, then the command
  local says=$1
  shift
  if "$@" >"$work/out" 2>&1; then
    echo "FAILED: $* succeeded"
    exit 1
  fi
  grep -q "$says" "$work/out" || { echo "FAILED: $* did not say '$says':"; cat "$work/out"; exit 1; }
  [ -z "$(ls -A "$work/data")" ] || { echo "FAILED: $* left $(ls -A "$work/data")"; exit 1; }
}
refuses "nothing was unpacked" data/fetch ml-latest-small
refuses "404" data/fetch ml-25m
refuses "no set ml-1b" data/fetch ml-1b

MOVIELENS_SUM=$sum data/fetch ml-latest-small >"$work/out" 2>&1 || { cat "$work/out"; exit 1; }
for file in ratings.csv movies.csv; do
  cmp "data/sample/$file" "$work/data/ml-latest-small/$file"
done
[ "$(ls -A "$work/data")" = ml-latest-small ] || { echo "FAILED: left $(ls -A "$work/data")"; exit 1; }
echo "data/fetch: downloaded, verified and unpacked; three bad requests refused"
