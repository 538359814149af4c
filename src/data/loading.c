/* Loads the images and the truth of training batches; images that cannot be read are replaced. */
#define _GNU_SOURCE /* strdup */
#include "loading.h"

#include "allocate.h"
#include "cpu_settings.h"
#include "data_checks.h"
#include "image.h"
#include "image_files.h"
#include "label_lists.h"
#include "ranks.h"
#include "seed.h"
#include "stop_signal.h"
#include "utils.h"
#include "view_sampler.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LEAST_AT_ONCE = 8, MOST_AT_ONCE = 64 }; /* threads that load */

static __thread const load_args *current; /* what the calling thread loads */
static __thread int images_begun;         /* of them */
static int flip_images = 1;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static char **rejected; /* paths */
static int paths_rejected, images_rejected;
static int paths_shared; /* those of `rejected` that all ranks know */

void begin_loading(const load_args *args)
{
    current = args;
    images_begun = 0;
    set_allocation_purpose("a batch of images", "more; lower batch");
    if (args->seed) seed_thread(mix_seed(args->seed, (unsigned long long)args->thread));
}

void end_loading(void)
{
    current = NULL;
    set_allocation_purpose(NULL, NULL);
    seed_thread(0);
}

int choose_listed_truth(const network *net)
{
    if (net->layers[net->n - 1].type == SOFTMAX) return LISTED_SHARES_OF_SOFTMAX;
    for (int i = 0; i < net->n; ++i)
        if (net->layers[i].type == SOFTMAX || net->layers[i].type == SMOOTH_TOPK)
            return LISTED_SHARES;
    return LISTED_ONES;
}

int fill_truth_of_list(const char *path, int classes, float *truth)
{
    if (!current || current->listed == NOT_LISTED) return 0;
    int count = fill_listed_truth(path, classes, truth);
    if (!count && current->listed == LISTED_SHARES_OF_SOFTMAX)
        for (int i = 0; i < classes; ++i) truth[i] = SECRET_NUM;
    if (count > 1 && current->listed != LISTED_ONES)
        for (int i = 0; i < classes; ++i) truth[i] /= (float)count;
    return 1;
}

typedef struct {
    load_args args;
    data *parts;
    void *(*load)(void *);
    int next; /* part, for whichever thread comes first */
} parts_to_load;

static void *load_next_parts(void *work)
{
    parts_to_load *p = work;
    int total = p->args.n, count = p->args.threads, i;
    while ((i = __atomic_fetch_add(&p->next, 1, __ATOMIC_RELAXED)) < count) {
        load_args *part = allocate(1, sizeof *part); /* load frees it */
        *part = p->args;
        part->d = p->parts + i;
        part->thread = i;
        part->n = (i + 1) * total / count - i * total / count;
        p->load(part);
    }
    return NULL;
}

void load_parts(load_args args, data *parts, void *(*load)(void *))
{
    parts_to_load work = {.args = args, .parts = parts, .load = load};
    pthread_t helpers[MOST_AT_ONCE - 1];
    int at_once = cores_allowed();
    if (at_once < LEAST_AT_ONCE) at_once = LEAST_AT_ONCE;
    if (at_once > args.threads) at_once = args.threads;
    if (at_once > MOST_AT_ONCE) at_once = MOST_AT_ONCE;
    int started = 0;
    while (started < at_once - 1 &&
           !pthread_create(&helpers[started], NULL, load_next_parts, &work))
        ++started;
    load_next_parts(&work);
    for (int i = 0; i < started; ++i) pthread_join(helpers[i], NULL);
}

void set_flip(const char *value)
{
    flip_images = !value || atoi(value);
}

/* Notes a path that cannot be used and counts how often the list of m has it; names it unless `why`
   is NULL. Once. */
static void reject_image(const char *path, const char *why, char **list, int m)
{
    int i = 0;
    pthread_mutex_lock(&mutex);
    while (i < paths_rejected && strcmp(rejected[i], path) != 0) ++i;
    if (i == paths_rejected) {
        rejected = reallocate(rejected, (size_t)i + 1, sizeof *rejected);
        rejected[paths_rejected++] = print_text("%s", path);
        for (int j = 0; j < m; ++j) images_rejected += strcmp(list[j], path) == 0;
        if (why) fprintf(stderr, "Left out image number %d, %s: %s\n", paths_rejected, path, why);
    }
    pthread_mutex_unlock(&mutex);
}

void share_rejected(const load_args *args)
{
    int new_ones = paths_rejected - paths_shared;
    greatest_of_ranks(&new_ones, 1);
    if (rank_count() == 1 || !new_ones) return;
    char *mine = print_text("%s", "");
    for (int i = paths_shared; i < paths_rejected; ++i) {
        char *more = print_text("%s%s\n", mine, rejected[i]);
        free(mine);
        mine = more;
    }
    char *all = texts_of_ranks(mine), *rest = NULL;
    for (char *path = strtok_r(all, "\n", &rest); path; path = strtok_r(NULL, "\n", &rest))
        reject_image(path, NULL, args->paths, args->m);
    paths_shared = paths_rejected;
    free(all);
    free(mine);
}

int too_many_rejected(int m)
{
    int limit = m / 100 > 10 ? m / 100 : 10;
    if (limit > m / 2) limit = m / 2;
    pthread_mutex_lock(&mutex);
    int many = images_rejected > limit;
    pthread_mutex_unlock(&mutex);
    return many;
}

