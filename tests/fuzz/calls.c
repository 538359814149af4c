/* Calls Darknet so that it comes back, whatever it does. See calls.h.

   Linked with --wrap for exit, fopen, fclose, malloc, calloc, realloc and free: an exit comes back
   here, the file "input" is the input, and what a refusal leaves is released. */
#include "calls.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

FILE *real_stderr;

static jmp_buf back;
int parsing;
static int exit_code;

void __real_exit(int code) __attribute__((noreturn));
void __wrap_exit(int code) __attribute__((noreturn));
void __wrap_exit(int code)
{
    if (!parsing) __real_exit(code);
    exit_code = code;
    longjmp(back, EXITED);
}

static const uint8_t *input;
static size_t input_size;
static FILE *input_file;
FILE *__wrap_fopen(const char *name, const char *mode);
FILE *__real_fopen(const char *name, const char *mode);
FILE *__wrap_fopen(const char *name, const char *mode)
{
    if (strcmp(name, "input") != 0) return __real_fopen(name, mode);
    return input_file = fmemopen((void *)input, input_size, "rb");
}

int __wrap_fclose(FILE *file);
int __real_fclose(FILE *file);
int __wrap_fclose(FILE *file)
{
    if (file == input_file) input_file = NULL;
    return __real_fclose(file);
}

#define MOST_BLOCKS 65536
#define LARGEST_NETWORK ((size_t)8 << 20)
static void *blocks[MOST_BLOCKS];
static size_t block_count, bytes_taken;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void __real_free(void *memory);

/* True for what Darknet asks for while it parses. */
static int counted(size_t count, size_t size)
{
    if (!parsing) return 0;
    if (count > (size_t)1 << 33 || size > (size_t)1 << 33)
        FINDING("memory for %zu x %zu bytes", count, size);
    bytes_taken += count * size;
    if (bytes_taken > LARGEST_NETWORK || block_count == MOST_BLOCKS) longjmp(back, TOO_LARGE);
    return 1;
}

static size_t find_block(const void *memory)
{
    size_t i = block_count;
    while (i > 0 && blocks[i - 1] != memory) --i;
    return i;
}

void *__wrap_malloc(size_t size)
{
    int count = counted(1, size);
    void *memory = __real_malloc(size);
    if (count) blocks[block_count++] = memory;
    return memory;
}

void *__wrap_calloc(size_t number, size_t size)
{
    int count = counted(number, size);
    void *memory = __real_calloc(number, size);
    if (count) blocks[block_count++] = memory;
    return memory;
}

void *__wrap_realloc(void *memory, size_t size)
{
    int count = counted(1, size);
    size_t place = find_block(memory);
    void *moved = __real_realloc(memory, size);
    if (count && place)
        blocks[place - 1] = moved;
    else if (count)
        blocks[block_count++] = moved;
    return moved;
}

void __wrap_free(void *memory)
{
    size_t place = memory ? find_block(memory) : 0;
    if (place) blocks[place - 1] = blocks[--block_count];
    __real_free(memory);
}

int watch(void (*try)(void), const uint8_t *data, size_t size)
{
    static char said[1 << 16];
    input = data;
    input_size = size;
    if (!real_stderr) real_stderr = stderr;
    stderr = fmemopen(said, sizeof said, "w");
    setvbuf(stderr, NULL, _IONBF, 0);
    said[0] = 0;
    block_count = bytes_taken = 0;
    input_file = NULL;
    int how = setjmp(back);
    if (!how) {
        parsing = 1;
        try();
    }
    parsing = 0;
    fclose(stderr);
    stderr = real_stderr;
    if (input_file) fclose(input_file);
    while (block_count) __real_free(blocks[--block_count]);
    if (how == EXITED && exit_code != 1) FINDING("exit code %d", exit_code);
    if (how == EXITED && !said[0]) FINDING("refused without a message");
    return how;
}
