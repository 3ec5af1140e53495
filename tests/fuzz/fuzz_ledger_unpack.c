/* fuzz_ledger_unpack.c - any bytes as a ledger that another process has sent: refused with a message, or
 * walked from end to end. What fuzz_ledger.c does without files and reports, and so many times as often. */
#include "fuzz_ledger.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Ledger *l = NULL;
    Err e = {0};
    if (size > LEDGER_FUZZ_MAX) return 0;
    if (ledger_unpack(&l, data, size, &e) == OK)
        ledger_walk(l);
    else if (e.msg[0] == '\0' || l != NULL)
        abort();
    ledger_close(l);
    return 0;
}
