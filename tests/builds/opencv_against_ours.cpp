/* Images loaded through OpenCV are those that src/data/image_reader.c reads: bit for bit from PNG, and up to the
 * decoders' rounding from JPEG; an image survives the way to cv::Mat and back.
 *
 * usage: opencv_against_ours CHANNELS FILE...   Exits 1 at a difference, after naming it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <opencv2/opencv.hpp>
#include "image.h"

extern "C" {
#include "image_files.h"
cv::Mat image_to_mat(image im);
image mat_to_image(cv::Mat m);
}

static int compare(const char *name, image a, image b, double most)
{
    if (a.w != b.w || a.h != b.h || a.c != b.c) {
        printf("%s: %d x %d x %d and %d x %d x %d\n", name, a.w, a.h, a.c, b.w, b.h, b.c);
        return 1;
    }
    double worst = 0;
    for (int i = 0; i < a.w * a.h * a.c; ++i)
        worst = fmax(worst, 255 * fabs(a.data[i] - b.data[i]));
    printf("%s: largest difference %g of 255\n", name, worst);
    return !(worst <= most);
}

int main(int argc, char **argv)
{
    int wrong = 0;
    for (int i = 2; i < argc; ++i) {
        image seen = load_image_cv(argv[i], atoi(argv[1]));
        const char *why = "";
        image expected = try_load_image(argv[i], 0, 0, atoi(argv[1]), &why);
        wrong |= compare(argv[i], seen, expected, strstr(argv[i], ".jpg") ? 4 : 0);
        /* Upstream truncates when it goes to 8 bits. */
        if (seen.c == 3)
            wrong |= compare("to cv::Mat and back", mat_to_image(image_to_mat(seen)), seen, 1.001);
    }
    return wrong;
}
