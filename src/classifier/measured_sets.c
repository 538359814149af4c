/* Counts how often prediction sets hold the right class, and how large they are. */
#include "measured_sets.h"

#include "allocate.h"
#include "digest.h"
#include "list_half.h"
#include "utils.h"

#include <stdio.h>
#include <stdlib.h>

static void choose_images(measured_sets *m, char **paths, int count)
{
    if (!m->file.half) return;
    if (m->file.half != digest_texts(paths, count)) {
        fprintf(stderr,
                "%s is calibrated on half of a list that valid= is not now: all images of valid= "
                "are measured, and those that are in that half too make the sets look too good\n",
                m->filename);
        return;
    }
    m->is_left_out = draw_half(count);
}

measured_sets *begin_measured_sets(const char *filename, const sets_origin *origin, char **paths,
                                   int count)
{
    measured_sets *m = allocate(1, sizeof *m);
    m->filename = filename;
    m->file = load_sets(filename, origin);
    size_t classes = (size_t)m->file.sets.classes;
    m->coverage.classes = allocate(classes, sizeof *m->coverage.classes);
    m->coverage.with_size = allocate(classes + 1, sizeof *m->coverage.with_size);
    m->scores = allocate(classes, sizeof *m->scores);
    m->members = allocate(classes, sizeof *m->members);
    m->percentages = allocate(classes, sizeof *m->percentages);
    choose_images(m, paths, count);
    return m;
}

void measure_set(measured_sets *m, int number, int class, const float *output)
{
    const prediction_sets *sets = &m->file.sets;
    if (class < 0 || (m->is_left_out && m->is_left_out[number])) return;
    int size = find_set(sets, output, m->scores, m->members), covered = 0;
    if (size < 0) {
        fprintf(stderr, "image %d of valid=: the network's output has no score %s\n", number + 1,
                name_of_set_score(sets->score));
        exit(1);
    }
    for (int i = 0; i < size; ++i) covered |= m->members[i] == class;
    add_to_set_coverage(&m->coverage, class, covered, size);
    change_temperature(sets->classes, output, temperature_factor(&m->file), m->percentages);
    int best = max_index(m->percentages, sets->classes);
    add_to_reliability(&m->as_they_are, (double)output[best], best == class);
    add_to_reliability(&m->fitted, (double)m->percentages[best], best == class);
}

static double mean(long sum, long count)
{
    return count ? (double)sum / (double)count : 0;
}

void print_measured_sets(const measured_sets *m, char **names)
{
    const prediction_sets *sets = &m->file.sets;
    const set_counts *all = &m->coverage.all;
    double low = 0, high = 1;
    for (int i = 0; i < sets->classes; ++i) {
        const set_counts *c = m->coverage.classes + i;
        if (c->images)
            printf("sets of %s: %ld images, coverage %.2f %%, mean size %.2f\n", names[i],
                   c->images, 100 * mean(c->covered, c->images), mean(c->sizes, c->images));
    }
    if (all->images) share_interval(all->covered, all->images, &low, &high);
    printf(
        "sets: cover %g %%, score %s, %ld images: coverage %.2f %% (95 %% interval %.2f to %.2f), "
        "mean size %.2f, median %g, largest %d\n",
        100 * sets->cover, name_of_set_score(sets->score), all->images,
        100 * mean(all->covered, all->images), 100 * low, 100 * high, mean(all->sizes, all->images),
        median_set_size(&m->coverage, sets->classes),
        largest_set_size(&m->coverage, sets->classes));
    printf("percentages: calibration error %.2f %%", 100 * calibration_error(&m->as_they_are));
    if (m->file.fitted_temperature > 0)
        printf("; with temperature=%.4g of %s %.2f %%", m->file.fitted_temperature, m->filename,
               100 * calibration_error(&m->fitted));
    printf("\n");
}
