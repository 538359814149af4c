# The one door: builds Darknet with the [smooth_topk] layer, and everything around it. See `make help`.

# As in Darknet's own Makefile.
GPU ?= 0
CUDNN ?= 0
OPENCV ?= 0
OPENMP ?= 0
DEBUG ?= 0
MPI ?= 0
NCCL ?= 0
CC = gcc
OPTIONS = GPU=$(GPU) CUDNN=$(CUDNN) OPENCV=$(OPENCV) OPENMP=$(OPENMP) DEBUG=$(DEBUG) MPI=$(MPI) NCCL=$(NCCL) \
	$(if $(NCCL_HOME),NCCL_HOME="$(abspath $(NCCL_HOME))") BLAS=$(BLAS) WINOGRAD=$(WINOGRAD) \
	$(if $(CUDART),CUDART=$(CUDART)) $(if $(filter command,$(origin ARCH)),ARCH="$(ARCH)")

CFLAGS ?= -O3
WARNINGS := -Wall -Wextra
ifeq ($(OPENMP),1)
OPENMP_FLAG := -fopenmp
endif

include src/libraries.mk
CORES := $(shell nproc 2>/dev/null || echo 2)
# A make below one with -j shares its cores.
PARALLEL = $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(CORES))
SOURCE := build/source
PATCHES := patches/series $(wildcard patches/*/*.patch)
include src/rooms.mk
PLUGIN := $(wildcard src/* src/*/* src/*/*/*)
PLUGIN_INCLUDE := $(ROOMS:%=-Isrc/%)
LOSS_INCLUDE := $(LOSS_ROOMS:%=-Isrc/%)

.PHONY: all darknet lib install uninstall demo compare tune chart export test check
.PHONY: test-programs check-programs check-debian fuzz bench faults gpu-check
.PHONY: clean distclean help FORCE
all: darknet

help:
	@cat tools/help.txt

# Names what is missing and how to get it, before any compiler does so in its own words.
require = command -v $(1) >/dev/null || \
	{ echo "the command '$(1)' is missing; install it with: apt-get install $(2)" >&2; exit 1; }

# Said once, before the programs that write there say it in their own words.
build/.writable: FORCE
	@mkdir -p build 2>/dev/null && [ -w build ] || \
		{ echo "nothing can be written in $(CURDIR)/build: is it a directory, and yours?" \
		"make writes only there" >&2; exit 1; }

build/upstream: tools/get_darknet.sh | build/.writable
	@tools/get_darknet.sh build/upstream
	@touch build/upstream

$(SOURCE)/.patched: build/upstream tools/patch_darknet.sh $(PATCHES)
	@tools/patch_darknet.sh build/upstream $(SOURCE)
	@touch $@

