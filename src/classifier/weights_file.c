/* Weights files: what is checked when they are saved and loaded. */
#define _GNU_SOURCE /* fileno */
#include "weights_file.h"

#include "allocate.h"
#include "file_replacement.h"
#include "layer_weights.h"
#include "network.h"
#include "weights_layout.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int last_result = WEIGHTS_SAVED;
static int whole_files_only, begins_afresh;
static loading_plan plan; /* of the file that is being loaded */
static int transposed_file;
static char **fault_wanted; /* where try_load_weights wants the fault that else ends the program */

int last_save(void)
{
    return last_result;
}

void refuse_partial_weights(void)
{
    whole_files_only = 1;
}

/* The first layer before `cutoff` whose saved numbers are not all finite, -1 if there is none. */
static int find_not_finite(const network *net, int start, int cutoff, int saved)
{
    for (int i = start; i < net->n && i < cutoff; ++i) {
        layer l = net->layers[i];
        if (saved && l.dontsave) continue;
        l.dontloadscales = l.numload = 0;
        if (!has_finite_weights(l)) return i;
    }
    return -1;
}

/* Says why the weights were not saved: the layer where that was met, -1 for none, and the call that
   failed, NULL for none. */
static void tell_failed_save(const network *net, const char *filename, const char *call,
                             const char *why, int layer, int old_stays)
{
    fprintf(stderr, "Couldn't save weights to %s: %s", filename, why);
    if (layer >= 0)
        fprintf(stderr, " (at layer %d, %s)", layer, get_layer_string(net->layers[layer].type));
    if (call) fprintf(stderr, " while %s", call);
    fprintf(stderr, old_stays ? "; the file is as it was before\n" : "\n");
}

int replace_weights(network *net, char *filename, int cutoff)
{
    file_replacement r;
    struct stat old;
#ifdef GPU
    if (net->gpu_index >= 0) cuda_set_device(net->gpu_index);
#endif
    fprintf(stderr, "Saving weights to %s\n", filename);
    const char *call = "opening the file", *why = NULL;
    int layer = -1, old_stays = !stat(filename, &old) && S_ISREG(old.st_mode);
    last_result = WEIGHTS_NOT_WRITTEN;
    int error = begin_replacement(&r, filename);
    if (error) goto failed;
    old_stays = r.exists && r.temporary;
    call = "writing it";
    errno = 0;
    layer = write_weights(net, r.file, cutoff);
    if (layer >= 0) error = errno ? errno : EIO;
    if (error) {
        end_replacement(&r, 0);
        goto failed;
    }
    layer = find_not_finite(net, 0, cutoff, 1);
    call = "closing and renaming it";
    error = end_replacement(&r, layer < 0);
    if (error) goto failed;
    if (layer < 0) return last_result = WEIGHTS_SAVED;
    last_result = WEIGHTS_NOT_FINITE;
    call = NULL;
    why = "they are not finite";

failed:
    tell_failed_save(net, filename, call, why ? why : strerror(error), layer, old_stays);
    return last_result;
}

void save_weights_upto(network *net, char *filename, int cutoff)
{
    replace_weights(net, filename, cutoff);
}

/* The first number of a header is a version or, in the oldest files, a learning rate: a float
   between 1e-12 and 1000, as the two after it. */
static int is_header(const int version[3])
{
    const int least = 0x2b8cbccc, most = 0x447a0000;
    int major = version[0], minor = version[1];
    return (major >= 0 && major < 1000 && minor >= 0 && minor < 1000) ||
           (major > least && major < most && (minor == 0 || (minor > least && minor < most)));
}

/* Reads a header and returns NULL, or what is wrong with it. */
static char *read_header(const char *filename, FILE *file, int *transposed, size_t *seen)
{
    int version[3], small;
    size_t got = fread(version, sizeof(int), 3, file);
    if (ferror(file)) /* a directory */
        return print_text("%s cannot be read: %s", filename, strerror(errno));
    if (got == 3 && !is_header(version)) {
        return print_text("%s is not a weights file: it begins with the numbers %d, %d, %d",
                          filename, version[0], version[1], version[2]);
    }
    *transposed = got == 3 && version[0] >= 1000;
    if (got == 3 && version[0] < 1000 && version[0] * 10 + version[1] >= 2) {
        got += fread(seen, sizeof(size_t), 1, file);
    } else if (got == 3) {
        got += fread(&small, sizeof(int), 1, file);
        *seen = got == 4 && small > 0 ? (size_t)small : 0;
    }
    return got == 4 ? NULL
                    : print_text("%s is not a weights file: it ends within its header", filename);
}

static void refuse(const char *fault)
{
    fprintf(stderr, "\n%s\n", fault);
    exit(1);
}

