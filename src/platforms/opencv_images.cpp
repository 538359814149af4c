/* Darknet's windows and video streams through OpenCV 3 or 4, whose C++ interface is the same; in
   place of upstream's image_opencv.cpp, whose C interface ended with OpenCV 3. */
#ifdef OPENCV

#include <stdlib.h>
#include <string.h>

#include <opencv2/opencv.hpp>

#include "image.h"

using namespace cv;

extern "C" {

/* Values between 0 and 1, planes of red, green and blue, as 8 bits, blue, green, red. */
Mat image_to_mat(image im)
{
    image copy = copy_image(im);
    constrain_image(copy);
    if (im.c == 3) rgbgr_image(copy);
    Mat m(im.h, im.w, CV_8UC(im.c));
    for (int y = 0; y < im.h; ++y) {
        unsigned char *row = m.ptr(y);
        for (int x = 0; x < im.w; ++x)
            for (int c = 0; c < im.c; ++c)
                row[x * im.c + c] =
                    (unsigned char)(255 * copy.data[c * im.h * im.w + y * im.w + x]);
    }
    free_image(copy);
    return m;
}

image mat_to_image(Mat m)
{
    int h = m.rows, w = m.cols, channels = m.channels();
    image im = make_image(w, h, channels);
    for (int y = 0; y < h; ++y) {
        const unsigned char *row = m.ptr(y);
        for (int c = 0; c < channels; ++c)
            for (int x = 0; x < w; ++x)
                im.data[c * w * h + y * w + x] = row[x * channels + c] / 255.;
    }
    if (channels >= 3) rgbgr_image(im);
    return im;
}

/* channels: 1, 3, or 0: as the file has them. A picture of 10 x 10 for a file that OpenCV cannot
   read, as upstream gives. */
image load_image_cv(char *filename, int channels)
{
    Mat m = imread(filename, channels == 3   ? IMREAD_COLOR
                             : channels == 1 ? IMREAD_GRAYSCALE
                                             : IMREAD_UNCHANGED);
    return m.data ? mat_to_image(m) : make_image(10, 10, 3);
}

/* f: a file, or NULL for the camera c; w, h, fps: 0 leaves it. NULL if it cannot be opened. */
void *open_video_stream(const char *f, int c, int w, int h, int fps)
{
    VideoCapture *stream = f ? new VideoCapture(f) : new VideoCapture(c);
    if (!stream->isOpened()) {
        delete stream;
        return NULL;
    }
    if (w) stream->set(CAP_PROP_FRAME_WIDTH, w);
    if (h) stream->set(CAP_PROP_FRAME_HEIGHT, h);
    if (fps) stream->set(CAP_PROP_FPS, fps);
    return stream;
}

/* An image without data at the stream's end. */
image get_image_from_stream(void *stream)
{
    Mat m;
    *(VideoCapture *)stream >> m;
    return m.empty() ? make_empty_image(0, 0, 0) : mat_to_image(m);
}

/* Returns the key that was pressed within ms milliseconds, or -1. */
int show_image_cv(image im, const char *name, int ms)
{
    imshow(name, image_to_mat(im));
    int key = waitKey(ms);
    return key == -1 ? -1 : key % 256;
}

void make_window(char *name, int w, int h, int fullscreen)
{
    namedWindow(name, WINDOW_NORMAL);
    if (fullscreen) {
        setWindowProperty(name, WND_PROP_FULLSCREEN, WINDOW_FULLSCREEN);
        return;
    }
    resizeWindow(name, w, h);
    if (strcmp(name, "Demo") == 0) moveWindow(name, 0, 0);
}
}

#endif
