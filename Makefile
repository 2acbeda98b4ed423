# Every command makes what it needs first: a venv from requirements.txt, the data.
# `make help` lists them.

PYTHON ?= python3# the Python, 3.11 to 3.13, that the venv is made with
VENV   ?= .venv
PAGE   ?= # one page, as in models/logistic-regression.md; all by default
ALL    ?= # anything: run all that is handed out, whatever the cache says
PORT   ?= 8000
SUDO   ?= $(shell [ "$$(id -u)" = 0 ] || echo sudo)# what apt-get is run with (browser)

RUN   := $(VENV)/bin/python -m
PINS  := requirements.txt $(wildcard requirements/*.txt)
READY := $(VENV)/ready
export ALL
export NO_MKDOCS_2_WARNING := 1

.DEFAULT_GOAL := help
.PHONY: help serve site test browser record data lint clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  PYTHON=python3.12 chooses the Python of a new venv; PAGE=models/x.md one page (record);"
	@echo "  ALL=1 runs all again, every notebook and stand-alone program too (test); PORT=8000 (serve)"

serve: data ## build the site and serve it, with live reload
	$(RUN) mkdocs serve --dev-addr 127.0.0.1:$(PORT) --watch snippets --watch pagecode

site: data ## verify every page, then build the site into site/
	$(RUN) pagecode verify
	$(RUN) mkdocs build --strict --quiet
	@echo "the site is in site/"

test: lint data ## prove the project: every block of every page, every function
	@[ -t 1 ] && [ -z "$$CI" ] && set -- --verbose -o console_output_style=times; \
	echo "$(RUN) pytest $$*"; $(RUN) pytest "$$@"

browser: ## install what the browser tests need (Debian): Chromium, fonts
	@command -v apt-get > /dev/null \
	|| { echo "there is no apt-get here: install Chromium in another way"; exit 1; }
	$(SUDO) apt-get install --yes --no-install-recommends chromium fonts-liberation

record: data ## rewrite the outputs that differ from what the blocks print
	$(RUN) pagecode record $(PAGE)

data: $(READY) ## fill data/: DATA_CACHE, the official hosts, or stand-ins
	@$(RUN) pagecode data

lint: $(READY) ## check format and lint (ruff) and types (mypy)
	@$(RUN) ruff format --check --quiet . || { echo "to mend: $(RUN) ruff format ."; exit 1; }
	@$(RUN) ruff check --quiet .
	@$(RUN) mypy --no-error-summary

clean: ## remove the venv, the caches and the site (never data/)
	rm -rf $(VENV) .cache site

# The venv: made once, and again when a pin changes.
$(READY): $(PINS)
	@$(PYTHON) -c "import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))" \
	|| { echo "Python 3.11 to 3.13 is needed; '$(PYTHON)' is none: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c "import ensurepip, venv" 2> /dev/null \
	|| { echo "'$(PYTHON)' lacks the venv module (on Debian: apt install python3-venv)"; exit 1; }
	@echo "making $(VENV): a few minutes, 3.3 GB of downloads, 8.3 GB on disk; once"
	$(PYTHON) -m venv $(VENV)
	$(RUN) pip install --quiet --disable-pip-version-check --requirement requirements.txt
	@touch $@
