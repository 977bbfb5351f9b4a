# The targets a contributor needs, each of which first sees to it that what it needs is
# there; `make help` lists them. What they do stands in CONTRIBUTING.md.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

# Lower case, since PYTHON, BAZEL and CLANG in the environment are set-up's to read.
bazel = "$$(cat .build/bazel)"
python = .venv/bin/python
library = custom_ops/tf_ops/libtfsparse_ops.so
packed_library = tfsparse/ops/libtfsparse_ops.so
fast_tests = tests/ops tests/conversion/passes tests/test_architecture.py
serving_models = .build/serving_models/models.txt
# Suites that compare every kernel with its reference; the others test what has no loops.
kernel_suites = $(addprefix //custom_ops/, attention:attention_test conv:conv_test \
  conv:depthwise_test conv:pooling_test engine:build_activation_table_test engine:chain_test \
  engine:sparse_layer_test interaction:lookup_interaction_test norm:normalization_test)

# TensorFlow's log without what is not about us.
export TF_CPP_MIN_LOG_LEVEL ?= 2
# Dozens of processes import the same modules, so compiled ones are kept.
export PYTHONDONTWRITEBYTECODE =

.PHONY: help
help: ## Shows this list
	@echo "make demo, then make test, is all that a fresh clone needs."
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' Makefile

.PHONY: setup
setup: ## Makes .venv, finds or installs Bazel, clang and libraries; quick when done
	@custom_ops/toolchain/setup.sh

# The library is put beside the Python package, where a checkout and a wheel look for it.
# An equal one stays as it is.
.PHONY: build
build: setup ## Builds the op library and puts it into tfsparse/ops
	@$(bazel) build //custom_ops/tf_ops:libtfsparse_ops.so
	@if ! cmp -s bazel-bin/$(library) $(packed_library); then \
	  install -m 755 bazel-bin/$(library) $(packed_library).new; \
	  mv $(packed_library).new $(packed_library); \
	fi

# Downloads the other versions of TensorFlow, once; ARGS are flags for Bazel.
.PHONY: wheel
wheel: build ## Builds the wheel into dist/, with an op library for each TensorFlow it serves
	@$(python) pip_pkg/tensorflow_libraries.py $(ARGS)
	@$(python) pip_pkg/build_wheel.py --all dist

# With the library for .venv's TensorFlow alone. Not again for the wheel that is installed.
.PHONY: install
install: build ## Installs a wheel for the TensorFlow of .venv into it
	@wheel=$$($(python) pip_pkg/build_wheel.py .build/wheels); \
	if ! sha256sum --check --status .venv/tfsparse-wheel.sha256 2>/dev/null; then \
	  $(python) -m pip install --quiet --no-deps --force-reinstall "$$wheel"; \
	  sha256sum "$$wheel" >.venv/tfsparse-wheel.sha256; \
	fi

.PHONY: demo
demo: install ## Trains, prunes, converts and serves a model; writes artifacts/demo.json
	@$(python) examples/demo.py $(ARGS)

# C++ tests run under the sanitizers here. `test-fast` and `test-long` run them without, and
# `test-long` with GCC too. The Python tests come last, so that their summary is the last thing
# to read.
.PHONY: test
test: test-asan lint test-python ## Runs all tests but the long ones

.PHONY: test-cc
test-cc: setup ## C++ tests
	@$(bazel) test //...

.PHONY: test-asan
test-asan: setup ## C++ tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@$(bazel) test --config=asan --build_tests_only -- //... -//benchmarks/...

# A server and output base of its own, so that clang's results stay.
.PHONY: test-gcc
test-gcc: setup ## The op library and the tests of all kernels, built with GCC
	@base=$$($(bazel) info output_base 2>/dev/null)-gcc; \
	trap '$(bazel) --output_base="$$base" shutdown' EXIT; \
	$(bazel) --output_base="$$base" test --config=gcc \
	  //custom_ops/tf_ops:libtfsparse_ops.so $(kernel_suites)

