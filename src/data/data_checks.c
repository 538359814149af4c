/* Checks of a classifier's data against its network. */
#include "data_checks.h"

#include "numbers.h"
#include "option_list.h"

#include <limits.h>
#include <string.h>

list *get_lines(char *filename, int least, const char *what)
{
    list *lines = get_paths(filename);
    if (lines->size >= least) return lines;
    fprintf(stderr, "%s has %d %s, at least %d needed\n", filename, lines->size, what, least);
    exit(1);
}

char **get_class_labels(char *filename, int classes)
{
    list *lines = get_lines(filename, classes, "labels");
    char **labels = (char **)list_to_array(lines);
    free_list(lines);
    return labels;
}

void check_classes(const network *net, int classes, int exact, const char *datacfg,
                   const char *cfgfile)
{
    int fits = net->hierarchy && !exact ? classes >= 1 && classes <= net->outputs
                                        : classes == net->outputs;
    if (fits) return;
    fprintf(stderr, "classes=%d in %s, but the network of %s has %d outputs\n", classes, datacfg,
            cfgfile, net->outputs);
    exit(1);
}

void check_image_network(const network *net, const char *cfgfile)
{
    if ((net->c == 1 || net->c == 3) && net->w > 0 && net->h > 0) return;
    if (net->c != 1 && net->c != 3)
        fprintf(stderr,
                "%s: [net] channels=%d: images have 3 channels (color) or are read as 1 (gray)\n",
                cfgfile, net->c);
    else
        fprintf(stderr, "%s: [net] width=%d, height=%d: a classifier of images needs both\n",
                cfgfile, net->w, net->h);
    exit(1);
}

void check_top(int top, int classes, const char *datacfg)
{
    if (top >= 1 && top <= classes) return;
    fprintf(stderr, "%s: top=%d: must be from 1 to %d, the number of classes\n", datacfg, top,
            classes);
    exit(1);
}

int check_labels(char **paths, int m, const char *list_name, char **labels, int k,
                 const char *labels_name)
{
    enum { SHOWN = 10 };
    int step = 1 + (int)((double)m * k / 3e7); /* so many comparisons take about a second */
    int wrong = 0;
    for (int i = 0; i < m; i += step) {
        int count = 0;
        for (int j = 0; j < k; ++j) count += strstr(paths[i], labels[j]) != NULL;
        if (count == 1 || (k == 1 && count == 0)) continue;
        if (++wrong > SHOWN) continue;
        fprintf(stderr, "%s: the path %s holds the label of %s", list_name, paths[i],
                count ? "several classes:" : "no class");
        for (int j = 0; j < k && count; ++j)
            if (strstr(paths[i], labels[j])) fprintf(stderr, " %s", labels[j]);
        fprintf(stderr, "\n");
    }
    if (!wrong) return step == 1;
    fprintf(stderr, "%s: %d of %d paths do not hold exactly one of the %d labels in %s\n",
            list_name, wrong, (m + step - 1) / step, k, labels_name);
    exit(1);
}

int class_of_path(const char *path, char **labels, int classes)
{
    for (int i = 0; i < classes; ++i)
        if (strstr(path, labels[i])) return i;
    return -1;
}
