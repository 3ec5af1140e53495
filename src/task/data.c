#include "prime/data.h"

const char *data_split_name(DataSplit s)
{
    static const char *const names[] = {"history", "query", "heldout"};
    return names[s];
}

const char *data_role_name(DataRole r)
{
    return r == DATA_BASE ? "base" : "audit";
}
