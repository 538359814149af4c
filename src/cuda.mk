# The CUDA toolkit that is installed, CUDA_HOME's or else the one on the path, for Darknet's Makefile and for ours.

NVCC := $(firstword $(if $(CUDA_HOME),$(wildcard $(CUDA_HOME)/bin/nvcc)) nvcc)

# The first GPU of each generation that nvcc knows, as code and as PTX: its code runs on the later ones of the
# generation (8.0 on 8.6 and 8.9), and the driver compiles the PTX for what is left. An nvcc that lists none
# (before 11.1) uses its default. ARCH= on the command line overrides.
ARCH := $(shell $(NVCC) --list-gpu-code 2>/dev/null | sed -n 's/^sm_//p' | sort -n | \
	awk 'int($$1/10) != last { \
		last = int($$1/10); printf " -gencode arch=compute_%d,code=[sm_%d,compute_%d]", $$1, $$1, $$1}') \
	-Wno-deprecated-gpu-targets

# nvcc compiles for several generations at a time, where it can (from 11.2 on).
NVCC_THREADS := $(shell $(NVCC) --help 2>/dev/null | grep -q '^--threads' && echo --threads 0)
ARCH += $(NVCC_THREADS)

# CUDART=static: programs that start without the toolkit's libcudart.so.
CUDART_LINK := $(if $(filter static,$(CUDART)),-lcudart_static -ldl -lrt,-lcudart)

# Where its headers and libraries are, by its own word.
TOOLKIT := $(shell $(NVCC) --dryrun -c -x cu /dev/null 2>&1 | sed -n 's/^.. \(INCLUDES\|LIBRARIES\)=//p')
