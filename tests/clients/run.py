#!/usr/bin/env python3
"""Checks the example server's HTTP API with generated clients and with property-based tests.

    python3 tests/clients/run.py [--examples N]

Builds and starts the server with `--demo`, generates clients from its `/openapi.json` (openapi-python-client;
openapi-typescript with openapi-fetch), type-checks them, and runs the same scenario with each: sign in, create,
read, list, change, delete, and the errors. Then Schemathesis sends N examples to each operation (default 500).

Needs cargo, Python 3.11 or later with venv, Node.js 18 or later with npm, and on the first run the package
registries. `requirements.txt` and `package-lock.json` pin the packages, which are installed in `target/clients`.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SOURCE = Path(__file__).resolve().parent
ROOT = SOURCE.parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
WORK = TARGET / "clients"
BIN = WORK / "venv" / "bin"

# The demonstration's user, whose password is public.
DEMO = ("test@example.com", "fakehashedpassword")

# Fixed, so that a run can be repeated.
SEED = 20260101


def run(*command: str | Path, **options: object) -> None:
    subprocess.run([str(part) for part in command], check=True, **options)


@contextmanager
def step(name: str) -> Iterator[None]:
    """Prints the name of a step and the seconds it took."""
    print(f"--- {name}", flush=True)
    start = time.monotonic()
    yield
    print(f"--- {name}: {time.monotonic() - start:.0f} s", flush=True)


def install() -> None:
    """Installs the locked packages, unless they are there."""
    requirements = SOURCE / "requirements.txt"
    installed = WORK / "venv" / requirements.name
    if not same(requirements, installed):
        run(sys.executable, "-m", "venv", "--clear", WORK / "venv")
        pip = [BIN / "python", "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
        run(*pip, "--require-hashes", "--only-binary", ":all:", "--requirement", requirements)
        shutil.copy(requirements, installed)
    lock = SOURCE / "package-lock.json"
    installed = WORK / "node_modules" / lock.name
    for name in ["package.json", lock.name, ".npmrc"]:
        shutil.copy(SOURCE / name, WORK)
    if not same(lock, installed):
        run("npm", "ci", "--ignore-scripts", "--loglevel", "error", cwd=WORK)
        shutil.copy(lock, installed)


def same(one: Path, other: Path) -> bool:
    return other.exists() and one.read_bytes() == other.read_bytes()


def build() -> Path:
    """Builds the server and returns its executable."""
    command = ["cargo", "build", "--locked", "--all-features", "--example", "server"]
    command += ["--message-format", "json-render-diagnostics"]
    built = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE)
    for message in map(json.loads, built.stdout.splitlines()):
        if message.get("executable") and message["target"]["name"] == "server":
            return Path(message["executable"])
    sys.exit("cargo named no executable")


@contextmanager
def server(executable: Path) -> Iterator[str]:
    """Runs the server on a free port and yields its URL. Its log is in `server.log`."""
    with tempfile.TemporaryDirectory() as folder, (WORK / "server.log").open("wb") as log:
        variables = {"BIND": "127.0.0.1:0", "RUST_LOG": "warn"}
        child = subprocess.Popen(
            [executable, "--demo"], cwd=folder, env=variables, stdout=subprocess.PIPE, stderr=log, text=True
        )
        try:
            assert child.stdout
            prefix = "listening on "
            urls = (line.strip().removeprefix(prefix) for line in child.stdout if line.startswith(prefix))
            url = next(urls, None)
            assert url, f"the server did not start; see {log.name}"
            yield url
            assert child.poll() is None, f"the server has ended; see {log.name}"
        finally:
            child.terminate()
            child.wait(timeout=30)


def python_client(url: str, document: Path) -> None:
    package = WORK / "python_client"
    shutil.rmtree(package, ignore_errors=True)
    for name in ["crud.py", "mypy.ini"]:
        shutil.copy(SOURCE / name, WORK)
    # The generator formats what it writes with ruff, which it looks up.
    path = {"PATH": f"{BIN}:{os.environ['PATH']}"}
    generate = [BIN / "openapi-python-client", "generate", "--path", document, "--output-path", package]
    run(*generate, "--meta", "none", "--fail-on-warning", env={**os.environ, **path})
    run(BIN / "mypy", "--config-file", "mypy.ini", "crud.py", package.name, cwd=WORK)
    run(BIN / "python", "crud.py", url, *DEMO, cwd=WORK)


def typescript_client(url: str, document: Path) -> None:
    for name in ["crud.ts", "tsconfig.json"]:
        shutil.copy(SOURCE / name, WORK)
    tools = WORK / "node_modules" / ".bin"
    run(tools / "openapi-typescript", document, "--output", "schema.d.ts", cwd=WORK)
    run(tools / "tsc", "--project", "tsconfig.json", cwd=WORK)
    run("node", "out/crud.js", url, *DEMO, cwd=WORK)


def fetch(url: str, form: dict[str, str] | None = None, token: str = "") -> dict[str, str]:
    """Posts a form, or gets a page as JSON."""
    body = urllib.parse.urlencode(form).encode() if form else None
    request = urllib.request.Request(url, body, {"Authorization": f"Bearer {token}"} if token else {})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return dict(json.load(answer))


def property_tests(url: str, examples: int) -> None:
    sign_in = {"username": DEMO[0], "password": DEMO[1]}
    token = fetch(f"{url}/token", sign_in)["access_token"]
    own_id = fetch(f"{url}/users/me", token=token)["id"]
    for name in ["schemathesis.toml", "hooks.py"]:
        shutil.copy(SOURCE / name, WORK)
    settings = {
        "PORTCULLIS_TOKEN": token,
        "PORTCULLIS_OWN_ID": own_id,
        "SCHEMATHESIS_HOOKS": "hooks",
        "PYTHONPATH": str(WORK),
    }
    command = [BIN / "schemathesis", "--config-file", "schemathesis.toml", "run", f"{url}/openapi.json"]
    options = ["--max-examples", str(examples), "--seed", str(SEED)]
    run(*command, *options, cwd=WORK, env={**os.environ, **settings})
    # Otherwise much of it was answered 401 or 403, and proved little.
    assert fetch(f"{url}/agent", token=token)["role"] == "admin", "the administrator was changed"


def main() -> None:
    keep_lines = argparse.RawDescriptionHelpFormatter
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=keep_lines)
    arguments.add_argument("--examples", type=int, default=500, help="examples for each operation")
    examples = arguments.parse_args().examples
    WORK.mkdir(parents=True, exist_ok=True)
    with step("install"):
        install()
    with step("build"):
        executable = build()
    with server(executable) as url:
        document = WORK / "openapi.json"
        document.write_text(json.dumps(fetch(f"{url}/openapi.json")), encoding="utf-8")
        with step("openapi-python-client"):
            python_client(url, document)
        with step("openapi-typescript and openapi-fetch"):
            typescript_client(url, document)
    # A server of its own, so that a run can be repeated.
    with server(executable) as url:
        with step(f"schemathesis, {examples} examples for each operation"):
            property_tests(url, examples)


if __name__ == "__main__":
    main()
