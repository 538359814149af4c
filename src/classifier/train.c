/* The training of a classifier, from the .data file to the last weights. */
#include "train.h"

#include "allocate.h"
#include "checkpoint.h"
#include "class_counts.h"
#include "class_tree.h"
#include "data_checks.h"
#include "data_file.h"
#include "earlier_run.h"
#include "ending.h"
#include "finite.h"
#include "layer_weights.h"
#include "loading.h"
#include "memory_limit.h"
#include "ranks.h"
#include "seed.h"
#include "smooth_topk_layer.h"
#include "standard_files.h"
#include "stop_signal.h"
#include "utils.h"
#include "weights_file.h"
#include "weights_layout.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LOADING_THREADS = 32, BACKUP_BATCHES = 1000, RESIZING_BATCHES = 40 };

typedef struct {
    const train_options *options;
    network **nets;
    network *net; /* the first of them */
    char *base;   /* the .cfg's name, with which those of the weights begin */
    char *backup, *train_list;
    unsigned long long seed; /* 0: the clock's */
    load_args args;
    data loaded; /* by the thread */
    pthread_t loading;
    int is_loading;
    size_t loads;    /* batches that were begun to be loaded, from the first run on */
    size_t epoch;    /* whole ones */
    size_t seen;     /* images, when the weights last changed */
    int fresh;       /* begins at batch 0 */
    int trained;     /* whether the weights are others than at the start */
    float mean_loss; /* running */
    tracker *track;  /* NULL without its options */
} run;

static void load_networks(run *r)
{
    const train_options *o = r->options;
    r->nets = allocate((size_t)o->gpu_count, sizeof *r->nets);
    if (rank_count() > 1 && o->gpu_count > 1) {
        fprintf(stderr, "-gpus: several ranks have one GPU each; start a rank for each GPU\n");
        exit(1);
    }
    srand(o->seed ? (unsigned)o->seed : (unsigned)time(0));
    int seed = rand();
    if (o->clear) heed_loading_options();
    for (int i = 0; i < o->gpu_count; ++i) {
        srand((unsigned)seed); /* each has the same initial weights */
#ifdef GPU
        cuda_set_device(gpu_of_rank(o->gpus[i]));
#endif
        /* Rank 0 gives the others its weights. */
        r->nets[i] = load_network(o->cfg, this_rank() ? NULL : o->weights, o->clear);
        r->nets[i]->learning_rate *= (float)o->gpu_count;
    }
    r->net = r->nets[0];
    if (!this_rank()) tell_unsaved_layers(r->net);
}

/* No weights file has the threshold of hardest=, a fraction. */
static void tell_new_threshold(const run *r)
{
    const layer *last = r->net->layers + r->net->n - 1;
    if (this_rank() || !get_current_batch(r->net) || last->type != SMOOTH_TOPK ||
        !smooth_topk_threshold(last))
        return;
    fprintf(stderr,
            "hardest=%g: the threshold of the losses starts again, at the mean loss of the first "
            "batch\n",
            (double)smooth_topk_threshold(last)->fraction);
}

/* Images and truth of the batch that is trained on and of the next, which is loaded meanwhile. */
static size_t loaded_bytes(const network *net)
{
    size_t images = (size_t)net->batch * (size_t)net->subdivisions / (size_t)rank_count();
    return 2 * images * (size_t)(net->inputs + net->truths) * sizeof(float);
}

/* A process that needs more memory than the container or the machine has is killed without a
   message. */
static void check_memory(const run *r)
{
    size_t needed = loaded_bytes(r->net), most = memory_limit();
    for (int i = 0; i < r->net->n; ++i) needed += trained_bytes(r->net->layers[i], r->net->adam);
#ifdef GPU
    if (gpu_index >= 0) return;
#endif
    if (needed <= most) return;
    fprintf(
        stderr,
        "out of memory: to train %s takes at least %.0f MB at batch=%d, subdivisions=%d, and this "
        "machine or container has %.0f MB; raise subdivisions, or lower batch\n",
        r->options->cfg, (double)needed / 1e6, r->net->batch * r->net->subdivisions,
        r->net->subdivisions, (double)most / 1e6);
    exit(1);
}

