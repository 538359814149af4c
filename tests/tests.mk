# The test programs, the fuzz targets, and what runs them: make test, fuzz, faults, gpu-check.

# The mathematics is tested as it is built for the library, as Darknet builds it (-Ofast), with the vector
# loops of lesser machines, with threads, and under AddressSanitizer and UBSan.
SANITIZED := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all
TEST_LOSS := build/tests/loss build/tests/loss_ofast build/tests/loss_openmp build/tests/loss_portable \
	build/tests/loss_sanitized
ifneq ($(shell grep -wo -m1 avx2 /proc/cpuinfo 2>/dev/null),)
TEST_LOSS += build/tests/loss_avx2
endif
MATHEMATICS := $(wildcard src/loss/*.c)
MATHEMATICS_HEADERS := $(wildcard src/loss/smooth_topk*.h)
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
	@$(CC) -O2 $(WARNINGS) -Isrc/loss -c tests/test_loss.c -o $@.test.o
	@$(CC) -O2 $(WARNINGS) -Isrc/loss -c tests/reference.c -o $@.reference.o
	@$(CC) $(VARIANT) $(WARNINGS) -Wno-unused $(MATHEMATICS) $@.test.o $@.reference.o -o $@ -lcmocka -lm

# The formulas that CPU and GPU share, one by one.
TEST_FORMULAS := build/tests/exponential build/tests/formulas
$(TEST_FORMULAS): build/tests/%: tests/test_%.c tests/numbers.h $(MATHEMATICS_HEADERS)
	@mkdir -p build/tests
	@echo "building $@"
	@$(CC) -O2 $(WARNINGS) -Isrc/loss $< -o $@ -lcmocka -lm

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
EMULATION := -std=c++17 $(WARNINGS) -Wno-unknown-pragmas -Isrc/loss -Itests
KERNELS := src/loss/smooth_topk_kernels.cu src/loss/smooth_topk_gpu.h $(MATHEMATICS) $(MATHEMATICS_HEADERS)
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
	@$(CC) $(VARIANT) $(WARNINGS) -Isrc/loss $(THROUGH_KERNELS) -c tests/test_loss.c -o $@.test.o
	@$(CC) -O2 $(WARNINGS) -Isrc/loss -c tests/reference.c -o $@.reference.o
	@$(CXX) $(VARIANT) $(EMULATION) -c $< -o $@.kernels.o
	@$(CC) $(VARIANT) $(WARNINGS) -Wno-unused $(MATHEMATICS) $@.test.o $@.reference.o $@.kernels.o -o $@ -lstdc++ -lcmocka -lm

# And on a GPU: the whole grid, and a thin one for compute-sanitizer.
TEST_LOSS_GPU := build/tests/loss_gpu build/tests/loss_gpu_thin
build/tests/loss_gpu_thin: VARIANT = -DEVERY=149
$(TEST_LOSS_GPU): tests/kernels_on_gpu.cu tests/test_loss.c tests/numbers.h tests/reference.c $(KERNELS) lib
	@mkdir -p build/tests
	@echo "building $@"
	@$(CC) -O2 $(VARIANT) $(WARNINGS) -Isrc/loss $(THROUGH_KERNELS) -c tests/test_loss.c -o $@.test.o
	@$(CC) -O2 $(WARNINGS) -Isrc/loss -c tests/reference.c -o $@.reference.o
	@$(NVCC) $(ARCH) -O2 -Isrc/loss -c $< -o $@.kernels.o
	@$(CXX) $@.test.o $@.reference.o $@.kernels.o build/libsmooth_topk.a -o $@ $(LIBRARY_LINK) -lcmocka -lm

build/tests/layer: tests/test_layer.c darknet
	@mkdir -p build/tests
	@echo "building $@"
	@$(CC) -O2 $(WARNINGS) -Wno-unused-parameter $(DARKNET_FLAGS) -I$(SOURCE)/include -I$(SOURCE)/src $(PLUGIN_INCLUDE) $< $(SOURCE)/libdarknet.a -ljpeg -lpng \
		-Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc $(OPENMP_FLAG) $(DARKNET_LINK) -lcmocka -lm -pthread -o $@

# Darknet under AddressSanitizer and UBSan, on the CPU: for the layer's tests, the shell tests and the fuzz
# targets. clang's is for libFuzzer.
CPU_ONLY := GPU=0 CUDNN=0 OPENCV=0 OPENMP=0 DEBUG=0
build/sanitized/.built: SANITIZED_BUILD = CC='$(CC)' CPP='$(CC) -x c' OPTS='$(SANITIZED)' libdarknet.a darknet
build/fuzz/darknet/.built: SANITIZED_BUILD = CC='clang' CPP='clang -x c' OPTS='$(SANITIZED) -fsanitize=fuzzer-no-link' libdarknet.a
build/sanitized/.built build/fuzz/darknet/.built: build/upstream tools/patch_darknet.sh $(PATCHES) $(PLUGIN)
	@mkdir -p $(@D)
	@echo "building Darknet with sanitizers in $(@D)"
	@tools/patch_darknet.sh build/upstream $(@D)
	@$(MAKE) -s --no-print-directory -j$(CORES) -C $(@D) $(CPU_ONLY) $(SANITIZED_BUILD)
	@touch $@

build/tests/layer_sanitized: tests/test_layer.c build/sanitized/.built
	@mkdir -p build/tests
	@echo "building $@"
	@$(CC) $(SANITIZED) $(WARNINGS) -Wno-unused-parameter -Ibuild/sanitized/include -Ibuild/sanitized/src $(PLUGIN_INCLUDE) $< \
		build/sanitized/libdarknet.a -ljpeg -lpng -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc -lcmocka -lm -pthread -o $@

# A fuzz target is linked twice: with a driver that replays the corpus and mutations of it (make test), and with
# libFuzzer (make fuzz).
FUZZ_LOSS := tests/fuzz/fuzz_loss.c tests/reference.c $(MATHEMATICS) -Isrc/loss -Wno-unused
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
build/tests/fuzz_options: FUZZ_TARGET = $(FUZZ_OPTIONS) -Ibuild/sanitized/include -Ibuild/sanitized/src $(PLUGIN_INCLUDE) build/sanitized/libdarknet.a -ljpeg -lpng
build/fuzz/options: FUZZ_TARGET = $(FUZZ_OPTIONS) -Ibuild/fuzz/darknet/include -Ibuild/fuzz/darknet/src $(PLUGIN_INCLUDE) build/fuzz/darknet/libdarknet.a -ljpeg -lpng

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
TEST_PROGRAMS := $(TEST_LOSS) $(TEST_FORMULAS) $(TEST_KERNELS) $(TEST_LOSS_KERNELS) build/tests/layer build/tests/layer_sanitized
test: $(TEST_PROGRAMS) build/tests/fuzz_options build/tests/fuzz_loss lib build/make_glyphs $(if $(filter 1,$(GPU)),$(TEST_LOSS_GPU))
	@tests/run.sh $(TEST_PROGRAMS) $(TEST_SCRIPTS)

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
