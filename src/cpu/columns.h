#ifndef COLUMNS_H
#define COLUMNS_H

/* A convolution's images, as upstream's im2col sees them: `channels` planes of height x width,
   windows of size x size, zero outside. All >= 1, but pad >= 0. */
typedef struct {
    int channels, height, width, size, stride, pad;
    int out_height, out_width;
} column_shape;

/* Rows [first, end) of the outputs of one image: columns has channels * size * size rows of
   (end - first) * out_width floats. */
void columns_of_image(const column_shape *shape, const float *image, int first, int end,
                      float *columns);

/* The adjoint: adds the columns of output rows [first, end) to the image they came from. */
void add_columns_to_image(const column_shape *shape, const float *columns, int first, int end,
                          float *image);

#endif
