#!/usr/bin/env python3
"""Races verifiers of Python and Node against portcullis, in alternation: `compare.py [ROUNDS]`.

Installs what requirements.txt and package.json name into `target/languages`, builds portcullis-peers, starts each verifier once,
lets it warm up, and then asks one after the other for a batch, round after round. Prints two tables of ratios: how many times
portcullis' time each takes by the clock, uncached beside uncached and cached beside cached; and on how many cores, where calls
are in flight together.
"""

import os
import pathlib
import statistics
import subprocess
import sys
import typing

HERE = pathlib.Path(__file__).resolve().parent
CRATE = HERE.parent
ROOT = CRATE.parent.parent
PLACE = ROOT / "target" / "languages"
ALGORITHMS = ["HS256", "ES256", "EdDSA", "RS256"]
# How long a batch takes, in nanoseconds, and how long each verifier warms up: V8 needs a while.
BATCH = 60_000_000
WARM = 1_000_000_000


def run(*command, **options):
    """A step of the installation: silent unless it fails."""
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stdout}")


def install():
    """Everything that is needed, below target/: nothing is left elsewhere."""
    PLACE.mkdir(parents=True, exist_ok=True)
    python = PLACE / "venv" / "bin" / "python"
    if not python.exists():
        run(sys.executable, "-m", "venv", PLACE / "venv")
    run(python, "-m", "pip", "install", "--quiet", "--requirement", HERE / "requirements.txt")
    (PLACE / "package.json").write_bytes((HERE / "package.json").read_bytes())
    run("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", cwd=PLACE)
    run("cargo", "build", "--release", "--locked", "--manifest-path", CRATE / "Cargo.toml")
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", CRATE / "target")).resolve()
    return python, target / "release" / "portcullis-peers"


class Time(typing.NamedTuple):
    nanoseconds: float
    cores: float


class Verifier:
    """A process that verifies what it is asked to."""

    def __init__(self, name, cached, *command):
        self.name, self.cached = name, cached
        self.process = subprocess.Popen(
            command, text=True, cwd=PLACE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=1
        )
        self.counts = {}

    def time(self, algorithm, count):
        """What one verification took, over so many: nanoseconds by the clock, and the cores that were busy meanwhile. None if
        the library does not know the algorithm."""
        self.process.stdin.write(f"{algorithm} {count}\n")
        answer = self.process.stdout.readline().strip()
        if not answer:
            sys.exit(f"{self.name} gave up")
        if answer == "-":
            return None
        clock, *processor = map(int, answer.split())
        return Time(clock / count, processor[0] / clock if processor else 1)

    def warm_up(self, algorithm):
        spent, count = 0, 1
        while spent < WARM:
            time = self.time(algorithm, count)
            if time is None:
                return
            spent += time.nanoseconds * count
            count = max(1, int(BATCH / time.nanoseconds))
        self.counts[algorithm] = count


def verifiers(python, peers, file):
    """Ours first, of each of the two tables."""
    def worker(name, cached=False):
        command = [python] if name in ("python-jose", "PyJWT") else ["node"]
        script = HERE / ("worker.py" if command == [python] else "worker.mjs")
        return Verifier(name, cached, *command, script, name, file)

    return [
        Verifier("portcullis", False, peers, "work", file),
        worker("python-jose"),
        worker("PyJWT"),
        worker("jose"),
        worker("jose, 16 in flight"),
        worker("jsonwebtoken"),
        worker("fast-jwt"),
        Verifier("portcullis, cached", True, peers, "work-cached", file),
        worker("fast-jwt, cached", cached=True),
    ]


def race(all_verifiers, algorithm, rounds):
    """The times of each round, by name."""
    racing = [verifier for verifier in all_verifiers if algorithm in verifier.counts]
    times = []
    for number in range(rounds):
        start = number % len(racing)
        order = racing[start:] + racing[:start]
        times.append({v.name: v.time(algorithm, v.counts[algorithm]) for v in order})
    return times


def cell(times, name, reference):
    if name not in times[0]:
        return "–"
    nanoseconds = statistics.median(round_[name].nanoseconds for round_ in times)
    if name == reference:
        return f"{nanoseconds / 1000:.3g} µs"
    ratio = statistics.median(round_[name].nanoseconds / round_[reference].nanoseconds for round_ in times)
    if not name.endswith("in flight"):
        return f"{ratio:.3g}"
    cores = statistics.median(round_[name].cores for round_ in times)
    return f"{ratio:.3g} on {cores:.2g} cores"


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    python, peers = install()
    file = PLACE / "tokens.json"
    file.write_text(subprocess.run([peers, "tokens"], check=True, text=True, stdout=subprocess.PIPE).stdout)
    racing = verifiers(python, peers, file)
    columns = {}
    for algorithm in ALGORITHMS:
        for verifier in racing:
            verifier.warm_up(algorithm)
        columns[algorithm] = race(racing, algorithm, rounds)
    for cached in (False, True):
        group = [verifier.name for verifier in racing if verifier.cached == cached]
        reference = group[0]
        title = f"times {reference}" if cached else f"times {reference}, uncached"
        print(f"| {title} | {' | '.join(ALGORITHMS)} |\n|---|{'---|' * len(ALGORITHMS)}")
        for name in group:
            print(f"| {name} | {' | '.join(cell(columns[a], name, reference) for a in ALGORITHMS)} |")
        print()


if __name__ == "__main__":
    main()
