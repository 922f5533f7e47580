# Every target installs what it needs. Only git, make and Python 3.11 must be there first.
#
# DATABASE_URL, DATA_DIR, HOST, PORT and POSTGRESQL_BIN are read from the environment, from .env, or from `make run PORT=8080`.

ARGS ?=
COUNT ?=
FILE ?=
FUNCTION ?=
ROUNDS ?=
SECONDS ?=
SEED ?=
SIZES ?=
VERSION ?=
WORLD ?=

bin := .venv/bin
biome := tools/biome/node_modules/@biomejs/cli-linux-x64/biome

# The tests start many Python processes. Without bytecode files each compiles the modules again.
export PYTHONDONTWRITEBYTECODE :=

# If the database is on another host, or the server's programs are named, no PostgreSQL server is installed.
elsewhere := $(DATABASE_URL)$(POSTGRESQL_BIN)$(shell grep -sE '^(DATABASE_URL|POSTGRESQL_BIN)=.' .env)
client_only := $(if $(elsewhere),--client-only)

.PHONY: help setup run test test-postgresql test-worlds test-clients test-scores test-deploy openapi requirements release coverage mutants interleavings soak cluster cluster-soak poolers bench bench-growth lint lint-python lint-sql lint-types lint-deploy lint-board format import psql clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install PostgreSQL and the Python packages, as far as they are missing
	@tools/setup.sh --dev $(client_only)

run: ## start the server, with a database and some demo stock
	@tools/setup.sh $(client_only) && exec $(bin)/python -m tools.run $(ARGS)

test: ## run the tests; ARGS='-k reserve' for some of them
	@tools/setup.sh --backups --browser && exec $(bin)/python -m pytest $(ARGS)

test-postgresql: ## run the tests on another PostgreSQL, fetched with npm: VERSION=18; ARGS
	@tools/setup.sh --npm && directory=$$($(bin)/python -m tools.postgresql "$(VERSION)") && \
		POSTGRESQL_BIN=$$directory exec $(bin)/python -m pytest -m 'not packages' $(ARGS)

worlds := owner no-cron pooler

test-worlds: ## run tests/http as an owner without superuser, without pg_cron, behind PgBouncer; WORLD=pooler for one, ARGS for some tests
	@tools/setup.sh && tools/poolers.sh && for world in $(or $(WORLD),$(worlds)); do \
		TEST_WORLD=$$world $(bin)/python -m pytest $(or $(ARGS),tests/http) || exit; done

test-clients: ## make clients of docs/openapi.json with the usual generators, compile and run them; ARGS='java go' for some
	@tools/setup.sh --clients && exec $(bin)/python -m tests.clients $(ARGS)

test-scores: ## let Lighthouse judge each page of the board; 4 minutes
	@tools/setup.sh --scores && exec $(bin)/python -m pytest -n 1 tests/board/scores.py $(ARGS)

test-deploy: ## a newcomer's afternoon: images, first sale, dashboard, backup, restore, upgrade; root, Debian, 5 minutes
	@tools/setup.sh --deploy && exec $(bin)/python -m pytest -n 0 tests/deploy/afternoon.py tests/deploy/live.py $(ARGS)

requirements: ## write deploy/requirements.txt: the packages of the image, with hashes
	@tools/setup.sh --dev --client-only
	@$(bin)/uv pip compile --quiet --no-header --no-annotate --generate-hashes --python-platform linux --python-version 3.13 \
		--constraint requirements.txt --output-file deploy/requirements.txt deploy/requirements.in

openapi: ## write docs/openapi.json, which the server serves
	@tools/setup.sh && exec $(bin)/python -m tools.openapi

release: ## write a release of what is committed to dist/
	@tools/setup.sh && exec $(bin)/python -m tools.release $(ARGS)

coverage: ## write docs/coverage.md: which lines of the database functions the tests run; ARGS for some tests
	@tools/setup.sh && exec $(bin)/python -m tools.coverage $(ARGS)

interleavings: ## test many interleavings of two calls' statements; SECONDS=600 SEED=7
	@tools/setup.sh && exec $(bin)/python -m tests.interleavings $(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED)) $(ARGS)

soak: ## call all APIs under injected faults, then check every answer; SECONDS=60 SEED=7 WORLD=plain|workers|failover
	@tools/setup.sh && exec $(bin)/python -m soak --seconds $(or $(SECONDS),60) $(if $(SEED),--seed $(SEED)) $(if $(WORLD),--world $(WORLD)) $(ARGS)

cluster: ## start the service as several machines run it, on this one: etcd, Patroni, HAProxy, four servers; PORT
	@tools/setup.sh --cluster && exec $(bin)/python -m tools.machines

