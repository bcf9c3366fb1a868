// The runtime as one unit: kernel text is compiled apart from it and linked to it. Order matters: each part uses
// those above it.
#include "state.h"

#include "switch.cpp"
#include "schedule.cpp"
#include "collectives.cpp"
#include "matrix.cpp"
#include "memory.cpp"
#include "race.cpp"
#include "hooks.cpp"
#include "faults.cpp"
#include "launch.cpp"