# Objects of other options are of no use: they go when the options change.
build/options: FORCE | build/.writable
	@echo '$(OPTIONS) $(CC)' | cmp -s - $@ || { rm -f $(SOURCE)/obj/*; echo '$(OPTIONS) $(CC)' >$@; }

# Without OpenCV the one C++ file is empty, and needs no C++ compiler.
MAKE_DARKNET = $(MAKE) -C $(SOURCE) CC='$(CC)' $(if $(filter 1,$(OPENCV)),,CPP='$(CC) -x c') $(OPTIONS)

NCCL_MISSING = $(if $(NCCL_HOME),: no include/nccl.h or no lib/libnccl.so in $(NCCL_HOME))
BUILD_TIME = $(if $(filter 1,$(GPU)),$(GPU_BUILD_TIME),about a minute)
GPU_BUILD_TIME = $(strip $(if $(filter command,$(origin ARCH)),1 to 2 minutes,\
	2 to 4 minutes on two cores for all generations of GPUs; for this one alone: ARCH=-arch=native))

darknet: $(SOURCE)/.patched build/options
	@$(call require,$(CC),gcc)
	@[ '$(BLAS)$(BLAS_PACKAGE)' != 1 ] || \
		{ echo "BLAS=1 needs OpenBLAS; install it with: apt-get install libopenblas-dev pkg-config" >&2; exit 1; }
	@[ '$(MPI)' != 1 ] || { $(call require,mpicc,libopenmpi-dev openmpi-bin); }
ifeq ($(NCCL),1)
	@[ '$(GPU)$(MPI)' = 11 ] || \
		{ echo "NCCL=1 is for GPUs that several processes train on: make GPU=1 MPI=1 NCCL=1" >&2; exit 1; }
	@[ '$(NCCL_FOUND)' ] || { echo "NCCL=1 needs NCCL$(NCCL_MISSING);" \
		"install it with: pip install nvidia-nccl-cu13 (for CUDA 12: -cu12), or, from NVIDIA's archive," \
		"apt-get install libnccl-dev; NCCL_HOME=DIR says where it is" >&2; exit 1; }
endif
	@printf '#include <%s>\n' stdio.h jpeglib.h png.h | $(CC) -E - >/dev/null 2>&1 || \
		{ echo "the image libraries are missing; install them with: apt-get install libjpeg-dev libpng-dev" >&2; exit 1; }
ifeq ($(OPENCV),1)
	@$(call require,g++,g++)
	@$(call require,pkg-config,pkg-config)
	@pkg-config --exists opencv4 || pkg-config --exists opencv || \
		{ echo "OPENCV=1 needs OpenCV; install it with: apt-get install libopencv-dev" >&2; exit 1; }
endif
ifeq ($(GPU),1)
	@[ -x '$(CUDA_HOME)/bin/nvcc' ] || { $(call require,nvcc,nvidia-cuda-toolkit); }
endif
	+@$(MAKE_DARKNET) -q >/dev/null 2>&1 || { echo "building Darknet in $(SOURCE) ($(BUILD_TIME))"; \
		$(MAKE_DARKNET) -s --no-print-directory $(PARALLEL) && echo "built: build/darknet"; }
	@ln -sf source/darknet source/libdarknet.so build/
	@[ '$(BLAS)$(BLAS_PACKAGE)' != 0 ] || echo "without OpenBLAS a training step takes two to three times as long;" \
		"install it with: apt-get install libopenblas-dev pkg-config"
# Programs that are linked with it need not be linked again when it stayed as it was.
$(SOURCE)/libdarknet.a: darknet
	@:

# Needs the image reader and writer that come with Darknet, none of its objects: so it is the same with GPU=1.
build/make_%: tools/make_%.c tools/data_sets.c tools/data_sets.h | build/upstream
	@$(call require,$(CC),gcc)
	$(CC) $(CFLAGS) $(WARNINGS) -isystem build/upstream/src $< tools/data_sets.c -o $@ -lm

demo: darknet build/make_glyphs build/make_disturbances
	@tools/demo.sh

# What the command line of make sets, but for how Darknet is built: compare.py refuses names that it does not know.
BUILD_NAMES = $(foreach option,$(OPTIONS),$(firstword $(subst =, ,$(option)))) ARCH CUDART NCCL_HOME TF32 CC CFLAGS
SETTINGS_SAID = $(filter-out $(BUILD_NAMES),\
	$(foreach name,$(.VARIABLES),$(if $(filter command,$(origin $(name))),$(name))))

compare tune: darknet build/make_glyphs
	@$(call require,python3,python3)
	@tools/compare.py $@ $(SETTINGS_SAID)

chart:
	@$(call require,python3,python3)
	@tools/chart.py

export:
	@$(PYTHON) tools/export.py '$(CFG)' '$(WEIGHTS)' '$(OUT)' \
		$(if $(filter %.cfg,$(OUT)),'$(OUT:.cfg=.weights)',$(if $(DATA),'$(DATA)')) $(if $(SETS),'$(SETS)')

include src/library.mk
ifeq ($(GPU)$(MPI)$(NCCL),111)
include src/nccl.mk
endif
include tests/tests.mk
include bench/bench.mk

clean:
	rm -rf $(filter-out build/upstream,$(wildcard build/*))
distclean:
	rm -rf build
