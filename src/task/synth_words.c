/* synth_words.c - small tables of words. Changing one changes every synthetic dataset. */
#include "synth_priv.h"

const char *const synth_tag[SYNTH_TAGS] = {"gardens", "boats", "music", "kitchen", "weather",
                                           "trains",  "chess", "bread", "stars",   "wool"};

const char *const synth_topic[SYNTH_TAGS][SYNTH_TOPIC_WORDS] = {
    {"a hedge", "wet soil", "a row of beans", "old roses", "a compost heap", "a rusty spade", "apple trees",
     "a greenhouse"},
    {"a mast", "torn sails", "a wooden hull", "an anchor", "a quiet harbour", "low tide", "a long oar",
     "tarred rope"},
    {"a cello", "a slow waltz", "broken strings", "a brass band", "a choir", "an old piano", "a drum roll",
     "sheet music"},
    {"a copper pan", "onion soup", "a blunt knife", "hot oil", "a larder", "a chopping board", "plum jam",
     "a pepper mill"},
    {"a thunderstorm", "first frost", "a warm front", "hail", "thick fog", "a dry spring", "gusts of wind",
     "a rain gauge"},
    {"a signal box", "a sleeper car", "a steam engine", "a late express", "narrow gauge", "a level crossing",
     "a timetable", "coal dust"},
    {"a lost bishop", "an open file", "a knight fork", "a drawn endgame", "a chess clock", "a pawn storm",
     "a bold gambit", "a quiet move"},
    {"rye flour", "a sour starter", "a stone oven", "a crisp crust", "slow dough", "a baker's peel",
     "poppy seeds", "a proving basket"},
    {"a comet", "a small telescope", "a lunar eclipse", "the north star", "a dark sky", "a meteor shower",
     "Saturn's rings", "a star chart"},
    {"a loom", "fine yarn", "a knitted scarf", "sheep shears", "natural dye", "a spindle", "felt slippers",
     "a cable stitch"},
};

const char *const synth_verdict[SYNTH_TIERS][SYNTH_TIER_WORDS] = {
    {"useless", "a disgrace", "broken within a day", "the worst I have owned", "a waste of money",
     "dangerous"},
    {"disappointing", "flimsy", "poorly made", "not worth the price", "clumsy", "a nuisance"},
    {"average", "acceptable", "neither good nor bad", "fine for a while", "ordinary", "as expected"},
    {"good", "well made", "reliable", "a sound choice", "pleasant to use", "better than most"},
    {"perfect", "a joy every day", "the best I have owned", "flawless", "worth twice the price", "brilliant"},
};

const char *const synth_stars[SYNTH_TIERS] = {"1", "2", "3", "4", "5"};

#define LIST(name, ...)                                     \
    static const char *const name##_word[] = {__VA_ARGS__}; \
    const SynthList synth_##name = {name##_word, sizeof name##_word / sizeof name##_word[0]}

LIST(syllables, "ka", "lo", "mi", "ren", "tu", "sa", "vel", "dor", "ni", "pa", "gru", "fen", "hal", "ber",
     "ox", "qui", "sto", "wen", "yar", "zim", "cor", "dee", "eld", "gam");
LIST(products, "kettle", "lamp", "rucksack", "radio", "bicycle pump", "tent", "clock", "toaster", "chair",
     "torch", "umbrella", "camera", "heater", "drill", "scale", "flask");
LIST(parts, "handle", "lid", "battery", "switch", "strap", "manual", "hinge", "cable", "finish", "base",
     "button", "lining");
LIST(openers, "Honestly,", "Well,", "As usual,", "After much thought,", "In short,", "To be fair,",
     "My wife says", "For the record,");
LIST(uses, "in the garage", "on a long walk", "at my desk", "on every holiday", "in the rain",
     "for a whole winter", "with small children", "on a night shift", "in a tiny flat", "twice a week");
LIST(deeds, "opens", "closes", "sells", "repairs", "loses", "finds", "buys", "paints", "moves", "rebuilds",
     "defends", "abandons");
LIST(objects, "the old mill", "a stone bridge", "its ferry", "the town archive", "a clock tower",
     "the fish market", "two lighthouses", "the night bus", "a public bath", "the tram depot",
     "its weather station", "a row of cottages");
LIST(places, "in the north", "by the river", "near the border", "on the coast", "in the old town",
     "up the valley", "behind the station", "on the island");
LIST(reasons, "after a long vote", "because money ran out", "against the mayor's advice",
     "to everyone's surprise", "for the first time in decades", "following a flood", "before winter comes",
     "with borrowed tools", "at the request of pupils", "as prices rise");
LIST(feelings, "so happy", "quite tired", "very proud", "a little lost", "truly grateful", "rather bored",
     "wide awake", "too excited");
LIST(times, "this morning", "tonight", "all weekend", "since Monday", "before breakfast", "again today",
     "after work", "at last");
