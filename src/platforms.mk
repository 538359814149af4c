# Today's versions of CUDA, cuDNN and OpenCV, and what is rebuilt when. Included by src/darknet.mk, after Darknet's
# Makefile has set its own flags and before its rules.

# The compilers write down which headers an object needs; upstream rebuilds all for any of them.
.DEFAULT_GOAL := all
override DEPS := Makefile
COMMON += -MD -MP
# What was compiled from a source that has moved since is compiled again. nvcc writes a space before the colon.
MOVED := $(shell awk 'FNR == 1 { sub(/ *:/, " "); if ((getline line <$$2) < 0) print FILENAME }' \
	$(OBJDIR)*.d /dev/null 2>/dev/null)
$(if $(MOVED),$(shell rm -f $(MOVED) $(MOVED:.d=.o)))
-include $(wildcard $(OBJDIR)*.d)

# OpenCV 4 has no IplImage: plugin/platforms/opencv_images.cpp is for 3 and 4.
ifeq ($(OPENCV), 1)
COMMON := $(filter-out `pkg-config --cflags opencv`,$(COMMON)) `pkg-config --cflags $(OPENCV_PACKAGE)`
LDFLAGS := $(filter-out `pkg-config --libs opencv`,$(LDFLAGS))
endif
OBJ := $(OBJ:image_opencv.o=opencv_images.o)
PLUGIN_OBJ += opencv_images.o

# The driver's own library (-lcuda) is not needed, and where there is no driver it is missing, or a stub with which
# the program links but does not start.
ifeq ($(GPU), 1)
include plugin/cuda.mk
COMMON += $(TOOLKIT)
LDFLAGS := $(patsubst -lcudart,$(CUDART_LINK),$(filter-out -lcuda -L/usr/local/cuda/lib64,$(LDFLAGS))) $(TOOLKIT)
ifeq ($(CUDNN), 1)
OBJ += cudnn_checked.o cudnn_convolutional.o
endif
else
# CUDNN=1 alone is a build for the CPU.
COMMON := $(filter-out -DCUDNN,$(COMMON))
WITHOUT_CUDNN := $(filter-out -DCUDNN,$(CFLAGS))
CFLAGS = $(WITHOUT_CUDNN)
LDFLAGS := $(filter-out -lcudnn,$(LDFLAGS))
endif
