/* Rows of a training run in a CSV file. */
#define _GNU_SOURCE /* open_memstream, getline */
#include "training_log.h"

#include "allocate.h"
#include "earlier_run.h"
#include "file_replacement.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_START "batch,epoch,loss,rate,top1,top"

struct training_log {
    char *filename;
    char *text;     /* all of the file: header and rows */
    size_t length;  /* of the text */
    size_t written; /* how much of it is in the file */
    size_t first;
    int several; /* labels an image: rows end with their figures */
};

static void refuse(const char *filename, int error)
{
    fprintf(stderr, "-log %s: cannot be written: %s\n", filename, strerror(error));
    exit(1);
}

static void add_text(training_log *log, const char *text)
{
    size_t n = strlen(text);
    log->text = reallocate(log->text, log->length + n + 1, 1);
    memcpy(log->text + log->length, text, n + 1);
    log->length += n;
}

int read_log_row(const char *line, log_row *row)
{
    row->top1 = row->topk = -1;
    if (!strchr(line, '\n')) return 0;
    if (sscanf(line, "%zu,%lf,%lf,%lf,%lf,%lf,%lf", &row->batch, &row->epoch, &row->loss,
               &row->rate, &row->top1, &row->topk, &row->seconds) == 7)
        return 1;
    row->top1 = row->topk = -1;
    return sscanf(line, "%zu,%lf,%lf,%lf,,,%lf", &row->batch, &row->epoch, &row->loss, &row->rate,
                  &row->seconds) == 5;
}

/* Keeps the rows of the file that are not after batch `first`. */
static void keep_rows(training_log *log, const char *header)
{
    FILE *file = fopen(log->filename, "r");
    char *line = NULL;
    size_t size = 0;
    log_row row;
    if (!file) return;
    if (getline(&line, &size, file) < 0 || strcmp(line, header) != 0) {
        fprintf(stderr, "-log %s: not the log of such a run: its first line should be %s",
                log->filename, header);
        exit(1);
    }
    while (getline(&line, &size, file) >= 0)
        if (read_log_row(line, &row) && row.batch <= log->first) add_text(log, line);
    free(line);
    fclose(file);
}

/* The rows of an earlier run stay in a file of their own. */
static void keep_earlier_rows(const char *filename)
{
    char *line = NULL;
    size_t size = 0;
    log_row row;
    int rows = 0;
    if (!refuse_other_file("-log", filename, LOG_START, "", "a log of classifier train")) return;
    FILE *file = fopen(filename, "r");
    while (file && !rows && getline(&line, &size, file) >= 0) rows = read_log_row(line, &row);
    free(line);
    if (file) fclose(file);
    if (!rows) return;
    char *kept = keep_earlier_file(filename);
    fprintf(stderr, "-log %s has the rows of an earlier run; they are now in %s\n", filename, kept);
    free(kept);
}

training_log *open_training_log(const char *filename, int k, int several, size_t first)
{
    char header[160];
    file_replacement r;
    training_log *log = allocate(1, sizeof *log);
    log->filename = print_text("%s", filename);
    log->first = first;
    log->several = several;
    snprintf(header, sizeof header, LOG_START "%d,seconds", k);
    if (several)
        snprintf(header + strlen(header), sizeof header - strlen(header),
                 ",precision%d,map,lrap,ranking_loss", k);
    strcat(header, "\n");
    add_text(log, header);
    if (first)
        keep_rows(log, header);
    else
        keep_earlier_rows(filename);
    int error = begin_replacement(&r, filename);
    if (error) refuse(filename, error);
    fputs(log->text, r.file);
    error = end_replacement(&r, 1);
    if (error) refuse(filename, error);
    log->written = log->length;
    return log;
}

/* The last row of the text, or the last of that batch. Returns 1 if there is one. */
static int find_row(const training_log *log, size_t batch, int any, log_row *row)
{
    int found = 0;
    for (const char *line = strchr(log->text, '\n'); line && line[1];
         line = strchr(line + 1, '\n')) {
        log_row here;
        if (!read_log_row(line + 1, &here) || (!any && here.batch != batch)) continue;
        *row = here;
        found = 1;
    }
    return found;
}

double seconds_in_log(const training_log *log)
{
    log_row row;
    return find_row(log, 0, 1, &row) ? row.seconds : 0;
}

double topk_in_log(const training_log *log, size_t batch)
{
    log_row row;
    return find_row(log, batch, 0, &row) ? row.topk : -1;
}

/* Appends what is not in the file yet; a file that is not as it was left is written again. Returns
   0 or the error's number. */
static int append(training_log *log)
{
    struct stat s;
    FILE *file = fopen(log->filename, "a");
    if (!file) return errno;
    int regular = !fstat(fileno(file), &s) && S_ISREG(s.st_mode);
    if (regular && (size_t)s.st_size != log->written && !ftruncate(fileno(file), 0))
        log->written = 0;
    errno = 0;
    size_t n = log->length - log->written;
    int failed = fwrite(log->text + log->written, 1, n, file) != n || fflush(file) ||
                 (regular && fsync(fileno(file)));
    int error = failed ? (errno ? errno : EIO) : 0;
    /* A row that was written in part is removed, so that the next one begins a line. */
    if (error && regular && ftruncate(fileno(file), (off_t)log->written)) log->written = 0;
    if (fclose(file) && !error) error = errno;
    if (!error) log->written = log->length;
    return error;
}

void write_log_row(training_log *log, const log_row *row)
{
    char line[320], accuracies[64] = ",", rankings[96] = ",,,,";
    const ranking_figures *r = &row->ranking;
    if (row->topk >= 0) {
        snprintf(accuracies, sizeof accuracies, "%f,%f", row->top1, row->topk);
        snprintf(rankings, sizeof rankings, ",%f,%f,%f,%f", r->precisionk,
                 r->mean_average_precision, r->label_ranking_precision, r->ranking_loss);
    }
    snprintf(line, sizeof line, "%zu,%.3f,%f,%g,%s,%.1f%s\n", row->batch, row->epoch, row->loss,
             row->rate, accuracies, row->seconds, log->several ? rankings : "");
    add_text(log, line);
    int error = append(log);
    if (error)
        fprintf(stderr,
                "-log %s: cannot be written: %s; training goes on, the row follows with the next\n",
                log->filename, strerror(error));
}
