# Recipes for developers. Without `just` on the PATH: uv run just RECIPE

# Python keeps what it compiled, also where the machine says not to: else every process compiles every package anew
export PYTHONDONTWRITEBYTECODE := ""

# the test command of README.md, which CI runs as well
test_command := `sed -n 's/^\(python3 -m pip install uv && python3 -m uv run pytest.*\)$/\1/p' README.md | head -n 1`

# list the recipes
default:
    @just --list

# style, types, layers
check:
    uv run ruff check .
    uv run ruff format --check .
    uv run mypy
    uv run lint-imports

# unit and property tests without servers, PostgreSQL and what is slow; `just fast ledger` runs those with that word
fast words="test" *arguments:
    @echo "Left out: tests marked servers, browser, trl, postgresql or slow, those in tests/slow_tests.txt, and nine in ten of Hypothesis's examples."
    uv run pytest -n 2 tests/unit tests/property --hypothesis-profile fast -m "not (servers or browser or trl or postgresql or slow)" -k "{{ words }}" {{ arguments }}

# time the tests that `just fast` could run, and list the slowest in tests/slow_tests.txt: it leaves them out
slow:
    uv run pytest -n 2 tests/unit tests/property --hypothesis-profile fast -m "not (servers or browser or trl or postgresql or slow)" --write-slow-tests

# property tests, each with examples that no run drew before
explore *arguments:
    uv run pytest tests/property --hypothesis-profile explore {{ arguments }}

# all tests, on real servers
test:
    {{ test_command }}

# one benchmark, such as `just bench redaction`; its first lines say what it takes
bench name *arguments:
    PYTHONPATH=. uv run python bench/{{ name }}.py {{ arguments }}

# the SBOM of a release, in CycloneDX: every package that is locked, for the workbench and for the servers
sbom path="dist/sbom.cdx.json":
    uv run python docs/sbom.py "{{ path }}"

# a release: source, wheel and SBOM, in dist/
release: sbom
    uv build --out-dir dist