/* Weights from batch max_batches leave nothing to train: they would only be saved again. */
static void check_batches_left(const run *r)
{
    const size_t most = (size_t)1 << 50; /* more images than any run sees */
    size_t batch = get_current_batch(r->net), all = (size_t)r->net->max_batches;
    if (*r->net->seen <= most && (!all || batch < all)) return;
    if (*r->net->seen > most)
        fprintf(stderr, "%s: its header says that %zu images were seen; ", r->options->weights,
                *r->net->seen);
    else
        fprintf(stderr, "%s is from batch %zu of max_batches=%zu, so nothing is left to train; ",
                r->options->weights, batch, all);
    fprintf(stderr, "with -clear training starts at batch 0 from these weights\n");
    exit(1);
}

static void set_size(run *r, int w, int h)
{
    r->args.w = w;
    r->args.h = h;
    r->args.size = w;
    r->args.min = (int)(r->net->min_ratio * (float)w);
    r->args.max = (int)(r->net->max_ratio * (float)w);
    printf("%d %d\n", r->args.min, r->args.max);
}

static void set_loading(run *r, const labeled_images *set, tree *hierarchy, int tag)
{
    const network *net = r->net;
    load_args *a = &r->args;
    a->threads = LOADING_THREADS;
    a->hierarchy = hierarchy;
    set_size(r, net->w, net->h);
    a->angle = net->angle;
    a->aspect = net->aspect;
    a->exposure = net->exposure;
    a->saturation = net->saturation;
    a->hue = net->hue;
    a->channels = net->c;
    a->paths = set->paths;
    a->m = set->count;
    a->listed = set->listed ? choose_listed_truth(net) : NOT_LISTED;
    a->labels_checked = set->checked;
    a->n = net->batch * net->subdivisions * r->options->gpu_count;
    load_share(a);
    a->classes = set->classes;
    a->labels = set->labels;
    a->type = tag ? TAG_DATA : CLASSIFICATION_DATA;
    a->d = &r->loaded;
}

static void prepare_tracking(run *r, const data_file *data, char **labels, int classes)
{
    const tracker_options *o = &r->options->tracking;
    tracked_run tracked = {.net = r->net,
                           .cfg = r->options->cfg,
                           .directory = r->backup,
                           .base = r->base,
                           .valid = {.labels = labels, .classes = classes}};
    if (this_rank() || (!o->topk && !o->log && !o->chart && !o->progress)) return;
    if (o->topk) {
        if (!labels || r->args.hierarchy) {
            fprintf(stderr, "-topk: needs labels; it is not for tag= or tree=\n");
            exit(1);
        }
        char *valid_list = data_valid_path(data);
        tracked.valid = read_labeled_images(valid_list, labels, classes, data_labels_path(data));
    }
    r->track = start_tracker(o, &tracked);
}

/* Labels behind a TAB need names of classes to mean something, and a tree takes one an image. */
static void check_listed(const labeled_images *set, int has_tree, const char *list_name)
{
    if (set->listed && !set->labels)
        fprintf(stderr, "%s has labels behind a TAB; they are not for tag=\n", list_name);
    else if (has_tree && set->several)
        fprintf(stderr, "%s: tree= takes one label an image, not several and not none\n",
                list_name);
    else
        return;
    exit(1);
}

