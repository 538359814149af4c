/* Checks of trees of classes. */
#define _GNU_SOURCE /* getline */
#include "class_tree.h"

#include "allocate.h"
#include "numbers.h"
#include "utils.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

enum { LONGEST_NAME = 255 };

/* NULL, or what is wrong with the line, of which `number` are above. *last is the parent of the
   line above and becomes this one's; is_parent says of the lines above whether they are one. */
static const char *line_fault(const char *line, long number, long *last, char *is_parent)
{
    size_t length = strcspn(line, " \t\r\n");
    if (length == 0 || length > LONGEST_NAME)
        return "must begin with a name of 1 to 255 characters";
    const char *text = line + length + strspn(line + length, " \t");
    long parent;
    size_t digits = strcspn(text, " \t\r\n");
    number_result result = read_whole(text, digits, -1, number - 1, &parent);
    if (result == NUMBER_MALFORMED || text[digits + strspn(text + digits, " \t\r\n")])
        return "must be a name and the number of its parent, nothing else";
    if (result == NUMBER_OUT_OF_RANGE)
        return "the parent must be -1 (none) or a line above, the first of which is 0";
    if (parent != *last && (parent == -1 || is_parent[parent]))
        return "the lines of one parent must follow each other";
    if (parent >= 0) is_parent[parent] = 1;
    *last = parent;
    return NULL;
}

long check_tree_file(const char *filename)
{
    FILE *file = fopen(filename, "r");
    if (!file) {
        fprintf(stderr, "\n%s: a tree of classes: %s\n", filename, strerror(errno));
        exit(1);
    }
    char *line = NULL, *is_parent = NULL;
    size_t size = 0;
    long number = 0, last = -1;
    while (getline(&line, &size, file) >= 0) {
        is_parent = reallocate(is_parent, (size_t)number + 1, 1);
        is_parent[number] = 0;
        const char *fault = line_fault(line, number, &last, is_parent);
        if (fault) {
            fprintf(stderr, "\n%s, line %ld: a tree of classes: %s\n", filename, number + 1, fault);
            exit(1);
        }
        ++number;
    }
    free(line);
    free(is_parent);
    fclose(file);
    if (number == 0) {
        fprintf(stderr, "\n%s: a tree of classes: it has no lines\n", filename);
        exit(1);
    }
    return number;
}

tree *get_label_tree(const network *net, char *filename, const char *datacfg)
{
    if (!filename) return net->hierarchy;
    if (!net->hierarchy) {
        fprintf(stderr,
                "%s: tree=%s: needs a network whose [softmax] has a tree=; other losses, "
                "[smooth_topk] too, have none\n",
                datacfg, filename);
        exit(1);
    }
    tree *labels = read_tree(filename);
    if (labels->n == net->outputs) return labels;
    fprintf(stderr, "%s: tree=%s: has %d classes, but the network has %d outputs\n", datacfg,
            filename, labels->n, net->outputs);
    exit(1);
}

void choose_leaves(const network *net, char *filename, const char *datacfg)
{
    if (!filename) return;
    if (!net->hierarchy) {
        fprintf(stderr, "%s: leaves=%s: needs a network with a tree=\n", datacfg, filename);
        exit(1);
    }
    change_leaves(net->hierarchy, filename);
    for (int i = 0; i < net->hierarchy->n; ++i)
        if (net->hierarchy->leaf[i]) return;
    fprintf(stderr, "%s: leaves=%s: names none of the tree's classes\n", datacfg, filename);
    exit(1);
}
