/* metric_lamp.c - the tasks of the LaMP benchmark and their labels. LaMP_2 has been two tasks, of news and of
 * movies, so that it has no row of that name. */
#include "prime/metric.h"

#include <assert.h>
#include <string.h>

static const char *const citation[] = {"[1]", "[2]"};
static const char *const news[] = {"travel",
                                   "education",
                                   "parents",
                                   "style & beauty",
                                   "entertainment",
                                   "food & drink",
                                   "science & technology",
                                   "business",
                                   "sports",
                                   "healthy living",
                                   "women",
                                   "politics",
                                   "crime",
                                   "culture & arts",
                                   "religion"};
static const char *const movies[] = {"sci-fi",
                                     "based on a book",
                                     "comedy",
                                     "action",
                                     "twist ending",
                                     "dystopia",
                                     "dark comedy",
                                     "classic",
                                     "psychology",
                                     "fantasy",
                                     "romance",
                                     "thought-provoking",
                                     "social commentary",
                                     "violence",
                                     "true story"};

#define LABELS(list) list, sizeof list / sizeof list[0]
#define CHOICE           \
    {"accuracy", "f1"},  \
    {                    \
        "accuracy", "f1" \
    }
#define STARS         \
    {"mae", "rmse"},  \
    {                 \
        "MAE", "RMSE" \
    }
#define TEXT                 \
    {"rouge1", "rougeL"},    \
    {                        \
        "rouge-1", "rouge-L" \
    }

static const MetricLamp lamps[] = {
    {"LaMP_1", "which of two papers is cited", CHOICE, LABELS(citation)},
    {"LaMP_2N", "category of a news article", CHOICE, LABELS(news)},
    {"LaMP_2M", "tag of a movie", CHOICE, LABELS(movies)},
    {"LaMP_3", "rating of a product from its review", STARS, NULL, 0},
    {"LaMP_4", "headline of a news article", TEXT, NULL, 0},
    {"LaMP_5", "title of a paper from its abstract", TEXT, NULL, 0},
    {"LaMP_6", "subject of an e-mail", TEXT, NULL, 0},
    {"LaMP_7", "paraphrase of a tweet", TEXT, NULL, 0},
};

enum { N_LAMPS = sizeof lamps / sizeof lamps[0] };

size_t metric_lamp_count(void)
{
    return N_LAMPS;
}

const MetricLamp *metric_lamp_at(size_t i)
{
    assert(i < N_LAMPS);
    return &lamps[i];
}

const MetricLamp *metric_lamp(const char *name)
{
    for (size_t i = 0; i < N_LAMPS; i++)
        if (strcmp(lamps[i].name, name) == 0) return &lamps[i];
    return NULL;
}
