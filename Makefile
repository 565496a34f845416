# kuda: `make demo` and `make test` do everything from a fresh clone; the other targets are for work on the code.
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
BUILD := build/release
KUDA := $(BUILD)/src/kuda/apps/kuda
SOURCES = $(shell git ls-files 'src/*.h' 'src/*.cpp' 'tests/*.h' 'tests/*.cpp' 'fuzz/*.cpp' 'fuzz/*.h' 'bench/*.cpp' 'bench/*.h')
# Executions of each fuzz target: a fixed number, so that a run is repeatable.
FUZZ_RUNS ?= 200000
DEMO ?= demo

.PHONY: help setup extractor multilingual first-model build bench test demo docs parity asan fuzz tidy format clean
help:
	@echo 'make demo      set up, build, train and evaluate KuDA on a synthetic data set, print the table'
	@echo 'make test      set up, build, run every test'
	@echo 'make build     set up and build only; the program is then $(KUDA)'
	@echo 'make extractor the weights that raw video needs, in extractors/default (kuda data extract, kuda predict --video)'
	@echo 'make multilingual   a recogniser of speech in 99 languages, in extractors/whisper-base (--speech-model of the same commands)'
	@echo 'make first-model LABELS=MOSI/label.csv   a model of words for kuda predict --video (scripts/first_model.sh)'
	@echo 'make bench     the same, and the programs that measure (bench/README.md), which no other target builds'
	@echo 'make docs      write docs/configuration.md again from the lists of fields'
	@echo 'make parity    write docs/parity.json and .md again from the golden collection (SHARED, default ../shared)'
	@echo 'make asan      all tests but the slow ones under the address and undefined-behaviour sanitizers'
	@echo 'make fuzz      FUZZ_RUNS executions of every fuzz target (clang)'
	@echo 'make format    clang-format in place;  make tidy: clang-tidy'
	@echo 'make clean     remove build/ and $(DEMO)/ (the .venv stays)'

setup:
	@scripts/setup.sh

extractor:
	@scripts/setup.sh --extractor

multilingual:
	@scripts/setup.sh --multilingual

# clang where it is installed (CMakeLists.txt); `CXX=g++ make build` takes g++ (in a new build/).
# CMAKE_FLAGS: more of cmake's own options.
.PHONY: configure
configure: setup
	@cmake --preset release $(CMAKE_FLAGS) >build-configure.tmp 2>&1 || { cat build-configure.tmp; exit 1; }; rm -f build-configure.tmp

build: configure
	cmake --build --preset release --parallel $(JOBS)

# Programs of bench/.
BENCHES := kuda_bench serve_faults statistics_coverage
bench: build
	cmake --build --preset release --parallel $(JOBS) --target $(BENCHES)

test: build
	@scripts/setup.sh --test
	ctest --preset release --parallel $(JOBS)

# The program and nothing else: no test is compiled.
demo: configure
	@echo 'make demo: builds the program (about three minutes on two cores, once), then trains and compares (half a minute)'
	cmake --build --preset release --parallel $(JOBS) --target kuda
	@scripts/demo.sh $(KUDA) $(DEMO)

# The program and nothing else, the weights, a model that reads words: scripts/first_model.sh says where LABELS come from.
SHARED ?= $(or $(KUDA_SHARED),../shared)
LABELS ?= $(SHARED)/data/mosi/label.csv
first-model: configure extractor
	cmake --build --preset release --parallel $(JOBS) --target kuda
	@scripts/first_model.sh $(KUDA) $(LABELS) first-model

docs: build
	$(KUDA) config --markdown >docs/configuration.md

parity: build
	$(BUILD)/tests/golden/golden_check --parity docs $(sort $(wildcard $(SHARED)/golden/*/*.safetensors))

asan: setup
	cmake --preset asan
	cmake --build --preset asan --parallel $(JOBS)
	ctest --preset asan --parallel $(JOBS)

fuzz:
	@scripts/setup.sh --dev
	cmake --preset fuzz
	cmake --build --preset fuzz --parallel $(JOBS) --target fuzz_readers
	@scripts/fuzz.sh build/fuzz $(FUZZ_RUNS)

tidy:
	@scripts/setup.sh --dev
	cmake --preset tidy
	printf '%s\n' $(filter src/%.cpp,$(SOURCES)) | xargs -P $(JOBS) -n 1 clang-tidy-19 -p build/tidy --quiet

format:
	@scripts/setup.sh --dev
	clang-format-14 -i $(SOURCES)

clean:
	rm -rf build $(DEMO)
