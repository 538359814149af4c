/* Validation, best weights, progress and log of a training run. */
#include "tracker.h"

#include "allocate.h"
#include "chart.h"
#include "checkpoint.h"
#include "ranks.h"
#include "training_log.h"
#include "utils.h"
#include "weights_file.h"

#include <string.h>
#include <unistd.h>

struct tracker {
    tracker_options options;
    tracked_run run;
    training_log *log;
    chart *chart;
    const char *best_suffix;
    accuracy last;      /* of the last validation; topk is -1 before the first */
    float best;         /* the best topk, -1 before the first */
    size_t first, done; /* the batch the run starts from, and the one before the present */
    double start;       /* when the run started */
    double before;      /* seconds that the runs it goes on from took */
    double printed;     /* when the progress was */
};

static int is_last(const network *net)
{
    return net->max_batches && get_current_batch((network *)net) >= (size_t)net->max_batches;
}

static void stop_without_images(const network *net)
{
    fprintf(stderr, "No image of the validation set can be read; stopped at batch %zu\n",
            get_current_batch((network *)net));
    exit(1);
}

/* Returns 0 if a signal to stop came first. */
static int validate(tracker *t, network *net, accuracy *result)
{
    if (measure_accuracy(net, &t->run.valid, t->options.topk, result)) return 1;
    if (!t->run.valid.count) stop_without_images(net);
    return 0;
}

static void leave_alone(tracker *t, char *fault)
{
    t->best = -1;
    t->best_suffix = "_best_2.weights";
    fprintf(stderr, "%s; it is left alone, and this run's best weights are %s/%s%s\n", fault,
            t->run.directory, t->run.base, t->best_suffix);
    free(fault);
}

/* How good the best weights so far are, so that worse ones do not replace them. */
static void judge_best(tracker *t, char *best_file)
{
    accuracy result;
    char *fault = find_weights_fault(t->run.net, best_file);
    if (!fault && t->best < 0) {
        network *net = parse_network_cfg(t->run.cfg);
        fault = try_load_weights(net, best_file);
        if (!fault && validate(t, net, &result)) t->best = result.topk;
        free_network(net);
    }
    if (fault) leave_alone(t, fault);
}

tracker *start_tracker(const tracker_options *options, const tracked_run *run)
{
    tracker *t = allocate(1, sizeof *t);
    char *best_file = print_text("%s/%s_best.weights", run->directory, run->base);
    t->options = *options;
    t->run = *run;
    t->best_suffix = "_best.weights";
    t->last.topk = t->best = -1;
    t->first = t->done = get_current_batch(run->net);
    t->start = what_time_is_it_now();
    if (options->topk > run->valid.classes) {
        fprintf(stderr, "-topk %d: must be at most %d, the number of classes\n", options->topk,
                run->valid.classes);
        exit(1);
    }
    if (options->log) {
        size_t images = (size_t)run->net->batch * (size_t)run->net->subdivisions;
        t->log = open_training_log(options->log, options->topk ? options->topk : 5,
                                   run->valid.several, t->first);
        t->before = seconds_in_log(t->log);
        if (options->topk)
            t->best = (float)topk_in_log(t->log, seen_by_weights(best_file) / images);
    }
    if (options->chart)
        t->chart = open_chart(options->chart, options->topk ? options->topk : 5,
                              t->first ? options->log : NULL);
    if (options->topk && t->first && !access(best_file, F_OK)) judge_best(t, best_file);
    free(best_file);
    return t;
}

static void log_batch(tracker *t, double epoch, double loss)
{
    log_row row = {.batch = get_current_batch(t->run.net),
                   .epoch = epoch,
                   .loss = loss,
                   .rate = get_current_rate(t->run.net),
                   .top1 = t->last.top1,
                   .topk = t->last.topk,
                   .ranking = t->last.ranking,
                   .seconds = t->before + what_time_is_it_now() - t->start};
    if (t->log) write_log_row(t->log, &row);
    if (t->chart) draw_chart(t->chart, &row);
}

