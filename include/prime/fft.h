/* fft.h - convolution of a sequence with itself through the discrete Fourier transform (GSL, radix 2). */
#ifndef PRIME_FFT_H
#define PRIME_FFT_H

#include <stddef.h>

/* fft_self_convolve - x [n] becomes its circular convolution with itself, `times` factors in all: x itself at
 * times = 1. n is a power of two. Entries that should be zero come out within about times * 1e-16 of it,
 * times the sum of |x|. Cost: O(n log n). */
void fft_self_convolve(double *x, size_t n, size_t times);

#endif
