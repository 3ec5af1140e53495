#include "prime/fft.h"

#include "num_priv.h"

#include <assert.h>
#include <gsl/gsl_fft_halfcomplex.h>
#include <gsl/gsl_fft_real.h>

/* (re, im) to a whole power, by squaring: as many roundings as the power has bits. */
static void complex_power(double *re, double *im, size_t power)
{
    double a = *re, b = *im, x = 1, y = 0;
    for (size_t p = power; p > 0; p >>= 1) {
        double t = x;
        if (p & 1U) x = t * a - y * b, y = t * b + y * a;
        t = a;
        a = t * t - b * b;
        b = 2 * t * b;
    }
    *re = x;
    *im = y;
}

void fft_self_convolve(double *x, size_t n, size_t times)
{
    assert(n > 1 && (n & (n - 1)) == 0 && times > 0);
    num_gsl();
    gsl_fft_real_radix2_transform(x, 1, n);
    /* Real parts of frequencies 0 to n/2 lie in front, imaginary parts behind in reverse; those of 0 and n/2
     * are zero and have no place. */
    double zero = 0;
    complex_power(&x[0], &zero, times);
    zero = 0;
    complex_power(&x[n / 2], &zero, times);
    for (size_t i = 1; i < n / 2; i++) complex_power(&x[i], &x[n - i], times);
    gsl_fft_halfcomplex_radix2_inverse(x, 1, n);
}
