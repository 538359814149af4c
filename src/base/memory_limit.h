/* How much memory this process can use. */
#ifndef MEMORY_LIMIT_H
#define MEMORY_LIMIT_H

#include <stddef.h>

/* Bytes beyond which the system ends the process: the machine's memory and swap, or the limit of a
   container (cgroup 1 and 2) that it runs in. SIZE_MAX where that cannot be known. */
size_t memory_limit(void);

/* The same, with these files in place of /proc/meminfo, /proc/self/cgroup and /sys/fs/cgroup. */
size_t find_memory_limit(const char *meminfo, const char *groups, const char *root);

#endif