/* Reads the .data file and its lists, and checks them against the network. */
static void prepare_data(run *r)
{
    char *datacfg = r->options->data;
    const data_file file = read_data_file(datacfg);
    r->backup = data_text(&file, "backup", "/backup/");
    if (!this_rank()) check_backup_directory(r->backup, datacfg);
    int tag = data_text(&file, "tag", NULL) ? data_number(&file, "tag", 0) : 0;
    char *label_list = tag ? NULL : data_labels_path(&file);
    r->train_list = data_train_path(&file);
    tree *hierarchy = get_label_tree(r->net, data_text(&file, "tree", NULL), datacfg);
    int classes = data_number(&file, "classes", 2);
    check_image_network(r->net, r->options->cfg);
    check_classes(r->net, classes, 1, datacfg, r->options->cfg);
    char **labels = tag ? NULL : data_labels(&file, classes);
    labeled_images set = labels && !hierarchy
                             ? read_labeled_images(r->train_list, labels, classes, label_list)
                             : read_image_list(r->train_list, 1, labels, classes);
    check_listed(&set, hierarchy != NULL, r->train_list);
    labeled_images counted = set;
    if (hierarchy) counted.labels = NULL;
    tell_missing_classes(&counted, r->train_list);
    tell_class_counts(r->nets, r->options->gpu_count, &counted, r->train_list);
    int batch = r->net->batch * r->net->subdivisions * r->options->gpu_count;
    if (set.count < batch)
        fprintf(
            stderr,
            "%s has %d images, fewer than a batch of %d: some are drawn more than once for each "
            "batch\n",
            r->train_list, set.count, batch);
    printf("%d\n", set.count);
    set_loading(r, &set, hierarchy, tag);
    prepare_tracking(r, &file, labels, classes);
    const layer last = r->net->layers[r->net->n - 1];
    const int own = last.type == SMOOTH_TOPK;
    const rank_files files = {.cfg = r->options->cfg,
                              .train_list = r->train_list,
                              .label_list = label_list,
                              .paths = r->args.paths,
                              .labels = labels,
                              .images = set.count,
                              .image_labels = digest_of_labels(&set),
                              .classes = classes,
                              .class_margins = own ? smooth_topk_class_margins(last) : NULL,
                              .class_weights = own ? smooth_topk_class_weights(last) : NULL,
                              .parents = hierarchy ? hierarchy->parent : NULL};
    meet_ranks(&files);
}

/* Begins to load the next batch; with a seed, which images and how distorted depends on the seed
   and the batch's number alone. */
static void begin_batch(run *r)
{
    if (r->seed) r->args.seed = mix_seed(r->seed, r->loads);
    ++r->loads;
    r->loading = load_data(r->args);
    r->is_loading = 1;
}

static data end_batch(run *r)
{
    if (r->is_loading) pthread_join(r->loading, 0);
    r->is_loading = 0;
    return r->loaded;
}

/* Renames the weights that an earlier run of this name has left. */
static void keep_earlier_run(run *r)
{
    const train_options *o = r->options;
    r->fresh = !get_current_batch(r->net);
    if (this_rank() || !r->fresh) return;
    keep_earlier_weights(r->backup, r->base, (size_t)(r->net->batch * r->net->subdivisions),
                         o->data, o->cfg);
}

/* From here on all ranks have the same weights, batch and seed. */
static void begin_together(run *r)
{
    r->seed = r->options->seed;
    if (rank_count() > 1) {
        if (!r->seed) r->seed = mix_seed(0, (unsigned long long)time(0));
        copy_from_first_rank(&r->seed, sizeof r->seed);
        copy_from_first_rank(r->net->seen, sizeof *r->net->seen);
        *r->net->seen -= *r->net->seen % (size_t)(r->net->batch * r->net->subdivisions);
        prepare_sums(r->net);
    }
    r->loads = get_current_batch(r->net);
    /* Each rank has other random numbers, so that its [dropout] drops other outputs. */
    srand((r->seed ? (unsigned)mix_seed(r->seed, r->loads) : (unsigned)time(0)) +
          (unsigned)this_rank());
}

/* Ends all ranks with this exit code. Only rank 0 returns, to print and save. */
static void stop_together(run *r, int code)
{
    end_batch(r);
    leave_together();
    if (this_rank()) exit(code);
}

