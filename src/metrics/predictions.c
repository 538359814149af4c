/* Predictions for a list of images, batch by batch. */
#include "predictions.h"

#include "finite.h"
#include "stop_signal.h"
#include "tree.h"

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

/* A batch of fewer images than the network takes costs only these. */
static void set_batch(network *net, int batch)
{
    if (net->batch != batch) set_batch_network(net, batch);
}

/* The scores of a batch of which at least one image could be read. */
static float *predict_batch(network *net, const view_batch *views)
{
    set_batch(net, views->count);
    float *scores = network_predict(net, views->input);
    for (int i = 0; net->hierarchy && i < views->count; ++i)
        hierarchy_predictions(scores + (size_t)i * (size_t)net->outputs, net->outputs,
                              net->hierarchy, 1, 1);
    return scores;
}

static int is_any_readable(const view_batch *views)
{
    int readable = 0;
    for (int i = 0; i < views->count; ++i) readable |= !*views->faults[i];
    return readable;
}

const char *find_output_fault(const float *scores, int count)
{
    if (scores && all_finite(scores, (size_t)count)) return NULL;
    return "the network's output holds a NaN or an infinity";
}

/* Image i of the batch, the list's `number`. scores: of the batch; NULL where no image could be
   read. */
static prediction prediction_of_image(const view_batch *views, int i, int number, char *path,
                                      float *scores, int outputs)
{
    prediction p = {.number = number, .path = path};
    float *own = scores ? scores + (size_t)i * (size_t)outputs : NULL;
    p.fault = *views->faults[i] ? views->faults[i] : find_output_fault(own, outputs);
    if (!p.fault) p.scores = own;
    return p;
}

int predict_images(network *net, char **paths, int count, int kind, prediction_function function,
                   void *argument)
{
    int batch = net->batch, done = 0, stopped = 0;
    if (count < 1) return 1;
    int room = smaller(batch, count);
    view_batch *views = make_view_batch(net, room, kind);
    view_batch *next = make_view_batch(net, room, kind);
    begin_views(views, paths, room);
    while (done < count) {
        finish_views(views);
        int after = done + views->count;
        stopped = stop_signal() != 0;
        if (stopped) break;
        if (after < count) begin_views(next, paths + after, smaller(room, count - after));
        float *scores = is_any_readable(views) ? predict_batch(net, views) : NULL;
        for (int i = 0; i < views->count; ++i) {
            const prediction p =
                prediction_of_image(views, i, done + i, paths[done + i], scores, net->outputs);
            function(argument, &p);
        }
        view_batch *finished = views;
        views = next;
        next = finished;
        done = after;
    }
    set_batch(net, batch);
    free_view_batch(views);
    free_view_batch(next);
    return !stopped;
}
