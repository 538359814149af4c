/* How much memory this process can use. */
#define _GNU_SOURCE /* getline */
#include "memory_limit.h"

#include "allocate.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The number in a file that holds nothing else; SIZE_MAX for no such file and for "max". */
static size_t read_group_number(const char *directory, const char *name)
{
    unsigned long long number;
    char *path = print_text("%s/%s", directory, name);
    FILE *file = fopen(path, "r");
    int count = file ? fscanf(file, "%llu", &number) : 0;
    if (file) fclose(file);
    free(path);
    return count == 1 ? (size_t)number : SIZE_MAX;
}

static size_t sum(size_t a, size_t b)
{
    return a > SIZE_MAX - b ? SIZE_MAX : a + b;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Memory and swap of the machine, in bytes. */
static size_t machine_memory(const char *meminfo, size_t *swap)
{
    char *line = NULL;
    size_t size = 0, kilobytes, memory = SIZE_MAX;
    FILE *file = fopen(meminfo, "r");
    *swap = 0;
    while (file && getline(&line, &size, file) >= 0) {
        if (sscanf(line, "MemTotal: %zu kB", &kilobytes) == 1) memory = 1024 * kilobytes;
        if (sscanf(line, "SwapTotal: %zu kB", &kilobytes) == 1) *swap = 1024 * kilobytes;
    }
    free(line);
    if (file) fclose(file);
    return memory;
}

/* The least limit of a group and of those that it is in, up to the root; swap comes on top. */
static size_t group_limit(const char *root, const char *group, size_t swap)
{
    size_t limit = SIZE_MAX;
    char *path = print_text("%s%s", root, strcmp(group, "/") ? group : "");
    for (;;) {
        size_t most = least(read_group_number(path, "memory.max"),
                            read_group_number(path, "memory.limit_in_bytes"));
        limit = least(limit, sum(most, least(swap, read_group_number(path, "memory.swap.max"))));
        if (strlen(path) <= strlen(root)) break;
        *strrchr(path, '/') = '\0';
    }
    free(path);
    return limit;
}

size_t find_memory_limit(const char *meminfo, const char *groups, const char *root)
{
    char *line = NULL, *memory_root = print_text("%s/memory", root);
    size_t size = 0, swap, limit = machine_memory(meminfo, &swap);
    FILE *file = fopen(groups, "r");
    limit = sum(limit, swap);
    /* A container often sees its own group as the root, whatever the list says. */
    limit = least(limit, group_limit(root, "", swap));
    limit = least(limit, group_limit(memory_root, "", swap));
    while (file && getline(&line, &size, file) >= 0) {
        char *group = strrchr(line, ':');
        line[strcspn(line, "\n")] = '\0';
        if (!group || group[1] != '/') continue;
        if (strncmp(line, "0::", 3) == 0) limit = least(limit, group_limit(root, group + 1, swap));
        if (strstr(line, ":memory:"))
            limit = least(limit, group_limit(memory_root, group + 1, swap));
    }
    free(line);
    free(memory_root);
    if (file) fclose(file);
    return limit;
}

size_t memory_limit(void)
{
    return find_memory_limit("/proc/meminfo", "/proc/self/cgroup", "/sys/fs/cgroup");
}
