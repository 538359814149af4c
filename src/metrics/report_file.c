/* Writes a report by class as CSV or JSON. */
#include "report_file.h"

#include "allocate.h"
#include "file_replacement.h"
#include "quoted_text.h"

#include <stdlib.h>
#include <string.h>

/* A share from 0 to 1; `none` where it has no value. */
static void print_share(FILE *file, double share, int has_value, const char *none)
{
    if (has_value)
        fprintf(file, "%.6f", share);
    else
        fputs(none, file);
}

static void print_csv_row(FILE *file, const report_content *c, const char *name,
                          const class_figures *f, const set_counts *sets)
{
    int has_images = f->counts.images > 0;
    const double shares[] = {f->top1, f->topk, f->precision, f->recall, f->f1};
    const int has_value[] = {has_images, has_images, f->guessed > 0, has_images,
                             has_images || f->guessed > 0};
    print_csv_text(file, name);
    fprintf(file, ",%ld", f->counts.images);
    for (int i = 0; i < 5; ++i) {
        putc(',', file);
        print_share(file, shares[i], has_value[i], "");
    }
    putc(',', file);
    if (f->confused_with >= 0) print_csv_text(file, c->names[f->confused_with]);
    fprintf(file, ",%ld", f->confused);
    if (sets) {
        fprintf(file, ",%ld,", sets->images);
        double images = sets->images ? (double)sets->images : 1;
        print_share(file, (double)sets->covered / images, sets->images > 0, "");
        putc(',', file);
        print_share(file, (double)sets->sizes / images, sets->images > 0, "");
    }
    putc('\n', file);
}

static void write_csv(FILE *file, const report_content *c)
{
    fprintf(file, "class,images,top1,top%d,precision,recall,f1,confused_with,confused", c->k);
    if (c->coverage) fprintf(file, ",set_images,coverage,mean_set_size");
    putc('\n', file);
    for (int i = 0; i < c->classes; ++i) {
        class_figures f = figures_of_class(c->report, i);
        print_csv_row(file, c, c->names[i], &f, c->coverage ? c->coverage->classes + i : NULL);
    }
    class_figures mean = mean_figures(c->report);
    print_csv_row(file, c, "mean over classes", &mean, c->coverage ? &c->coverage->all : NULL);
}

static void print_json_share(FILE *file, const char *name, double share, int has_value)
{
    fprintf(file, ", \"%s\": ", name);
    print_share(file, share, has_value, "null");
}

static void print_json_figures(FILE *file, const class_figures *f)
{
    int has_images = f->counts.images > 0;
    print_json_share(file, "top1", f->top1, has_images);
    print_json_share(file, "topk", f->topk, has_images);
    print_json_share(file, "precision", f->precision, f->guessed > 0);
    print_json_share(file, "recall", f->recall, has_images);
    print_json_share(file, "f1", f->f1, has_images || f->guessed > 0);
}

static void print_json_set_counts(FILE *file, const set_counts *sets)
{
    double images = sets->images ? (double)sets->images : 1;
    print_json_share(file, "coverage", (double)sets->covered / images, sets->images > 0);
    print_json_share(file, "mean_set_size", (double)sets->sizes / images, sets->images > 0);
}

static void print_json_class(FILE *file, const report_content *c, int class)
{
    class_figures f = figures_of_class(c->report, class);
    fprintf(file, "{\"class\": ");
    print_json_text(file, c->names[class]);
    fprintf(file, ", \"images\": %ld", f.counts.images);
    print_json_figures(file, &f);
    fprintf(file, ", \"confused_with\": ");
    if (f.confused_with >= 0)
        print_json_text(file, c->names[f.confused_with]);
    else
        fprintf(file, "null");
    fprintf(file, ", \"confused\": %ld", f.confused);
    if (c->coverage) {
        fprintf(file, ", \"set_images\": %ld", c->coverage->classes[class].images);
        print_json_set_counts(file, c->coverage->classes + class);
    }
    fprintf(file, "}");
}

static void print_json_sets(FILE *file, const report_content *c)
{
    double low = 0, high = 1;
    const set_counts *all = &c->coverage->all;
    if (all->images) share_interval(all->covered, all->images, &low, &high);
    fprintf(file, ",\n\"sets\": {\"score\": \"%s\", \"cover\": %.10g, \"images\": %ld",
            name_of_set_score(c->sets->score), c->sets->cover, all->images);
    print_json_set_counts(file, all);
    fprintf(file,
            ", \"coverage_low\": %.6f, \"coverage_high\": %.6f, \"median_set_size\": %g, "
            "\"largest_set_size\": %d}",
            low, high, median_set_size(c->coverage, c->classes),
            largest_set_size(c->coverage, c->classes));
}

static void write_json(FILE *file, const report_content *c)
{
    report_counts all = count_all(c->report);
    class_figures mean = mean_figures(c->report);
    double images = all.images ? (double)all.images : 1;
    long *row = allocate((size_t)c->classes, sizeof *row);
    fprintf(file, "{\"images\": %ld, \"unread\": %ld, \"k\": %d", all.images, c->unread, c->k);
    print_json_share(file, "top1", (double)all.right / images, all.images > 0);
    print_json_share(file, "topk", (double)all.within / images, all.images > 0);
    print_json_share(file, "calibration_error", c->calibration_error, c->calibration_error >= 0);
    fprintf(file, ",\n\"mean_over_classes\": {\"images\": %ld", mean.counts.images);
    print_json_figures(file, &mean);
    fprintf(file, "}");
    if (c->coverage) print_json_sets(file, c);
    fprintf(file, ",\n\"classes\": [");
    for (int i = 0; i < c->classes; ++i) {
        fputs(i ? ",\n" : "\n", file);
        print_json_class(file, c, i);
    }
    fprintf(file, "\n],\n\"confusion\": [");
    for (int i = 0; i < c->classes; ++i) {
        confusion_row(c->report, i, row);
        fputs(i ? ",\n[" : "\n[", file);
        for (int j = 0; j < c->classes; ++j) fprintf(file, "%s%ld", j ? "," : "", row[j]);
        putc(']', file);
    }
    fprintf(file, "\n]}\n");
    free(row);
}

static int is_json(const char *filename)
{
    size_t length = strlen(filename);
    return length >= 5 && strcmp(filename + length - 5, ".json") == 0;
}

void refuse_other_report(const char *flag, const char *filename)
{
    refuse_other_file(flag, filename, is_json(filename) ? "{\"images\": " : "class,images,", "",
                      is_json(filename) ? "a report as JSON" : "a report as CSV");
}

int write_report_file(const char *filename, const report_content *content)
{
    file_replacement r;
    int error = begin_replacement(&r, filename);
    if (error) return error;
    if (is_json(filename))
        write_json(r.file, content);
    else
        write_csv(r.file, content);
    return end_replacement(&r, 1);
}
