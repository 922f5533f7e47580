# Every target makes ready what it needs; nothing has to be installed first but git, make and Python 3.11.
#
# DATABASE_URL, DATA_DIR, HOST and PORT come from the environment, from .env, or as `make run PORT=8080`.

ARGS ?=
COUNT ?=
FILE ?=
FUNCTION ?=
ROUNDS ?=
SECONDS ?=
SEED ?=
SIZES ?=
WORLD ?=

bin := .venv/bin

# With a database elsewhere no server is needed here.
elsewhere := $(DATABASE_URL)$(shell grep -s '^DATABASE_URL=.' .env)
client_only := $(if $(elsewhere),--client-only)

.PHONY: help setup run test openapi coverage mutants interleavings soak bench bench-growth lint format import psql clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install what is missing: PostgreSQL, the Python packages
	@tools/setup.sh --dev $(client_only)

run: ## serve, with a database and a little stock to try it on
	@tools/setup.sh $(client_only) && exec $(bin)/python -m tools.run $(ARGS)

test: ## run the tests; ARGS='-k reserve' for some of them
	@tools/setup.sh && exec $(bin)/python -m pytest $(ARGS)

openapi: ## write docs/openapi.json, which the server serves
	@tools/setup.sh && exec $(bin)/python -m tools.openapi

coverage: ## run the tests and write docs/coverage.md: what of the database's functions they run; ARGS for some of them
	@tools/setup.sh && exec $(bin)/python -m tools.coverage $(ARGS)

interleavings: ## let calls take turns between their statements, in as many ways as time allows; SECONDS=600 SEED=7
	@tools/setup.sh && exec $(bin)/python -m tests.interleavings $(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED)) $(ARGS)

soak: ## play all APIs while things break, then explain every answer; SECONDS=60 SEED=7 WORLD=plain|workers|failover
	@tools/setup.sh && exec $(bin)/python -m soak --seconds $(or $(SECONDS),60) $(if $(SEED),--seed $(SEED)) $(if $(WORLD),--world $(WORLD)) $(ARGS)

mutants: ## change the rules, see a test fail, write docs/mutants.md; FUNCTION=inventory.hold, COUNT=600 SEED=1
	@tools/setup.sh && exec $(bin)/python -m tools.mutants $(if $(FUNCTION),--function $(FUNCTION)) $(if $(COUNT),--count $(COUNT)) \
		$(if $(SEED),--seed $(SEED)) $(ARGS)

bench: ## measure the service beside others, 40 minutes; ROUNDS=3 SECONDS=3, ARGS=--quick for 12 minutes
	@tools/setup.sh --bench && exec $(bin)/python -m bench.compare $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SECONDS),--seconds $(SECONDS)) $(ARGS)

bench-growth: ## measure 10 thousand to 10 million products, write docs/growth.*; SIZES='10000 100000'
	@tools/setup.sh --bench && exec $(bin)/python -m bench.growth $(if $(SIZES),--sizes $(SIZES)) $(ARGS)

lint: ## check style, types, SQL and migrations
	@tools/setup.sh --dev --client-only
	$(bin)/ruff check
	$(bin)/ruff format --check
	$(bin)/mypy
	$(bin)/sqlfluff lint db init.sql
	$(bin)/squawk db/migrations/*.sql

format: ## format the code, and mend what tools can mend
	@tools/setup.sh --dev --client-only
	$(bin)/ruff format
	$(bin)/ruff check --fix
	$(bin)/sqlfluff fix db init.sql

import: ## create the products of a file, all or none; FILE=products.csv or .ndjson
	@tools/setup.sh --client-only && exec $(bin)/python -m tools.import_products "$(FILE)"

psql: ## open the database that `make run` serves; ARGS='-c "select 1"' for one query
	@tools/setup.sh --client-only && exec $(bin)/python -m tools.cluster psql $(ARGS)

clean: ## remove the virtual environments and the caches, never the data
	rm -rf .venv .venv-bench bench/peers/postgraphile/node_modules .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find bench db server soak tests tools -name __pycache__ -type d -prune -exec rm -rf {} +
