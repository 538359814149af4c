/* The loss on the CPU as a module of Python: addresses of numbers in, numbers written there. It knows no PyTorch. */
#include "core.h"

#include "prediction_sets.h"
#include "smooth_topk_truth.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { NO_REDUCTION, MEAN, SUM };

static void free_terms(PyObject *capsule)
{
    free(PyCapsule_GetPointer(capsule, TERMS));
}

/* make_terms(((k, tau, alpha, weight), ...)) -> terms; ranges are checked with the number of classes. */
static PyObject *make_terms(PyObject *module, PyObject *rows)
{
    (void)module;
    Py_ssize_t count = PyTuple_Size(rows);
    if (count < 1) return NULL;
    if (count > MOST_TERMS) return PyErr_Format(PyExc_ValueError, "k: at most %d of them", MOST_TERMS);
    term_list *list = calloc(1, sizeof *list);
    if (!list) return PyErr_NoMemory();
    list->count = (int)count;
    for (Py_ssize_t i = 0; i < count; ++i) {
        smooth_topk_term *term = list->terms + i;
        if (!PyArg_ParseTuple(PyTuple_GetItem(rows, i), "ifff", &term->params.k, &term->params.tau,
                              &term->params.alpha, &term->weight)) {
            free(list);
            return NULL;
        }
    }
    return PyCapsule_New(list, TERMS, free_terms);
}

/* Labels as the core wants them, -1 for ignored ones. Returns how many are not ignored, or -1 - the place of one
   that is out of range. */
static long convert_labels(const int64_t *labels, int batch, int classes, int64_t ignored, int *converted)
{
    long counted = 0;
    for (int b = 0; b < batch; ++b) {
        if (labels[b] == ignored) {
            converted[b] = -1;
            continue;
        }
        if (labels[b] < 0 || labels[b] >= classes) return -1 - (long)b;
        converted[b] = (int)labels[b];
        ++counted;
    }
    return counted;
}

static void scale(float *values, size_t count, float factor)
{
    for (size_t i = 0; i < count; ++i) values[i] *= factor;
}

typedef struct {
    term_list list; /* a copy: its weights take the factor of the reduction */
    int batch, classes, reduction;
    const float *scores, *class_weights;
    const int *labels;
    float *losses, *gradient; /* losses: batch of them, or one where they are reduced */
    float *all;               /* batch losses; = losses where they are not reduced */
} labels_task;

/* The factors of class weights, and the reduction. Returns the factor that is left for the gradient. */
static void weigh(const labels_task *task, long counted)
{
    double sum = 0, weights = 0;
    for (int b = 0; b < task->batch; ++b) {
        if (task->labels[b] < 0) continue;
        float weight = task->class_weights ? task->class_weights[task->labels[b]] : 1;
        if (task->class_weights) {
            task->all[b] *= weight;
            if (task->gradient) scale(task->gradient + (size_t)b * task->classes, (size_t)task->classes, weight);
        }
        weights += weight;
        sum += task->all[b];
    }
    if (task->reduction == NO_REDUCTION) return;
    double divisor = task->reduction == MEAN ? (task->class_weights ? weights : (double)counted) : 1;
    task->losses[0] = (float)(sum / divisor);
}

/* label_loss(terms, batch, classes, scores, labels, ignored, class_weights, reduction, losses, gradient): addresses of
   float32 and int64 numbers; class_weights and gradient may be 0. The gradient is that of the reduced loss, but for
   the mean with class weights, whose divisor is returned: the gradient is still to be divided by it. Else 1.0. */
