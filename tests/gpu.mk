# What is tested on a machine with a GPU, make gpu-check, and what is built for one beforehand.

# And on a GPU: the whole grid, a thin one for compute-sanitizer, and one whose rows are not kept on chip.
LOSS_GPU := $(patsubst %,build/tests/%,loss_gpu loss_gpu_thin loss_gpu_off_chip)
build/tests/loss_gpu_thin: VARIANT = -DEVERY=149
build/tests/loss_gpu_off_chip: VARIANT = -DEVERY=11
$(LOSS_GPU): tests/test_loss.c tests/reference.c
# Sums over several k and rows of truth; many rows in a batch, as each alone; memberships.
ROWS_GPU := $(patsubst %,build/tests/%,rows_gpu rows_alone_gpu membership_gpu)
build/tests/membership_gpu: tests/test_membership.c
build/tests/rows_gpu: tests/test_rows.c
build/tests/rows_alone_gpu: tests/test_rows_alone.c
TEST_LOSS_GPU := $(LOSS_GPU) $(ROWS_GPU)

$(TEST_LOSS_GPU): build/tests/%: build/tests/kernels_on_gpu.o tests/support.h lib
	@echo "building $@"
	@$(CC) -O2 $(VARIANT) $(WARNINGS) $(LOSS_INCLUDE) $(THROUGH_KERNELS) -c $(filter tests/test_%.c,$^) -o $@.test.o
	@$(if $(filter tests/reference.c,$^),$(CC) -O2 $(WARNINGS) $(LOSS_INCLUDE) -c tests/reference.c -o $@.reference.o)
	@$(CXX) $@.test.o $(if $(filter tests/reference.c,$^),$@.reference.o) $< $(OFF_CHIP) build/libsmooth_topk.a -o $@ \
		$(LIBRARY_LINK) -lcmocka -lm
build/tests/kernels_on_gpu.o: tests/kernels_on_gpu.cu $(KERNELS) build/options
	@mkdir -p build/tests
	@$(NVCC) $(ARCH) -O2 $(LOSS_INCLUDE) -c $< -o $@
build/tests/loss_gpu_off_chip: OFF_CHIP = build/tests/kernels_off_chip.o
build/tests/loss_gpu_off_chip: build/tests/kernels_off_chip.o
build/tests/kernels_off_chip.o: src/loss/cuda/smooth_topk_gpu.cu $(KERNELS) build/options
	@mkdir -p build/tests
	@$(NVCC) $(ARCH) -O3 -DMOST_ON_CHIP=0 $(LOSS_INCLUDE) -c $< -o $@

# All that is to be seen on a machine with a GPU, in one command; and the same packed up for one without a network.
gpu-check: | build/upstream
	@tools/gpu_check.sh build/gpu
gpu-ready: $(SOURCE)/.patched
	@tools/gpu_ready.sh build/gpu-ready
gpu-bundle: $(SOURCE)/.patched
	@tools/gpu_bundle.sh build/gpu-bundle.tar.gz
.PHONY: gpu-ready gpu-bundle
