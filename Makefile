# One command for each thing one does with this project. `make` alone lists them.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
# The tests start some hundred programs of ours: each module is compiled once for all of them.
unexport PYTHONDONTWRITEBYTECODE

PORT ?= 8000
# Random orders of writes, doorbells and faults that `make soak` tries besides: some 20 minutes.
INTERLEAVINGS ?= 20000
VENV := .venv
BIN := $(VENV)/bin
# In the version that package.json names, from node_modules or npx's cache; no lock file.
BIOME := npx --yes @biomejs/biome@$(shell sed -nE 's/.*"@biomejs\/biome": "([0-9.]+)".*/\1/p' package.json)
TSC := npx --yes --package typescript@$(shell sed -nE 's/.*"typescript": "([0-9.]+)".*/\1/p' package.json) tsc
# What the tests start, or ask.
TEST_PROGRAMS := chromium firefox-esr redis-server postgres mariadbd node nginx caddy haproxy pushpin openssl curl msgfmt systemd-analyze
JS_TESTS := $(wildcard tests/js/*.test.*js tests/js/*/*.test.*js)
# The first Python on this machine that is new enough. PYTHON= chooses another one.
PYTHON ?= $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 python3.11,$(shell \
	$(name) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(name))))

.PHONY: help run scripts test test-unit hosts matrix lint format messages docs reference coverage reliability soak clients bench screenshots constraints sbom clean check-port

help: ## List what `make` can do
	@echo 'Usage: make <target>'
	@sed -nE 's/^([a-z-]+):.*## (.*)/  \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 16

run: export DEBUG := 1
run: check-port $(VENV)/.installed ## Start the site with demo data at http://127.0.0.1:8000/ (PORT=8001: elsewhere)
	@$(BIN)/python manage.py migrate --verbosity 0
	@$(BIN)/python manage.py create_demo
	@printf '\n  Open       http://127.0.0.1:%s/\n' '$(PORT)'
	@printf '  Log in as  user1 or user2; as admin to send notifications from http://127.0.0.1:%s/admin/\n' '$(PORT)'
	@printf '  Password   demo\n\n'
	@$(BIN)/python manage.py runserver '127.0.0.1:$(PORT)'

scripts: $(VENV)/bin/python ## Build what pages load from notifications/frontend/ (ARGS=--watch: after each change; ARGS=--sizes)
	@scripts/setup_system.sh node npx
	@$(BIN)/python scripts/build_scripts.py $(ARGS)

test: $(VENV)/.installed-dev $(VENV)/.installed-mariadb node_modules/.installed ## Install what the tests need and run all of them (ARGS='-k badge': some of them)
	@scripts/setup_system.sh $(TEST_PROGRAMS)
	$(if $(JS_TESTS),node --test $(JS_TESTS))
	@$(BIN)/python -m pytest -n 2 --dist loadgroup --no-loadscope-reorder $(ARGS)

test-unit: $(VENV)/.installed-dev ## Run the tests that need only Python, in under three minutes (ARGS='-k badge': some of them)
	@$(BIN)/python -m pytest -n 2 tests/unit $(ARGS)

browsers: $(VENV)/.installed-dev ## Run the tests that drive a browser, all of them in Chromium and in Firefox
	@scripts/setup_system.sh chromium firefox-esr redis-server postgres nginx caddy haproxy openssl
	@$(BIN)/python -m pytest tests/e2e --each-browser -n 2 --dist loadgroup --no-loadscope-reorder $(ARGS)

hosts: $(VENV)/.installed-dev ## Build projects as other people have them, install the app into each, and see it work
	@scripts/setup_system.sh chromium postgres redis-server
	@$(BIN)/python -m pytest tests/hosts $(ARGS)

lint: export DEBUG := 1
lint: $(VENV)/.installed-dev ## Check style, types, front end, Django's system checks and missing migrations
	@scripts/setup_system.sh node npx
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIOME) ci
	$(TSC)
	$(BIN)/python manage.py check --fail-level WARNING
	$(BIN)/python manage.py makemigrations --check --dry-run

format: $(VENV)/.installed-dev ## Rewrite the code in the style that `make lint` asks for
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIOME) check --write

messages: $(VENV)/.installed ## Collect the words for translation and compile the catalogues (ARGS=de: start a language)
	@scripts/setup_system.sh msgfmt
	@$(BIN)/python scripts/messages.py $(ARGS)

# Not --quiet: dead anchors would be passed over. The variable keeps the theme from advertising its successor.
docs: export NO_MKDOCS_2_WARNING := 1
docs: $(VENV)/.installed-dev ## Build the documentation as a site in site/; a dead link fails
	@$(BIN)/mkdocs build --strict $(ARGS)
	@echo 'Open site/index.html'

reference: $(VENV)/.installed-dev ## Write the parts of docs/reference that the code knows: settings, functions, commands, log events
	@$(BIN)/python scripts/reference.py

