#!/usr/bin/env python3
"""Measures the pipeline's models beside other recommenders on the same splits and writes a Markdown table.

README.md in this directory lists the recommenders and the rules of measurement.
"""

import argparse
import datetime
import json
import os
import platform
import re
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import scipy.linalg
import scipy.sparse as sp
from threadpoolctl import threadpool_limits

ROOT = Path(__file__).resolve().parent.parent
RELEVANT_AT = 4.0
TEST_FRACTION = 0.2
CUTOFFS = (("recall", 20), ("ndcg", 10), ("ndcg", 100))
DEPTH = max(k for _, k in CUTOFFS)
# EASE inverts a matrix of items x items in f64, which takes twice its memory.
MAX_EASE_ITEMS = 20_000
EASE_LAMBDA = 100
# Surprise predicts in a Python loop.
MAX_SURPRISE_RATINGS = 5_000_000


class Split:
    """The ratings of a file, split at random into training and test, as matrices and as two files."""

    def __init__(self, path, seed, directory):
        users, movies, stars, lines = read(path)
        test = np.random.default_rng(seed).random(len(stars)) < TEST_FRACTION
        self.user_ids, users = np.unique(users, return_inverse=True)
        self.movie_ids, items = np.unique(movies, return_inverse=True)
        shape = (len(self.user_ids), len(self.movie_ids))

        def matrix(part):
            return sp.csr_matrix((stars[part], (users[part], items[part])), shape=shape)

        self.train, self.test = matrix(~test), matrix(test)
        self.pairs = {"train": (users[~test], items[~test], stars[~test]),
                      "test": (users[test], items[test], stars[test])}
        self.files = {}
        for name, part in (("train", ~test), ("test", test)):
            self.files[name] = Path(directory) / f"{name}.csv"
            with open(self.files[name], "w") as file:
                file.write("userId,movieId,rating,timestamp\n")
                file.writelines(lines[row] for row in np.flatnonzero(part))
        self.popularity = np.bincount(self.train.indices, minlength=shape[1]).astype(np.float64)
        # The figures of `popularity`, which must agree with those of the pipeline.
        self.popularity_figures = None


def read(path):
    """Returns users, movies and stars of a clean table with the columns userId, movieId, rating, timestamp, and its rows."""
    table = np.loadtxt(path, delimiter=",", skiprows=1, usecols=(0, 1, 2))
    with open(path) as file:
        lines = file.readlines()[1:]
    return table[:, 0].astype(np.int64), table[:, 1].astype(np.int64), table[:, 2].astype(np.float32), lines


def measure_lists(split, arguments, scores_of):
    """Returns means over the users with a relevant item. `scores_of` returns the scores of all items for some users."""
    relevant = split.test.copy()
    relevant.data = (relevant.data >= RELEVANT_AT).astype(np.float32)
    relevant.eliminate_zeros()
    n_relevant = np.diff(relevant.indptr)
    users = np.flatnonzero(n_relevant)[::arguments.every]
    discount = 1 / np.log2(np.arange(2, DEPTH + 2))
    ideal = np.concatenate([[0], np.cumsum(discount)])
    sums = {cutoff: 0.0 for cutoff in CUTOFFS}
    for first in range(0, len(users), 512):
        block = users[first:first + 512]
        scores = np.array(scores_of(block), dtype=np.float64)
        new = np.diff(split.train.indptr)[block] == 0
        scores[new] = split.popularity
        seen = split.train[block].tocoo()
        scores[seen.row, seen.col] = -np.inf
        depth = min(DEPTH, scores.shape[1] - 1)
        top = np.argpartition(-scores, depth, axis=1)[:, :depth]
        # Among equal scores in a list the smaller id comes first.
        top.sort(axis=1)
        order = np.argsort(-np.take_along_axis(scores, top, axis=1), axis=1, kind="stable")
        top = np.take_along_axis(top, order, axis=1)
        wanted = np.zeros(scores.shape, dtype=bool)
        cells = relevant[block].tocoo()
        wanted[cells.row, cells.col] = True
        hits = np.take_along_axis(wanted, top, axis=1)
        for metric, k in CUTOFFS:
            most = np.minimum(k, n_relevant[block])
            if metric == "recall":
                sums[metric, k] += (hits[:, :k].sum(axis=1) / most).sum()
            else:
                gain = (hits[:, :k] * discount[:min(k, depth)]).sum(axis=1)
                sums[metric, k] += (gain / ideal[most]).sum()
    return {f"{metric}@{k}": total / len(users) for (metric, k), total in sums.items()}


# Each function takes a split and the arguments and returns figures by name.

def popularity(split, arguments):
    if split.popularity_figures is None:
        split.popularity_figures = measure_lists(split, arguments, lambda users: np.tile(split.popularity, (len(users), 1)))
    return split.popularity_figures


