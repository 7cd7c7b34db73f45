# Two commands do all the set-up: `sudo make run` traces, `sudo make test` tests.
#
# Files in the clone are made by the clone's owner, never by root; only what
# must be root (installing packages, tracing) is. Debian 12 or newer.

PYTHON ?= python3
VENV := .venv
IN_VENV := $(VENV)/bin
ARGS ?=

OWNER := $(shell stat -c %u .)
GROUP := $(shell stat -c %g .)
# Under sudo (or as root in another's clone) a command runs as the owner of the clone.
ifeq ($(shell id -u),$(OWNER))
AS_OWNER :=
else
AS_OWNER := setpriv --reuid=$(OWNER) --regid=$(GROUP) --clear-groups env HOME=$(shell getent passwd $(OWNER) | cut -d: -f6)
endif
AS_ROOT := $(if $(filter 0,$(shell id -u)),,sudo)
export PYTHONDONTWRITEBYTECODE := 1

BUILD_PACKAGES := clang llvm gcc libc6-dev libbpf-dev pkg-config python3-venv python3-dev
TEST_PACKAGES := bpftool strace procps util-linux
GUEST_PACKAGES := qemu-system-x86 busybox-static kmod xz-utils zstd
CONTAINER_PACKAGES := podman runc debootstrap

BUILT := src/pysigsnoop/sigsnoop.bpf.o src/pysigsnoop/_native.abi3.so src/pysigsnoop/_records.py
SOURCES := build.py $(wildcard bpf/* src/native/*)

# Tracing by syscall tracepoints reads tracefs; where it is not mounted, it is mounted for this
# command alone, in a mount namespace of its own.
WITH_TRACEFS = tools/with-tracefs

.PHONY: help build run test test-unit test-object test-live test-container test-guests lint types ci wheel bench clean

help: ## what can be made
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 24

build: $(BUILT) ## the BPF object and the extension, in place

$(BUILT) &: $(SOURCES) $(VENV)/.installed
	$(AS_OWNER) $(IN_VENV)/python build.py

$(VENV)/.installed: pyproject.toml Makefile
	@$(MAKE) --no-print-directory packages WANTED="$(BUILD_PACKAGES)"
	$(AS_OWNER) $(PYTHON) -m venv $(VENV)
	$(AS_OWNER) $(IN_VENV)/pip install --quiet --upgrade pip
	$(AS_OWNER) $(IN_VENV)/pip install --quiet --group build --group test cffi pyelftools
	@$(AS_OWNER) touch $@

# Installs those of $(WANTED) that are not there.
.PHONY: packages
packages:
	@missing=$$(for p in $(WANTED); do dpkg-query -W -f='$${Status}\n' $$p 2>/dev/null | grep -q '^install ok installed' || echo $$p; done); \
	if [ -n "$$missing" ]; then \
		echo "installing" $$missing; \
		$(AS_ROOT) apt-get update -qq && \
		$(AS_ROOT) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	fi

run: build ## trace until Ctrl-C (ARGS='-s KILL -j' passes arguments)
	@PYTHONPATH=src $(AS_ROOT) $(WITH_TRACEFS) $(IN_VENV)/python -m pysigsnoop $(ARGS)

test: build ## unit, object and live tests (ARGS passes arguments to pytest)
	@$(MAKE) --no-print-directory packages WANTED="$(TEST_PACKAGES)"
	$(AS_ROOT) $(WITH_TRACEFS) $(IN_VENV)/python -m pytest tests/unit tests/object tests/live $(ARGS)

test-unit: build ## no root, no libbpf
	$(IN_VENV)/python -m pytest tests/unit $(ARGS)

test-object: build ## the compiled object: sections, types, the same bytes twice
	@$(MAKE) --no-print-directory packages WANTED="$(TEST_PACKAGES)"
	$(IN_VENV)/python -m pytest tests/object $(ARGS)

test-live: build ## real signals on the running kernel; needs root
	@$(MAKE) --no-print-directory packages WANTED="$(TEST_PACKAGES)"
	$(AS_ROOT) $(WITH_TRACEFS) $(IN_VENV)/python -m pytest tests/live $(ARGS)

$(VENV)/.lint: $(VENV)/.installed
	$(AS_OWNER) $(IN_VENV)/pip install --quiet --group lint
	@$(AS_OWNER) touch $@

lint: $(VENV)/.lint
	$(IN_VENV)/ruff check --no-cache .
	$(IN_VENV)/ruff format --no-cache --check .

types: build $(VENV)/.lint
	$(IN_VENV)/mypy --cache-dir=/dev/null

clean: ## what was built; the virtual environment stays
	rm -rf $(BUILT) dist build