int read_weights_header(network *net, char *filename, FILE *file)
{
    int transposed = 0;
    char *fault = read_header(filename, file, &transposed, net->seen);
    if (fault) refuse(fault);
    return transposed_file = transposed;
}

size_t seen_by_weights(const char *filename)
{
    size_t seen = 0;
    int transposed;
    FILE *file = fopen(filename, "rb");
    if (!file) return 0;
    char *fault = read_header(filename, file, &transposed, &seen);
    if (fault) seen = 0;
    free(fault);
    fclose(file);
    return seen;
}

/* NULL, or what is wrong with a file of such a size. A part, which ends between two layers, is
   wrong where only whole files are right. */
static char *size_fault(const char *filename, size_t header, size_t size, const loading_plan *p,
                        const network *net, int whole_only)
{
    const char *advice = !p->heeded && has_loading_options(net)
                             ? "; the layers' dontload=, numload= and dontloadscales= are for "
                               "classifier train with -clear"
                             : "";
    if (is_whole_file(p, size) && p->unsaved >= 0 && whole_only)
        return print_text("%s lacks layer %d (%s), which has dontsave=1", filename, p->unsaved,
                          get_layer_string(net->layers[p->unsaved].type));
    if (is_whole_file(p, size)) return NULL;
    if (size > p->need)
        return print_text("%s has %zu bytes, the network needs %zu: %zu are left over, the weights "
                          "are another network's%s",
                          filename, size, p->need, size - p->need, advice);
    int part = is_part(p, header, size);
    if (part && !whole_only) return NULL;
    return print_text("%s has %zu bytes, the network needs %zu: it ends %s layer %d (%s); %s%s",
                      filename, size, p->need, size == p->whole ? "before" : "within", p->missing,
                      get_layer_string(net->layers[p->missing].type),
                      part ? "only training can start from a part"
                           : "it is cut short or another network's",
                      advice);
}

void heed_loading_options(void)
{
    begins_afresh = 1;
}

int check_weights_size(network *net, char *filename, FILE *file, int start, int cutoff)
{
    struct stat s;
    int heeded = !whole_files_only && !fault_wanted && (begins_afresh || !*net->seen);
    int has_size = !fstat(fileno(file), &s) && S_ISREG(s.st_mode); /* a pipe has none */
    size_t header = has_size ? (size_t)ftell(file) : 0;
    size_t size = has_size ? (size_t)s.st_size : (size_t)-1;
    plan = plan_loading(net, header, size, start, cutoff, heeded);
    char *fault =
        has_size ? size_fault(filename, header, size, &plan, net, whole_files_only) : NULL;
    if (fault) refuse(fault);
    int part = size < plan.least;
    char *beginning =
        part
            ? print_text("\n%s has %zu bytes, the network needs %zu: it ends before layer %d (%s);",
                         filename, size, plan.need, plan.missing,
                         get_layer_string(net->layers[plan.missing].type))
            : print_text("\n%s:", filename);
    tell_initial_layers(&plan, net, beginning, start, cutoff);
    free(beginning);
    return part ? plan.missing : cutoff;
}

int begin_layer_weights(int i, layer *l, FILE *file)
{
    return begin_loading_layer(&plan, i, l, file, transposed_file);
}

void check_loaded_weights(network *net, char *filename, FILE *file, int start, int cutoff)
{
    char *fault;
    int failed = feof(file) || ferror(file);
    int layer = failed ? -1 : find_not_finite(net, start, cutoff, 0);
    if (!failed && layer < 0) return;
    if (failed)
        fault = print_text("Couldn't read all of %s: %s", filename,
                           feof(file) ? "it ends too early" : strerror(errno));
    else
        fault = print_text("%s: the weights of layer %d (%s) are not finite", filename, layer,
                           get_layer_string(net->layers[layer].type));
    if (!fault_wanted) refuse(fault);
    *fault_wanted = fault;
}

char *find_weights_fault(const network *net, const char *filename)
{
    struct stat s;
    size_t seen;
    int transposed;
    char *fault = NULL;
    FILE *file = fopen(filename, "rb");
    if (!file || fstat(fileno(file), &s)) {
        fault = print_text("%s: %s", filename, strerror(errno));
    } else {
        fault = read_header(filename, file, &transposed, &seen);
    }
    if (file && !fault) {
        size_t header = (size_t)ftell(file), size = (size_t)s.st_size;
        loading_plan p = plan_loading(net, header, size, 0, net->n, 0);
        fault = size_fault(filename, header, size, &p, net, 1);
    }
    if (file) fclose(file);
    return fault;
}

char *try_load_weights(network *net, char *filename)
{
    char *fault = find_weights_fault(net, filename);
    if (fault) return fault;
    fault_wanted = &fault;
    load_weights(net, filename);
    fault_wanted = NULL;
    return fault;
}
