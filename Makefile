# Two commands do all the set-up: `sudo make run` traces, `sudo make test` tests.
#
# Files in the clone are made by the clone's owner, never by root; only what
# must be root (installing packages, tracing) is. Debian 12 or newer.

PYTHON ?= python3
VENV := .venv
IN_VENV := $(VENV)/bin
ARGS ?=
# Nothing but what requirements/ names, byte for byte. One of them comes as sources alone: it is
# built by what requirements/sources.txt has, not by what pip would choose itself.
INSTALL = $(IN_VENV)/python -m pip install --quiet --require-hashes --only-binary :all: \
	--no-binary argparse-manpage --no-build-isolation

OWNER := $(shell stat -c %u .)
GROUP := $(shell stat -c %g .)
# Under sudo (or as root in another's clone) a command runs as the owner of the clone.
ifeq ($(shell id -u),$(OWNER))
AS_OWNER :=
else
AS_OWNER := setpriv --reuid=$(OWNER) --regid=$(GROUP) --clear-groups env HOME=$(shell getent passwd $(OWNER) | cut -d: -f6)
endif
# sudo forgets the environment, so what matters is named.
AS_ROOT := $(if $(filter 0,$(shell id -u)),,sudo) env PYTHONDONTWRITEBYTECODE=1
export PYTHONDONTWRITEBYTECODE := 1
# What every file of a wheel is dated, so that the same source makes the same bytes; hatchling's own.
export SOURCE_DATE_EPOCH ?= 1580601600

BUILD_PACKAGES := clang llvm gcc libc6-dev libbpf-dev pkg-config python3-venv python3-dev
TEST_PACKAGES := bpftool strace procps util-linux less vim-tiny valgrind
GUEST_PACKAGES := qemu-system-x86 busybox-static
ARM64_PACKAGES := qemu-system-arm gcc-aarch64-linux-gnu libc6-dev-arm64-cross
PACKAGING_PACKAGES := binutils util-linux man-db mandoc groff-base zsh fish strace systemd
BENCH_PACKAGES := bpftrace linux-perf strace bpftool
CONTAINER_PACKAGES := podman runc debootstrap

