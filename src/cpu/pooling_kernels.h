/* Max-pooling of a plane: compiled once for every instruction set (cpu_simd.h). */

/* 2x2 windows of stride 2 of a plane of even height and width, the most frequent: by rows of pairs
   first, so that all loops are over vectors. Of equal numbers the first wins, as in the general
   loop. */
SIMD_TARGET static void SIMD_NAME(maxpool_2x2)(const float *in, int at, int height, int width,
                                               float *out, int *indexes)
{
    float across[2][MOST_COLUMNS];
    int column[2][MOST_COLUMNS], half = width / 2;
    for (int i = 0; i < height / 2; ++i, in += 2 * width, at += 2 * width) {
        for (int row = 0; row < 2; ++row) {
            const float *p = in + row * width;
            for (int j = 0; j < half; ++j) {
                int right = p[2 * j + 1] > p[2 * j];
                across[row][j] = right ? p[2 * j + 1] : p[2 * j];
                column[row][j] = at + row * width + 2 * j + right;
            }
        }
        for (int j = 0; j < half; ++j) {
            int below = across[1][j] > across[0][j];
            *out++ = below ? across[1][j] : across[0][j];
            *indexes++ = below ? column[1][j] : column[0][j];
        }
    }
}