static PyObject *label_loss(PyObject *module, PyObject *const *argument, Py_ssize_t count)
{
    (void)module;
    if (count != 10) return PyErr_Format(PyExc_TypeError, "label_loss takes 10 arguments");
    const term_list *terms = get_terms(argument[0]);
    if (!terms) return NULL;
    labels_task task = {.list = *terms,
                        .batch = (int)PyLong_AsLong(argument[1]),
                        .classes = (int)PyLong_AsLong(argument[2]),
                        .scores = get_pointer(argument[3]),
                        .class_weights = get_pointer(argument[6]),
                        .reduction = (int)PyLong_AsLong(argument[7]),
                        .losses = get_pointer(argument[8]),
                        .gradient = get_pointer(argument[9])};
    const int64_t *given = get_pointer(argument[4]), ignored = PyLong_AsLongLong(argument[5]);
    if (PyErr_Occurred()) return NULL;
    size_t size = smooth_topk_sum_workspace_size(task.list.terms, task.list.count, 1, task.classes);
    int error = smooth_topk_sum_check(task.list.terms, task.list.count, task.classes);
    if (error) return raise_error(error);
    char *memory = malloc(size + (size_t)task.batch * (sizeof(int) + sizeof(float)) + 64);
    if (!memory) return PyErr_NoMemory();
    int *labels = (int *)(memory + (size + 63) / 64 * 64);
    task.labels = labels;
    task.all = task.reduction == NO_REDUCTION ? task.losses : (float *)(labels + task.batch);
    long counted;
    Py_BEGIN_ALLOW_THREADS
    counted = convert_labels(given, task.batch, task.classes, ignored, labels);
    if (counted >= 0) {
        int in_core = task.reduction == MEAN && !task.class_weights && counted > 0;
        for (int i = 0; in_core && i < task.list.count; ++i) task.list.terms[i].weight /= (float)counted;
        error = smooth_topk_sum_cpu_workspace(task.list.terms, task.list.count, task.batch, task.classes, task.scores,
                                              labels, task.all, task.gradient, memory, size);
        if (!error) weigh(&task, in_core ? 1 : counted);
    }
    Py_END_ALLOW_THREADS
    double divisor = 1;
    if (task.class_weights && task.reduction == MEAN && counted >= 0) {
        divisor = 0;
        for (int b = 0; b < task.batch; ++b)
            if (labels[b] >= 0) divisor += (double)task.class_weights[labels[b]];
    }
    int64_t wrong = counted < 0 ? given[-1 - counted] : 0;
    free(memory);
    if (counted < 0)
        return PyErr_Format(PyExc_IndexError, "labels: %lld at place %ld is out of range; must be 0 to %d, or ignore_index",
                            (long long)wrong, -1 - counted, task.classes - 1);
    return error ? raise_error(error) : PyFloat_FromDouble(divisor);
}

/* row_loss(terms, class_margins, batch, classes, scores, truth, losses, gradient): rows of truth; class_margins and
   gradient may be 0... gradient must not be: the core writes it always. */
static PyObject *row_loss(PyObject *module, PyObject *const *argument, Py_ssize_t count)
{
    (void)module;
    if (count != 8) return PyErr_Format(PyExc_TypeError, "row_loss takes 8 arguments");
    const term_list *terms = get_terms(argument[0]);
    if (!terms) return NULL;
    smooth_topk_objective objective = {
        .terms = terms->terms, .count = terms->count, .scale = 1, .class_margins = get_pointer(argument[1])};
    int batch = (int)PyLong_AsLong(argument[2]), classes = (int)PyLong_AsLong(argument[3]);
    const float *scores = get_pointer(argument[4]), *truth = get_pointer(argument[5]);
    float *losses = get_pointer(argument[6]), *gradient = get_pointer(argument[7]);
    if (PyErr_Occurred()) return NULL;
    int error = smooth_topk_sum_check(terms->terms, terms->count, classes);
    if (error) return raise_error(error);
    size_t size = smooth_topk_truth_workspace_size(&objective, 1, classes);
    void *memory = malloc(size);
    if (!memory) return PyErr_NoMemory();
    Py_BEGIN_ALLOW_THREADS
    error = smooth_topk_truth_cpu(&objective, batch, classes, scores, truth, losses, gradient, memory, size);
    if (!error) scale(gradient, (size_t)batch * (size_t)classes, -1); /* the core gives minus the gradient */
    Py_END_ALLOW_THREADS
    free(memory);
    if (error) return raise_error(error);
    Py_RETURN_NONE;
}

