/* Loads the views of a batch of images by threads. */
#include "image_views.h"

#include "allocate.h"
#include "cpu_settings.h"
#include "image_files.h"

#include <string.h>

enum { LEAST_AT_ONCE = 8, MOST_AT_ONCE = 64 }; /* threads, which wait for disks too */

static int most_threads(void)
{
    int cores = cores_allowed();
    return cores < LEAST_AT_ONCE ? LEAST_AT_ONCE : cores > MOST_AT_ONCE ? MOST_AT_ONCE : cores;
}

view_batch *make_view_batch(const network *net, int room, int kind)
{
    view_batch *v = allocate(1, sizeof *v);
    v->w = net->w;
    v->h = net->h;
    v->channels = net->c;
    v->kind = kind;
    v->input = allocate((size_t)room * (size_t)net->inputs, sizeof *v->input);
    v->faults = allocate((size_t)room, sizeof *v->faults);
    v->threads = allocate((size_t)most_threads(), sizeof *v->threads);
    return v;
}

static void load_view(view_batch *v, int i)
{
    size_t inputs = (size_t)v->channels * (size_t)v->h * (size_t)v->w;
    const view_choice choice = {.kind = v->kind, .w = v->w, .h = v->h};
    const char *why;
    v->faults[i][0] = '\0';
    if (!try_load_view(v->paths[i], v->channels, &choice, v->input + (size_t)i * inputs, &why))
        snprintf(v->faults[i], sizeof v->faults[i], "%s", why); /* this thread's, which ends */
}

static void *load_next_views(void *batch)
{
    view_batch *v = batch;
    int i;
    while ((i = __atomic_fetch_add(&v->next, 1, __ATOMIC_RELAXED)) < v->count) load_view(v, i);
    return NULL;
}

void begin_views(view_batch *v, char **paths, int count)
{
    int most = most_threads();
    v->paths = paths;
    v->count = count;
    v->next = v->thread_count = 0;
    while (v->thread_count < count && v->thread_count < most &&
           !pthread_create(v->threads + v->thread_count, NULL, load_next_views, v))
        ++v->thread_count;
}

void finish_views(view_batch *v)
{
    if (!v->thread_count) load_next_views(v); /* no thread could be started */
    for (int i = 0; i < v->thread_count; ++i) pthread_join(v->threads[i], NULL);
}

void free_view_batch(view_batch *v)
{
    free(v->threads);
    free(v->faults);
    free(v->input);
    free(v);
}
