# What is tested on a machine with a GPU, and make gpu-check.

# And on a GPU: the whole grid, and a thin one for compute-sanitizer.
TEST_LOSS_GPU := build/tests/loss_gpu build/tests/loss_gpu_thin
build/tests/loss_gpu_thin: VARIANT = -DEVERY=149
build/tests/loss_gpu build/tests/loss_gpu_thin: tests/kernels_on_gpu.cu tests/test_loss.c tests/numbers.h tests/reference.c $(KERNELS) lib
	@mkdir -p build/tests
	@echo "building $@"
	@$(CC) -O2 $(VARIANT) $(WARNINGS) -Isrc/loss $(THROUGH_KERNELS) -c tests/test_loss.c -o $@.test.o
	@$(CC) -O2 $(WARNINGS) -Isrc/loss -c tests/reference.c -o $@.reference.o
	@$(NVCC) $(ARCH) -O2 -Isrc/loss -c $< -o $@.kernels.o
	@$(CXX) $@.test.o $@.reference.o $@.kernels.o build/libsmooth_topk.a -o $@ $(LIBRARY_LINK) -lcmocka -lm

TEST_LOSS_GPU += build/tests/rows_gpu
build/tests/rows_gpu: tests/kernels_on_gpu.cu tests/test_rows.c tests/numbers.h tests/reference.c $(KERNELS) lib
	@mkdir -p build/tests
	@echo "building $@"
	@$(CC) -O2 $(WARNINGS) -Isrc/loss $(THROUGH_KERNELS) -c tests/test_rows.c -o $@.test.o
	@$(NVCC) $(ARCH) -O2 -Isrc/loss -c $< -o $@.kernels.o
	@$(CXX) $@.test.o $@.kernels.o build/libsmooth_topk.a -o $@ $(LIBRARY_LINK) -lcmocka -lm

# All that is to be checked on a machine with a GPU, in one command.
gpu-check:
	@nvidia-smi -L >/dev/null 2>&1 || { echo "gpu-check needs an NVIDIA GPU and its driver: nvidia-smi lists none" >&2; exit 1; }
	@mkdir -p build
	@{ nvidia-smi -L; $(NVCC) --version | tail -n 2; $(MAKE) --no-print-directory check GPU=1 || echo 'gpu-check: tests failed'; \
		$(MAKE) --no-print-directory bench GPU=1 || echo 'gpu-check: the benchmark failed'; } 2>&1 | tee build/gpu-report.txt
	@echo "all of it: build/gpu-report.txt"
	@! grep '^gpu-check: ' build/gpu-report.txt