coverage: $(VENV)/.installed-dev $(VENV)/.installed-mariadb node_modules/.installed ## Run the Python tests and list the lines and branches they miss
	@scripts/setup_system.sh $(TEST_PROGRAMS)
	@$(BIN)/coverage run -m pytest $(ARGS)
	@$(BIN)/coverage report

matrix: $(VENV)/.installed-dev $(VENV)/.installed-mariadb ## Run the unit tests, a host project and a browser on each Python and Django (ARGS=3.13-6.1: one pair)
	@scripts/setup_system.sh chromium
	@$(BIN)/python scripts/matrix.py $(ARGS)

soak: $(VENV)/.installed-dev $(VENV)/.installed-mariadb ## Break things at random for 100,000 changes and compare clients with the database
	@scripts/setup_system.sh redis-server postgres mariadbd
	@$(BIN)/python -m tests.faults.soak $(ARGS)
	@INTERLEAVINGS=$(INTERLEAVINGS) $(BIN)/python -m pytest -q -o faulthandler_timeout=0 tests/unit/hub/test_hub_interleavings.py

reliability: $(VENV)/.installed-dev ## Break one thing after the other and write the figures into docs/reliability.md
	@scripts/setup_system.sh redis-server postgres
	@$(BIN)/python -m pytest tests/faults --write-reliability $(ARGS)

clients: $(VENV)/.installed-dev node_modules/.installed ## Run every foreign client and browser on all servers and proxies and write the matrix into docs/clients.md
	@scripts/setup_system.sh node curl openssl nginx caddy haproxy chromium firefox-esr
	@$(BIN)/python -m pytest tests/clients --write-clients $(ARGS)

bench: $(VENV)/.installed-dev ## Measure latency, CPU and memory with hundreds of open streams
	@$(BIN)/python bench/run.py $(ARGS)

screenshots: $(VENV)/.installed-dev ## Take a picture of every state with a real browser, for docs/screenshots.md
	@scripts/setup_system.sh chromium chinese-font
	@$(BIN)/python scripts/screenshots.py $(ARGS)

# Names, versions and hashes only: neither tells whose index was asked.
HASHED := $(BIN)/uv pip compile --quiet --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url

constraints: $(VENV)/.installed-dev ## Write constraints-hashed.txt from the requirements and constraints.txt
	@$(HASHED) requirements-dev.txt --output-file constraints-hashed.txt
	@sed -i '1i # Written by `make constraints` from requirements-dev.txt and constraints.txt: what an installation may consist of, to the byte.\n# pip install --require-hashes -r constraints-hashed.txt' constraints-hashed.txt

SBOM ?= sbom.json
sbom: $(VENV)/.installed-dev ## List what a deployment consists of, as CycloneDX, in sbom.json (SBOM=: elsewhere)
	@$(HASHED) requirements.txt --output-file $(SBOM).txt
	@$(BIN)/uv tool run --quiet --from cyclonedx-bom==7.5.0 cyclonedx-py requirements \
		--pyproject pyproject.toml --output-reproducible --output-file $(SBOM) $(SBOM).txt
	@rm $(SBOM).txt
	@echo 'Written to $(SBOM)'

clean: ## Remove what `make` has made, except the virtual environment and your database
	rm -rf build dist site *.egg-info staticfiles htmlcov .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

# --- What the targets stand on ---

check-port: $(VENV)/bin/python
	@$(BIN)/python scripts/check_port.py '$(PORT)'

$(VENV)/bin/python:
	@if [[ -z '$(PYTHON)' ]]; then \
		echo "Python 3.11 or newer is needed, and python3 is $$(python3 --version 2>&1 || true)." >&2; \
		echo 'Install one, or say where it is: make run PYTHON=/path/to/python3.11' >&2; exit 1; fi
	@'$(PYTHON)' -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; $(PYTHON) is " + sys.version.split()[0])'
	@'$(PYTHON)' -m venv $(VENV) || { rm -rf $(VENV); echo 'On Debian and Ubuntu: apt-get install python3-venv' >&2; exit 1; }

# The stamps make the second run quick; a change in what is required makes them stale.
$(VENV)/.installed: requirements.txt constraints.txt | $(VENV)/bin/python
	@echo 'Installing the requirements (once; it takes a minute)'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt requirements-docs.txt requirements.txt constraints.txt | $(VENV)/bin/python
	@echo 'Installing the requirements of the tests (once; it takes a minute)'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

$(VENV)/.installed-mariadb: requirements-mariadb.txt | $(VENV)/.installed-dev
	@scripts/setup_system.sh mariadb_config pkg-config cc python-headers
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-mariadb.txt
	@touch $@

# What the tests need from npm, as package.json names it. No lock file: it would carry download addresses.
node_modules/.installed: package.json
	@scripts/setup_system.sh node npm
	@npm install --no-package-lock --no-audit --no-fund --silent
	@touch $@
