# The fuzz targets, and make fuzz.

# A fuzz target is linked twice: with a driver that replays the corpus and mutations of it (make test), and with
# libFuzzer (make fuzz).
FUZZ_TARGETS := options weights images loss
FUZZ_SOURCES := $(wildcard tests/fuzz/*.[ch]) tests/support.h
FUZZ_IMAGES_SOURCES := $(patsubst %,src/data/%.c,image_reader image_orientation image_reading image_rows \
	jpeg_reader pnm_text view_map view_sampler) \
	src/base/allocate.c src/base/ending.c
FUZZ_IMAGES := tests/fuzz/fuzz_images.c $(FUZZ_IMAGES_SOURCES) $(PLUGIN_INCLUDE) \
	-DLARGEST_IMAGE=262144 $(DARKNET_LIBRARIES)
FUZZ_CALLS := tests/fuzz/calls.c -Wno-unused-parameter $(PLUGIN_INCLUDE) \
	-Wl,--wrap=exit,--wrap=fopen,--wrap=fclose,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free
fuzz_darknet = tests/fuzz/fuzz_$(1).c $(FUZZ_CALLS) -I$(2)/include -I$(2)/src $(2)/libdarknet.a $(DARKNET_LIBRARIES)
fuzz_loss = tests/fuzz/fuzz_loss.c tests/reference.c $(LOSS_INCLUDE) $(1)/libdarknet.a $(DARKNET_LIBRARIES)

build/tests/fuzz_loss build/fuzz/loss: tests/reference.c tests/reference.h
build/tests/fuzz_images build/fuzz/images: $(FUZZ_SOURCES) $(FUZZ_IMAGES_SOURCES) $(wildcard src/data/*.h)
build/tests/fuzz_loss build/tests/fuzz_options build/tests/fuzz_weights: $(FUZZ_SOURCES) build/sanitized/.built
build/fuzz/loss build/fuzz/options build/fuzz/weights: $(FUZZ_SOURCES) build/fuzz/darknet/.built
build/tests/fuzz_%:
	@mkdir -p $(@D)
	@echo "building $@"
	@$(CC) $(SANITIZED) $(WARNINGS) tests/fuzz/driver.c $(FUZZ_TARGET) -lm -pthread -o $@
$(FUZZ_TARGETS:%=build/fuzz/%):
	@mkdir -p $(@D)
	@echo "building $@"
	@clang $(SANITIZED) -fsanitize=fuzzer $(WARNINGS) $(FUZZ_TARGET) -lm -pthread -o $@
build/tests/fuzz_images build/fuzz/images: FUZZ_TARGET = $(FUZZ_IMAGES)
build/tests/fuzz_loss: FUZZ_TARGET = $(call fuzz_loss,build/sanitized)
build/fuzz/loss: FUZZ_TARGET = $(call fuzz_loss,build/fuzz/darknet)
build/tests/fuzz_options: FUZZ_TARGET = $(call fuzz_darknet,options,build/sanitized)
build/tests/fuzz_weights: FUZZ_TARGET = $(call fuzz_darknet,weights,build/sanitized)
build/fuzz/options: FUZZ_TARGET = $(call fuzz_darknet,options,build/fuzz/darknet)
build/fuzz/weights: FUZZ_TARGET = $(call fuzz_darknet,weights,build/fuzz/darknet)

# What is found stays in build/fuzz/finding-*; what reaches new code is kept in build/fuzz/new_* between runs.
SECONDS ?= 600
fuzz: $(if $(shell command -v clang),$(FUZZ_TARGETS:%=build/fuzz/%)) $(FUZZ_TARGETS:%=build/tests/fuzz_%)
	@$(call require,clang,clang)
	@for target in $(FUZZ_TARGETS); do \
		mkdir -p build/fuzz/new_$$target; \
		build/tests/fuzz_$$target words >build/fuzz/$$target.dict || exit 1; \
		ASAN_OPTIONS=detect_leaks=0 build/fuzz/$$target -max_total_time=$(SECONDS) \
			-max_len=4096 -timeout=20 -rss_limit_mb=4096 -detect_leaks=0 \
			-print_final_stats=1 -artifact_prefix=build/fuzz/finding-$$target- \
			$$([ ! -s build/fuzz/$$target.dict ] || echo -dict=build/fuzz/$$target.dict) \
			build/fuzz/new_$$target tests/fuzz/corpus_$$target || exit 1; \
	done
