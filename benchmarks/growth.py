#!/usr/bin/env python3
"""Measures how the cost of a run grows with users and with movies: a quarter, a half and all of one, and all of the other.

    benchmarks/growth.py [--users 162541] [--movies 59047] [--ratings 25000000] [--options "--epochs 3"]

`pipeline sample` generates the data, with ratings in proportion to the share; `pipeline run --json` prints the time of each
phase. Writes a table and a plot to docs/benchmarks/.
"""

import argparse
import datetime
import json
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

ROOT = Path(__file__).resolve().parent.parent
SHARES = (0.25, 0.5, 1.0)
PHASES = ("ingest", "train", "score", "write")


def measure(pipeline, n_users, n_movies, n_ratings, options):
    """Returns the seconds of each phase, and the peak memory in MiB."""
    with tempfile.TemporaryDirectory() as directory:
        sample = [pipeline, "sample", "--users", n_users, "--movies", n_movies, "--ratings", n_ratings, "--out",
                  directory, "--quiet"]
        subprocess.run([str(word) for word in sample], check=True, stdout=subprocess.DEVNULL)
        run = [pipeline, "run", "--ratings", f"{directory}/ratings.csv", "--movies", f"{directory}/movies.csv",
               "--output", f"{directory}/output", "--test-fraction", 0, "--json", "--quiet", *options]
        answer = subprocess.run([str(word) for word in run], check=True, capture_output=True).stdout
    phases = json.loads(answer)["phases"]
    peak = max(phase["peak_rss_bytes"] for phase in phases.values()) / 2**20
    return {name: phases[name]["seconds"] for name in PHASES} | {"peak MiB": peak}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--users", type=int, default=162_541)
    parser.add_argument("--movies", type=int, default=59_047)
    parser.add_argument("--ratings", type=int, default=25_000_000)
    parser.add_argument("--options", default="--factors 64 --epochs 3 --rating-sweeps 3", help="of each run")
    parser.add_argument("--pipeline", default=str(ROOT / "target/release/pipeline"), help="the program")
    parser.add_argument("--output", type=Path, default=ROOT / "docs/benchmarks")
    given = parser.parse_args()

    found = {"users": {}, "movies": {}}
    for share in SHARES:
        n_ratings = int(given.ratings * share)
        for what in found:
            n_users = int(given.users * (share if what == "users" else 1))
            n_movies = int(given.movies * (share if what == "movies" else 1))
            if share == 1 and what == "movies":
                found[what][share] = found["users"][share]
                continue
            found[what][share] = measure(given.pipeline, n_users, n_movies, n_ratings, given.options.split())
            print(what, share, found[what][share], file=sys.stderr, flush=True)

    lines = ["# Growth", "", "*You want to know how time and memory of a run grow with users and with movies.*", "",
             f"Measured {datetime.date.today()} on {os.cpu_count()} cores. Share 1.0 is {given.users:,} users, "
             f"{given.movies:,} movies and {given.ratings:,} ratings. A smaller share has fewer users or movies, and "
             "fewer ratings in proportion.", "", "```",
             "benchmarks/growth.py " + shlex.join(sys.argv[1:]), "```", "", "![seconds by share](growth.svg)", "",
             "| varied | share | " + " | ".join(f"{name}, s" for name in PHASES) + " | peak MiB |",
             "|---|---|" + "---|" * (len(PHASES) + 1)]
    for what, shares in found.items():
        for share, row in shares.items():
            lines.append(f"| {what} | {share} | " + " | ".join(f"{row[name]:.2f}" for name in PHASES)
                         + f" | {row['peak MiB']:.0f} |")
    given.output.mkdir(parents=True, exist_ok=True)
    (given.output / "growth.md").write_text("\n".join(lines) + "\n")

    _, plots = plt.subplots(1, len(found), figsize=(9, 3.6), sharey=True, layout="constrained")
    for plot, (what, shares) in zip(plots, found.items()):
        for name in PHASES:
            plot.plot(list(shares), [row[name] for row in shares.values()], marker="o", label=name)
        plot.set_xlim(0)
        plot.set_ylim(0)
        plot.set_xlabel(f"share of the {what}")
        plot.grid(alpha=0.3)
    plots[0].set_ylabel("seconds")
    plots[0].legend(frameon=False)
    plt.savefig(given.output / "growth.svg")


if __name__ == "__main__":
    main()
