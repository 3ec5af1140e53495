/* synth_lamp_words.c - small tables of words for LaMP's labels. Changing one changes every such dataset. */
#include "synth_priv.h"

const char *const synth_film[SYNTH_LAMP_LABELS][SYNTH_LAMP_WORDS] = {
    {"a derelict starship", "a colony on Mars", "a thinking machine", "an alien signal"},
    {"a chapter read aloud", "a plot from a famous novel", "pages that come alive", "a faithful retelling"},
    {"a ruined wedding cake", "two hopeless burglars", "a chain of mix-ups", "a talking parrot"},
    {"a chase over rooftops", "an exploding bridge", "a fight on a train", "a daring rescue"},
    {"a guest who was dead all along", "a narrator who lied", "a secret twin", "a letter that changes all"},
    {"a city behind a wall", "rationed water", "a ministry of silence", "numbers instead of names"},
    {"a funeral gone wrong", "a cheerful hangman", "jokes about a poison", "a polite murder"},
    {"a black and white ballroom", "a star of the silent days", "an orchestra in the pit",
     "a velvet curtain"},
    {"a doctor of dreams", "a mind that splits", "a childhood fear", "sessions on a couch"},
    {"a dragon's egg", "a cursed ring", "a wizard's apprentice", "a door to another realm"},
    {"a kiss in the rain", "letters between lovers", "a missed wedding", "a summer by the lake"},
    {"a debate on free will", "a question without answer", "a long silence", "a choice between two truths"},
    {"a strike at the mill", "an unfair court", "a village cut in two", "a family without papers"},
    {"a blood feud", "a brutal duel", "a broken bottle", "a gang at war"},
    {"events of a real winter", "a miner who survived", "a trial as it happened", "a forgotten inventor"},
};

const char *const synth_news[SYNTH_LAMP_LABELS][SYNTH_LAMP_WORDS] = {
    {"a night train to the coast", "a cheap hostel", "a lost suitcase", "a ferry timetable"},
    {"a new school roof", "a spelling test", "a shortage of teachers", "evening classes"},
    {"a newborn's first night", "a playground dispute", "a bedtime routine", "a pushchair ban"},
    {"a winter coat", "a barber's advice", "a shade of lipstick", "linen trousers"},
    {"a sold-out concert", "a talk show host", "a film premiere", "a comedian's tour"},
    {"a plum tart", "a bottle of cider", "a bakery's secret", "a spicy stew"},
    {"a new telescope", "a faster chip", "a robot arm", "a vaccine trial"},
    {"a bank merger", "rising rents", "a family firm", "a bankrupt airline"},
    {"a late goal", "a broken record", "a sacked coach", "a cup final"},
    {"a walk before breakfast", "better sleep", "a salt-free diet", "breathing exercises"},
    {"a women's shelter", "a first female captain", "equal wages", "a mothers' union"},
    {"a hung parliament", "a minister's resignation", "a recount", "a leaked memo"},
    {"a jewel theft", "a forged passport", "a hit and run", "a prison break"},
    {"a museum's new wing", "a lost fresco", "a string quartet", "a poetry prize"},
    {"a cathedral choir", "a pilgrims' road", "a new abbot", "a fast before the feast"},
};

const char *const synth_verb[SYNTH_TOPIC_WORDS] = {"measure", "compare", "model",  "classify",
                                                   "revisit", "predict", "survey", "simulate"};
