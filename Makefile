# Everything a newcomer runs. Needs Rust, Python 3.11 or newer and make; the rest is fetched into this directory
# (.venv*, .tools, tests/node/node_modules, target, dist) and `make clean` removes it. Set PYTHON to choose an interpreter.

PYTHON ?= python3
# Each wheel of Blender is for one Python. .venv-dcc has the oldest for 3.11, and the newest for 3.13; test-dcc needs both.
DCC_PYTHON ?= $(PYTHON)
PYTHON_3_11 ?= python3.11
PYTHON_3_13 ?= python3.13
BLENDERS := 4.2 4.5 5.0 5.3
BLENDER := $(shell $(DCC_PYTHON) -c 'import sys; print("5.3" if sys.version_info >= (3, 13) else "4.2")')
# All fuzz targets at once. An hour: make fuzz FUZZ_SECONDS=3600.
FUZZ_SECONDS ?= 60
CARGO_DENY_VERSION := 0.20.2
CARGO_ABOUT_VERSION := 0.9.3
# Without make's job server, which cargo finds in MAKEFLAGS and cannot open.
CARGO := env -u MAKEFLAGS -u MFLAGS cargo

# Paths below are relative and in the recipes quoted: the checkout may live in a directory with spaces.
export CARGO_TARGET_DIR := target
# One interpreter for every cargo call, or pyo3 is built again each time another one is found first.
export PYO3_PYTHON := $(CURDIR)/.venv/bin/python
# The same as maturin says, or pyo3 is built again each time the other has built it.
export PYO3_BUILD_EXTENSION_MODULE := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# What the caller's shell has set must not leak into the environments.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV

VENV := .venv/.stamp-requirements
READY := .venv/.stamp-wheel
# It names Blender's version, as another Python brings another one.
DCC_VENV = .venv-dcc/.stamp-$(BLENDER)
DCC_READY := .venv-dcc/.stamp-wheel
BENCH_READY := .venv-bench/.stamp-wheel
ARRAYS_READY := .venv-arrays/.stamp-wheel
WHEEL := dist/.stamp-wheel
SDIST := dist/.stamp-sdist
EXTENSION := dist/.stamp-extension
BUNDLE := dist/.stamp-bundle
ZIG := .tools/zig/.stamp
NODE := .tools/node/.stamp
NODE_TOOLS := tests/node/node_modules/.stamp
SERVER := target/release/dcc-mcp-shm
NOOP := target/release/dcc-mcp-shm-noop
DEBUG_SERVER := target/debug/.stamp-server
TESTED_SERVERS := target/debug/.stamp-servers
CARGO_DENY := .tools/cargo-deny-$(CARGO_DENY_VERSION)/bin/cargo-deny
CARGO_ABOUT := .tools/cargo-about-$(CARGO_ABOUT_VERSION)/bin/cargo-about

