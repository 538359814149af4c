/* The loss on the GPU as a module of Python: device addresses in, numbers written there, on the
   stream that is given. */
#include "core.h"

#include "smooth_topk_gpu.h"

/* workspace_size(terms, batch, classes) -> bytes of device memory for label_loss. */
static PyObject *workspace_size(PyObject *module, PyObject *const *argument, Py_ssize_t count)
{
    (void)module;
    if (count != 3) return PyErr_Format(PyExc_TypeError, "workspace_size takes 3 arguments");
    const term_list *list = get_terms(argument[0]);
    if (!list) return NULL;
    int batch = get_size(argument[1], "batch"), classes = get_size(argument[2], "classes");
    if (PyErr_Occurred()) return NULL;
    int error = smooth_topk_sum_check(list->terms, list->count, classes);
    if (error) return raise_error(error);
    return PyLong_FromSize_t(smooth_topk_sum_gpu_workspace_size(list->terms, list->count, batch, classes));
}

/* label_loss(terms, batch, classes, scores, labels, losses, gradient, workspace, workspace_size, stream): int32 labels,
   -1 for ignored ones; gradient may be 0. Waits for nothing; a label that is out of range makes its loss NaN. */
static PyObject *label_loss(PyObject *module, PyObject *const *argument, Py_ssize_t count)
{
    (void)module;
    if (count != 10) return PyErr_Format(PyExc_TypeError, "label_loss takes 10 arguments");
    const term_list *list = get_terms(argument[0]);
    if (!list) return NULL;
    int batch = get_size(argument[1], "batch"), classes = get_size(argument[2], "classes");
    const float *scores = get_pointer(argument[3]);
    const int *labels = get_pointer(argument[4]);
    float *losses = get_pointer(argument[5]), *gradient = get_pointer(argument[6]);
    void *workspace = get_pointer(argument[7]), *stream = get_pointer(argument[9]);
    size_t size = PyLong_AsSize_t(argument[8]);
    if (PyErr_Occurred()) return NULL;
    int error = smooth_topk_sum_gpu_workspace(list->terms, list->count, batch, classes, scores, labels, losses,
                                              gradient, workspace, size, stream);
    if (error) return raise_error(error);
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"workspace_size", (PyCFunction)(void (*)(void))workspace_size, METH_FASTCALL, NULL},
    {"label_loss", (PyCFunction)(void (*)(void))label_loss, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL}};

static struct PyModuleDef module = {
    .m_base = PyModuleDef_HEAD_INIT, .m_name = "_cuda", .m_size = -1, .m_methods = methods};

__attribute__((visibility("default"))) PyMODINIT_FUNC PyInit__cuda(void)
{
    return PyModule_Create(&module);
}
