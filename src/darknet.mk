# What of src/ goes into Darknet: its objects, where they are, how they are compiled. Included by Darknet's Makefile
# (patches/plugin), in whose tree `plugin` is a link to src/.

PLUGIN_OBJ := $(notdir $(patsubst %.c,%.o,$(wildcard plugin/*/*.c)))
ifneq ($(MPI), 1)
PLUGIN_OBJ := $(filter-out rank_%.o ranks.o,$(PLUGIN_OBJ))
endif
ifneq ($(GPU)$(MPI)$(NCCL), 111)
PLUGIN_OBJ := $(filter-out rank_backend_nccl.o,$(PLUGIN_OBJ))
endif
ifeq ($(GPU), 1)
PLUGIN_OBJ += smooth_topk_gpu.o
endif
# The program's own; all else is in its library.
PROGRAM_OBJ := commands.o openblas_start.o
OBJ += $(filter-out $(PROGRAM_OBJ),$(PLUGIN_OBJ))
EXECOBJA += $(PROGRAM_OBJ)

include plugin/rooms.mk
PLUGIN_DIRS := $(ROOMS:%=plugin/%)
VPATH := $(VPATH):$(subst $() ,:,$(PLUGIN_DIRS))
COMMON += $(addprefix -I,$(PLUGIN_DIRS))

include plugin/libraries.mk
include plugin/platforms.mk

# ar keeps the objects of sources that are gone: libraries that have such are made anew.
STALE := $(filter-out $(OBJ),$(shell ar t $(ALIB) 2>/dev/null))
$(if $(STALE),$(shell rm -f $(ALIB) $(SLIB)))

# Upstream's warnings are not ours to fix; our own files are compiled with all of them.
WARNINGS = -w
UPSTREAM_CFLAGS := $(CFLAGS)
CFLAGS = $(UPSTREAM_CFLAGS) $(WARNINGS)
$(addprefix $(OBJDIR),$(PLUGIN_OBJ)): WARNINGS = -Wextra -isystem include -isystem src
# What upstream allocates is looked at.
UPSTREAM_OBJ := $(patsubst %.c,$(OBJDIR)%.o,$(notdir $(wildcard src/*.c examples/*.c)))
$(UPSTREAM_OBJ): CFLAGS += -include plugin/base/checked_memory.h
$(filter %_layer.o,$(UPSTREAM_OBJ)): CFLAGS += -DLAYER_ARRAYS
$(UPSTREAM_OBJ): plugin/base/checked_memory.h plugin/base/allocate.h
# With -Ofast clang takes every number that a function gets for a finite one, and no pragma in a file undoes that. Our
# loops, which are vectors already, lose nothing by -O3. (clang warns of -fno-fast-math after -Ofast, for every file.)
ifneq ($(shell $(CC) -dM -E -x c /dev/null 2>/dev/null | grep -w __clang__),)
$(addprefix $(OBJDIR),$(PLUGIN_OBJ)): UPSTREAM_CFLAGS := $(patsubst -Ofast,-O3,$(UPSTREAM_CFLAGS))
endif

# A view's pixels are the same on every machine.
$(OBJDIR)view_sampler.o: CFLAGS += -fno-fast-math -ffp-contract=off

ifeq ($(GPU)$(MPI)$(NCCL), 111)
include plugin/nccl.mk
MPI_FLAGS += -DNCCL $(NCCL_FLAGS)
endif
$(OBJDIR)cpu_settings.o $(OBJDIR)gemm_blas.o $(OBJDIR)openblas_start.o: CFLAGS += $(CPU_FLAGS)
LDFLAGS += $(DARKNET_LIBRARIES)

# Ranks compare what they are built of.
COMMON += $(RANK_FLAGS)
$(OBJDIR)rank%.o: CFLAGS += $(MPI_FLAGS)
BUILT_OF := $(sort $(wildcard include/*.h src/*.[ch] src/*.cu \
	$(foreach kind,c h cu cuh cpp,plugin/*/*.$(kind) plugin/*/*/*.$(kind))))
$(OBJDIR)rank_files.o: $(BUILT_OF)
$(OBJDIR)rank_files.o: CFLAGS += -DBUILD_DIGEST=$(shell \
	{ echo $(GPU) $(CUDNN) $(NCCL) $(BLAS) $(WINOGRAD) $(OPENMP); cat $(BUILT_OF); } | cksum | tr -d ' ')ULL
