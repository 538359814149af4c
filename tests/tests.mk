# The tests: make test (at most 4 minutes from scratch on two cores), make check (all), make faults.
#
# A script tests/test_X.sh and a program tests/test_X.c are found by themselves and belong to both targets; what takes
# long, or another build of Darknet, is named in LONG_SCRIPTS or LONG_PROGRAMS, and only `make check` runs it.
# `make check` also sets LONG=1, with which a test may run its whole grid where it is content with a part otherwise.
LONG_SCRIPTS := $(patsubst %,tests/test_%.sh,barriers build builds compare coverage \
	cpu_aarch64 cpu_threads export_networks fuzz gpu nvcc python ranks ranks_faults sanitized static upstream valgrind)
LONG_PROGRAMS := build/tests/%_sanitized build/tests/loss_kernels_off_chip build/tests/rows_kernels

# Without a fake stack: gcc 14 puts vectors of 64 bytes on one that is aligned to 32. clang, unlike gcc, minds that
# upstream adds 0 to the null pointer.
SANITIZED := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all --param asan-use-after-return=0 \
	-Wno-unused-command-line-argument $(if $(findstring clang,$(CC)),-fno-sanitize=pointer-overflow)
MATHEMATICS := $(wildcard src/loss/*.c)
MATHEMATICS_HEADERS := $(wildcard $(LOSS_ROOMS:%=src/%/*.h))

# The mathematics is tested as it is built for the library, as Darknet builds it (-Ofast), under AddressSanitizer and
# UBSan, with threads, and with the vector loops of lesser machines.
TEST_LOSS_LINKED := $(patsubst %,build/tests/%,loss loss_ofast loss_sanitized)
TEST_LOSS_COMPILED := $(patsubst %,build/tests/%,loss_openmp loss_portable)
ifneq ($(shell grep -wo -m1 avx2 /proc/cpuinfo 2>/dev/null),)
TEST_LOSS_COMPILED += build/tests/loss_avx2
endif
build/tests/loss: VARIANT = build/libsmooth_topk.a $(OPENMP_FLAG)
build/tests/loss_ofast: VARIANT = $(SOURCE)/libdarknet.a $(OPENMP_FLAG) $(DARKNET_LINK)
build/tests/loss_sanitized: VARIANT = $(SANITIZED) build/sanitized/libdarknet.a
build/tests/loss_openmp: VARIANT = -O3 -fopenmp src/loss/smooth_topk_batch.c build/libsmooth_topk.a
# Also with a part of -Ofast alone.
build/tests/loss_portable: VARIANT = -Ofast -fno-finite-math-only -DINSTRUCTION_SET=SIMD_PORTABLE $(MATHEMATICS)
build/tests/loss_avx2: VARIANT = -O3 -DINSTRUCTION_SET=SIMD_AVX2 $(MATHEMATICS)

build/tests/.cmocka:
	@mkdir -p build/tests
	@printf '#include <%s>\n' stdarg.h stddef.h setjmp.h stdint.h cmocka.h | $(CC) -E - >/dev/null 2>&1 || \
		{ echo "the test library cmocka is missing; install it with: apt-get install libcmocka-dev" >&2; exit 1; }
	@touch $@

build/tests/%.o: tests/%.c $(wildcard tests/*.h) $(MATHEMATICS_HEADERS) | build/tests/.cmocka
	@$(CC) -O2 $(WARNINGS) $(LOSS_INCLUDE) -c $< -o $@

build/tests/loss build/tests/loss_openmp: build/libsmooth_topk.a
build/tests/loss_ofast: $(SOURCE)/libdarknet.a
build/tests/loss_sanitized: build/sanitized/.built
$(TEST_LOSS_COMPILED): $(MATHEMATICS) $(MATHEMATICS_HEADERS)
$(TEST_LOSS_LINKED) $(TEST_LOSS_COMPILED): build/tests/test_loss.o build/tests/reference.o
	@echo "building $@"
	@$(CC) build/tests/test_loss.o build/tests/reference.o $(VARIANT) $(WARNINGS) -Wno-unused $(LOSS_INCLUDE) \
		-o $@ $(DARKNET_LIBRARIES) -lcmocka -lm -pthread

# The kernels run on the CPU, under an emulation of CUDA: beside the CPU's loss, and through the tests of the
# mathematics, with fused multiply-adds as on a GPU, with rows that do not fit on chip, and sanitized.
FUSED := $(if $(shell grep -wo -m1 fma /proc/cpuinfo 2>/dev/null),-mfma)
TEST_KERNELS := build/tests/kernels build/tests/kernels_sanitized
TEST_LOSS_KERNELS := build/tests/loss_kernels_off_chip build/tests/loss_kernels_sanitized
build/tests/kernels: VARIANT = -O2
build/tests/kernels_sanitized: VARIANT = $(SANITIZED) -DEVERY=10
build/tests/loss_kernels: VARIANT = -O2 -DEVERY=11
build/tests/loss_kernels_off_chip: VARIANT = -O2 -DMOST_ON_CHIP=0 -DEVERY=41
build/tests/loss_kernels_sanitized: VARIANT = $(SANITIZED) -DEVERY=149
EMULATION := -std=c++17 $(WARNINGS) -Wno-unknown-pragmas $(LOSS_INCLUDE) -Itests
KERNELS := $(wildcard src/loss/cuda/*.cu src/loss/cuda/*.cuh) $(MATHEMATICS) $(MATHEMATICS_HEADERS)
THROUGH_KERNELS := -Dsmooth_topk_cpu=kernels -Dsmooth_topk_cpu_workspace=kernels_workspace \
	-Dsmooth_topk_workspace_size=kernels_workspace_size -Dsmooth_topk_sum_cpu=sum_kernels \
	-Dsmooth_topk_sum_cpu_workspace=sum_kernels_workspace -Dsmooth_topk_sum_workspace_size=sum_kernels_workspace_size \
	-Dsmooth_topk_truth_cpu=truth_kernels -Dsmooth_topk_truth_workspace_size=truth_kernels_workspace_size \
	-Dsmooth_topk_membership_cpu=membership_kernels \
	-Dsmooth_topk_membership_workspace_size=membership_kernels_workspace_size

$(TEST_KERNELS): tests/test_kernels.cpp tests/cuda_emulation.h $(KERNELS) build/libsmooth_topk.a | build/tests/.cmocka
	@$(call require,$(CXX),g++)
	@echo "building $@"
	@$(CXX) $(VARIANT) $(EMULATION) -c $< -o $@.test.o
	@$(CC) $(VARIANT) $@.test.o build/libsmooth_topk.a $(OPENMP_FLAG) -o $@ -lstdc++ -lcmocka -lm

build/tests/loss_kernels_off_chip build/tests/loss_kernels_sanitized: tests/kernels_on_cpu.cpp \
		build/tests/reference.o tests/cuda_emulation.h tests/test_loss.c tests/support.h $(KERNELS) \
		build/libsmooth_topk.a
	@$(call require,$(CXX),g++)
	@echo "building $@"
	@$(CC) $(VARIANT) $(WARNINGS) $(LOSS_INCLUDE) $(THROUGH_KERNELS) -c tests/test_loss.c -o $@.test.o
	@$(CXX) $(VARIANT) $(EMULATION) -c $< -o $@.kernels.o
	@$(CC) $(VARIANT) $@.test.o build/tests/reference.o $@.kernels.o build/libsmooth_topk.a $(OPENMP_FLAG) -o $@ \
		-lstdc++ -lcmocka -lm

# Sums over several k and rows of truth; many rows in a batch, as each alone; memberships.
THROUGH_FUSED := $(patsubst %,build/tests/%_kernels,loss rows rows_alone membership)
TEST_LOSS_KERNELS += $(THROUGH_FUSED)
build/tests/loss_kernels: build/tests/reference.o
build/tests/rows_kernels: VARIANT = -O2 -DEVERY=16
build/tests/rows_alone_kernels: VARIANT = -O2 -DROWS=90 -DROUNDS=3
build/tests/membership_kernels: VARIANT = -O2
build/tests/fused_kernels.o: tests/kernels_on_cpu.cpp tests/cuda_emulation.h $(KERNELS) | build/tests/.cmocka
	@$(call require,$(CXX),g++)
	@$(CXX) -O2 $(FUSED) $(EMULATION) -c $< -o $@
$(THROUGH_FUSED): build/tests/%_kernels: tests/test_%.c build/tests/fused_kernels.o tests/reference.c tests/support.h \
		build/libsmooth_topk.a
	@echo "building $@"
	@$(CC) $(VARIANT) $(WARNINGS) $(LOSS_INCLUDE) $(THROUGH_KERNELS) -c $< -o $@.test.o
	@$(CC) $@.test.o $(filter %.o,$^) build/libsmooth_topk.a $(OPENMP_FLAG) -o $@ -lstdc++ -lcmocka -lm

# Every other tests/test_X.c is linked with Darknet's library, as it is and with that under AddressSanitizer and UBSan.
UNITS := $(filter-out loss,$(patsubst tests/test_%.c,%,$(wildcard tests/test_*.c)))
TEST_UNITS := $(foreach unit,$(UNITS),build/tests/$(unit) build/tests/$(unit)_sanitized)
build/tests/layer build/tests/layer_sanitized: WRAPPED = -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc
UNIT_FLAGS = $(WARNINGS) -Wno-unused-parameter $(PLUGIN_INCLUDE)
build/tests/cpu_sanitized: UNIT_FLAGS += -DEVERY=3
# As src/darknet.mk has it.
build/tests/views build/tests/views_sanitized: UNIT_FLAGS += -ffp-contract=off
# The functions of upstream's .cu that a test runs on the CPU: without cuDNN, and with the CPU's names.
build/tests/one_by_one build/tests/one_by_one_sanitized: UNIT_FLAGS += -Ibuild/tests
build/tests/one_by_one build/tests/one_by_one_sanitized: build/tests/convolutional_kernels_text.h
build/tests/convolutional_kernels_text.h: $(SOURCE)/.patched
	@mkdir -p build/tests
	@sed -n '/^void \(forward\|backward\)_convolutional_layer_gpu/,/^}/p' $(SOURCE)/src/convolutional_kernels.cu | \
		sed 's/^void/static void/; s/_gpu(/_cpu(/g; s/_gpu\>//g' >$@

$(UNITS:%=build/tests/%): build/tests/%: tests/test_%.c $(SOURCE)/libdarknet.a \
		$(wildcard tests/*.h) | build/tests/.cmocka
	@echo "building $@"
	@$(CC) -O2 $(UNIT_FLAGS) $(DARKNET_FLAGS) -I$(SOURCE)/include -I$(SOURCE)/src $< $(SOURCE)/libdarknet.a \
		$(WRAPPED) $(OPENMP_FLAG) $(DARKNET_LINK) $(DARKNET_LIBRARIES) -lcmocka -lm -pthread -o $@

$(UNITS:%=build/tests/%_sanitized): build/tests/%_sanitized: tests/test_%.c build/sanitized/.built \
		$(wildcard tests/*.h) | build/tests/.cmocka
	@echo "building $@"
	@$(CC) $(SANITIZED) $(UNIT_FLAGS) -Ibuild/sanitized/include -Ibuild/sanitized/src $< build/sanitized/libdarknet.a \
		$(WRAPPED) $(DARKNET_LIBRARIES) -lcmocka -lm -pthread -o $@

# Darknet under AddressSanitizer and UBSan, on the CPU: for the unit tests, the shell tests and the fuzz
# targets. clang's is for libFuzzer, and does not mind that upstream adds 0 to the null pointer.
CPU_ONLY := GPU=0 CUDNN=0 OPENCV=0 OPENMP=0 DEBUG=0
build/sanitized/.built: SANITIZED_BUILD = CC='$(CC)' CPP='$(CC) -x c' OPTS='$(SANITIZED)' libdarknet.a darknet
build/fuzz/darknet/.built: SANITIZED_BUILD = CC='clang' CPP='clang -x c' \
	OPTS='$(SANITIZED) -fno-sanitize=pointer-overflow -fsanitize=fuzzer-no-link' libdarknet.a
build/sanitized/.built build/fuzz/darknet/.built: build/upstream tools/patch_darknet.sh $(PATCHES) $(PLUGIN)
	@mkdir -p $(@D)
	@echo "building Darknet with sanitizers in $(@D)"
	@tools/patch_darknet.sh build/upstream $(@D)
	@$(MAKE) -s --no-print-directory $(PARALLEL) -C $(@D) $(CPU_ONLY) $(SANITIZED_BUILD)
	@touch $@

# For several ranks, where MPI is: the tests and the benchmark of src/ranks.
build/ranks/.built: build/upstream tools/patch_darknet.sh $(PATCHES) $(PLUGIN)
	@$(call require,mpicc,libopenmpi-dev openmpi-bin)
	@mkdir -p $(@D)
	@echo "building Darknet with MPI in $(@D)"
	@tools/patch_darknet.sh build/upstream $(@D)
	@$(MAKE) -s --no-print-directory $(PARALLEL) -C $(@D) $(CPU_ONLY) MPI=1 CC='$(CC)' CPP='$(CC) -x c' darknet
	@touch $@

# Upstream as it came, with the same compiler: what tests and the table of faults compare with.
build/pristine/darknet: | build/upstream
	@$(call require,$(CC),gcc)
	@echo "building upstream's Darknet in build/pristine"
	@rm -rf build/pristine && cp -R build/upstream build/pristine && mkdir build/pristine/obj
	@$(MAKE) -s --no-print-directory $(PARALLEL) -C build/pristine CC='$(CC) -w' CPP='$(CC) -x c' darknet

include tests/fuzz.mk tests/gpu.mk

TEST_PROGRAMS := $(TEST_UNITS) $(TEST_LOSS_LINKED) $(TEST_LOSS_COMPILED) $(TEST_KERNELS) $(TEST_LOSS_KERNELS)
# WITHOUT="coverage ..." leaves scripts out.
CHECK := $(filter-out $(WITHOUT:%=tests/test_%.sh),$(wildcard tests/test_*.sh)) $(TEST_PROGRAMS)
TEST := $(filter-out $(LONG_SCRIPTS) $(LONG_PROGRAMS),$(CHECK))
# What the scripts take for granted: they run side by side and build nothing of their own in build/.
TEST_MATERIAL := darknet lib build/make_glyphs build/make_disturbances
CHECK_MATERIAL := $(TEST_MATERIAL) build/pristine/darknet \
	$(if $(shell command -v mpicc),build/ranks/.built) $(FUZZ_TARGETS:%=build/tests/fuzz_%)

# All programs first, on all cores; then all tests, as many at once.
PROVE = PERL5LIB=tests/prove prove --formatter Counts --timer --jobs $(CORES) --exec tests/run_one.sh
test check:
	@$(call require,prove,perl)
	@$(call require,python3,python3)
	@$(call require,gnuplot,--no-install-recommends gnuplot-nox)
	@$(MAKE) --no-print-directory $(PARALLEL) $@-programs
	@CC='$(CC)' CMOCKA_MESSAGE_OUTPUT=TAP $(if $(filter check,$@),LONG=1) \
		$(PROVE) $(if $(filter check,$@),$(CHECK),$(TEST))
test-programs: $(filter build/%,$(TEST)) $(TEST_MATERIAL)
check-programs: $(filter build/%,$(CHECK)) $(CHECK_MATERIAL) $(if $(filter 1,$(GPU)),$(TEST_LOSS_GPU))

faults: darknet build/pristine/darknet
	@tests/fault_table.sh

check-debian:
	@tests/check_debian.sh
