/* Weights files: what is checked when they are saved and loaded. */
#define _GNU_SOURCE /* fileno */
#include "weights_file.h"

#include "allocate.h"
#include "file_replacement.h"
#include "layer_weights.h"
#include "network.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int last_result = WEIGHTS_SAVED;
static int whole_files_only;
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
        if (saved) { /* options of loading, and those of saving */
            if (l.dontsave) continue;
            l.dontload = l.dontloadscales = l.numload = 0;
        }
        if (!has_finite_weights(l)) return i;
    }
    return -1;
}

int replace_weights(network *net, char *filename, int cutoff)
{
    file_replacement r;
#ifdef GPU
    if (net->gpu_index >= 0) cuda_set_device(net->gpu_index);
#endif
    fprintf(stderr, "Saving weights to %s\n", filename);
    int layer = -1, infinite = -1;
    int error = begin_replacement(&r, filename);
    int old_stays = !error && r.exists && r.temporary;
    if (!error) {
        errno = 0;
        layer = write_weights(net, r.file, cutoff);
        int cause = layer >= 0 ? (errno ? errno : EIO) : 0;
        if (!cause) infinite = find_not_finite(net, 0, cutoff, 1);
        error = end_replacement(&r, !cause && infinite < 0);
        if (cause) error = cause;
    } else {
        struct stat old;
        old_stays = !stat(filename, &old) && S_ISREG(old.st_mode);
    }
    if (infinite >= 0) layer = infinite;
    last_result = error ? WEIGHTS_NOT_WRITTEN : infinite >= 0 ? WEIGHTS_NOT_FINITE : WEIGHTS_SAVED;
    if (last_result == WEIGHTS_SAVED) return last_result;
    fprintf(stderr, "Couldn't save weights to %s: %s", filename,
            error ? strerror(error) : "they are not finite");
    if (layer >= 0)
        fprintf(stderr, " (at layer %d, %s)", layer, get_layer_string(net->layers[layer].type));
    fprintf(stderr, old_stays ? "; the file is as it was before\n" : "\n");
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
    return transposed;
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

/* What a file of `size` bytes has for the layers from start to cutoff. */
typedef struct {
    size_t need;  /* bytes of header and layers */
    size_t whole; /* bytes of header and of those layers that are in the file whole */
    int missing;  /* the first layer that is not, -1 if all are */
    int more;     /* the file may hold layers that are not wanted */
} size_comparison;

static size_comparison compare_size(const network *net, size_t header, size_t size, int start,
                                    int cutoff)
{
    size_comparison c = {header, header, -1, start > 0 || cutoff < net->n};
    for (int i = start; i < net->n && i < cutoff; ++i) {
        size_t bytes = count_weights(net->layers[i]) * sizeof(float);
        if (c.missing < 0 && c.need + bytes > size) c.missing = i;
        if (c.missing < 0) c.whole += bytes;
        c.need += bytes;
        if (net->layers[i].dontload) c.more = 1;
    }
    return c;
}

/* NULL, or what is wrong with a file of such a size. A part, which ends between two layers, is
   wrong where only whole files are right. */
static char *size_fault(const char *filename, size_t header, size_t size, const size_comparison *c,
                        const network *net, int whole_only)
{
    if (size == c->need || (size > c->need && c->more)) return NULL;
    if (size > c->need)
        return print_text("%s has %zu bytes, the network needs %zu: %zu are left over, the weights "
                          "are another network's",
                          filename, size, c->need, size - c->need);
    int part = size == c->whole && c->whole != header;
    if (part && !whole_only) return NULL;
    return print_text("%s has %zu bytes, the network needs %zu: it ends %s layer %d (%s); %s",
                      filename, size, c->need, size == c->whole ? "before" : "within", c->missing,
                      get_layer_string(net->layers[c->missing].type),
                      part ? "only training can start from a part"
                           : "it is cut short or another network's");
}

int check_weights_size(network *net, char *filename, FILE *file, int start, int cutoff)
{
    struct stat s;
    if (fstat(fileno(file), &s) || !S_ISREG(s.st_mode)) return cutoff; /* a pipe has no size */
    size_t size = (size_t)s.st_size, header = (size_t)ftell(file);
    size_comparison c = compare_size(net, header, size, start, cutoff);
    char *fault = size_fault(filename, header, size, &c, net, whole_files_only);
    if (fault) refuse(fault);
    if (size >= c.need) return cutoff;
    fprintf(stderr,
            "\n%s has %zu bytes, the network needs %zu: it ends before layer %d (%s); these layers "
            "keep their initial values:",
            filename, size, c.need, c.missing, get_layer_string(net->layers[c.missing].type));
    for (int i = c.missing; i < net->n && i < cutoff; ++i)
        if (count_weights(net->layers[i]))
            fprintf(stderr, " %d (%s)", i, get_layer_string(net->layers[i].type));
    fprintf(stderr, "\n");
    return c.missing;
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
        size_comparison c = compare_size(net, header, size, 0, net->n);
        fault = size_fault(filename, header, size, &c, net, 1);
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
