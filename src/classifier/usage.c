/* The usage of every command, --help and --version, and the message that refuses a wrong call. */
#include "usage.h"

#include "smooth_topk.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* The commit that tools/get_darknet.sh gets. */
#define DARKNET_COMMIT "61c9d02ec461e30d55762ec7669d6a1d3c356fb2"

#ifndef SMOOTH_TOPK_VERSION
#define SMOOTH_TOPK_VERSION "1.1.0"
#endif

typedef struct {
    const char *command, *arguments, *purpose;
    const char *flags; /* lines that end, NULL for none */
} command_usage;

#define REPORT_FLAGS                                                                            \
    "  -report FILE     figures of every class, as CSV or, where FILE ends in .json, as JSON\n" \
    "                   with the confusion matrix\n"                                            \
    "  -verbose         two lines an image\n"

static const command_usage usages[] = {
    {"train", "DATA CFG [WEIGHTS]", "trains; goes on from WEIGHTS, if given",
     "  -topk K          validate, and keep the best weights by top-K as NAME_best.weights\n"
     "  -every N         validate or log after every N batches, not after every epoch\n"
     "  -progress        one line with the time left, in place of two lines a batch\n"
     "  -log FILE        a CSV file with a row a validation; a resumed run goes on with it\n"
     "  -chart FILE.svg  a chart of the log, drawn again after every validation\n"
     "  -seed N          a run on the CPU with the same seed gives the same weights\n"
     "  -clear           start at batch 0 with the WEIGHTS of another run\n"
     "  -gpus 0,1        train on these GPUs (a build with GPU=1)\n"},
    {"valid", "DATA CFG WEIGHTS", "top-1 and top-k accuracy on the list valid=",
     REPORT_FLAGS
     "  -sets FILE.sets  how often prediction sets hold the right class, and how large they are\n"},
    {"calibrate", "DATA CFG WEIGHTS", "makes prediction sets: WEIGHTS with the ending .sets",
     "  -cover C         the part of the images whose sets hold the right class (0.9)\n"
     "  -score SCORE     how badly a class fits an image: lac (default), aps, raps or rank\n"
     "  -each-class      the same for each class that has enough images\n"},
    {"predict", "DATA CFG WEIGHTS [IMAGE]", "the best guesses for an image, or for each name typed",
     "  -t K             show K guesses, not the number top= of DATA\n"
     "  -list FILE       the images of a list, - for stdin, a line each as -csv or -json have it\n"
     "  -csv             PATH,FAULT,CLASS,PROBABILITY,CLASS,PROBABILITY,...\n"
     "  -json            an object a line: path, and guesses, set or error\n"
     "  -sets FILE.sets  the classes of prediction sets, as many as it takes\n"
     "  -letterbox       show the network all of the image, as upstream does, not the center as\n"
     "                   valid does\n"},
    {"versus", "DATA CFG WEIGHTS CFG2 WEIGHTS2", "compares two networks on the list valid=",
     "  -list FILE       the images on which they disagree\n"
     "  -json            the result as JSON\n"},
    {"oneclass", "DATA CFG WEIGHTS", "tells the class of images without a label from all others",
     "  -false-alarms R  the threshold for so many other images taken for the class (0.05)\n"
     "  -list FILE       a CSV file with the score of every image of test=\n"},
    {"valid10", "DATA CFG WEIGHTS", "accuracy, mean of ten crops of each image", REPORT_FLAGS},
    {"validcrop", "DATA CFG WEIGHTS", "accuracy on center crops by upstream's loader",
     REPORT_FLAGS},
    {"validfull", "DATA CFG WEIGHTS", "accuracy on whole images, the network resized to each",
     REPORT_FLAGS},
    {"validmulti", "DATA CFG WEIGHTS", "accuracy, mean of several sizes of each image",
     REPORT_FLAGS},
    {"test", "DATA CFG WEIGHTS", "the scores of the images of test=", NULL},
    {"csv", "DATA CFG WEIGHTS", "the scores of the images of test=, as CSV", NULL},
    {"label", "DATA CFG WEIGHTS", "writes the scores of images into files", NULL},
    {"fout", "DATA CFG WEIGHTS LIST", "writes the output of the network for each image of LIST",
     NULL},
    {"try", "DATA CFG WEIGHTS IMAGE LAYER", "shows the output of a layer for an image", NULL},
    {"demo", "DATA CFG WEIGHTS [VIDEO]", "guesses on a camera or video (a build with OPENCV=1)",
     "  -c N             the number of the camera\n"},
    {"gun", "DATA CFG WEIGHTS [VIDEO]", "upstream's demonstration (a build with OPENCV=1)",
     "  -c N             the number of the camera\n"},
    {"threat", "DATA CFG WEIGHTS [VIDEO]", "upstream's demonstration (a build with OPENCV=1)",
     "  -c N             the number of the camera\n"},
};

static const command_usage *find_usage(const char *command)
{
    for (size_t i = 0; command && i < sizeof usages / sizeof *usages; ++i)
        if (strcmp(usages[i].command, command) == 0) return usages + i;
    return NULL;
}

