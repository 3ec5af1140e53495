#include "naive.h"
Test(perpcs, none){}
