#!/usr/bin/env python3
"""Measures the search for the best N unseen items of every user, from the same factors, by this project and other programs.

    benchmarks/scoring.py DIR [--n 10 100] [--turns 5] [--peers implicit numpy] [--report FILE]

DIR has users.npy and items.npy (f32, a row of factors each), and indptr.npy and indices.npy (the seen items of each user
as a CSR matrix of SciPy; i64 and i32). --train RATINGS.csv --factors K writes these files first, by implicit's ALS.
The times include preparation and lists, not the reading of files. Both elapsed and processor time are measured; on a
machine with other load, compare the processor time.

The project runs as `cargo bench -p scoring --bench scoring`. The script prints the share of items that its lists have in
common with those of each other program; it is below 1 only if scores differ by rounding.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import scipy.sparse as sp

ROOT = Path(__file__).resolve().parent.parent
# The number of users whose scores numpy computes at once. Smaller blocks prepare the items too often.
BLOCK = 256


def train(directory, ratings, n_factors):
    """Writes the factors of implicit's ALS and the seen items, from a file of ratings."""
    import implicit

    users, movies, stars = np.loadtxt(ratings, delimiter=",", skiprows=1, usecols=(0, 1, 2), unpack=True)
    users = np.unique(users, return_inverse=True)[1]
    movies = np.unique(movies, return_inverse=True)[1]
    matrix = sp.csr_matrix((stars.astype(np.float32), (users, movies)))
    matrix.sort_indices()
    model = implicit.als.AlternatingLeastSquares(factors=n_factors, random_state=1)
    model.fit(matrix, show_progress=False)
    directory.mkdir(parents=True, exist_ok=True)
    np.save(directory / "users.npy", model.user_factors)
    np.save(directory / "items.npy", model.item_factors)
    np.save(directory / "indptr.npy", matrix.indptr.astype(np.int64))
    np.save(directory / "indices.npy", matrix.indices.astype(np.int32))


class Input:
    """The factors, and the seen items of each user."""

    def __init__(self, directory):
        self.users = np.load(directory / "users.npy")
        self.items = np.load(directory / "items.npy")
        indptr, indices = np.load(directory / "indptr.npy"), np.load(directory / "indices.npy").astype(np.int32)
        shape = (len(self.users), len(self.items))
        self.seen = sp.csr_matrix((np.ones(len(indices), np.float32), indices, indptr), shape=shape)


def by_implicit(data, n):
    import implicit

    model = implicit.als.AlternatingLeastSquares(factors=data.users.shape[1])
    model.user_factors, model.item_factors = data.users, data.items
    ids, _ = model.recommend(np.arange(len(data.users)), data.seen, N=n, filter_already_liked_items=True)
    return ids


def by_numpy(data, n):
    """Computes, masks, partitions and sorts the scores of a block of users on each core."""
    from concurrent.futures import ThreadPoolExecutor

    lists = np.empty((len(data.users), n), np.int32)

    def block(first):
        rows = slice(first, min(first + BLOCK, len(data.users)))
        scores = data.users[rows] @ data.items.T
        seen = data.seen[rows]
        scores[np.repeat(np.arange(seen.shape[0]), np.diff(seen.indptr)), seen.indices] = -np.inf
        best = np.argpartition(scores, -n, axis=1)[:, -n:]
        order = np.argsort(-np.take_along_axis(scores, best, 1), axis=1)
        lists[rows] = np.take_along_axis(best, order, 1)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(block, range(0, len(data.users), BLOCK)))
    return lists


def by_product_alone(data, n):
    """Computes all scores and no lists: the lower bound of every method without bounds on scores."""
    from concurrent.futures import ThreadPoolExecutor


    def block(first):
        np.dot(data.users[first : first + BLOCK], data.items.T)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(block, range(0, len(data.users), BLOCK)))
    return None


PEERS = {"implicit": by_implicit, "numpy": by_numpy, "product": by_product_alone}


def timed(peer, data, n):
    clock, processors = time.perf_counter(), time.process_time()
    lists = PEERS[peer](data, n)
    return time.perf_counter() - clock, time.process_time() - processors, lists


def binary():
    """Builds the benchmark. Returns its path."""
    command = ["cargo", "bench", "--workspace", "--bench", "scoring", "--no-run", "--message-format", "json"]
    lines = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    built = [json.loads(line) for line in lines]
    return next(m["executable"] for m in built if m.get("executable") and m["target"]["name"] == "scoring")


def compare(directory, lengths, peers, turns):
    """Yields a row of the table for each N and each program."""
    data, program = Input(directory), binary()
    n_users, k = data.users.shape
    for n in lengths:
        times = {name: [] for name in ["this project", *peers]}
        for _ in range(turns):
            line = subprocess.run([program, directory, str(n)], check=True, stdout=subprocess.PIPE, text=True).stdout
            found = json.loads(line)
            times["this project"].append((found["seconds"], found["processor_seconds"]))
            for peer in peers:
                clock, processors, lists = timed(peer, data, n)
                times[peer].append((clock, processors))
                if lists is not None:
                    lists_of_project = np.load(directory / f"lists-{n}.npy")
                    common = np.mean([len(np.intersect1d(a, b)) / n for a, b in zip(lists_of_project[:2000], lists[:2000])])
                    print(f"N = {n}: {common:.5f} of the items of {peer} are in the lists of this project")
        pairs = n_users * len(data.items)
        share = f"{found['in_full'] / pairs:.2%} in full, {found['in_8_bits'] / pairs:.2%} in 8 bits"
        for name, measured in times.items():
            clock, processors = (statistics.median(column) for column in zip(*measured))
            per_second = os.cpu_count() * n_users / processors
            ratio = processors / statistics.median(row[1] for row in times["this project"])
            yield (f"{n_users} x {len(data.items)}, k = {k}, N = {n}", name, f"{n_users / clock:,.0f}",
                   f"{per_second:,.0f}", f"{ratio:.1f}", share if name == "this project" else "")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--n", type=int, nargs="+", default=[10, 100])
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=list(PEERS))
    parser.add_argument("--train", type=Path, metavar="RATINGS")
    parser.add_argument("--factors", type=int, default=64)
    parser.add_argument("--report", type=Path)
    args = parser.parse_args()
    if args.train:
        train(args.directory, args.train, args.factors)
    head = ["shape", "program", "users/s", f"users/s of {os.cpu_count()} whole processors", "time, this project = 1", "computed"]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    lines += ["| " + " | ".join(row) + " |" for row in compare(args.directory, args.n, args.peers, args.turns)]
    print(f"{platform.machine()}, {os.cpu_count()} processors", *lines, sep="\n")
    if args.report:
        with open(args.report, "a") as report:
            report.write("\n".join(lines) + "\n\n")


if __name__ == "__main__":
    main()
