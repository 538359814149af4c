# What is tested on a machine with a GPU, and make gpu-check.

# And on a GPU: the whole grid, and a thin one for compute-sanitizer.
TEST_LOSS_GPU := build/tests/loss_gpu build/tests/loss_gpu_thin
build/tests/loss_gpu_thin: VARIANT = -DEVERY=149
build/tests/loss_gpu build/tests/loss_gpu_thin: tests/kernels_on_gpu.cu tests/test_loss.c tests/support.h tests/reference.c $(KERNELS) lib
	@mkdir -p build/tests
	@echo "building $@"
	@$(CC) -O2 $(VARIANT) $(WARNINGS) $(LOSS_INCLUDE) $(THROUGH_KERNELS) -c tests/test_loss.c -o $@.test.o
	@$(CC) -O2 $(WARNINGS) $(LOSS_INCLUDE) -c tests/reference.c -o $@.reference.o
	@$(NVCC) $(ARCH) -O2 $(LOSS_INCLUDE) -c $< -o $@.kernels.o
	@$(CXX) $@.test.o $@.reference.o $@.kernels.o build/libsmooth_topk.a -o $@ $(LIBRARY_LINK) -lcmocka -lm

TEST_LOSS_GPU += build/tests/rows_gpu
build/tests/rows_gpu: tests/kernels_on_gpu.cu tests/test_rows.c tests/support.h tests/reference.c $(KERNELS) lib
	@mkdir -p build/tests
	@echo "building $@"
	@$(CC) -O2 $(WARNINGS) $(LOSS_INCLUDE) $(THROUGH_KERNELS) -c tests/test_rows.c -o $@.test.o
	@$(NVCC) $(ARCH) -O2 $(LOSS_INCLUDE) -c $< -o $@.kernels.o
	@$(CXX) $@.test.o $@.kernels.o build/libsmooth_topk.a -o $@ $(LIBRARY_LINK) -lcmocka -lm

# All that is to be seen on a machine with a GPU, in one command; and the same packed up for one without a network.
gpu-check: | build/upstream
	@tools/gpu_check.sh build/gpu
gpu-bundle: $(SOURCE)/.patched
	@tools/gpu_bundle.sh build/gpu-bundle.tar.gz
.PHONY: gpu-bundle