/* Only rank 0 saves; on other ranks the result is WEIGHTS_SAVED. */
static int save(run *r, const char *suffix)
{
    return this_rank() ? WEIGHTS_SAVED : save_checkpoint(r->net, r->backup, r->base, suffix);
}

/* [net] random=1: another size every so many batches. */
static void resize_networks(run *r)
{
    printf("Resizing\n");
    int side = (rand() % 11 + 4) * 32;
    copy_from_first_rank(&side, sizeof side);
    printf("%d\n", side);
    set_size(r, side, side);
    free_data(end_batch(r));
    begin_batch(r);
    for (int i = 0; i < r->options->gpu_count; ++i) resize_network(r->nets[i], side, side);
}

static double epochs(const run *r)
{
    return (float)*r->net->seen / (float)r->args.m;
}

/* Stops: weights that are not finite stay so, and are unusable. */
static void stop_at_nan(run *r, const char *what)
{
    stop_together(r, 1);
    fprintf(stderr, "Stopped at batch %zu: %s not finite; try a lower learning_rate. ",
            get_current_batch(r->net), what);
    if (last_checkpoint())
        fprintf(stderr, "The last good weights are in %s\n", last_checkpoint());
    else
        fprintf(stderr, "This run had not saved any weights yet\n");
    exit(1);
}

static void stop_by_signal(run *r, int number)
{
    stop_together(r, 128 + number);
    if (!r->trained) {
        fprintf(stderr, "Stopped by signal %d before the first batch; nothing was saved\n", number);
    } else {
        if (save(r, ".backup")) exit(1);
        fprintf(stderr, "Stopped by signal %d after batch %zu; to go on, train from %s\n", number,
                get_current_batch(r->net), last_checkpoint());
    }
    exit(128 + number);
}

/* What rank 0 saves when it stops without waiting for the others. */
static void save_alone(void *argument)
{
    run *r = argument;
    *r->net->seen = r->seen;
    if (r->trained && save(r, ".backup") == WEIGHTS_SAVED)
        fprintf(stderr, "Stopped by signal %d without the other ranks; to go on, train from %s\n",
                stop_signal(), last_checkpoint());
    if (!r->trained)
        fprintf(stderr, "Stopped by signal %d within the first batch; nothing was saved\n",
                stop_signal());
}

/* A fault in the middle of a batch, in whichever thread: the weights are those of the last one, or
   in part of this. */
static void save_in_need(void *argument)
{
    run *r = argument;
    if (this_rank() || !r->trained) return;
    *r->net->seen = r->seen;
    if (save(r, ".backup") == WEIGHTS_SAVED)
        fprintf(stderr, "Stopped after batch %zu; to go on, train from %s\n",
                get_current_batch(r->net), last_checkpoint());
}

static void stop_without_images(run *r)
{
    stop_together(r, 1);
    fprintf(stderr, "Too many images of %s cannot be used; stopped before batch %zu\n",
            r->train_list, get_current_batch(r->net) + 1);
    if (r->trained) save(r, ".backup");
    exit(1);
}

static float train_batch(run *r, data batch)
{
#ifdef GPU
    if (r->options->gpu_count > 1) return train_networks(r->nets, r->options->gpu_count, batch, 4);
#endif
    return train_network(r->net, batch);
}

/* The name may also be that of another network's weights. */
static void keep_earlier_epoch(const run *r, const char *suffix)
{
    char *filename = print_text("%s/%s%s", r->backup, r->base, suffix);
    if (!access(filename, F_OK)) {
        char *kept = keep_earlier_file(filename);
        fprintf(stderr, "%s is of an earlier run; it is now %s\n", filename, kept);
        free(kept);
    }
    free(filename);
}

