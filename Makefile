# The one door: builds Darknet with the [smooth_topk] layer, and everything around it. See `make help`.

# As in Darknet's own Makefile.
GPU ?= 0
CUDNN ?= 0
OPENCV ?= 0
OPENMP ?= 0
DEBUG ?= 0
CC = gcc
OPTIONS := GPU=$(GPU) CUDNN=$(CUDNN) OPENCV=$(OPENCV) OPENMP=$(OPENMP) DEBUG=$(DEBUG) $(if $(filter command,$(origin ARCH)),ARCH="$(ARCH)")

CFLAGS ?= -O3
WARNINGS := -Wall -Wextra
ifeq ($(OPENMP),1)
OPENMP_FLAG := -fopenmp
endif

CORES := $(shell nproc 2>/dev/null || echo 2)
SOURCE := build/source
PATCHES := patches/series $(wildcard patches/*.patch)
PLUGIN := $(wildcard src/*)

.PHONY: all darknet lib demo compare tune test fuzz bench faults gpu-check clean distclean help FORCE
all: darknet

help:
	@echo 'make            build/darknet: Darknet with the [smooth_topk] layer'
	@echo '                GPU=1 CUDNN=1 OPENCV=1 OPENMP=1 DEBUG=1 ARCH= as in Darknet'"'"'s own Makefile'
	@echo 'make demo       train one network twice, [softmax] and [smooth_topk], and compare (2 to 5 minutes on two cores)'
	@echo '                NOISE=0.6 SEED=2 BATCHES=500: label noise, random seed, how long to train'
	@echo 'make compare    both losses over label noise, parts of the training set and seeds: tables and plots; goes on where it stopped'
	@echo '                DATA=cifar100 or DATA=DIR, NOISE="0 0.5" FRACTION=1 SEEDS="1 2" JOBS=2 ...: tools/compare.py -h lists all'
	@echo 'make tune       learning rates and temperatures on a part of the training set, for make compare'
	@echo 'make test       all tests; ends with "N passed, N failed"; BUILDS=1 adds builds with CUDA, cuDNN, OpenCV'
	@echo 'make fuzz       look for inputs that break options or mathematics, with clang; SECONDS=600 for each'
	@echo 'make bench      the loss beside Darknet'"'"'s softmax: table, CSV, plot; PEER=DIR adds the authors'"'"' code'
	@echo 'make faults     provoke every fault in upstream and here, and write the table in tests/README.md (about 4 minutes)'
	@echo 'make gpu-check  on a machine with a GPU: its tests and its timings, into build/gpu-report.txt'
	@echo 'make lib        build/libsmooth_topk.a and .so: the loss alone, for other programs (src/smooth_topk.h)'
	@echo 'make clean      remove build/ but for the Darknet source; make distclean removes that too'

# Names what is missing and how to get it, before any compiler does so in its own words.
require = command -v $(1) >/dev/null || { echo "the command '$(1)' is missing; install it with: apt-get install $(2)" >&2; exit 1; }

build/upstream: tools/get_darknet.sh
	@tools/get_darknet.sh build/upstream
	@touch build/upstream

$(SOURCE)/.patched: build/upstream tools/patch_darknet.sh $(PATCHES) $(PLUGIN)
	@tools/patch_darknet.sh build/upstream $(SOURCE)
	@touch $@

# -w: upstream's warnings are not ours to fix; src/ is compiled with them on elsewhere.
# Objects of other options are of no use: they go when the options change.
build/options: FORCE
	@mkdir -p build
	@echo '$(OPTIONS) $(CC)' | cmp -s - $@ || { rm -f $(SOURCE)/obj/*; echo '$(OPTIONS) $(CC)' >$@; }

# Without OpenCV the one C++ file is empty, and needs no C++ compiler.
MAKE_DARKNET = $(MAKE) -C $(SOURCE) CC='$(CC) -w' $(if $(filter 1,$(OPENCV)),,CPP='$(CC) -x c') $(OPTIONS)

darknet: $(SOURCE)/.patched build/options
	@$(call require,$(CC),gcc)
ifeq ($(OPENCV),1)
	@$(call require,g++,g++)
	@$(call require,pkg-config,pkg-config)
	@pkg-config --exists opencv4 || pkg-config --exists opencv || \
		{ echo "OPENCV=1 needs OpenCV; install it with: apt-get install libopencv-dev" >&2; exit 1; }
endif
ifeq ($(GPU),1)
	@[ -x '$(CUDA_HOME)/bin/nvcc' ] || { $(call require,nvcc,nvidia-cuda-toolkit); }
endif
	@$(MAKE_DARKNET) -q >/dev/null 2>&1 || echo "building Darknet in $(SOURCE) (about a minute)"
	@$(MAKE_DARKNET) -s --no-print-directory -j$(CORES)
	@ln -sf source/darknet build/darknet

# Needs the image reader and writer that come with Darknet, none of its objects: so it is the same with GPU=1.
build/make_glyphs: tools/make_glyphs.c | build/upstream
	@$(call require,$(CC),gcc)
	$(CC) $(CFLAGS) $(WARNINGS) -isystem build/upstream/src $< -o $@ -lm

demo: darknet build/make_glyphs
	@tools/demo.sh

compare tune: darknet build/make_glyphs
	@$(call require,python3,python3)
	@$(call require,gnuplot,gnuplot-nox)
	@tools/compare.py $@

LIBRARY_FLAGS = $(CFLAGS) $(WARNINGS) $(OPENMP_FLAG) -fPIC
build/lib/%.o: src/%.c build/options
	@mkdir -p build/lib
	$(CC) $(LIBRARY_FLAGS) -MMD -MP -c $< -o $@
-include $(wildcard build/lib/*.d)

lib: build/libsmooth_topk.a build/libsmooth_topk.so
LIBRARY := $(patsubst %,build/lib/%.o,smooth_topk smooth_topk_log smooth_topk_pivot)
# With GPU=1 the library has smooth_topk_gpu too and needs cudart; ARCH= as for Darknet.
NVCC := $(firstword $(if $(CUDA_HOME),$(wildcard $(CUDA_HOME)/bin/nvcc)) nvcc)
ifeq ($(GPU),1)
ARCH ?= -arch=all-major
TOOLKIT := $(shell $(NVCC) --dryrun -c -x cu /dev/null 2>&1 | sed -n 's/^.. \(INCLUDES\|LIBRARIES\)=//p')
LIBRARY += build/lib/smooth_topk_kernels.o
LIBRARY_LINK := $(TOOLKIT) -lcudart -lstdc++
DARKNET_FLAGS := -DGPU $(if $(filter 1,$(CUDNN)),-DCUDNN) $(TOOLKIT)
DARKNET_LINK := $(TOOLKIT) -lcudart -lcublas -lcurand $(if $(filter 1,$(CUDNN)),-lcudnn) -lstdc++
build/lib/smooth_topk_kernels.o: src/smooth_topk_kernels.cu $(wildcard src/*.h) build/options
	@$(call require,$(NVCC),nvidia-cuda-toolkit)
	@mkdir -p build/lib
	$(NVCC) $(ARCH) -O3 -Xcompiler -fPIC -Isrc -c $< -o $@
endif
build/libsmooth_topk.a: $(LIBRARY)
	ar rcs $@ $^
build/libsmooth_topk.so: $(LIBRARY)
	$(CC) -shared $(LIBRARY_FLAGS) $^ -o $@ $(LIBRARY_LINK) -lm

# The mathematics is tested as it is built for the library, as Darknet builds it (-Ofast), with the vector
# loops of lesser machines, with threads, and under AddressSanitizer and UBSan.
SANITIZED := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all
TEST_LOSS := build/tests/loss build/tests/loss_ofast build/tests/loss_openmp build/tests/loss_portable \
	build/tests/loss_sanitized
ifneq ($(shell grep -wo -m1 avx2 /proc/cpuinfo 2>/dev/null),)
TEST_LOSS += build/tests/loss_avx2
endif
MATHEMATICS := src/smooth_topk.c src/smooth_topk_log.c src/smooth_topk_pivot.c
MATHEMATICS_HEADERS := $(wildcard src/smooth_topk*.h)
build/tests/loss: VARIANT = -O3
build/tests/loss_ofast: VARIANT = -Ofast
build/tests/loss_openmp: VARIANT = -O3 -fopenmp
build/tests/loss_portable: VARIANT = -O3 -DSMOOTH_TOPK_LOOPS=loops_portable
build/tests/loss_avx2: VARIANT = -O3 -DSMOOTH_TOPK_LOOPS=loops_avx2
build/tests/loss_sanitized: VARIANT = $(SANITIZED)

$(TEST_LOSS): tests/test_loss.c tests/numbers.h tests/reference.c tests/reference.h $(MATHEMATICS) $(MATHEMATICS_HEADERS)
	@mkdir -p build/tests
	@echo '#include <stdarg.h>\n#include <stddef.h>\n#include <setjmp.h>\n#include <stdint.h>\n#include <cmocka.h>' | \
		$(CC) -E - >/dev/null 2>&1 || { echo "the test library cmocka is missing; install it with: apt-get install libcmocka-dev" >&2; exit 1; }
	@echo "building $@"
	@$(CC) -O2 $(WARNINGS) -Isrc -c tests/test_loss.c -o $@.test.o
	@$(CC) -O2 $(WARNINGS) -Isrc -c tests/reference.c -o $@.reference.o
	@$(CC) $(VARIANT) $(WARNINGS) -Wno-unused $(MATHEMATICS) $@.test.o $@.reference.o -o $@ -lcmocka -lm

# The kernels run on the CPU, under an emulation of CUDA: beside the CPU's loss, and through the tests of the
# mathematics, with fused multiply-adds as on a GPU, with rows that do not fit on chip, and sanitized.
FUSED := $(if $(shell grep -wo -m1 fma /proc/cpuinfo 2>/dev/null),-mfma)
TEST_KERNELS := build/tests/kernels build/tests/kernels_sanitized
TEST_LOSS_KERNELS := build/tests/loss_kernels build/tests/loss_kernels_off_chip build/tests/loss_kernels_sanitized
build/tests/kernels: VARIANT = -O2
build/tests/kernels_sanitized: VARIANT = $(SANITIZED) -DEVERY=10
build/tests/loss_kernels: VARIANT = -O2 $(FUSED) -DEVERY=11
build/tests/loss_kernels_off_chip: VARIANT = -O2 -DEMULATED_SHARED_LIMIT=8192 -DEVERY=41
build/tests/loss_kernels_sanitized: VARIANT = $(SANITIZED) -DEVERY=149
EMULATION := -std=c++17 $(WARNINGS) -Wno-unknown-pragmas -Isrc -Itests
KERNELS := src/smooth_topk_kernels.cu src/smooth_topk_gpu.h $(MATHEMATICS) $(MATHEMATICS_HEADERS)
THROUGH_KERNELS := -Dsmooth_topk_cpu=kernels -Dsmooth_topk_cpu_workspace=kernels_workspace \
	-Dsmooth_topk_workspace_size=kernels_workspace_size

$(TEST_KERNELS): tests/test_kernels.cpp tests/cuda_emulation.h $(KERNELS)
	@mkdir -p build/tests
	@$(call require,$(CXX),g++)
	@echo "building $@"
	@$(CXX) $(VARIANT) $(EMULATION) -c $< -o $@.test.o
	@$(CC) $(VARIANT) $(WARNINGS) -Wno-unused $(MATHEMATICS) $@.test.o -o $@ -lstdc++ -lcmocka -lm

$(TEST_LOSS_KERNELS): tests/kernels_on_cpu.cpp tests/cuda_emulation.h tests/test_loss.c tests/numbers.h tests/reference.c $(KERNELS)
	@mkdir -p build/tests
	@$(call require,$(CXX),g++)
	@echo "building $@"
	@$(CC) $(VARIANT) $(WARNINGS) -Isrc $(THROUGH_KERNELS) -c tests/test_loss.c -o $@.test.o
	@$(CC) -O2 $(WARNINGS) -Isrc -c tests/reference.c -o $@.reference.o
	@$(CXX) $(VARIANT) $(EMULATION) -c $< -o $@.kernels.o
	@$(CC) $(VARIANT) $(WARNINGS) -Wno-unused $(MATHEMATICS) $@.test.o $@.reference.o $@.kernels.o -o $@ -lstdc++ -lcmocka -lm

# And on a GPU: the whole grid, and a thin one for compute-sanitizer.
TEST_LOSS_GPU := build/tests/loss_gpu build/tests/loss_gpu_thin
build/tests/loss_gpu_thin: VARIANT = -DEVERY=149
$(TEST_LOSS_GPU): tests/kernels_on_gpu.cu tests/test_loss.c tests/numbers.h tests/reference.c $(KERNELS) lib
	@mkdir -p build/tests
	@echo "building $@"
	@$(CC) -O2 $(VARIANT) $(WARNINGS) -Isrc $(THROUGH_KERNELS) -c tests/test_loss.c -o $@.test.o
	@$(CC) -O2 $(WARNINGS) -Isrc -c tests/reference.c -o $@.reference.o
	@$(NVCC) $(ARCH) -O2 -Isrc -c $< -o $@.kernels.o
	@$(CXX) $@.test.o $@.reference.o $@.kernels.o build/libsmooth_topk.a -o $@ $(LIBRARY_LINK) -lcmocka -lm

build/tests/layer: tests/test_layer.c darknet
	@mkdir -p build/tests
	@echo "building $@"
	@$(CC) -O2 $(WARNINGS) -Wno-unused-parameter $(DARKNET_FLAGS) -I$(SOURCE)/include -I$(SOURCE)/src $< $(SOURCE)/libdarknet.a \
		-Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc $(OPENMP_FLAG) $(DARKNET_LINK) -lcmocka -lm -pthread -o $@

# Darknet under AddressSanitizer and UBSan, on the CPU: for the layer's tests, the shell tests and the fuzz
# targets. clang's is for libFuzzer.
CPU_ONLY := GPU=0 CUDNN=0 OPENCV=0 OPENMP=0 DEBUG=0
build/sanitized/.built: SANITIZED_BUILD = CC='$(CC) -w' CPP='$(CC) -x c' OPTS='$(SANITIZED)' libdarknet.a darknet
build/fuzz/darknet/.built: SANITIZED_BUILD = CC='clang -w' CPP='clang -x c' OPTS='$(SANITIZED) -fsanitize=fuzzer-no-link' libdarknet.a
build/sanitized/.built build/fuzz/darknet/.built: build/upstream tools/patch_darknet.sh $(PATCHES) $(PLUGIN)
	@mkdir -p $(@D)
	@echo "building Darknet with sanitizers in $(@D)"
	@tools/patch_darknet.sh build/upstream $(@D)
	@$(MAKE) -s --no-print-directory -j$(CORES) -C $(@D) $(CPU_ONLY) $(SANITIZED_BUILD)
	@touch $@

build/tests/layer_sanitized: tests/test_layer.c build/sanitized/.built
	@mkdir -p build/tests
	@echo "building $@"
	@$(CC) $(SANITIZED) $(WARNINGS) -Wno-unused-parameter -Ibuild/sanitized/include -Ibuild/sanitized/src $< \
		build/sanitized/libdarknet.a -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc -lcmocka -lm -pthread -o $@

# A fuzz target is linked twice: with a driver that replays the corpus and mutations of it (make test), and with
# libFuzzer (make fuzz).
FUZZ_LOSS := tests/fuzz/fuzz_loss.c tests/reference.c $(MATHEMATICS) -Isrc -Wno-unused
FUZZ_OPTIONS := tests/fuzz/fuzz_options.c -Wno-unused-parameter \
	-Wl,--wrap=exit,--wrap=fopen,--wrap=fclose,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free
FUZZ_SOURCES := $(wildcard tests/fuzz/*.[ch]) tests/numbers.h
build/tests/fuzz_loss build/fuzz/loss: $(FUZZ_SOURCES) tests/reference.c tests/reference.h $(MATHEMATICS) $(MATHEMATICS_HEADERS)
build/tests/fuzz_options: $(FUZZ_SOURCES) build/sanitized/.built
build/fuzz/options: $(FUZZ_SOURCES) build/fuzz/darknet/.built
build/tests/fuzz_%:
	@mkdir -p $(@D)
	@echo "building $@"
	@$(CC) $(SANITIZED) $(WARNINGS) tests/fuzz/driver.c $(FUZZ_TARGET) -lm -pthread -o $@
build/fuzz/loss build/fuzz/options:
	@mkdir -p $(@D)
	@echo "building $@"
	@clang $(SANITIZED) -fsanitize=fuzzer $(WARNINGS) $(FUZZ_TARGET) -lm -pthread -o $@
build/tests/fuzz_loss build/fuzz/loss: FUZZ_TARGET = $(FUZZ_LOSS)
build/tests/fuzz_options: FUZZ_TARGET = $(FUZZ_OPTIONS) -Ibuild/sanitized/include -Ibuild/sanitized/src build/sanitized/libdarknet.a
build/fuzz/options: FUZZ_TARGET = $(FUZZ_OPTIONS) -Ibuild/fuzz/darknet/include -Ibuild/fuzz/darknet/src build/fuzz/darknet/libdarknet.a

# What is found stays in build/fuzz/finding-*; what reaches new code is kept in build/fuzz/new_* between runs.
SECONDS ?= 600
fuzz: $(if $(shell command -v clang),build/fuzz/options build/fuzz/loss) build/tests/fuzz_options build/tests/fuzz_loss
	@$(call require,clang,clang)
	@for target in options loss; do \
		mkdir -p build/fuzz/new_$$target; \
		build/tests/fuzz_$$target words >build/fuzz/$$target.dict || exit 1; \
		build/fuzz/$$target -max_total_time=$(SECONDS) -max_len=4096 -timeout=20 -rss_limit_mb=4096 -detect_leaks=0 \
			-print_final_stats=1 -artifact_prefix=build/fuzz/finding-$$target- -dict=build/fuzz/$$target.dict \
			build/fuzz/new_$$target tests/fuzz/corpus_$$target || exit 1; \
	done

# BUILDS=1 adds the builds with CUDA, cuDNN and OpenCV, as far as the machine has them (minutes more).
TEST_SCRIPTS := $(filter-out $(if $(filter 1,$(BUILDS)),,tests/test_builds.sh),$(wildcard tests/test_*.sh))
TEST_PROGRAMS := $(TEST_LOSS) $(TEST_KERNELS) $(TEST_LOSS_KERNELS) build/tests/layer build/tests/layer_sanitized
test: $(TEST_PROGRAMS) build/tests/fuzz_options build/tests/fuzz_loss lib build/make_glyphs $(if $(filter 1,$(GPU)),$(TEST_LOSS_GPU))
	@tests/run.sh $(TEST_PROGRAMS) $(TEST_SCRIPTS)

# The loss beside Darknet's softmax, with Darknet's own flags. PEER=DIR: a checkout of the authors' smooth-topk,
# timed and compared as well with PYTHON, which needs torch.
PYTHON ?= python3
BENCH_FLAGS := -Ofast
build/bench/bench: bench/bench.c $(MATHEMATICS) $(MATHEMATICS_HEADERS) darknet
	@mkdir -p build/bench
	@echo "building $@"
	@$(CC) $(BENCH_FLAGS) $(WARNINGS) -Wno-unused-parameter $(DARKNET_FLAGS) -I$(SOURCE)/include -I$(SOURCE)/src $< $(SOURCE)/libdarknet.a \
		$(OPENMP_FLAG) $(DARKNET_LINK) -lm -pthread -o $@

build/bench/bench_gpu: bench/bench_gpu.cu $(KERNELS) darknet
	@mkdir -p build/bench
	@echo "building $@"
	@$(NVCC) $(ARCH) -O2 -DGPU -Isrc -I$(SOURCE)/include -I$(SOURCE)/src -c $< -o $@.o
	@$(CXX) $@.o $(SOURCE)/libdarknet.a $(OPENMP_FLAG) $(DARKNET_LINK) -lm -pthread -o $@

# With GPU=1 the GPU's rows, which need a GPU; else the CPU's.
ifeq ($(GPU),1)
bench: build/bench/bench_gpu build/bench/bench
	@build/bench/bench_gpu >build/bench/gpu.csv
ifdef PEER
	@build/bench/bench sample build/bench/sample.bin
	@$(PYTHON) bench/peer.py "$(PEER)" build/bench/sample.bin cuda >>build/bench/gpu.csv
endif
	@awk -f bench/report_gpu.awk build/bench/gpu.csv
	@echo "numbers: build/bench/gpu.csv"
else
bench: build/bench/bench
	@$(call require,gnuplot,gnuplot-nox)
	@OMP_NUM_THREADS=1 build/bench/bench loss >build/bench/loss.csv
ifdef PEER
	@build/bench/bench sample build/bench/sample.bin
	@$(PYTHON) bench/peer.py "$(PEER)" build/bench/sample.bin >>build/bench/loss.csv
endif
	@awk -f bench/report.awk build/bench/loss.csv
	@gnuplot -e 'output_file="build/bench/loss.svg"' bench/plot.gp
	@OMP_NUM_THREADS=1 build/bench/bench step cfg/glyphs_softmax.cfg cfg/glyphs_smooth_topk.cfg 2>build/bench/step.log >build/bench/step.csv
	@awk -F, 'NR > 1 { printf "%-30s %8.2f ms a training step, %7.4f ms of it (%.2f %%) in the last layer\n", $$1, $$2, $$3, 100*$$4 }' build/bench/step.csv
	@echo "numbers: build/bench/loss.csv, build/bench/step.csv; plot: build/bench/loss.svg"
endif

# All that is to be checked on a machine with a GPU, in one command.
gpu-check:
	@nvidia-smi -L >/dev/null 2>&1 || { echo "gpu-check needs an NVIDIA GPU and its driver: nvidia-smi lists none" >&2; exit 1; }
	@mkdir -p build
	@{ nvidia-smi -L; $(NVCC) --version | tail -n 2; $(MAKE) --no-print-directory test GPU=1; \
		$(MAKE) --no-print-directory bench GPU=1; } 2>&1 | tee build/gpu-report.txt
	@echo "all of it: build/gpu-report.txt"

# Upstream as it came, with the same compiler: what tests and the table of faults compare with.
build/pristine/darknet: | build/upstream
	@$(call require,$(CC),gcc)
	@echo "building upstream's Darknet in build/pristine (about a minute)"
	@rm -rf build/pristine && cp -R build/upstream build/pristine && mkdir build/pristine/obj
	@$(MAKE) -s --no-print-directory -j$(CORES) -C build/pristine CC='$(CC) -w' CPP='$(CC) -x c' darknet

faults: darknet build/pristine/darknet
	@tests/fault_table.sh

clean:
	rm -rf $(filter-out build/upstream,$(wildcard build/*))
distclean:
	rm -rf build
