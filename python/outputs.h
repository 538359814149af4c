/* What is made of a network's outputs, for Python: membership probabilities and prediction sets. */
#ifndef OUTPUTS_H
#define OUTPUTS_H

#include "core.h"

/* membership(k, temperature, rows, classes, scores, output): addresses of float32 numbers. */
PyObject *membership(PyObject *module, PyObject *arguments);

/* set_threshold(score, cover, images, classes, probabilities, labels) -> the threshold. */
PyObject *set_threshold(PyObject *module, PyObject *arguments);

/* set_members(score, threshold, images, classes, probabilities, members): members, a byte a class, 1 for those in. */
PyObject *set_members(PyObject *module, PyObject *arguments);

#endif