BUILT := src/pysigsnoop/sigsnoop.bpf.o src/pysigsnoop/_native.abi3.so src/pysigsnoop/_records.py
WHEEL_MADE := dist/.made
SOURCES := build.py $(wildcard bpf/* src/native/*)

# Tracing by syscall tracepoints reads tracefs; where it is not mounted, it is mounted for this
# command alone, in a mount namespace of its own.
WITH_TRACEFS = tools/with-tracefs
LIVE_PYTEST = $(AS_ROOT) PYSIGSNOOP_REQUIRE_LIVE=$(PYSIGSNOOP_REQUIRE_LIVE) \
	PYSIGSNOOP_TEST_LOAD=$(PYSIGSNOOP_TEST_LOAD) $(WITH_TRACEFS) $(IN_VENV)/python -m pytest

.PHONY: pins sbom sanitize fuzz help build run test test-full test-load test-unit test-object test-live test-packaging test-container test-guests test-guests-quick lint types ci wheel bench bench-instructions clean

help: ## what can be made
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 28

build: $(BUILT) ## the BPF object and the extension, in place

$(BUILT) &: $(SOURCES) $(VENV)/.installed
	$(AS_OWNER) $(IN_VENV)/python build.py

$(VENV)/.installed: requirements/sources.txt requirements/develop.txt Makefile
	@$(MAKE) --no-print-directory packages WANTED="$(BUILD_PACKAGES)"
	$(AS_OWNER) $(PYTHON) -m venv $(VENV)
	$(AS_OWNER) $(INSTALL) -r requirements/sources.txt
	$(AS_OWNER) $(INSTALL) -r requirements/develop.txt
	@$(AS_OWNER) touch $@

# Versions and hashes of all that is installed, for each CPython that is supported; which index
# they come from is pip's setting. What is wanted stands in pyproject.toml.
LOCK = $(IN_VENV)/uv pip compile --quiet --universal --python-version 3.10 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make pins"

pins: $(VENV)/.supply ## renew requirements/: the newest versions that fit, with their hashes
	$(AS_OWNER) $(LOCK) pyproject.toml --upgrade --group build --group test \
		-o requirements/develop.txt
	$(AS_OWNER) $(LOCK) pyproject.toml -c requirements/develop.txt -o requirements/run.txt
	$(AS_OWNER) $(LOCK) pyproject.toml -c requirements/develop.txt --group build \
		-o requirements/build.txt
	$(AS_OWNER) $(LOCK) --upgrade --group sources -c requirements/develop.txt \
		-o requirements/sources.txt
	for group in lint packaging supply fuzz; do $(AS_OWNER) $(LOCK) pyproject.toml --upgrade \
		--group build --group $$group -c requirements/develop.txt \
		-o requirements/$$group.txt || exit; done

# Installs those of $(WANTED) that are not there; one at a time, for make -j.
.PHONY: packages
packages:
	@missing=$$(for p in $(WANTED); do dpkg-query -W -f='$${Status}\n' $$p 2>/dev/null | grep -q '^install ok installed' || echo $$p; done); \
	if [ -n "$$missing" ]; then \
		echo "installing" $$missing; \
		$(AS_ROOT) DEBIAN_FRONTEND=noninteractive flock /var/lib/dpkg sh -c "apt-get update -qq && \
			apt-get install -y -qq --no-install-recommends $$(echo $$missing) >/dev/null"; \
	fi

run: build ## trace until Ctrl-C (ARGS='-s KILL -j' passes arguments)
	@$(AS_ROOT) PYTHONPATH=src $(WITH_TRACEFS) $(IN_VENV)/python -m pysigsnoop $(ARGS)

test: build ## unit, object, native, budget, live and load tests (ARGS passes arguments to pytest)
	@$(MAKE) --no-print-directory packages WANTED="$(TEST_PACKAGES)"
	$(LIVE_PYTEST) tests/unit tests/object tests/native tests/budget tests/live tests/load $(ARGS)

test-unit: build ## no root, no libbpf
	$(IN_VENV)/python -m pytest tests/unit $(ARGS)

test-object: build ## the compiled object: sections, types, the same bytes twice
	@$(MAKE) --no-print-directory packages WANTED="$(TEST_PACKAGES)"
	$(IN_VENV)/python -m pytest tests/object $(ARGS)

test-live: build ## real signals on the running kernel; needs root
	@$(MAKE) --no-print-directory packages WANTED="$(TEST_PACKAGES)"
	$(LIVE_PYTEST) tests/live $(ARGS)

test-load: build ## floods and cycles in their long form; needs root
	@$(MAKE) --no-print-directory packages WANTED="$(TEST_PACKAGES)"
	$(LIVE_PYTEST) tests/load -s $(ARGS)
test-load: PYSIGSNOOP_TEST_LOAD := full

test-packaging: sbom ## every way to install, on every CPython of this machine; needs root
	@$(MAKE) --no-print-directory packages WANTED="$(PACKAGING_PACKAGES)"
	$(LIVE_PYTEST) tests/packaging $(ARGS)

test-container: wheel ## the wheel in containers, privileged and not; needs root
	@$(MAKE) --no-print-directory packages WANTED="$(CONTAINER_PACKAGES)"
	$(LIVE_PYTEST) tests/container $(ARGS)

# KERNELS=all takes every kernel to be had. On each, its features are tried, and then each family of
# programs, but for tests marked once, which take the first. A run of all tests writes what it found
# into the page.
KERNELS ?= 5.10,6.1,6.12,newest
GUEST_ARGS ?= tests/live
FAMILIES ?= features fentry tracepoint raw
JOBS ?= 1
GUEST_PAGE ?= $(if $(filter-out tests/live,$(GUEST_ARGS)),,--table docs/kernels.md)
test-guests: build ## the live tests on other kernels, into docs/kernels.md; needs root (KERNELS=all)
	@$(MAKE) --no-print-directory packages WANTED="$(TEST_PACKAGES) $(GUEST_PACKAGES) \
		$(if $(findstring /arm64,$(KERNELS)),$(ARM64_PACKAGES))"
	$(AS_ROOT) $(IN_VENV)/python -m tests.guests --kernels $(KERNELS) --jobs $(JOBS) --timeout 14400 \
		$(GUEST_PAGE) --env FAMILIES="$(FAMILIES)" -- tests/guests/suite $(IN_VENV)/python $(GUEST_ARGS)

# For `make ci`, in some minutes: each feature is as the page says, by every family; and of the tests
# those of what differs most between kernels.
QUICK := $(addprefix tests/live/,test_demonstration.py \
	test_origins_oom.py::test_all_that_share_the_victims_memory_are_told \
	sends/test_calls_compat.py::test_a_signal_by_a_32_bit_caller_is_told_in_full \
	sends/test_groups.py::test_a_group_is_told_recipient_by_recipient \
	sends/test_groups.py::test_a_group_by_pidfd_is_a_group_send \
	outcomes/test_deaths.py::test_a_process_of_many_threads_dies_once)
test-guests-quick:
	@$(MAKE) --no-print-directory test-guests KERNELS=5.10,6.1,6.12,newest GUEST_ARGS="$(QUICK)" \
		FAMILIES="features fentry" JOBS=3 GUEST_PAGE="--check docs/kernels.md"

bench: build ## what tracing costs, beside other tracers, into docs/performance.md; needs root
	@$(MAKE) --no-print-directory packages WANTED="$(BENCH_PACKAGES)"
	@$(AS_ROOT) PYTHONPATH=src $(WITH_TRACEFS) $(IN_VENV)/python -m benchmarks $(ARGS)

bench-instructions: build ## how many instructions tracing adds, counted in a guest, into docs/performance.md; needs root
	@$(MAKE) --no-print-directory packages WANTED="$(GUEST_PACKAGES)"
	@$(AS_ROOT) PYTHONPATH=src $(IN_VENV)/python -m benchmarks.instructions $(ARGS)

$(VENV)/.lint: requirements/lint.txt $(VENV)/.installed
	$(AS_OWNER) $(INSTALL) -r requirements/lint.txt
	@$(AS_OWNER) touch $@

$(VENV)/.supply: requirements/supply.txt $(VENV)/.installed
	$(AS_OWNER) $(INSTALL) -r requirements/supply.txt
	@$(AS_OWNER) touch $@

lint: $(VENV)/.lint ## style, by ruff
	$(IN_VENV)/ruff check --no-cache .
	$(IN_VENV)/ruff format --no-cache --check .

types: build $(VENV)/.lint ## types, by mypy --strict
	$(IN_VENV)/mypy --cache-dir=/dev/null

wheel: $(WHEEL_MADE) ## the wheel under dist/: audited, and tagged for all distributions
	@ls -l dist/*.whl

# libbpf.so.1 stays the system's: it is left out by name, and never copied into the wheel.
$(WHEEL_MADE): $(BUILT) $(VENV)/.lint pyproject.toml README.md $(wildcard src/pysigsnoop/*.py tools/* LICENSE*)
	$(AS_OWNER) rm -rf build/wheel dist/*.whl
	$(AS_OWNER) $(IN_VENV)/python -I -m pip wheel --quiet --no-build-isolation --no-deps --wheel-dir build/wheel .
	$(AS_OWNER) $(IN_VENV)/abi3audit --strict --summary build/wheel/*.whl
	$(AS_OWNER) env PATH="$(IN_VENV):$$PATH" \
		$(IN_VENV)/auditwheel repair --exclude libbpf.so.1 --wheel-dir dist build/wheel/*.whl
	@$(AS_OWNER) touch $@

sbom: $(WHEEL_MADE) $(VENV)/.supply ## what the wheel needs and was built with, as CycloneDX, beside it
	$(AS_OWNER) $(IN_VENV)/python tools/sbom.py dist/*.whl

# The extension compiled so that it ends at the first read or write outside of what is its own, and
# at what C leaves undefined; under tests that bring it all kinds of records.
SANITIZED := build/sanitized/pysigsnoop
SANITIZER := -fsanitize=address,undefined -fno-sanitize-recover=undefined
sanitize: build ## the extension's C under ASan and UBSan; needs root (SECONDS=60 tries more by chance)
	@$(MAKE) --no-print-directory packages WANTED="$(TEST_PACKAGES)"
	PYSIGSNOOP_SANITIZE_SECONDS=$(or $(SECONDS),20) $(IN_VENV)/python -m pytest tests/native $(ARGS)
	$(AS_OWNER) rm -rf build/sanitized
	$(AS_OWNER) mkdir -p build/sanitized
	$(AS_OWNER) cp -a src/pysigsnoop build/sanitized/
	$(AS_OWNER) env CFLAGS="-O1 -g $(SANITIZER)" LDFLAGS="$(SANITIZER)" $(IN_VENV)/python -c \
		"import build, pathlib; build.build_extension(pathlib.Path('$(SANITIZED)/_native.abi3.so'))"
	$(AS_ROOT) ASAN_OPTIONS=detect_leaks=0 PYSIGSNOOP_REQUIRE_LIVE=1 \
		LD_PRELOAD="$$($(CC) -print-file-name=libasan.so) $$($(CC) -print-file-name=libubsan.so)" \
		$(IN_VENV)/python -m pytest -o pythonpath=build/sanitized \
		$(addprefix tests/live/,test_counting.py test_reading.py test_details.py \
			test_follow.py test_places.py) $(ARGS)

$(VENV)/.fuzz: requirements/fuzz.txt $(VENV)/.installed
	$(AS_OWNER) $(INSTALL) -r requirements/fuzz.txt
	@$(AS_OWNER) touch $@

fuzz: build $(VENV)/.fuzz ## what other processes can influence, by coverage-guided chance (SECONDS=60)
	$(AS_OWNER) env PYTHONPATH=src $(IN_VENV)/python -m tests.fuzz --seconds $(or $(SECONDS),60) $(ARGS)

# Side by side what needs one CPU each, but for what installs into the one environment; the rest one
# after the other, even under -j. The tests of the source are last: theirs is the closing line.
ci: ## all that must pass before a change goes in
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory types
	@$(MAKE) --no-print-directory -j1 sbom $(VENV)/.fuzz
	@$(MAKE) --no-print-directory -j2 --output-sync=target test-packaging test-container fuzz SECONDS=60
	@$(MAKE) --no-print-directory test-guests-quick
	@$(MAKE) --no-print-directory test PYSIGSNOOP_REQUIRE_LIVE=1

# What takes hours, and the tests of the source last, as above.
test-full: ## all that there is, in its long form, on every kernel; needs root
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory types
	@$(MAKE) --no-print-directory test-packaging
	@$(MAKE) --no-print-directory test-container
	@$(MAKE) --no-print-directory test-load PYSIGSNOOP_REQUIRE_LIVE=1
	@$(MAKE) --no-print-directory sanitize SECONDS=60
	@$(MAKE) --no-print-directory fuzz SECONDS=600
	@$(MAKE) --no-print-directory test-guests KERNELS=all
	@$(MAKE) --no-print-directory test PYSIGSNOOP_REQUIRE_LIVE=1

clean: ## what was built; the virtual environment stays
	rm -rf $(BUILT) dist build