/* Saves what is due after a batch. */
static void save_due(run *r, int new_epoch)
{
    /* With -topk the tracker keeps the best and the last instead. */
    if (new_epoch && !r->options->tracking.topk) {
        char suffix[48];
        snprintf(suffix, sizeof suffix, "_%zu.weights", r->epoch);
        if (r->fresh && !this_rank()) keep_earlier_epoch(r, suffix);
        if (save(r, suffix) == WEIGHTS_NOT_WRITTEN)
            fprintf(stderr, "Training goes on; the next save is at the next epoch\n");
    }
    if (get_current_batch(r->net) % BACKUP_BATCHES == 0 &&
        save(r, ".backup") == WEIGHTS_NOT_WRITTEN)
        fprintf(stderr, "Training goes on; the next save is in %d batches\n", BACKUP_BATCHES);
}

/* After each batch all ranks learn whether one of them must stop, and why. */
static void stop_where_due(run *r)
{
    int met[] = {stop_signal(), last_save() == WEIGHTS_NOT_FINITE};
    greatest_of_ranks(met, 2);
    if (met[1]) stop_at_nan(r, "some weights are");
    if (met[0]) stop_by_signal(r, met[0]);
}

static int has_batches_left(const run *r)
{
    return !r->net->max_batches || get_current_batch(r->net) < (size_t)r->net->max_batches;
}

static void train_next_batch(run *r)
{
    int quiet = r->options->tracking.progress;
    double time = what_time_is_it_now();
    data batch = end_batch(r);
    stop_where_due(r); /* the images may be none */
    share_rejected(&r->args);
    if (too_many_rejected(r->args.m)) stop_without_images(r);
    begin_batch(r);
    if (!quiet) printf("Loaded: %lf seconds\n", what_time_is_it_now() - time);
    time = what_time_is_it_now();
    float own_loss = train_batch(r, batch);
    int first = !r->trained;
    r->trained = 1;
    r->seen = *r->net->seen;
    float loss = mean_of_ranks(own_loss);
    if (first) r->mean_loss = loss;
    r->mean_loss = (float)(r->mean_loss * .9 + loss * .1);
    if (!quiet)
        printf("%zu, %.3f: %f, %f avg, %f rate, %lf seconds, %zu images\n",
               get_current_batch(r->net), epochs(r), loss, r->mean_loss, get_current_rate(r->net),
               what_time_is_it_now() - time, *r->net->seen);
    free_data(batch);
    if (!is_finite(loss)) stop_at_nan(r, "the loss is");
    size_t epoch = *r->net->seen / (size_t)r->args.m;
    int new_epoch = epoch > r->epoch;
    r->epoch = epoch;
    if (r->track) track_batch(r->track, epochs(r), new_epoch, r->mean_loss);
    save_due(r, new_epoch);
    if (rank_count() == 1 || !has_batches_left(r))
        stop_where_due(r); /* several do so with their next batch */
}

void train_classifier(const train_options *options)
{
    ignore_closed_pipes();
    print_no_results();
    start_ranks();
    run r = {.options = options, .base = basecfg(options->cfg)};
    printf("%s\n", r.base);
    printf("%d\n", options->gpu_count);
    load_networks(&r);
    check_batches_left(&r);
    tell_new_threshold(&r);
    check_memory(&r);
    printf("Learning Rate: %g, Momentum: %g, Decay: %g\n", r.net->learning_rate, r.net->momentum,
           r.net->decay);
    prepare_data(&r);
    begin_together(&r);
    keep_earlier_run(&r);
    begin_batch(&r);
    r.epoch = *r.net->seen / (size_t)r.args.m;
    r.seen = *r.net->seen;
    catch_stop_signals(this_rank() != 0);
    if (!this_rank()) save_when_alone(save_alone, &r);
    save_before_end(save_in_need, &r);
    for (int count = 0; has_batches_left(&r); ++count) {
        if (r.net->random && count % RESIZING_BATCHES == 0) resize_networks(&r);
        train_next_batch(&r);
    }
    save_before_end(NULL, NULL);
    save(&r, ".weights");
    free_data(end_batch(&r));
    tell_costs_of_sums();
    if (r.track) print_tracked_end(r.track);
    leave_together();
    free_network(r.net);
}
