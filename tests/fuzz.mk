# The fuzz targets, and make fuzz.

# A fuzz target is linked twice: with a driver that replays the corpus and mutations of it (make test), and with
# libFuzzer (make fuzz).
FUZZ_LOSS := tests/fuzz/fuzz_loss.c tests/reference.c $(MATHEMATICS) -Isrc/loss -Wno-unused
FUZZ_OPTIONS := tests/fuzz/fuzz_options.c -Wno-unused-parameter \
	-Wl,--wrap=exit,--wrap=fopen,--wrap=fclose,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free
FUZZ_SOURCES := $(wildcard tests/fuzz/*.[ch]) tests/numbers.h
build/tests/fuzz_loss build/fuzz/loss: $(FUZZ_SOURCES) tests/reference.c tests/reference.h $(MATHEMATICS) $(MATHEMATICS_HEADERS)
build/tests/fuzz_options: $(FUZZ_SOURCES) build/sanitized/.built
build/fuzz/options: $(FUZZ_SOURCES) build/fuzz/darknet/.built
build/tests/fuzz_%:
	@mkdir -p $(@D)
	@echo "building $@"
	@$(CC) $(SANITIZED) $(WARNINGS) tests/fuzz/driver.c $(FUZZ_TARGET) -lm -pthread -o $@
build/fuzz/loss build/fuzz/options:
	@mkdir -p $(@D)
	@echo "building $@"
	@clang $(SANITIZED) -fsanitize=fuzzer $(WARNINGS) $(FUZZ_TARGET) -lm -pthread -o $@
build/tests/fuzz_loss build/fuzz/loss: FUZZ_TARGET = $(FUZZ_LOSS)
build/tests/fuzz_options: FUZZ_TARGET = $(FUZZ_OPTIONS) -Ibuild/sanitized/include -Ibuild/sanitized/src $(PLUGIN_INCLUDE) build/sanitized/libdarknet.a $(DARKNET_LIBRARIES)
build/fuzz/options: FUZZ_TARGET = $(FUZZ_OPTIONS) -Ibuild/fuzz/darknet/include -Ibuild/fuzz/darknet/src $(PLUGIN_INCLUDE) build/fuzz/darknet/libdarknet.a $(DARKNET_LIBRARIES)

# What is found stays in build/fuzz/finding-*; what reaches new code is kept in build/fuzz/new_* between runs.
SECONDS ?= 600
fuzz: $(if $(shell command -v clang),build/fuzz/options build/fuzz/loss) build/tests/fuzz_options build/tests/fuzz_loss
	@$(call require,clang,clang)
	@for target in options loss; do \
		mkdir -p build/fuzz/new_$$target; \
		build/tests/fuzz_$$target words >build/fuzz/$$target.dict || exit 1; \
		build/fuzz/$$target -max_total_time=$(SECONDS) -max_len=4096 -timeout=20 -rss_limit_mb=4096 -detect_leaks=0 \
			-print_final_stats=1 -artifact_prefix=build/fuzz/finding-$$target- -dict=build/fuzz/$$target.dict \
			build/fuzz/new_$$target tests/fuzz/corpus_$$target || exit 1; \
	done
