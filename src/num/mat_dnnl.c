/* mat_dnnl.c - products by oneDNN. The library spreads a product over the threads of OpenMP, whose number is
 * kept by each calling thread: it is one here, so that no team is ever started. */
#include "mat_priv.h"

#include <assert.h>
#include <oneapi/dnnl/dnnl.h>
#include <stdio.h>
#include <threads.h>

/* Of the OpenMP library that oneDNN brings; its header belongs to compilers. */
extern void omp_set_num_threads(int n);

static void dnnl_one_thread(void)
{
    static _Thread_local bool done;
    if (!done) omp_set_num_threads(1);
    done = true;
}

enum {
    FEW_OUTPUTS = 32,
    FEW_ROWS = 16,
    SOME_ROWS = 8,
    SHORT_SUM = 32,
    LITTLE_WORK = 1 << 18,
    LESS_WORK = 1 << 16
};

/* Where OpenBLAS was measured to be faster (AVX-512, both libraries on one thread). */
static bool blas_faster(bool ta, bool tb, size_t m, size_t n, size_t k)
{
    if (k == 0 || n < FEW_OUTPUTS) return true;
    if ((tb || m < FEW_ROWS) && mat_blas_piece(ta, tb, m, n, k) > 0) return true;
    if (m < FEW_ROWS) return tb && m >= SOME_ROWS && k < SHORT_SUM;
    return m * n * k < (size_t)(tb && k < SHORT_SUM ? LESS_WORK : LITTLE_WORK);
}

static void dnnl_mul(bool ta, bool tb, float *c, size_t ldc, const float *a, size_t lda, const float *b,
                     size_t ldb, size_t m, size_t n, size_t k, float alpha, float beta)
{
    if (blas_faster(ta, tb, m, n, k)) {
        mat_blas_mul(ta, tb, c, ldc, a, lda, b, ldb, m, n, k, alpha, beta);
        return;
    }
    dnnl_one_thread();
    dnnl_status_t s = dnnl_sgemm(ta ? 'T' : 'N', tb ? 'T' : 'N', (dnnl_dim_t)m, (dnnl_dim_t)n, (dnnl_dim_t)k,
                                 alpha, a, (dnnl_dim_t)lda, b, (dnnl_dim_t)ldb, beta, c, (dnnl_dim_t)ldc);
    /* Nothing was written where it found no memory. */
    if (s != dnnl_success) mat_blas_mul(ta, tb, c, ldc, a, lda, b, ldb, m, n, k, alpha, beta);
}

static void dnnl_begin(void)
{
    dnnl_one_thread();
}

static bool dnnl_preferred(void)
{
#ifdef __x86_64__
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw");
#else
    return false;
#endif
}

static const struct {
    dnnl_cpu_isa_t isa;
    const char *name;
} isa_names[] = {{dnnl_cpu_isa_avx512_core_amx, "avx512_core_amx"},
                 {dnnl_cpu_isa_avx512_core_bf16, "avx512_core_bf16"},
                 {dnnl_cpu_isa_avx512_core_vnni, "avx512_core_vnni"},
                 {dnnl_cpu_isa_avx512_core, "avx512_core"},
                 {dnnl_cpu_isa_avx2, "avx2"},
                 {dnnl_cpu_isa_avx, "avx"},
                 {dnnl_cpu_isa_sse41, "sse41"}};

static char kernel_text[64], library_text[192];

static void dnnl_texts(void)
{
    const dnnl_version_t *v = dnnl_version();
    dnnl_cpu_isa_t isa = dnnl_get_effective_cpu_isa();
    const char *name = "generic";
    for (size_t i = sizeof isa_names / sizeof isa_names[0]; i-- > 0;)
        if ((isa & isa_names[i].isa) == isa_names[i].isa) name = isa_names[i].name;
    snprintf(kernel_text, sizeof kernel_text, "%s + %s", name, mat_openblas.kernel());
    snprintf(library_text, sizeof library_text, "oneDNN %d.%d.%d, %s", v->major, v->minor, v->patch,
             mat_openblas.library());
}

static once_flag texts_once = ONCE_FLAG_INIT;

static const char *dnnl_kernel(void)
{
    call_once(&texts_once, dnnl_texts);
    return kernel_text;
}

static const char *dnnl_library(void)
{
    call_once(&texts_once, dnnl_texts);
    return library_text;
}

const MatBackend mat_onednn = {.name = "onednn",
                               .begin = dnnl_begin,
                               .preferred = dnnl_preferred,
                               .mul = dnnl_mul,
                               .kernel = dnnl_kernel,
                               .library = dnnl_library};