static int calibrate(prediction_sets *sets, const float *probabilities, const int64_t *labels)
{
    size_t classes = (size_t)sets->classes;
    calibration_score *own = malloc((size_t)sets->images * sizeof *own);
    double *scores = malloc(classes * sizeof *scores);
    int *order = malloc(classes * sizeof *order), fine = own && scores && order;
    for (int i = 0; fine && i < sets->images; ++i) {
        fine = score_classes(sets->score, sets->classes, probabilities + (size_t)i * classes, scores, order);
        if (fine) own[i] = (calibration_score){(int)labels[i], scores[labels[i]]};
    }
    if (fine) calibrate_sets(sets, own);
    free(order);
    free(scores);
    free(own);
    return fine;
}

/* set_threshold(score, cover, images, classes, probabilities, labels) -> the threshold. */
static PyObject *set_threshold(PyObject *module, PyObject *arguments)
{
    (void)module;
    const char *name;
    PyObject *probabilities, *labels;
    prediction_sets sets = {0};
    if (!PyArg_ParseTuple(arguments, "sdiiOO", &name, &sets.cover, &sets.images, &sets.classes, &probabilities, &labels))
        return NULL;
    int score = find_set_score(name);
    if (score < 0) return PyErr_Format(PyExc_ValueError, "score='%s': must be lac, aps, raps or rank", name);
    sets.score = (set_score)score;
    if (!(sets.cover > 0 && sets.cover < 1))
        return PyErr_Format(PyExc_ValueError, "cover: must be above 0 and below 1");
    if (sets.images < images_for_cover(sets.cover))
        return PyErr_Format(PyExc_ValueError, "%d calibration images are too few: this cover needs %ld", sets.images,
                            images_for_cover(sets.cover));
    if (!calibrate(&sets, get_pointer(probabilities), get_pointer(labels)))
        return PyErr_Format(PyExc_ValueError, "probabilities: must be finite, >= 0 and not all 0");
    return PyFloat_FromDouble(sets.threshold);
}

/* set_members(score, threshold, images, classes, probabilities, members): members, a byte a class, 1 for those in. */
static PyObject *set_members(PyObject *module, PyObject *arguments)
{
    (void)module;
    const char *name;
    PyObject *address, *output;
    prediction_sets sets = {0};
    if (!PyArg_ParseTuple(arguments, "sdiiOO", &name, &sets.threshold, &sets.images, &sets.classes, &address, &output))
        return NULL;
    const float *probabilities = get_pointer(address);
    unsigned char *in = get_pointer(output);
    size_t classes = (size_t)sets.classes;
    double *scores = malloc(classes * sizeof *scores);
    int *members = malloc(classes * sizeof *members), size = scores && members ? 0 : -1;
    sets.score = (set_score)find_set_score(name);
    for (int i = 0; size >= 0 && i < sets.images; ++i) {
        size = find_set(&sets, probabilities + (size_t)i * classes, scores, members);
        for (int j = 0; j < size; ++j) in[(size_t)i * classes + (size_t)members[j]] = 1;
    }
    free(members);
    free(scores);
    if (size < 0) return PyErr_Format(PyExc_ValueError, "probabilities: must be finite, >= 0 and not all 0");
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {{"make_terms", make_terms, METH_O, NULL},
                                {"label_loss", (PyCFunction)(void (*)(void))label_loss, METH_FASTCALL, NULL},
                                {"row_loss", (PyCFunction)(void (*)(void))row_loss, METH_FASTCALL, NULL},
                                {"set_threshold", set_threshold, METH_VARARGS, NULL},
                                {"set_members", set_members, METH_VARARGS, NULL},
                                {NULL, NULL, 0, NULL}};

static struct PyModuleDef module = {.m_base = PyModuleDef_HEAD_INIT, .m_name = "_core", .m_size = -1, .m_methods = methods};

__attribute__((visibility("default"))) PyMODINIT_FUNC PyInit__core(void)
{
    return PyModule_Create(&module);
}
