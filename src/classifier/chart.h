/* The picture of -chart: top 1, top k and loss of a training run so far. */
#ifndef CHART_H
#define CHART_H

#include "training_log.h"

typedef struct chart chart;

/* A chart that will be drawn into filename, an SVG; k as in top k. Begins with the rows of a CSV
   file of -log, NULL for none. Ends the program with exit code 1 where the file cannot be written
   or is there already and no SVG. Without gnuplot a line says so and how to get it, and nothing is
   drawn. */
chart *open_chart(const char *filename, int k, const char *log);

/* Adds a row and draws all of them. Where that fails a line says so once; training goes on. */
void draw_chart(chart *c, const log_row *row);

#endif