.PHONY: test-python
test-python: build ## Python tests; ARGS="-k name" selects
	@$(python) -m pytest -n auto --dist worksteal $(ARGS)

# Minutes of compiling apart, and without the tests that train or start processes.
.PHONY: test-fast
test-fast: build ## C++ tests and a choice of Python tests, in three minutes once they are built
	@$(bazel) test //custom_ops/...
	@$(python) -m pytest -n auto --dist worksteal -q $(fast_tests) $(ARGS)

# Hours; the three below are parts of it.
.PHONY: test-long
test-long: build test-cc test-gcc ## All tests without sanitizers, those too that a plain run leaves out
	@$(python) -m pytest -n auto --dist worksteal -m "long or not long" $(ARGS)

.PHONY: test-applications
test-applications: build ## Converts all families of keras.applications, which takes long
	@$(python) -m pytest -n auto -m "long or not long" tests/conversion/test_applications.py $(ARGS)

.PHONY: test-examples
test-examples: build ## Trains, prunes and exports small models as the examples do, which takes long
	@$(python) -m pytest -n auto -m "long or not long" tests/examples $(ARGS)

.PHONY: test-wheel
test-wheel: build ## The wheel as a newcomer uses it, and under each TensorFlow that it serves; long
	@$(python) -m pytest -s -m "long or not long" tests/package $(ARGS)

.PHONY: fuzz
fuzz: build ## Attacks ops and models with random input; ARGS="--op_arguments=100000 --models=10000"
	@$(python) -m tests.fuzz $(ARGS)

.PHONY: lint
lint: setup ## ruff, mypy and clang-format on every file, as a commit would
	@.venv/bin/pre-commit run --all-files --show-diff-on-failure

.PHONY: bench-kernels
bench-kernels: build ## Times the kernels against oneDNN; ARGS="--pattern 4x1 --json FILE ..."
	@$(bazel) build //benchmarks:bench_kernels
	@$(MAKE) --no-print-directory $(serving_models)
	@bazel-bin/benchmarks/bench_kernels --models $(dir $(serving_models)) $(ARGS)

# Exported anew when what exports them has changed.
$(serving_models): $(packed_library) $(wildcard tfsparse/conversion/*.py tfsparse/conversion/passes/*.py) benchmarks/serving_models.py
	@$(python) -m benchmarks.serving_models $(@D)

.PHONY: bench-training
bench-training: setup ## Times training dense, pruned, and pruned by TFMOT; ARGS="--models mlp ..."
	@$(python) -m benchmarks.training_overhead $(ARGS)

.PHONY: bench-peers
bench-peers: build ## Times exported models beside other engines; ARGS="--quick --json FILE ..."
	@$(python) -m benchmarks.peers $(ARGS)

.PHONY: bench-models
bench-models: build ## Times whole models beside other engines; ARGS="--models bert_mini ..."
	@$(python) -m benchmarks.models $(ARGS)

.PHONY: bench-load
bench-load: build ## Times a call from Python beside the model; ARGS="--rows 1,64 --json FILE"
	@$(MAKE) --no-print-directory $(serving_models)
	@$(python) -m benchmarks.load_overhead $(dir $(serving_models)) $(ARGS)

.PHONY: bench-conversions
bench-conversions: build ## Converts many kinds of models; ARGS="--precisions int8 --json FILE ..."
	@$(python) -m benchmarks.conversions $(ARGS)

# Of an environment of its own; once it is there, nothing is fetched.
.build/docs/done: docs/requirements.txt
	@$(python) -m venv --clear .build/docs
	@.build/docs/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

.PHONY: docs
docs: setup .build/docs/done ## Builds the documentation into .build/site
	@NO_MKDOCS_2_WARNING=1 .build/docs/bin/python -m mkdocs build --strict --quiet
	@echo .build/site/index.html

.PHONY: clean
clean: ## Removes what was built; keeps .venv
	@if [[ -f .build/bazel ]]; then $(bazel) clean; fi
	@rm -rf dist $(packed_library) .venv/tfsparse-wheel.sha256