# Texts that are compiled in among them.
CRATES := Cargo.toml Cargo.lock $(shell find shm view server -path shm/fuzz -prune -o -type f -print)
BINDINGS := $(shell find python -name '*.rs' -o -name '*.py' -o -name '*.pyi' -o -name '*.toml' -o -name py.typed)
PACKAGED := pyproject.toml server/pyproject.toml LICENSE python/README.md $(wildcard packaging/wheel/*)

# Tests of all of them at once, and the binaries that other tests start: dependencies are built once, with the features of all.
TESTED := -p dcc-mcp-shm -p dcc-mcp-shm-view -p dcc-mcp-shm-server -p dcc-mcp-shm-python -p dcc-mcp-shm-conformance

say = @printf '\033[1m==> %s\033[0m\n' "$(1)"

.DEFAULT_GOAL := help
# Builds use all cores by themselves, and some share a directory.
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PRECIOUS: .venv-blender-%/.stamp-requirements .venv-blender-%/.stamp-wheel
.PHONY: help demo quick test test-rust test-python test-dist test-arrays test-blender test-dcc wheel dist dist-aarch64 notices fuzz faults asan soak check-windows bench bench-dcc bench-server bench-pieces check check-rust check-python deny lock clean

help: ## this list
	@grep -hE '^[a-z0-9-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 14

demo: $(if $(DCC),$(DCC_READY) $(SERVER),$(READY) $(DEBUG_SERVER)) ## a scene goes from one process to another, and an MCP client finds it (DCC=blender)
	$(call say,demo)
	@$(if $(DCC),.venv-dcc/bin/python examples/demo --dcc "$(DCC)",.venv/bin/python examples/demo --server target/debug/dcc-mcp-shm)

quick: $(READY) ## formatting, unit tests, the model and some Python tests: a minute, once built
	@$(CARGO) fmt --all --check
	@$(CARGO) test --locked --quiet -p dcc-mcp-shm -p dcc-mcp-shm-view -p dcc-mcp-shm-server --lib --bins
	@$(CARGO) test --locked --quiet -p dcc-mcp-shm --test all -- model::
	@.venv/bin/python -m pytest --quiet tests/test_scene.py tests/test_buffer.py

test: test-rust test-python ## all tests but Blender's

test-rust: $(VENV)
	$(call say,Rust tests)
	@$(CARGO) test --locked --quiet $(TESTED)

test-python: $(READY) $(TESTED_SERVERS) $(NODE_TOOLS)
	$(call say,Python tests)
	@.venv/bin/python -m pytest --numprocesses auto --dist worksteal

test-dist: $(READY) $(WHEEL) $(SDIST) $(BUNDLE) .tools/uv/.stamp .tools/old-root/.stamp ## install the packages where there is no Rust, and use them
	$(call say,tests of the packages)
	@.venv/bin/python -m pytest tests/dist

test-arrays: $(ARRAYS_READY) ## JAX takes arrays where they lie (first time: 200 MB to download)
	$(call say,tests with array libraries)
	@.venv-arrays/bin/python -m pytest tests/arrays

test-blender: $(DCC_READY) $(DEBUG_SERVER) $(EXTENSION) ## tests inside one Blender (first time: 474 MB to download)
	$(call say,tests in Blender $(BLENDER))
	@.venv-dcc/bin/python -m pytest tests/dcc

test-dcc: test-blender $(patsubst %,test-blender-%,$(filter-out $(BLENDER),$(BLENDERS))) ## and inside of three more

test-blender-%: .venv-blender-%/.stamp-wheel $(EXTENSION)
	$(call say,tests in Blender $*)
	@.venv-blender-$*/bin/python -m pytest tests/dcc/test_apply.py tests/dcc/test_images.py tests/dcc/test_extension.py

wheel: $(WHEEL) ## the wheel alone, into dist/ (first time: 100 MB to download)
	@ls -sh1 dist/*.whl

dist: $(WHEEL) $(SDIST) $(EXTENSION) $(BUNDLE) ## all packages, into dist/: wheel, source, Blender's extension, MCPB bundle (first time: 574 MB to download)
	@ls -sh1 dist

fuzz: ## hostile bytes for everything that is read (first time: a minute or two to build)
	$(call say,fuzzing)
	@env -u MAKEFLAGS -u MFLAGS shm/fuzz/run $(FUZZ_SECONDS)

# The sanitizer is part of the stable toolchain, its flag is not. It would end the process where an allocation that cannot be is
# an error of ours. Left out are a test that copies 80 GB in 100 s, and two that leave the sanitizer itself no memory; doctests
# do what the tests do.
asan: ## the crate's tests with AddressSanitizer
	$(call say,AddressSanitizer)
	@RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address ASAN_OPTIONS=allocator_may_return_null=1 \
		$(CARGO) test --locked --quiet -p dcc-mcp-shm --lib --tests \
		--target "$$(rustc -vV | sed -n 's/^host: //p')" --target-dir target/asan \
		-- --skip reads_are_whole_and_in_order_beside_a_writer_that_never_pauses --skip large_data_is_right_or_refused

faults: $(VENV) ## an error in every system call of every operation, and a kill after each (half an hour)
	$(call say,faults)
	@DCC_MCP_SHM_TEST_FAULTS=1 DCC_MCP_SHM_TEST_PROPERTIES=40 \
		$(CARGO) test --locked --quiet -p dcc-mcp-shm --test faults -- --nocapture

# Seconds and counts of the long variants, which docs/reliability.md has the figures of.
SOAK := DCC_MCP_SHM_TEST_KILLS=500 DCC_MCP_SHM_TEST_FRAMES=100000 DCC_MCP_SHM_TEST_READS=100000 \
	DCC_MCP_SHM_TEST_REUSES=100000 \
	DCC_MCP_SHM_TEST_AMOUNTS=1 DCC_MCP_SHM_TEST_SECONDS=600 DCC_MCP_SHM_FUZZ_LINES=100000 DCC_MCP_SHM_TEST_PROPERTIES=40
# Where property tests are beside those of the libraries. Only here do they draw cases that nobody has drawn before: what fails
# is written to a file that ends in .regressions, and becomes a case for everybody.
PROPERTIES := model:: codec:: descriptors:: hostile_files::

soak: $(READY) ## the long variants of the tests that kill, race and fuzz (an hour and a half)
	$(call say,long variants)
	@$(SOAK) $(CARGO) test --locked --quiet -p dcc-mcp-shm --test all -- --nocapture --test-threads 1 \
		crashes:: pool_frames:: full_speed:: collectors:: hostile_readers:: little_memory:: torn_reads::
	@seed=$$(od -An -N4 -tu4 /dev/urandom | tr -d ' ') && echo "seed $$seed" && \
		PROPTEST_RNG_SEED=$$seed $(SOAK) $(CARGO) test --locked --quiet -p dcc-mcp-shm -p dcc-mcp-shm-view -p dcc-mcp-shm-server --lib && \
		PROPTEST_RNG_SEED=$$seed $(SOAK) $(CARGO) test --locked --quiet -p dcc-mcp-shm --test all -- $(PROPERTIES) && \
		DCC_MCP_SHM_FUZZ_SEED=$$seed $(SOAK) $(CARGO) test --locked --quiet -p dcc-mcp-shm-server --test mcp fuzz -- --nocapture
	@$(SOAK) .venv/bin/python -m pytest tests/test_limits.py
	@$(MAKE) faults
	@$(MAKE) fuzz FUZZ_SECONDS=3600

bench: $(BENCH_READY) ## measure against the peers (an hour, 12 GiB of memory)
	$(call say,benchmark)
	@.venv-bench/bin/python bench/run.py

# 4.2 does not let other programs have its USD.
bench-dcc: .venv-blender-5.0/.stamp-wheel ## measure scenes out of Blender and into it, beside files, lists and Blender's own calls
	$(call say,benchmark in Blender 5.0)
	@.venv-blender-5.0/bin/python bench/blender.py

bench-server: $(READY) $(SERVER) $(NOOP) $(NODE_TOOLS) ## measure the MCP server against servers that do nothing
	$(call say,benchmark of the server)
	@cd bench && ../.venv/bin/python -m server

bench-pieces: $(VENV) ## measure single calls of the crate with Criterion
	@$(CARGO) bench --locked --quiet -p dcc-mcp-shm-pieces

check: check-rust check-python deny ## format, lints, types, docs, licences

check-rust: $(VENV)
	$(call say,rustfmt)
	@$(CARGO) fmt --all --check
	@$(CARGO) fmt --manifest-path shm/fuzz/Cargo.toml --check
	$(call say,clippy)
	@$(CARGO) clippy --locked --workspace --all-targets --quiet -- -D warnings
	$(call say,rustdoc)
	@RUSTDOCFLAGS=-Dwarnings $(CARGO) doc --locked --workspace --no-deps --document-private-items --quiet
	$(call say,floors)
	@.venv/bin/python tests/floors.py

check-python: $(READY)
	$(call say,ruff)
	@.venv/bin/python -m ruff check
	@.venv/bin/python -m ruff format --check
	$(call say,mypy)
	@.venv/bin/python -m mypy
	@.venv/bin/python -m mypy.stubtest dcc_mcp_shm._native dcc_mcp_core

check-windows: ## what is shipped compiles for Windows, where it refuses to work
	$(call say,cargo check for Windows)
	@env -u MAKEFLAGS -u MFLAGS -u PYO3_BUILD_EXTENSION_MODULE .ci/check-windows

notices: $(CARGO_ABOUT) ## write the notices of what is linked, after a change to dependencies (first time: 5 minutes)
	$(call say,notices)
	@for crate in server python; do $(CARGO_ABOUT) about generate --fail --locked -c packaging/wheel/about.toml \
		-m "$$crate/Cargo.toml" packaging/wheel/about.hbs -o "target/notices-$$crate.txt" || exit 1; done
	@cat packaging/wheel/notices-head.txt target/notices-server.txt target/notices-python.txt | tr -d '\r' \
		> packaging/wheel/THIRD-PARTY-NOTICES.txt

deny: $(CARGO_DENY)
	$(call say,cargo-deny)
	@$(CARGO_DENY) --locked check -D warnings bans licenses sources

lock: .tools/uv/.stamp $(NODE) ## resolve requirements/*.in and tests/node/package.json again
	@for name in dev bench arrays node zig lock; do .tools/uv/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 \
		--generate-hashes --no-header --no-emit-index-url --no-emit-find-links \
		"requirements/$$name.in" -o "requirements/$$name.txt" || exit 1; done
	@# Each is for one Python alone, so there is nothing universal to be found.
	@for name in $(BLENDERS); do .tools/uv/bin/uv pip compile --quiet --upgrade \
		--python-version "$$(test "$$name" = 5.3 && echo 3.13 || echo 3.11)" \
		--generate-hashes --no-header --no-emit-index-url --no-emit-find-links \
		"requirements/blender-$$name.in" -o "requirements/blender-$$name.txt" || exit 1; done
	@.tools/node/bin/npm --prefix tests/node update --package-lock-only $(npm-quietly)

clean: ## remove all that make made
	rm -rf .venv .venv-dcc .venv-blender-* .venv-bench .venv-arrays .tools tests/node/node_modules target dist

# --- The environments. Each is made anew when its lock file changes; a stamp is written last. ---

$(VENV): requirements/dev.txt
	$(call say,.venv: tools from $<)
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit(f"Python 3.11 or newer is needed, this is {v[0]}.{v[1]}: make PYTHON=python3.11")'
	@$(PYTHON) -m venv --clear .venv
	@# The lock is complete. With dependencies, pip wants a hash of its own for each package[extra]. What is never imported, most
	@# of it, need not be compiled.
	@.venv/bin/python -m pip install --quiet --no-deps --no-compile --require-hashes -r $<
	@touch $@

build-wheels = env -u MAKEFLAGS -u MFLAGS .venv/bin/python -m maturin build --locked --quiet --manifest-path python/Cargo.toml
build-compat = .venv/bin/python -m pip wheel --quiet --no-deps --no-index --no-build-isolation

# For glibc 2.17 and newer, by Zig's linker. In a target directory of its own, as what is linked differently would be built
# again each time. PATH is where maturin looks for itself and for Zig.
build-wheel = env -u MAKEFLAGS -u MFLAGS PATH="$(CURDIR)/.tools/zig/bin:$(CURDIR)/.venv/bin:$$PATH" \
	CARGO_TARGET_DIR="$(CURDIR)/target/zig" \
	MATURIN_PEP517_ARGS="--locked --quiet --zig --compatibility manylinux_2_17 $(2)" \
	.venv/bin/python -m pip wheel --quiet --no-deps --no-index --no-build-isolation --wheel-dir $(1) .

$(WHEEL): $(VENV) $(ZIG) $(CRATES) $(BINDINGS) $(PACKAGED)
	$(call say,the wheel (release build: some minutes))
	@rm -f dist/*.whl
	@$(call build-wheel,dist)
	@$(build-compat) --wheel-dir dist ./python/dcc_mcp_core
	@touch $@

# The same for another processor. Built, and its symbols checked as for the one above; it is never run here.
dist-aarch64: $(VENV) $(ZIG) ## the wheel for aarch64, into dist/aarch64/
	$(call say,the wheel for aarch64 (release build: some minutes))
	@rustup target add aarch64-unknown-linux-gnu
	@rm -rf dist/aarch64
	@$(call build-wheel,dist/aarch64,--target aarch64-unknown-linux-gnu)

# All that git would not ignore, by an index of its own: files that were not added yet are in it, and no checkout has to be there.
$(SDIST): $(VENV) $(wildcard $(shell git ls-files 2>/dev/null))
	$(call say,the source distribution)
	@rm -f dist/*.tar.gz
	@rm -rf target/sdist.git && mkdir -p target
	@export GIT_DIR="$(CURDIR)/target/sdist.git" GIT_WORK_TREE="$(CURDIR)" && git init --quiet && git add --all && \
		.venv/bin/python -m maturin sdist --out dist
	@touch $@

# Built and validated by Blender's own tool, which is a part of bpy.
$(EXTENSION): $(DCC_VENV) $(WHEEL) $(shell find packaging/blender -type f -not -name '*.pyc')
	$(call say,Blender extension)
	@rm -rf target/extension dist/*.zip
	@mkdir -p target/extension/wheels
	@cp -R packaging/blender/. target/extension
	@cp dist/dcc_mcp_shm-*.whl target/extension/wheels
	@tool="$$(find .venv-dcc/lib -path '*/bl_pkg/cli/blender_ext.py')" && \
		zip="dist/dcc_mcp_shm-blender-$$(sed -n 's/^version = "\(.*\)"/\1/p' packaging/blender/blender_manifest.toml)-linux-x64.zip" && \
		.venv-dcc/bin/python "$$tool" build --source-dir target/extension --output-filepath "$$zip" && \
		.venv-dcc/bin/python "$$tool" validate "$$zip"
	@touch $@

# With the program of the wheel, which runs on other machines too.
$(BUNDLE): $(WHEEL) $(NODE_TOOLS) packaging/mcpb/manifest.json
	$(call say,MCPB bundle)
	@rm -rf target/bundle dist/*.mcpb
	@mkdir -p target/bundle/server
	@cp packaging/mcpb/manifest.json LICENSE packaging/wheel/THIRD-PARTY-NOTICES.txt target/bundle
	@cp target/zig/x86_64-unknown-linux-gnu/release/dcc-mcp-shm target/bundle/server
	@.tools/node/bin/node tests/node/node_modules/.bin/mcpb pack target/bundle dist/dcc-mcp-shm-linux-x64.mcpb
	@touch $@

make-blender-venv = $(1) -m venv --clear $(2) && $(2)/bin/python -m pip install --quiet --require-hashes -r $(3) && \
	.ci/blender-libs $(2)/bin/python

# The bench environment has no dcc_mcp_core of ours: there the name belongs to the peer.
install-ours = --quiet --no-index --no-deps --force-reinstall

# With what the Rust tests have built already; what is measured or given away is a release build.
$(READY): $(VENV) $(CRATES) $(BINDINGS)
	$(call say,wheels to test (debug build))
	@rm -rf target/wheels
	@$(build-wheels) --out target/wheels
	@$(build-compat) --wheel-dir target/wheels ./python/dcc_mcp_core
	@.venv/bin/python -m pip install $(install-ours) target/wheels/*.whl
	@touch $@

$(DCC_VENV): requirements/blender-$(BLENDER).txt
	$(call say,.venv-dcc: Blender $(BLENDER) (374 MB unless pip has it already))
	@$(DCC_PYTHON) -c 'import sys; v = sys.version_info; v[:2] in ((3, 11), (3, 13)) or sys.exit(f"Blender needs Python 3.11 or 3.13, this is {v[0]}.{v[1]}: make test-blender DCC_PYTHON=python3.11")'
	@$(call make-blender-venv,$(DCC_PYTHON),.venv-dcc,$<)
	@touch $@

.venv-blender-%/.stamp-requirements: requirements/blender-%.txt
	$(call say,.venv-blender-$*: Blender $* (374 MB unless pip has it already))
	@$(call make-blender-venv,$(if $(filter 5.3,$*),$(PYTHON_3_13),$(PYTHON_3_11)),.venv-blender-$*,$<)
	@touch $@

.venv-blender-%/.stamp-wheel: .venv-blender-%/.stamp-requirements $(WHEEL)
	@.venv-blender-$*/bin/python -m pip install $(install-ours) dist/dcc_mcp_shm-*.whl
	@touch $@

# What is installed into a DCC is what is tested in one.
$(DCC_READY): $(DCC_VENV) $(WHEEL)
	@.venv-dcc/bin/python -m pip install $(install-ours) dist/*.whl
	@touch $@

.venv-bench/.stamp-requirements: requirements/bench.txt
	$(call say,.venv-bench: the peers)
	@$(PYTHON) -m venv --clear .venv-bench
	@.venv-bench/bin/python -m pip install --quiet --require-hashes -r $<
	@touch $@

$(BENCH_READY): .venv-bench/.stamp-requirements $(WHEEL)
	@.venv-bench/bin/python -m pip install $(install-ours) dist/dcc_mcp_shm-*.whl
	@touch $@

.venv-arrays/.stamp-requirements: requirements/arrays.txt
	$(call say,.venv-arrays: array libraries)
	@$(PYTHON) -m venv --clear .venv-arrays
	@.venv-arrays/bin/python -m pip install --quiet --require-hashes -r $<
	@touch $@

# The debug build that the other tests use.
$(ARRAYS_READY): .venv-arrays/.stamp-requirements $(READY)
	@.venv-arrays/bin/python -m pip install $(install-ours) target/wheels/dcc_mcp_shm-*.whl
	@touch $@

$(ZIG): requirements/zig.txt
	$(call say,.tools/zig: Zig's linker (100 MB))
	@$(PYTHON) -m venv --clear .tools/zig
	@.tools/zig/bin/python -m pip install --quiet --require-hashes -r $<
	@touch $@

$(NODE): requirements/node.txt
	$(call say,.tools/node: Node (60 MB))
	@$(PYTHON) -m venv --clear .tools/node
	@.tools/node/bin/python -m pip install --quiet --require-hashes -r $<
	@touch $@

# No package needs to run anything to be installed.
npm-quietly = --ignore-scripts --no-audit --no-fund --loglevel=error

$(NODE_TOOLS): tests/node/package-lock.json $(NODE)
	$(call say,tests/node: MCP clients and validators from $<)
	@.tools/node/bin/npm --prefix tests/node ci $(npm-quietly)
	@touch $@

$(SERVER): $(CRATES)
	$(call say,server (release build: a minute or two))
	@$(CARGO) build --release --locked --quiet -p dcc-mcp-shm-server
	@touch $@

$(NOOP): Cargo.lock bench/noop/Cargo.toml bench/noop/src/main.rs
	$(call say,a server that does nothing (release build: a minute))
	@$(CARGO) build --release --locked --quiet -p dcc-mcp-shm-noop
	@touch $@

# With the features that the tests want of its dependencies, so that both build them once.
$(DEBUG_SERVER): $(CRATES)
	@# Once the tests are built there is a server: a build without tests would build what it is made of again.
	@if ! $(MAKE) --no-print-directory --question $(TESTED_SERVERS); then \
		printf '\033[1m==> %s\033[0m\n' 'server (debug build: a minute or two)'; \
		$(CARGO) build --locked --quiet $(TESTED); fi
	@touch $@

$(TESTED_SERVERS): $(CRATES) $(shell find tests/conformance -name '*.rs' -o -name Cargo.toml)
	$(call say,servers to test (debug build))
	@$(CARGO) build --locked --quiet --all-targets $(TESTED)
	@touch $@

$(CARGO_DENY):
	$(call say,cargo-deny $(CARGO_DENY_VERSION) from source (2 minutes, once))
	@CARGO_PROFILE_DEV_DEBUG=0 $(CARGO) install cargo-deny --version $(CARGO_DENY_VERSION) --locked --debug --quiet \
		--root .tools/cargo-deny-$(CARGO_DENY_VERSION) --target-dir .tools/target
	@rm -rf .tools/target

# Optimized, as it compares some hundred texts with all licenses there are.
$(CARGO_ABOUT):
	$(call say,cargo-about $(CARGO_ABOUT_VERSION) from source (5 minutes, once))
	@$(CARGO) install cargo-about --version $(CARGO_ABOUT_VERSION) --features cli --locked --quiet \
		--root .tools/cargo-about-$(CARGO_ABOUT_VERSION) --target-dir .tools/target
	@rm -rf .tools/target

.tools/old-root/.stamp: .ci/old-root
	$(call say,.tools/old-root: an old Debian (40 MB))
	@.ci/old-root .tools/old-root
	@touch $@

.tools/uv/.stamp: requirements/lock.txt
	@$(PYTHON) -m venv --clear .tools/uv
	@.tools/uv/bin/python -m pip install --quiet --require-hashes -r $<
	@touch $@
