# The one door: builds Darknet with the [smooth_topk] layer, and everything around it. See `make help`.

# As in Darknet's own Makefile.
GPU ?= 0
CUDNN ?= 0
OPENCV ?= 0
OPENMP ?= 0
DEBUG ?= 0
CC = gcc
OPTIONS := GPU=$(GPU) CUDNN=$(CUDNN) OPENCV=$(OPENCV) OPENMP=$(OPENMP) DEBUG=$(DEBUG) $(if $(ARCH),ARCH="$(ARCH)")

CFLAGS ?= -O3
WARNINGS := -Wall -Wextra
ifeq ($(OPENMP),1)
OPENMP_FLAG := -fopenmp
endif

JOBS := $(shell nproc 2>/dev/null || echo 2)
SOURCE := build/source
PATCHES := patches/series $(wildcard patches/*.patch)
PLUGIN := $(wildcard src/*)

.PHONY: all darknet lib demo test faults clean help FORCE
all: darknet

help:
	@echo 'make            build/darknet: Darknet with the [smooth_topk] layer'
	@echo '                GPU=1 CUDNN=1 OPENCV=1 OPENMP=1 DEBUG=1 ARCH= as in Darknet'"'"'s own Makefile'
	@echo 'make demo       train one network twice, [softmax] and [smooth_topk], and compare (under 6 minutes)'
	@echo 'make test       all tests; ends with "N passed, N failed"'
	@echo 'make faults     provoke every fault in upstream and here, and write the table in tests/README.md (about 4 minutes)'
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

darknet: $(SOURCE)/.patched build/options
	@$(call require,$(CC),gcc)
ifeq ($(OPENCV),1)
	@$(call require,g++,g++)
	@$(call require,pkg-config,pkg-config)
	@pkg-config --exists opencv4 || pkg-config --exists opencv || \
		{ echo "OPENCV=1 needs OpenCV; install it with: apt-get install libopencv-dev" >&2; exit 1; }
endif
ifeq ($(GPU),1)
	@$(call require,nvcc,nvidia-cuda-toolkit)
endif
	@$(MAKE) -q -C $(SOURCE) CC='$(CC) -w' $(OPTIONS) >/dev/null 2>&1 || echo "building Darknet in $(SOURCE) (about a minute)"
	@$(MAKE) -s --no-print-directory -j$(JOBS) -C $(SOURCE) CC='$(CC) -w' $(OPTIONS)
	@ln -sf source/darknet build/darknet

LIBRARY_FLAGS = $(CFLAGS) $(WARNINGS) $(OPENMP_FLAG) -fPIC
build/lib/%.o: src/%.c build/options src/smooth_topk.h
	@mkdir -p build/lib
	$(CC) $(LIBRARY_FLAGS) -MMD -MP -c $< -o $@
-include $(wildcard build/lib/*.d)

lib: build/libsmooth_topk.a build/libsmooth_topk.so
build/libsmooth_topk.a: build/lib/smooth_topk.o
	ar rcs $@ $^
build/libsmooth_topk.so: build/lib/smooth_topk.o
	$(CC) -shared $(LIBRARY_FLAGS) $^ -o $@ -lm

faults: darknet
	@tests/fault_table.sh

clean:
	rm -rf $(filter-out build/upstream,$(wildcard build/*))
distclean:
	rm -rf build
