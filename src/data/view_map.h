/* Which part of an image a view shows: the map from the view's pixels to the image's. */
#ifndef VIEW_MAP_H
#define VIEW_MAP_H

/* VIEW_RANDOM: a crop, turned, scaled and moved at random, as Darknet's random_augment_image; for a
   view that is not square, of the image in gray of the view's shape. VIEW_CENTER: of a square view
   the square center, else as VIEW_LETTERBOX: all of the image in the middle of gray.
   VIEW_STRETCHED: all of it, in the view's shape. */
enum { VIEW_CENTER, VIEW_LETTERBOX, VIEW_STRETCHED, VIEW_RANDOM };

/* A view of w x h pixels, independent of the image. The other numbers are those of a random one. */
typedef struct {
    int kind, w, h;
    int flip;              /* mirrored; of every kind */
    int width;             /* in pixels, of the crop scaled: min_crop to max_crop */
    float aspect, radians; /* more than 1: narrower; turned */
    float right, down;     /* where, from 0 to 1 */
} view_choice;

/* Pixel (x, y) of the view, from 0, is (ax x + bx y + cx, ay x + by y + cy) of the image, whole
   numbers at the pixels' middle. */
typedef struct {
    double ax, bx, cx, ay, by, cy;
    /* The part of the view that this holds for; the rest is gray. */
    int left, top, columns, rows;
    /* What is beyond the image's edges: the nearest pixel of it if `extends`, else gray up to the
       edges of this box, in pixels of the image (the first one's edges are 0 and 1), then black. */
    int extends;
    double box_left, box_right, box_top, box_bottom;
} view_map;

/* The map for an image of width x height. */
view_map map_view(const view_choice *choice, int width, int height);

/* `map` leads to an upright image; makes it lead to the file's pixels, width x height, which an
   EXIF orientation of 1 to 8 turns upright. */
void map_to_file(view_map *map, int orientation, int width, int height);

/* The smallest of 1, 2, 4 and 8 eighths of the image's resolution that leaves its pixels no larger
   than the view's. */
int eighths_needed(const view_map *map);

/* Makes the map lead to the image at this many eighths of its resolution. */
void reduce_map(view_map *map, int eighths);

/* Columns and rows of an image that a view needs, each first and end. */
typedef struct {
    int left, right, top, bottom;
} view_window;

/* Those of an image of width x height, at the map's scale; at least one pixel. */
view_window find_window(const view_map *map, int width, int height);

#endif
