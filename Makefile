# make demo   learn and measure on the practice airline, offline (first run: sets up .venv-demo)
# make test   all checks and all tests        make check   lint, format, types, layers
# make bench  the benchmarks                  make docs    regenerate what the docs quote from the code
# make screenshots  take the pictures of the review app again
.DEFAULT_GOAL := help
.PHONY: help demo test browser check format bench bench-peers bench-review bench-star bench-serve screenshots docs lock clean

PYTHON ?= python3
VENV ?= .venv
RUN := $(VENV)/bin
SET := $(VENV)/.set-up-dev
# What is imported is compiled once, even where this is set for everybody: see --no-compile below.
export PYTHONDONTWRITEBYTECODE :=
DEMO_VENV ?= .venv-demo
DEMO_SET := $(DEMO_VENV)/.set-up
COMPILED := setup.py $(wildcard src/preceptor/library/compiled*.p[yx][xi])

help:
	@sed -n 's/^# //p' Makefile | head -4

# A stamp file per environment: made again when the lock, the version or what is compiled changes.
# --no-compile: most of what these packages hold is never imported; to compile it all ahead takes a minute.
$(SET): locks/dev.txt pyproject.toml $(COMPILED)
	@$(PYTHON) -c 'import sys; sys.exit("Preceptor needs Python 3.11 or newer; name one: make PYTHON=python3.12 ...") if sys.version_info < (3, 11) else None'
	@test -x $(RUN)/python || $(PYTHON) -m venv $(VENV)
	$(RUN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r locks/dev.txt
	$(RUN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(DEMO_SET): locks/run.txt pyproject.toml $(COMPILED)
	@$(PYTHON) -c 'import sys; sys.exit("Preceptor needs Python 3.11 or newer; name one: make PYTHON=python3.12 ...") if sys.version_info < (3, 11) else None'
	@echo "Setting up (once) ..."
	@test -x $(DEMO_VENV)/bin/python || $(PYTHON) -m venv $(DEMO_VENV)
	@$(DEMO_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r locks/run.txt
	@$(DEMO_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(DEMO_SET)
	@$(DEMO_VENV)/bin/preceptor demo

test: check browser
	$(RUN)/pytest -n 2 --dist loadgroup

# A Chromium for the browser tests: the one that is here, else Debian's, else Playwright's own.
browser: $(SET)
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null \
		|| { test "$$(id -u)" = 0 && apt-get install --yes --quiet chromium >/dev/null; } \
		|| $(RUN)/python -m playwright install chromium \
		|| echo "no Chromium could be had: the browser tests are skipped (in CI: they fail)"

# SQL from own names is ruff's S608, with a reason at each place; pip-audit says so where no registry answers.
check: $(SET)
	$(RUN)/ruff check
	$(RUN)/ruff format --check
	$(RUN)/basedpyright
	$(RUN)/lint-imports
	$(RUN)/bandit --quiet --recursive src --severity-level medium --skip B608
	@$(RUN)/python .ci/audit.py locks/run.txt

format: $(SET)
	$(RUN)/ruff check --fix
	$(RUN)/ruff format

bench: $(SET)
	$(RUN)/python -m bench

# LiteLLM in a venv of its own, with numpy for its hook; where it cannot be had, the benchmark goes on without.
bench-serve: $(SET)
	@test -x .venv-litellm/bin/litellm || $(PYTHON) -m venv .venv-litellm
	-@test -x .venv-litellm/bin/litellm || .venv-litellm/bin/python -m pip install --quiet --disable-pip-version-check \
		"litellm[proxy]>=1.80,<2" numpy
	$(RUN)/python -m bench serve

# Other tools in a venv of their own: what cannot be had is left out, with a word.
PEERS_VENV ?= .venv-peers
bench-peers: $(SET)
	@test -x $(PEERS_VENV)/bin/python || $(PYTHON) -m venv $(PEERS_VENV)
	-$(PEERS_VENV)/bin/python -m pip install --quiet --disable-pip-version-check "gepa>=0.1.4,<0.2"
	-$(PEERS_VENV)/bin/python -m pip install --quiet --disable-pip-version-check "dspy>=3.4,<4" "optuna>=4,<6"
	$(RUN)/python -m bench.peers --python $(PEERS_VENV)/bin/python

bench-review: $(SET)
	$(RUN)/python -m bench.review

bench-star: $(SET)
	$(RUN)/python -m bench.star

screenshots: browser
	$(RUN)/python docs/screenshots.py

docs: $(SET)
	$(RUN)/python docs/generate.py --picture

lock: $(SET)
	$(RUN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 \
		pyproject.toml locks/build.in -o locks/run.txt
	$(RUN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 \
		pyproject.toml locks/build.in --all-extras --group dev --group bench -c locks/run.txt -o locks/dev.txt

clean:
	rm -rf $(DEMO_VENV) build dist .pytest_cache .ruff_cache .hypothesis .import_linter_cache
