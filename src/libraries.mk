# The libraries that Darknet is linked with for the sake of src/, for Darknet's Makefile and for ours.
DARKNET_LIBRARIES := -ljpeg -lpng

# Matrix products of src/cpu: the first BLAS with a C interface that pkg-config knows. BLAS=0: upstream's loops.
BLAS_PACKAGE := $(firstword $(foreach package,openblas cblas,\
	$(shell pkg-config --exists $(package) 2>/dev/null && echo $(package))))
ifeq ($(filter 0 1,$(BLAS)),)
BLAS := $(if $(BLAS_PACKAGE),1,0)
endif
ifeq ($(filter 0 1,$(WINOGRAD)),)
WINOGRAD := 1
endif
CPU_FLAGS := -DBLAS=$(BLAS) -DWINOGRAD=$(WINOGRAD)
ifeq ($(BLAS),1)
CPU_FLAGS += $(shell pkg-config --cflags $(BLAS_PACKAGE))
DARKNET_LIBRARIES += $(shell pkg-config --libs $(BLAS_PACKAGE))
endif

# MPI=1: several processes train one network (src/ranks). Open MPI's mpicc and MPICH's both say what they add.
ifeq ($(MPI),1)
MPI_COMMAND := $(shell mpicc -show 2>/dev/null)
RANK_FLAGS := -DRANKS=1
MPI_FLAGS := $(patsubst -I%,-isystem %,$(filter -I%,$(MPI_COMMAND)))
DARKNET_LIBRARIES += $(filter -L% -l% -Wl%,$(MPI_COMMAND))
endif

# OPENCV=1: OpenCV 4 has another name for pkg-config than 3, and is C++.
ifeq ($(strip $(OPENCV)),1)
OPENCV_PACKAGE := $(shell pkg-config --exists opencv4 && echo opencv4 || echo opencv)
DARKNET_LIBRARIES += $(shell pkg-config --libs $(OPENCV_PACKAGE)) -lstdc++
endif