def implicit_als(split, arguments, n_factors):
    model, seconds = train_implicit(split, arguments, n_factors, arguments.epochs)
    figures = measure_lists(split, arguments, lambda users: model.user_factors[users] @ model.item_factors.T)
    return figures | {"first epochs, s": statistics.median(seconds)}


def train_implicit(split, arguments, n_factors, epochs):
    from implicit.cpu.als import AlternatingLeastSquares
    model = AlternatingLeastSquares(factors=n_factors, regularization=30, alpha=1.0, use_cg=True, iterations=epochs,
                                    num_threads=arguments.threads, random_state=arguments.seeds[0])
    seconds = []
    # implicit has its own threads, so BLAS gets one.
    with threadpool_limits(1, "blas"):
        model.fit(split.train, show_progress=False, callback=lambda _, elapsed, *rest: seconds.append(elapsed))
    return model, seconds


def ease(split, arguments, weight):
    if split.train.shape[1] > MAX_EASE_ITEMS:
        raise TooLarge(f"more than {MAX_EASE_ITEMS:,} movies")
    inputs = split.train.copy()
    inputs.data = weight(inputs.data).astype(np.float32)
    gram = (inputs.T @ inputs).toarray().astype(np.float64)
    gram[np.diag_indices_from(gram)] += EASE_LAMBDA
    inverse = scipy.linalg.inv(gram, overwrite_a=True, check_finite=False)
    inverse /= -np.diag(inverse)
    inverse[np.diag_indices_from(inverse)] = 0
    weights = inverse.astype(np.float32)
    return measure_lists(split, arguments, lambda users: inputs[users] @ weights)


def surprise_svd(split, _):
    if split.train.nnz > MAX_SURPRISE_RATINGS:
        raise TooLarge(f"more than {MAX_SURPRISE_RATINGS:,} ratings")
    import pandas
    import surprise
    users, items, stars = split.pairs["train"]
    table = pandas.DataFrame({"user": users, "item": items, "rating": stars.astype(float)})
    scale = surprise.Reader(rating_scale=(float(stars.min()), float(stars.max())))
    train = surprise.Dataset.load_from_df(table, scale).build_full_trainset()
    model = surprise.SVD(random_state=1)
    model.fit(train)
    squares = [(model.predict(int(u), int(i)).est - float(r)) ** 2 for u, i, r in zip(*split.pairs["test"])]
    return {"rmse": float(np.sqrt(np.mean(squares)))}


def this_project(split, arguments, *options):
    command = [arguments.pipeline, "evaluate", "--train", split.files["train"], "--test", split.files["test"],
               "--k", ",".join(str(k) for k in sorted({k for _, k in CUTOFFS})), "--relevant-at", RELEVANT_AT,
               "--json", "--quiet", *arguments.scale, *arguments.options.split(), *options]
    answer = json.loads(subprocess.run([str(word) for word in command], check=True, capture_output=True).stdout)
    known = popularity(split, arguments)
    for name, figure in known.items():
        # The two measurements order equally popular movies differently, and this one may be of some users only.
        if abs(figure - answer["popularity"][name]) > (0.005 if arguments.every == 1 else 0.02):
            sys.exit(f"the two measurements of popularity differ in {name}: {figure} and {answer['popularity'][name]}")
    return {name: figure for name, figure in answer["model"].items() if name in known or name == "rmse"}


class TooLarge(Exception):
    """The data is too large for a recommender."""


def recommenders(arguments):
    yield "popularity", popularity
    for k in arguments.factors:
        yield f"implicit ALS, {k} factors", lambda split, given, k=k: implicit_als(split, given, k)
    yield "EASE", lambda split, given: ease(split, given, np.ones_like)
    yield "EASE, ratings weighted", lambda split, given: ease(split, given, preference)
    yield "Surprise SVD", surprise_svd
    for k in arguments.factors:
        options = ("--factors", k, "--epochs", arguments.epochs)
        yield f"**pipeline, {k} factors**", lambda split, given, o=options: this_project(split, given, *o)
    yield "**pipeline, default settings**", this_project


def preference(stars):
    return 1 / (1 + np.exp(-1.5 * (stars - 3.2)))


def compare_training(split, arguments):
    """Returns table rows with the seconds of an epoch by number of factors: medians of alternate runs of implicit and the
    pipeline."""
    lines = []
    for k in arguments.factors:
        implicit_seconds, pipeline_seconds = [], []
        for _ in range(arguments.turns):
            try:
                # The first iteration is a warm-up.
                implicit_seconds += train_implicit(split, arguments, k, 4)[1][1:]
            except ImportError as error:
                lines.append(f"| {k} | not installed: {error} | | |")
                break
            command = ["cargo", "bench", "--quiet", "--workspace", "--bench", "epoch", "--", split.files["train"], 1, k]
            environment = os.environ | {"RAYON_NUM_THREADS": str(arguments.threads)}
            run = subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True,
                                 cwd=ROOT, env=environment)
            pipeline_seconds.append(float(re.search(rf"k = +{k}: ([0-9.]+)", run.stdout).group(1)))
        if pipeline_seconds:
            implicit, pipeline = statistics.median(implicit_seconds), statistics.median(pipeline_seconds)
            lines.append(f"| {k} | {implicit:.3f} | {pipeline:.3f} | {implicit / pipeline:.1f} |")
    return lines


