# `make demo` and `make test` need Python 3.11 (or newer) and a package index, and nothing else.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
export TF_CPP_MIN_LOG_LEVEL ?= 2

.PHONY: demo web test test-backends test-scale lint bench clean

# The versions in constraints.txt are those the suite passed with: it turns warnings into errors, so a
# newer release that only deprecates something would break it. Pillow, protobuf and python-dateutil are held
# below their newest by Apache Beam, which asks for pillow < 13, protobuf < 7 and python-dateutil < 3.
$(BIN)/.installed: setup.py constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[all]"
	touch $@

# What a user does, one command after the other, on objects that the library draws.
demo: $(BIN)/.installed  ## Train, export and search on drawn objects; about four minutes
	test -d runs/objects || $(BIN)/tfsbir draw --output=runs/objects
	$(BIN)/python -m recipes.sketch_me_that_shoe --dataset=paired_folder --data_dir=runs/objects \
	    --workdir=runs/demo --backbone=squeezenet
	$(BIN)/python -m export.litert --workdir=runs/demo --output=runs/demo/export --quantize=int8
	$(BIN)/tfsbir index --model=runs/demo --photos=runs/objects/test/photos --gallery=runs/demo/gallery
	$(BIN)/tfsbir search --gallery=runs/demo/gallery --sketch=runs/objects/test/sketches/test-4-shoe.png \
	    --top=5 --sheet=runs/demo/search.png
	$(BIN)/tfsbir index --model=pretrained:category --photos=runs/objects/test/photos \
	    --gallery=runs/demo/gallery_pretrained
	$(BIN)/tfsbir search --gallery=runs/demo/gallery_pretrained --top=5 \
	    --sketch=runs/objects/test/sketches/test-4-shoe.png --sheet=runs/demo/search_pretrained.png
	@echo "Pictures: runs/demo/figures/ranked_results.png, runs/demo/figures/loss_curve.png, runs/demo/search.png,"
	@echo "    runs/demo/search_pretrained.png"

# The packages that the page runs with, at the versions of its lock file. Tests that drive the page in a browser
# need them; without npm they are skipped, and say so.
NPM := $(shell command -v npm)
WEB_PACKAGES := tfsbir/web/page/node_modules/.package-lock.json
$(WEB_PACKAGES): tfsbir/web/page/package-lock.json
	npm ci --prefix tfsbir/web/page --no-audit --no-fund
	touch $@

web: $(WEB_PACKAGES)  ## What the page of `tfsbir serve` loads beside its own files

test: $(BIN)/.installed $(if $(NPM),$(WEB_PACKAGES))  ## The whole suite
	$(BIN)/python -m pytest --numprocesses=2 --dist=loadfile

test-scale: $(BIN)/.installed  ## Every recipe on replicas, in processes and under kill -9; about an hour
	$(BIN)/python -m tests.scale
	$(BIN)/python -m tests.scale.table

# Layers, distances, losses and models on each backend of Keras, each in an environment of its own. Those of JAX and
# PyTorch hold no TensorFlow, nor tfsbir's other requirements, and tfsbir itself is read from here: what its parts
# need of them is in ON_KERAS, and no more. On Linux PyPI's torch brings CUDA, which nothing here needs:
# `make test-backends TORCH_INDEX=https://download.pytorch.org/whl/cpu` takes the build for CPU.
BACKENDS := tensorflow jax torch
BACKEND_TESTS := tests/layers tests/distances tests/losses tests/models tests/test_imported_alone.py
TORCH_INDEX ?=
# Keras; scikit-learn to whiten heads and protobuf to read Caffe's files; the rest is what tests compare with.
ON_KERAS := keras scikit-learn protobuf pytest pytest-xdist scipy faiss-cpu
NEEDS_tensorflow := --editable . pytest pytest-xdist
NEEDS_jax := $(ON_KERAS) jax
NEEDS_torch := $(ON_KERAS) torch $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))

.venvs/%/.installed: setup.py constraints.txt constraints-backends.txt
	test -x .venvs/$*/bin/python || $(PYTHON) -m venv .venvs/$*
	.venvs/$*/bin/python -m pip install --quiet --upgrade pip
	.venvs/$*/bin/python -m pip install --quiet --constraint constraints.txt --constraint constraints-backends.txt \
	    $(NEEDS_$*)
	touch $@

test-backends: $(BACKENDS:%=test-on-%)  ## Layers, distances, losses and models on TensorFlow, JAX and PyTorch

.PRECIOUS: .venvs/%/.installed
# One after the other also under `make -j`: each of them uses all cores.
.NOTPARALLEL:
test-on-%: .venvs/%/.installed
	$(if $(filter tensorflow,$*),,! .venvs/$*/bin/python -c "import tensorflow" 2> /dev/null)
	KERAS_BACKEND=$* .venvs/$*/bin/python -m pytest --numprocesses=2 --dist=loadfile $(BACKEND_TESTS)

lint: $(BIN)/.installed  ## Style
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

# A training step is held against PyTorch, in the environment that `test-on-torch` has.
bench: $(BIN)/.installed .venvs/torch/.installed  ## All rows of docs/bench.md, as ratios measured in one run
	$(BIN)/python -m recipes.bench --output=results/bench.json --history=results/bench_history.jsonl \
	    --plot=docs/images/stroke_costs.png --evaluation_plot=docs/images/evaluation_costs.png
	$(BIN)/python -m recipes.bench.bench_table

clean:  ## Forget the environments and the demo
	rm -rf .venv .venvs runs/demo runs/objects
