/* crew_wire.h - messages by MPI, for the thread that speaks it. */
#ifndef PRIME_CREW_WIRE_H
#define PRIME_CREW_WIRE_H

#include "crew_msg.h"

#ifdef PRIME_MPI
#define OMPI_SKIP_MPICXX 1
#include <mpi.h>

/* wire_wait - until a request is done, with naps. */
void wire_wait(MPI_Request *r);

/* wire_line - the line to all others, on which what is sent may be on its way for as long as the other one
 * does not ask. wire_flush - until all that was sent has arrived. */
Line wire_line(void);
void wire_flush(void);

#endif
#endif
