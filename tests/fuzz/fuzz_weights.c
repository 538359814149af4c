/* Fuzzes the reading of a weights file into a network that has every kind of layer with weights.

   A file is loaded or refused: exit code 1 and a message. */
#include "calls.h"
#include "fuzz.h"

#include <string.h>

#include "network.h"
#include "parser.h"
#include "weights_file.h"

const char *const fuzz_words[] = {"\xff\xff\x7f\x7f",
                                  "\x01\x01\x80\x7f",
                                  "\x01\x01\xc0\xff",
                                  "\xff\xff\xff\x7f",
                                  "\xff\xff\xff\xff\xff\xff\xff\x7f",
                                  "\x01\x01\x01\x01\x02\x02\x02\x02\x05\x05\x05\x05",
                                  "\xe8\x03\x01\x01",
                                  "\x40\x40",
                                  NULL};

static const char cfg[] =
    "[net]\nbatch=1\nheight=4\nwidth=4\nchannels=2\n"
    "[convolutional]\nbatch_normalize=1\nfilters=4\nsize=3\npad=1\nnumload=3\n"
    "[deconvolutional]\nfilters=2\nsize=2\nstride=2\n[batchnorm]\n"
    "[crnn]\nbatch_normalize=1\noutput_filters=2\nhidden_filters=2\n"
    "[local]\nfilters=2\nsize=1\nstride=3\n"
    "[connected]\nbatch_normalize=1\noutput=4\n[rnn]\noutput=4\n"
    "[lstm]\nbatch_normalize=1\noutput=3\n[gru]\noutput=3\n"
    "[connected]\noutput=3\n[softmax]\n";

static long loaded, refused;
static network *net;

const char *fuzz_outcomes(void)
{
    static char line[100];
    snprintf(line, sizeof line, "%ld loaded, %ld refused", loaded, refused);
    return line;
}

static void build_network(void)
{
    char name[] = "/tmp/fuzz_weights_XXXXXX";
    FILE *file = fdopen(mkstemp(name), "w");
    fputs(cfg, file);
    fclose(file);
    FILE *silent = fopen("/dev/null", "w"), *loud = stderr;
    stderr = silent;
    net = parse_network_cfg(name);
    stderr = loud;
    fclose(silent);
    remove(name);
}

static void load(void)
{
    load_weights(net, "input");
    (void)get_current_batch(net);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!net) build_network();
    *net->seen = 0;
    int how = watch(load, data, size);
    loaded += how == RETURNED;
    refused += how == EXITED;
    return 0;
}
