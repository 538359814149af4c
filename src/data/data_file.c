/* A .data file: the lists, labels and numbers that it names. */
#include "data_file.h"

#include "data_checks.h"
#include "numbers.h"
#include "option_list.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

data_file read_data_file(char *name)
{
    return (data_file){name, read_data_cfg(name)};
}

char *data_text(const data_file *data, char *option, char *by_default)
{
    return option_find_str(data->options, option, by_default);
}

char *data_path(const data_file *data, char *option, char *by_default)
{
    char *path = data_text(data, option, NULL);
    if (path) return path;
    if (!access(by_default, R_OK)) return data_text(data, option, by_default);
    fprintf(stderr, "%s: %s= is missing, and its default, %s, cannot be read: %s\n", data->name,
            option, by_default, strerror(errno));
    exit(1);
}

char *data_labels_path(const data_file *data)
{
    return data_path(data, "labels", "data/labels.list");
}

char *data_train_path(const data_file *data)
{
    return data_path(data, "train", "data/train.list");
}

char *data_valid_path(const data_file *data)
{
    return data_path(data, "valid", "data/train.list");
}

int data_number(const data_file *data, char *option, int by_default)
{
    char *text = data_text(data, option, NULL);
    long value;
    if (!text) return option_find_int(data->options, option, by_default); /* which says so */
    if (read_whole(text, strlen(text), INT_MIN, INT_MAX, &value) == NUMBER_READ) return (int)value;
    fprintf(stderr, "%s: %s=%s: must be a whole number\n", data->name, option, text);
    exit(1);
}

char **data_labels(const data_file *data, int classes)
{
    return get_class_labels(data_labels_path(data), classes);
}

char **data_names(const data_file *data, int classes)
{
    char *names = data_text(data, "names", NULL);
    return get_class_labels(names ? names : data_labels_path(data), classes);
}
