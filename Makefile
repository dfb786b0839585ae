# Each target makes what it needs first: the project's environment and, for the targets that run Cassandra,
# Java 17 and Maven, Chromium for the tests of the page, or HAProxy and matplotlib for the benchmark. All of it
# is kept in $CQLPROXY_CACHE (~/.cache/cqlproxy), so only the first run is slow.

PYTHON ?= python3
OLD_PYTHON := import sys; sys.version_info >= (3, 11) or sys.exit("cqlproxy needs Python 3.11: make PYTHON=python3.11")
RUN := $(PYTHON) -c '$(OLD_PYTHON)' && $(PYTHON) -m bootstrap

.DEFAULT_GOAL := help
.PHONY: help demo test test-long drivers fuzz soak check lock format docs dashboards unit integration bench bench-nodes bench-micro bench-rules bench-scrapes bench-journal profile

help:
	@echo "make demo         primary, shadow, proxy and an ordinary program, then both clusters compared"
	@echo "make demo KEEP=1  the same, and all of it left running until Ctrl-C"
	@echo "make test         lint, types, unit tests and integration tests on real Cassandra nodes"
	@echo "make test-long    outages of a minute, 50 stops, each fault on each of three nodes, 50,000 operations in each mode"
	@echo "make drivers      every client of tests/drivers, and docs/drivers.md of what they saw (CLIENTS=, a pattern: those alone)"
	@echo "make fuzz         10 million mutated frames (FRAMES=) against a running proxy"
	@echo "make soak         30 minutes (MINUTES=) at half load, with switches, restarts and crowds; build/soak.json (OUT=)"
	@echo "make check        lint, format, types, and an audit of what is installed for known vulnerabilities"
	@echo "make lock         lock what is installed to the newest versions that pyproject.toml allows"
	@echo "make format       lint with fixes, and format, in place"
	@echo "make docs         the references in docs/, made of the program"
	@echo "make dashboards   the dashboards in monitoring/, made of the program that describes them"
	@echo "make unit         unit tests only"
	@echo "make integration  integration tests only"
	@echo "make bench-micro  what one request costs inside the proxy: calls, bytecode, memory, processor time"
	@echo "make bench        beside HAProxy: CPU, requests/s, latency, memory; table and plots in build/bench (OUT=...)"
	@echo "make bench PARTS='closed-loop growth'  some of its parts only"
	@echo "make bench-nodes  the same on real nodes, and with latte when it is installed"
	@echo "make profile KIND=insert|select|text|batch [JOURNAL=always]  flame graph and hottest functions under load"
	@echo "make bench-rules  what 10,000 tenants and 500 table patterns in the rules cost per request"
	@echo "make bench-scrapes  what a scrape of /metrics each second costs under full load"
	@echo "make bench-journal  what the journal costs, spills and replays, and the memory of 5 million waiting copies"

demo:
	@$(RUN) --java python -m demo.run $(if $(filter-out 0,$(KEEP)),--keep)

# Two at a time those that measure nothing; alone those that do; then those that share nodes. The drivers have a
# target of their own.
test: check unit
	@$(RUN) --java --chromium pytest tests/integration

test-long:
	@CQLPROXY_AWAY_SECONDS=60 CQLPROXY_OPERATIONS=200000 CQLPROXY_STOPS=50 \
		CQLPROXY_NODE_ROUNDS=3 CQLPROXY_NODE_RATE=2000 $(RUN) --java pytest \
		tests/integration/test_shadow_away.py tests/integration/test_convergence.py tests/integration/test_stopping.py \
		tests/integration/test_three_nodes.py

drivers:
	@CQLPROXY_CLIENTS='$(CLIENTS)' CQLPROXY_TRANSCRIPTS=build/drivers $(RUN) --java \
		pytest tests/drivers --deselect tests/drivers/test_clients.py::test_the_page_tells_what_was_seen
ifeq ($(CLIENTS),)
	@$(RUN) python -m tests.drivers.page build/drivers > docs/.made && mv docs/.made docs/drivers.md
endif

fuzz:
	@CQLPROXY_FUZZ_FRAMES=$(or $(FRAMES),10000000) $(RUN) --java pytest -s -o faulthandler_timeout=0 tests/integration/test_fuzz.py

soak:
	@$(RUN) --java python -m tests.integration.soak --minutes $(or $(MINUTES),30) --out $(or $(OUT),build/soak.json)

check:
	@$(RUN) ruff check
	@$(RUN) ruff format --check
	@$(RUN) mypy
	@$(PYTHON) -m bootstrap.audit

lock:
	@$(PYTHON) -m bootstrap.locks

format:
	@$(RUN) ruff check --fix
	@$(RUN) ruff format

docs:
	@$(RUN) python -m cqlproxy.config.reference > docs/.made && mv docs/.made docs/configuration.md
	@$(RUN) python -m cqlproxy.cli.reference > docs/.made && mv docs/.made docs/cli.md
	@$(RUN) python -m cqlproxy.admin.reference > docs/.made && mv docs/.made docs/api.md
	@$(RUN) python -m k8s.values_schema
	@$(RUN) python -m cqlproxy.exposition.reference > docs/.made && mv docs/.made docs/metrics.md

dashboards:
	@$(RUN) python -m monitoring

unit:
	@$(RUN) pytest -n 2 --dist loadfile tests/unit --ignore=tests/unit/benchmarks
	@$(RUN) pytest tests/unit/benchmarks

integration:
	@$(RUN) --java --chromium pytest tests/integration

bench-micro:
	@$(RUN) python -m benchmarks.micro

bench:
	@$(RUN) --java --haproxy --plots python -m benchmarks --out $(or $(OUT),build/bench) $(PARTS)

bench-nodes:
	@$(RUN) --java --haproxy --plots python -m benchmarks --out $(or $(OUT),build/bench) real-nodes latte

bench-rules:
	@$(RUN) --java python -m benchmarks.rules_cost

bench-scrapes:
	@$(RUN) --java python -m benchmarks.scrapes_cost

bench-journal:
	@$(RUN) --java python -m benchmarks.journal_cost

profile:
	@$(RUN) --java python -m benchmarks.profiling $(KIND) $(if $(JOURNAL),--journal $(JOURNAL))
