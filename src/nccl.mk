# Where NCCL is, for NCCL=1: in NCCL_HOME, or the compiler and the CUDA toolkit find it, or python3's pip has installed
# it. NCCL_FOUND is empty where it is in none of them. For Darknet's Makefile, after cuda.mk, and for ours.

NCCL_NEEDS = \#if !__has_include(<nccl.h>)\n\#error\n\#endif\n
ifeq ($(NCCL_HOME),)
NCCL_FOUND := $(shell printf '$(NCCL_NEEDS)' | \
	$(CC) -shared -x c - -o /dev/null $(TOOLKIT) -lnccl 2>/dev/null && echo -lnccl)
ifeq ($(NCCL_FOUND),)
NCCL_HOME := $(shell python3 -c 'import nvidia.nccl; print(list(nvidia.nccl.__path__)[0])' 2>/dev/null)
endif
endif

# pip's package has no name for the linker, only the library itself.
ifneq ($(NCCL_HOME),)
NCCL_DIRECTORY := $(abspath $(NCCL_HOME))
NCCL_FOUND := $(and $(wildcard $(NCCL_DIRECTORY)/include/nccl.h),$(firstword $(wildcard \
	$(foreach library,lib/libnccl.so lib64/libnccl.so lib/libnccl.so.2,$(NCCL_DIRECTORY)/$(library)))))
NCCL_FLAGS := -isystem $(NCCL_DIRECTORY)/include
DARKNET_LIBRARIES += -Wl,-rpath,$(dir $(NCCL_FOUND))
endif
DARKNET_LIBRARIES += $(NCCL_FOUND)