static void print_time_left(const tracker *t, size_t batch, double now)
{
    size_t all = (size_t)t->run.net->max_batches;
    if (!all) return;
    double left = is_last(t->run.net) || batch == t->first
                      ? 0
                      : (now - t->start) * (double)(all - batch) / (double)(batch - t->first);
    long seconds = (long)left;
    if (seconds < 3600)
        printf("  %ld:%02ld left", seconds / 60, seconds % 60);
    else
        printf("  %ld:%02ld:%02ld left", seconds / 3600, seconds / 60 % 60, seconds % 60);
}

/* A line that is written over on a terminal, and one every ten seconds in a file. */
static void print_progress(tracker *t, double epoch, double loss)
{
    const network *net = t->run.net;
    size_t batch = get_current_batch(t->run.net);
    double now = what_time_is_it_now();
    /* Under mpirun stdout looks like a terminal even if mpirun writes to a file. */
    int terminal = rank_count() == 1 && isatty(STDOUT_FILENO);
    if (!is_last(net) && now - t->printed < (terminal ? .2 : 10)) return;
    t->printed = now;
    if (terminal) printf("\r");
    printf("batch %zu", batch);
    if (net->max_batches) printf("/%d", net->max_batches);
    printf("  epoch %.1f  loss %.4f  rate %g", epoch, loss, get_current_rate(t->run.net));
    if (t->last.topk >= 0) {
        int several = t->run.valid.several;
        printf("  %s-1 %.2f  %s-%d %.2f (best %.2f)", several ? "precision" : "top",
               100 * t->last.top1, several ? "recall" : "top", t->options.topk, 100 * t->last.topk,
               100 * t->best);
        if (several) printf("  mAP %.2f", 100 * t->last.ranking.mean_average_precision);
    }
    print_time_left(t, batch, now);
    if (terminal) printf("\033[K");
    if (!terminal || is_last(net)) printf("\n");
    fflush(stdout);
}

void track_batch(tracker *t, double epoch, int new_epoch, double loss)
{
    network *net = t->run.net;
    size_t batch = get_current_batch(net), every = (size_t)t->options.every;
    /* Several GPUs count several batches at once. */
    int due = is_last(net) || (every ? batch / every > t->done / every : new_epoch);
    int topk = t->options.topk;
    t->done = batch;
    int stopped = due && topk && !validate(t, net, &t->last);
    if (stopped) t->last.top1 = t->last.topk = -1;
    int better = due && topk && t->last.topk > t->best;
    if (better) t->best = t->last.topk;
    if (due && (t->log || t->chart)) log_batch(t, epoch, loss);
    if (stopped) return;
    if (due && topk && !t->options.progress) {
        int several = t->run.valid.several;
        printf("Validation at batch %zu: %s 1: %f, %s %d: %f, best %f\n", batch,
               several ? "precision at" : "top", t->last.top1, several ? "recall at" : "top", topk,
               t->last.topk, t->best);
        if (several)
            printf("mean average precision: %f, label ranking average precision: %f, ranking loss: "
                   "%f\n",
                   t->last.ranking.mean_average_precision, t->last.ranking.label_ranking_precision,
                   t->last.ranking.ranking_loss);
    }
    if (t->options.progress) print_progress(t, epoch, loss);
    if (better) save_checkpoint(net, t->run.directory, t->run.base, t->best_suffix);
    if (due && topk && last_save() != WEIGHTS_NOT_FINITE)
        save_checkpoint(net, t->run.directory, t->run.base, ".backup");
}

void print_tracked_end(const tracker *t)
{
    const network *net = t->run.net;
    if (t->last.topk < 0 || t->best < 0) return;
    char *best_file = print_text("%s/%s%s", t->run.directory, t->run.base, t->best_suffix);
    size_t images = (size_t)net->batch * (size_t)net->subdivisions;
    const char *what = t->run.valid.several ? "recall at " : "top-";
    printf("Done: last %s%d %.2f; best %.2f at batch %zu in %s\n", what, t->options.topk,
           100 * (double)t->last.topk, 100 * (double)t->best, seen_by_weights(best_file) / images,
           best_file);
    free(best_file);
}
