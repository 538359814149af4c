/* Membership probabilities and prediction sets, computed by the core for Python. */
#include "outputs.h"

#include "prediction_sets.h"
#include "smooth_topk_membership.h"

#include <stdint.h>
#include <stdlib.h>

PyObject *membership(PyObject *module, PyObject *arguments)
{
    (void)module;
    int k, rows, classes;
    float temperature;
    PyObject *source, *target;
    if (!PyArg_ParseTuple(arguments, "ifiiOO", &k, &temperature, &rows, &classes, &source, &target)) return NULL;
    const float *scores = get_pointer(source);
    float *output = get_pointer(target);
    if (PyErr_Occurred()) return NULL;
    void *workspace = malloc(smooth_topk_membership_workspace_size(classes, k));
    if (!workspace) return PyErr_NoMemory();
    Py_BEGIN_ALLOW_THREADS
    smooth_topk_membership_cpu(rows, classes, k, temperature, scores, output, workspace);
    Py_END_ALLOW_THREADS
    free(workspace);
    Py_RETURN_NONE;
}

/* Scratch of a row's scores, and of the scores of the images' own classes. */
typedef struct {
    double *own, *scores;
    int *order;
} set_scratch;

static int allocate_scratch(set_scratch *scratch, size_t images, size_t classes)
{
    scratch->own = malloc(images * sizeof(double) + 1);
    scratch->scores = malloc(classes * sizeof(double) + 1);
    scratch->order = malloc(classes * sizeof(int) + 1);
    return scratch->own && scratch->scores && scratch->order;
}

static void free_scratch(set_scratch *scratch)
{
    free(scratch->own);
    free(scratch->scores);
    free(scratch->order);
}

static PyObject *refuse_probabilities(const char *name, int image)
{
    return PyErr_Format(PyExc_ValueError, "%s: row %d must be finite, >= 0 and not all 0", name, image);
}

static PyObject *find_threshold(set_score score, double cover, int images, int classes, const float *probabilities,
                                const int64_t *labels)
{
    set_scratch scratch;
    if (!allocate_scratch(&scratch, (size_t)images, (size_t)classes)) {
        free_scratch(&scratch);
        return PyErr_NoMemory();
    }
    double threshold = 0;
    int bad = -1;
    Py_BEGIN_ALLOW_THREADS
    for (int i = 0; bad < 0 && i < images; ++i) {
        const float *row = probabilities + (size_t)i * (size_t)classes;
        if (!score_classes(score, classes, row, scratch.scores, scratch.order)) bad = i;
        scratch.own[i] = scratch.scores[labels[i]];
    }
    if (bad < 0) threshold = conformal_threshold(scratch.own, images, cover);
    Py_END_ALLOW_THREADS
    free_scratch(&scratch);
    return bad < 0 ? PyFloat_FromDouble(threshold) : refuse_probabilities("calibration_probabilities", bad);
}

PyObject *set_threshold(PyObject *module, PyObject *arguments)
{
    (void)module;
    const char *name;
    double cover;
    int images, classes;
    PyObject *probabilities, *labels;
    if (!PyArg_ParseTuple(arguments, "sdiiOO", &name, &cover, &images, &classes, &probabilities, &labels)) return NULL;
    int score = find_set_score(name);
    if (score < 0) return PyErr_Format(PyExc_ValueError, "score='%s': must be lac, aps, raps or rank", name);
    if (images < images_for_cover(cover))
        return PyErr_Format(PyExc_ValueError, "calibration_labels: %d images are too few; this cover needs %ld", images,
                            images_for_cover(cover));
    const float *numbers = get_pointer(probabilities);
    const int64_t *classes_of_images = get_pointer(labels);
    if (PyErr_Occurred()) return NULL;
    return find_threshold((set_score)score, cover, images, classes, numbers, classes_of_images);
}

PyObject *set_members(PyObject *module, PyObject *arguments)
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
    set_scratch scratch;
    if (PyErr_Occurred()) return NULL;
    if (!allocate_scratch(&scratch, 0, classes)) {
        free_scratch(&scratch);
        return PyErr_NoMemory();
    }
    sets.score = (set_score)find_set_score(name);
    int bad = -1;
    Py_BEGIN_ALLOW_THREADS
    for (int i = 0; bad < 0 && i < sets.images; ++i) {
        int size = find_set(&sets, probabilities + (size_t)i * classes, scratch.scores, scratch.order);
        if (size < 0) bad = i;
        for (int j = 0; j < size; ++j) in[(size_t)i * classes + (size_t)scratch.order[j]] = 1;
    }
    Py_END_ALLOW_THREADS
    free_scratch(&scratch);
    if (bad >= 0) return refuse_probabilities("probabilities", bad);
    Py_RETURN_NONE;
}
