/* Anchors with short records are trained in groups: each as alone, and the same bits whatever was there
 * before and on however many threads. */
#include "../../../src/run/audit_priv.h"

#include "world.h"

static Audit *anchors_trained(const World *w, const char *dir, bool resume, size_t threads)
{
    Audit *a = NULL;
    par_set_threads(threads);
    MUST(audit_open(&a, &w->spec, dir, NULL, &e_));
    MUST(audit_train(a, resume, &e_));
    par_set_threads(0);
    return a;
}

/* The adapter of one anchor and seed, trained by itself. */
static Lora *anchor_alone(const Audit *a, const AuditAnchor *s, size_t index)
{
    Lora *l = NULL;
    size_t seed = a->spec->seeds.x[index];
    TrainOpts o = spec_train(a->spec, seed);
    TrainDoc *doc = malloc(s->member.n * sizeof *doc);
    for (size_t i = 0; i < s->member.n; i++)
        doc[i] = (TrainDoc){s->member.r[i].full.ids, s->member.r[i].full.n, s->member.r[i].full.skip};
    MUST(audit_lora(&l, a, &e_));
    Rng rng = rng_stream(seed, s->user->id, 0);
    lora_init(l, &rng);
    MUST(train_lora(l, a->base, doc, s->member.n, &o, NULL, NULL, &e_));
    free(doc);
    return l;
}

Test(anchors, in_groups_equal_anchors_alone_and_resumed_ones, .timeout = 240)
{
    World w = world_of(40, 16);
    static const char *const more[] = {"anchors.pool=24", "adapter.batch=1"}; /* some forty tokens a step */
    w.spec = world_spec(&w, more, 2);
    char dir[PATH + 32];
    snprintf(dir, sizeof dir, "%s/run", w.dir);
    Audit *first = anchors_trained(&w, dir, false, 1);
    cr_assert_eq(first->n_anchors, 24u);
    for (size_t i = 0; i < first->n_anchors; i++) {
        const AuditAnchor *s = &first->anchor[i];
        Lora *alone = anchor_alone(first, s, i % first->n_train);
        const Lora *l = s->lora[i % first->n_train];
        double apart = 0, size = 0;
        for (size_t j = 0; j < l->n_params; j++) {
            double x = (double)alone->data[j], d = x - (double)l->data[j];
            apart += d * d;
            size += x * x;
        }
        /* steps magnify the rounding of products that have other numbers of rows */
        cr_assert_lt(sqrt(apart / size), 1e-4, "anchor %zu: %g", i, sqrt(apart / size));
        lora_free(alone);
    }
    char path[AUDIT_PATH], config[AUDIT_PATH + 32]; /* as if stopped within a group */
    MUST(audit_anchor_path(path, first, &first->anchor[5], 0, &e_));
    snprintf(config, sizeof config, "%s/adapter_config.json", path);
    cr_assert_eq(unlink(config), 0, "%s", config);
    Audit *again = anchors_trained(&w, dir, true, 3);
    for (size_t i = 0; i < first->n_anchors; i++)
        for (size_t k = 0; k < first->n_train; k++)
            cr_assert(lora_equal(first->anchor[i].lora[k], again->anchor[i].lora[k]), "anchor %zu", i);
    audit_close(first);
    audit_close(again);
    world_close(&w);
}
