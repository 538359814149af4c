# The benchmarks: make bench.

# The loss beside Darknet's softmax, with Darknet's own flags. PEER=DIR: a checkout of the authors' smooth-topk,
# timed and compared as well with PYTHON, which needs torch.
PYTHON ?= python3
BENCH_FLAGS := -Ofast
build/bench/bench: bench/bench.c $(MATHEMATICS) $(MATHEMATICS_HEADERS) darknet
	@mkdir -p build/bench
	@echo "building $@"
	@$(CC) $(BENCH_FLAGS) $(WARNINGS) -Wno-unused-parameter $(DARKNET_FLAGS) \
		-I$(SOURCE)/include -I$(SOURCE)/src $(PLUGIN_INCLUDE) $< $(SOURCE)/libdarknet.a $(DARKNET_LIBRARIES) \
		$(OPENMP_FLAG) $(DARKNET_LINK) -lm -pthread -o $@

# Layer against layer, as a training step sees them.
build/bench/bench_layer: bench/bench_layer.c darknet
	@mkdir -p build/bench
	@echo "building $@"
	@$(CC) -O2 $(WARNINGS) $(DARKNET_FLAGS) $(PLUGIN_INCLUDE) -isystem $(SOURCE)/include -isystem $(SOURCE)/src $< \
		$(SOURCE)/libdarknet.a $(DARKNET_LIBRARIES) $(OPENMP_FLAG) $(DARKNET_LINK) -lm -pthread -o $@
bench-layer: build/bench/bench_layer
	@OMP_NUM_THREADS=1 build/bench/bench_layer 2>/dev/null
.PHONY: bench-layer

build/bench/bench_gpu: bench/bench_gpu.cu $(KERNELS) build/libsmooth_topk.a
	@mkdir -p build/bench
	@echo "building $@"
	@$(NVCC) $(ARCH) -O3 $(LOSS_INCLUDE) -c $< -o $@.o
	@$(CXX) $@.o build/libsmooth_topk.a -o $@ $(LIBRARY_LINK) -lm

# With GPU=1 the GPU's rows, which need a GPU; else the CPU's. PYTHON with torch adds its cross_entropy, PEER the
# authors' code.
ifeq ($(GPU),1)
bench: build/bench/bench_gpu
	@build/bench/bench_gpu >build/bench/gpu.csv
	@$(PYTHON) bench/torch_gpu.py $(if $(PEER),"$(PEER)") >>build/bench/gpu.csv || \
		echo "PyTorch's cross_entropy was not timed: PYTHON= with torch adds it"
	@awk -f bench/report_gpu.awk build/bench/gpu.csv
	@echo "numbers: build/bench/gpu.csv"
else
bench: build/bench/bench build/bench/bench_layer
	@$(call require,gnuplot,--no-install-recommends gnuplot-nox)
	@OMP_NUM_THREADS=1 build/bench/bench loss >build/bench/loss.csv
ifdef PEER
	@build/bench/bench sample build/bench/sample.bin
	@$(PYTHON) bench/peer.py "$(PEER)" build/bench/sample.bin >>build/bench/loss.csv
endif
	@awk -f bench/report.awk build/bench/loss.csv
	@gnuplot -e 'output_file="build/bench/loss.svg"' bench/plot.gp
	@OMP_NUM_THREADS=1 build/bench/bench_layer 2>/dev/null
	@OMP_NUM_THREADS=1 build/bench/bench step cfg/glyphs_softmax.cfg cfg/glyphs_smooth_topk.cfg \
		2>build/bench/step.log >build/bench/step.csv
	@awk -F, 'NR > 1 { printf "%-30s %8.2f ms a training step, %7.4f ms of it (%.2f %%) in the last layer\n", \
		$$1, $$2, $$3, 100*$$4 }' build/bench/step.csv
	@echo "numbers: build/bench/loss.csv, build/bench/step.csv; plot: build/bench/loss.svg"
endif

# A training step on the CPU: build/bench/step.md; bench/step.sh says what can be set. PYTHON= with torch adds PyTorch.
build/bench/step: bench/step.c darknet
	@mkdir -p build/bench
	@$(CC) -O2 $(WARNINGS) -Wno-unused-parameter -DOURS $(DARKNET_FLAGS) \
		-I$(SOURCE)/include $(PLUGIN_INCLUDE) $< $(SOURCE)/libdarknet.a $(DARKNET_LIBRARIES) \
		$(OPENMP_FLAG) $(DARKNET_LINK) -lm -pthread -o $@
build/bench/step_upstream: bench/step.c build/pristine/darknet
	@mkdir -p build/bench
	@$(CC) -O2 $(WARNINGS) -Wno-unused-parameter -Ibuild/pristine/include $< build/pristine/libdarknet.a -lm -pthread -o $@
.PHONY: bench-step
bench-step: build/bench/step build/bench/step_upstream
	@PYTHON='$(if $(filter command,$(origin PYTHON)),$(PYTHON))' bench/step.sh

# One process beside two ranks: bench/ranks.sh says what can be set.
build/bench/ranks: bench/ranks.c build/ranks/.built
	@mkdir -p build/bench
	@$(CC) -O2 $(WARNINGS) -DRANKS=1 $(PLUGIN_INCLUDE) -isystem build/ranks/include $< \
		build/ranks/libdarknet.a $(DARKNET_LIBRARIES) \
		$(shell mpicc -show 2>/dev/null | tr ' ' '\n' | grep '^-[Ll]') -lm -pthread -o $@
.PHONY: bench-ranks
bench-ranks: build/bench/ranks
	@$(call require,mpirun,libopenmpi-dev openmpi-bin)
	@bench/ranks.sh

# Loading of training images: bench/loading.sh says what can be set. PYTHON= with torch and torchvision adds theirs.
build/bench/loading: bench/loading.c darknet
	@mkdir -p build/bench
	@$(CC) -O2 $(WARNINGS) $(DARKNET_FLAGS) $(PLUGIN_INCLUDE) -isystem $(SOURCE)/include $< \
		$(SOURCE)/libdarknet.a $(DARKNET_LIBRARIES) \
		$(OPENMP_FLAG) $(DARKNET_LINK) -lm -pthread -o $@
.PHONY: bench-loading
bench-loading: build/bench/loading
	@PYTHON='$(if $(filter command,$(origin PYTHON)),$(PYTHON))' bench/loading.sh