/* Whether the truth of this path would be that of one class; a list is looked through before a run
   unless it is too long. */
static int has_one_label(const char *path)
{
    int count = 0;
    if (current->type != CLASSIFICATION_DATA || current->labels_checked) return 1;
    if (!current->labels || current->hierarchy || current->classes < 2) return 1;
    for (int i = 0; i < current->classes; ++i) count += strstr(path, current->labels[i]) != NULL;
    return count == 1;
}

/* Fills planes with a view of *path, or of another image of the list, which depends on `place`,
   that of the random numbers before the view was drawn. */
static void load_usable_view(char **path, int channels, const view_choice *view,
                             unsigned long long place, float *planes)
{
    if (!current || !current->m) {
        load_view_or_name(*path, channels, view, planes);
        return;
    }
    for (int tries = 0;; ++tries) {
        const char *why = "its path does not hold the label of one class";
        if (has_one_label(*path) && try_load_view(*path, channels, view, planes, &why)) return;
        reject_image(*path, why, current->paths, current->m);
        if (stop_signal() || too_many_rejected(current->m)) return; /* nothing trains on it */
        *path = current->paths[thread_rand_extra(place, (unsigned)tries) % current->m];
    }
}

image center_view(image im, int w, int h)
{
    return w == h ? center_crop_image(im, w, h) : letterbox_image(im, w, h);
}

/* What is drawn for one image. */
typedef struct {
    view_choice view;
    float hue, saturation, exposure;
} drawn_view;

static float random_unit(void)
{
    return (float)thread_rand() / (float)RAND_MAX;
}

/* Always as many numbers, in the order of Darknet's random_augment_image, whatever the image. */
static drawn_view draw_view(const load_args *a, int w, int h)
{
    drawn_view d = {.view = {.kind = a->center ? VIEW_CENTER : VIEW_RANDOM, .w = w, .h = h}};
    if (!a->center) {
        d.view.aspect = rand_scale(a->aspect);
        d.view.width = rand_int(a->min, a->max);
        d.view.radians = rand_uniform(-a->angle, a->angle) * TWO_PI / 360;
        d.view.right = random_unit();
        d.view.down = random_unit();
    }
    d.view.flip = thread_rand() % 2 && flip_images;
    d.hue = rand_uniform(-a->hue, a->hue);
    d.saturation = rand_scale(a->saturation);
    d.exposure = rand_scale(a->exposure);
    return d;
}

/* Gray images have neither hue nor saturation. */
static void distort(image im, const drawn_view *d)
{
    if (im.c == 3) {
        distort_colors(im.data, (size_t)im.w * im.h, d->hue, d->saturation, d->exposure);
        return;
    }
    for (int i = 0; i < im.w * im.h * im.c; ++i) im.data[i] *= d->exposure;
    constrain_image(im);
}

void load_share(load_args *args)
{
    if (rank_count() == 1) return;
    args->whole = args->n;
    args->n = args->whole / rank_count();
    seed_thread(1);
    draw_view(args, args->w, args->h);
    args->draws = (int)random_numbers_drawn();
    seed_thread(0);
}

/* Finds the next image of this rank, and puts the random numbers where one process would have them
   for that image. One process deals the batch out to threads, each with a seed of its own; a thread
   first draws a path for each of its images, then a->draws numbers for each image in turn.

   An example: a batch of 16 images, 4 threads, 2 ranks. Each rank loads 8, by 4 threads of 2. The
   second image of thread 1 on rank 1 has place 8 + 2 + 1 = 11 in the whole batch. Alone, thread 2
   would load places 8 to 11: it is its fourth image, with 3 before it and 0 behind. So: the seed of
   thread 2, skip 3 paths, draw the path, skip 0 paths and 3 * a->draws numbers. */
static void go_to_place(const load_args *a, char **path)
{
    long threads = a->threads, whole = a->whole, share = whole / rank_count();
    long place = this_rank() * share + a->thread * share / threads + images_begun++;
    long thread = place * threads / whole;
    while ((thread + 1) * whole / threads <= place) ++thread;
    long first = thread * whole / threads, count = (thread + 1) * whole / threads - first;
    long before = place - first;
    seed_thread(mix_seed(a->seed, (unsigned long long)thread));
    skip_random((unsigned long long)before);
    *path = a->paths[thread_rand() % a->m];
    skip_random((unsigned long long)(count - before - 1 + before * a->draws));
}

image load_training_image(char **path, int min, int max, int size, float angle, float aspect,
                          float hue, float saturation, float exposure, int center)
{
    const load_args a = {.min = min,
                         .max = max,
                         .angle = angle,
                         .aspect = aspect,
                         .hue = hue,
                         .saturation = saturation,
                         .exposure = exposure,
                         .center = center};
    int height = current && current->type == CLASSIFICATION_DATA ? current->h : size;
    int channels = current && current->channels ? current->channels : 3;
    if (current && current->whole) go_to_place(current, path);
    unsigned long long place = random_place();
    drawn_view drawn = draw_view(&a, size, height);
    image im = make_image(size, height, channels);
    load_usable_view(path, channels, &drawn.view, place, im.data);
    distort(im, &drawn);
    return im;
}
