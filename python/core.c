/* The loss on the CPU as a module of Python: addresses of numbers in, numbers written there. It knows no PyTorch. */
#include "core.h"

#include "outputs.h"
#include "smooth_topk_truth.h"

#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

enum { NO_REDUCTION, MEAN, SUM };

static void free_terms(PyObject *capsule)
{
    free(PyCapsule_GetPointer(capsule, TERMS));
}

/* make_terms(((k, tau, alpha, weight), ...)) -> terms; k is checked again with the number of classes. */
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
    int error = smooth_topk_sum_check(list->terms, list->count, INT_MAX);
    if (error) {
        free(list);
        return raise_error(error);
    }
    return PyCapsule_New(list, TERMS, free_terms);
}

/* Labels as the core wants them, -1 for ignored ones. Returns the place of one that is out of range, or -1. */
static long convert_labels(const int64_t *labels, int batch, int classes, int64_t ignored, int *converted)
{
    for (int b = 0; b < batch; ++b) {
        if (labels[b] != ignored && (labels[b] < 0 || labels[b] >= classes)) return b;
        converted[b] = labels[b] == ignored ? -1 : (int)labels[b];
    }
    return -1;
}

static void scale(float *values, size_t count, float factor)
{
    for (size_t i = 0; i < count; ++i) values[i] *= factor;
}

typedef struct {
    term_list list; /* a copy: without class weights its own take the factor of the mean */
    int batch, classes, reduction;
    const float *scores, *class_weights;
    const int *labels;
    float *losses;   /* batch, or one where they are reduced */
    float *gradient; /* of the reduced loss, or of each; NULL: not wanted */
    float *all;      /* batch losses, with the factor of the mean; = losses where they are not reduced */
    void *workspace;
    size_t size;
} labels_task;

/* What the mean divides by: the number of labels, or the sum of their weights. */
static double sum_weights(const labels_task *task)
{
    double sum = 0;
    for (int b = 0; b < task->batch; ++b)
        if (task->labels[b] >= 0) sum += task->class_weights ? (double)task->class_weights[task->labels[b]] : 1;
    return sum;
}

/* Rows begin .. end-1, then their class weights while the gradient is still in the cache. */
static int compute_rows(const labels_task *task, int begin, int end, double factor)
{
    size_t classes = (size_t)task->classes, first = (size_t)begin * classes;
    float *gradient = task->gradient ? task->gradient + first : NULL;
    int error = smooth_topk_sum_cpu_workspace(task->list.terms, task->list.count, end - begin, task->classes,
                                              task->scores + first, task->labels + begin, task->all + begin, gradient,
                                              task->workspace, task->size);
    if (error || !task->class_weights) return error;
    for (int b = begin; b < end; ++b) {
        if (task->labels[b] < 0) continue;
        float weight = (float)(task->class_weights[task->labels[b]] * factor);
        task->all[b] *= weight;
        if (gradient) scale(task->gradient + (size_t)b * classes, classes, weight);
    }
    return SMOOTH_TOPK_OK;
}

static int compute_labels(labels_task *task)
{
    enum { ROWS = 64 };
    double sum = 0, weights = sum_weights(task), factor = task->reduction == MEAN ? 1 / weights : 1;
    int error = SMOOTH_TOPK_OK, rows = task->class_weights ? ROWS : task->batch;
    if (!task->class_weights && weights > 0)
        for (int i = 0; i < task->list.count; ++i) task->list.terms[i].weight *= (float)factor;
    for (int b = 0; b < task->batch && !error; b += rows)
        error = compute_rows(task, b, b + rows < task->batch ? b + rows : task->batch, factor);
    if (error || task->reduction == NO_REDUCTION) return error;
    for (int b = 0; b < task->batch; ++b) sum += (double)task->all[b];
    task->losses[0] = task->reduction == MEAN && !(weights > 0) ? NAN : (float)sum;
    return SMOOTH_TOPK_OK;
}

