/* Reads and checks the command line of `darknet classifier`. */
#include "arguments.h"

#include "numbers.h"
#include "seed.h"
#include "usage.h"
#include "utils.h"

#include <string.h>

long whole_number(const char *name, const char *text, long least, long most)
{
    long value;
    if (read_whole(text, strlen(text), least, most, &value) == NUMBER_READ) return value;
    fprintf(stderr, "%s %s: must be a whole number from %ld to %ld\n", name, text, least, most);
    exit(1);
}

/* A number of batches, guesses and so on; 0 where the flag is not given. */
static int count_argument(int argc, char **argv, char *name)
{
    char *text = find_char_arg(argc, argv, name, 0);
    return text ? (int)whole_number(name, text, 1, 1000000000) : 0;
}

static unsigned long long seed_argument(int argc, char **argv)
{
    char *text = find_char_arg(argc, argv, "-seed", 0);
    if (!text) return 0;
    return mix_seed(0, (unsigned long long)whole_number("-seed", text, 0, 4294967295L));
}

static tracker_options tracking_arguments(int argc, char **argv)
{
    tracker_options o = {.topk = count_argument(argc, argv, "-topk"),
                         .every = count_argument(argc, argv, "-every"),
                         .progress = find_arg(argc, argv, "-progress"),
                         .log = find_char_arg(argc, argv, "-log", 0),
                         .chart = find_char_arg(argc, argv, "-chart", 0)};
    if (!o.every || o.topk || o.log || o.chart) return o;
    refuse_call("train", "-every %d: needs -topk, -log or -chart", o.every);
}

/* The part of the images whose sets hold the right class. */
static double cover_argument(int argc, char **argv)
{
    double cover = 0.9;
    char *text = find_char_arg(argc, argv, "-cover", 0);
    if (!text || read_real(text, strlen(text), 0.001, 0.9999, &cover) == NUMBER_READ) return cover;
    refuse_call("calibrate", "-cover %s: must be a number from 0.001 to 0.9999", text);
}

static double false_alarms_argument(int argc, char **argv)
{
    double rate = 0.05;
    char *text = find_char_arg(argc, argv, "-false-alarms", 0);
    if (!text || read_real(text, strlen(text), 0, 0.9999, &rate) == NUMBER_READ) return rate;
    refuse_call("oneclass", "-false-alarms %s: must be a number from 0 to 0.9999", text);
}

static set_score score_argument(int argc, char **argv)
{
    char *text = find_char_arg(argc, argv, "-score", 0);
    int score = text ? find_set_score(text) : SET_SCORE_LAC;
    if (score >= 0) return (set_score)score;
    refuse_call("calibrate", "-score %s: must be lac, aps, raps or rank", text);
}

arguments read_arguments(int argc, char **argv)
{
    check_call(argc, argv);
    char *gpus = find_char_arg(argc, argv, "-gpus", 0);
    char *camera = find_char_arg(argc, argv, "-c", 0);
    arguments a = {.command = argv[2],
                   .camera = camera ? (int)whole_number("-c", camera, 0, 1000) : 0,
                   .top = count_argument(argc, argv, "-t"),
                   .list = find_char_arg(argc, argv, "-list", 0),
                   .json = find_arg(argc, argv, "-json")};
    a.train.gpus = read_intlist(gpus, &a.train.gpu_count, gpu_index);
#ifndef GPU
    if (a.train.gpu_count > 1) {
        fprintf(stderr, "-gpus %s: this program is built for the CPU; make GPU=1\n", gpus);
        exit(1);
    }
#endif
    a.train.clear = find_arg(argc, argv, "-clear");
    a.train.tracking = tracking_arguments(argc, argv);
    a.train.seed = seed_argument(argc, argv);
    a.csv = find_arg(argc, argv, "-csv");
    if (a.csv && a.json) refuse_call("predict", "-csv and -json: one of the two");
    a.letterbox = find_arg(argc, argv, "-letterbox");
    a.sets = find_char_arg(argc, argv, "-sets", 0);
    a.report = find_char_arg(argc, argv, "-report", 0);
    a.verbose = find_arg(argc, argv, "-verbose");
    a.cover = cover_argument(argc, argv);
    a.score = score_argument(argc, argv);
    a.false_alarms = false_alarms_argument(argc, argv);
    a.each_class = find_arg(argc, argv, "-each-class");
    char **rest = argv + 3, *places[5] = {0};
    for (int i = 0; i < 5 && 3 + i < argc && rest[i]; ++i) places[i] = rest[i];
    a.train.data = places[0];
    a.train.cfg = places[1];
    a.train.weights = places[2];
    a.image = places[3];
    a.layer = places[4];
    return a;
}
