/* num_priv.h - what the files of this room share. */
#ifndef PRIME_NUM_PRIV_H
#define PRIME_NUM_PRIV_H

/* num_gsl - switch off GSL's handler, which would abort. Called at every entry that reaches GSL; safe from
 * several threads, does its work once. */
void num_gsl(void);

#endif
