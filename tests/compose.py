#!/usr/bin/env python3
"""Tests compose.yaml without a container engine: starts its services as processes, with their commands, environment and a
directory for each volume, and sends requests to both servers.

    tests/compose.py PROGRAMS MOTO     the directory with the built `pipeline` and `server`; the program moto_server

moto relocal_paths the image of the object store. Volume paths, host names and ports are replaced by those of this machine.
Needs PyYAML, which moto installs.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
TIMEOUT = 60


def main() -> None:
    programs, moto = (Path(word).resolve() for word in sys.argv[1:3])
    text = re.sub(r"\$\{(\w+):-([^}]*)\}", lambda found: os.environ.get(found[1], found[2]), (ROOT / "compose.yaml").read_text())
    services = yaml.safe_load(text)["services"]
    with tempfile.TemporaryDirectory() as scratch:
        processes = {}
        try:
            run_services(services, programs, moto, Path(scratch), processes)
        finally:
            for process in processes.values():
                if process.poll() is None:
                    process.kill()
                process.wait()


def run_services(services: dict, programs: Path, moto: Path, scratch: Path, processes: dict) -> None:
    store_port = free_port()
    processes["store"] = start([moto, "-p", str(store_port)], {}, scratch / "store.log")
    bucket = services["bucket"]["command"][-1].removeprefix("store")
    eventually("the object store answers", lambda: request(f"http://127.0.0.1:{store_port}/moto-api/data.json"))
    signature = "AWS4-HMAC-SHA256 Credential=any/20200101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=any"
    request(f"http://127.0.0.1:{store_port}{bucket}", method="PUT", headers={"authorization": signature})

    servers = {}
    for name, service in services.items():
        if service.get("image") != "movie-recommender":
            continue
        local_paths = {}
        for volume in service["volumes"]:
            source, target = volume.split(":")[:2]
            path = ROOT / source if source.startswith(".") else scratch / source
            path.mkdir(parents=True, exist_ok=True)
            local_paths[target] = str(path)
        words = service.get("entrypoint", ["server"]) + service.get("command", [])
        environment = {
            key: with_local_paths(value, local_paths).replace("//store:9000", f"//127.0.0.1:{store_port}")
            for key, value in {**image_environment(), **service["environment"]}.items()
        }
        if "ports" in service:
            port = free_port()
            servers[name] = f"http://127.0.0.1:{port}"
            environment["RECOMMENDER__SERVER__LISTEN"] = f"127.0.0.1:{port}"
        print(f"{name}: {' '.join(words)}", flush=True)
        processes[name] = start([programs / words[0], *words[1:]], environment, scratch / f"{name}.log")

    generations = set()
    for name, url in servers.items():
        eventually(f"{name} is ready", lambda url=url: request(f"{url}/readyz"))
        with request(f"{url}/recommendations?user_id=18") as answer:
            generations.add(answer.headers["x-generation"])
            print(f"{name} answers {answer.read().decode()} from {answer.headers['x-generation']}")
    assert len(generations) == 1, f"the servers serve {generations}"

    for name in [name for name in processes if name != "store"]:
        processes[name].send_signal(signal.SIGTERM)
        code = processes[name].wait(TIMEOUT)
        assert code == 0, f"{name} ended with {code}:\n{(scratch / f'{name}.log').read_text()}"
    print("all ended with code 0 on SIGTERM")


def start(words: list, environment: dict, log: Path) -> subprocess.Popen:
    environment = {"PATH": os.environ["PATH"], **environment}
    with log.open("wb") as sink:
        return subprocess.Popen(words, env=environment, cwd=log.parent, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink)


def image_environment() -> dict:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    return dict(line.removeprefix("ENV ").split("=", 1) for line in lines if line.startswith("ENV "))


def with_local_paths(value: str, local_paths: dict) -> str:
    for target, path in local_paths.items():
        if value == target or value.startswith(f"{target}/"):
            return path + value[len(target):]
    return value


def request(url: str, method: str = "GET", headers: dict | None = None):
    return urllib.request.urlopen(urllib.request.Request(url, method=method, headers=headers or {}), timeout=5)


def eventually(what: str, attempt) -> None:
    end = time.monotonic() + TIMEOUT
    while True:
        try:
            return attempt().close()
        except (OSError, urllib.error.URLError) as error:
            if time.monotonic() > end:
                raise SystemExit(f"waited too long until {what}: {error}") from error
            time.sleep(0.1)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


if __name__ == "__main__":
    main()
