#!/usr/bin/env python3
"""Runs every property test with other inputs than in ordinary runs: FUZZ_SECONDS for each (default 600).

    fuzz.py [WORD...]

With words, only the tests whose names hold one of them. Prints a line for each test: its first seed, its runs and the
number of its cases. A test that fails names the seed that repeats it; the exit code is then 1.
"""
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Cases of one run of a test that leaves their number to proptest.
CASES = 10_000

FIXED_CASES = re.compile(r"proptest_config\(ProptestConfig(?:::with_cases\(| \{ cases: )([\d_]+)")
PROPERTY = re.compile(r"#\[test\]\s+fn (\w+)\s*\(\s*(?:mut )?\w+ in ")


def properties():
    """Yields the package, the name and the number of cases of every property test."""
    for path in sorted(ROOT.glob("**/*.rs")):
        parts = path.relative_to(ROOT).parts
        text = path.read_text(encoding="utf-8")
        if "target" in parts or "proptest! {" not in text:
            continue
        fixed = FIXED_CASES.search(text)
        cases = int(fixed.group(1).replace("_", "")) if fixed else CASES
        manifest = next(folder / "Cargo.toml" for folder in path.parents if (folder / "Cargo.toml").exists())
        package = re.search(r'^name = "(.+)"', manifest.read_text(encoding="utf-8"), re.MULTILINE).group(1)
        for found in PROPERTY.finditer(text):
            yield package, found.group(1), cases


def build(packages):
    """Builds the unit tests; returns the executables of each package."""
    command = ["sh", "scripts/cargo.sh", "test", "--locked", "--no-run", "--lib", "--bins", "--message-format=json"]
    for package in sorted(packages):
        command += ["-p", package]
    lines = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    executables = {}
    for message in map(json.loads, lines):
        if message.get("executable") and message.get("profile", {}).get("test"):
            package = re.search(r"([\w-]+)[@#][^#]*$", message["package_id"]).group(1)
            executables.setdefault(package, []).append(message["executable"])
    return executables


def find_test(executables, name):
    """Returns the executable that has a test of this name, and its path in it."""
    for executable in executables:
        listed = subprocess.run([executable, "--list"], check=True, stdout=subprocess.PIPE, text=True).stdout
        for line in listed.splitlines():
            path = line.removesuffix(": test")
            if path != line and path.split("::")[-1] == name:
                return executable, path
    raise SystemExit(f"fuzz: no test is called {name}")


def fuzz(executable, path, cases, seconds):
    """Runs a test with one seed after the other; returns the first seed, the runs and the output of a failure."""
    first = random.SystemRandom().getrandbits(48)
    end = time.monotonic() + seconds
    runs = 0
    while time.monotonic() < end:
        seed = str(first + runs)
        environment = os.environ | {
            "PROPTEST_RNG_SEED": seed,
            "PROPTEST_CASES": str(cases),
            "PROPTEST_FAILURE_PERSISTENCE": "off",
        }
        run = subprocess.run(
            [executable, "--exact", path],
            check=False,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if run.returncode != 0:
            return first, runs, f"PROPTEST_RNG_SEED={seed} PROPTEST_CASES={cases}\n{run.stdout}"
        runs += 1
    return first, runs, None


def main():
    seconds = float(os.environ.get("FUZZ_SECONDS", "600"))
    words = sys.argv[1:]
    chosen = [entry for entry in properties() if not words or any(word in entry[1] for word in words)]
    executables = build({package for package, _, _ in chosen})
    total = failed = 0
    for package, name, cases in chosen:
        executable, path = find_test(executables[package], name)
        first, runs, failure = fuzz(executable, path, cases, seconds)
        total += runs * cases
        print(f"{package} {path}: seed {first}, {runs} runs, {runs * cases} cases", flush=True)
        if failure:
            failed += 1
            print(f"FAILED with {failure}", flush=True)
    print(f"{len(chosen)} property tests, {total} cases, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