void print_usage(FILE *file, const char *command)
{
    const command_usage *usage = find_usage(command);
    if (usage) {
        fprintf(file, "usage: darknet classifier %s %s%s\n%s\n%s", usage->command, usage->arguments,
                usage->flags ? " [FLAGS]" : "", usage->purpose, usage->flags ? usage->flags : "");
        return;
    }
    fprintf(file, "usage: darknet classifier COMMAND DATA CFG [WEIGHTS] [FLAGS]\n");
    for (size_t i = 0; i < sizeof usages / sizeof *usages; ++i)
        fprintf(file, "  %-10s  %s\n", usages[i].command, usages[i].purpose);
    fprintf(file, "darknet classifier COMMAND --help: the arguments and flags of a command\n");
}

void refuse_call(const char *command, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "\n");
    print_usage(stderr, command);
    exit(1);
}

/* Whether a line of the command's flags begins with this one; *has_value tells if a value follows.
 */
static int has_flag(const command_usage *usage, const char *flag, int *has_value)
{
    size_t length = strlen(flag);
    for (const char *line = usage->flags; line && *line; line = strchr(line, '\n') + 1) {
        if (strncmp(line + 2, flag, length) != 0 || line[2 + length] != ' ') continue;
        *has_value = line[3 + length] != ' ';
        return 1;
    }
    return 0;
}

static void refuse_flag(const char *command, const char *flag)
{
    int unused;
    for (size_t i = 0; i < sizeof usages / sizeof *usages; ++i)
        if (has_flag(usages + i, flag, &unused))
            refuse_call(command, "classifier %s: %s: no such option; classifier %s has it", command,
                        flag, usages[i].command);
    refuse_call(command, "classifier %s: %s: no such option", command, flag);
}

/* The words that are neither flags nor their values, beside those that the usage asks for. */
static void check_words(const command_usage *usage, char **words, int count)
{
    int i = 0;
    for (const char *name = usage->arguments; *name; ++i) {
        size_t length = strcspn(name, " ");
        if (*name != '[' && (i >= count || !*words[i]))
            refuse_call(usage->command, "classifier %s: %.*s is %s", usage->command, (int)length,
                        name, i < count ? "empty" : "missing");
        name += length + strspn(name + length, " ");
    }
    if (count > i)
        refuse_call(usage->command, "classifier %s: %s: one argument too many", usage->command,
                    words[i]);
}

/* Of a flag that is there twice one value would count, in silence. */
static void note_flag(const char *command, const char **flags, int *count, const char *flag)
{
    for (int i = 0; i < *count; ++i)
        if (strcmp(flags[i], flag) == 0)
            refuse_call(command, "classifier %s: %s: is given twice", command, flag);
    flags[(*count)++] = flag;
}

void check_call(int argc, char **argv)
{
    const char *flags[16]; /* no command has so many */
    char *words[8], *command = argc > 2 ? argv[2] : NULL;
    int count = 0, flag_count = 0, has_value;
    const command_usage *usage = find_usage(command);
    if (!command) refuse_call(NULL, "darknet classifier: which command?");
    if (!usage) refuse_call(NULL, "classifier %s: no such command", command);
    for (int i = 3; i < argc && argv[i]; ++i) {
        if (argv[i][0] != '-') {
            if (count < 8) words[count++] = argv[i];
            continue;
        }
        if (!has_flag(usage, argv[i], &has_value)) refuse_flag(command, argv[i]);
        note_flag(command, flags, &flag_count, argv[i]);
        if (!has_value) continue;
        if (++i >= argc || !argv[i])
            refuse_call(command, "classifier %s: %s: its value is missing", command, argv[i - 1]);
    }
    check_words(usage, words, count);
}

static int is_any(const char *text, const char *a, const char *b, const char *c)
{
    return strcmp(text, a) == 0 || strcmp(text, b) == 0 || strcmp(text, c) == 0;
}

static void print_functions(FILE *file)
{
    fprintf(file, "usage: darknet classifier COMMAND ...   (darknet classifier --help lists them)\n"
                  "       darknet --version\n"
                  "The other functions are upstream's: detector, yolo, rnn, average, ...\n");
}

void answer_help(int argc, char **argv)
{
    if (argc < 2) {
        print_functions(stderr);
        exit(1);
    }
    int is_classifier = strcmp(argv[1], "classifier") == 0;
    if (strcmp(argv[1], "--version") == 0) {
        printf("smooth_topk for Darknet %s\nDarknet at commit %s\n", SMOOTH_TOPK_VERSION,
               DARKNET_COMMIT);
        exit(0);
    }
    if (is_any(argv[1], "--help", "-h", "help")) {
        print_functions(stdout);
        exit(0);
    }
    for (int i = 2; is_classifier && i < argc; ++i) {
        if (!is_any(argv[i], "--help", "-h", i == 2 ? "help" : "--help")) continue;
        print_usage(stdout, i > 2 ? argv[2] : argv[3]);
        exit(0);
    }
}