def measure(path, arguments):
    """Returns the lines of a data set's section."""
    rows, timings = {}, []
    for seed in arguments.seeds:
        with tempfile.TemporaryDirectory() as directory:
            split = Split(path, seed, directory)
            if seed == arguments.seeds[0]:
                size = (f"{split.train.shape[0]:,} users, {split.train.shape[1]:,} movies, "
                        f"{split.train.nnz + split.test.nnz:,} ratings")
                log(f"{path}: {size}")
                timings = compare_training(split, arguments)
            for name, recommender in [] if arguments.training_only else recommenders(arguments):
                begin = time.monotonic()
                try:
                    found = recommender(split, arguments)
                except ImportError as error:
                    found = f"not installed ({error.name}); see benchmarks/README.md"
                except TooLarge as error:
                    found = f"not measured: {error}"
                log(f"  seed {seed}, {name}, {time.monotonic() - begin:.0f} s: {found}")
                rows.setdefault(name, []).append(found)
    metrics = [f"{metric}@{k}" for metric, k in CUTOFFS] + ["rmse"]
    lines = [f"## {Path(path).resolve().parent.name}", "", f"{size}. Means over the seeds {arguments.seeds}; "
             f"{arguments.epochs} epochs where factors are given.", "",
             "| | Recall@20 | NDCG@10 | NDCG@100 | RMSE |", "|---|---|---|---|---|"]
    for name, found in rows.items():
        texts = [text for text in found if isinstance(text, str)]
        if texts:
            lines.append(f"| {name} | {texts[0]} | | | |")
            continue
        means = [statistics.mean(figures[m] for figures in found) if m in found[0] else None for m in metrics]
        lines.append(f"| {name} | " + " | ".join("" if mean is None else f"{mean:.4f}" for mean in means) + " |")
    if arguments.training_only:
        lines = lines[:1] + ["", f"{size}."]
    return lines + ["", "Training, seconds an epoch:", "", "| factors | implicit ALS | pipeline | ratio |",
                    "|---|---|---|---|", *timings, ""]


def log(text):
    print(text, file=sys.stderr, flush=True)


def machine():
    model = platform.processor() or platform.machine()
    try:
        model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text()).group(1)
    except (OSError, AttributeError):
        pass
    return f"{model}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"


def commit():
    def git(*words):
        return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    return git("rev-parse", "--short", "HEAD") + (" with changes" if git("status", "--porcelain") else "")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("ratings", nargs="+", help="files of ratings; the section of each is named after its directory")
    parser.add_argument("--factors", type=int, nargs="+", default=[64, 128])
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seeds", type=int, nargs="+", default=[7])
    parser.add_argument("--every", type=int, default=1, metavar="N", help="measure the peers' lists of each N-th user")
    parser.add_argument("--training-only", action="store_true", help="measure the seconds of an epoch only")
    parser.add_argument("--turns", type=int, default=3, help="alternate runs of implicit and of the pipeline")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--scale", nargs=2, metavar=("MIN", "MAX"), help="the scale of the ratings, by default 0.5 to 5")
    parser.add_argument("--options", default="", help="further options of `pipeline evaluate`, in one argument")
    parser.add_argument("--pipeline", help="the program; built by default")
    parser.add_argument("--output", type=Path, default=ROOT / "docs/benchmarks/peers.md")
    arguments = parser.parse_args()
    arguments.scale = ["--min-rating", arguments.scale[0], "--max-rating", arguments.scale[1]] if arguments.scale else []
    if not arguments.pipeline:
        subprocess.run(["cargo", "build", "--release", "--workspace"], cwd=ROOT, check=True)
        target = os.environ.get("CARGO_TARGET_DIR", ROOT / "target")
        arguments.pipeline = str(Path(target) / "release/pipeline")
    head = ["# Comparison with other recommenders", "",
            "*You want to know how good the lists and predicted stars are, beside other recommenders.*", "", f"{machine()}; {datetime.date.today()}; commit {commit()}.", "", "```",
            "benchmarks/compare.py " + shlex.join(sys.argv[1:]), "```", ""]
    sections = [line for path in arguments.ratings for line in measure(path, arguments)]
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text("\n".join(head + sections))
    log(f"written to {arguments.output}")


if __name__ == "__main__":
    main()