/* label_loss(terms, batch, classes, scores, labels, ignored, class_weights, reduction, losses, gradient): addresses of
   float32 and int64 numbers; class_weights and gradient may be 0. The gradient is that of the reduced loss. */
static PyObject *label_loss(PyObject *module, PyObject *const *argument, Py_ssize_t count)
{
    (void)module;
    if (count != 10) return PyErr_Format(PyExc_TypeError, "label_loss takes 10 arguments");
    const term_list *terms = get_terms(argument[0]);
    if (!terms) return NULL;
    labels_task task = {.list = *terms,
                        .batch = get_size(argument[1], "batch"),
                        .classes = get_size(argument[2], "classes"),
                        .scores = get_pointer(argument[3]),
                        .class_weights = get_pointer(argument[6]),
                        .reduction = (int)PyLong_AsLong(argument[7]),
                        .losses = get_pointer(argument[8]),
                        .gradient = get_pointer(argument[9])};
    const int64_t *given = get_pointer(argument[4]), ignored = PyLong_AsLongLong(argument[5]);
    if (PyErr_Occurred()) return NULL;
    int error = smooth_topk_sum_check(task.list.terms, task.list.count, task.classes);
    if (error) return raise_error(error);
    task.size = smooth_topk_sum_workspace_size(task.list.terms, task.list.count, 1, task.classes);
    int *labels = malloc((size_t)task.batch * sizeof *labels + 1);
    float *all = malloc((size_t)task.batch * sizeof *all + 1);
    task.workspace = malloc(task.size);
    task.labels = labels;
    task.all = task.reduction == NO_REDUCTION ? task.losses : all;
    long wrong = -1;
    if (!labels || !all || !task.workspace) {
        error = SMOOTH_TOPK_ERROR_MEMORY;
    } else {
        Py_BEGIN_ALLOW_THREADS
        wrong = convert_labels(given, task.batch, task.classes, ignored, labels);
        if (wrong < 0) error = compute_labels(&task);
        Py_END_ALLOW_THREADS
    }
    free(labels);
    free(all);
    free(task.workspace);
    if (wrong >= 0)
        return PyErr_Format(PyExc_IndexError,
                            "target: label %lld at place %ld is out of range; must be 0 to %d, or ignore_index=%lld",
                            (long long)given[wrong], wrong, task.classes - 1, (long long)ignored);
    if (error) return raise_error(error);
    Py_RETURN_NONE;
}

/* row_loss(terms, class_margins, batch, classes, scores, truth, losses, gradient): rows of truth, float32, as all
   numbers; class_margins may be 0. */
static PyObject *row_loss(PyObject *module, PyObject *const *argument, Py_ssize_t count)
{
    (void)module;
    if (count != 8) return PyErr_Format(PyExc_TypeError, "row_loss takes 8 arguments");
    const term_list *terms = get_terms(argument[0]);
    if (!terms) return NULL;
    smooth_topk_objective objective = {
        .terms = terms->terms, .count = terms->count, .scale = 1, .class_margins = get_pointer(argument[1])};
    int batch = get_size(argument[2], "batch"), classes = get_size(argument[3], "classes");
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

static PyMethodDef methods[] = {{"make_terms", make_terms, METH_O, NULL},
                                {"label_loss", (PyCFunction)(void (*)(void))label_loss, METH_FASTCALL, NULL},
                                {"row_loss", (PyCFunction)(void (*)(void))row_loss, METH_FASTCALL, NULL},
                                {"membership", membership, METH_VARARGS, NULL},
                                {"set_threshold", set_threshold, METH_VARARGS, NULL},
                                {"set_members", set_members, METH_VARARGS, NULL},
                                {NULL, NULL, 0, NULL}};

static struct PyModuleDef module = {
    .m_base = PyModuleDef_HEAD_INIT, .m_name = "_core", .m_size = -1, .m_methods = methods};

__attribute__((visibility("default"))) PyMODINIT_FUNC PyInit__core(void)
{
    return PyModule_Create(&module);
}