cluster-soak: ## make soak over that cluster, then twenty failovers in a row; SECONDS=120 SEED=7, ARGS='--failovers 5'
	@tools/setup.sh --cluster && exec $(bin)/python -m soak --world patroni --seconds $(or $(SECONDS),120) \
		$(if $(SEED),--seed $(SEED)) --recovery-seconds 30 --failovers 20 $(ARGS)

poolers: ## run the servers behind PgBouncer, old and new, in transaction and session mode
	@tools/setup.sh && tools/poolers.sh && exec $(bin)/python -m pytest -n 2 tests/poolers/check_pgbouncer.py $(ARGS)

mutants: ## mutation tests of the database functions, write docs/mutants.md; FUNCTION=inventory.post, COUNT=600 SEED=1
	@tools/setup.sh && exec $(bin)/python -m tools.mutants $(if $(FUNCTION),--function $(FUNCTION)) $(if $(COUNT),--count $(COUNT)) \
		$(if $(SEED),--seed $(SEED)) $(ARGS)

bench: ## compare the service with others, 40 minutes; ROUNDS=3 SECONDS=3, ARGS=--quick for 12 minutes
	@tools/setup.sh --bench && exec $(bin)/python -m bench.compare $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SECONDS),--seconds $(SECONDS)) $(ARGS)

bench-growth: ## measure with 10 thousand to 10 million products, write docs/growth.*; SIZES='10000 100000'
	@tools/setup.sh --bench && exec $(bin)/python -m bench.growth $(if $(SIZES),--sizes $(SIZES)) $(ARGS)

.PHONY: restore-drill

restore-drill: ## restore the newest backup to a throw-away directory, check it, and compare it with the live database
	@tools/setup.sh --client-only && exec $(bin)/python -m tools.restore_drill $(ARGS)

.PHONY: docs reference test-docs lint-docs

docs: ## build the documentation as a site, in .site/index.html
	@tools/setup.sh --dev --client-only
	@$(MAKE) --no-print-directory lint-docs && echo "$(CURDIR)/.site/index.html"

reference: ## write docs/reference from the catalog, and draw docs/pictures
	@tools/setup.sh && $(bin)/python -m tools.site.pictures && exec $(bin)/python -m tools.reference

test-docs: .venv-docs/stamp ## run the guides that need Node, pandas or dbt, which it installs in .venv-docs
	@tools/setup.sh && exec $(bin)/python -m pytest -n 2 $(ARGS) tests/readme/guides.py

.venv-docs/stamp: tests/readme/requirements.txt
	python3 -m venv --clear .venv-docs
	.venv-docs/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

lint: ## check style, types, SQL, migrations, the board and the links of the documentation
	@tools/setup.sh --lint --client-only
	@$(MAKE) --no-print-directory --jobs=2 --keep-going --output-sync=target lint-sql lint-python lint-types lint-deploy lint-docs lint-board

lint-python:
	$(bin)/ruff check
	$(bin)/ruff format --check

lint-types:
	$(bin)/mypy

# A link or an anchor that leads nowhere is an error.
lint-docs:
	$(bin)/sphinx-build --fail-on-warning --keep-going --quiet --conf-dir tools/site . .site

lint-sql:
	$(bin)/squawk db/migrations/*.sql
	$(bin)/sqlfluff lint db init.sql

lint-deploy:
	$(bin)/check-jsonschema --builtin-schema vendor.compose-spec deploy/compose.yaml
	$(bin)/kubernetes-validate --strict --quiet deploy/kubernetes/apply.yaml deploy/kubernetes/secret.example.yaml deploy/kubernetes/service.yaml

lint-board:
	$(biome) check --error-on-warnings

format: ## format the code, and fix what the linters can fix
	@tools/setup.sh --lint --client-only
	$(biome) check --write
	$(bin)/ruff format
	$(bin)/ruff check --fix
	$(bin)/sqlfluff fix db init.sql

import: ## import the products of a file, all or none; FILE=products.csv or .ndjson
	@tools/setup.sh --client-only && exec $(bin)/python -m tools.import_products "$(FILE)"

psql: ## open the database of `make run` in psql; ARGS='-c "select 1"' for one query
	@tools/setup.sh --client-only && exec $(bin)/python -m tools.cluster psql $(ARGS)

clean: ## remove the virtual environments and caches, but never the data
	rm -rf .venv .venv-bench .venv-clients .venv-docs .venv-patroni .site bench/peers/postgraphile/node_modules tests/clients/node_modules tests/board/node_modules tools/biome/node_modules .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find bench db server soak tests tools -name __pycache__ -type d -prune -exec rm -rf {} +
