# What of src/ goes into Darknet: its objects, where they are, how they are compiled. Included by Darknet's Makefile
# (patches/plugin), in whose tree `plugin` is a link to src/.

PLUGIN_OBJ := $(notdir $(patsubst %.c,%.o,$(wildcard plugin/*/*.c)))
ifeq ($(GPU), 1)
PLUGIN_OBJ += smooth_topk_gpu.o
endif
# The program's own; all else is in its library.
PROGRAM_OBJ := commands.o
OBJ += $(filter-out $(PROGRAM_OBJ),$(PLUGIN_OBJ))
EXECOBJA += $(PROGRAM_OBJ)

PLUGIN_DIRS := plugin/loss plugin/layer plugin/classifier plugin/cpu plugin/checks plugin/platforms
VPATH := $(VPATH):$(subst $() ,:,$(PLUGIN_DIRS))
COMMON += $(addprefix -I,$(PLUGIN_DIRS))

include plugin/platforms.mk

# Upstream's warnings are not ours to fix; our own files are compiled with all of them.
WARNINGS = -w
CFLAGS += $(WARNINGS)
$(addprefix $(OBJDIR),$(PLUGIN_OBJ)): WARNINGS = -Wextra -isystem include -isystem src

include plugin/libraries.mk
$(OBJDIR)cpu_settings.o $(OBJDIR)gemm_blas.o: CFLAGS += $(CPU_FLAGS)
LDFLAGS += $(DARKNET_LIBRARIES)
