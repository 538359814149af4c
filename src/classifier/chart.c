/* The picture of -chart, drawn by gnuplot. */
#define _GNU_SOURCE /* getline */
#include "chart.h"

#include "allocate.h"
#include "file_replacement.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct chart {
    char *filename;
    int k;
    log_row *rows;
    size_t count, size;
    int quiet; /* there is no gnuplot, or it has failed */
};

static void add_row(chart *c, const log_row *row)
{
    /* A run that goes on begins again at an earlier batch. */
    while (c->count && c->rows[c->count - 1].batch >= row->batch) --c->count;
    if (c->count == c->size) {
        size_t size = 2 * c->size + 64;
        log_row *rows = realloc(c->rows, size * sizeof *rows);
        if (!rows) return;
        c->rows = rows;
        c->size = size;
    }
    c->rows[c->count++] = *row;
}

static void read_rows(chart *c, const char *log)
{
    char *line = NULL;
    size_t size = 0;
    FILE *file = fopen(log, "r");
    log_row row;
    while (file && getline(&line, &size, file) >= 0)
        if (read_log_row(line, &row)) add_row(c, &row);
    free(line);
    if (file) fclose(file);
}

static int have_gnuplot(void)
{
    return system("command -v gnuplot >/dev/null 2>&1") == 0;
}

static void refuse(const char *filename, int error)
{
    fprintf(stderr, "-chart %s: cannot be written: %s\n", filename, strerror(error));
    exit(1);
}

chart *open_chart(const char *filename, int k, const char *log)
{
    file_replacement tried;
    refuse_other_file("-chart", filename, "<", "<svg", "an SVG picture");
    int error = begin_replacement(&tried, filename);
    if (error) refuse(filename, error);
    end_replacement(&tried, 0);
    chart *c = allocate(1, sizeof *c);
    c->filename = print_text("%s", filename);
    c->k = k;
    if (log) read_rows(c, log);
    c->quiet = !have_gnuplot();
    if (c->quiet)
        fprintf(stderr,
                "-chart %s: not drawn without gnuplot; install it with: apt-get install "
                "--no-install-recommends gnuplot-nox\n",
                filename);
    return c;
}

enum { TOP_1, TOP_K, LOSS };

static double row_value(const log_row *row, int what)
{
    return what == LOSS ? row->loss : 100 * (what == TOP_K ? row->topk : row->top1);
}

/* The row whose weights are kept as the best: the first of those with the best top k. NULL without
   a validation. */
static const log_row *best_row(const chart *c)
{
    const log_row *best = NULL;
    for (const log_row *r = c->rows; r < c->rows + c->count; ++r)
        if (r->topk >= 0 && (!best || r->topk > best->topk)) best = r;
    return best;
}

/* One panel over batches. Of an accuracy the best weights have a ring. */
static void draw_panel(const chart *c, FILE *gnuplot, int what, const char *title)
{
    const log_row *best = what == LOSS ? NULL : best_row(c);
    fprintf(gnuplot, "set title '%s'\n$rows << EOD\n", title);
    for (const log_row *r = c->rows; r < c->rows + c->count; ++r)
        if (what == LOSS || r->topk >= 0)
            fprintf(gnuplot, "%zu %g\n", r->batch, row_value(r, what));
    fprintf(gnuplot, "EOD\n");
    if (best) fprintf(gnuplot, "$best << EOD\n%zu %g\nEOD\n", best->batch, row_value(best, what));
    fprintf(gnuplot,
            "plot $rows using 1:2 with linespoints linewidth 2 pointtype 7 pointsize 0.4 "
            "linecolor rgb '#0072b2'%s\n",
            best ? ", $best using 1:2 with points pointtype 6 pointsize 1.3 linewidth 2 "
                   "linecolor rgb '#d55e00'"
                 : "");
}

/* Percent, and of the accuracy that best weights are chosen by which are the best. */
static void draw_accuracy(const chart *c, FILE *gnuplot, int what)
{
    char title[128];
    const log_row *best = best_row(c);
    int k = what == TOP_K ? c->k : 1;
    if (best && k == c->k)
        snprintf(title, sizeof title, "validation top-%d, %%: best %.2f at batch %zu", k,
                 row_value(best, TOP_K), best->batch);
    else
        snprintf(title, sizeof title, "validation top-%d, %%", k);
    draw_panel(c, gnuplot, what, title);
}

/* A path in gnuplot's single quotes. */
static void print_path(FILE *gnuplot, const char *path)
{
    for (putc('\'', gnuplot); *path; ++path) {
        if (*path == '\'') putc('\'', gnuplot);
        putc(*path, gnuplot);
    }
    fprintf(gnuplot, "'\n");
}

static int has_accuracies(const chart *c)
{
    for (size_t i = 0; i < (size_t)c->count; ++i)
        if (c->rows[i].topk >= 0) return 1;
    return 0;
}

/* Into the file of that name. */
static int run_gnuplot(const chart *c, const char *filename)
{
    int panels = has_accuracies(c) ? (c->k > 1 ? 3 : 2) : 1;
    FILE *gnuplot = popen("gnuplot 2>/dev/null", "w");
    if (!gnuplot) return 0;
    fprintf(gnuplot, "set terminal svg size %d,330 background '#ffffff' noenhanced\nset output ",
            420 * panels);
    print_path(gnuplot, filename);
    fprintf(gnuplot,
            "set multiplot layout 1,%d\nset grid\nset key off\nset xlabel 'batches'\n"
            "set offsets 0, 0, graph 0.05, graph 0.05\nset xrange [0:%zu]\n",
            panels, c->rows[c->count - 1].batch);
    if (panels > 1) draw_accuracy(c, gnuplot, TOP_1);
    if (panels > 2) draw_accuracy(c, gnuplot, TOP_K);
    draw_panel(c, gnuplot, LOSS, "training loss, running mean");
    fprintf(gnuplot, "unset multiplot\n");
    int failed = ferror(gnuplot);
    return pclose(gnuplot) == 0 && !failed;
}

static int draw(const chart *c)
{
    file_replacement r;
    if (begin_replacement(&r, c->filename)) return 0;
    int drawn = run_gnuplot(c, r.temporary ? r.temporary : r.target);
    return !end_replacement(&r, drawn) && drawn;
}

void draw_chart(chart *c, const log_row *row)
{
    add_row(c, row);
    if (c->quiet || draw(c)) return;
    c->quiet = 1;
    fprintf(stderr, "-chart %s: cannot be drawn; training goes on without it\n", c->filename);
}
