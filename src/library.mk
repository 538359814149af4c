# The loss alone, for other programs: make lib, and make install PREFIX=/usr/local (DESTDIR= for packages).
VERSION := $(shell sed -n 's/^.define SMOOTH_TOPK_VERSION "\(.*\)"$$/\1/p' src/loss/smooth_topk.h)
SONAME := libsmooth_topk.so.1
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib

LIBRARY_FLAGS = $(CFLAGS) $(WARNINGS) $(OPENMP_FLAG) $(LOSS_INCLUDE) -fPIC
# Other flags, other objects.
build/lib/flags: FORCE | build/.writable
	@mkdir -p build/lib
	@printf '%s\n' '$(CC) $(LIBRARY_FLAGS)' | cmp -s - $@ || printf '%s\n' '$(CC) $(LIBRARY_FLAGS)' >$@
build/lib/%.o: src/loss/%.c build/lib/flags
	$(CC) $(LIBRARY_FLAGS) -MMD -MP -c $< -o $@
-include $(wildcard build/lib/*.d)

lib: build/libsmooth_topk.a build/libsmooth_topk.so
LIBRARY := $(patsubst src/loss/%.c,build/lib/%.o,$(wildcard src/loss/*.c))
LIBRARY_HEADERS := src/loss/smooth_topk.h src/loss/smooth_topk_truth.h
# With GPU=1 the library has smooth_topk_gpu too and needs cudart; ARCH= as for Darknet.
ifeq ($(GPU),1)
include src/cuda.mk
LIBRARY += build/lib/smooth_topk_gpu.o
LIBRARY_HEADERS += src/loss/smooth_topk_gpu.h
LIBRARY_LINK := $(TOOLKIT) $(CUDART_LINK) -lstdc++
DARKNET_FLAGS := -DGPU $(if $(filter 1,$(CUDNN)),-DCUDNN) $(TOOLKIT)
DARKNET_LINK := $(TOOLKIT) $(CUDART_LINK) -lcublas -lcurand $(if $(filter 1,$(CUDNN)),-lcudnn) -lstdc++
build/lib/smooth_topk_gpu.o: src/loss/cuda/smooth_topk_gpu.cu \
	$(wildcard $(LOSS_ROOMS:%=src/%/*.h) src/loss/cuda/*.cuh) build/options
	@$(call require,$(NVCC),nvidia-cuda-toolkit)
	@mkdir -p build/lib
	$(NVCC) $(ARCH) -O3 -Xcompiler -fPIC $(LOSS_INCLUDE) -c $< -o $@
endif
build/libsmooth_topk.a: $(LIBRARY)
	@rm -f $@
	ar rcs $@ $^
# Programs see what src/loss/library.map lists, and no more.
build/libsmooth_topk.so: $(LIBRARY) src/loss/library.map
	$(CC) -shared $(LIBRARY_FLAGS) $(LIBRARY) -o $@ -Wl,-soname,$(SONAME) -Wl,--version-script=src/loss/library.map \
		$(LIBRARY_LINK) -lm
	@ln -sf libsmooth_topk.so build/$(SONAME)

install: lib
	@install -d '$(DESTDIR)$(PREFIX)/include' '$(DESTDIR)$(LIBDIR)/pkgconfig'
	@install -m 644 $(LIBRARY_HEADERS) '$(DESTDIR)$(PREFIX)/include'
	@install -m 644 build/libsmooth_topk.a '$(DESTDIR)$(LIBDIR)'
	@install -m 755 build/libsmooth_topk.so '$(DESTDIR)$(LIBDIR)/libsmooth_topk.so.$(VERSION)'
	@ln -sf libsmooth_topk.so.$(VERSION) '$(DESTDIR)$(LIBDIR)/$(SONAME)'
	@ln -sf $(SONAME) '$(DESTDIR)$(LIBDIR)/libsmooth_topk.so'
	@printf '%s\n' 'prefix=$(PREFIX)' 'libdir=$(LIBDIR:$(PREFIX)%=$${prefix}%)' '' 'Name: smooth_topk' \
		'Description: The smooth top-k loss of Berrada, Zisserman and Kumar and its gradient' 'Version: $(VERSION)' \
		'Cflags: -I$${prefix}/include $(OPENMP_FLAG)' 'Libs: -L$${libdir} -lsmooth_topk' \
		'Libs.private: $(if $(filter 1,$(GPU)),-lcudart -lstdc++) $(OPENMP_FLAG) -lm' \
		>'$(DESTDIR)$(LIBDIR)/pkgconfig/smooth_topk.pc'
	@echo 'installed in $(DESTDIR)$(PREFIX): smooth_topk.h, libsmooth_topk.a, libsmooth_topk.so.$(VERSION), smooth_topk.pc'

# Every version's: nothing else has these names.
uninstall:
	@rm -f $(foreach header,smooth_topk.h smooth_topk_gpu.h smooth_topk_truth.h,'$(DESTDIR)$(PREFIX)/include/$(header)') \
		'$(DESTDIR)$(LIBDIR)'/libsmooth_topk.* '$(DESTDIR)$(LIBDIR)/pkgconfig/smooth_topk.pc'
	@echo 'removed from $(DESTDIR)$(PREFIX): smooth_topk.h, libsmooth_topk.*, smooth_topk.pc'
