# Every target sets itself up: it needs python3 with venv and pip, and a package index.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
# Modules compiled once, not by every process: a start of rnnc takes half as long.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-slow lint format types fuzz bench bench-passes bench-tf cuda-kernels gpu tf-matrix gallery gallery-proofs clean
.DEFAULT_GOAL := test

# Check, compile and prove an LSTM, then train a classifier of handwritten digits with it.
demo: $(READY)
	$(BIN)/rnnc check examples/lstm.rnn
	$(BIN)/rnnc compile examples/lstm.rnn -D units=32 --target numpy -o build/demo/lstm.py
	$(BIN)/rnnc verify examples/lstm.rnn -D units=4 --target numpy
	$(BIN)/python examples/digits.py

# One process for each core; all tests of a file go to one, since some share a large piece of work.
test: lint types
	$(BIN)/pytest -q -n auto --dist loadfile

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(READY)
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

types: $(READY)
	$(BIN)/pyright

# The random tests, with many more examples than `make test` has time for, other ones every time.
fuzz: $(READY)
	$(BIN)/pytest -q -m hypothesis --hypothesis-profile=fuzz
	$(BIN)/python -m benchmarks.fuzz_cells --seed $$(date +%s) --count 20000 --jobs 2
	$(BIN)/python -m benchmarks.fuzz_networks --seed $$(date +%s) --count 4000 --jobs 2
	$(BIN)/python -m benchmarks.fuzz_networks --seed $$(date +%s) --count 400 --jobs 2 --cuda
	$(BIN)/python -m benchmarks.fuzz_text --seed $$(date +%s) --count 200000 --jobs 2

bench: $(READY)
	$(BIN)/python benchmarks/numpy_cells.py

# What each pass is worth for cells of many kinds, in time and in memory.
bench-passes: $(READY)
	$(BIN)/python benchmarks/passes.py

# The proofs that `make test` leaves out.
test-slow: $(READY)
	$(BIN)/pytest -q -n auto -m slow

# Every combination of a cell of tf.nn, a driver and what may be given, against generated modules: six minutes on two cores.
tf-matrix: $(READY)
	$(BIN)/python -m benchmarks.tf_matrix --jobs 2 --record

# The TensorFlow modules beside tf.nn and Keras, on the CPU; wants a quiet machine, as `bench` does.
bench-tf: $(READY)
	$(BIN)/python benchmarks/tf_cells.py

# All kernels of the examples by NVRTC, for two architectures and two dtypes: registers and spills. A quarter of an hour.
cuda-kernels: $(READY)
	$(BIN)/python -m benchmarks.cuda_kernels --jobs 2 --record

# Everything that wants a card: checks and tests of CUDA modules on it, compute-sanitizer, and then the benchmark beside
# cuDNN and others, as far as they are installed. An hour; MINUTES=10 for less.
gpu: $(READY)
	$(BIN)/python -m benchmarks.gpu run --minutes $(or $(MINUTES),60)

# The pages of docs/gallery, with the proofs that are recorded; `gallery-proofs` first proves what has changed (minutes).
gallery: $(READY)
	$(BIN)/python -m benchmarks.gallery

gallery-proofs: $(READY)
	$(BIN)/python -m benchmarks.gallery --prove

clean:
	rm -rf .venv build dist .pytest_cache .ruff_cache .hypothesis
	find rnnc tests examples benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@
