/* What the modules of the CPU and of CUDA share: the terms of a loss, and the errors of the core as exceptions. */
#ifndef CORE_H
#define CORE_H

#include <Python.h>

#include "smooth_topk.h"

#include <limits.h>

#define TERMS "smooth_topk.terms"
enum { MOST_TERMS = 64 };

typedef struct {
    int count;
    smooth_topk_term terms[MOST_TERMS];
} term_list;

/* The terms of a capsule; NULL with an exception. */
static inline term_list *get_terms(PyObject *capsule)
{
    return PyCapsule_GetPointer(capsule, TERMS);
}

/* The address that a whole number is; NULL for 0. */
static inline void *get_pointer(PyObject *number)
{
    return PyLong_AsVoidPtr(number);
}

/* A number of rows or classes; 0 with an exception that names it if it is no int. */
static inline int get_size(PyObject *number, const char *name)
{
    long size = PyLong_AsLong(number);
    if (size >= 0 && size <= INT_MAX) return (int)size;
    if (!PyErr_Occurred()) PyErr_Format(PyExc_ValueError, "%s=%ld: must be from 0 to %d", name, size, INT_MAX);
    return 0;
}

/* NULL, with the core's error as a ValueError (MemoryError, RuntimeError). */
static inline PyObject *raise_error(int error)
{
    PyObject *type = error == SMOOTH_TOPK_ERROR_MEMORY ? PyExc_MemoryError
                     : error == SMOOTH_TOPK_ERROR_CUDA ? PyExc_RuntimeError
                                                       : PyExc_ValueError;
    PyErr_SetString(type, smooth_topk_strerror(error));
    return NULL;
}

#endif
